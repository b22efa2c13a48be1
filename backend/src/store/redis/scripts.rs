//! Atomic operations as Lua scripts, one key each. Sent in full with `EVAL`: after a restart of the server, no script is missing.

use super::connection::Command;
use crate::store::keys::KeySpec;
use crate::store::{InstanceId, Pace, Version};
use redis::ToRedisArgs;
use std::time::Duration;

/// A hash's fields with their values, in the order in which they are written.
pub(super) type Values = Vec<(&'static str, Vec<u8>)>;

/// Most members of an index; the latest stay. Bounds the size of an answer.
pub(super) const MAX_MEMBERS: usize = 1000;

/// Compare-and-set of a session; a conflict answers with the fields that are there.
/// `ARGV`: 1 if a version is expected, its epoch, owner and ended flag; TTL in ms; number of fields; the fields; fields and
/// values.
const COMPARE_AND_SET: &str = r"
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

/// Writes a hash, and answers whether it was there. `ARGV`: TTL in ms; fields and values.
const WRITE: &str = r"
local known = redis.call('EXISTS', KEYS[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return known";

/// Adds a member to an index, and drops members that are older than its TTL. `ARGV`: TTL in ms; most members; the member.
const ENTER: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. string.format('%.0f', now - ARGV[1] * 1000))
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return false";

/// Removes members from an index, unless they were added again since they were read. `ARGV`: members, each with its time.
const FORGET: &str = r"
for i = 1, #ARGV, 2 do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) == ARGV[i + 1] then redis.call('ZREM', KEYS[1], ARGV[i]) end
end
return false";

/// Replaces a set of members that end. `ARGV`: TTL in ms; scores and members.
const REPLACE: &str = r"
redis.call('DEL', KEYS[1])
if #ARGV > 1 then
  redis.call('ZADD', KEYS[1], unpack(ARGV, 2))
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return false";

/// Adds entries to a stream, and keeps the latest. An entry that comes no later than the last one is there already.
/// `ARGV`: TTL in ms; most entries; ids and values.
const APPEND: &str = r"
for i = 3, #ARGV, 2 do
  local added = redis.pcall('XADD', KEYS[1], 'MAXLEN', ARGV[2], ARGV[i], 'command', ARGV[i + 1])
  if type(added) == 'table' and added.err and not string.find(added.err, 'equal or smaller', 1, true) then
    return redis.error_reply(added.err)
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return false";

/// Adds events behind the others of a session. Where there are too many, some of the oldest go at once, commands first, and a gap
/// keeps the place and their number; see `EventQueue`. `ARGV`: TTL in ms; most events; events for which to make room; the events.
const PUSH: &str = r"
local most, room = tonumber(ARGV[2]), tonumber(ARGV[3])
local function make_room()
  local all = redis.call('LRANGE', KEYS[1], 0, -1)
  local function first(kind)
    for at, entry in ipairs(all) do
      if string.sub(entry, 1, 1) == kind then return at end
    end
  end
  while #all > most - room do
    local oldest, gap = first('c') or first('o'), first('g')
    if not oldest then break end
    if gap then
      local missing, event = string.match(all[gap], '^g(%d+)(:.*)$')
      all[gap] = 'g' .. (missing + 1) .. event
      table.remove(all, oldest)
    else
      all[oldest] = 'g1' .. string.match(all[oldest], '^.%d+(:.*)$')
    end
  end
  redis.call('DEL', KEYS[1])
  redis.call('RPUSH', KEYS[1], unpack(all))
end
for i = 4, #ARGV do
  if redis.call('LLEN', KEYS[1]) >= most then make_room() end
  if redis.call('LLEN', KEYS[1]) < most then redis.call('RPUSH', KEYS[1], ARGV[i]) end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return false";

/// Removes the first entry of a list, if it is this one. `ARGV`: the entry.
const TAKE: &str = r"
if redis.call('LINDEX', KEYS[1], 0) == ARGV[1] then redis.call('LPOP', KEYS[1]) end
return false";

/// Takes a wall, unless an instance has it that is neither this one nor the one before; answers with the instance that has it.
/// `ARGV`: TTL in ms; this instance; the one before, or an empty text.
const CLAIM: &str = r"
local there = redis.call('HGET', KEYS[1], 'owner')
if there and there ~= ARGV[2] and there ~= ARGV[3] then return there end
redis.call('HSET', KEYS[1], 'owner', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return ARGV[2]";

/// Counts a turn, unless it comes too soon or is one too many. `ARGV`: TTL in ms; interval and window in ms; most turns. The
/// count makes members differ that are added at the same time.
const TAKE_TURN: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - ARGV[3] * 1000))
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
if last and now - last < ARGV[2] * 1000 then return 'soon' end
local count = redis.call('ZCARD', KEYS[1])
if count >= tonumber(ARGV[4]) then return 'many' end
redis.call('ZADD', KEYS[1], now, string.format('%.0f-%d', now, count))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 'taken'";

/// The owner as it is stored: empty for none.
pub(super) fn owner_text(owner: Option<&InstanceId>) -> &str {
    owner.map_or("", |owner| &owner.0)
}

fn ms(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)
}

fn script(text: &str, key: String, arguments: impl ToRedisArgs) -> Command {
    let command = redis::cmd("EVAL").arg(text).arg(1).arg(&key).arg(arguments).to_owned();
    Command { key, command }
}

pub(super) fn compare_and_set(
    kind: &KeySpec,
    id: &str,
    values: Values,
    expected: Option<&Version>,
    ttl: Duration,
) -> Command {
    let version =
        expected.map(|version| (1, version.epoch.0, owner_text(version.owner.as_ref()), u8::from(version.ended)));
    let arguments = (version.unwrap_or_default(), ms(ttl), kind.fields().len(), kind.fields(), values);
    script(COMPARE_AND_SET, kind.key(id), arguments)
}

pub(super) fn write(kind: &KeySpec, id: &str, values: Values) -> Command {
    script(WRITE, kind.key(id), (ms(kind.ttl), values))
}

pub(super) fn claim(kind: &KeySpec, id: &str, owner: &InstanceId, instead_of: Option<&InstanceId>) -> Command {
    script(CLAIM, kind.key(id), (ms(kind.ttl), owner.0.as_str(), owner_text(instead_of)))
}

pub(super) fn take_turn(kind: &KeySpec, id: &str, pace: Pace) -> Command {
    script(TAKE_TURN, kind.key(id), (ms(kind.ttl), ms(pace.interval), ms(pace.window), pace.most))
}

pub(super) fn enter(index: &KeySpec, of: &str, member: &str) -> Command {
    script(ENTER, index.key(of), (ms(index.ttl), MAX_MEMBERS, member))
}

pub(super) fn replace(kind: &KeySpec, id: &str, members: Vec<(u64, &str)>, ttl: Duration) -> Command {
    script(REPLACE, kind.key(id), (ms(ttl), members))
}

pub(super) fn append(kind: &KeySpec, id: &str, most: usize, entries: Vec<(String, Vec<u8>)>) -> Command {
    script(APPEND, kind.key(id), (ms(kind.ttl), most, entries))
}

pub(super) fn push(kind: &KeySpec, id: &str, (most, room): (usize, usize), entries: Vec<String>) -> Command {
    script(PUSH, kind.key(id), (ms(kind.ttl), most, room, entries))
}

pub(super) fn take(kind: &KeySpec, id: &str, entry: &str) -> Command {
    script(TAKE, kind.key(id), entry)
}

pub(super) fn forget(key: String, members: &[(Vec<u8>, String)]) -> Command {
    script(FORGET, key, members)
}
