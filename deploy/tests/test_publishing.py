"""Requirements of the Serverless Application Repository, names in samconfig.toml, and content of the package for admins."""

import io
import json
import re
import subprocess
import sys
import tomllib
import zipfile

import yaml
from templates import APPRUNNER, ECS, GATEWAY, ROLE, ROOT, Tags, read

# The gateway's part of "List of Supported AWS Resources" in the developer guide of the Serverless Application Repository.
SUPPORTED = {
    "AWS::ApiGateway::Account", "AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Authorizer", "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Stage", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard",
    "AWS::DynamoDB::Table", "AWS::IAM::Role", "AWS::Lambda::Permission", "AWS::Logs::LogGroup", "AWS::Serverless::Function",
}


def test_the_gateway_has_only_resources_that_the_repository_supports():
    assert {resource["Type"] for resource in read(GATEWAY)["Resources"].values()} <= SUPPORTED


def test_the_metadata_are_complete_and_match_the_workspace():
    metadata = read(GATEWAY)["Metadata"]["AWS::ServerlessRepo::Application"]
    assert {"Name", "Description", "Author", "SpdxLicenseId", "LicenseUrl", "ReadmeUrl", "SemanticVersion"} <= metadata.keys()
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]
    assert metadata["SpdxLicenseId"] in workspace["license"]
    for page in ("LicenseUrl", "ReadmeUrl"):
        assert (ROOT / metadata[page]).is_file()
    assert re.fullmatch(r"[a-zA-Z0-9-]{1,140}", metadata["Name"]) and len(metadata["Description"]) <= 256


def test_no_role_has_a_fixed_name():
    for path in (GATEWAY, ROLE, APPRUNNER, ECS):
        for name, resource in read(path)["Resources"].items():
            if resource["Type"] == "AWS::IAM::Role":
                assert "RoleName" not in resource["Properties"], f"{name}: a fixed name requires CAPABILITY_NAMED_IAM"


def test_every_parameter_is_shown_in_a_group_and_used():
    for path in (GATEWAY, APPRUNNER, ECS):
        template = read(path)
        groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        shown = [name for group in groups for name in group["Parameters"]]
        assert sorted(shown) == sorted(template["Parameters"]), path.name


def test_the_profiles_name_existing_templates_and_parameters():
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
        # CloudFormation asks for it even if the condition of every role is false.
        if roles:
            assert everything["capabilities"] == "CAPABILITY_IAM", name


def test_workflows_have_few_permissions_and_pinned_actions():
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
                # Values that outsiders choose, such as a tag's name, must not be part of a script: they would run as code.
                assert not re.search(r"\$\{\{ *github\.(ref_name|head_ref|event)", step.get("run", "")), name


def test_the_bundle_is_complete_reproducible_and_built(tmp_path):
    program = tmp_path / "bootstrap"
    program.write_bytes(b"\x7fELF a program")
    contents = []
    for _ in range(2):
        done = subprocess.run([sys.executable, "-B", ROOT / "scripts/bundle", "x86_64", program, tmp_path / "dist"], check=True, capture_output=True, text=True)
        archive, = (tmp_path / "dist").glob("termgate-*-x86_64.zip")
        contents.append(archive.read_bytes())
        assert archive.name in done.stdout
    assert contents[0] == contents[1], "the same program gave different bundles"
    with zipfile.ZipFile(archive) as bundle:
        names = set(bundle.namelist())
        bundled = yaml.load(bundle.read("termgate/template.yaml"), Tags)
        with zipfile.ZipFile(io.BytesIO(bundle.read("termgate/function.zip"))) as function:
            assert function.read("bootstrap") == program.read_bytes()
            assert function.getinfo("bootstrap").external_attr >> 16 & 0o111, "Lambda could not start the program"
        materials = json.loads(bundle.read("termgate/sbom.cdx.json"))
    assert {"gateway-lambda", "doctor", "ring"} <= {component["name"] for component in materials["components"]}
    profiles = tomllib.loads((ROOT / "samconfig.toml").read_text())
    named = {profile["global"]["parameters"].get("template_file", "template.yaml") for name, profile in profiles.items() if name != "version"}
    assert {f"termgate/{name}" for name in named | {"docs/deploy.md", "README.md", "LICENSE-APACHE"}} <= names
    function = bundled["Resources"]["Function"]
    assert function["Properties"]["CodeUri"] == "function.zip" and "Metadata" not in function
    assert bundled["Parameters"]["Architecture"] | {"Description": ""} == {"Type": "String", "Default": "x86_64", "AllowedValues": ["x86_64"], "Description": ""}
    original = read(GATEWAY)
    for name in original["Resources"].keys() - {"Function"}:
        assert bundled["Resources"][name] == original["Resources"][name]


def test_a_bill_of_materials_names_each_crate_and_package_with_its_checksum():
    installed = "bash 5.2.37-2+b5 amd64\nlibc6 2.41-12 amd64\n"
    command = [ROOT / "scripts/sbom", "termgate-image", "x86_64-unknown-linux-gnu", "backend"]
    texts = [subprocess.run(command, input=installed, check=True, capture_output=True, text=True).stdout for _ in range(2)]
    assert texts[0] == texts[1]
    bill = json.loads(texts[0])
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.5", 1)
    components = {component["name"]: component for component in bill["components"]}
    references = [component["bom-ref"] for component in bill["components"]]
    assert len(references) == len(set(references))
    locked = {(crate["name"], crate["version"]): crate.get("checksum") for crate in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]}
    for component in bill["components"]:
        if component["purl"].startswith("pkg:cargo/"):
            checksums = [value["content"] for value in component.get("hashes", [])]
            assert checksums == [checksum for checksum in [locked[component["name"], component["version"]]] if checksum]
    assert {"backend", "vt", "tokio", "hyper"} <= components.keys()
    assert not {"proptest", "test-servers", "lambda_runtime"} & components.keys(), "no part of the program"
    assert components["libc6"]["purl"] == "pkg:deb/debian/libc6@2.41-12?arch=amd64"
    assert components["bash"]["purl"] == "pkg:deb/debian/bash@5.2.37-2%2Bb5?arch=amd64"
