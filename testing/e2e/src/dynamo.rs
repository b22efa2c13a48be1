//! A DynamoDB API (moto) with the table of connections.

use gateway_lambda::AwsConfig;
use test_servers::Moto;

/// The table of `template.yaml`.
const TABLE: &str = include_str!("../../../gateway-lambda/tests/support/table.json");

const REGION: &str = "us-east-1";

pub(crate) struct Dynamo(Moto);

impl Dynamo {
    /// Starts moto, and creates the table.
    pub(crate) async fn start() -> Self {
        let moto = Moto::start().await;
        moto.create_table(REGION, TABLE).await;
        Self(moto)
    }

    /// AWS configuration of a client.
    pub(crate) fn config(&self) -> AwsConfig {
        let variables = self.variables();
        AwsConfig::from_lookup(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
        })
        .expect("everything is set")
    }

    /// Environment variables of a function.
    pub(crate) fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("TABLE_NAME", "WebSocketConnections".to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.0.url()),
        ]
    }
}
