//! Connections in DynamoDB.

/// Rows in a DynamoDB table.
pub struct DynamoConnections {}
