"""The Makefile runs scripts that exist. `test_pages.py` looks for the targets that guides name."""

import re

from templates import ROOT


def test_every_script_of_the_makefile_is_executable():
    makefile = (ROOT / "Makefile").read_text()
    for name in set(re.findall(r"scripts/([a-z-]+)", makefile)):
        script = ROOT / "scripts" / name
        assert script.is_file() and script.stat().st_mode & 0o111, name
