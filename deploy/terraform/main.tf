# The gateway on Terraform: the release's own template as a CloudFormation stack, so that SAM, CDK and Terraform deploy the same.
# The service behind it is deploy/apprunner.yaml or deploy/ecs-express.yaml; docs/deploy.md is the guide.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

data "aws_s3_bucket" "release" {
  bucket = var.bucket
}

locals {
  function = "${var.release}/function.zip"
  template = replace(file("${var.release}/template.yaml"), "CodeUri: function.zip", "CodeUri: s3://${var.bucket}/${aws_s3_object.function.key}")

  parameters = {
    BackendUrl                = var.backend_url
    GatewaySecretArn          = var.gateway_secret_arn
    GatewaySecret             = var.gateway_secret
    JwtSecretArn              = var.jwt_secret_arn
    JwtSecret                 = var.jwt_secret
    JwtPublicKey              = var.jwt_public_key
    JwtJwks                   = var.jwt_jwks
    JwtJwksUrl                = var.jwt_jwks_url
    JwtIssuer                 = var.jwt_issuer
    JwtAudience               = var.jwt_audience
    AllowedOrigins            = var.allowed_origins
    MaxConnectionsPerUser     = var.max_connections_per_user
    ConnectionTtlSeconds      = var.connection_ttl_seconds
    ThrottlingRateLimit       = var.throttling_rate_limit
    ThrottlingBurstLimit      = var.throttling_burst_limit
    ExistingLambdaRoleArn     = var.existing_lambda_role_arn
    PermissionsBoundaryArn    = var.permissions_boundary_arn
    AccessLogs                = var.access_logs
    LogRetentionDays          = var.log_retention_days
    AlarmTopicArn             = var.alarm_topic_arn
    ConcurrencyAlarmThreshold = var.concurrency_alarm_threshold
    RequestsAlarmThreshold    = var.requests_alarm_threshold
    Architecture              = var.architecture
    MemorySize                = var.memory_size
    ReservedConcurrency       = var.reserved_concurrency
    LogFilter                 = var.log_filter
    Environment               = var.environment
    FunctionName              = var.function_name
    ApiName                   = var.api_name
    TableName                 = var.table_name
    StageName                 = var.stage_name
  }
}

# Keys with the content's hash: a new release has new keys, so CloudFormation sees the change, and a rollback finds the old files.
resource "aws_s3_object" "function" {
  bucket = data.aws_s3_bucket.release.id
  key    = "termgate/function-${filesha256(local.function)}.zip"
  source = local.function
}

resource "aws_s3_object" "template" {
  bucket  = data.aws_s3_bucket.release.id
  key     = "termgate/template-${sha256(local.template)}.yaml"
  content = local.template
}

resource "aws_cloudformation_stack" "gateway" {
  name         = var.stack_name
  template_url = "https://${data.aws_s3_bucket.release.bucket_regional_domain_name}/${aws_s3_object.template.key}"
  parameters   = { for name, value in local.parameters : name => value if value != null }
  # The first for the function's role, the second for SAM's transform.
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
}
