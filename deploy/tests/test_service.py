"""Resources of the service on App Runner (one instance) and on ECS (several): the same image and the same variables."""

import json

import pytest
from templates import APPRUNNER, ECS, REQUIRED, ROLE_ARN, SECRET_ARN, deployed, of_type, read

OWN_CACHE = {"Redis": "elasticache", "VpcId": "vpc-01234567", "SubnetIds": "subnet-01234567,subnet-89abcdef"}
CACHE = ["Cache", "CacheParameters", "CacheSubnets", "CacheSecurityGroup", "CachePassword"]


def service(path, **parameters):
    return deployed(path, **parameters)["Resources"]["Service"]["Properties"]


def apprunner_variables(**parameters):
    image = service(APPRUNNER, **parameters)["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"]
    return {variable["Name"]: variable["Value"] for variable in image["RuntimeEnvironmentVariables"]}


def ecs_variables(**parameters):
    container = service(ECS, **parameters)["PrimaryContainer"]
    secrets = {secret["Name"]: secret["ValueFrom"] for secret in container["Secrets"]}
    return secrets | {variable["Name"]: variable["Value"] for variable in container["Environment"]}


def test_app_runner_has_one_instance_with_the_highest_concurrency():
    template = deployed(APPRUNNER)
    scaling = template["Resources"]["OneInstance"]["Properties"]
    assert (scaling["MinSize"], scaling["MaxSize"], scaling["MaxConcurrency"]) == (1, 1, 200)
    assert service(APPRUNNER)["AutoScalingConfigurationArn"] == {"Ref": "OneInstance"}


def test_app_runners_memory_decides_how_many_sessions_it_holds():
    sizes = read(APPRUNNER)["Parameters"]["Memory"]["AllowedValues"]
    for size in sizes:
        assert int(apprunner_variables(Memory=size)["MAX_SESSIONS"]) == int(size) * 100 // 1024
    assert apprunner_variables(MaxSessions="70")["MAX_SESSIONS"] == "70"


def test_app_runners_container_has_no_role():
    for parameters in ({}, OWN_CACHE, {"ExistingEcrAccessRoleArn": ROLE_ARN}):
        assert "InstanceRoleArn" not in service(APPRUNNER, **parameters)["InstanceConfiguration"]


@pytest.mark.parametrize("path", [APPRUNNER, ECS], ids=lambda path: path.name)
def test_both_check_health_on_the_port_of_the_image(path):
    declared = service(path)
    if path == APPRUNNER:
        assert declared["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"]["Port"] == "3001"
        assert declared["HealthCheckConfiguration"]["Path"] == "/health"
        assert declared["SourceConfiguration"]["AutoDeploymentsEnabled"] is False
    else:
        assert declared["PrimaryContainer"]["ContainerPort"] == 3001
        assert declared["HealthCheckPath"] == "/health"


def test_app_runner_gets_the_address_of_the_chosen_redis_and_a_route_to_it():
    assert "REDIS_URL" not in apprunner_variables()
    external = apprunner_variables(Redis="external", RedisUrlSecretArn=SECRET_ARN)
    assert external["REDIS_URL"] == f"{{{{resolve:secretsmanager:{SECRET_ARN}}}}}"
    own = apprunner_variables(**OWN_CACHE)
    assert own["REDIS_URL"].startswith("rediss://:{{resolve:secretsmanager:${CachePassword}}}@${Cache.PrimaryEndPoint.Address}:")
    assert service(APPRUNNER)["NetworkConfiguration"]["EgressConfiguration"] == {"EgressType": "DEFAULT"}
    egress = service(APPRUNNER, **OWN_CACHE)["NetworkConfiguration"]["EgressConfiguration"]
    assert egress == {"EgressType": "VPC", "VpcConnectorArn": {"Ref": "Connector"}}


def test_app_runner_instances_advertise_no_address():
    assert "ADVERTISE_URL" not in apprunner_variables(**OWN_CACHE), "its instances cannot reach each other"


def test_ecs_instances_advertise_their_address_and_may_connect():
    assert ecs_variables()["ADVERTISE_URL"] == "auto"
    resources = deployed(ECS)["Resources"]
    forwarding = resources["Forwarding"]["Properties"]
    assert forwarding["GroupId"] == forwarding["SourceSecurityGroupId"] == {"Fn::GetAtt": ["ServiceSecurityGroup", "GroupId"]} or (
        forwarding["GroupId"] == forwarding["SourceSecurityGroupId"] == {"Ref": "ServiceSecurityGroup"}
    )
    assert (forwarding["FromPort"], forwarding["ToPort"]) == (3001, 3001)
    assert service(ECS)["NetworkConfiguration"]["SecurityGroups"] == [{"Ref": "ServiceSecurityGroup"}]


def test_only_the_execution_role_of_ecs_reads_secrets():
    given = {name: SECRET_ARN for name in ("GatewaySecretArn", "MetricsTokenArn", "RecordingsCredentialsArn", "EventsSecretArn")}
    container = service(ECS, **given)["PrimaryContainer"]
    named = {secret["Name"] for secret in container["Secrets"]}
    assert named == {"REDIS_URL", "JWT_SECRET", "GATEWAY_SECRET", "METRICS_TOKEN", "RECORDINGS_CREDENTIALS", "EVENTS_SECRET"}
    assert "resolve:" not in json.dumps(container["Environment"])
    template = deployed(ECS, **given)
    execution = template["Resources"]["ExecutionRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][0]
    secrets = [secret["ValueFrom"] for secret in container["Secrets"]]
    assert all(secret in execution["Resource"] for secret in secrets)
    assert "secretsmanager" not in json.dumps(template["Resources"]["TaskRole"])


def test_existing_roles_are_used_and_no_role_is_created():
    existing = {"ExistingExecutionRoleArn": ROLE_ARN, "ExistingInfrastructureRoleArn": ROLE_ARN, "ExistingTaskRoleArn": ROLE_ARN}
    assert not of_type(deployed(ECS, **existing), "AWS::IAM::Role")
    assert not of_type(deployed(APPRUNNER, ExistingEcrAccessRoleArn=ROLE_ARN), "AWS::IAM::Role")


def test_the_cache_evicts_no_keys_and_requires_a_password():
    resources = deployed(ECS)["Resources"]
    assert resources["CacheParameters"]["Properties"]["Properties"] == {"maxmemory-policy": "noeviction"}
    cache = resources["Cache"]["Properties"]
    assert (cache["ClusterMode"], cache["NumCacheClusters"]) == ("disabled", 1)
    assert cache["TransitEncryptionEnabled"] and cache["AuthToken"]
    ingress, = resources["CacheSecurityGroup"]["Properties"]["SecurityGroupIngress"]
    assert (ingress["FromPort"], ingress["ToPort"]) == (6379, 6379)
    assert ingress["SourceSecurityGroupId"] == {"Ref": "ServiceSecurityGroup"}


def test_a_cache_is_created_only_on_request():
    assert not deployed(ECS, RedisUrlSecretArn=SECRET_ARN)["Resources"].keys() & {*CACHE, "CacheUrl"}
    for parameters in ({}, {"Redis": "external", "RedisUrlSecretArn": SECRET_ARN}):
        assert not deployed(APPRUNNER, **parameters)["Resources"].keys() & {*CACHE, "Connector", "ServiceSecurityGroup"}


def test_both_templates_have_the_same_cache_and_shared_parameters():
    first, second = read(APPRUNNER), read(ECS)
    for name in CACHE:
        ours, theirs = ({key: value for key, value in template["Resources"][name].items() if key != "Metadata"} for template in (first, second))
        assert ours == theirs, name
    shared = (first["Parameters"].keys() & second["Parameters"].keys()) - {
        # These differ, because sizes, limits and networks do.
        "ServiceName", "ImageUri", "Memory", "VpcId", "SubnetIds", "RedisUrlSecretArn", "MaxSessions",
    }
    assert len(shared) > 20
    for name in shared:
        assert first["Parameters"][name] == second["Parameters"][name], name


def test_both_templates_set_the_same_variables():
    parameters = {
        name: "1"
        for name in read(ECS)["Parameters"]
        if name.startswith(("Session", "Max", "Output")) and name not in ("MaxInstances", "SessionNetwork")
    } | {
        "GatewaySecretArn": SECRET_ARN,
        "GatewaySecretPreviousArn": SECRET_ARN,
        "MetricsTokenArn": SECRET_ARN,
        "JwtIssuer": "issuer",
        "JwtAudience": "audience",
        "AllowedOrigins": "https://labs.example.com",
        "SessionNetwork": "none",
        "TerminalShell": "/bin/bash",
        "LogCommands": "false",
        "LogFilter": "debug",
        "RedisUrlSecretArn": SECRET_ARN,
    }
    on_app_runner = apprunner_variables(**parameters, Redis="external").keys()
    on_ecs = ecs_variables(**parameters).keys()
    assert on_ecs - on_app_runner == {"ADVERTISE_URL"} and not on_app_runner - on_ecs
    assert REQUIRED[ECS]["ImageUri"] == REQUIRED[APPRUNNER]["ImageUri"]


def test_the_address_is_correct_with_and_without_a_scheme_from_ecs():
    value = read(ECS)["Outputs"]["BackendUrl"]["Value"]["Fn::Sub"]
    split = value[1]["Host"]["Fn::Join"][1]["Fn::Split"]
    for endpoint in ("termgate.ecs.eu-central-1.on.aws", "https://termgate.ecs.eu-central-1.on.aws"):
        host = "".join(endpoint.split(split[0]))
        assert value[0].replace("${Host}", host) == "https://termgate.ecs.eu-central-1.on.aws"
