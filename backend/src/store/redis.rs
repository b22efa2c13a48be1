//! The Redis store, shared by several instances. Sessions, connections and instances are hashes with a TTL each. Indexes list
//! their ids; an index may lag, so each read checks it against the hashes.

mod address;
mod bootstrap;
mod connect;
mod connection;
mod records;
mod scripts;

pub use bootstrap::{ConnectError, START_TIMEOUT};

use super::events::ROOM;
use super::keys::{
    ANNOUNCEMENTS, CLASS, COMMANDS, CONNECTION, CONNECTION_GONE, CONNECTIONS_OF_SESSION, DISPATCH, EVENT_SENDER,
    EVENTS, INSTANCE, INSTANCES, KeySpec, REVOKED, SCREEN, SESSION, SESSIONS_OF_GROUP, SESSIONS_OF_USER,
    SESSIONS_WITH_EVENTS, WALL,
};
use super::{
    Cas, ClassRecord, CommandPlace, CommandRecord, ConnectionRecord, DispatchRecord, EventRecord, Instance, InstanceId,
    MAX_COMMANDS, MAX_EVENTS, MAX_REVOKED, Member, Pace, Revocations, ScreenRecord, SessionRecord, Store, StoreError,
    Turn, Version, session_ttl,
};
use async_trait::async_trait;
use connection::{Call, Command, ManagedConnection};
use records::Fields;
use redis::Value;
use shared_protocol::{ClientId, ConnectionId, GroupId, SessionId};

/// Largest screen, in bytes: some thousand full lines with colours.
const MAX_SCREEN_BYTES: usize = 4 * 1024 * 1024;

/// A Redis 6 or later, or a compatible server. Each call ends within 2 s; while disconnected, within 250 ms.
pub struct RedisStore {
    connection: ManagedConnection,
}

impl RedisStore {
    async fn read(&self, kind: KeySpec, id: &str) -> Result<Option<Fields>, StoreError> {
        let answer = self.connection.call().execute_one(read(&kind, id)).await?;
        Fields::of(kind, id, answer)
    }
}

const NO_ARGUMENTS: Option<&str> = None;

/// A command on a key, with further arguments.
fn command<A: redis::ToRedisArgs>(name: &str, key: String, more: A) -> Command {
    let command = redis::cmd(name).arg(&key).arg(more).to_owned();
    Command { key, command }
}

/// Reads the known fields of a hash, in the order of the key table; a foreign hash costs no more.
fn read(kind: &KeySpec, id: &str) -> Command {
    command("HMGET", kind.key(id), kind.fields())
}

fn unexpected<E: std::fmt::Display>(key: &str) -> impl FnOnce(E) -> StoreError {
    move |error| StoreError(format!("{key} cannot be read: {error}"))
}

/// Reads the hashes of an index. Removes members whose hash is gone or not `wanted`.
async fn members<T>(
    call: &Call<'_>,
    index: String,
    kind: KeySpec,
    wanted: impl Fn(&Fields) -> Result<Option<T>, StoreError>,
) -> Result<Vec<T>, StoreError> {
    indexed(
        call,
        index,
        |id| read(&kind, id),
        |id, answer| Fields::of(kind, id, answer)?.as_ref().map(&wanted).transpose().map(Option::flatten),
    )
    .await
}

/// Looks up each member of an index. Removes members that are not `found`.
async fn indexed<T>(
    call: &Call<'_>,
    index: String,
    look_up: impl Fn(&str) -> Command,
    found: impl Fn(&str, Value) -> Result<Option<T>, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let latest = (0, scripts::MAX_MEMBERS - 1, "WITHSCORES");
    let answer = call.execute_one(command("ZREVRANGE", index.clone(), latest)).await?;
    let members: Vec<(Vec<u8>, String)> = redis::from_redis_value(answer).map_err(unexpected(&index))?;
    let ids: Vec<_> = members.iter().map(|(member, _)| String::from_utf8_lossy(member).into_owned()).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let answers = call.execute(ids.iter().map(|id| look_up(id)).collect()).await?;
    let (mut records, mut stale) = (Vec::new(), Vec::new());
    for ((id, answer), member) in ids.iter().zip(answers).zip(members) {
        match found(id, answer)? {
            Some(record) => records.push(record),
            None => stale.push(member),
        }
    }
    if !stale.is_empty()
        && let Err(error) = call.execute_one(scripts::forget(index, &stale)).await
    {
        // The next read removes them.
        tracing::debug!(%error, "an index keeps stale members");
    }
    Ok(records)
}

#[async_trait]
impl Store for RedisStore {
    fn kind(&self) -> &'static str {
        "redis"
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn compare_and_set(&self, record: &SessionRecord, expected: Option<&Version>) -> Result<Cas, StoreError> {
        let id = record.id.as_str();
        let values = records::session_values(record);
        // The record first: a concurrent read of the index must not remove a member as stale.
        let mut commands = vec![
            scripts::compare_and_set(&SESSION, id, values, expected, session_ttl(record)),
            scripts::enter(&SESSIONS_OF_USER, &record.creator.user, id),
        ];
        commands
            .extend(record.creator.group.as_ref().map(|group| scripts::enter(&SESSIONS_OF_GROUP, group.as_str(), id)));
        let answers = self.connection.call().execute(commands).await?;
        match answers.into_iter().next() {
            Some(Value::Nil) => Ok(Cas::Stored),
            Some(there) => match Fields::of(SESSION, id, there)? {
                Some(fields) => fields.session().map(Cas::Conflict),
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
        members(&self.connection.call(), index, SESSION, |fields| {
            fields.session().map(|record| (record.creator.user == user).then_some(record))
        })
        .await
    }

    async fn sessions_in(&self, group: &GroupId) -> Result<Vec<SessionRecord>, StoreError> {
        let index = SESSIONS_OF_GROUP.key(group.as_str());
        members(&self.connection.call(), index, SESSION, |fields| {
            fields.session().map(|record| (record.creator.group.as_ref() == Some(group)).then_some(record))
        })
        .await
    }

    async fn put_screen(&self, id: &SessionId, screen: &ScreenRecord) -> Result<(), StoreError> {
        if screen.data.len() > MAX_SCREEN_BYTES {
            return Err(StoreError(format!("a screen of {} bytes is too large", screen.data.len())));
        }
        let command = scripts::write(&SCREEN, id.as_str(), records::screen_values(screen));
        self.connection.call().execute_one(command).await.map(drop)
    }

    async fn delete_screen(&self, id: &SessionId) -> Result<(), StoreError> {
        let command = command("DEL", SCREEN.key(id.as_str()), NO_ARGUMENTS);
        self.connection.call().execute_one(command).await.map(drop)
    }

    async fn screen(&self, id: &SessionId) -> Result<Option<ScreenRecord>, StoreError> {
        let call = self.connection.call();
        let key = SCREEN.key(id.as_str());
        let length = call.execute_one(command("HSTRLEN", key.clone(), "data")).await?;
        let length: usize = redis::from_redis_value(length).map_err(unexpected(&key))?;
        if length > MAX_SCREEN_BYTES {
            return Err(StoreError(format!("{key} cannot be read: its data are {length} bytes")));
        }
        let answer = call.execute_one(read(&SCREEN, id.as_str())).await?;
        Fields::of(SCREEN, id.as_str(), answer)?.map(|fields| fields.screen()).transpose()
    }

    async fn put_connection(&self, record: &ConnectionRecord) -> Result<(), StoreError> {
        let id = record.id.as_str();
        let commands = vec![
            scripts::write(&CONNECTION, id, records::connection_values(record)),
            scripts::enter(&CONNECTIONS_OF_SESSION, record.session.as_str(), id),
        ];
        self.connection.call().execute(commands).await.map(drop)
    }

    async fn connections_of(&self, session: &SessionId) -> Result<Vec<ConnectionRecord>, StoreError> {
        let index = CONNECTIONS_OF_SESSION.key(session.as_str());
        members(&self.connection.call(), index, CONNECTION, |fields| {
            fields.connection().map(|record| (record.session == *session).then_some(record))
        })
        .await
    }

    async fn mark_disconnected(&self, id: &ConnectionId) -> Result<(), StoreError> {
        let ttl = CONNECTION_GONE.ttl.as_secs();
        let commands = vec![
            command("SET", CONNECTION_GONE.key(id.as_str()), ("1", "EX", ttl)),
            command("DEL", CONNECTION.key(id.as_str()), NO_ARGUMENTS),
        ];
        self.connection.call().execute(commands).await.map(drop)
    }

    async fn is_disconnected(&self, id: &ConnectionId) -> Result<bool, StoreError> {
        let key = CONNECTION_GONE.key(id.as_str());
        let answer = self.connection.call().execute_one(command("EXISTS", key.clone(), NO_ARGUMENTS)).await?;
        redis::from_redis_value(answer).map_err(unexpected(&key))
    }

    async fn put_revoked(&self, session: &SessionId, revoked: &Revocations, now: u64) -> Result<(), StoreError> {
        let members = revoked.iter().map(|(member, until)| (until, member.as_str())).collect();
        let command = scripts::replace(&REVOKED, session.as_str(), members, revoked.ttl(now));
        self.connection.call().execute_one(command).await.map(drop)
    }

    async fn revoked(&self, session: &SessionId) -> Result<Revocations, StoreError> {
        let key = REVOKED.key(session.as_str());
        let latest = (0, MAX_REVOKED - 1, "WITHSCORES");
        let answer = self.connection.call().execute_one(command("ZREVRANGE", key.clone(), latest)).await?;
        let members: Vec<(String, f64)> = redis::from_redis_value(answer).map_err(unexpected(&key))?;
        let known = members.into_iter().map(|(member, until)| {
            let member = Member::parse(&member).ok_or("a member is not Termgate's");
            member.map(|member| (member, until as u64)).map_err(unexpected(&key))
        });
        known.collect()
    }

    async fn put_class(&self, session: &SessionId, class: &ClassRecord) -> Result<(), StoreError> {
        let command = scripts::write(&CLASS, session.as_str(), records::class_values(class));
        self.connection.call().execute_one(command).await.map(drop)
    }

    async fn class(&self, session: &SessionId) -> Result<Option<ClassRecord>, StoreError> {
        self.read(CLASS, session.as_str()).await?.map(|fields| fields.class()).transpose()
    }

    async fn put_commands(
        &self,
        session: &SessionId,
        created_at: u64,
        commands: &[CommandRecord],
    ) -> Result<(), StoreError> {
        let entries = commands.iter().map(|command| (command.place().to_string(), records::command_value(command)));
        let id = format!("{session}@{created_at}");
        let command = scripts::append(&COMMANDS, &id, MAX_COMMANDS, entries.collect());
        self.connection.call().execute_one(command).await.map(drop)
    }

    async fn commands(
        &self,
        session: &SessionId,
        created_at: u64,
        after: Option<CommandPlace>,
        limit: usize,
    ) -> Result<Vec<CommandRecord>, StoreError> {
        let key = COMMANDS.key(&format!("{session}@{created_at}"));
        let from = after.map_or_else(|| "-".to_owned(), |after| after.next().to_string());
        let answer =
            self.connection.call().execute_one(command("XRANGE", key.clone(), (from, "+", "COUNT", limit))).await?;
        records::commands(answer).map_err(unexpected(&key))
    }

    async fn push_events(&self, session: &SessionId, events: &[EventRecord]) -> Result<(), StoreError> {
        let entries = events.iter().map(EventRecord::text).collect();
        let commands = vec![
            scripts::push(&EVENTS, session.as_str(), (MAX_EVENTS, ROOM), entries),
            scripts::enter(&SESSIONS_WITH_EVENTS, "", session.as_str()),
        ];
        self.connection.call().execute(commands).await.map(drop)
    }

    async fn first_event(&self, session: &SessionId) -> Result<Option<EventRecord>, StoreError> {
        let key = EVENTS.key(session.as_str());
        let answer = self.connection.call().execute_one(command("LINDEX", key.clone(), 0)).await?;
        let entry: Option<String> = redis::from_redis_value(answer).map_err(unexpected(&key))?;
        entry.map(|entry| EventRecord::parse(&entry)).transpose().map_err(unexpected(&key))
    }

    async fn take_event(&self, session: &SessionId, event: &EventRecord) -> Result<(), StoreError> {
        let command = scripts::take(&EVENTS, session.as_str(), &event.text());
        self.connection.call().execute_one(command).await.map(drop)
    }

    async fn sessions_with_events(&self) -> Result<Vec<SessionId>, StoreError> {
        indexed(
            &self.connection.call(),
            SESSIONS_WITH_EVENTS.key(""),
            |id| command("EXISTS", EVENTS.key(id), NO_ARGUMENTS),
            |id, exists| Ok(SessionId::new(id).ok().filter(|_| exists == Value::Int(1))),
        )
        .await
    }

    async fn claim_sender(&self, session: &SessionId, sender: &InstanceId) -> Result<bool, StoreError> {
        let command = scripts::claim(&EVENT_SENDER, session.as_str(), sender, None);
        let answer = self.connection.call().execute_one(command).await?;
        let owner: String = redis::from_redis_value(answer).map_err(unexpected(&EVENT_SENDER.key(session.as_str())))?;
        Ok(owner == sender.0)
    }

    async fn put_dispatch(&self, api: &str, record: &DispatchRecord) -> Result<(), StoreError> {
        let command = scripts::write(&DISPATCH, api, records::dispatch_values(record));
        self.connection.call().execute_one(command).await.map(drop)
    }

    async fn dispatch(&self, api: &str) -> Result<Option<DispatchRecord>, StoreError> {
        self.read(DISPATCH, api).await?.map(|fields| fields.dispatch()).transpose()
    }

    async fn claim_wall(
        &self,
        client: &ClientId,
        owner: &InstanceId,
        instead_of: Option<&InstanceId>,
    ) -> Result<InstanceId, StoreError> {
        let command = scripts::claim(&WALL, client.as_str(), owner, instead_of);
        let answer = self.connection.call().execute_one(command).await?;
        redis::from_redis_value(answer).map(InstanceId).map_err(unexpected(&WALL.key(client.as_str())))
    }

    async fn take_turn(&self, sender: &str, pace: Pace) -> Result<Turn, StoreError> {
        let command = scripts::take_turn(&ANNOUNCEMENTS, sender, pace);
        let answer = self.connection.call().execute_one(command).await?;
        records::turn(answer).map_err(unexpected(&ANNOUNCEMENTS.key(sender)))
    }

    async fn heartbeat(&self, instance: &Instance) -> Result<bool, StoreError> {
        let id = &instance.id.0;
        let commands =
            vec![scripts::write(&INSTANCE, id, records::instance_values(instance)), scripts::enter(&INSTANCES, "", id)];
        let answers = self.connection.call().execute(commands).await?;
        let known = answers.into_iter().next().unwrap_or(Value::Nil);
        redis::from_redis_value(known).map_err(unexpected(&INSTANCE.key(id)))
    }

    async fn deregister(&self, id: &InstanceId) -> Result<(), StoreError> {
        self.connection.call().execute_one(command("DEL", INSTANCE.key(&id.0), NO_ARGUMENTS)).await.map(drop)
    }

    async fn instance(&self, id: &InstanceId) -> Result<Option<Instance>, StoreError> {
        self.read(INSTANCE, &id.0).await?.map(|fields| fields.instance()).transpose()
    }

    async fn instances(&self) -> Result<Vec<Instance>, StoreError> {
        members(&self.connection.call(), INSTANCES.key(""), INSTANCE, |fields| fields.instance().map(Some)).await
    }
}
