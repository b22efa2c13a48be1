"""The parameter Environment: with it, every name of every template starts with it, so that dev and prod fit into one account."""

import json
import re

import pytest
from templates import ALL, APPRUNNER, ECS, GATEWAY, ROLE, deployed, read, refused

# Properties that name a resource in the account. Names of parts of an API or a role exist once in each of these.
NAMES = {
    "FunctionName", "TableName", "AlarmName", "DashboardName", "LogGroupName", "ClusterName", "ServiceName", "AutoScalingConfigurationName",
}


def names(template):
    """Each name that a template chooses, by resource and property; references to resources are followed."""
    found = {}
    for resource, declared in template["Resources"].items():
        properties = declared.get("Properties", {})
        for key in NAMES | ({"Name"} if declared["Type"] == "AWS::ApiGatewayV2::Api" else set()):
            value = properties.get(key)
            # A reference is the name of another resource, whose own name is checked.
            if isinstance(value, str) and not re.match(r"\$\{(Function|Connections)\}", value):
                found[resource, key] = value.removeprefix("/aws/lambda/").removeprefix("/aws/apigateway/").removeprefix("/ecs/")
    return found


@pytest.mark.parametrize("path", [GATEWAY, APPRUNNER, ECS], ids=lambda path: path.name)
def test_every_name_starts_with_the_environment(path):
    plain, ours = names(deployed(path)), names(deployed(path, Environment="dev"))
    assert plain and ours == {key: f"dev-{name}" for key, name in plain.items()}


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_no_text_has_the_name_of_another_environment(path):
    """Permissions, variables, dashboard and outputs name only resources of their own environment."""
    ours = json.dumps(deployed(path, Environment="dev"))
    for parameter in ("FunctionName", "TableName", "ApiName", "ServiceName"):
        declared = read(path)["Parameters"].get(parameter)
        # `termgate` is also the name of the authorizer and of the log's streams.
        for found in re.finditer(re.escape(declared["Default"]), ours) if declared and parameter != "ServiceName" else []:
            assert ours[: found.start()].endswith("dev-"), ours[found.start() - 60 : found.end() + 20]


def test_the_role_of_an_environment_permits_the_resources_of_that_environment():
    ours = deployed(GATEWAY, Environment="dev")["Resources"]["FunctionRole"]["Properties"]["Policies"]
    alone = deployed(ROLE, Environment="dev", ApiId="abc123")["Resources"]["FunctionRole"]["Properties"]["Policies"]
    assert json.loads(json.dumps(alone).replace(":abc123/", ":${Api}/")) == ours
    assert deployed(ECS, Environment="dev")["Resources"]["TaskRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][0]["Resource"].endswith(
        ":task/dev-termgate/*"
    )


def test_all_templates_take_the_same_environments():
    patterns = {(declared["AllowedPattern"], declared["Default"]) for declared in (read(path)["Parameters"]["Environment"] for path in ALL)}
    assert len(patterns) == 1
    for path in ALL:
        for fits in ("", "d", "dev", "Prod-2"):
            assert refused(path, Environment=fits) == []
        for wrong in ("dev-", "-dev", "a b", "seventeen-letters"):
            assert any("Environment: It must" in complaint for complaint in refused(path, Environment=wrong)), wrong
