"""The CDK construct deploys the release's own template: an app is compiled and synthesised, and compared with template.yaml."""

import json
import os
import subprocess
import sys

import pytest
from templates import GATEWAY, NOTHING, ROOT, Resolver, read, values

CDK = ROOT / "deploy/cdk"
TSC = CDK / "node_modules/.bin/tsc"


def node(*arguments, **variables):
    return subprocess.run(arguments, cwd=CDK, env=os.environ | variables, capture_output=True, text=True, check=False)


@pytest.fixture(name="release", scope="module")
def fixture_release(tmp_path_factory):
    """The unpacked zip of a release, with a function that is no program."""
    folder = tmp_path_factory.mktemp("release")
    program = folder / "bootstrap"
    program.write_bytes(b"\x7fELF a program")
    subprocess.run([sys.executable, "-B", ROOT / "scripts/bundle", "arm64", program, folder], check=True, capture_output=True)
    return folder / "termgate"


@pytest.fixture(name="stacks", scope="module")
def fixture_stacks(release, tmp_path_factory):
    assert TSC.exists(), "npm --prefix deploy/cdk ci"
    compiled = CDK / "dist"
    result = node(TSC)
    assert result.returncode == 0, result.stdout
    out = tmp_path_factory.mktemp("cdk.out")
    result = node("node", compiled / "example/app.js", RELEASE=str(release), CDK_OUTDIR=str(out))
    assert result.returncode == 0, result.stderr
    return {name: json.loads((out / f"{name}.template.json").read_text()) for name in ("Termgate", "TermgateDev")} | {
        "assets": json.loads((out / "Termgate.assets.json").read_text())
    }


def resolved(template, parameters):
    """Resources and outputs with these parameters resolved, without the function's code, which differs."""
    resolver = Resolver(template, values(template, {name: value for name, value in parameters.items() if name in template["Parameters"]}))
    resources = {name: resource for name, resource in template["Resources"].items() if resolver.holds(resource.get("Condition"))}
    found = {}
    for name, resource in resources.items():
        resource = {key: value for key, value in resource.items() if key not in ("Metadata", "Condition")}
        if name == "Function":
            resource["Properties"] = {key: value for key, value in resource["Properties"].items() if key != "CodeUri"}
        found[name] = normal(resolver.value(resource))
    return found, normal(resolver.value(template["Outputs"]))


def normal(value):
    """Forms that mean the same to CloudFormation: numbers as text, a member as `A.B` or as a list, a single name."""
    if isinstance(value, dict):
        if set(value) == {"Fn::GetAtt"} and isinstance(value["Fn::GetAtt"], list):
            return {"Fn::GetAtt": ".".join(value["Fn::GetAtt"])}
        return {key: normal(item) for key, item in value.items() if item != NOTHING}
    if isinstance(value, list):
        return [normal(item) for item in value]
    return value if isinstance(value, (bool, str)) else str(value)


@pytest.mark.parametrize("stack, environment, backend", [("Termgate", "", "abc123"), ("TermgateDev", "dev", "def456")])
def test_the_synthesised_stack_has_the_resources_and_outputs_of_the_template(stacks, stack, environment, backend):
    given = {
        "Environment": environment,
        "BackendUrl": f"https://{backend}.eu-central-1.awsapprunner.com",
        "JwtSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:termgate/jwt-AbCdEf",
        "AllowedOrigins": "https://labs.example.com",
    }
    assert resolved(stacks[stack], given) == resolved(read(GATEWAY), given)
    left = set(stacks[stack]["Parameters"]) - {"BootstrapVersion"}
    assert left == set(read(GATEWAY)["Parameters"]) - set(given)
    assert stacks[stack]["Transform"] == read(GATEWAY)["Transform"]
    assert set(read(GATEWAY)["Rules"]) <= set(stacks[stack]["Rules"])


def test_the_function_comes_from_the_release(stacks, release):
    code = stacks["Termgate"]["Resources"]["Function"]["Properties"]["CodeUri"]
    (asset,) = (file for file in stacks["assets"]["files"].values() if file["source"]["packaging"] == "file" and file["source"]["path"].endswith(".zip"))
    (target,) = asset["destinations"].values()
    assert code["Key"] == target["objectKey"]
    assert (release / "function.zip").exists()


def test_a_folder_without_a_release_is_named(stacks, tmp_path):
    assert stacks
    result = node("node", CDK / "dist/example/app.js", RELEASE=str(tmp_path), CDK_OUTDIR=str(tmp_path / "out"))
    assert result.returncode != 0 and "unpacked termgate-VERSION-ARCHITECTURE.zip" in result.stderr


def test_the_lock_file_has_no_host():
    assert '"resolved"' not in (CDK / "package-lock.json").read_text()
