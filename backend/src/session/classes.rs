//! The sessions of a class, as walls find them.

use super::live::LiveSessions;
use super::registry::{Registry, RegistryDeps};
use super::watching::WatchSlot;
use crate::store::{Creator, SessionRecord, StoreError};
use shared_protocol::{GroupId, SessionId};
use std::sync::Arc;

/// The way from a class to its sessions.
#[derive(Clone)]
pub struct Classes {
    live: LiveSessions,
    pub(crate) deps: Arc<RegistryDeps>,
}

/// A session of a class that runs here.
pub struct RunningHere {
    /// The session.
    pub id: SessionId,
    /// The user it belongs to.
    pub creator: Arc<Creator>,
    /// Where it is seen.
    pub slot: Arc<WatchSlot>,
}

impl Registry {
    /// The sessions of classes.
    pub fn classes(&self) -> Classes {
        Classes { live: self.live.clone(), deps: Arc::clone(&self.deps) }
    }
}

impl Classes {
    /// The sessions of the group that run in this instance, in no order.
    pub fn running_here(&self, group: &GroupId) -> Vec<RunningHere> {
        let live = self.live.0.lock();
        let of_group = live.iter().filter(|(_, session)| session.creator.group.as_ref() == Some(group));
        of_group
            .map(|(id, session)| {
                let (creator, slot) = (Arc::clone(&session.creator), Arc::clone(&session.handle.slot));
                RunningHere { id: id.clone(), creator, slot }
            })
            .collect()
    }

    /// The records of the group's sessions that have not ended, wherever they run.
    pub async fn records(&self, group: &GroupId) -> Result<Vec<SessionRecord>, StoreError> {
        let mut records = self.deps.store.sessions_in(group).await?;
        records.retain(|record| record.creator.group.as_ref() == Some(group) && !record.has_ended());
        Ok(records)
    }
}
