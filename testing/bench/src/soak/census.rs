//! What a stack holds at one moment: of its processes, of what they say of themselves, in Redis and in the function's table.

use crate::process::{children, descriptors, resident, threads};
use crate::shown::Shown;
use e2e::Stack;

/// Each kind of key with how many there are, and how many of all are kept for ever: for whoever reads, in one step.
const KEYS: &str = r"
local kinds, forever = {}, 0
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = string.gsub(key, ':[^:]+', ':{}', 1)
  kinds[kind] = (kinds[kind] or 0) + 1
  if redis.call('PTTL', key) < 0 then forever = forever + 1 end
end
local lines = { 'forever ' .. forever }
for kind, count in pairs(kinds) do table.insert(lines, kind .. ' ' .. count) end
return lines";

/// Whether it must be as it was when nobody is there any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// No more than there were.
    Returns,
    /// Kept for a while by design, or of the allocator: only told.
    Told,
}

/// One thing that is counted.
#[derive(Debug, Clone)]
struct Count {
    name: String,
    value: f64,
    rule: Rule,
}

/// Everything that is counted, in the order in which it is shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Census(Vec<Count>);

impl Census {
    /// Counts everything, of so many instances together. `sessions` are those that ever were.
    pub(crate) async fn take(stack: &mut Stack, instances: usize, sessions: impl IntoIterator<Item = String>) -> Self {
        let mut census = Self::default();
        for instance in 0..instances {
            let process = stack.backend.id(instance);
            let (all, zombies) = children(process);
            let shown = Shown::by(stack, instance).await;
            census.add("resident memory (MiB)", resident(process) as f64 / f64::from(1 << 20), Rule::Told);
            census.add("open descriptors", descriptors(process) as f64, Rule::Returns);
            census.add("threads", threads(process) as f64, Rule::Returns);
            census.add("tasks", shown.sum("termgate_tasks"), Rule::Returns);
            census.add("child processes", all as f64, Rule::Returns);
            census.add("zombies", zombies as f64, Rule::Returns);
            census.add("sessions, as the service counts", shown.sum("termgate_sessions"), Rule::Returns);
            census.add("clients, as the service counts", shown.sum("termgate_clients"), Rule::Returns);
            census.add("connections, as the service counts", shown.sum("termgate_connections"), Rule::Returns);
            census.add("followers, as the service counts", shown.sum("termgate_followers_waiting"), Rule::Returns);
        }
        let mut rows = 0;
        for session in sessions {
            rows += stack.rows_of(&session).await;
        }
        census.add("the function's rows of connections", rows as f64, Rule::Returns);
        let redis = stack.backend.redis();
        let memory = redis.command(&["INFO", "memory"]).await;
        let used = memory.lines().find_map(|line| line.strip_prefix("used_memory:")?.trim().parse::<f64>().ok());
        census.add("Redis: memory (MiB)", used.expect("Redis says so") / f64::from(1 << 20), Rule::Told);
        let keys = redis.command(&["EVAL", KEYS, "0"]).await;
        for (kind, count) in keys.lines().filter_map(|line| line.split_once(' ')) {
            let (name, rule) = match kind {
                "forever" => ("Redis: keys without a life".to_owned(), Rule::Returns),
                // Of connections that are there; what is remembered of the others has a life.
                "connection:{}" => (format!("Redis: {kind}"), Rule::Returns),
                kind => (format!("Redis: {kind}"), Rule::Told),
            };
            census.add(&name, count.parse().expect("a number"), rule);
        }
        census
    }

    fn add(&mut self, name: &str, value: f64, rule: Rule) {
        match self.0.iter_mut().find(|count| count.name == name) {
            Some(count) => count.value += value,
            None => self.0.push(Count { name: name.to_owned(), value, rule }),
        }
    }

    /// One value; of what is not there, 0.
    pub(crate) fn value(&self, name: &str) -> f64 {
        self.0.iter().find(|count| count.name == name).map_or(0.0, |count| count.value)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|count| count.name.as_str())
    }

    /// What did not return to what it was before, a sentence for each.
    pub(crate) fn left_since(&self, before: &Self) -> Vec<String> {
        let more = |count: &&Count| count.rule == Rule::Returns && count.value > before.value(&count.name);
        let told = |Count { name, value, .. }: &Count| format!("{name}: {value}, and {} before", before.value(name));
        self.0.iter().filter(more).map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_must_return_is_missed() {
        let mut before = Census::default();
        before.add("tasks", 2.0, Rule::Returns);
        before.add("memory", 2.0, Rule::Told);
        let mut after = before.clone();
        after.add("memory", 5.0, Rule::Told);
        assert!(after.left_since(&before).is_empty());
        after.add("tasks", 1.0, Rule::Returns);
        after.add("keys", 0.0, Rule::Returns);
        assert_eq!(after.left_since(&before), ["tasks: 3, and 2 before"]);
        assert!(before.left_since(&after).is_empty(), "less is fine");
        assert_eq!(after.names().collect::<Vec<_>>(), ["tasks", "memory", "keys"]);
    }
}
