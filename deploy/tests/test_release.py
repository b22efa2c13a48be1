"""A release: one version in every place, metadata that a registry asks for, and refusals of `scripts/release-check`."""

import json
import re
import shutil
import subprocess
import tomllib

import pytest
from templates import GATEWAY, ROOT, read

VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
CRATES = ("shared-protocol", "crates/protocol-client")
PACKAGES = ("web", "deploy/cdk")


def found(path, pattern):
    return set(re.findall(pattern, (ROOT / path).read_text()))


def test_every_place_names_the_same_version():
    assert read(GATEWAY)["Metadata"]["AWS::ServerlessRepo::Application"]["SemanticVersion"] == VERSION
    assert json.loads((ROOT / "docs/api/openapi.json").read_text())["info"]["version"] == VERSION
    for package in PACKAGES:
        lock = json.loads((ROOT / package / "package-lock.json").read_text())
        assert json.loads((ROOT / package / "package.json").read_text())["version"] == VERSION, package
        assert lock["version"] == lock["packages"][""]["version"] == VERSION, package
    assert found("web/README.md", r"termgate-web-([0-9.]+[0-9])\.tgz") == {VERSION}
    assert found("docs/deploy.md", r"/termgate:([0-9.]+)") == {VERSION}
    dependencies = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["dependencies"]
    assert dependencies["shared-protocol"]["version"] == VERSION


def test_the_changelog_has_each_version_once_the_newest_first_and_the_tree_is_the_newest():
    headings = re.findall(r"^## \[(.*)\] - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    numbers = [tuple(map(int, heading.split("."))) for heading in headings]
    assert numbers == sorted(set(numbers), reverse=True)
    assert headings[0] == VERSION


@pytest.mark.parametrize("path", CRATES)
def test_a_published_crate_says_what_it_is_and_depends_on_published_ones_only(path):
    crate = tomllib.loads((ROOT / path / "Cargo.toml").read_text())
    package = crate["package"]
    assert package["publish"] is True and package["description"] and package["license"] == {"workspace": True}
    assert 0 < len(package["keywords"]) <= 5 and package["categories"]
    assert (ROOT / path / package["readme"]).is_file()
    ours = {tomllib.loads(manifest.read_text())["package"]["name"] for manifest in ROOT.glob("crates/*/Cargo.toml")}
    assert ours & crate["dependencies"].keys() == set()


@pytest.mark.parametrize("path", PACKAGES)
def test_a_published_package_says_what_it_is(path):
    package = json.loads((ROOT / path / "package.json").read_text())
    assert {"description", "keywords", "license", "engines", "exports", "files"} <= package.keys()
    assert "private" not in package


@pytest.fixture
def tree(tmp_path):
    """A repository with the files that `release-check` looks at first."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/release-check", tmp_path / "scripts")
    (tmp_path / "Cargo.toml").write_text('[workspace.package]\nversion = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## [1.2.3] - 2026-01-02\n\n## [1.2.2] - 2026-01-01\n")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def git(tree, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=tree, check=True, timeout=60)


def commit(tree):
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "a")


def refusal(tree):
    checked = subprocess.run(["scripts/release-check"], cwd=tree, capture_output=True, text=True, timeout=60)
    assert checked.returncode == 1 and not (tree / "dist").exists()
    return checked.stderr


def test_a_change_that_is_not_committed_is_refused(tree):
    (tree / "new.txt").write_text("new")
    assert "commit or remove these changes first: ?? new.txt" in refusal(tree)


def test_a_version_that_has_a_tag_is_refused(tree):
    git(tree, "tag", "v1.2.3")
    assert "v1.2.3 has a tag" in refusal(tree)


@pytest.mark.parametrize(("changelog", "sentence"), [
    ("## [1.2.2] - 2026-01-01\n", "CHANGELOG.md ends with 1.2.2, and Cargo.toml says 1.2.3"),
    ("## [Unreleased]\n\n## [1.2.3] - 2026-01-02\n", "CHANGELOG.md has unreleased changes"),
])
def test_a_changelog_that_does_not_end_with_the_version_is_refused(tree, changelog, sentence):
    (tree / "CHANGELOG.md").write_text(changelog)
    commit(tree)
    assert sentence in refusal(tree)
