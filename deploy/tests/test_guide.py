"""docs/deploy.md agrees with code and templates: sums (those of docs/scale.md, too), commands, names, and the IAM policy to copy."""

import json
import re
import tomllib

import pytest
from templates import ALL, APPRUNNER, ECS, GATEWAY, ROLE, ROOT, deployed, of_type, read

GUIDE = (ROOT / "docs/deploy.md").read_text()
SCALE = (ROOT / "docs/scale.md").read_text()
FENCED = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
BLOCKS = FENCED.findall(GUIDE)
UNITS = re.compile(r"\b(s|h|GB|min|keys|acks|renewals|pings|echoes|pongs)\b|\$")


def sums(blocks):
    return [line.split(":", 1) for language, block in blocks if language == "text" for line in block.splitlines() if "=" in line]


SUMS = sums(BLOCKS)


@pytest.mark.parametrize("what, line", SUMS + sums(FENCED.findall(SCALE)))
def test_a_sum_is_right(what, line):
    term, result = UNITS.sub("", line).replace("×", "*").split("=")
    assert re.fullmatch(r"[\d\s.+*/()]+", term), term
    places = len(result.strip().partition(".")[2])
    # Words in between, such as "3000 keys + 1200 acks", are gone; what is left is arithmetic.
    assert round(eval(term, {"__builtins__": {}}), places) == float(result), what


def test_there_are_sums():
    assert len(SUMS) >= 14


def test_a_typing_hour_costs_the_sum_of_its_lines():
    results = {what: float(line.split("=")[1].strip().lstrip("$")) for what, line in SUMS}
    names = ["following", "messages in", "frames out", "short calls", "invocations", "connection", "logs"]
    assert round(sum(results[name] for name in names), 4) == results["a typing hour"]


def templates_of(command):
    """Which template a command of the guide deploys."""
    environment = re.search(r"--config-env (\S+)", command)
    profiles = tomllib.loads((ROOT / "samconfig.toml").read_text())
    profile = profiles[environment.group(1) if environment else "default"]
    return ROOT / profile["global"]["parameters"].get("template_file", "template.yaml")


def commands():
    shell = "\n".join(block for language, block in BLOCKS if language == "sh").replace("\\\n", " ")
    return [line for line in shell.splitlines() if line.startswith("sam deploy")]


def test_every_command_names_a_profile_and_parameters_that_are_there():
    seen = set()
    for command in commands():
        template = templates_of(command)
        seen.add(template)
        given = {pair.split("=")[0] for pair in command.split("--parameter-overrides")[-1].split() if re.match(r"[A-Z]\w+=", pair)}
        known = read(template)["Parameters"]
        assert given <= known.keys(), f"{given - known.keys()} in: {command}"
        needed = {name for name, about in known.items() if "Default" not in about}
        assert needed <= given, f"{needed - given} is missing in: {command}"
    assert seen == {GATEWAY, ROLE, APPRUNNER, ECS}


def test_every_name_in_it_is_one():
    parameters = set().union(*(read(path)["Parameters"] for path in ALL))
    outputs = set().union(*(read(path).get("Outputs", {}) for path in ALL))
    named = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]*)+)(?:=[^`]*)?`", GUIDE))
    others = {"SessionIdIndex", "WebSocketConnections", "TerminalWebSocketAPI", "PutItem", "UpdateItem", "DeleteItem"}
    managed = {name for name in named if name.startswith(("AWSApp", "Amazon"))}
    assert named - parameters - outputs - others - managed == set()
    for role in (role for path in ALL for role in of_type(read(path), "AWS::IAM::Role").values()):
        for policy in role["Properties"].get("ManagedPolicyArns", []):
            assert f"`{policy['Fn::Sub'].rsplit('/', 1)[1]}`" in GUIDE


def actions(statements):
    found = set()
    for statement in statements:
        action = statement["Action"]
        found |= set(action if isinstance(action, list) else [action])
    return found


def test_every_permission_has_its_reason_in_the_table():
    table = GUIDE.split("### Permissions")[1].split("###")[0]
    for path in ALL:
        for role in of_type(deployed(path), "AWS::IAM::Role").values():
            for policy in role["Properties"].get("Policies", []):
                for action in actions(policy["PolicyDocument"]["Statement"]):
                    service, name = action.split(":")
                    assert f"{service}:" in table and name in table, action


def test_the_policy_to_copy_allows_what_the_template_allows():
    (policy,) = (json.loads(block) for language, block in BLOCKS if language == "json")
    (role,) = of_type(deployed(GATEWAY), "AWS::IAM::Role").values()
    ours = actions(role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"])
    # Who makes no log group beforehand lets Lambda make it.
    assert actions(policy["Statement"]) == ours | {"logs:CreateLogGroup"}
    assert all(statement["Resource"] != "*" for statement in policy["Statement"])


def test_by_hand_the_same_comes_out():
    by_hand = GUIDE.split("## By hand in the console")[1].split("\n## ")[0]
    template = deployed(GATEWAY)
    table, = of_type(template, "AWS::DynamoDB::Table").values()
    for name in [table["Properties"]["TableName"], *(index["IndexName"] for index in table["Properties"]["GlobalSecondaryIndexes"])]:
        assert f"`{name}`" in by_hand
    for route in of_type(template, "AWS::ApiGatewayV2::Route").values():
        assert f"`{route['Properties']['RouteKey']}`" in by_hand
    api, = of_type(template, "AWS::ApiGatewayV2::Api").values()
    assert f"`{api['Properties']['RouteSelectionExpression']}`" in by_hand and f"`{api['Properties']['Name']}`" in by_hand


def constant(path, name):
    source = (ROOT / path).read_text()
    unit, number = re.search(rf"const {name}: Duration = Duration::from_(secs|millis)\(([\d_ *]+)\)", source).groups()
    value = 1
    for factor in number.replace("_", "").split("*"):
        value *= int(factor)
    return value if unit == "secs" else value / 1000


def test_its_times_are_those_of_the_programs():
    times = GUIDE.split("## Timeouts")[1].split("\n## ")[0]
    rows = {row.split("|")[1].strip(): row.split("|")[2].strip() for row in times.splitlines() if row.startswith("| ")}
    assert rows["an invocation follows, then ends by itself"] == f"{constant('gateway-lambda/src/deadline.rs', 'FOLLOW_TIMEOUT')} s"
    function, = of_type(deployed(GATEWAY), "AWS::Lambda::Function").values()
    assert rows["integration; the function"] == f"29 s; {function['Properties']['Timeout']} s"
    service = (ROOT / "backend/src/config.rs").read_text()
    seconds = [int(re.search(rf'"{name}", (\d[\d_]*)', service).group(1).replace("_", "")) for name in ("SESSION_DETACH_TIMEOUT_SECONDS", "SESSION_IDLE_SECONDS", "SESSION_LIFETIME_SECONDS", "SESSION_EXTEND_SECONDS", "SESSION_MAX_LIFETIME_SECONDS")]
    assert rows["a session with no client attached; without input or output; in all"] == f"{seconds[0] // 60} min; {seconds[1] // 60} min; {seconds[2] // 3600} h"
    assert rows["time that `extend` adds, counted from the request; maximum lifetime, extensions included"] == f"{seconds[3] // 3600} h; {seconds[4] // 3600} h"
    assert constant("backend/src/app.rs", "MAX_DRAIN") <= 20, "the guide says that draining takes 20 s at most"
