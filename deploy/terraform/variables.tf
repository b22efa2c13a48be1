# Every parameter of template.yaml is a variable, in the template's order. `null` leaves the template's default.

variable "release" {
  type        = string
  description = "The unpacked termgate-VERSION-ARCHITECTURE.zip, or dist/termgate after `make package`."
}

variable "bucket" {
  type        = string
  description = "Bucket of the stack's region for the function and the template, which CloudFormation and Lambda read from there."
}

variable "stack_name" {
  type        = string
  default     = "termgate"
  description = "Name of the CloudFormation stack."
}

variable "backend_url" {
  type        = string
  description = "Address of the terminal service, for example https://abc123.eu-central-1.awsapprunner.com"
}

variable "gateway_secret_arn" {
  type        = string
  default     = null
  description = "ARN of a Secrets Manager secret whose whole value is GATEWAY_SECRET. If empty, it is derived from JWT_SECRET."
}

variable "gateway_secret" {
  type        = string
  default     = null
  sensitive   = true
  description = "GATEWAY_SECRET itself, if you do not use Secrets Manager. At least 32 characters."
}

variable "jwt_secret_arn" {
  type        = string
  default     = null
  description = "ARN of a Secrets Manager secret whose whole value is JWT_SECRET, the HS256 secret of the users' tokens."
}

variable "jwt_secret" {
  type        = string
  default     = null
  sensitive   = true
  description = "JWT_SECRET itself, if you do not use Secrets Manager. At least 32 characters."
}

variable "jwt_public_key" {
  type        = string
  default     = null
  description = "Or a public key in PEM (RS256, ES256 or EdDSA), with \\n for its line ends."
}

variable "jwt_jwks" {
  type        = string
  default     = null
  description = "Or a JSON Web Key Set, as JSON. A function's variables hold 4 KB in all; a larger set needs JwtJwksUrl."
}

variable "jwt_jwks_url" {
  type        = string
  default     = null
  description = "Or the URL of the platform's published key set."
}

variable "jwt_issuer" {
  type        = string
  default     = null
  description = "The iss that tokens must have; empty to accept any."
}

variable "jwt_audience" {
  type        = string
  default     = null
  description = "The aud that tokens must have; empty to accept any."
}

variable "allowed_origins" {
  type        = string
  default     = null
  description = "Origins of the pages that may connect, separated by commas, for example https://labs.example.com. Empty allows every page."
}

variable "max_connections_per_user" {
  type        = number
  default     = null
  description = "Connections that one user may have open."
}

variable "connection_ttl_seconds" {
  type        = number
  default     = null
  description = "Lifetime of a silent connection's row. API Gateway closes idle connections after 600 s."
}

variable "throttling_rate_limit" {
  type        = number
  default     = null
  description = "Messages per second that the stage accepts on average."
}

variable "throttling_burst_limit" {
  type        = number
  default     = null
  description = "Messages that the stage accepts in a burst."
}

variable "existing_lambda_role_arn" {
  type        = string
  default     = null
  description = "Role of the function, created by an admin (deploy/role.yaml). If given, this template creates no role."
}

variable "permissions_boundary_arn" {
  type        = string
  default     = null
  description = "Permissions boundary of the roles that this template creates, if the organization requires one."
}

variable "access_logs" {
  type        = string
  default     = null
  description = "API Gateway writes logs only if the account has a role for them in this region. \"yes\" requires that role; \"yes-and-set-up-account\" creates it."
}

variable "log_retention_days" {
  type        = number
  default     = null
  description = "Days for which logs are kept."
}

variable "alarm_topic_arn" {
  type        = string
  default     = null
  description = "SNS topic that alarms notify; if empty, CloudWatch only shows them."
}

variable "concurrency_alarm_threshold" {
  type        = number
  default     = null
  description = "Concurrent executions in the account that raise the alarm: 80 % of its quota, which is 1,000 unless raised (and 10 in some new accounts). Each relay needs one, for up to 50 visible terminals, and each message in progress."
}

variable "requests_alarm_threshold" {
  type        = number
  default     = null
  description = "Messages and posts a minute that raise the alarm: 80 % of API Gateway's quota of the account, which is 10,000 a second unless raised (and 2,500 in small regions). It ends before the executions do."
}

variable "architecture" {
  type        = string
  default     = null
  description = "Architecture of the function's binary."
}

variable "memory_size" {
  type        = number
  default     = null
  description = "Megabytes. The function needs about 20; its CPU share and the price of every relay grow with this value."
}

variable "reserved_concurrency" {
  type        = number
  default     = null
  description = "Concurrent executions reserved for this function, which are also its limit; 0 for neither."
}

variable "log_filter" {
  type        = string
  default     = null
  description = "RUST_LOG of the function, for example gateway_lambda=debug to find a fault; empty for its default."
}

variable "environment" {
  type        = string
  default     = null
  description = "Such as dev. If given, every name starts with it and a hyphen, so that several environments fit into one account."
}

variable "function_name" {
  type        = string
  default     = null
  description = "Name of the function."
}

variable "api_name" {
  type        = string
  default     = null
  description = "Name of the API."
}

variable "table_name" {
  type        = string
  default     = null
  description = "Name of the table."
}

variable "stage_name" {
  type        = string
  default     = null
  description = "Name of the API's stage, the last part of its address."
}
