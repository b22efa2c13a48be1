//! AWS prices in dollars: published prices of us-east-1 without taxes, free tiers and volume discounts, as of November 2026.

/// A WebSocket message, either way, for each started 32 KB. Source: API Gateway pricing, "WebSocket APIs", first billion.
pub(crate) const MESSAGE: f64 = 1.00 / 1e6;

/// A minute of a connection. Same source.
pub(crate) const CONNECTION_MINUTE: f64 = 0.25 / 1e6;

/// An invocation of the function. Source: Lambda pricing, "Requests".
pub(crate) const REQUEST: f64 = 0.20 / 1e6;

/// A GB of memory for a second, on arm64. Source: Lambda pricing, "Arm price", first 7.5 billion.
pub(crate) const GB_SECOND: f64 = 0.000_013_333_4;

/// A write to the table. Source: DynamoDB pricing, on-demand, "Write Request Units".
pub(crate) const TABLE_WRITE: f64 = 0.625 / 1e6;

/// A GB of outbound data. Source: EC2 on-demand pricing, "Data transfer out to internet", first 10 TB.
pub(crate) const GB_OUT: f64 = 0.09;

/// A GB of logs. Source: CloudWatch pricing, "Collect (Data Ingestion)", standard.
pub(crate) const GB_OF_LOGS: f64 = 0.50;

/// A processor of App Runner for an hour in which a request is open, and a GB of its memory for every hour.
/// Source: App Runner pricing, "Active container instances", "Provisioned container instances".
pub(crate) const APP_RUNNER_CPU_HOUR: f64 = 0.064;
pub(crate) const APP_RUNNER_GB_HOUR: f64 = 0.007;

/// A processor and a GB of a task for an hour, on x86. Source: Fargate pricing, "Linux/X86".
pub(crate) const FARGATE_CPU_HOUR: f64 = 0.040_48;
pub(crate) const FARGATE_GB_HOUR: f64 = 0.004_445;

/// The same on arm64. Source: Fargate pricing, "Linux/ARM".
pub(crate) const FARGATE_ARM_CPU_HOUR: f64 = 0.032_38;
pub(crate) const FARGATE_ARM_GB_HOUR: f64 = 0.003_56;

/// A load balancer for an hour, with one of its capacity units. Source: Elastic Load Balancing pricing, "Application Load
/// Balancer".
pub(crate) const LOAD_BALANCER_HOUR: f64 = 0.0225 + 0.008;

/// A public IPv4 address for an hour. Source: VPC pricing, "Public IPv4 addresses".
pub(crate) const ADDRESS_HOUR: f64 = 0.005;

/// A cache.t4g.micro with Valkey for an hour. Source: ElastiCache pricing, "On-demand nodes".
pub(crate) const CACHE_HOUR: f64 = 0.0128;

/// A metric that an alarm watches, a month. Source: CloudWatch pricing, "Alarms", standard resolution.
pub(crate) const ALARM_METRIC: f64 = 0.10;

/// A metric of our own, a month. Source: CloudWatch pricing, "Metrics", first 10,000.
pub(crate) const CUSTOM_METRIC: f64 = 0.30;

/// A secret, a month. Source: Secrets Manager pricing.
pub(crate) const SECRET: f64 = 0.40;
