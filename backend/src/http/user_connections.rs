//! Caps the direct WebSockets of each user: each holds a task and a descriptor for as long as it is open. The gateway has a cap
//! of its own.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Open connections by user; a user without one has no entry.
type Counts = Mutex<HashMap<String, usize>>;

/// Counts the open connections of each user.
pub(super) struct UserConnections {
    max_per_user: usize,
    counts: Arc<Counts>,
}

impl UserConnections {
    pub(super) fn new(max_per_user: usize) -> Self {
        Self { max_per_user, counts: Arc::default() }
    }

    /// Counts one more connection of this user until the guard is dropped; `None` at the cap.
    pub(super) fn acquire(&self, user: &str) -> Option<UserConnectionGuard> {
        let mut counts = self.counts.lock();
        let count = counts.entry(user.to_owned()).or_default();
        if *count >= self.max_per_user {
            return None;
        }
        *count += 1;
        Some(UserConnectionGuard { counts: Arc::clone(&self.counts), user: user.to_owned() })
    }
}

/// One counted connection.
pub(super) struct UserConnectionGuard {
    counts: Arc<Counts>,
    user: String,
}

impl Drop for UserConnectionGuard {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        if let Some(count) = counts.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_has_a_cap_and_no_entry_after_the_last_connection() {
        let connections = UserConnections::new(2);
        let (first, second) = (connections.acquire("ada"), connections.acquire("ada"));
        assert!(first.is_some() && second.is_some() && connections.acquire("ada").is_none());
        assert!(connections.acquire("eve").is_some(), "each user has an own count");
        drop(first);
        let third = connections.acquire("ada");
        assert!(third.is_some() && connections.acquire("ada").is_none());
        drop((second, third));
        assert!(connections.counts.lock().is_empty());
    }
}
