//! Connections in memory: for a gateway that is one process, and for tests.

use super::{Connection, Connections, ConnectionsError};
use async_trait::async_trait;
use parking_lot::Mutex;
use shared_protocol::ConnectionId;
use std::collections::HashMap;

/// Rows in a map. The lock is never held across an await.
#[derive(Debug, Default)]
pub struct MemoryConnections {
    rows: Mutex<HashMap<ConnectionId, Connection>>,
}

#[async_trait]
impl Connections for MemoryConnections {
    async fn put(&self, connection: &Connection) -> Result<(), ConnectionsError> {
        self.rows.lock().insert(connection.id.clone(), connection.clone());
        Ok(())
    }

    async fn get(&self, id: &ConnectionId, now: u64) -> Result<Option<Connection>, ConnectionsError> {
        Ok(self.rows.lock().get(id).filter(|row| row.expires_at > now).cloned())
    }

    async fn touch(&self, id: &ConnectionId, expires_at: u64) -> Result<(), ConnectionsError> {
        if let Some(row) = self.rows.lock().get_mut(id) {
            row.expires_at = expires_at;
        }
        Ok(())
    }

    async fn remove(&self, id: &ConnectionId) -> Result<(), ConnectionsError> {
        self.rows.lock().remove(id);
        Ok(())
    }

    async fn count_by_user(&self, user: &str, now: u64) -> Result<usize, ConnectionsError> {
        // Removes expired rows here, where every row is visited anyway, so that the map stays bounded.
        let mut rows = self.rows.lock();
        rows.retain(|_, row| row.expires_at > now);
        Ok(rows.values().filter(|row| row.identity.row_user() == user).count())
    }

    async fn list_idle_by_user(&self, user: &str, now: u64, until: u64) -> Result<Vec<ConnectionId>, ConnectionsError> {
        let (rows, idle) = (self.rows.lock(), now + 1..=until);
        let of_user = rows.values().filter(|row| row.identity.row_user() == user && idle.contains(&row.expires_at));
        Ok(of_user.map(|row| row.id.clone()).collect())
    }
}
