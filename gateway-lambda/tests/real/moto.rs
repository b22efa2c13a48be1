//! The table of connections on a DynamoDB API.

use aws_credential_types::Credentials;
use gateway_lambda::{Aws, AwsConfig, DynamoConnections};
use test_servers::Moto;

const REGION: &str = "eu-west-1";

/// A moto with the table of `template.yaml`, `WebSocketConnections`.
pub(crate) async fn table() -> (Moto, DynamoConnections) {
    let moto = Moto::start().await;
    moto.create_table(REGION, include_str!("../support/table.json")).await;
    let connections = DynamoConnections::new(Aws::new(aws_config("WebSocketConnections", moto.url())));
    (moto, connections)
}

pub(crate) fn aws_config(table: &str, dynamodb_url: String) -> AwsConfig {
    AwsConfig {
        table: table.to_owned(),
        region: REGION.to_owned(),
        credentials: Credentials::new("test", "test", None, None, "test"),
        dynamodb_url: Some(dynamodb_url),
    }
}
