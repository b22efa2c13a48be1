"""Requirements of the Serverless Application Repository, names in samconfig.toml, and content of the package for admins."""

import io
import re
import subprocess
import sys
import tomllib
import zipfile

import yaml
from templates import APPRUNNER, ECS, GATEWAY, ROLE, ROOT, Tags, read

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


def test_workflows_may_little_and_use_no_action_that_can_change():
    for path in sorted((ROOT / ".github/workflows").glob("*.yml")):
        text = path.read_text()
        workflow = yaml.safe_load(text)
        assert workflow["permissions"] == {"contents": "read"}, path.name
        used = [line for line in text.splitlines() if "uses:" in line]
        assert used
        for line in used:
            assert re.search(r"uses: actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line
        for name, job in workflow["jobs"].items():
            assert job["timeout-minutes"] <= 60, name
            for step in job["steps"]:
                # What others choose, such as a tag's name, comes as a variable, and never into a script.
                assert not re.search(r"\$\{\{ *github\.(ref_name|head_ref|event)", step.get("run", "")), name


def test_what_an_admin_is_handed_is_whole_and_needs_no_compiler(tmp_path):
    program = tmp_path / "bootstrap"
    program.write_bytes(b"\x7fELF a program")
    made = []
    for _ in range(2):
        done = subprocess.run([sys.executable, "-B", ROOT / "scripts/bundle", "x86_64", program, tmp_path / "dist"], check=True, capture_output=True, text=True)
        whole, = (tmp_path / "dist").glob("termgate-*-x86_64.zip")
        made.append(whole.read_bytes())
        assert whole.name in done.stdout
    assert made[0] == made[1], "the same program gives the same bundle"
    with zipfile.ZipFile(whole) as bundle:
        names = set(bundle.namelist())
        handed = yaml.load(bundle.read("termgate/template.yaml"), Tags)
        with zipfile.ZipFile(io.BytesIO(bundle.read("termgate/function.zip"))) as function:
            assert function.read("bootstrap") == program.read_bytes()
            assert function.getinfo("bootstrap").external_attr >> 16 & 0o111, "Lambda has to be able to start it"
    profiles = tomllib.loads((ROOT / "samconfig.toml").read_text())
    named = {profile["global"]["parameters"].get("template_file", "template.yaml") for name, profile in profiles.items() if name != "version"}
    assert {f"termgate/{name}" for name in named | {"docs/deploy.md", "README.md", "LICENSE-APACHE"}} <= names
    function = handed["Resources"]["Function"]
    assert function["Properties"]["CodeUri"] == "function.zip" and "Metadata" not in function
    assert handed["Parameters"]["Architecture"] | {"Description": ""} == {"Type": "String", "Default": "x86_64", "AllowedValues": ["x86_64"], "Description": ""}
    original = read(GATEWAY)
    for name in original["Resources"].keys() - {"Function"}:
        assert handed["Resources"][name] == original["Resources"][name]
