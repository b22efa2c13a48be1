//! Deletion of recordings over HTTP: who may, when, and of which one.

use crate::support::{Service, until, user};
use backend::store::{MemoryStore, Store};
use backend::terminal::scripted::ScriptedSpawner;
use reqwest::Method;
use serde_json::{Value, json};
use shared_protocol::{ClassClaims, GroupId, Role, UserClaims};
use std::path::Path;
use std::sync::Arc;

const RECORDING: &str = "/s/recording";

async fn recording(folder: &Path, owner_deletes: &str, shells: &ScriptedSpawner) -> Service {
    let url = format!("file://{}", folder.display());
    let variables = [("RECORDINGS", "all"), ("RECORDINGS_URL", &*url), ("RECORDINGS_OWNER_DELETES", owner_deletes)];
    Service::one_of(&variables, Arc::new(shells.clone()), Arc::new(MemoryStore::default()) as Arc<dyn Store>).await
}

fn of_class(claims: UserClaims) -> UserClaims {
    UserClaims { class: ClassClaims { grp: GroupId::new("class-7").ok(), ..ClassClaims::default() }, ..claims }
}

fn owner() -> UserClaims {
    of_class(user("ada", Some("s")))
}

fn operator() -> UserClaims {
    UserClaims { admin: true, ..user("root", None) }
}

async fn asked(service: &Service, rest: &str, by: &UserClaims) -> (u16, Value) {
    service.api(Method::DELETE, &format!("{RECORDING}{rest}"), by).await
}

/// A recording of ada's, of a session that is over and forgotten.
fn add(root: &Path, started: u64) {
    let folder = root.join(auth_tokens::body_hash(b"s")).join(started.to_string());
    std::fs::create_dir_all(&folder).unwrap();
    let meta = json!({"session": "s", "sub": "ada", "grp": "class-7", "started": started, "cols": 80, "rows": 24});
    std::fs::write(folder.join("meta.json"), meta.to_string()).unwrap();
    std::fs::write(folder.join("0000000000000001-000001-0-0.cast"), "[0.000, \"o\", \"mine\"]\n").unwrap();
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[tokio::test]
async fn operators_delete_what_is_over_and_the_owner_where_that_is_allowed() {
    for (owner_deletes, allowed) in [("false", 403), ("true", 200)] {
        let (home, shells) = (tempfile::tempdir().unwrap(), ScriptedSpawner::default());
        add(home.path(), 17);
        let service = recording(home.path(), owner_deletes, &shells).await;
        let instructor = of_class(UserClaims { role: Role::Instructor, ..user("ina", None) });
        let viewer = UserClaims { role: Role::Viewer, ..owner() };
        for (by, expected) in [(&instructor, 403), (&viewer, 404), (&of_class(user("eve", None)), 404)] {
            assert_eq!(asked(&service, "", by).await.0, expected, "{}", by.sub);
        }
        let (status, answer) = asked(&service, "", &owner()).await;
        assert_eq!(status, allowed, "{answer}");
        if allowed == 403 {
            assert!(!is_empty(home.path()));
            let (status, answer) = asked(&service, "", &operator()).await;
            assert_eq!((status, answer), (200, json!({"success": true, "started": 17})));
        }
        assert!(is_empty(home.path()), "and nothing of it is left");
        for by in [&owner(), &operator()] {
            assert_eq!(asked(&service, "", by).await.0, 404);
            assert_eq!(service.api(Method::GET, RECORDING, by).await.0, 404);
        }
        service.stop().await;
    }
}

#[tokio::test]
async fn a_recording_goes_only_after_its_session() {
    let (home, shells) = (tempfile::tempdir().unwrap(), ScriptedSpawner::default());
    let service = recording(home.path(), "true", &shells).await;
    let _page = service.attached("page").await;
    for by in [&owner(), &operator()] {
        let (status, refused) = asked(&service, "", by).await;
        assert_eq!((status, &refused["code"]), (409, &json!("BUSY")), "{refused}");
    }
    assert!(!is_empty(home.path()));
    shells.last().unwrap().exit(0);
    until("the deletion", async || asked(&service, "", &owner()).await.0 == 200).await;
    assert!(is_empty(home.path()));
    service.stop().await;
}

#[tokio::test]
async fn of_several_recordings_a_request_must_pick_one() {
    let (home, shells) = (tempfile::tempdir().unwrap(), ScriptedSpawner::default());
    for started in 17..=19 {
        add(home.path(), started);
    }
    let service = recording(home.path(), "true", &shells).await;
    let (status, refused) = asked(&service, "", &owner()).await;
    assert_eq!((status, &refused["code"]), (400, &json!("BAD_FIELD")));
    assert!(refused["error"].as_str().unwrap().ends_with("19, 18, 17"), "{refused}");
    for (started, expected) in [(18, 200), (18, 404), (20, 404), (17, 200)] {
        assert_eq!(asked(&service, &format!("?started={started}"), &owner()).await.0, expected, "{started}");
    }
    assert_eq!(asked(&service, "", &owner()).await.1["started"], 19, "it is the last");
    service.stop().await;
}
