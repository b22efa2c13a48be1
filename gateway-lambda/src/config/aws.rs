//! Variables of the access to AWS.

use super::{ConfigError, Lookup};
use aws_credential_types::Credentials;

/// Access to AWS. Lambda sets all but the table.
#[derive(Debug, Clone)]
pub struct AwsConfig {
    /// `TABLE_NAME`: the table of connections.
    pub table: String,
    /// `AWS_REGION`.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, valid as long as the process lives.
    pub credentials: Credentials,
    /// `AWS_ENDPOINT_URL_DYNAMODB`: another DynamoDB API, for tests and local use.
    pub dynamodb_url: Option<String>,
}

impl AwsConfig {
    /// Reads the variables named at the fields.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let lookup = Lookup(&lookup);
        let because = "calls to DynamoDB and to @connections are signed with it; Lambda sets it";
        let credentials = Credentials::new(
            lookup.required("AWS_ACCESS_KEY_ID", because)?,
            lookup.required("AWS_SECRET_ACCESS_KEY", because)?,
            lookup.get("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        Ok(Self {
            table: lookup.required("TABLE_NAME", "connections are kept in that DynamoDB table")?,
            region: lookup.required("AWS_REGION", because)?,
            credentials,
            dynamodb_url: lookup.get("AWS_ENDPOINT_URL_DYNAMODB"),
        })
    }
}
