"""Every template passes cfn-lint, the gateway also after SAM's translation; references are complete in every mode."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from templates import ALL, APPRUNNER, ECS, GATEWAY, ROLE_ARN, SECRET_ARN, deployed, translated

CFN_LINT = Path(sys.executable).parent / "cfn-lint"


def lint(path):
    return subprocess.run([CFN_LINT, "--region", "eu-central-1", "--", str(path)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_each_template_passes(path):
    result = lint(path)
    assert result.returncode == 0, result.stdout


def test_the_translated_gateway_passes(tmp_path):
    target = tmp_path / "translated.json"
    # The translator substitutes parameters even in branches that a condition excludes, so the role must be a valid ARN.
    target.write_text(json.dumps(translated(GATEWAY, ExistingLambdaRoleArn=ROLE_ARN)))
    result = lint(target)
    assert result.returncode == 0, result.stdout


def test_an_invalid_template_fails(tmp_path):
    target = tmp_path / "wrong.yaml"
    target.write_text(GATEWAY.read_text().replace("RouteKey: $connect", "RouteKye: $connect"))
    assert "RouteKye" in lint(target).stdout


MODES = [
    (GATEWAY, {}),
    (GATEWAY, {"ExistingLambdaRoleArn": ROLE_ARN}),
    (GATEWAY, {"AccessLogs": "no"}),
    (GATEWAY, {"AccessLogs": "yes-and-set-up-account"}),
    (GATEWAY, {"JwtSecretArn": "", "JwtPublicKey": "-----BEGIN PUBLIC KEY-----", "GatewaySecretArn": SECRET_ARN}),
    (APPRUNNER, {}),
    (APPRUNNER, {"Redis": "external", "RedisUrlSecretArn": SECRET_ARN}),
    (APPRUNNER, {"Redis": "elasticache", "VpcId": "vpc-01234567", "SubnetIds": "subnet-01234567"}),
    (APPRUNNER, {"ExistingEcrAccessRoleArn": ROLE_ARN}),
    (ECS, {}),
    (ECS, {"RedisUrlSecretArn": SECRET_ARN}),
    (ECS, {"ExistingExecutionRoleArn": ROLE_ARN, "ExistingInfrastructureRoleArn": ROLE_ARN, "ExistingTaskRoleArn": ROLE_ARN}),
]


def needs(value):
    """Names of the resources that a value refers to."""
    if isinstance(value, list):
        return set().union(*map(needs, value)) if value else set()
    if isinstance(value, dict):
        if "Ref" in value and len(value) == 1:
            return {value["Ref"]}
        if "Fn::GetAtt" in value and len(value) == 1:
            return {value["Fn::GetAtt"][0]}
        return needs(list(value.values()))
    if isinstance(value, str):
        return {part.split("}")[0].split(".")[0] for part in value.split("${")[1:]}
    return set()


@pytest.mark.parametrize("path, parameters", MODES)
def test_references_lead_to_created_resources_without_a_cycle(path, parameters):
    template = deployed(path, **parameters)
    resources = template["Resources"]
    waiting = {name: needs(resource.get("Properties", {})) | needs(list(resource.get("DependsOn", []))) for name, resource in resources.items()}
    waiting["the outputs"] = needs(template["Outputs"])
    absent = {name: wanted - resources.keys() for name, wanted in waiting.items() if wanted - resources.keys()}
    assert not absent, absent
    created = set()
    while len(created) < len(waiting):
        ready = {name for name, wanted in waiting.items() if name not in created and wanted <= created}
        assert ready, f"these form a cycle: {sorted(waiting.keys() - created)}"
        created |= ready


def test_needs_finds_every_kind_of_reference():
    assert needs({"a": [{"Ref": "X"}, {"Fn::GetAtt": ["Y", "Arn"]}, "${Z.Arn}-${W}"]}) == {"X", "Y", "Z", "W"}
