"""scripts/image and scripts/push, with a builder and an AWS CLI that only record their arguments."""

import os
import re
import subprocess

import pytest
from templates import ROOT

PASSWORD = "the password of a registry"
ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"


@pytest.fixture(name="run")
def fixture_run(tmp_path):
    calls = tmp_path / "calls"
    for name, script in (
        (
            "docker",
            f'echo "docker $*" >> {calls}; [ "$1" != login ] || cat > {tmp_path}/login; [ "$1" != run ] || echo c1; '
            f'[ "$1" != inspect ] || echo "${{HEALTH:-healthy}}"; [ "$1" != buildx ] || echo "${{DIGEST}}"',
        ),
        ("buildah", f'echo "buildah $*" >> {calls}'),
        ("aws", f'echo "aws $*" >> {calls}; echo "{PASSWORD}"'),
    ):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def run(script, *arguments, **variables):
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)} | variables
        result = subprocess.run([ROOT / "scripts" / script, *arguments], env=environment, capture_output=True, text=True, check=False)
        return result, calls.read_text().splitlines() if calls.exists() else [], tmp_path

    return run


def test_image_builds_for_the_target_platform_and_prints_the_command(run):
    result, calls, _ = run("image", BUILDER="docker", TAG="1", TOOLS="vim nmap")
    assert result.returncode == 0, result.stderr
    (build,) = calls
    assert build.startswith("docker build --platform linux/amd64 --tag termgate:1 ") and build.endswith(" .")
    assert "--build-arg TOOLS=vim nmap" in build and re.search(r"--build-arg VERSION=\d+\.\d+\.\d+ ", build)
    assert "--format" not in build
    assert "+ docker build" in result.stderr and "make push" in result.stdout


def test_image_asks_other_builders_for_a_format_with_health_checks(run):
    _, (build,), _ = run("image", BUILDER="buildah", TAG="1", BASE="debian:bookworm-slim")
    assert "--format docker" in build and "--build-arg BASE=debian:bookworm-slim" in build


def test_push_logs_in_to_ecr_without_showing_the_password(run):
    result, calls, folder = run("push", REGISTRY=f"{ECR}/", TAG="1", BUILDER="docker")
    assert result.returncode == 0, result.stderr
    assert sorted(calls[:2]) == ["aws ecr get-login-password --region eu-central-1", f"docker login --username AWS --password-stdin {ECR}"]
    assert calls[2:] == [f"docker tag termgate:1 {ECR}/termgate:1", f"docker push {ECR}/termgate:1"]
    assert (folder / "login").read_text().strip() == PASSWORD
    assert PASSWORD not in result.stdout + result.stderr
    assert result.stdout.rstrip().endswith(f"ImageUri={ECR}/termgate:1")


def test_push_to_another_registry_does_not_log_in(run):
    result, calls, _ = run("push", REGISTRY="registry.example", TAG="1", BUILDER="docker", REPOSITORY="labs")
    assert result.returncode == 0
    assert calls == ["docker tag termgate:1 registry.example/labs:1", "docker push registry.example/labs:1"]


def test_push_without_a_registry_fails_with_the_command_to_run(run):
    result, calls, _ = run("push", TAG="1", BUILDER="docker")
    assert result.returncode == 1 and calls == []
    assert "make push REGISTRY=" in result.stderr


def test_package_without_sam_fails_with_the_command_to_run(run):
    result, _, _ = run("package", SAM="no-such-sam")
    assert result.returncode == 1
    assert "pip install" in result.stderr


def test_the_image_starts_with_a_secret_only_and_is_removed_when_healthy(run):
    result, calls, _ = run("image-start", "termgate:check")
    assert result.returncode == 0, result.stderr
    assert re.fullmatch(r"docker run --detach --env JWT_SECRET=[0-9a-f]{64} termgate:check", calls[0])
    assert calls[-1] == "docker rm --force c1" and "healthy" in result.stdout


@pytest.mark.parametrize("variables", [{"HEALTH": "unhealthy"}, {"HEALTH": "starting", "SECONDS_AT_MOST": "0"}])
def test_an_image_that_does_not_become_healthy_fails_with_its_log(run, variables):
    result, calls, _ = run("image-start", "termgate:check", **variables)
    assert result.returncode == 1 and variables["HEALTH"] in result.stderr
    assert calls[-2:] == ["docker logs c1", "docker rm --force c1"]


def test_base_images_are_pinned_to_their_digests_and_pinned_anew_later(run, tmp_path):
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text((ROOT / "Dockerfile").read_text())
    before = dockerfile.read_text()
    for number in "12":
        digest = f"sha256:{number * 64}"
        result, calls, _ = run("pin-images", DOCKERFILE=str(dockerfile), DIGEST=digest)
        assert result.returncode == 0, result.stderr
        pinned = re.findall(r"^ARG (?:BASE|RUST)=(\S+?):(\S+?)@(\S+)$", dockerfile.read_text(), re.MULTILINE)
        assert [found[0] for found in pinned] == ["debian", "rust"] and {found[2] for found in pinned} == {digest}
    assert calls[0] == f"docker buildx imagetools inspect debian:{pinned[0][1]} --format {{{{.Manifest.Digest}}}}"
    # Nothing else has changed.
    unpinned = re.sub(r"@sha256:\w+", "", dockerfile.read_text())
    assert unpinned == re.sub(r"@sha256:\w+", "", before)


def test_an_image_without_a_digest_changes_nothing(run, tmp_path):
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("ARG BASE=debian:trixie-slim\n")
    result, _, _ = run("pin-images", DOCKERFILE=str(dockerfile), DIGEST="not found")
    assert result.returncode == 1 and "debian:trixie-slim has no digest" in result.stderr
    assert dockerfile.read_text() == "ARG BASE=debian:trixie-slim\n"
