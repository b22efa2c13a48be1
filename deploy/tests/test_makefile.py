"""The Makefile has every target that the guide names."""

import re

from templates import ROOT


def test_every_script_that_make_calls_is_there_and_can_run():
    makefile = (ROOT / "Makefile").read_text()
    for name in set(re.findall(r"scripts/([a-z-]+)", makefile)):
        script = ROOT / "scripts" / name
        assert script.is_file() and script.stat().st_mode & 0o111, name
    for target in ("package", "image", "push", "image-test", "test-deploy"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
