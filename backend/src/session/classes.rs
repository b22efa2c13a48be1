//! The sessions of a class, as walls find them.

use super::files::HandedFile;
use super::handle::SessionHandle;
use super::live::LiveSessions;
use super::registry::{Registry, RegistryDeps};
use super::watching::WatchSlot;
use crate::store::{Creator, Instance, InstanceId, Member, SessionRecord, StoreError};
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use shared_protocol::server::Notice;
use shared_protocol::{GroupId, SessionId};
use std::collections::HashMap;
use std::sync::Arc;

/// Sessions that get a file at once: each has a process for it.
const BROUGHT_AT_ONCE: usize = 8;

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

    /// Says a message in every session of the group that runs here, but for those that its sender was removed from. Returns for
    /// each whether it shows the message.
    pub async fn announce(&self, group: &GroupId, by: &Member, notice: &Notice) -> HashMap<SessionId, bool> {
        let say = |(id, handle): (SessionId, SessionHandle)| async move {
            let said = handle.announce(by.clone(), notice.clone()).await;
            (id, said)
        };
        join_all(self.handles(group).into_iter().map(say)).await.into_iter().collect()
    }

    /// Brings a file to every session of the group that runs here, but for those that its sender was removed from. Returns for
    /// each whether it has the file.
    pub async fn hand_out(&self, group: &GroupId, by: &Member, file: &HandedFile) -> HashMap<SessionId, bool> {
        let bring =
            |(id, handle): (SessionId, SessionHandle)| async move { (id, handle.bring(by.clone(), file).await) };
        stream::iter(self.handles(group).into_iter().map(bring)).buffer_unordered(BROUGHT_AT_ONCE).collect().await
    }

    fn handles(&self, group: &GroupId) -> Vec<(SessionId, SessionHandle)> {
        let live = self.live.0.lock();
        let of_group = live.iter().filter(|(_, session)| session.creator.group.as_ref() == Some(group));
        of_group.map(|(id, session)| (id.clone(), session.handle.clone())).collect()
    }

    /// The other instances that are alive, by their id.
    pub async fn others(&self) -> Result<HashMap<InstanceId, Instance>, StoreError> {
        let mut others = self.deps.store.instances().await?;
        others.retain(|instance| instance.id != self.deps.instance.id && instance.address.is_some());
        Ok(others.into_iter().map(|instance| (instance.id.clone(), instance)).collect())
    }

    /// The records of the group's sessions that have not ended, wherever they run.
    pub async fn records(&self, group: &GroupId) -> Result<Vec<SessionRecord>, StoreError> {
        let mut records = self.deps.store.sessions_in(group).await?;
        records.retain(|record| record.creator.group.as_ref() == Some(group) && !record.has_ended());
        Ok(records)
    }
}
