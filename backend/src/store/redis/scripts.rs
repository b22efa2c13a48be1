//! What has to happen in one step, in the server's Lua. Each script touches one key. They are sent in full: the server knows them
//! by their text, and one that was restarted needs no second command.

use super::connection::Command;
use crate::store::keys::KeySpec;
use std::time::Duration;

/// A hash's fields with their values, in the order in which they are written.
pub(super) type Values = Vec<(&'static str, Vec<u8>)>;

/// Most members of an index, the latest: bounds what one answer can be.
pub(super) const MEMBERS: usize = 1000;

/// Writes a session if none is there or the one there has the version that is given; otherwise answers with its fields.
/// `ARGV`: whether there is a version, epoch, owner, whether ended; life in ms; number of fields; the fields; fields and values.
const PUT_SESSION: &str = r"
if redis.call('EXISTS', KEYS[1]) == 1 then
  local there = redis.call('HMGET', KEYS[1], 'epoch', 'owner', 'state')
  local ended = there[3] == 'ended' and '1' or '0'
  if ARGV[1] ~= '1' or there[1] ~= ARGV[2] or there[2] ~= ARGV[3] or ended ~= ARGV[4] then
    return redis.call('HMGET', KEYS[1], unpack(ARGV, 7, 6 + ARGV[6]))
  end
end
redis.call('HSET', KEYS[1], unpack(ARGV, 7 + ARGV[6]))
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return false";

/// Writes a hash, and answers whether it was there. `ARGV`: life in ms; fields and values.
const WRITE: &str = r"
local known = redis.call('EXISTS', KEYS[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return known";

/// Adds to an index, which forgets who was not added for the length of its life. `ARGV`: life in ms; most members; the member.
const ENTER: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. string.format('%.0f', now - ARGV[1] * 1000))
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return false";

/// Removes from an index who was not added again since it was read. `ARGV`: members, each with its time.
const FORGET: &str = r"
for i = 1, #ARGV, 2 do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) == ARGV[i + 1] then redis.call('ZREM', KEYS[1], ARGV[i]) end
end
return false";

/// What a session's version has to be.
pub(super) struct Expected {
    pub epoch: u64,
    pub owner: String,
    pub ended: bool,
}

fn ms(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)
}

fn script(text: &str, key: &str) -> redis::Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(text).arg(1).arg(key);
    command
}

pub(super) fn put_session(
    kind: &KeySpec,
    id: &str,
    values: Values,
    expected: Option<&Expected>,
    ttl: Duration,
) -> Command {
    let key = kind.key(id);
    let mut command = script(PUT_SESSION, &key);
    match expected {
        None => command.arg(0).arg("").arg("").arg(""),
        Some(version) => command.arg(1).arg(version.epoch).arg(&version.owner).arg(u8::from(version.ended)),
    };
    command.arg(ms(ttl)).arg(kind.fields().len()).arg(kind.fields()).arg(values);
    Command { key, command }
}

pub(super) fn write(kind: &KeySpec, id: &str, values: Values) -> Command {
    let key = kind.key(id);
    let mut command = script(WRITE, &key);
    command.arg(ms(kind.ttl)).arg(values);
    Command { key, command }
}

pub(super) fn enter(index: &KeySpec, of: &str, member: &str) -> Command {
    let key = index.key(of);
    let mut command = script(ENTER, &key);
    command.arg(ms(index.ttl)).arg(MEMBERS).arg(member);
    Command { key, command }
}

pub(super) fn forget(key: String, members: &[(Vec<u8>, String)]) -> Command {
    let mut command = script(FORGET, &key);
    for (member, time) in members {
        command.arg(member.as_slice()).arg(time);
    }
    Command { key, command }
}
