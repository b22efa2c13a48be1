# Two environments in one account. Secrets come from Secrets Manager, and stay out of Terraform's state.

provider "aws" {
  region = "ap-south-1"
}

data "aws_secretsmanager_secret" "jwt" {
  name = "termgate/jwt"
}

data "aws_secretsmanager_secret" "jwt_dev" {
  name = "termgate/dev/jwt"
}

module "termgate" {
  source          = "../"
  release         = "${path.module}/termgate"
  bucket          = "my-releases"
  backend_url     = "https://abc123.ap-south-1.awsapprunner.com"
  jwt_secret_arn  = data.aws_secretsmanager_secret.jwt.arn
  allowed_origins = "https://labs.example.com"
}

module "termgate_dev" {
  source          = "../"
  release         = "${path.module}/termgate"
  bucket          = "my-releases"
  stack_name      = "termgate-dev"
  environment     = "dev"
  backend_url     = "https://def456.ap-south-1.awsapprunner.com"
  jwt_secret_arn  = data.aws_secretsmanager_secret.jwt_dev.arn
  allowed_origins = "https://dev.labs.example.com"
}

output "next_public_ws_url" {
  value = module.termgate.websocket_stage_url
}
