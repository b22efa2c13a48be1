"""Each sentence of these guides has a test, as those of docs/protocol.md have: `sentences/PAGE.txt` lists the begin of each, of a
page in `docs` or of a README, and its tests as `FILE NAME`. `-` stands for one that explains, or that nothing can show. A new
sentence needs a line there."""

import re

import pytest
from templates import ROOT

PAGES = {"web": "web/README.md", "dev-gateway": "dev-gateway/README.md"}
LISTS = sorted((ROOT / "deploy/tests/sentences").glob("*.txt"))


def sections(text):
    """The lines of each section, without code. The introduction has no heading."""
    found, heading, is_code = {}, "", False
    for line in text.splitlines():
        if line.startswith("```"):
            is_code = not is_code
        elif not is_code and (title := re.match(r"##+ (.*)", line)):
            heading = title.group(1)
        elif not is_code and not line.startswith("# "):
            found.setdefault(heading, []).append(line)
    return found


def sentences(lines):
    """The sentences and rows of a section. A list of links has none."""
    paragraphs, lines = [""], [line.strip() for line in lines]
    for at, line in enumerate(lines):
        if any(after.startswith("|---") for after in lines[at : at + 2]):
            continue
        if not line or re.match(r"- |\d+\. |\|", line):
            paragraphs.append("")
        paragraphs[-1] += re.sub(r"^(- |\d+\. )", "", line) + " "
    found = [[text] if text.startswith("|") else re.split(r"(?<=\S\.)(?<!\*\*\d\.)\s+(?=[A-Z`*])", text) for text in map(str.strip, paragraphs)]
    return [text for part in found for text in part if text and not re.fullmatch(r"\[[^]]*\]\(#[^)]*\)", text)]


def listed(path):
    """The begins by section, each with its tests."""
    found, heading, begin = {}, "", ""
    for line in filter(None, path.read_text().splitlines()):
        if line.startswith("    "):
            found[heading][begin].append(line.strip())
        elif line.startswith("  "):
            begin, test = line[2:].rsplit(": ", 1)
            assert begin not in found[heading], f"{begin} is listed twice"
            found[heading][begin] = [test]
        else:
            heading = "" if line == "(introduction)" else line
            found[heading] = {}
    return found


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_each_sentence_is_listed_once(path):
    page, begins = sections((ROOT / PAGES.get(path.stem, f"docs/{path.stem}.md")).read_text()), listed(path)
    for heading, lines in page.items():
        known, used = begins.pop(heading, {}), set()
        for sentence in sentences(lines):
            matching = [begin for begin in known if sentence.startswith(begin)]
            assert len(matching) == 1, f"{heading}: the list has {matching} for: {sentence}"
            used |= set(matching)
        assert used == set(known), f"{heading} has no such sentence: {set(known) - used}"
    assert not begins, f"there are no such headings: {list(begins)}"


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_each_test_of_the_list_exists(path):
    tests = {test for section in listed(path).values() for all in section.values() for test in all} - {"-"}
    assert len(tests) > 2
    for test in tests:
        file, name = test.split(" ", 1)
        text = (ROOT / file).read_text()
        assert any(start in text for start in (f"fn {name}(", f"def {name}(", f'("{name}"')), f"{file} has no test {name}"
