//! One case: a service with one session in some state, and a caller.

use crate::support::relay::Carrier;
use crate::support::{Service, gateway_claims, now, until, user};
use backend::terminal::scripted::ScriptedSpawner;
use reqwest::Method;
use serde_json::{Value, json};
use shared_protocol::gateway::MESSAGE_PATH;
use shared_protocol::relay::{RelayAction, RelayFrame};
use shared_protocol::{ClassClaims, GatewayClaims, GroupId, Role, Takeover, UserClaims};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Kinds of callers: name, user, whether the token names the session, role, operator, seconds until the token expires.
pub(super) const CALLERS: [(&str, &str, bool, Role, bool, i64); 12] = [
    ("owner", "ada", true, Role::Controller, false, 600),
    ("owner, session not named", "ada", false, Role::Controller, false, 600),
    ("owner, expired", "ada", true, Role::Controller, false, -60),
    ("owner as viewer", "ada", true, Role::Viewer, false, 600),
    ("invited controller", "bob", true, Role::Controller, false, 600),
    ("invited viewer", "vic", true, Role::Viewer, false, 600),
    ("invited viewer who may ask", "val", true, Role::Viewer, false, 600),
    ("stranger", "eve", false, Role::Controller, false, 600),
    ("operator", "root", false, Role::Controller, true, 600),
    ("instructor of the group", "ina", false, Role::Instructor, false, 600),
    ("named instructor of the group", "ina", true, Role::Instructor, false, 600),
    ("instructor of another group", "ivo", false, Role::Instructor, false, 600),
];

pub(super) const SESSION: &str = "s";

/// Longest wait for an answer through a relay, in ms.
pub(super) const ANSWER_WAIT_MS: u64 = 10_000;

pub(super) struct Case {
    pub(super) service: Service,
    pub(super) shells: ScriptedSpawner,
    pub(super) user: UserClaims,
    pub(super) claims: GatewayClaims,
    pub(super) epoch: u64,
    /// The folder of recordings.
    _recordings: tempfile::TempDir,
    /// The relay of each connection, if it was granted one.
    relays: Mutex<HashMap<String, Carrier>>,
}

pub(super) fn attach(client: &str) -> Value {
    json!({"type": "attach", "client": client, "cols": 80, "rows": 24})
}

impl Case {
    pub(super) async fn new(who: usize, state: usize) -> Self {
        let (_, name, names, role, admin, good_for) = CALLERS[who];
        let shells = ScriptedSpawner::default();
        let recordings = tempfile::tempdir().unwrap();
        let url = format!("file://{}", recordings.path().display());
        let profiles = tempfile::tempdir().unwrap();
        std::fs::write(profiles.path().join("p.toml"), "").unwrap();
        let folder = profiles.path().to_str().unwrap();
        let variables = [("RECORDINGS", "all"), ("RECORDINGS_URL", &*url), ("PROFILES", folder)];
        let service = Service::with(&variables, Arc::new(shells.clone())).await;
        let seconds = now().saturating_add_signed(good_for);
        let class = |group: &str| ClassClaims {
            grp: Some(GroupId::new(group).unwrap()),
            takeover: (name == "val").then_some(Takeover::Ask),
            ..ClassClaims::default()
        };
        let mine = class(if name == "ivo" { "class-8" } else { "class-7" });
        let claims = GatewayClaims {
            sub: name.into(),
            role,
            admin,
            create: names,
            uexp: seconds,
            uiat: Some(now()),
            class: mine.clone(),
            ..gateway_claims(MESSAGE_PATH, b"", "mine=", Some(SESSION))
        };
        let owner = UserClaims { class: class("class-7"), ..user("ada", Some(SESSION)) };
        let user = UserClaims { exp: seconds, role, admin, class: mine, ..user(name, names.then_some(SESSION)) };
        let mut case =
            Self { service, shells, user, claims, epoch: 1, _recordings: recordings, relays: Mutex::default() };
        let owners = gateway_claims(MESSAGE_PATH, b"", "owners=", Some(SESSION));
        let owners = GatewayClaims { class: class("class-7"), ..owners };
        if state == 1 {
            assert_eq!(case.service.api(Method::POST, "", &owner).await.0, 201);
        }
        if state >= 2 {
            let attached = case.send_message(&owners, &attach("owners")).await;
            case.epoch = attached.first().unwrap()["epoch"].as_u64().unwrap();
        }
        if state >= 3 {
            assert_eq!(case.service.api(Method::DELETE, "/s", &owner).await.0, 200);
            case.take_end(&owners).await;
        }
        if state == 4 {
            // The second after this one: a token of the second in which a session ends is from before its end.
            case.claims.uiat = Some(now() + 1);
        }
        case
    }

    /// A request of the gateway.
    pub(super) async fn post(&self, claims: &GatewayClaims, path: &str, body: &Value) -> reqwest::Response {
        let body = body.to_string();
        let bh = auth_tokens::body_hash(body.as_bytes());
        self.service.post(&GatewayClaims { path: path.into(), bh, ..claims.clone() }, &body).await
    }

    /// Sends a message; returns its answer, and every frame that the session queued before it answered an `echo` behind it.
    pub(super) async fn send_message(&self, claims: &GatewayClaims, message: &Value) -> Vec<Value> {
        let mut frames = self.answer(claims, message).await;
        if !self.relays.lock().await.contains_key(claims.cid.as_str()) {
            return frames;
        }
        let mut behind = self.answer(claims, &json!({"type": "echo", "is": "behind"})).await;
        // Without a direct answer it comes through the relay; a connection that is being closed gets none, but its end.
        while behind.is_empty() {
            let mut relays = self.relays.lock().await;
            let relay = relays.get_mut(claims.cid.as_str()).unwrap();
            let more = relay.frames(&self.service, ANSWER_WAIT_MS).await;
            assert!(!more.is_empty(), "{message} and an echo behind it have no answer");
            for RelayFrame { action, frame, .. } in more {
                let is_end = action == RelayAction::Close;
                let message = serde_json::from_slice::<Value>(&frame).ok();
                let is_behind = message.as_ref().is_some_and(|message| message["received"]["is"] == "behind");
                let into = if is_end || is_behind { &mut behind } else { &mut frames };
                into.push(message.unwrap_or_default());
            }
        }
        frames
    }

    /// Takes the end of the session as a page does: a session stays until its pages have the end, or for some seconds.
    async fn take_end(&self, claims: &GatewayClaims) {
        let end = loop {
            let mut relays = self.relays.lock().await;
            let more = relays.get_mut(claims.cid.as_str()).unwrap().frames(&self.service, ANSWER_WAIT_MS).await;
            assert!(!more.is_empty(), "a session that was ended tells no end");
            let mut messages = more.iter().filter_map(|frame| serde_json::from_slice::<Value>(&frame.frame).ok());
            if let Some(end) = messages.find(|message| message["kind"] == "exit") {
                break end;
            }
        };
        self.answer(claims, &json!({"type": "ack", "epoch": end["epoch"], "pos": end["head"]})).await;
        until("the end of the session", async || self.state().await == "ended").await;
    }

    /// Sends a message; returns the direct answer, if there is one.
    async fn answer(&self, claims: &GatewayClaims, message: &Value) -> Vec<Value> {
        let answer = self.post(claims, MESSAGE_PATH, message).await;
        let connection = claims.cid.as_str();
        if let Some(relay) = Carrier::granted(&answer, connection) {
            self.relays.lock().await.insert(connection.to_owned(), relay);
        }
        serde_json::from_str(&answer.text().await.unwrap()).into_iter().collect()
    }

    /// The session's state, read by an operator.
    pub(super) async fn state(&self) -> String {
        let operator = UserClaims { admin: true, ..user("root", None) };
        let (_, found) = self.service.api(Method::GET, "/s", &operator).await;
        found["state"].as_str().unwrap_or("unknown").to_owned()
    }

    /// True if a rejected action has changed nothing.
    pub(super) async fn is_untouched(&self, state: usize) -> bool {
        let still = ["unknown", "created", "running", "ended", "ended"][state] == self.state().await;
        let script = self.shells.last();
        let quiet = script.is_none_or(|script| {
            script.input().is_empty() && script.sizes().iter().all(|size| size.cols == 80) && script.interrupts() == 0
        });
        still && quiet
    }
}
