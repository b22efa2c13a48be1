//! Records as the fields of a hash, and back. A value that Termgate did not write is an error that names its key.

use super::scripts::{Values, owner_text};
use crate::store::keys::{CLASS, CONNECTION, DISPATCH, INSTANCE, KeySpec, SCREEN, SESSION};
use crate::store::{
    ClassRecord, CommandRecord, ConnectionRecord, Creator, DispatchRecord, Instance, InstanceId, Keyboard, Member,
    ScreenRecord, SessionRecord, SessionState, StoreError, Turn,
};
use serde::Serialize;
use serde::de::{DeserializeOwned, IntoDeserializer, value};
use shared_protocol::server::RaisedHand;
use shared_protocol::{ConnectionId, Epoch, GroupId, Loan, ProfileName, SessionId};
use std::str::FromStr;

/// The fields of one hash, as read from Redis.
pub(super) struct Fields {
    kind: KeySpec,
    id: String,
    values: Vec<Option<Vec<u8>>>,
}

impl Fields {
    /// The fields of an `HMGET` answer; none if the hash has none of ours.
    pub(super) fn of(kind: KeySpec, id: &str, answer: redis::Value) -> Result<Option<Self>, StoreError> {
        let values: Vec<Option<Vec<u8>>> = redis::from_redis_value(answer)
            .map_err(|error| StoreError(format!("{} cannot be read: {error}", kind.key(id))))?;
        let some = values.iter().any(Option::is_some);
        Ok(some.then(|| Self { kind, id: id.to_owned(), values }))
    }

    fn bad(&self, field: &str) -> StoreError {
        StoreError(format!("{} cannot be read: its field {field} is not Termgate's", self.kind.key(&self.id)))
    }

    fn bytes(&self, field: &str) -> Result<&[u8], StoreError> {
        let at = self.kind.fields().iter().position(|name| *name == field);
        let value = at.and_then(|at| self.values.get(at)).and_then(Option::as_deref);
        value.ok_or_else(|| self.bad(field))
    }

    fn text(&self, field: &str) -> Result<&str, StoreError> {
        std::str::from_utf8(self.bytes(field)?).map_err(|_| self.bad(field))
    }

    fn optional(&self, field: &str) -> Result<Option<String>, StoreError> {
        self.text(field).map(|text| (!text.is_empty()).then(|| text.to_owned()))
    }

    /// A text that records of an older version lack.
    fn newer(&self, field: &str) -> Result<Option<String>, StoreError> {
        self.bytes(field).map_or(Ok(None), |_| self.optional(field))
    }

    fn parsed<T: FromStr>(&self, field: &str) -> Result<T, StoreError> {
        self.text(field)?.parse().map_err(|_| self.bad(field))
    }

    fn epoch(&self) -> Result<Epoch, StoreError> {
        Epoch::try_from(self.parsed::<u64>("epoch")?).map_err(|_| self.bad("epoch"))
    }

    fn word<T: DeserializeOwned>(&self, field: &str) -> Result<T, StoreError> {
        let text: value::StrDeserializer<'_, value::Error> = self.text(field)?.into_deserializer();
        T::deserialize(text).map_err(|_| self.bad(field))
    }

    pub(super) fn session(&self) -> Result<SessionRecord, StoreError> {
        let state = match self.text("state")? {
            "created" => SessionState::Created,
            "running" => SessionState::Running,
            "ended" => SessionState::Ended { reason: self.word("reason")?, at: self.parsed("ended_at")? },
            _ => return Err(self.bad("state")),
        };
        Ok(SessionRecord {
            id: SessionId::new(self.id.as_str()).map_err(|_| self.bad("id"))?,
            creator: Creator {
                user: self.text("user")?.to_owned(),
                group: self.newer("grp")?.map(GroupId::new).transpose().map_err(|_| self.bad("grp"))?,
                name: self.newer("name")?,
                takeover: self
                    .newer("takeover")?
                    .map(|word| word.parse())
                    .transpose()
                    .map_err(|_| self.bad("takeover"))?,
                recorded: self.newer("rec")?.is_some(),
                profile: self.newer("profile")?.map(ProfileName::new).transpose().map_err(|_| self.bad("profile"))?,
            },
            state,
            owner: self.optional("owner")?.map(InstanceId),
            epoch: self.epoch()?,
            created_at: self.parsed("created_at")?,
        })
    }

    pub(super) fn screen(&self) -> Result<ScreenRecord, StoreError> {
        Ok(ScreenRecord {
            epoch: self.epoch()?,
            cols: self.parsed("cols")?,
            rows: self.parsed("rows")?,
            data: self.bytes("data")?.to_vec(),
            at: self.parsed("at")?,
        })
    }

    pub(super) fn connection(&self) -> Result<ConnectionRecord, StoreError> {
        Ok(ConnectionRecord {
            id: ConnectionId::new(self.id.as_str()).map_err(|_| self.bad("id"))?,
            session: SessionId::new(self.text("session")?).map_err(|_| self.bad("session"))?,
            user: self.text("user")?.to_owned(),
            role: self.word("role")?,
            attached_at: self.parsed("attached_at")?,
        })
    }

    pub(super) fn class(&self) -> Result<ClassRecord, StoreError> {
        let created_at = self.parsed("created_at")?;
        let keyboard = match self.text("mode")? {
            "free" => Keyboard::Free,
            // Even if the other fields cannot be read: those whom the owner held back stay held.
            "only" => {
                let loan = self.parsed("loan").map(Loan).unwrap_or_default();
                return Ok(ClassRecord { created_at, keyboard: Keyboard::Only, loan, hand: None });
            }
            "lent" => Keyboard::Lent {
                borrower: Member::parse(self.text("borrower")?).ok_or_else(|| self.bad("borrower"))?,
                for_now: self.text("lasts")? == "now",
            },
            _ => return Err(self.bad("mode")),
        };
        Ok(ClassRecord { created_at, keyboard, loan: Loan(self.parsed("loan")?), hand: self.hand()? })
    }

    fn hand(&self) -> Result<Option<RaisedHand>, StoreError> {
        let Some(at) = self.optional("hand_at")? else { return Ok(None) };
        let at = at.parse().map_err(|_| self.bad("hand_at"))?;
        Ok(Some(RaisedHand { up: true, at, seen: self.optional("hand_seen_by")? }))
    }

    pub(super) fn dispatch(&self) -> Result<DispatchRecord, StoreError> {
        Ok(DispatchRecord { dispatch: self.word("dispatch")?, at: self.parsed("at")? })
    }

    pub(super) fn instance(&self) -> Result<Instance, StoreError> {
        Ok(Instance {
            id: InstanceId(self.id.clone()),
            address: self.optional("address")?,
            started_at: self.parsed("started_at")?,
            draining: self.parsed("draining")?,
            // An instance of an older version writes none.
            relays: self.bytes("relays").map_or(Ok(0), |_| self.parsed("relays"))?,
        })
    }
}

/// Commands of an `XRANGE` answer. The error says nothing of them.
pub(super) fn commands(answer: redis::Value) -> Result<Vec<CommandRecord>, &'static str> {
    const FOREIGN: &str = "an entry is not Termgate's";
    let entries: Vec<Vec<redis::Value>> = redis::from_redis_value(answer).map_err(|_| FOREIGN)?;
    let command = |mut entry: Vec<redis::Value>| {
        let fields: Vec<Vec<u8>> = redis::from_redis_value(entry.pop()?).ok()?;
        serde_json::from_slice(fields.last()?).ok()
    };
    entries.into_iter().map(|entry| command(entry).ok_or(FOREIGN)).collect()
}

/// The answer to a request for a turn.
pub(super) fn turn(answer: redis::Value) -> Result<Turn, &'static str> {
    match redis::from_redis_value::<String>(answer).as_deref() {
        Ok("taken") => Ok(Turn::Taken),
        Ok("soon") => Ok(Turn::TooSoon),
        Ok("many") => Ok(Turn::TooMany),
        _ => Err("the answer is not Termgate's"),
    }
}

/// A command as the value of its entry.
pub(super) fn command_value(command: &CommandRecord) -> Vec<u8> {
    // Cannot fail: all map keys are strings.
    serde_json::to_vec(command).unwrap_or_default()
}

fn word(value: impl Serialize) -> String {
    // A value without a text cannot be read back.
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(Into::into)).unwrap_or_default()
}

fn number(value: &impl ToString) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn named<const N: usize>(kind: &KeySpec, values: [Vec<u8>; N]) -> Values {
    kind.fields().iter().copied().zip(values).collect()
}

pub(super) fn session_values(record: &SessionRecord) -> Values {
    let creator = &record.creator;
    let (state, reason, ended_at) = match record.state {
        SessionState::Created => ("created", String::new(), Vec::new()),
        SessionState::Running => ("running", String::new(), Vec::new()),
        SessionState::Ended { reason, at } => ("ended", word(reason), number(&at)),
    };
    let values = [
        creator.user.clone().into(),
        state.into(),
        reason.into(),
        ended_at,
        owner_text(record.owner.as_ref()).into(),
        number(&record.epoch),
        number(&record.created_at),
        creator.group.as_ref().map(ToString::to_string).unwrap_or_default().into(),
        creator.name.clone().unwrap_or_default().into(),
        creator.takeover.map(|takeover| takeover.to_string()).unwrap_or_default().into(),
        if creator.recorded { "true" } else { "" }.into(),
        creator.profile.as_ref().map(ToString::to_string).unwrap_or_default().into(),
    ];
    named(&SESSION, values)
}

pub(super) fn screen_values(screen: &ScreenRecord) -> Values {
    let ScreenRecord { epoch, cols, rows, data, at } = screen;
    named(&SCREEN, [number(epoch), number(cols), number(rows), data.clone(), number(at)])
}

pub(super) fn connection_values(record: &ConnectionRecord) -> Values {
    let ConnectionRecord { id: _, session, user, role, attached_at } = record;
    named(&CONNECTION, [number(session), user.clone().into(), word(role).into(), number(attached_at)])
}

pub(super) fn class_values(record: &ClassRecord) -> Values {
    let ClassRecord { created_at, keyboard, loan, hand } = record;
    let (mode, borrower, lasts) = match keyboard {
        Keyboard::Free => ("free", "", ""),
        Keyboard::Lent { borrower, for_now } => ("lent", borrower.as_str(), if *for_now { "now" } else { "kept" }),
        Keyboard::Only => ("only", "", ""),
    };
    let hand_at = hand.as_ref().map(|hand| number(&hand.at)).unwrap_or_default();
    let seen = hand.as_ref().and_then(|hand| hand.seen.clone()).unwrap_or_default();
    let loan = number(&loan.0);
    named(&CLASS, [mode.into(), number(created_at), borrower.into(), loan, lasts.into(), hand_at, seen.into()])
}

pub(super) fn dispatch_values(record: &DispatchRecord) -> Values {
    let DispatchRecord { dispatch, at } = record;
    named(&DISPATCH, [word(dispatch).into(), number(at)])
}

pub(super) fn instance_values(instance: &Instance) -> Values {
    let Instance { id: _, address, started_at, draining, relays } = instance;
    let address = address.clone().unwrap_or_default().into();
    named(&INSTANCE, [address, number(started_at), number(draining), number(relays)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract;
    use redis::Value;

    fn stored(values: Values) -> Value {
        Value::Array(values.into_iter().map(|(_, value)| Value::BulkString(value)).collect())
    }

    #[test]
    fn a_session_is_read_as_it_was_written() {
        for record in [contract::created("s"), contract::running("s", "i", 7), contract::ended("s")] {
            let values = session_values(&record);
            assert_eq!(values.iter().map(|(name, _)| *name).collect::<Vec<_>>(), SESSION.fields());
            let fields = Fields::of(SESSION, "s", stored(values)).unwrap().unwrap();
            assert_eq!(fields.session().unwrap(), record);
        }
    }

    #[test]
    fn a_session_of_an_older_version_is_read() {
        let mut values = session_values(&contract::running("s", "i", 7));
        values.truncate(7);
        let Value::Array(mut stored) = stored(values) else { panic!("a list") };
        stored.extend([Value::Nil, Value::Nil, Value::Nil, Value::Nil, Value::Nil]);
        let fields = Fields::of(SESSION, "s", Value::Array(stored)).unwrap().unwrap();
        let mut expected = contract::running("s", "i", 7);
        expected.creator = Creator { user: expected.creator.user, ..Creator::default() };
        assert_eq!(fields.session().unwrap(), expected);
    }

    #[test]
    fn an_instance_of_an_older_version_is_read() {
        let mut values = instance_values(&contract::instance("i"));
        values.pop();
        let Value::Array(mut stored) = stored(values) else { panic!("a list") };
        stored.push(Value::Nil);
        let fields = Fields::of(INSTANCE, "i", Value::Array(stored)).unwrap().unwrap();
        assert_eq!(fields.instance().unwrap(), Instance { relays: 0, ..contract::instance("i") });
    }

    #[test]
    fn an_owner_who_types_alone_does_so_whatever_else_is_unreadable() {
        let alone = ClassRecord { created_at: 5, keyboard: Keyboard::Only, loan: Loan(3), hand: None };
        for field in 2..CLASS.fields().len() {
            let mut values = class_values(&alone);
            values[field].1 = b"\xff".to_vec();
            let fields = Fields::of(CLASS, "s", stored(values)).unwrap().unwrap();
            assert_eq!(fields.class().unwrap().keyboard, Keyboard::Only, "{}", CLASS.fields()[field]);
        }
        let mut values = class_values(&ClassRecord::default());
        values[0].1 = b"mine".to_vec();
        assert!(Fields::of(CLASS, "s", stored(values)).unwrap().unwrap().class().is_err());
    }

    #[test]
    fn a_command_is_read_as_it_was_written_and_an_error_hides_it() {
        let command = contract::command(5, 7, "echo secret");
        let entry = |value: Vec<u8>| {
            let fields = Value::Array([b"command".to_vec(), value].map(Value::BulkString).into());
            Value::Array(vec![Value::Array(vec![Value::BulkString(b"5-7".to_vec()), fields])])
        };
        assert_eq!(commands(entry(command_value(&command))), Ok(vec![command]));
        assert_eq!(commands(Value::Array(Vec::new())), Ok(Vec::new()));
        for bad in
            [entry(br#"{"epoch":"secret"}"#.to_vec()), Value::Array(vec![Value::Array(Vec::new())]), Value::Int(1)]
        {
            assert!(!commands(bad).unwrap_err().contains("secret"));
        }
    }

    #[test]
    fn an_error_names_the_key_and_hides_the_value() {
        for (at, field) in SESSION.fields().iter().enumerate() {
            let mut values = session_values(&contract::ended("s"));
            values[at].1 = b"secret\xff".to_vec();
            let error = Fields::of(SESSION, "s", stored(values)).unwrap().unwrap().session().unwrap_err().to_string();
            assert!(error.contains("session:s cannot be read") && error.contains(field), "{error}");
            assert!(!error.contains("secret"));
        }
        assert!(Fields::of(SESSION, "s", Value::Array(vec![Value::Nil; 10])).unwrap().is_none());
        assert!(Fields::of(SESSION, "s", Value::Int(1)).is_err());
    }
}
