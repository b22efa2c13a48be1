"""Every template passes CloudFormation's own schemas, in every mode, also after SAM has translated it."""

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
def test_a_template_is_clean(path):
    said = lint(path)
    assert said.returncode == 0, said.stdout


def test_what_sam_makes_of_the_gateway_is_clean(tmp_path):
    target = tmp_path / "translated.json"
    # The translator writes parameters in, also where a condition leaves them out.
    target.write_text(json.dumps(translated(GATEWAY, ExistingLambdaRoleArn=ROLE_ARN)))
    said = lint(target)
    assert said.returncode == 0, said.stdout


def test_a_wrong_template_is_found(tmp_path):
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
    """Names of resources that a value refers to."""
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
def test_everything_that_is_referred_to_is_created_and_in_some_order(path, parameters):
    template = deployed(path, **parameters)
    resources = template["Resources"]
    waits = {name: needs(resource.get("Properties", {})) | needs(list(resource.get("DependsOn", []))) for name, resource in resources.items()}
    waits["the outputs"] = needs(template["Outputs"])
    absent = {name: wanted - resources.keys() for name, wanted in waits.items() if wanted - resources.keys()}
    assert not absent, absent
    made = set()
    while len(made) < len(waits):
        ready = {name for name, wanted in waits.items() if name not in made and wanted <= made}
        assert ready, f"these wait for each other: {sorted(waits.keys() - made)}"
        made |= ready


def test_that_check_finds_a_circle_and_what_is_missing():
    assert needs({"a": [{"Ref": "X"}, {"Fn::GetAtt": ["Y", "Arn"]}, "${Z.Arn}-${W}"]}) == {"X", "Y", "Z", "W"}
