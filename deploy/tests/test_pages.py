"""The numbers, paths, options and commands in the pages of docs and in the READMEs are those of the programs."""

import json
import os
import re
from fnmatch import fnmatch

import pytest
from templates import ROOT

KIB, MIB = 1024, 1024 * 1024
OPERATE, SECURITY, FILES, EVENTS, PROFILES = (f"docs/{name}.md" for name in ("operate", "security", "files", "events", "profiles"))
HTTP, SESSION, WALL, RECORDING, SANDBOX = (f"backend/src/{name}/" for name in ("http", "session", "wall", "recording", "sandbox"))

# Page, sentence, file, constant, and the unit of the number in the sentence.
LIMITS = [
    (FILES, "a file; all files of an archive | {} MiB", HTTP + "file_limits.rs", "MAX_FILE_BYTES", MIB),
    (FILES, "an archive | {:,} entries", "backend/src/files/archive.rs", "MAX_ENTRIES", 1),
    (FILES, "entries, {} levels", "backend/src/files/name.rs", "MAX_DEPTH", 1),
    (FILES, "After {} of them the file is refused", "backend/src/files/name.rs", "MAX_NUMBER", 1),
    (FILES, "1 to {} bytes, none of", "backend/src/files/name.rs", "MAX_NAME_BYTES", 1),
    (FILES, "longer than {} characters is shown", "backend/src/files/name.rs", "MAX_SHOWN_CHARACTERS", 1),
    (FILES, "longer than {} characters is shown", "web/src/xterm/offered-files.ts", "MAX_NAME", 1),
    (FILES, "an extension of at most {} characters", "backend/src/files/name.rs", "MAX_EXTENSION", 1),
    (FILES, "transfers of a session at once | {} |", HTTP + "transfers.rs", "PER_SESSION", 1),
    (FILES, "transfers of a user at once | {} |", HTTP + "transfers.rs", "PER_USER", 1),
    (FILES, "transfers that a user begins | {} a minute", HTTP + "transfers.rs", "PER_MINUTE", 1),
    (FILES, "transfers of an instance at once | {} |", HTTP + "transfers.rs", "PER_INSTANCE", 1),
    (FILES, "older than {} s and have moved", HTTP + "transfers.rs", "SLOW_AGE", 1),
    (FILES, "moved less than {} KiB a second", HTTP + "transfers.rs", "SLOW_RATE", KIB),
    (FILES, "a file for a class | {} MiB", HTTP + "error.rs", "MAX_HAND_OUT_BYTES", MIB),
    (FILES, "files for classes in an instance at once | {} |", WALL + "hand_out.rs", "AT_ONCE", 1),
    (FILES, "to get a file for its class | {} s", SESSION + "files.rs", "BRING_TIMEOUT", 1),
    (FILES, "more must pass, either way | {} s", HTTP + "file_limits.rs", "STALL_TIMEOUT", 1),
    (FILES, "more must pass, either way | {} s", HTTP + "download.rs", "PIECE_TIMEOUT", 1),
    (FILES, "a new one to be completed | {} s", HTTP + "file_limits.rs", "HELPER_TIMEOUT", 1),
    (FILES, "about {} KB for each round trip", "shared-protocol/src/limits.rs", "FILE_PART_BYTES", 1000),
    (FILES, "the page pauses for {} ms", "web/src/view/files/messages.ts", "PACE_MS", 1),
    (FILES, "or for {} ms if keys", "web/src/view/files/messages.ts", "TYPING_PACE_MS", 1),
    (FILES, "some more must pass: {} s", HTTP + "messaged_transfers.rs", "SILENCE_TIMEOUT", 1),
    (SECURITY, "silent for {} s ends", HTTP + "messaged_transfers.rs", "SILENCE_TIMEOUT", 1),
    (FILES, "passes on at most {} KiB at a time", HTTP + "download.rs", "PIECE_BYTES", KIB),
    ("web/README.md", "up to {:,} characters to a controller's clipboard", "web/src/xterm/clipboard.ts", "MAX_PROGRAM_CHARACTERS", 1),
    ("web/README.md", "Sixel images use at most {} MB", "web/src/xterm/optional-addons.ts", "MAX_IMAGES_MB", 1),
    ("web/README.md", "up to {} rows, in any font", "web/src/xterm/image-room.ts", "MAX_ROWS", 1),
    ("web/README.md", "echo takes more than {} ms", "web/src/core/prediction/echo-time.ts", "SHOW_ABOVE_MS", 1),
    ("web/README.md", "Above {} ms they are underlined", "web/src/core/prediction/echo-time.ts", "UNDERLINE_ABOVE_MS", 1),
    ("web/README.md", "waits up to {} ms for further ones", "web/src/core/input-queue.ts", "COMPANY_MS", 1),
    ("web/README.md", "send its echo up to {} ms later", "shared-protocol/src/limits.rs", "ECHO_HOLD", 0.001),
    ("docs/protocol.md", "for {} ms after the last key and", SESSION + "client/echo_hold.rs", "ECHO_DELAY", 0.001),
    ("web/README.md", "more than {} Mi characters", "web/src/core/input-queue.ts", "MAX_QUEUED_CHARACTERS", MIB),
    ("web/README.md", "longer than {} s; `error.cause`", "web/src/core/connection.ts", "TOKEN_TIMEOUT_MS", 1000),
    ("web/README.md", "if no answer arrives within {} s", "web/src/core/heartbeat.ts", "PROBE_TIMEOUT_MS", 1000),
    ("web/README.md", "a file of at most {} MB to the home", "web/src/view/files/service.ts", "MAX_HAND_OUT_BYTES", MIB),
    (FILES, "one drop or choice, {} files are taken", "web/src/view/files/use-files.ts", "MAX_FILES", 1),
    ("web/README.md", "asks for: at most {} files at a time", "web/src/view/files/use-files.ts", "MAX_FILES", 1),
    (FILES, "It may have {} files and folders", "web/src/view/files/folder.ts", "MAX_ENTRIES", 1),
    ("web/README.md", "up to {} files and folders together", "web/src/view/files/folder.ts", "MAX_ENTRIES", 1),
    (FILES, "holds the latest four, and at most {} MB of base64", "web/src/xterm/offered-files.ts", "MAX_CHARACTERS", 1_000_000),
    (SECURITY, "at once | {} of a session, ", HTTP + "transfers.rs", "PER_SESSION", 1),
    (SECURITY, "a file; an archive | {} MiB", HTTP + "file_limits.rs", "MAX_FILE_BYTES", MIB),
    (SECURITY, "1 of a session, {} of an instance", HTTP + "context.rs", "MAX_CHECKS", 1),
    (SECURITY, "script, output, time, files to copy | {} KiB,", "backend/src/terminal/check.rs", "MAX_SCRIPT_BYTES", KIB),
    (SECURITY, "KiB, {} s, 16 MiB in", "backend/src/terminal/check.rs", "MAX_CHECK_TIME", 1),
    (SECURITY, "MiB in {} files", SANDBOX + "check/copy.rs", "MAX_FILES", 1),
    (SECURITY, "may have {} more processes", SANDBOX + "checks.rs", "EXTRA_PROCESSES", 1),
    (SECURITY, "without a complete request | {} s at first", HTTP + "server.rs", "FIRST_REQUEST_TIMEOUT", 1),
    (SECURITY, "at first, {} s after an answer", HTTP + "server.rs", "IDLE_TIMEOUT", 1),
    (SECURITY, "headers of a request | {} KiB", HTTP + "server.rs", "MAX_HEAD_BYTES", KIB),
    (SECURITY, "KiB, {} headers", HTTP + "server.rs", "MAX_HEADERS", 1),
    (SECURITY, "after a valid token | 64 KiB, {} s", HTTP + "error.rs", "BODY_TIMEOUT", 1),
    (SECURITY, "a thirty-second, at least {}", HTTP + "connection_limit.rs", "MIN_ONE_USER", 1),
    (SECURITY, "over HTTP after {} s, `RATE_LIMITED`", HTTP + "polled.rs", "ROOM_TIMEOUT", 1),
    (SECURITY, "through the gateway | {:,} in 80 s", SESSION + "replay.rs", "MAX_REMEMBERED", 1),
    (SECURITY, "wait for a connection over HTTP | {},", HTTP + "outbox.rs", "MAX_FRAMES", 1),
    (SECURITY, "HTTP | 64, {} KiB, 20 s", HTTP + "outbox.rs", "MAX_BYTES", KIB),
    (SECURITY, "| {} remembered |", SESSION + "admission.rs", "ENDED_PER_USER", 1),
    (SECURITY, "terminals | | {} |", SANDBOX + "usage/quotas.rs", "MAX_TERMINALS", 1),
    (SECURITY, "System V objects | | {} |", SANDBOX + "usage/quotas.rs", "MAX_IPC_OBJECTS", 1),
    (SECURITY, "one for {} KiB of disk", SANDBOX + "usage/quotas.rs", "BYTES_PER_FILE", KIB),
    (SECURITY, "open files of a process | | {} |", SANDBOX + "launch.rs", "MAX_FILES", 1),
    (SECURITY, "POSIX queues | | {} KiB, 0, 0", SANDBOX + "launch.rs", "MAX_LOCKED_BYTES", KIB),
    (SECURITY, "nice {}; OOM score 900", SANDBOX + "launch.rs", "NICENESS", 1),
    (SECURITY, "OOM score {}, so that", SANDBOX + "launch.rs", "OOM_SCORE", 1),
    (SECURITY, "an empty file as {} KiB", SANDBOX + "usage/file_sizes.rs", "MIN_FILE_BYTES", KIB),
    (SECURITY, "more than {} levels", SANDBOX + "usage/file_sizes.rs", "MAX_DEPTH", 1),
    (SECURITY, "ends after {} s unless its usage falls", SESSION + "expiry.rs", "QUOTA_TIMEOUT", 1),
    (SECURITY, "So every {} s, and at its start", SANDBOX + "cleanup/orphans.rs", "INTERVAL", 1),
    (SECURITY, "at most {} KiB of replies", SESSION + "client/replies.rs", "MAX_BYTES", KIB),
    (SECURITY, "memory: {} KiB of output and", RECORDING + "buffer.rs", "BUFFER_BYTES", KIB),
    (SECURITY, "and {} KiB of keys and marks that wait", RECORDING + "buffer.rs", "KEYS_BYTES", KIB),
    (SECURITY, "a part of {} KiB with room", RECORDING + "cast.rs", "PART_BYTES", KIB),
    (SECURITY, "waits for up to {} s, and so does a screen", RECORDING + "writer.rs", "FLUSH_TIMEOUT", 1),
    (SECURITY, "a screen of up to {} KiB behind a gap", RECORDING + "buffer.rs", "SCREEN_BYTES", KIB),
    (SECURITY, "hangs holds {} threads at most", RECORDING + "calls.rs", "MAX_CALLS", 1),
    (SECURITY, "waits for it longer than {} s", RECORDING + "store.rs", "START_TIMEOUT", 1),
    (SECURITY, "Each waits for {} ms", SESSION + "typed_input.rs", "HOLD_TIME", 0.001),
    (SECURITY, "shows at most {} in ten minutes", SESSION + "notices.rs", "MAX_KEPT", 1),
    (SECURITY, "for no longer than {} s it shows what", WALL + "class.rs", "ANSWER_AGE", 1),
    (SECURITY, "relay's question holds for {} s", "shared-protocol/src/relay.rs", "RELAY_TOKEN_SECONDS", 1),
    (SECURITY, "which is void after {} s", "backend/src/relay/shared.rs", "GRANT_TTL", 1),
    (SECURITY, "loses its transfers within {} s", SESSION + "files.rs", "LOOK_INTERVAL", 1),
    (OPERATE, "`METRICS_TOKEN` (at least {} bytes)", "backend/src/config.rs", "MIN_METRICS_TOKEN_BYTES", 1),
    (OPERATE, "to the store (one every {} s)", "backend/src/cluster/membership.rs", "HEARTBEAT_INTERVAL", 1),
    (OPERATE, "for another {} s no session", "backend/src/cluster/membership.rs", "REPOPULATE_WINDOW", 1),
    (OPERATE, "counts as dead {} s after", "backend/src/store.rs", "INSTANCE_TTL", 1),
    (OPERATE, "did not arrive within {} s", SESSION + "client/inbound.rs", "GAP_TIMEOUT", 1),
    (OPERATE, "in each session, at most {} s", "backend/src/metrics/echo.rs", "MAX_ECHO", 1),
    (OPERATE, "`command` may take {} s", SESSION + "handle.rs", "DIRECT_COMMAND_TIMEOUT", 1),
    ("docs/protocol.md", "has an event `k` after each {} KiB", RECORDING + "keyframes.rs", "KEYFRAME_BYTES", KIB),
    (OPERATE, "waits in the session's log of {} MiB", SESSION + "output_log.rs", "RING_BYTES", MIB),
    (OPERATE, "more than {} KiB. The service tries", RECORDING + "buffer.rs", "SCREEN_BYTES", KIB),
    (OPERATE, "parts of {} KiB or 10 s", RECORDING + "cast.rs", "PART_BYTES", KIB),
    (OPERATE, "loses at most the last {} s", RECORDING + "writer.rs", "PART_TIME", 1),
    (OPERATE, "recordings, each {} min", RECORDING + "retention.rs", "INTERVAL", 60),
    (OPERATE, "failed or took more than {} s", RECORDING + "deletion.rs", "DELETE_TIMEOUT", 1),
    (OPERATE, "the latest {:,} of each session", "backend/src/store/commands.rs", "MAX_COMMANDS", 1),
    (OPERATE, "{} KiB of them wait for each session", SESSION + "command_persistence.rs", "WAITING_BYTES", KIB),
    (OPERATE, "at most {} events wait", "backend/src/store/events.rs", "MAX_EVENTS", 1),
    (OPERATE, "An instance sends {} at a time", "backend/src/webhooks/delivery.rs", "IN_FLIGHT", 1),
    (EVENTS, "beyond {} that wait", "backend/src/store/events.rs", "MAX_EVENTS", 1),
    (EVENTS, "`2xx` within {} s", "backend/src/webhooks/http_receiver.rs", "TIMEOUT", 1),
    (EVENTS, "are there, {} KiB of each", "backend/src/webhooks/event.rs", "TEXT_BYTES", KIB),
    (PROFILES, "At most {} files of", "backend/src/profiles.rs", "MAX_PROFILES", 1),
    (PROFILES, "files of {} KiB each", "backend/src/profiles.rs", "MAX_FILE_BYTES", KIB),
    ("docs/proxies.md", "client_max_body_size {}m", HTTP + "file_limits.rs", "MAX_FILE_BYTES", MIB),
    ("docs/proxies.md", "The service pings every {} s", HTTP + "handlers/terminal/connection.rs", "PING_INTERVAL", 1),
]


def page(path):
    """A page's words with single spaces."""
    return " ".join((ROOT / path).read_text().split())


def constant(path, name):
    """The value of a constant: a number, or the seconds of a duration."""
    found = re.search(rf"const {name}(?:: [^=]+)? = ([^;]+);", (ROOT / path).read_text())
    assert found, f"{path} has no constant {name}: change its place in LIMITS"
    value = found.group(1)
    value, seconds = re.subn(r"Duration::from_secs\(([^)]*)\)", r"(\1)", value)
    value, millis = re.subn(r"Duration::from_millis\(([^)]*)\)", r"(\1) / 1000", value)
    assert re.fullmatch(r"[\d_\s*+()/]+", value), f"{name} is {value}"
    return eval(value, {"__builtins__": {}})


@pytest.mark.parametrize("path, sentence, source, name, unit", LIMITS)
def test_each_limit_of_a_page_is_that_of_the_program(path, sentence, source, name, unit):
    number = constant(source, name) / unit
    assert number == round(number) and sentence.format(round(number)) in page(path), f"{name} is {number}"


def defaults():
    """The defaults of the service's variables, as its configuration reads them."""
    source = "".join(path.read_text().split("#[cfg(test)]")[0] for path in [ROOT / "backend/src/config.rs", *(ROOT / "backend/src/config").glob("*.rs")])
    numbers = re.findall(r'"([A-Z_]+)",(?: "a whole number",)? ([\d_]+)\)', source)
    return {name: int(number.replace("_", "")) for name, number in numbers} | dict.fromkeys(re.findall(r'flag\("([A-Z_]+)"\)', source), "false")


def test_each_default_in_a_table_is_that_of_the_program():
    known, checked = defaults(), set()
    settings = (ROOT / "backend/src/recording/settings.rs").read_text()
    for field, name in (("max_bytes", "RECORDING_MAX_BYTES"), ("total_bytes", "RECORDINGS_MAX_BYTES"), ("days", "RECORDINGS_DAYS")):
        known[name] = eval(re.search(rf"^ +{field}: ([\d_ *]+),$", settings, re.MULTILINE).group(1), {"__builtins__": {}})
    for path in (OPERATE, SECURITY):
        for row in (ROOT / path).read_text().splitlines():
            cells = [cell.strip().strip("`").replace(",", "") for cell in row.split("|")[1:-1]]
            for name, default in zip(cells, cells[1:]):
                if name in known and re.fullmatch(r"\d+|true|false", default):
                    assert str(known[name]) == default, f"{path}: {name}"
                    checked.add(name)
    assert len(checked) >= 10, checked
    for text in guides().values():
        for name, default in re.findall(r"`([A-Z_]+)`,? \(?(\d[\d,]*)\)", text):
            assert known.get(name, default) in (default, int(default.replace(",", ""))), name
    # In this table the limit is on the left of its variable, in a sentence.
    rows = {cells[2].strip().strip("`"): cells[1] for row in (ROOT / SECURITY).read_text().splitlines() if len(cells := row.split("|")[1:-1]) == 4}
    for name in ("MAX_HTTP_CONNECTIONS", "MAX_CONNECTIONS_PER_USER", "MAX_SESSIONS_PER_USER", "MAX_SESSIONS", "MESSAGES_PER_SECOND"):
        assert re.match(rf" {known[name]:,}\b", rows[name]), name


def guides():
    """The pages about this project, by path; of one that is about others, too, the rows of sources here."""
    paths = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "web/README.md", ROOT / "dev-gateway/README.md", *ROOT.glob("deploy/*/README.md")]
    pages = {path.relative_to(ROOT).as_posix(): path.read_text() for path in paths if path.name != "CHANGELOG.md"}
    own = re.findall(r"^\| `m\d+` .*$", pages["docs/compared.md"], re.MULTILINE)
    return pages | {"docs/compared.md": "\n".join(own)}


def code(text):
    """Spans and blocks of code."""
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    return "\n;\n".join([*blocks, *re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))])


def test_every_target_and_script_in_the_guides_exists():
    targets = {name for names in re.findall(r"^([a-z][a-z -]*):", (ROOT / "Makefile").read_text(), re.MULTILINE) for name in names.split()}
    scripts = json.loads((ROOT / "web/package.json").read_text())["scripts"].keys()
    found = 0
    for path, text in guides().items():
        for name in re.findall(r"(?:^|\s)make ([a-z][a-z-]+)", code(text), re.MULTILINE):
            assert name in targets, f"{path}: make {name}"
            found += 1
        for name in re.findall(r"npm (?:--prefix web )?run ([a-z0-9:-]+)", code(text)):
            assert name in scripts, f"{path}: npm run {name}"
            found += 1
    assert found > 20


def test_every_request_in_the_guides_is_one_of_the_api():
    paths = json.loads((ROOT / "docs/api/openapi.json").read_text())["paths"]
    known = {(method.upper(), re.sub(r"\{\w+\}", "{}", path)) for path, item in paths.items() for method in item}
    found = 0
    for path, text in guides().items():
        for method, route in re.findall(r"\b(GET|POST|PUT|DELETE)\s+(/[\w/{}.-]+)", code(text)):
            assert (method, re.sub(r"\{\w+\}", "{}", route)) in known, f"{path}: {method} {route}"
            found += 1
    assert found > 15


def test_every_variable_and_code_in_the_guides_is_in_a_program():
    suffixes = {".rs", ".ts", ".tsx", ".mjs", ".py", ".yaml", ".toml", ".json", ".sh", ".bash", ""}
    folders = ("backend", "gateway-lambda", "dev-gateway", "shared-protocol", "crates", "web/src", "web/app", "web/e2e", "web/test", "testing", "scripts", "deploy")
    programs = "".join(path.read_text() for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in suffixes and path.is_file() and not {"node_modules", "out", ".next", ".venv", "target"} & set(path.parts))
    programs += (ROOT / "template.yaml").read_text() + (ROOT / "Dockerfile").read_text() + (ROOT / "Makefile").read_text()
    # Of Linux, of tools, or of the reader's own shell.
    foreign = re.compile(r"CAP_[A-Z_]+|O_TMPFILE|RENAME_NOREPLACE|TERM_MATCH|PROPTEST_[A-Z_]+|RUSTC_BOOTSTRAP|\w+_DEV")
    for path, text in guides().items():
        for name in set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", code(text))):
            assert foreign.fullmatch(name) or re.search(rf"\b{name}\b", programs), f"{path}: {name}"


def test_every_option_of_dev_gateway_in_its_readme_exists():
    readme = code((ROOT / "dev-gateway/README.md").read_text())
    sources = "".join(path.read_text() for path in (ROOT / "dev-gateway/src").rglob("*.rs"))
    named = set(re.findall(r"(?<=[\s\[])--([a-z][a-z-]+)", "\n" + readme)) - {"help"}
    assert len(named) > 15
    for name in named:
        assert re.search(rf"\b{name.replace('-', '_')}\b|\"{name}\"", sources), f"--{name}"


def test_every_program_that_the_tests_install_is_named_for_contributors():
    script = re.sub(r"^if .*webkit.*?^fi$", "", (ROOT / "scripts/setup").read_text(), flags=re.MULTILINE | re.DOTALL)
    programs = re.findall(r"^ *need (\S+) ", script, re.MULTILINE) + re.findall(r"cargo_tool (\w+) ", script)
    setup = page("CONTRIBUTING.md").split("## Set up")[1].split("##")[0].lower()
    named = {"cargo": "rust", "cc": "rust", "npm": "node", "redis-server": "redis", "nextest": "cargo-nextest", "deny": "cargo-deny", "chromium-headless-shell": "chromium", "WebKitWebDriver": "webkitwebdriver"}
    assert len(programs) > 15
    for program in programs:
        assert named.get(program, program) in setup, program


def alternatives(path):
    """`a/{b,c}.rs` as a/b.rs and a/c.rs."""
    if not (braces := re.search(r"\{([^{}]*)\}", path)):
        return [path]
    return [one for choice in braces.group(1).split(",") for one in alternatives(path[: braces.start()] + choice + path[braces.end() :])]


def test_every_source_file_that_a_guide_names_exists():
    generated, files = {".git", ".venv", "node_modules", "target", "dist", "out", ".next"}, []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in generated]
        files += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names]
    missing, found = [], 0
    for guide, text in guides().items():
        for named in set(re.findall(r"`((?!NAME)\w[\w.{},*/-]+\.(?:rs|ts|tsx|mjs|py|md|yaml|toml|tf))`", text)):
            for path in alternatives(named):
                # Some pages name a file from its crate or folder, after they have said which.
                missing += [] if any(file == path or fnmatch(file, f"*/{path}") for file in files) else [f"{guide}: {path}"]
                found += 1
    assert not missing and found > 150


def test_the_service_trusts_no_header_of_a_proxy():
    for path in (ROOT / "backend/src").rglob("*.rs"):
        for name in ("x-forwarded", "x-real-ip", "forwarded"):
            assert f'"{name}' not in path.read_text().lower(), f"{path}: {name}"


def test_every_metric_in_the_guides_has_its_row():
    # The table of new names has those of the other tables.
    families = dict(re.findall(r"^\| `(termgate_\w+)(?:\{([\w,]+)\})?` \| \w+ \|", (ROOT / OPERATE).read_text(), re.MULTILINE))
    old = set(re.findall(r"^\| `(termgate_\w+)(?:\{\w+\})?` \| `", (ROOT / OPERATE).read_text(), re.MULTILINE))
    assert len(families) > 40 and len(old) == 6
    for path, text in guides().items():
        for name, labels in re.findall(r"(?<![$\w])(termgate_[a-z_]+)(?:\{([^}]*)\})?", text):
            family = re.sub(r"_(total|bucket|sum|count)$", "", name)
            assert family in families or family in old or family.endswith("_"), f"{path}: {name}"
            for label in re.findall(r"(\w+)=~?\"", labels):
                assert label in families[family].split(","), f"{path}: {name} has no label {label}"


def test_every_event_has_its_row():
    source = (ROOT / "backend/src/webhooks/event.rs").read_text().split("#[cfg(test)]")[0]
    kinds = set(re.findall(r'=> "([a-z.]+)"', source)) | {"gap"}
    rows = re.findall(r"^\| `([a-z.]+)` \|", (ROOT / EVENTS).read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(kinds) and len(kinds) > 6


def test_every_line_of_the_log_in_its_table_is_logged():
    table = (ROOT / OPERATE).read_text().split("\n## Logs\n")[1].split("### Audit")[0]
    sources = "".join(path.read_text() for path in (ROOT / "backend/src").rglob("*.rs"))
    lines = [line for row in re.findall(r"^\| (`.*?) \| ", table, re.MULTILINE) for line in re.findall(r"`([^`]+)`", row)]
    for line in lines:
        # Between these are a session's id, a number of milliseconds and the like.
        for part in filter(None, (part.strip(" :") for part in re.split(r"…|<[^>]+>|\[Terminal:?…?\]|ms$", line))):
            assert part in sources, f"{line}: {part}"
    assert len(lines) > 15


def test_every_sentence_of_the_log_in_a_runbook_is_logged():
    # The function's lines and the causes in an answer stand in these pages too.
    sources = "".join(path.read_text() for folder in ("backend", "gateway-lambda") for path in (ROOT / folder / "src").rglob("*.rs"))
    sentences = re.findall(r"`((?:[\w',;:]+ ){3,}[\w',;:]+)`", page(OPERATE))
    for sentence in sentences:
        assert sentence in " ".join(sources.split()), sentence
    assert len(set(sentences)) > 12


def test_every_key_of_a_profile_has_its_row():
    source = (ROOT / "backend/src/profiles/file.rs").read_text()
    fields = {name: re.findall(r"^    (\w+): ", re.search(rf"struct {name} \{{\n(.*?)\n\}}", source, re.DOTALL).group(1), re.MULTILINE) for name in ("File", "Quotas")}
    keys = set(fields["File"]) - {"quotas"} | {f"quotas.{name}" for name in fields["Quotas"]}
    table = (ROOT / PROFILES).read_text().split("| key | meaning |")[1].split("\n\n")[0]
    named = {name for row in table.splitlines()[1:] for name in re.findall(r"`([\w.]+)`", row.split("|")[1] if row.startswith("|") else "")}
    assert named == keys and len(keys) > 8
