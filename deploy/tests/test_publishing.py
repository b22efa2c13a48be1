"""What the Serverless Application Repository asks of a template, and what samconfig.toml names."""

import re
import tomllib

from templates import APPRUNNER, ECS, GATEWAY, ROLE, ROOT, read

# Those of "List of Supported AWS Resources" in its developer guide that the gateway uses.
SUPPORTED = {
    "AWS::ApiGateway::Account", "AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Authorizer", "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Stage", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard",
    "AWS::DynamoDB::Table", "AWS::IAM::Role", "AWS::Lambda::Permission", "AWS::Logs::LogGroup", "AWS::Serverless::Function",
}


def test_the_gateway_consists_of_what_the_repository_takes():
    assert {resource["Type"] for resource in read(GATEWAY)["Resources"].values()} <= SUPPORTED


def test_its_metadata_are_complete_and_true():
    about = read(GATEWAY)["Metadata"]["AWS::ServerlessRepo::Application"]
    assert {"Name", "Description", "Author", "SpdxLicenseId", "LicenseUrl", "ReadmeUrl", "SemanticVersion"} <= about.keys()
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]
    assert about["SemanticVersion"] == workspace["version"]
    assert about["SpdxLicenseId"] in workspace["license"]
    for page in ("LicenseUrl", "ReadmeUrl"):
        assert (ROOT / about[page]).is_file()
    assert re.fullmatch(r"[a-zA-Z0-9-]{1,140}", about["Name"]) and len(about["Description"]) <= 256


def test_no_role_has_a_name_of_its_own():
    for path in (GATEWAY, ROLE, APPRUNNER, ECS):
        for name, resource in read(path)["Resources"].items():
            if resource["Type"] == "AWS::IAM::Role":
                assert "RoleName" not in resource["Properties"], f"{name}: a name would demand CAPABILITY_NAMED_IAM"


def test_every_parameter_is_shown_in_a_group_and_used():
    for path in (GATEWAY, APPRUNNER, ECS):
        template = read(path)
        groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        shown = [name for group in groups for name in group["Parameters"]]
        assert sorted(shown) == sorted(template["Parameters"]), path.name


def test_the_profiles_deploy_templates_that_are_there_with_parameters_that_they_have():
    profiles = tomllib.loads((ROOT / "samconfig.toml").read_text())
    assert profiles.pop("version") == 0.1
    assert {"default", "existing-role", "role", "apprunner", "ecs"} <= profiles.keys()
    for name, profile in profiles.items():
        everything = {**profile.get("global", {}).get("parameters", {}), **profile.get("deploy", {}).get("parameters", {})}
        template = read(ROOT / everything.get("template_file", everything.get("template", "template.yaml")))
        for override in everything.get("parameter_overrides", []):
            parameter = override.split("=", 1)[0]
            assert parameter in template["Parameters"], f"{name}: {parameter}"
        roles = any(resource["Type"] == "AWS::IAM::Role" for resource in template["Resources"].values())
        if roles and name != "existing-role":
            assert everything["capabilities"] == "CAPABILITY_IAM", name
