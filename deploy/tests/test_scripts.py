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
    asked = tmp_path / "asked"
    for name, script in (
        ("docker", f'echo "docker $*" >> {asked}; [ "$1" != login ] || cat > {tmp_path}/login'),
        ("buildah", f'echo "buildah $*" >> {asked}'),
        ("aws", f'echo "aws $*" >> {asked}; echo "{PASSWORD}"'),
    ):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def run(script, **variables):
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)} | variables
        done = subprocess.run([ROOT / "scripts" / script], env=environment, capture_output=True, text=True, check=False)
        return done, asked.read_text().splitlines() if asked.exists() else [], tmp_path

    return run


def test_the_image_is_built_for_where_it_runs_and_says_from_what(run):
    done, asked, _ = run("image", BUILDER="docker", TAG="1", TOOLS="vim nmap")
    assert done.returncode == 0, done.stderr
    (build,) = asked
    assert build.startswith("docker build --platform linux/amd64 --tag termgate:1 ") and build.endswith(" .")
    assert "--build-arg TOOLS=vim nmap" in build and re.search(r"--build-arg VERSION=\d+\.\d+\.\d+ ", build)
    assert "--format" not in build
    assert "+ docker build" in done.stderr and "make push" in done.stdout


def test_another_builder_is_told_the_format_that_has_a_health_check(run):
    _, (build,), _ = run("image", BUILDER="buildah", TAG="1", BASE="debian:bookworm-slim")
    assert "--format docker" in build and "--build-arg BASE=debian:bookworm-slim" in build


def test_pushing_to_ecr_logs_in_and_shows_no_password(run):
    done, asked, folder = run("push", REGISTRY=f"{ECR}/", TAG="1", BUILDER="docker")
    assert done.returncode == 0, done.stderr
    assert sorted(asked[:2]) == ["aws ecr get-login-password --region eu-central-1", f"docker login --username AWS --password-stdin {ECR}"]
    assert asked[2:] == [f"docker tag termgate:1 {ECR}/termgate:1", f"docker push {ECR}/termgate:1"]
    assert (folder / "login").read_text().strip() == PASSWORD
    assert PASSWORD not in done.stdout + done.stderr
    assert done.stdout.rstrip().endswith(f"ImageUri={ECR}/termgate:1")


def test_pushing_elsewhere_logs_in_nowhere(run):
    done, asked, _ = run("push", REGISTRY="registry.example", TAG="1", BUILDER="docker", REPOSITORY="labs")
    assert done.returncode == 0
    assert asked == ["docker tag termgate:1 registry.example/labs:1", "docker push registry.example/labs:1"]


def test_pushing_nowhere_says_what_is_missing(run):
    done, asked, _ = run("push", TAG="1", BUILDER="docker")
    assert done.returncode == 1 and asked == []
    assert "make push REGISTRY=" in done.stderr


def test_packaging_says_what_is_missing(run):
    done, _, _ = run("package", SAM="no-such-sam")
    assert done.returncode == 1
    assert "pip install" in done.stderr
