"""Least privilege: the permissions of each role, equal in all templates and the guide, and sufficient for the function."""

import json
import re

import pytest
from templates import ALL, ECS, GATEWAY, ROLE, ROOT, deployed, of_type, read

# AWS managed policies that a template may attach: each serves one purpose, and AWS keeps it up to date.
MANAGED = {
    "AmazonAPIGatewayPushToCloudWatchLogs",
    "AWSAppRunnerServicePolicyForECRAccess",
    "AmazonECSTaskExecutionRolePolicy",
    "AmazonECSInfrastructureRoleforExpressGatewayServices",
}


def roles(path, **parameters):
    return {name: role["Properties"] for name, role in of_type(deployed(path, **parameters), "AWS::IAM::Role").items()}


def statements(role):
    return [statement for policy in role.get("Policies", []) for statement in policy["PolicyDocument"]["Statement"]]


def listed(value):
    return value if isinstance(value, list) else [value]


EVERY_ROLE = [(path, name) for path in ALL for name in of_type(read(path), "AWS::IAM::Role")]


def role_of(path, name):
    parameters = {"AccessLogs": "yes-and-set-up-account"} if path == GATEWAY else {}
    return roles(path, **parameters)[name]


@pytest.mark.parametrize("path, name", EVERY_ROLE, ids=lambda value: getattr(value, "name", value))
def test_each_role_lists_single_actions_and_resources(path, name):
    role = role_of(path, name)
    for statement in statements(role):
        assert statement["Effect"] == "Allow" and statement["Sid"]
        assert "NotAction" not in statement and "NotResource" not in statement
        for action in listed(statement["Action"]):
            assert re.fullmatch(r"[a-z0-9-]+:[A-Za-z]+", action), f"{action} is more than one action"
        for resource in listed(statement["Resource"]):
            assert isinstance(resource, dict) or resource.startswith("arn:"), resource
    for attached in role.get("ManagedPolicyArns", []):
        assert attached.rsplit("/", 1)[1] in MANAGED
    trusted, = role["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Action"] == "sts:AssumeRole"
    assert trusted["Principal"]["Service"].endswith(".amazonaws.com")


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_every_wildcard_has_a_comment_with_its_reason(path):
    lines = path.read_text().splitlines()
    wild = [at for at, line in enumerate(lines) if re.search(r"arn:\$\{.*[*]'", line)]
    for at in wild:
        before = "\n".join(lines[max(0, at - 8) : at])
        assert "wildcard" in before, f"line {at + 1}: say why the wildcard is needed"
    if path == GATEWAY:
        assert wild, "the check found no wildcard at all"


def policy_of(role):
    return {statement["Sid"]: statement for statement in statements(role)}


def test_role_template_and_output_have_the_same_policy():
    ours = policy_of(roles(GATEWAY)["FunctionRole"])
    alone = policy_of(roles(ROLE, ApiId="abc123")["FunctionRole"])
    printed = json.loads(deployed(GATEWAY)["Outputs"]["FunctionPolicy"]["Value"])
    assert json.loads(json.dumps(alone).replace(":abc123/", ":${Api}/")) == ours
    assert {statement["Sid"]: statement for statement in printed["Statement"]} == ours
    assert printed["Version"] == "2012-10-17"
    assert "execute-api:eu-central-1:123456789012:*/prod/POST/" in json.dumps(policy_of(roles(ROLE)["FunctionRole"]))


def test_the_function_is_allowed_exactly_its_calls():
    source = "".join(path.read_text() for path in (ROOT / "gateway-lambda/src").rglob("*.rs"))
    calls = set(re.findall(r"client\(\)\s*\.(\w+)\(\)", source)) | set(re.findall(r"\.client\(\)\.(\w+)\(\)", source))
    calls = {call for call in calls if call not in {"clone"}}
    actions = {action for statement in policy_of(roles(GATEWAY)["FunctionRole"]).values() for action in listed(statement["Action"])}
    table = {
        "get_item": "dynamodb:GetItem",
        "put_item": "dynamodb:PutItem",
        "update_item": "dynamodb:UpdateItem",
        "delete_item": "dynamodb:DeleteItem",
        "query": "dynamodb:Query",
    }
    assert table.keys() <= calls, "the check missed calls in the source"
    assert {table[call] for call in calls if call in table} == {action for action in actions if action.startswith("dynamodb:")}
    assert "execute-api:ManageConnections" in actions


def test_the_service_is_allowed_only_to_protect_its_tasks():
    (statement,) = statements(roles(ECS)["TaskRole"])
    assert statement["Action"] == ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"]
    assert statement["Resource"] == "arn:aws:ecs:eu-central-1:123456789012:task/termgate/*"


def test_the_function_is_allowed_to_write_only_its_own_log_group():
    template = deployed(GATEWAY)
    group = template["Resources"]["FunctionLogs"]["Properties"]["LogGroupName"]
    assert policy_of(roles(GATEWAY)["FunctionRole"])["WriteLogs"]["Resource"].endswith(f":log-group:{group}:*")
    function, = of_type(template, "AWS::Lambda::Function").values()
    assert function["Properties"]["LoggingConfig"]["LogGroup"] == {"Ref": "FunctionLogs"}
