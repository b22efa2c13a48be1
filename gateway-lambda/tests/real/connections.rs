//! Contract tests of `MemoryConnections` and, on a real DynamoDB API, of `DynamoConnections`.

use crate::contract::connections_contract;
use crate::moto::{aws_config, table};
use crate::support::{NOW, id, identity, row};
use futures_util::StreamExt;
use gateway_lambda::{Aws, Connection, Connections, DynamoConnections, Identity, MemoryConnections};
use std::time::Duration;
use test_servers::Moto;
use tokio::time::Instant;

#[tokio::test]
async fn memory_satisfies_the_contract() {
    connections_contract(&MemoryConnections::default()).await;
}

#[tokio::test]
async fn dynamodb_satisfies_the_contract() {
    let (_moto, table) = table().await;
    connections_contract(&table).await;
}

#[tokio::test]
async fn all_pages_of_dynamodb_are_read() {
    let (_moto, table) = table().await;
    // A page has at most 1 MB: 600 rows of 2 KB, the longest key of an index, need two pages.
    let identity = Identity { sub: "u".repeat(2048), ..identity() };
    let rows: Vec<Connection> = (0..600).map(|n| row(&format!("c{n}="), identity.clone())).collect();
    futures_util::stream::iter(&rows).for_each_concurrent(8, |row| async { table.put(row).await.unwrap() }).await;
    assert_eq!(table.count_by_user(&identity.sub, NOW).await.unwrap(), 600);
    let expiry = rows[0].expires_at;
    assert_eq!(table.list_idle_by_user(&identity.sub, NOW, expiry).await.unwrap().len(), 600);
}

#[tokio::test]
async fn a_missing_table_is_an_error() {
    let moto = Moto::start().await;
    let table = DynamoConnections::new(Aws::new(aws_config("nowhere", moto.url())));
    let error = table.get(&id("c="), NOW).await.unwrap_err();
    assert_eq!(error.action, "read a row");
    assert!(error.to_string().contains("ResourceNotFound"), "{error}");
}

#[tokio::test]
async fn an_unreachable_database_fails_in_time() {
    // A port that was released refuses connections.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let table = DynamoConnections::new(Aws::new(aws_config("nowhere", format!("http://{free}"))));
    let began = Instant::now();
    assert_eq!(table.count_by_user("ada", NOW).await.unwrap_err().action, "count a user's rows");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
