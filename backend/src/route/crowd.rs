//! How many direct connections each user has, and how many are too many: each costs a task and a descriptor for as long as it
//! pleases. The gateway bounds its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Everyone who is here.
pub(super) struct Crowd {
    most: usize,
    here: Arc<Mutex<HashMap<String, usize>>>,
}

impl Crowd {
    /// So many of each.
    pub(super) fn new(most: usize) -> Self {
        Self { most, here: Arc::default() }
    }

    /// One more of this user, unless there are too many. They are gone when the answer is dropped.
    pub(super) fn enter(&self, user: &str) -> Option<Present> {
        let mut here = locked(&self.here);
        let count = here.entry(user.to_owned()).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Present { here: Arc::clone(&self.here), user: user.to_owned() })
    }
}

/// Somebody who is here.
pub(super) struct Present {
    here: Arc<Mutex<HashMap<String, usize>>>,
    user: String,
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut here = locked(&self.here);
        if let Some(count) = here.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                here.remove(&self.user);
            }
        }
    }
}

fn locked(here: &Mutex<HashMap<String, usize>>) -> MutexGuard<'_, HashMap<String, usize>> {
    here.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_may_be_here_so_often_and_is_forgotten_when_gone() {
        let crowd = Crowd::new(2);
        let (first, second) = (crowd.enter("ada"), crowd.enter("ada"));
        assert!(first.is_some() && second.is_some() && crowd.enter("ada").is_none());
        assert!(crowd.enter("eve").is_some(), "another user is counted alone");
        drop(first);
        let third = crowd.enter("ada");
        assert!(third.is_some() && crowd.enter("ada").is_none());
        drop((second, third));
        assert!(locked(&crowd.here).is_empty());
    }
}
