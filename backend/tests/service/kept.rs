//! Whose keys count and the raised hand are kept when an instance goes and another one starts a new shell.

use crate::support::{Service, gateway_claims, read, until};
use crate::wall::class;
use backend::store::{ClassRecord, Keyboard, MemoryStore, Store};
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
    let store = Arc::new(MemoryStore::shared());
    let start = || Service::one_of(&[], Arc::new(ScriptedSpawner::default()), Arc::<MemoryStore>::clone(&store));
    let (here, there) = (start().await, start().await);
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
    there
}

#[tokio::test]
async fn an_owner_types_alone_in_the_next_shell_too() {
    let alone = json!({"type": "only_me", "on": true});
    let there = lost_after(&[alone], |class| class.keyboard == Keyboard::Only).await;
    let attached = attach(&there, "ada").await;
    assert_eq!((&attached["control"]["state"], &attached["hand"]["up"]), (&json!("only"), &json!(true)));
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
