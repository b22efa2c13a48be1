"""docs/deploy.md agrees with code and templates: sums (also of two other pages), commands, names, and the IAM policy to copy."""

import json
import re
import tomllib

import pytest
from templates import ALL, APPRUNNER, ECS, GATEWAY, ROLE, ROOT, deployed, of_type, read

GUIDE = (ROOT / "docs/deploy.md").read_text()
SCALE = (ROOT / "docs/scale.md").read_text()
ALTERNATIVES = (ROOT / "docs/when-not-to-use.md").read_text()
FENCED = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
BLOCKS = FENCED.findall(GUIDE)
UNITS = re.compile(r"\b(s|h|GB|min|keys|acks|follows|pings|echoes|pongs)\b|\$")


def sums(blocks):
    return [line.split(":", 1) for language, block in blocks if language == "text" for line in block.splitlines() if "=" in line]


SUMS = sums(BLOCKS)


@pytest.mark.parametrize("label, line", SUMS + sums(FENCED.findall(SCALE)) + sums(FENCED.findall(ALTERNATIVES)))
def test_each_sum_is_correct(label, line):
    term, result = UNITS.sub("", line).replace("×", "*").split("=")
    # UNITS has removed words such as "keys"; the rest must be arithmetic.
    assert re.fullmatch(r"[\d\s.+*/()]+", term), term
    places = len(result.strip().partition(".")[2])
    assert round(eval(term, {"__builtins__": {}}), places) == float(result), label


def test_the_guide_has_all_its_sums():
    assert len(SUMS) >= 14


def test_a_typing_hour_costs_the_sum_of_its_lines():
    results = {label: float(line.split("=")[1].strip().lstrip("$")) for label, line in SUMS}
    names = ["relay", "messages in", "frames out", "short calls", "invocations", "connection", "logs"]
    assert round(sum(results[name] for name in names), 4) == results["a typing hour"]


def templates_of(command):
    """The template that a command of the guide deploys."""
    environment = re.search(r"--config-env (\S+)", command)
    profiles = tomllib.loads((ROOT / "samconfig.toml").read_text())
    profile = profiles[environment.group(1) if environment else "default"]
    return ROOT / profile["global"]["parameters"].get("template_file", "template.yaml")


def commands():
    shell = "\n".join(block for language, block in BLOCKS if language == "sh").replace("\\\n", " ")
    return [line for line in shell.splitlines() if line.startswith("sam deploy")]


def test_every_command_uses_an_existing_profile_and_existing_parameters():
    seen = set()
    for command in commands():
        template = templates_of(command)
        seen.add(template)
        given = {pair.split("=")[0] for pair in command.split("--parameter-overrides")[-1].split() if re.match(r"[A-Z]\w+=", pair)}
        known = read(template)["Parameters"]
        assert given <= known.keys(), f"{given - known.keys()} in: {command}"
        needed = {name for name, declared in known.items() if "Default" not in declared}
        assert needed <= given, f"{needed - given} is missing in: {command}"
    assert seen == {GATEWAY, ROLE, APPRUNNER, ECS}


def test_every_parameter_and_output_in_the_guide_exists():
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


def test_the_table_of_permissions_lists_every_action():
    table = GUIDE.split("### Permissions")[1].split("###")[0]
    for path in ALL:
        for role in of_type(deployed(path), "AWS::IAM::Role").values():
            for policy in role["Properties"].get("Policies", []):
                for action in actions(policy["PolicyDocument"]["Statement"]):
                    service, name = action.split(":")
                    assert f"{service}:" in table and name in table, action


def test_the_policy_to_copy_equals_that_of_the_template():
    (policy,) = (json.loads(block) for language, block in BLOCKS if language == "json")
    (role,) = of_type(deployed(GATEWAY), "AWS::IAM::Role").values()
    ours = actions(role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"])
    # The manual steps create no log group, so Lambda must be allowed to.
    assert actions(policy["Statement"]) == ours | {"logs:CreateLogGroup"}
    assert all(statement["Resource"] != "*" for statement in policy["Statement"])


def test_the_manual_steps_name_the_same_resources_as_the_template():
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


def test_the_timeouts_equal_those_of_the_programs():
    times = GUIDE.split("## Timeouts")[1].split("\n## ")[0]
    rows = {row.split("|")[1].strip(): row.split("|")[2].strip() for row in times.splitlines() if row.startswith("| ")}
    function_ends, service_ends = constant("gateway-lambda/src/deadline.rs", "FOLLOW_TIMEOUT"), constant("backend/src/relay/relays.rs", "LIFE")
    assert rows["a relay carries terminals, then ends by itself"] == f"up to {max(function_ends, service_ends)} s"
    function, = of_type(deployed(GATEWAY), "AWS::Lambda::Function").values()
    assert rows["integration; the function"] == f"29 s; {function['Properties']['Timeout']} s"
    service = (ROOT / "backend/src/config.rs").read_text()
    seconds = [int(re.search(rf'"{name}", (\d[\d_]*)', service).group(1).replace("_", "")) for name in ("SESSION_DETACH_TIMEOUT_SECONDS", "SESSION_IDLE_SECONDS", "SESSION_LIFETIME_SECONDS", "SESSION_EXTEND_SECONDS", "SESSION_MAX_LIFETIME_SECONDS")]
    assert rows["a session with no client attached; without input or output; in all"] == f"{seconds[0] // 60} min; {seconds[1] // 60} min; {seconds[2] // 3600} h"
    assert rows["time that `extend` adds, counted from the request; maximum lifetime, extensions included"] == f"{seconds[3] // 3600} h; {seconds[4] // 3600} h"
    assert constant("backend/src/app.rs", "MAX_DRAIN") <= 20, "the guide promises a drain of at most 20 s"


def test_the_stack_has_as_many_alarms_as_the_guide_says():
    alarms = of_type(deployed(GATEWAY), "AWS::CloudWatch::Alarm")
    assert len(alarms) == 13 and "thirteen alarms" in GUIDE
