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
