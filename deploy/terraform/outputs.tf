# Every output of template.yaml.

output "websocket_stage_url" {
  description = "NEXT_PUBLIC_WS_URL of the page."
  value       = aws_cloudformation_stack.gateway.outputs["WebSocketUrl"]
}

output "connections_endpoint" {
  description = "Address at which the function posts to browsers."
  value       = aws_cloudformation_stack.gateway.outputs["ConnectionsEndpoint"]
}

output "function_role_arn" {
  description = "The function's role."
  value       = aws_cloudformation_stack.gateway.outputs["FunctionRoleArn"]
}

output "function_policy" {
  description = "Policy document that an existing role must include."
  value       = aws_cloudformation_stack.gateway.outputs["FunctionPolicy"]
}

output "function_log_group" {
  description = "Log group of the function."
  value       = aws_cloudformation_stack.gateway.outputs["FunctionLogGroup"]
}

output "dashboard_name" {
  description = "The dashboard in CloudWatch."
  value       = aws_cloudformation_stack.gateway.outputs["DashboardName"]
}
