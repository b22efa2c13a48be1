//! Resources that a stack holds at one moment: in processes, metrics, Redis and the function's table.

use crate::metrics::Metrics;
use crate::process::{children, descriptors, resident, threads};
use e2e::Stack;

pub(super) const MEMORY: &str = "resident memory (MiB)";
pub(super) const SESSIONS: &str = "sessions (metric)";

/// A Lua script that counts Redis' keys by kind, and all keys without a TTL, atomically.
const COUNT_KEYS: &str = r"
local kinds, persistent = {}, 0
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = string.gsub(key, ':[^:]+', ':{}', 1)
  kinds[kind] = (kinds[kind] or 0) + 1
  if redis.call('PTTL', key) < 0 then persistent = persistent + 1 end
end
local lines = { 'persistent ' .. persistent }
for kind, count in pairs(kinds) do table.insert(lines, kind .. ' ' .. count) end
return lines";

/// Interpretation of a count after the last session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// More than before is a leak.
    MustReturn,
    /// Kept for a while by design, or by the allocator.
    Informative,
}

#[derive(Debug, Clone)]
struct Count {
    name: String,
    value: f64,
    check: Check,
}

/// All counts, in display order.
#[derive(Debug, Clone, Default)]
pub(super) struct ResourceSnapshot(Vec<Count>);

impl ResourceSnapshot {
    /// Counts the resources of all instances together; `sessions` are the ids of all sessions since the start.
    pub(super) async fn take(stack: &mut Stack, instances: usize, sessions: impl IntoIterator<Item = String>) -> Self {
        use Check::{Informative, MustReturn};
        let mut snapshot = Self::default();
        for instance in 0..instances {
            let process = stack.backend.id(instance);
            let (all, zombies) = children(process);
            let metrics = Metrics::of(&*stack, instance).await;
            let sum = |metric| metrics.sum(metric);
            snapshot.add(MEMORY, resident(process) as f64 / f64::from(1 << 20), Informative);
            snapshot.add("open descriptors", descriptors(process) as f64, MustReturn);
            snapshot.add("threads", threads(process) as f64, MustReturn);
            snapshot.add("tasks", sum("termgate_tasks"), MustReturn);
            snapshot.add("child processes", all as f64, MustReturn);
            snapshot.add("zombies", zombies as f64, MustReturn);
            snapshot.add(SESSIONS, sum("termgate_sessions"), MustReturn);
            snapshot.add("clients (metric)", sum("termgate_clients"), MustReturn);
            snapshot.add("connections (metric)", sum("termgate_connections"), MustReturn);
            snapshot.add("relay questions (metric)", sum("termgate_relay_questions_waiting"), MustReturn);
        }
        let mut rows = 0;
        for session in sessions {
            rows += stack.rows_of(&session).await;
        }
        snapshot.add("rows in the function's table", rows as f64, MustReturn);
        let keys = stack.backend.redis().command(&["EVAL", COUNT_KEYS, "0"]).await;
        for (kind, count) in keys.lines().filter_map(|line| line.split_once(' ')) {
            let (name, check) = match kind {
                "persistent" => ("Redis: keys without a TTL".to_owned(), MustReturn),
                "connection:{}" => (format!("Redis: {kind}"), MustReturn),
                kind => (format!("Redis: {kind}"), Informative),
            };
            snapshot.add(&name, count.parse().expect("a number"), check);
        }
        snapshot
    }

    fn add(&mut self, name: &str, value: f64, check: Check) {
        match self.0.iter_mut().find(|count| count.name == name) {
            Some(count) => count.value += value,
            None => self.0.push(Count { name: name.to_owned(), value, check }),
        }
    }

    /// One count; 0 if it is not present.
    pub(super) fn value(&self, name: &str) -> f64 {
        self.0.iter().find(|count| count.name == name).map_or(0.0, |count| count.value)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|count| count.name.as_str())
    }

    /// A sentence for each count that must return to its value in `before` and is greater.
    pub(super) fn leaks_since(&self, before: &Self) -> Vec<String> {
        let leaked = |count: &&Count| count.check == Check::MustReturn && count.value > before.value(&count.name);
        let sentence =
            |Count { name, value, .. }: &Count| format!("{name}: {value}, and {} before", before.value(name));
        self.0.iter().filter(leaked).map(sentence).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_counts_that_must_return_are_leaks() {
        let mut before = ResourceSnapshot::default();
        before.add("tasks", 2.0, Check::MustReturn);
        before.add("memory", 2.0, Check::Informative);
        let mut after = before.clone();
        after.add("memory", 5.0, Check::Informative);
        assert!(after.leaks_since(&before).is_empty());
        after.add("tasks", 1.0, Check::MustReturn);
        after.add("keys", 0.0, Check::MustReturn);
        assert_eq!(after.leaks_since(&before), ["tasks: 3, and 2 before"]);
        assert!(before.leaks_since(&after).is_empty(), "fewer is no leak");
        assert_eq!(after.names().collect::<Vec<_>>(), ["tasks", "memory", "keys"]);
    }
}
