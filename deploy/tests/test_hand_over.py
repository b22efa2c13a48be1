"""The zip in an admin's hands: its guide's commands run in their order, in one shell, with stand-ins for the tools of AWS."""

import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import time

import pytest
from templates import ALL, ROOT, read

SECRET = "0123456789abcdef" * 4
# Each stand-in records its arguments, and answers as the tool does.
AWS = """#!/bin/bash
echo "aws $*" >> "$CALLS"
case "$1 $2" in
  "secretsmanager create-secret") echo "arn:aws:secretsmanager:eu-central-1:123456789012:secret:$4-AbCdEf" ;;
  "secretsmanager get-secret-value") echo "$SECRET" ;;
  "cloudformation describe-stacks") key=${6#*OutputKey==\\'}; echo "https://${4}.example/${key%%\\'*}" ;;
  *) echo "no such call: $*" >&2; exit 1 ;;
esac
"""
RECORDS = """#!/bin/bash
echo "$(basename "$0") $*" >> "$CALLS"
"""
UNZIP = """#!/bin/bash
exec "$PYTHON" -c 'import sys, zipfile, os
archive = zipfile.ZipFile(sys.argv[1])
for entry in archive.infolist():
    os.chmod(archive.extract(entry), entry.external_attr >> 16)' "$@"
"""


@pytest.fixture(name="handed_over", scope="module")
def fixture_handed_over(tmp_path_factory):
    """A folder with the zip in it, and another with the stand-ins."""
    folder, tools = tmp_path_factory.mktemp("admin"), tmp_path_factory.mktemp("tools")
    for name, script in (("aws", AWS), ("sam", RECORDS), ("curl", RECORDS), ("unzip", UNZIP), ("termgate-doctor-" + os.uname().machine, RECORDS + "cat > token-read\n")):
        (tools / name).write_text(script)
        (tools / name).chmod(0o755)
    program = tools / "bootstrap"
    program.write_bytes(b"\x7fELF a program")
    built = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-B", ROOT / "scripts/bundle", "x86_64", program, built, *tools.glob("termgate-doctor-*")], check=True, capture_output=True)
    (archive,) = built.glob("*.zip")
    archive.rename(folder / archive.name)
    return folder, tools


def blocks(*titles):
    """The shell commands of these sections of the guide, in order."""
    guide = (ROOT / "docs/deploy.md").read_text()
    sections = [re.split(r"\n## ", guide.split(f"\n## {title}\n")[1])[0] for title in titles]
    return "\n".join(block for section in sections for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL))


@pytest.fixture(name="calls", scope="module")
def fixture_calls(handed_over):
    folder, tools = handed_over
    calls = folder / "calls"
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "CALLS": str(calls), "SECRET": SECRET, "PYTHON": sys.executable, "HOME": str(folder)}
    # -u: a variable that no earlier command set is an error.
    script = "set -euo pipefail\n" + blocks("Ten minutes", "Without iam:CreateRole")
    done = subprocess.run(["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "NEXT_PUBLIC_WS_URL=https://termgate.example/WebSocketUrl" in done.stdout
    return calls.read_text().splitlines()


def test_every_command_has_values_that_an_earlier_one_printed(calls):
    deployments = [call for call in calls if call.startswith("sam deploy")]
    assert len(deployments) == 7
    known = set().union(*(read(path)["Parameters"] for path in ALL))
    for call in deployments:
        for pair in call.partition("--parameter-overrides ")[2].split():
            name, _, value = pair.partition("=")
            assert name in known and value, call
    outputs = set().union(*(read(path).get("Outputs", {}) for path in ALL))
    asked = {re.search(r"OutputKey=='(\w+)'", call).group(1) for call in calls if "describe-stacks" in call}
    assert asked == {"BackendUrl", "WebSocketUrl", "FunctionRoleArn"} and asked <= outputs


def test_the_stacks_that_the_guide_asks_about_are_those_that_it_deployed(calls):
    profiles = (ROOT / "samconfig.toml").read_text()
    named = set(re.findall(r'stack_name = "([\w-]+)"', profiles)) | {match.group(1) for call in calls if (match := re.search(r"--stack-name (\S+) --parameter", call))}
    assert {re.search(r"--stack-name (\S+)", call).group(1) for call in calls if "describe-stacks" in call} <= named


def test_the_doctor_of_the_zip_gets_a_token_that_the_secret_signed(calls, handed_over):
    doctor = f"termgate-doctor-{os.uname().machine}"
    assert f"{doctor} https://termgate.example/WebSocketUrl --origin https://labs.example.com" in calls
    token = (handed_over[0] / "termgate/token-read").read_text().strip()
    signed, _, signature = token.rpartition(".")
    expected = base64.urlsafe_b64encode(hmac.digest(SECRET.encode(), signed.encode(), hashlib.sha256)).rstrip(b"=")
    assert signature.encode() == expected
    claims = signed.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert claims["sid"] and claims["sub"] and 0 < claims["exp"] - time.time() <= 600


def test_a_secret_of_a_wrong_length_is_named():
    done = subprocess.run([ROOT / "deploy/test-token"], input="short\n", capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "at least 32 bytes" in done.stderr and done.stdout == ""


def test_no_link_of_the_zip_is_dead(calls, handed_over):
    assert calls
    unpacked = handed_over[0] / "termgate"
    pages = list(unpacked.rglob("*.md"))
    assert len(pages) > 3
    for page in pages:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
