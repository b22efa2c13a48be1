//! A DynamoDB API: moto's server, one per test, on its own port.

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use gateway_lambda::connections::{SESSION_INDEX, USER_INDEX};
use gateway_lambda::{Aws, AwsConfig, DynamoConnections};
use std::io::{Read, Seek};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::Instant;

/// Time limit of moto's start, which takes 2 s on an idle machine and many more on a busy one.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Time between two checks for moto's start.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// moto's server; stopped on drop.
pub(crate) struct Moto {
    process: Child,
    url: String,
}

impl Moto {
    /// Starts moto from the workspace's `.venv` and waits until it listens.
    pub(crate) async fn start() -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/moto_server");
        // A file needs no reader, unlike a pipe.
        let mut output = tempfile::tempfile().unwrap();
        let stderr = output.try_clone().unwrap();
        let process = Command::new(&program)
            .args(["--host", "127.0.0.1", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn();
        let process = process.unwrap_or_else(|error| {
            panic!(
                "{} does not start ({error}): run `make .venv/installed`, which installs moto there",
                program.display()
            )
        });
        let mut moto = Self { process, url: String::new() };
        let until = Instant::now() + START_TIMEOUT;
        loop {
            let mut log = String::new();
            let _ = output.rewind().and_then(|()| output.read_to_string(&mut log));
            let url = log.lines().find_map(|line| line.split_once("Running on ")).map(|(_, url)| url.trim().to_owned());
            if let Some(url) = url {
                moto.url = url;
                return moto;
            }
            let ended = moto.process.try_wait().is_ok_and(|status| status.is_some());
            assert!(!ended && Instant::now() < until, "moto does not listen; its log:\n{log}");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn config(&self, table: &str) -> AwsConfig {
        AwsConfig { table: table.to_owned(), dynamodb_url: Some(self.url.clone()), ..aws_config() }
    }

    /// Creates the table of connections as on AWS.
    pub(crate) async fn create_table(&self, table: &str) -> DynamoConnections {
        let connections = DynamoConnections::new(Aws::new(self.config(table)));
        // moto loads its code with the first request, which may take longer than a call may.
        let until = Instant::now() + START_TIMEOUT;
        while let Err(error) = create(&connections, table).await {
            assert!(Instant::now() < until, "no table: {error}");
        }
        connections
    }
}

/// A configuration without a table and a DynamoDB API.
pub(crate) fn aws_config() -> AwsConfig {
    AwsConfig {
        table: "unused".to_owned(),
        region: "eu-west-1".to_owned(),
        credentials: Credentials::new("test", "test", None, None, "test"),
        dynamodb_url: None,
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn create(connections: &DynamoConnections, table: &str) -> Result<(), aws_sdk_dynamodb::Error> {
    let mut create = connections.client().create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    for name in ["connectionId", "sessionId", "userId"] {
        let text = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        create = create.attribute_definitions(text.build()?);
    }
    for (index, name) in [(SESSION_INDEX, "sessionId"), (USER_INDEX, "userId")] {
        let projection = Projection::builder().projection_type(ProjectionType::Include).non_key_attributes("expiresAt");
        let index =
            GlobalSecondaryIndex::builder().index_name(index).key_schema(key(name)?).projection(projection.build());
        create = create.global_secondary_indexes(index.build()?);
    }
    // A retry after a timeout may find the table that the first attempt created.
    let exists = CreateTableError::is_resource_in_use_exception;
    match create.key_schema(key("connectionId")?).send().await {
        Err(error) if !error.as_service_error().is_some_and(exists) => Err(error.into()),
        _ => Ok(()),
    }
}

fn key(name: &str) -> Result<KeySchemaElement, aws_sdk_dynamodb::error::BuildError> {
    KeySchemaElement::builder().attribute_name(name).key_type(KeyType::Hash).build()
}
