//! Caps the direct WebSockets of each user in each role, and the downloads: each holds a task and a descriptor for as long as it
//! is open. The gateway has a cap of its own.

use parking_lot::Mutex;
use shared_protocol::Role;
use std::collections::HashMap;
use std::sync::Arc;

/// A user, in a role.
type User = (String, Role);
/// Open connections by user; one without any has no entry.
type Counts = Mutex<HashMap<User, usize>>;

/// Counts the open connections of each user.
pub(super) struct UserConnections {
    /// Most of a controller.
    max_per_user: usize,
    counts: Arc<Counts>,
}

impl UserConnections {
    pub(super) fn new(max_per_user: usize) -> Self {
        Self { max_per_user, counts: Arc::default() }
    }

    /// Counts one more connection of this user until the guard is dropped; `None` at the cap.
    pub(super) fn acquire(&self, user: &str, role: Role) -> Option<UserConnectionGuard> {
        let user = (user.to_owned(), role);
        let mut counts = self.counts.lock();
        let count = counts.entry(user.clone()).or_default();
        if *count >= role.max_connections(self.max_per_user) {
            return None;
        }
        *count += 1;
        Some(UserConnectionGuard { counts: Arc::clone(&self.counts), user })
    }
}

/// One counted connection.
pub(super) struct UserConnectionGuard {
    counts: Arc<Counts>,
    user: User,
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
        let acquire = |user| connections.acquire(user, Role::Controller);
        let (first, second) = (acquire("ada"), acquire("ada"));
        assert!(first.is_some() && second.is_some() && acquire("ada").is_none());
        assert!(acquire("eve").is_some(), "each user has an own count");
        drop(first);
        let third = acquire("ada");
        assert!(third.is_some() && acquire("ada").is_none());
        drop((second, third));
        assert!(connections.counts.lock().is_empty());
    }

    #[test]
    fn watchers_have_five_times_as_many_and_take_none_of_a_controllers() {
        let connections = UserConnections::new(2);
        for role in [Role::Viewer, Role::Instructor] {
            let watching: Vec<_> = (0..20).filter_map(|_| connections.acquire("ada", role)).collect();
            assert_eq!(watching.len(), 10, "{role}");
            assert!(connections.acquire("ada", Role::Controller).is_some());
        }
    }
}
