"""Resources of the gateway: routes, permissions, table, logs, alarms."""

import json
import re

import pytest
from templates import GATEWAY, ROLE_ARN, ROOT, deployed, of_type, read

ROUTES = {"$connect", "$disconnect", "$default", "sendMessage", "chat_message"}


def properties(template, kind):
    return [resource["Properties"] for resource in of_type(template, kind).values()]


def test_the_routes_equal_those_of_the_function():
    source = (ROOT / "gateway-lambda/src/event.rs").read_text()
    known = re.search(r"const ROUTES: \[&str; \d+\] = \[([^\]]+)\]", source).group(1)
    assert set(re.findall(r'"([^"]+)"', known)) == ROUTES
    assert {route["RouteKey"] for route in properties(deployed(GATEWAY), "AWS::ApiGatewayV2::Route")} == ROUTES


def test_every_route_invokes_the_function_and_only_connect_has_the_authorizer():
    template = deployed(GATEWAY)
    integrations = of_type(template, "AWS::ApiGatewayV2::Integration")
    for route in properties(template, "AWS::ApiGatewayV2::Route"):
        target = re.fullmatch(r"integrations/\$\{(\w+)\}", route["Target"]).group(1)
        integration = integrations[target]["Properties"]
        assert integration["IntegrationType"] == "AWS_PROXY"
        assert "${Function.Arn}" in integration["IntegrationUri"]
        assert route.get("AuthorizationType") == ("CUSTOM" if route["RouteKey"] == "$connect" else None)


def test_the_authorizer_requires_no_identity_source():
    authorizer, = properties(deployed(GATEWAY), "AWS::ApiGatewayV2::Authorizer")
    assert authorizer["AuthorizerType"] == "REQUEST"
    assert "IdentitySource" not in authorizer


def test_every_route_and_the_authorizer_have_their_own_permission():
    permissions = properties(deployed(GATEWAY), "AWS::Lambda::Permission")
    prefix = "arn:aws:execute-api:eu-central-1:123456789012:${Api}"
    expected = {f"{prefix}/prod/{route}" for route in ROUTES} | {f"{prefix}/authorizers/${{Authorizer}}"}
    assert {permission["SourceArn"] for permission in permissions} == expected
    assert len(permissions) == len(expected)
    for permission in permissions:
        assert permission["Principal"] == "apigateway.amazonaws.com"
        assert permission["FunctionName"] == {"Ref": "Function"}


def test_an_existing_role_is_used_and_no_role_is_created():
    template = deployed(GATEWAY, ExistingLambdaRoleArn=ROLE_ARN)
    assert not [name for name, resource in template["Resources"].items() if resource["Type"].startswith("AWS::IAM::")]
    function, = properties(template, "AWS::Lambda::Function")
    assert function["Role"] == ROLE_ARN
    assert template["Outputs"]["FunctionRoleArn"]["Value"] == ROLE_ARN


def test_without_an_existing_role_one_is_created_within_the_boundary():
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    roles = properties(deployed(GATEWAY, PermissionsBoundaryArn=boundary), "AWS::IAM::Role")
    assert [role["PermissionsBoundary"] for role in roles] == [boundary]
    assert all("PermissionsBoundary" not in role for role in properties(deployed(GATEWAY), "AWS::IAM::Role"))


def test_the_function_has_the_documented_defaults_and_parameters():
    function, = properties(deployed(GATEWAY), "AWS::Lambda::Function")
    assert function["FunctionName"] == "websocket-handler"
    assert (function["Runtime"], function["Architectures"], function["Timeout"]) == ("provided.al2023", ["arm64"], 29)
    assert int(function["MemorySize"]) == 128
    assert "ReservedConcurrentExecutions" not in function
    function, = properties(deployed(GATEWAY, Architecture="x86_64", ReservedConcurrency="50"), "AWS::Lambda::Function")
    assert (function["Architectures"], function["ReservedConcurrentExecutions"]) == (["x86_64"], "50")


def test_sam_builds_the_binary_that_the_function_starts():
    function = read(GATEWAY)["Resources"]["Function"]
    assert function["Metadata"] == {"BuildMethod": "rust-cargolambda", "BuildProperties": {"Binary": "bootstrap"}}
    manifest = (ROOT / function["Properties"]["CodeUri"] / "Cargo.toml").read_text()
    assert 'name = "bootstrap"' in manifest
    assert function["Properties"]["Handler"] == "bootstrap"


def test_the_table_has_the_index_that_the_function_queries():
    template = deployed(GATEWAY)
    table, = properties(template, "AWS::DynamoDB::Table")
    source = (ROOT / "gateway-lambda/src/connections/dynamo.rs").read_text()
    name, = re.findall(r'pub const USER_INDEX: &str = "([^"]+)"', source)
    index, = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == name
    assert index["KeySchema"] == [{"AttributeName": "userId", "KeyType": "HASH"}]
    assert "expiresAt" in index["Projection"]["NonKeyAttributes"], "readers filter on it"
    assert table["KeySchema"] == [{"AttributeName": "connectionId", "KeyType": "HASH"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert table["SSESpecification"]["SSEEnabled"]
    function, = properties(template, "AWS::Lambda::Function")
    assert function["Environment"]["Variables"]["TABLE_NAME"] == table["TableName"]


@pytest.mark.parametrize("mode, groups", [("yes", 2), ("no", 1), ("yes-and-set-up-account", 2)])
def test_logs_are_kept_for_a_year_and_contain_no_token(mode, groups):
    template = deployed(GATEWAY, AccessLogs=mode)
    kept = properties(template, "AWS::Logs::LogGroup")
    assert [group["RetentionInDays"] for group in kept] == ["365"] * groups
    stage, = properties(template, "AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"]["DataTraceEnabled"] is False
    assert ("AccessLogSettings" in stage) == (mode != "no")
    if mode != "no":
        line = json.loads(stage["AccessLogSettings"]["Format"])
        assert line["connectionId"] == "$context.connectionId"
        assert not re.search("query|header|token|protocol", json.dumps(line), re.IGNORECASE)


def test_the_stage_deploys_automatically_and_throttles():
    stage, = properties(deployed(GATEWAY), "AWS::ApiGatewayV2::Stage")
    assert (stage["StageName"], stage["AutoDeploy"]) == ("prod", True)
    assert int(stage["DefaultRouteSettings"]["ThrottlingRateLimit"]) > 0
    assert int(stage["DefaultRouteSettings"]["ThrottlingBurstLimit"]) > 0


def test_alarms_notify_the_given_topic():
    topic = "arn:aws:sns:eu-central-1:123456789012:operators"
    notifying = properties(deployed(GATEWAY, AlarmTopicArn=topic), "AWS::CloudWatch::Alarm")
    assert len(notifying) >= 8
    assert all(alarm["AlarmActions"] == [topic] == alarm["OKActions"] for alarm in notifying)
    assert all("AlarmActions" not in alarm for alarm in properties(deployed(GATEWAY), "AWS::CloudWatch::Alarm"))


def test_alarms_and_dashboard_use_metrics_that_the_function_writes():
    source = (ROOT / "gateway-lambda/src/metrics.rs").read_text()
    written = set(re.findall(r'\("(\w+)", "(?:Count|Milliseconds)"', source))
    template = deployed(GATEWAY)
    alarms = properties(template, "AWS::CloudWatch::Alarm")
    computed = [part["MetricStat"]["Metric"] for alarm in alarms for part in alarm.get("Metrics", []) if "MetricStat" in part]
    watched = {metric["MetricName"] for metric in [*alarms, *computed] if metric.get("Namespace") == "Termgate"}
    dashboard, = properties(template, "AWS::CloudWatch::Dashboard")
    board = json.loads(re.sub(r"\$\{\w+\}", "x", dashboard["DashboardBody"]))
    namespace = None
    for widget in board["widgets"]:
        listed = [metric for metric in widget["properties"].get("metrics", []) if isinstance(metric[0], str)]
        for namespace_here, name, *_ in listed:
            namespace = namespace if namespace_here in (".", "...") else namespace_here
            if namespace == "Termgate" and isinstance(name, str):
                watched.add(name)
    assert watched == written, watched ^ written


def widgets(template):
    board, = properties(template, "AWS::CloudWatch::Dashboard")
    return json.loads(re.sub(r"\$\{(\w+)\}", r"\1", board["DashboardBody"]))["widgets"]


def test_the_dashboard_shows_the_tables_capacity_and_expired_rows():
    metrics = [metric for widget in widgets(deployed(GATEWAY)) for metric in widget["properties"].get("metrics", [])]
    named = {part for metric in metrics for part in metric if isinstance(part, str)}
    assert {"ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "TimeToLiveDeletedItemCount"} <= named
    assert any("Table.ItemCount" in widget["properties"].get("markdown", "") for widget in widgets(deployed(GATEWAY)))


def test_no_widgets_of_the_dashboard_overlap():
    taken = set()
    for widget in widgets(deployed(GATEWAY)):
        cells = {(x, y) for x in range(widget["x"], widget["x"] + widget["width"]) for y in range(widget["y"], widget["y"] + widget["height"])}
        assert not cells & taken, widget["properties"].get("title")
        assert max(x for x, _ in cells) < 24, "a row has 24 columns"
        taken |= cells


def test_the_error_rate_and_the_time_to_connect_raise_alarms():
    resources = deployed(GATEWAY)["Resources"]
    connect = resources["ConnectTimeAlarm"]["Properties"]
    assert (connect["Namespace"], connect["MetricName"], connect["ExtendedStatistic"]) == ("Termgate", "ConnectMilliseconds", "p95")
    rate = resources["ErrorRateAlarm"]["Properties"]["Metrics"]
    assert {part["MetricStat"]["Metric"]["MetricName"] for part in rate if "MetricStat" in part} == {"Invocations", "Errors", "ServiceFailures"}
    returned, = (part for part in rate if part["ReturnData"])
    assert returned["Expression"].startswith("IF(invocations > 20, 100 *"), "a single failure is not a rate"


def test_metrics_that_cost_and_that_no_alarm_uses_are_off():
    """Detailed metrics have the dimension Route. Each route costs as five metrics."""
    template = deployed(GATEWAY)
    stage, = properties(template, "AWS::ApiGatewayV2::Stage")
    used = "Route" in json.dumps([properties(template, "AWS::CloudWatch::Alarm"), properties(template, "AWS::CloudWatch::Dashboard")])
    assert stage["DefaultRouteSettings"]["DetailedMetricsEnabled"] is used


@pytest.mark.parametrize("alarm", ["ApiClientErrorsAlarm", "ApiIntegrationErrorsAlarm"])
def test_alarms_about_4xx_do_not_call_the_function_broken(alarm):
    description = deployed(GATEWAY)["Resources"][alarm]["Properties"]["AlarmDescription"]
    assert "4xx" in description and "Refused" in description and "failed" not in description


def test_the_template_fits_into_a_request():
    """CloudFormation takes 51,200 bytes; a larger template needs a bucket, also for `aws cloudformation create-stack`."""
    assert len(GATEWAY.read_bytes()) < 51_200


def test_the_outputs_give_the_addresses_of_the_stage():
    outputs = deployed(GATEWAY)["Outputs"]
    assert outputs["WebSocketUrl"]["Value"] == "wss://${Api}.execute-api.eu-central-1.amazonaws.com/prod"
    assert outputs["ConnectionsEndpoint"]["Value"] == "https://${Api}.execute-api.eu-central-1.amazonaws.com/prod"
    function, = properties(deployed(GATEWAY), "AWS::Lambda::Function")
    variables = function["Environment"]["Variables"]
    posts_to = f"https://{variables['DOMAIN_NAME']}/{variables['STAGE']}"
    assert posts_to == outputs["ConnectionsEndpoint"]["Value"]
