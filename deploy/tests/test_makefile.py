"""The Makefile has every target that the guide names."""

import re

from templates import ROOT


def test_every_script_of_the_makefile_is_executable_and_every_documented_target_exists():
    makefile = (ROOT / "Makefile").read_text()
    for name in set(re.findall(r"scripts/([a-z-]+)", makefile)):
        script = ROOT / "scripts" / name
        assert script.is_file() and script.stat().st_mode & 0o111, name
    for target in ("package", "image", "pin-images", "push", "image-test", "release-check", "test-deploy"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
