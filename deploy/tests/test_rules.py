"""Template rules refuse invalid combinations of parameters with a message before creation, and accept valid ones."""

import pytest
from templates import APPRUNNER, ECS, GATEWAY, REQUIRED, ROLE_ARN, SECRET_ARN, read, refused

KEY = "-----BEGIN PUBLIC KEY-----"
LONG = "0123456789abcdef0123456789abcdef"

VALID = [
    (GATEWAY, {}),
    (GATEWAY, {"JwtSecretArn": "", "JwtSecret": LONG}),
    (GATEWAY, {"GatewaySecretArn": SECRET_ARN}),
    (GATEWAY, {"GatewaySecret": LONG}),
    (GATEWAY, {"JwtSecretArn": "", "JwtPublicKey": KEY, "GatewaySecret": LONG}),
    (GATEWAY, {"JwtSecretArn": "", "JwtJwks": "{}", "GatewaySecretArn": SECRET_ARN}),
    (GATEWAY, {"JwtSecretArn": "", "JwtJwksUrl": "https://idp.example/keys", "GatewaySecretArn": SECRET_ARN}),
    (GATEWAY, {"ExistingLambdaRoleArn": ROLE_ARN, "AccessLogs": "no"}),
    (GATEWAY, {"PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/p", "AccessLogs": "yes-and-set-up-account"}),
    (APPRUNNER, {}),
    (APPRUNNER, {"Redis": "external", "RedisUrlSecretArn": SECRET_ARN}),
    (APPRUNNER, {"Redis": "elasticache", "VpcId": "vpc-01234567", "SubnetIds": "subnet-01234567"}),
    (APPRUNNER, {"JwtSecretArn": "", "JwtPublicKey": KEY, "GatewaySecretArn": SECRET_ARN}),
    (ECS, {}),
    (ECS, {"JwtSecretArn": "", "JwtJwks": "{}", "GatewaySecretArn": SECRET_ARN}),
]

INVALID = [
    (GATEWAY, {"JwtSecretArn": "", "GatewaySecret": LONG}, "Say how users' tokens are checked"),
    (GATEWAY, {"JwtSecret": LONG}, "with JwtSecretArn, leave"),
    (GATEWAY, {"JwtJwksUrl": "https://idp.example/keys"}, "with JwtSecretArn, leave"),
    (GATEWAY, {"JwtSecretArn": "", "JwtSecret": LONG, "JwtPublicKey": KEY}, "with JwtSecret, leave"),
    (GATEWAY, {"JwtSecretArn": "", "JwtPublicKey": KEY, "JwtJwks": "{}", "GatewaySecret": LONG}, "with JwtPublicKey, leave"),
    (
        GATEWAY,
        {"JwtSecretArn": "", "JwtJwks": "{}", "JwtJwksUrl": "https://idp.example/keys", "GatewaySecret": LONG},
        "with JwtJwks, leave",
    ),
    (GATEWAY, {"GatewaySecret": LONG, "GatewaySecretArn": SECRET_ARN}, "not both"),
    (GATEWAY, {"JwtSecretArn": "", "JwtPublicKey": KEY}, "nothing to derive it from"),
    (
        GATEWAY,
        {"ExistingLambdaRoleArn": ROLE_ARN, "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/p"},
        "it creates none",
    ),
    (GATEWAY, {"ExistingLambdaRoleArn": ROLE_ARN, "AccessLogs": "yes-and-set-up-account"}, "creates a role, but"),
    (GATEWAY, {"BackendUrl": "abc.awsapprunner.com"}, "must start with https://"),
    (GATEWAY, {"BackendUrl": "http://abc.awsapprunner.com"}, "must start with https://"),
    (GATEWAY, {"JwtSecretArn": "", "JwtSecret": "short"}, "at least 32 characters"),
    (GATEWAY, {"JwtSecretArn": "termgate/jwt"}, "ARN of a secret"),
    (GATEWAY, {"JwtSecretArn": f"{SECRET_ARN}:key::"}, "ARN of a secret"),
    (GATEWAY, {"ExistingLambdaRoleArn": "websocket-role"}, "ARN of a role"),
    (APPRUNNER, {"JwtSecretArn": "", "GatewaySecretArn": SECRET_ARN}, "Say how users' tokens are checked"),
    (APPRUNNER, {"JwtPublicKey": KEY}, "with JwtSecretArn, leave"),
    (APPRUNNER, {"JwtSecretArn": "", "JwtPublicKey": KEY, "JwtJwks": "{}", "GatewaySecretArn": SECRET_ARN}, "with JwtPublicKey"),
    (APPRUNNER, {"JwtSecretArn": "", "JwtPublicKey": KEY}, "nothing to derive it from"),
    (APPRUNNER, {"Redis": "external"}, "give RedisUrlSecretArn"),
    (APPRUNNER, {"Redis": "elasticache"}, "give VpcId and SubnetIds"),
    (APPRUNNER, {"Redis": "elasticache", "VpcId": "vpc-01234567"}, "give VpcId and SubnetIds"),
    (APPRUNNER, {"ImageUri": "docker.io/termgate"}, "image in ECR"),
    (ECS, {"JwtSecretArn": "", "GatewaySecretArn": SECRET_ARN}, "Say how users' tokens are checked"),
    (ECS, {"JwtPublicKey": KEY}, "with JwtSecretArn, leave"),
    (ECS, {"JwtSecretArn": "", "JwtPublicKey": KEY}, "nothing to derive it from"),
]


@pytest.mark.parametrize("path, parameters", VALID)
def test_each_valid_combination_is_accepted(path, parameters):
    assert refused(path, **parameters) == []


@pytest.mark.parametrize("path, parameters, message", INVALID)
def test_each_invalid_combination_is_refused_with_a_message(path, parameters, message):
    complaints = refused(path, **parameters)
    assert any(message in complaint for complaint in complaints), complaints


def test_every_rule_refuses_some_combination():
    messages = {complaint for path, parameters, _ in INVALID for complaint in refused(path, **parameters)}
    for path in REQUIRED:
        for name, rule in read(path).get("Rules", {}).items():
            for assertion in rule["Assertions"]:
                assert assertion["AssertDescription"].strip() in messages, f"{path.name}: {name} refuses no combination above"
