"""Templates set every variable that a program reads, except those listed with a reason, and set no unused variable."""

import re

from templates import APPRUNNER, ECS, GATEWAY, ROOT, read

# Lambda sets them, or they are aliases, or only tests set them.
UNSET_FOR_THE_FUNCTION = {
    "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "BACKEND_URL",  # another name of APP_RUNNER_URL
    "AWS_ENDPOINT_URL_DYNAMODB",  # another DynamoDB, for tests
}
UNSET_FOR_THE_SERVICE = {
    "HOST",  # with secrets, the default is all addresses
    "FRONTEND_URL",  # another name of ALLOWED_ORIGINS
    "REDIS_TLS_CA_FILE",  # ElastiCache's certificates are signed by a public authority
    "ECS_AGENT_URI",  # ECS sets it
    # Deprecated names:
    "SESSION_GRACE_SECONDS", "SESSION_MAX_SECONDS", "SESSION_LONGEST_SECONDS", "REDIS_CA",
    "SESSION_UIDS", "STATE_DIRECTORY",  # as root in a container, the defaults are right
    "PROFILES",  # the default folder is the image's
    "RECORDINGS_MAX_BYTES",  # of a folder, which ends with its container
    "MAX_HTTP_CONNECTIONS", "MESSAGES_PER_SECOND",  # far above normal use
    "MAX_CONNECTIONS_PER_USER",  # of `/terminal`, which App Runner does not support; the gateway has its own limit
}
# Variables read outside config.rs: the function's main reads RUST_LOG.
ELSEWHERE = {"function": {"RUST_LOG"}, "service": set()}


def literals(*paths):
    """String literals of a program, without its unit tests, that look like a variable's name."""
    found = set()
    for pattern in paths:
        for path in ROOT.glob(pattern):
            if path.name == "tests.rs":
                continue
            program = path.read_text().split("#[cfg(test)]")[0]
            found |= set(re.findall(r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|PORT|HOST|STAGE|RECORDINGS|PROFILES)"', program))
    return found


KEYS = literals("crates/auth-tokens/src/key/setting.rs")
FUNCTION = literals("gateway-lambda/src/config.rs", "gateway-lambda/src/config/*.rs") | KEYS | ELSEWHERE["function"]
# The service fetches no keys: its config.rs names JWT_JWKS_URL only to refuse it with a message.
SERVICE = (literals("backend/src/config.rs", "backend/src/config/*.rs") | KEYS | ELSEWHERE["service"]) - {"JWT_JWKS_URL"}


def image():
    """Variables that the image sets."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    settings = " ".join(re.findall(r"^ENV (.*)$", dockerfile, re.MULTILINE)) + " " + " ".join(re.findall(r"^ENTRYPOINT (.*)$", dockerfile, re.MULTILINE))
    return set(re.findall(r"\b([A-Z][A-Z_]+)=", settings)) - {"LANG"}


def names(entries):
    """Names in a list of variables, including conditional ones."""
    found = set()
    for entry in entries:
        if "Fn::If" in entry:
            found |= names([branch for branch in entry["Fn::If"][1:] if branch != {"Ref": "AWS::NoValue"}])
        else:
            found.add(entry["Name"])
    return found


def test_the_variables_are_found_in_the_sources():
    assert {"TABLE_NAME", "JWT_SECRET", "STAGE"} <= FUNCTION and {"PORT", "REDIS_URL", "JWT_PUBLIC_KEY"} <= SERVICE


def test_the_template_sets_the_variables_of_the_function():
    given = set(read(GATEWAY)["Resources"]["Function"]["Properties"]["Environment"]["Variables"])
    assert given - FUNCTION == set(), "unused variables"
    assert FUNCTION - given - UNSET_FOR_THE_FUNCTION == set(), "these are not set"
    assert UNSET_FOR_THE_FUNCTION <= FUNCTION, "an exception for an unused variable"


def test_app_runner_sets_the_variables_of_the_service():
    source = read(APPRUNNER)["Resources"]["Service"]["Properties"]["SourceConfiguration"]
    given = names(source["ImageRepository"]["ImageConfiguration"]["RuntimeEnvironmentVariables"]) | image()
    assert given - SERVICE == set(), "unused variables"
    # ADVERTISE_URL is unset, because instances of App Runner cannot reach each other.
    assert SERVICE - given - UNSET_FOR_THE_SERVICE == {"ADVERTISE_URL"}, "these are not set"
    assert UNSET_FOR_THE_SERVICE <= SERVICE, "an exception for an unused variable"


def test_ecs_sets_the_variables_of_the_service():
    container = read(ECS)["Resources"]["Service"]["Properties"]["PrimaryContainer"]
    given = names(container["Environment"]) | names(container["Secrets"]) | image()
    assert given - SERVICE == set(), "unused variables"
    assert SERVICE - given - UNSET_FOR_THE_SERVICE == set(), "these are not set"


def test_the_guide_names_no_unused_variable():
    guide = (ROOT / "docs/deploy.md").read_text()
    named = set(re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`", guide))
    known = FUNCTION | SERVICE | {"NEXT_PUBLIC_WS_URL", "NEXT_PUBLIC_HTTP_URL", "TERMGATE_TOKEN", "PROMPT_COMMAND"}
    codes = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)*)" =>', (ROOT / "shared-protocol/src/error.rs").read_text()))
    known |= codes or {"UNAUTHORIZED", "SESSION_NOT_FOUND"}
    assert named <= known, named - known
