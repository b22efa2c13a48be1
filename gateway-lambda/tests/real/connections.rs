//! The contract of `Connections`, kept by both of its implementations: in memory, and on a real DynamoDB API.

use crate::contract::connections_contract;
use crate::moto::Moto;
use futures_util::StreamExt;
use gateway_lambda::{Aws, AwsConfig, Connection, Connections, DynamoConnections, Identity, MemoryConnections};
use shared_protocol::{ConnectionId, Role, SessionId};
use std::time::Duration;
use tokio::time::Instant;

const NOW: u64 = 1_795_000_000;

#[tokio::test]
async fn memory_keeps_the_contract() {
    connections_contract(&MemoryConnections::new()).await.unwrap();
}

#[tokio::test]
async fn dynamodb_keeps_the_contract() {
    let moto = Moto::start().await;
    connections_contract(&moto.create_table("WebSocketConnections").await).await.unwrap();
}

#[tokio::test]
async fn dynamodb_answers_in_pages_and_all_of_them_count() {
    let moto = Moto::start().await;
    let table = moto.create_table("WebSocketConnections").await;
    // A page ends at 1 MB: rows of 2 KB (the longest key of an index) need two.
    let identity = Identity {
        sub: "u".repeat(2048),
        sid: Some(SessionId::new("crowded").unwrap()),
        role: Role::Viewer,
        admin: false,
        create: false,
        uexp: NOW,
        iat: None,
    };
    let rows = (0..600).map(|n| Connection {
        id: ConnectionId::new(format!("c{n}=")).unwrap(),
        identity: identity.clone(),
        connected_at: NOW,
        expires_at: NOW + 1,
    });
    let rows: Vec<Connection> = rows.collect();
    futures_util::stream::iter(&rows).for_each_concurrent(8, |row| async { table.put(row).await.unwrap() }).await;
    assert_eq!(table.count_by_user(&identity.sub, NOW).await.unwrap(), 600);
    assert_eq!(table.list_by_session(identity.sid.as_ref().unwrap(), NOW).await.unwrap().len(), 600);
}

#[tokio::test]
async fn a_missing_table_is_a_sentence_and_not_a_hang() {
    let moto = Moto::start().await;
    let table = DynamoConnections::new(Aws::new(moto.config("nowhere")));
    let error = table.get(&ConnectionId::new("c=").unwrap(), NOW).await.unwrap_err();
    assert_eq!(error.action, "read a row");
    assert!(error.to_string().contains("ResourceNotFound"), "{error}");
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_fails_in_time() {
    // Nobody listens on a port that was given back.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = AwsConfig {
        table: "t".into(),
        region: "eu-west-1".into(),
        credentials: aws_credential_types::Credentials::new("test", "test", None, None, "test"),
        dynamodb_url: Some(format!("http://{free}")),
    };
    let table = DynamoConnections::new(Aws::new(config));
    let began = Instant::now();
    assert_eq!(table.count_by_user("ada", NOW).await.unwrap_err().action, "count a user's rows");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
