//! The location of a session's shell: in this instance, in another one, or in none.

use super::membership::Membership;
use crate::store::{Instance, SessionRecord, SessionState, Store, StoreError};
use tokio::time::Instant;

/// The location of a session's shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In this instance.
    Local,
    /// In another live instance.
    Remote(Instance),
    /// In none: there is no shell, or its instance is dead.
    Unowned,
    /// In an instance without a heartbeat that may still be alive.
    Unknown,
}

/// Locates the shell of a session that does not run in this instance.
pub async fn locate(
    record: &SessionRecord,
    membership: &Membership,
    store: &dyn Store,
) -> Result<Location, StoreError> {
    let owner = match &record.owner {
        Some(owner) if record.state == SessionState::Running && owner != membership.instance_id() => owner,
        // A session of this instance that does not run has ended, even if the store could not be told.
        _ => return Ok(Location::Unowned),
    };
    Ok(match store.instance(owner).await? {
        Some(instance) => Location::Remote(instance),
        None if membership.can_declare_dead(Instant::now()) => Location::Unowned,
        None => Location::Unknown,
    })
}
