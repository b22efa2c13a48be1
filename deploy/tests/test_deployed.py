"""moto's CloudFormation creates the gateway (without its WebSocket API), and the role of deploy/role.yaml."""

import ast
import json
import warnings

import boto3
import pytest
from moto import mock_aws
from templates import GATEWAY, ROLE, ROLE_ARN, deployed, of_type, read, translated

# moto supports neither WebSocket APIs nor alarms, and skips them.
UNSUPPORTED = {
    "AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Authorizer", "AWS::ApiGatewayV2::Integration", "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage", "AWS::ApiGateway::Account", "AWS::CloudWatch::Alarm",
}


@pytest.fixture(name="aws")
def fixture_aws():
    with mock_aws(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        s3.put_object(Bucket="bucket", Key="function.zip", Body=b"PK\x05\x06" + bytes(18))
        secret = boto3.client("secretsmanager").create_secret(Name="termgate/jwt", SecretString="a secret of at least 32 characters")
        yield secret["ARN"]


def stack(template, capabilities, **parameters):
    cloudformation = boto3.client("cloudformation")
    cloudformation.create_stack(
        StackName="termgate",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=capabilities,
    )
    described, = cloudformation.describe_stacks(StackName="termgate")["Stacks"]
    assert described["StackStatus"] == "CREATE_COMPLETE"
    made = cloudformation.describe_stack_resources(StackName="termgate")["StackResources"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
    return {resource["LogicalResourceId"] for resource in made if "LogicalResourceId" in resource}, outputs


def supported(**parameters):
    """The translated gateway without resources that moto does not support, and without references to them."""
    template = translated(GATEWAY, **parameters)
    template.pop("Rules")
    # Permissions and dashboard refer to the API, which moto does not create.
    template["Resources"] = {
        name: resource
        for name, resource in template["Resources"].items()
        if resource["Type"] not in UNSUPPORTED | {"AWS::Lambda::Permission", "AWS::CloudWatch::Dashboard"}
    }
    text = json.dumps(template).replace("${Api}", "abc123")
    template = json.loads(text)
    template["Outputs"] = {"FunctionRoleArn": template["Outputs"]["FunctionRoleArn"]}
    return template


def test_the_created_table_answers_the_queries_of_the_function(aws):
    stack(supported(), ["CAPABILITY_IAM"], BackendUrl="https://service.example", JwtSecretArn=aws)
    dynamodb = boto3.client("dynamodb")
    table = dynamodb.describe_table(TableName="WebSocketConnections")["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert {index["IndexName"] for index in table["GlobalSecondaryIndexes"]} == {"userId-index"}
    for connection, expires in (("a=", 2_000), ("b=", 500)):
        row = {"connectionId": {"S": connection}, "sessionId": {"S": "s"}, "userId": {"S": "u"}, "expiresAt": {"N": str(expires)}}
        dynamodb.put_item(TableName="WebSocketConnections", Item=row)
    found = dynamodb.query(
        TableName="WebSocketConnections",
        IndexName="userId-index",
        KeyConditionExpression="#key = :value",
        FilterExpression="#expires > :now",
        ExpressionAttributeNames={"#key": "userId", "#expires": "expiresAt"},
        ExpressionAttributeValues={":value": {"S": "u"}, ":now": {"N": "1000"}},
    )
    assert [item["connectionId"]["S"] for item in found["Items"]] == ["a="]


def test_the_function_is_created_with_its_role_and_log_group(aws):
    made, outputs = stack(supported(), ["CAPABILITY_IAM"], BackendUrl="https://service.example", JwtSecretArn=aws)
    function = boto3.client("lambda").get_function_configuration(FunctionName="websocket-handler")
    assert function["Role"] == outputs["FunctionRoleArn"]
    assert function["Environment"]["Variables"]["APP_RUNNER_URL"] == "https://service.example"
    group, = boto3.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]
    assert (group["logGroupName"], group["retentionInDays"]) == ("/aws/lambda/websocket-handler", 365)
    assert "FunctionRole" in made


def test_an_existing_role_is_used_and_no_role_is_created(aws):
    trust = deployed(ROLE)["Resources"]["FunctionRole"]["Properties"]["AssumeRolePolicyDocument"]
    boto3.client("iam").create_role(RoleName=ROLE_ARN.rsplit("/", 1)[1], AssumeRolePolicyDocument=json.dumps(trust))
    template = supported(ExistingLambdaRoleArn=ROLE_ARN)
    made, outputs = stack(template, [], BackendUrl="https://service.example", JwtSecretArn=aws, ExistingLambdaRoleArn=ROLE_ARN)
    assert [role["Arn"] for role in boto3.client("iam").list_roles()["Roles"]] == [ROLE_ARN]
    assert outputs["FunctionRoleArn"] == ROLE_ARN
    assert "FunctionRole" not in made


def test_the_role_template_creates_only_the_role(aws):
    made, outputs = stack(read(ROLE), ["CAPABILITY_IAM"])
    role, = boto3.client("iam").list_roles()["Roles"]
    assert outputs["FunctionRoleArn"] == role["Arn"]
    assert made == {"FunctionRole"}
    policy = boto3.client("iam").get_role_policy(RoleName=role["RoleName"], PolicyName="gateway")["PolicyDocument"]
    # moto may return the document as the text of a Python dictionary.
    policy = ast.literal_eval(policy) if isinstance(policy, str) else policy
    assert policy == deployed(ROLE)["Resources"]["FunctionRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    assert aws


def test_each_type_that_moto_skips_is_in_the_template():
    present = {resource["Type"] for resource in deployed(GATEWAY, AccessLogs="yes-and-set-up-account")["Resources"].values()}
    assert UNSUPPORTED <= present
    assert of_type(deployed(GATEWAY), "AWS::DynamoDB::Table")
