//! Contract of `Connections`, run against each implementation.

use crate::support::{self, NOW, id, identity, session};
use gateway_lambda::{Connection, Connections, Identity};
use shared_protocol::{ClassClaims, Role};

/// Runs the suite on an empty table.
pub(crate) async fn connections_contract(table: &dyn Connections) {
    a_row_round_trips(table).await;
    an_expired_row_is_not_returned(table).await;
    a_touch_moves_only_the_expiry(table).await;
    remove_removes_one_row(table).await;
    a_users_live_rows_are_counted(table).await;
    a_users_idle_rows_are_listed(table).await;
}

async fn a_row_round_trips(table: &dyn Connections) {
    let full = row("back-1=", "ada", Some("back"), NOW + 1);
    let bare = Identity {
        sub: "грейс 🦆".to_owned(),
        sid: None,
        carrier: true,
        over_limit: true,
        role: Role::Viewer,
        admin: true,
        create: true,
        uexp: u64::from(u32::MAX) * 2,
        iat: None,
        class: ClassClaims::default(),
    };
    let bare = Connection { id: id("back-2="), identity: bare, ..full.clone() };
    for row in [&full, &bare] {
        table.put(row).await.unwrap();
        assert_eq!(table.get(&row.id, NOW).await.unwrap().as_ref(), Some(row));
    }
    let newer = Connection { connected_at: 7, ..row("back-1=", "eve", None, NOW + 2) };
    table.put(&newer).await.unwrap();
    assert_eq!(table.get(&full.id, NOW).await.unwrap(), Some(newer), "a newer row replaces an older one");
    assert_eq!(table.get(&id("back-3="), NOW).await.unwrap(), None, "no such row");
}

async fn an_expired_row_is_not_returned(table: &dyn Connections) {
    let row = row("expired=", "old", Some("old"), NOW);
    table.put(&row).await.unwrap();
    assert_eq!(table.get(&row.id, NOW - 1).await.unwrap(), Some(row.clone()));
    assert_eq!(table.get(&row.id, NOW).await.unwrap(), None);
    assert_eq!(table.count_by_user("old", NOW - 1).await.unwrap(), 1);
    assert_eq!(table.count_by_user("old", NOW).await.unwrap(), 0);
}

async fn a_touch_moves_only_the_expiry(table: &dyn Connections) {
    let row = row("touched=", "touch", Some("touch"), NOW + 1);
    table.put(&row).await.unwrap();
    table.touch(&row.id, NOW + 600).await.unwrap();
    let touched = Connection { expires_at: NOW + 600, ..row.clone() };
    assert_eq!(table.get(&row.id, NOW + 599).await.unwrap(), Some(touched), "nothing but the expiry changed");
    assert_eq!(table.count_by_user("touch", NOW + 599).await.unwrap(), 1, "indexes follow");
    table.remove(&row.id).await.unwrap();
    table.touch(&row.id, NOW + 600).await.unwrap();
    assert_eq!(table.get(&row.id, NOW).await.unwrap(), None, "a removed row does not come back");
}

async fn remove_removes_one_row(table: &dyn Connections) {
    let (one, other) = (row("removed=", "rm", Some("rm"), NOW + 9), row("kept=", "rm", Some("rm"), NOW + 9));
    table.put(&one).await.unwrap();
    table.put(&other).await.unwrap();
    table.remove(&one.id).await.unwrap();
    table.remove(&one.id).await.unwrap();
    assert_eq!(table.get(&one.id, NOW).await.unwrap(), None);
    assert_eq!(table.get(&other.id, NOW).await.unwrap(), Some(other.clone()));
    assert_eq!(table.count_by_user("rm", NOW).await.unwrap(), 1);
}

async fn a_users_live_rows_are_counted(table: &dyn Connections) {
    for n in 0..5_u64 {
        table.put(&row(&format!("count-{n}="), "count", (n % 2 == 0).then_some("count"), NOW + n)).await.unwrap();
    }
    table.put(&row("count-other=", "count2", Some("count"), NOW + 9)).await.unwrap();
    assert_eq!(table.count_by_user("count", NOW).await.unwrap(), 4, "one of five has expired");
    assert_eq!(table.count_by_user("unknown", NOW).await.unwrap(), 0);
    let carrier = row("count-carrier=", "count", Some("count"), NOW + 9);
    let carrier = Connection { identity: Identity { carrier: true, ..carrier.identity }, ..carrier };
    table.put(&carrier).await.unwrap();
    assert_eq!(table.count_by_user("count", NOW).await.unwrap(), 4, "carriers are counted apart");
    assert_eq!(table.count_by_user(&carrier.identity.row_user(), NOW).await.unwrap(), 1);
}

async fn a_users_idle_rows_are_listed(table: &dyn Connections) {
    for n in 0..5_u64 {
        table.put(&row(&format!("idle-{n}="), "idle", None, NOW + n)).await.unwrap();
    }
    table.put(&row("idle-other=", "idle2", None, NOW + 2)).await.unwrap();
    let mut found = table.list_idle_by_user("idle", NOW, NOW + 2).await.unwrap();
    found.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    assert_eq!(found, [id("idle-1="), id("idle-2=")], "neither expired nor recent");
    assert_eq!(table.list_idle_by_user("idle", NOW, NOW).await.unwrap(), []);
}

fn row(connection: &str, sub: &str, sid: Option<&str>, expires_at: u64) -> Connection {
    let identity = Identity { sub: sub.to_owned(), sid: sid.map(session), class: support::class(), ..identity() };
    Connection { expires_at, ..support::row(connection, identity) }
}
