//! The right to type and the raised hand stay when an instance goes and another one starts a new shell.

use crate::support::{Service, gateway_claims, read, until};
use crate::wall::class;
use backend::metrics::Operation;
use backend::store::{ClassRecord, Fault, FaultyStore, Keyboard, MemoryStore, SessionState, Store};
use backend::terminal::scripted::ScriptedSpawner;
use serde_json::{Value, json};
use shared_protocol::gateway::MESSAGE_PATH;
use shared_protocol::{GatewayClaims, Role, SessionId};
use std::sync::Arc;

/// Sends a message as ada, whose session it is, or as ina, the instructor.
async fn say(service: &Service, user: &str, message: Value) -> Value {
    let body = message.to_string();
    let role = if user == "ina" { Role::Instructor } else { Role::Controller };
    let claims = gateway_claims(MESSAGE_PATH, body.as_bytes(), &format!("{user}="), Some("s"));
    let claims = GatewayClaims { sub: user.into(), role, class: class("class-7", None), ..claims };
    read(service.post(&claims, &body).await).await.1
}

async fn attach(service: &Service, user: &str) -> Value {
    say(service, user, json!({"type": "attach", "client": user, "cols": 80, "rows": 24})).await
}

/// Has ada raise her hand and do this, and ina ask before; then the instance goes. Returns another one.
async fn lost_after(done: &[Value], kept: impl Fn(&ClassRecord) -> bool) -> Service {
    lost_and_found(done, kept, &[]).await.0
}

/// The same, with these variables of the other one; and the store of both.
async fn lost_and_found(
    done: &[Value],
    kept: impl Fn(&ClassRecord) -> bool,
    variables: &[(&str, &str)],
) -> (Service, Arc<FaultyStore>) {
    let store = Arc::new(FaultyStore::new(MemoryStore::shared()));
    let start =
        |variables| Service::one_of(variables, Arc::new(ScriptedSpawner::default()), Arc::<FaultyStore>::clone(&store));
    let (here, there) = (start(&[]).await, start(variables).await);
    let epoch = attach(&here, "ada").await["epoch"].clone();
    attach(&here, "ina").await;
    say(&here, "ina", json!({"type": "ask", "seq": 1, "epoch": epoch})).await;
    for (message, seq) in [json!({"type": "hand", "up": true})].iter().chain(done).zip(1..) {
        let mut message = message.clone();
        (message["seq"], message["epoch"]) = (json!(seq), epoch.clone());
        say(&here, "ada", message).await;
    }
    let id = SessionId::new("s").unwrap();
    until("the record", async || store.class(&id).await.unwrap().is_some_and(|class| kept(&class))).await;
    here.stop().await;
    (there, store)
}

/// True while the owner types alone.
fn alone(class: &ClassRecord) -> bool {
    class.keyboard == Keyboard::Only
}

/// Has ada attach, who typed alone and had her hand up.
async fn is_as_before(there: &Service) {
    let attached = attach(there, "ada").await;
    assert_eq!((&attached["control"]["state"], &attached["hand"]["up"]), (&json!("only"), &json!(true)));
}

/// As when the bucket of recordings comes back late.
#[tokio::test]
async fn starts_that_fail_forget_nothing() {
    let home = tempfile::tempdir().unwrap();
    let in_the_way = home.path().join("file");
    std::fs::write(&in_the_way, "no folder").unwrap();
    let url = format!("file://{}/recordings", in_the_way.display());
    let variables = [("RECORDINGS", "all"), ("RECORDING_REQUIRED", "true"), ("RECORDINGS_URL", &*url)];
    let (there, store) = lost_and_found(&[json!({"type": "only_me", "on": true})], alone, &variables).await;
    let id = SessionId::new("s").unwrap();
    let before = store.session(&id).await.unwrap();
    for _ in 0..3 {
        assert_eq!(attach(&there, "ada").await["code"], "INTERNAL");
        until("the record", async || store.session(&id).await.unwrap() == before).await;
    }
    std::fs::remove_file(&in_the_way).unwrap();
    is_as_before(&there).await;
    there.stop().await;
}

#[tokio::test]
async fn no_shell_starts_while_it_is_not_known_whose_keys_count() {
    let (there, store) = lost_and_found(&[json!({"type": "only_me", "on": true})], alone, &[]).await;
    store.set(Operation::Class, Fault::Fails);
    assert_eq!(attach(&there, "ada").await["code"], "INTERNAL");
    store.set(Operation::Class, Fault::None);
    is_as_before(&there).await;
    there.stop().await;
}

/// As when Redis goes away while a shell starts: the session stays as it was when the start began.
#[tokio::test]
async fn a_start_that_cannot_be_taken_back_forgets_nothing() {
    let (there, store) = lost_and_found(&[json!({"type": "only_me", "on": true})], alone, &[]).await;
    store.set(Operation::Class, Fault::Fails);
    store.script(Operation::Put, [Fault::None]);
    store.set(Operation::Put, Fault::Fails);
    let writes = store.calls(Operation::Put);
    assert_eq!(attach(&there, "ada").await["code"], "INTERNAL");
    until("two writes", async || store.calls(Operation::Put) >= writes + 2).await;
    let id = SessionId::new("s").unwrap();
    assert_eq!(store.session(&id).await.unwrap().unwrap().state, SessionState::Running, "not taken back");
    store.set(Operation::Class, Fault::None);
    store.set(Operation::Put, Fault::None);
    is_as_before(&there).await;
    there.stop().await;
}

#[tokio::test]
async fn an_owner_types_alone_in_the_next_shell_too() {
    let there = lost_after(&[json!({"type": "only_me", "on": true})], alone).await;
    is_as_before(&there).await;
    there.stop().await;
}

#[tokio::test]
async fn a_borrower_who_comes_back_has_the_loan_in_the_next_shell() {
    let allow = json!({"type": "allow", "who": 2, "for": "kept"});
    let there = lost_after(&[allow], |class| matches!(class.keyboard, Keyboard::Lent { for_now: false, .. })).await;
    let attached = attach(&there, "ada").await;
    assert_eq!((attached.get("control"), &attached["hand"]["up"]), (None, &json!(true)), "ina is not back yet");
    let back = attach(&there, "ina").await;
    assert_eq!(back["control"], json!({"state": "lent", "who": back["who"], "loan": 1}));
    there.stop().await;
}

#[tokio::test]
async fn a_question_is_over_in_the_next_shell() {
    let there = lost_after(&[], |class| class.hand.is_some()).await;
    for user in ["ada", "ina"] {
        let attached = attach(&there, user).await;
        assert_eq!((attached.get("control"), &attached["hand"]["up"]), (None, &json!(true)), "{user}");
    }
    there.stop().await;
}

#[tokio::test]
async fn a_state_that_the_store_has_lost_begins_anew() {
    let (there, store) = lost_and_found(&[json!({"type": "only_me", "on": true})], alone, &[]).await;
    let record = store.session(&SessionId::new("s").unwrap()).await.unwrap().unwrap();
    there.stop().await;
    let other = Arc::new(MemoryStore::shared());
    other.compare_and_set(&record, None).await.unwrap();
    let next = Service::one_of(&[], Arc::new(ScriptedSpawner::default()), other).await;
    let attached = attach(&next, "ada").await;
    assert_eq!((&attached["type"], attached.get("control"), attached.get("hand")), (&json!("attached"), None, None));
    next.stop().await;
}
