//! The store of several instances: Redis. Every session, connection and instance is a hash with a life of its own; what belongs to
//! whom is an index beside them, which may lag and is checked against the hashes whenever it is read.

mod address;
mod dial;
mod link;
mod records;
mod scripts;
mod start;

pub use start::{ConnectError, PATIENCE};

use super::keys::{
    CONNECTION, CONNECTION_GONE, CONNECTIONS_OF_SESSION, INSTANCE, INSTANCES, Kind, SCREEN, SESSION, SESSIONS_OF_USER,
};
use super::{
    ConnectionRecord, Incarnation, Instance, Put, ScreenRecord, SessionRecord, Store, StoreError, Version, life,
};
use async_trait::async_trait;
use link::{Call, Link, Question};
use records::Fields;
use redis::Value;
use shared_protocol::{ConnectionId, SessionId};

/// Longest screen, in bytes: some thousand full lines with colours.
const SCREEN_BYTES: usize = 4 * 1024 * 1024;

/// Redis 6 or later, or what speaks like it. Each call ends within 2 s; while there is no connection, within 250 ms.
pub struct RedisStore {
    link: Link,
}

impl RedisStore {
    async fn read(&self, kind: Kind, id: &str) -> Result<Option<Fields>, StoreError> {
        let answer = self.link.call().ask_one(read(&kind, id)).await?;
        Fields::of(kind, id, answer)
    }
}

/// No more arguments.
const NOTHING: Option<&str> = None;

/// A question about a key, with more arguments.
fn about<A: redis::ToRedisArgs>(name: &str, key: String, more: A) -> Question {
    let mut command = redis::cmd(name);
    command.arg(&key).arg(more);
    Question { key, command }
}

/// The fields of a hash, in the table's order: none of another's, however many those are.
fn read(kind: &Kind, id: &str) -> Question {
    about("HMGET", kind.key(id), kind.fields())
}

fn unexpected<E: std::fmt::Display>(key: &str) -> impl FnOnce(E) -> StoreError {
    move |error| StoreError(format!("{key} cannot be read: {error}"))
}

/// Reads what an index leads to. A member whose hash is gone, or is not `wanted` here, is removed from the index.
async fn members<T>(
    call: &Call<'_>,
    index: String,
    kind: Kind,
    wanted: impl Fn(&Fields) -> Result<Option<T>, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let latest = (0, scripts::MEMBERS - 1, "WITHSCORES");
    let answer = call.ask_one(about("ZREVRANGE", index.clone(), latest)).await?;
    let mut members: Vec<(Vec<u8>, String)> = redis::from_redis_value(answer).map_err(unexpected(&index))?;
    let ids: Vec<_> = members.iter().map(|(member, _)| String::from_utf8_lossy(member).into_owned()).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let answers = call.ask(ids.iter().map(|id| read(&kind, id)).collect()).await?;
    let mut found = Vec::new();
    let mut stale = Vec::new();
    for ((id, answer), member) in ids.iter().zip(answers).zip(members.drain(..)) {
        let fields = Fields::of(kind, id, answer)?;
        match fields.as_ref().map(&wanted).transpose()?.flatten() {
            Some(record) => found.push(record),
            None => stale.push(member),
        }
    }
    if !stale.is_empty()
        && let Err(error) = call.ask_one(scripts::forget(index, &stale)).await
    {
        // It is as stale for the next reader.
        tracing::debug!(%error, "an index was not tidied");
    }
    Ok(found)
}

#[async_trait]
impl Store for RedisStore {
    fn kind(&self) -> &'static str {
        "redis"
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn put(&self, record: &SessionRecord, over: Option<&Version>) -> Result<Put, StoreError> {
        let id = record.id.as_str();
        let over = over.map(records::over);
        let values = records::session_values(record);
        // The record first: who reads the index between the two must not take a member without a record for a stale one.
        let questions = vec![
            scripts::put_session(&SESSION, id, values, over.as_ref(), life(record)),
            scripts::enter(&SESSIONS_OF_USER, &record.user, id),
        ];
        let answers = self.link.call().ask(questions).await?;
        match answers.into_iter().next() {
            Some(Value::Nil) => Ok(Put::Written),
            Some(there) => match Fields::of(SESSION, id, there)? {
                Some(fields) => fields.session().map(Put::Other),
                None => Err(StoreError(format!("{} cannot be read: it is not Termgate's", SESSION.key(id)))),
            },
            None => Err(StoreError("Redis answered nothing".into())),
        }
    }

    async fn session(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.read(SESSION, id.as_str()).await?.map(|fields| fields.session()).transpose()
    }

    async fn sessions_of(&self, user: &str) -> Result<Vec<SessionRecord>, StoreError> {
        let index = SESSIONS_OF_USER.key(user);
        members(&self.link.call(), index, SESSION, |fields| {
            fields.session().map(|record| (record.user == user).then_some(record))
        })
        .await
    }

    async fn put_screen(&self, id: &SessionId, screen: &ScreenRecord) -> Result<(), StoreError> {
        if screen.data.len() > SCREEN_BYTES {
            return Err(StoreError(format!("a screen of {} bytes is too long to be kept", screen.data.len())));
        }
        let question = scripts::write(&SCREEN, id.as_str(), records::screen_values(screen));
        self.link.call().ask_one(question).await.map(drop)
    }

    async fn screen(&self, id: &SessionId) -> Result<Option<ScreenRecord>, StoreError> {
        let call = self.link.call();
        let key = SCREEN.key(id.as_str());
        let length = call.ask_one(about("HSTRLEN", key.clone(), "data")).await?;
        let length: usize = redis::from_redis_value(length).map_err(unexpected(&key))?;
        if length > SCREEN_BYTES {
            return Err(StoreError(format!("{key} cannot be read: its data are {length} bytes")));
        }
        let answer = call.ask_one(read(&SCREEN, id.as_str())).await?;
        Fields::of(SCREEN, id.as_str(), answer)?.map(|fields| fields.screen()).transpose()
    }

    async fn put_connection(&self, record: &ConnectionRecord) -> Result<(), StoreError> {
        let id = record.id.as_str();
        let questions = vec![
            scripts::write(&CONNECTION, id, records::connection_values(record)),
            scripts::enter(&CONNECTIONS_OF_SESSION, record.session.as_str(), id),
        ];
        self.link.call().ask(questions).await.map(drop)
    }

    async fn connections_of(&self, session: &SessionId) -> Result<Vec<ConnectionRecord>, StoreError> {
        let index = CONNECTIONS_OF_SESSION.key(session.as_str());
        members(&self.link.call(), index, CONNECTION, |fields| {
            fields.connection().map(|record| (record.session == *session).then_some(record))
        })
        .await
    }

    async fn connection_gone(&self, id: &ConnectionId) -> Result<(), StoreError> {
        let life = CONNECTION_GONE.life.as_secs();
        let questions = vec![
            about("SET", CONNECTION_GONE.key(id.as_str()), ("1", "EX", life)),
            about("DEL", CONNECTION.key(id.as_str()), NOTHING),
        ];
        self.link.call().ask(questions).await.map(drop)
    }

    async fn is_gone(&self, id: &ConnectionId) -> Result<bool, StoreError> {
        let key = CONNECTION_GONE.key(id.as_str());
        let answer = self.link.call().ask_one(about("EXISTS", key.clone(), NOTHING)).await?;
        redis::from_redis_value(answer).map_err(unexpected(&key))
    }

    async fn beat(&self, instance: &Instance) -> Result<bool, StoreError> {
        let id = &instance.id.0;
        let questions =
            vec![scripts::write(&INSTANCE, id, records::instance_values(instance)), scripts::enter(&INSTANCES, "", id)];
        let answers = self.link.call().ask(questions).await?;
        let known = answers.into_iter().next().unwrap_or(Value::Nil);
        redis::from_redis_value(known).map_err(unexpected(&INSTANCE.key(id)))
    }

    async fn leave(&self, id: &Incarnation) -> Result<(), StoreError> {
        self.link.call().ask_one(about("DEL", INSTANCE.key(&id.0), NOTHING)).await.map(drop)
    }

    async fn instance(&self, id: &Incarnation) -> Result<Option<Instance>, StoreError> {
        self.read(INSTANCE, &id.0).await?.map(|fields| fields.instance()).transpose()
    }

    async fn instances(&self) -> Result<Vec<Instance>, StoreError> {
        members(&self.link.call(), INSTANCES.key(""), INSTANCE, |fields| fields.instance().map(Some)).await
    }
}
