//! What every store must do, as a suite that the memory store and each real one run. It panics where a store differs.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a suite of assertions, called by tests only")]

use super::{SessionRecord, SessionState, Store};
use shared_protocol::{ConnectionId, EndReason, Epoch, SessionId};

/// A session of user `ada` that a suite works with.
pub fn created(id: &str) -> SessionRecord {
    SessionRecord {
        id: SessionId::new(id).unwrap(),
        user: "ada".into(),
        state: SessionState::Created,
        epoch: Epoch(0),
        created_at: 1_800_000_000_000,
    }
}

/// The same, ended.
pub fn ended(id: &str) -> SessionRecord {
    let state = SessionState::Ended { reason: EndReason::Idle, at: 1_800_000_100_000 };
    SessionRecord { state, epoch: Epoch(7), ..created(id) }
}

/// Sessions are created once, changed, counted and found.
pub async fn keeps_sessions(store: &impl Store) {
    let one = created("one");
    assert_eq!(store.session(&one.id).await.unwrap(), None);
    assert_eq!(store.create(one.clone()).await.unwrap(), None);
    let other = SessionRecord { user: "eve".into(), ..one.clone() };
    assert_eq!(store.create(other).await.unwrap(), Some(one.clone()), "the first stays");
    assert_eq!(store.open_sessions("ada").await.unwrap(), 1);
    let running = SessionRecord { state: SessionState::Running, epoch: Epoch(5), ..one.clone() };
    store.save(running.clone()).await.unwrap();
    assert_eq!(store.session(&one.id).await.unwrap(), Some(running));
    store.create(created("two")).await.unwrap();
    assert_eq!(store.open_sessions("ada").await.unwrap(), 2);
    store.save(ended("one")).await.unwrap();
    assert_eq!(store.session(&one.id).await.unwrap(), Some(ended("one")));
    assert_eq!(store.open_sessions("ada").await.unwrap(), 1);
    assert_eq!(store.open_sessions("eve").await.unwrap(), 0);
}

/// A connection that is gone is remembered, others are not.
pub async fn keeps_gone_connections(store: &impl Store) {
    let (gone, other) = (ConnectionId::new("gone=").unwrap(), ConnectionId::new("other=").unwrap());
    assert!(!store.is_gone(&gone).await.unwrap());
    store.connection_gone(&gone).await.unwrap();
    assert!(store.is_gone(&gone).await.unwrap());
    assert!(!store.is_gone(&other).await.unwrap());
}
