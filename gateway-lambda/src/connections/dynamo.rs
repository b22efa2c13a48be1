//! Connections in a DynamoDB table.
//!
//! Key `connectionId`; time to live on `expiresAt`; index `userId-index` (key `userId`), which must project `expiresAt`.

use super::{Connection, Connections, ConnectionsError};
use crate::aws::{self, Aws};
use crate::identity::{Identity, class_claims, class_fields};
use async_trait::async_trait;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, StalledStreamProtectionConfig};
use aws_sdk_dynamodb::error::{DisplayErrorContext, SdkError};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use aws_sdk_dynamodb::{Client, Config};
use shared_protocol::{ConnectionId, SessionId};
use std::collections::HashMap;
use std::error::Error;
use std::sync::OnceLock;
use std::time::Duration;

/// Index from users to their connections.
pub const USER_INDEX: &str = "userId-index";

/// Time limit of one attempt. DynamoDB usually answers in 5 ms.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);
/// Time limit of a call with its retries. Every call here is idempotent.
const CALL_TIMEOUT: Duration = Duration::from_secs(4);
/// Attempts of one call.
const MAX_ATTEMPTS: u32 = 3;

/// Rows in a DynamoDB table.
pub struct DynamoConnections {
    aws: Aws,
    client: OnceLock<Client>,
}

/// Attributes of a row in DynamoDB.
type Item = HashMap<String, AttributeValue>;

impl DynamoConnections {
    /// Opens no connection: the first call does.
    pub fn new(aws: Aws) -> Self {
        Self { aws, client: OnceLock::new() }
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| {
            let mut config = Config::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .region(Region::new(self.aws.config.region.clone()))
                .credentials_provider(self.aws.config.credentials.clone())
                .http_client(self.aws.http.clone())
                .timeout_config(aws::timeouts(ATTEMPT_TIMEOUT, CALL_TIMEOUT))
                .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
            config.set_endpoint_url(self.aws.config.dynamodb_url.clone());
            Client::from_conf(config.build())
        })
    }

    fn table(&self) -> &str {
        &self.aws.config.table
    }

    /// Query for the live rows of one key of an index.
    fn live(&self, index: &str, key: &str, value: &str, now: u64) -> QueryFluentBuilder {
        self.client()
            .query()
            .table_name(self.table())
            .index_name(index)
            .key_condition_expression("#key = :value")
            .filter_expression("#expires > :now")
            .expression_attribute_names("#key", key)
            .expression_attribute_names("#expires", "expiresAt")
            .expression_attribute_values(":value", AttributeValue::S(value.to_owned()))
            .expression_attribute_values(":now", number(now))
    }
}

#[async_trait]
impl Connections for DynamoConnections {
    async fn put(&self, connection: &Connection) -> Result<(), ConnectionsError> {
        let put = self.client().put_item().table_name(self.table()).set_item(Some(to_item(connection)));
        put.send().await.map(|_| ()).map_err(failed("write a row"))
    }

    async fn get(&self, id: &ConnectionId, now: u64) -> Result<Option<Connection>, ConnectionsError> {
        // A connection's first message may follow right after its row was written.
        let get = self.client().get_item().table_name(self.table()).key("connectionId", text(id)).consistent_read(true);
        let Some(item) = get.send().await.map_err(failed("read a row"))?.item else { return Ok(None) };
        let damaged = || ConnectionsError { action: "read a row", reason: "it is not complete".to_owned() };
        let row = from_item(&item).ok_or_else(damaged)?;
        Ok(Some(row).filter(|row| row.expires_at > now))
    }

    async fn touch(&self, id: &ConnectionId, expires_at: u64) -> Result<(), ConnectionsError> {
        let update = self
            .client()
            .update_item()
            .table_name(self.table())
            .key("connectionId", text(id))
            .update_expression("SET expiresAt = :expires")
            .condition_expression("attribute_exists(connectionId)")
            .expression_attribute_values(":expires", number(expires_at));
        let is_missing = UpdateItemError::is_conditional_check_failed_exception;
        match update.send().await {
            Err(error) if !error.as_service_error().is_some_and(is_missing) => Err(failed("extend a row")(error)),
            _ => Ok(()),
        }
    }

    async fn remove(&self, id: &ConnectionId) -> Result<(), ConnectionsError> {
        let delete = self.client().delete_item().table_name(self.table()).key("connectionId", text(id));
        delete.send().await.map(|_| ()).map_err(failed("remove a row"))
    }

    async fn count_by_user(&self, user: &str, now: u64) -> Result<usize, ConnectionsError> {
        let query = self.live(USER_INDEX, "userId", user, now).select(Select::Count);
        let (mut count, mut pages) = (0, query.into_paginator().send());
        while let Some(page) = pages.next().await {
            count += usize::try_from(page.map_err(failed("count a user's rows"))?.count).unwrap_or_default();
        }
        Ok(count)
    }

    async fn list_idle_by_user(&self, user: &str, now: u64, until: u64) -> Result<Vec<ConnectionId>, ConnectionsError> {
        let query = self
            .live(USER_INDEX, "userId", user, now)
            .filter_expression("#expires > :now AND #expires <= :until")
            .expression_attribute_values(":until", number(until));
        ids(query, "find a user's rows").await
    }
}

/// Connections of all rows of a query, over all of its pages.
async fn ids(query: QueryFluentBuilder, action: &'static str) -> Result<Vec<ConnectionId>, ConnectionsError> {
    let items = query.projection_expression("connectionId").into_paginator().items().send();
    let items: Result<Vec<Item>, _> = items.collect().await;
    Ok(items.map_err(failed(action))?.iter().filter_map(connection_id).collect())
}

fn text(value: &impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn to_item(row: &Connection) -> Item {
    let identity = &row.identity;
    let mut item = Item::from([
        ("connectionId".to_owned(), text(&row.id)),
        ("userId".to_owned(), text(&identity.row_user())),
        ("connectedAt".to_owned(), number(row.connected_at)),
        ("expiresAt".to_owned(), number(row.expires_at)),
        ("role".to_owned(), text(&identity.role)),
        ("admin".to_owned(), AttributeValue::Bool(identity.admin)),
        ("create".to_owned(), AttributeValue::Bool(identity.create)),
        ("tokenExpiresAt".to_owned(), number(identity.uexp)),
    ]);
    for (name, set) in [("carrier", identity.carrier), ("overLimit", identity.over_limit)] {
        if set {
            item.insert(name.to_owned(), AttributeValue::Bool(true));
        }
    }
    item.extend(identity.sid.as_ref().map(|sid| ("sessionId".to_owned(), text(sid))));
    item.extend(identity.iat.map(|iat| ("tokenIssuedAt".to_owned(), number(iat))));
    item.extend(class_fields(&identity.class).map(|(name, value)| (name.to_owned(), text(&value))));
    item
}

fn from_item(item: &Item) -> Option<Connection> {
    let text = |name: &str| item.get(name)?.as_s().ok();
    let number = |name: &str| item.get(name)?.as_n().ok()?.parse().ok();
    let flag = |name: &str| item.get(name)?.as_bool().ok().copied();
    let mut identity = Identity {
        sub: text("userId")?.to_owned(),
        sid: text("sessionId").map(SessionId::new).transpose().ok()?,
        carrier: flag("carrier").unwrap_or(false),
        over_limit: flag("overLimit").unwrap_or(false),
        role: text("role")?.parse().ok()?,
        admin: flag("admin")?,
        create: flag("create")?,
        uexp: number("tokenExpiresAt")?,
        iat: number("tokenIssuedAt"),
        class: class_claims(|name| text(name).map(String::as_str))?,
    };
    // A viewer's row of an older function has no prefix, and lives for some minutes.
    if let Some(sub) = identity.sub.strip_prefix(&identity.row_prefix()) {
        identity.sub = sub.to_owned();
    }
    Some(Connection {
        id: connection_id(item)?,
        identity,
        connected_at: number("connectedAt")?,
        expires_at: number("expiresAt")?,
    })
}

fn connection_id(item: &Item) -> Option<ConnectionId> {
    ConnectionId::new(item.get("connectionId")?.as_s().ok()?).ok()
}

fn failed<E: Error + 'static>(action: &'static str) -> impl Fn(SdkError<E>) -> ConnectionsError {
    move |error| ConnectionsError { action, reason: DisplayErrorContext(&error).to_string() }
}
