//! A DynamoDB API (moto's server) with the table of connections.

use crate::binaries::python_program;
use crate::service::Service;
use gateway_lambda::AwsConfig;
use gateway_lambda::connections::{SESSION_INDEX, USER_INDEX};
use serde_json::{Value, json};
use tokio::process::Command;

const TABLE: &str = "WebSocketConnections";

pub(crate) struct Dynamo(Service);

impl Dynamo {
    /// Starts the server, and creates the table of `template.yaml`.
    pub(crate) async fn start() -> Self {
        let mut command = Command::new(python_program("moto_server"));
        command.args(["--host", "127.0.0.1", "--port", "0"]).env("PYTHONUNBUFFERED", "1");
        let dynamo = Self(Service::start("moto", command, "Running on http://").await);
        dynamo.create_table().await;
        dynamo
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.0.addr)
    }

    /// AWS configuration of a client.
    pub(crate) fn config(&self) -> AwsConfig {
        AwsConfig::from_lookup(|name| {
            self.variables().into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
        })
        .expect("everything is set")
    }

    /// Environment variables of a function.
    pub(crate) fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("TABLE_NAME", TABLE.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.url()),
        ]
    }

    pub(crate) async fn stop(self) {
        self.0.stop().await;
    }

    async fn create_table(&self) {
        let key = |name: &str| json!([{"AttributeName": name, "KeyType": "HASH"}]);
        let index = |index: &str, name: &str| json!({"IndexName": index, "KeySchema": key(name), "Projection": {"ProjectionType": "ALL"}});
        let attribute = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
        let table = json!({
            "TableName": TABLE,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": key("connectionId"),
            "AttributeDefinitions": [attribute("connectionId"), attribute("sessionId"), attribute("userId")],
            "GlobalSecondaryIndexes": [index(SESSION_INDEX, "sessionId"), index(USER_INDEX, "userId")],
        });
        self.call("CreateTable", &table).await;
    }

    /// Calls the API without the SDK: one request does not need its table client.
    async fn call(&self, action: &str, body: &Value) {
        let answer = crate::http::http()
            .post(self.url())
            .header("x-amz-target", format!("DynamoDB_20120810.{action}"))
            .header("content-type", "application/x-amz-json-1.0")
            .header("authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request")
            .body(body.to_string())
            .send()
            .await
            .expect("moto answers");
        let status = answer.status();
        assert!(status.is_success(), "{action}: {status} {}", answer.text().await.unwrap_or_default());
    }
}
