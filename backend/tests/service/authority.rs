//! Authorization: tries every action as every kind of caller in every state of a session, through the gateway and the HTTP API,
//! and compares the results with `docs/authority.md`. A rejected action must change nothing.

use crate::support::relay::Carrier;
use crate::support::{Service, client, gateway_claims, now, read, until, user, user_token};
use backend::terminal::scripted::ScriptedSpawner;
use futures_util::stream::{self, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use shared_protocol::gateway::{DISCONNECT_PATH, MESSAGE_PATH};
use shared_protocol::relay::{RelayAction, RelayFrame};
use shared_protocol::{ClassClaims, GatewayClaims, GroupId, Role, Takeover, UserClaims};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Kinds of callers: name, user, whether the token names the session, role, operator, seconds until the token expires.
const CALLERS: [(&str, &str, bool, Role, bool, i64); 12] = [
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

/// States of the session. In the last one the token was issued after the end.
const STATES: [&str; 5] = ["unknown", "created", "running", "ended", "ended before the token was issued"];

/// The actions.
const ACTIONS: [&str; 44] = [
    "attach",
    "follow",
    "input",
    "resize",
    "theme",
    "command",
    "type_line",
    "interrupt",
    "chat_message",
    "hand",
    "hand_seen",
    "ask",
    "allow",
    "take_back",
    "give_back",
    "only_me",
    "remove a guest",
    "remove the owner",
    "input on a loan",
    "extend",
    "close",
    "plain command",
    "plain resize",
    "plain chat_message",
    "leave for another",
    "look up",
    "list",
    "list the group",
    "see on the wall",
    "announce",
    "end",
    "close a connection",
    "let in again",
    "read the recording",
    "delete the recording",
    "read the commands",
    "run a check",
    "bring a file",
    "take a file",
    "upload",
    "download",
    "hand out a file",
    "create",
    "create with a profile",
];

const SESSION: &str = "s";

/// Longest wait for an answer through a relay, in ms.
const ANSWER_WAIT_MS: u64 = 10_000;

struct Case {
    service: Service,
    shells: ScriptedSpawner,
    user: UserClaims,
    claims: GatewayClaims,
    epoch: u64,
    /// The folder of recordings.
    _recordings: tempfile::TempDir,
    /// The relay of each connection, if it was granted one.
    relays: Mutex<HashMap<String, Carrier>>,
}

fn attach(client: &str) -> Value {
    json!({"type": "attach", "client": client, "cols": 80, "rows": 24})
}

impl Case {
    async fn new(who: usize, state: usize) -> Self {
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
    async fn post(&self, claims: &GatewayClaims, path: &str, body: &Value) -> reqwest::Response {
        let body = body.to_string();
        let bh = auth_tokens::body_hash(body.as_bytes());
        self.service.post(&GatewayClaims { path: path.into(), bh, ..claims.clone() }, &body).await
    }

    /// Sends a message; returns its answer, and every frame that the session queued before it answered an `echo` behind it.
    async fn send_message(&self, claims: &GatewayClaims, message: &Value) -> Vec<Value> {
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
    async fn state(&self) -> String {
        let operator = UserClaims { admin: true, ..user("root", None) };
        let (_, found) = self.service.api(Method::GET, "/s", &operator).await;
        found["state"].as_str().unwrap_or("unknown").to_owned()
    }

    /// The result of an action: `yes`, or the error code.
    async fn outcome(&mut self, action: &str) -> String {
        let frames = match action {
            "look up"
            | "list"
            | "list the group"
            | "end"
            | "close a connection"
            | "let in again"
            | "read the recording"
            | "delete the recording"
            | "read the commands"
            | "create" => {
                let let_in = format!("/api/sessions/s/revoked/j:{}", "0".repeat(64));
                let (method, path) = match action {
                    "look up" => (Method::GET, "/api/sessions/s"),
                    "list" => (Method::GET, "/api/sessions?user=ada"),
                    "list the group" => (Method::GET, "/api/groups/class-7/sessions"),
                    "end" => (Method::DELETE, "/api/sessions/s"),
                    "close a connection" => (Method::DELETE, "/api/sessions/s/connections/owners="),
                    "let in again" => (Method::DELETE, &*let_in),
                    "read the recording" => (Method::GET, "/api/sessions/s/recording"),
                    "delete the recording" => (Method::DELETE, "/api/sessions/s/recording"),
                    "read the commands" => (Method::GET, "/api/sessions/s/commands"),
                    _ => (Method::POST, "/api/sessions"),
                };
                let answer = self.service.request(method, path, Some(&user_token(&self.user))).await;
                let (status, body) = read(answer).await;
                let created_another = action == "create" && body["sessionId"] != SESSION;
                return match body["code"].as_str() {
                    Some(code) => code.to_owned(),
                    None if created_another => "another".to_owned(),
                    None => if status < 300 { "yes" } else { "?" }.to_owned(),
                };
            }
            "create with a profile" => {
                let url = format!("http://{}/api/sessions", self.service.address);
                let request = client().post(url).bearer_auth(user_token(&self.user)).body(r#"{"profile":"p"}"#);
                let (_, body) = read(request.send().await.unwrap()).await;
                return body["code"].as_str().unwrap_or("another").to_owned();
            }
            "run a check" => {
                let check = json!({"script": "true", "as": "checker"});
                let (_, body) = self.service.check_by(&self.user, SESSION, &check).await;
                return body["code"].as_str().map_or_else(|| "yes".to_owned(), str::to_owned);
            }
            "bring a file" | "take a file" => {
                let (method, query) = match action {
                    "bring a file" => (Method::PUT, "name=a"),
                    _ => (Method::GET, "path=a"),
                };
                let path = format!("/api/sessions/{SESSION}/files?{query}");
                let (_, body) = read(self.service.request(method, &path, Some(&user_token(&self.user))).await).await;
                return match body["code"].as_str() {
                    // A scripted terminal has no files: an allowed transfer is answered with this.
                    Some("BAD_FIELD") => "yes".to_owned(),
                    Some(code) => code.to_owned(),
                    None => "?".to_owned(),
                };
            }
            "hand out a file" => {
                let path = "/api/groups/class-7/files?name=a";
                let (_, body) =
                    read(self.service.request(Method::POST, path, Some(&user_token(&self.user))).await).await;
                return match body["code"].as_str() {
                    Some(code) => code.to_owned(),
                    // A scripted terminal has no files, and so misses it.
                    None => if body["missed"] == 1 { "yes" } else { "another" }.to_owned(),
                };
            }
            "see on the wall" => {
                let claims = GatewayClaims { sid: None, create: false, ..self.claims.clone() };
                let answer = self.post(&claims, MESSAGE_PATH, &json!({"type": "wall", "client": "wall"})).await;
                let Some(mut relay) = Carrier::granted(&answer, claims.cid.as_str()) else {
                    let refused: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
                    return refused["code"].as_str().unwrap().to_owned();
                };
                let frames = relay.frames(&self.service, ANSWER_WAIT_MS).await;
                let shown = frames.iter().any(|frame| String::from_utf8_lossy(&frame.frame).contains("\"id\":\"s\""));
                return if shown { "yes" } else { "another" }.to_owned();
            }
            "announce" => {
                let claims = GatewayClaims { sid: None, create: false, ..self.claims.clone() };
                let message = json!({"type": "announce", "id": "a", "text": "hello"});
                let (_, answer) = read(self.post(&claims, MESSAGE_PATH, &message).await).await;
                return match answer["code"].as_str() {
                    Some(code) => code.to_owned(),
                    None => if answer["reached"] == 1 { "yes" } else { "another" }.to_owned(),
                };
            }
            "plain command" => self.send_message(&self.claims, &json!({"type": "command", "command": "ls"})).await,
            "plain resize" => self.send_message(&self.claims, &json!({"type": "resize", "cols": 10, "rows": 10})).await,
            "plain chat_message" => {
                let message = json!({"action": "chat_message", "data": {"message": "hello", "sessionId": SESSION}});
                self.send_message(&self.claims, &message).await
            }
            "leave for another" => {
                let body = json!({"connectionId": "owners=", "sessionId": SESSION});
                let answer = self.post(&self.claims, DISCONNECT_PATH, &body).await;
                vec![serde_json::from_str(&answer.text().await.unwrap()).unwrap()]
            }
            "attach" => self.send_message(&self.claims, &attach("mine")).await,
            "remove a guest" | "remove the owner" => {
                let attached = self.send_message(&self.claims, &attach("mine")).await;
                let epoch = attached.first().and_then(|frame| frame["epoch"].as_u64()).unwrap_or(self.epoch);
                let guest = gateway_claims(MESSAGE_PATH, b"", "guests=", Some(SESSION));
                let guest = GatewayClaims { sub: "gus".into(), role: Role::Viewer, ..guest };
                let guests = self.send_message(&guest, &attach("guests")).await;
                let gus = guests.first().and_then(|frame| frame["who"].as_u64()).unwrap_or(99);
                // Where the owner is not attached, the caller may be the first.
                let mine = attached.first().and_then(|frame| frame["who"].as_u64());
                let owner = if mine == Some(1) { 99 } else { 1 };
                let who = if action == "remove a guest" { gus } else { owner };
                let message = json!({"type": "remove", "seq": 1, "epoch": epoch, "who": who});
                self.send_message(&self.claims, &message).await
            }
            _ => {
                let attached = self.send_message(&self.claims, &attach("mine")).await;
                let epoch = attached.first().and_then(|frame| frame["epoch"].as_u64()).unwrap_or(self.epoch);
                let fields = match action {
                    "input" => json!({"data": "x"}),
                    "input on a loan" => json!({"data": "x", "loan": 1}),
                    "allow" => json!({"who": 2, "for": "kept"}),
                    "only_me" => json!({"on": true}),
                    "resize" => json!({"cols": 10, "rows": 10}),
                    "theme" => {
                        json!({"theme": {"foreground": "#000000", "background": "#ffffff", "cursor": "#000000", "palette": vec!["#123456"; 16]}})
                    }
                    "command" => json!({"id": "c", "command": "ls"}),
                    "type_line" => json!({"line": "ls"}),
                    "interrupt" => json!({"afterSeq": 0}),
                    "chat_message" => json!({"data": {"message": "hello"}}),
                    "hand" => json!({"up": true}),
                    "upload" => json!({"id": "u", "name": "a", "bytes": 1, "sha256": "0".repeat(64)}),
                    "download" => json!({"id": "d", "path": "a"}),
                    "follow" => json!({"pos": 0}),
                    _ => json!({}),
                };
                let kind = action.strip_suffix(" on a loan").unwrap_or(action);
                let mut message = json!({"type": kind, "seq": 1, "epoch": epoch});
                message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
                self.send_message(&self.claims, &message).await
            }
        };
        let code = frames.iter().find_map(|frame| frame["code"].as_str());
        match code {
            // As for requests.
            Some("BAD_FIELD") if matches!(action, "upload" | "download") => "yes".to_owned(),
            // The scripted shell shows no prompt, and no one has asked: an allowed command or loan is answered with this.
            None | Some("BUSY") => "yes".to_owned(),
            Some(code) => code.to_owned(),
        }
    }

    /// True if a rejected action has changed nothing.
    async fn is_untouched(&self, state: usize) -> bool {
        let still = ["unknown", "created", "running", "ended", "ended"][state] == self.state().await;
        let script = self.shells.last();
        let quiet = script.is_none_or(|script| {
            script.input().is_empty() && script.sizes().iter().all(|size| size.cols == 80) && script.interrupts() == 0
        });
        still && quiet
    }
}

/// Tries one case on a service of its own.
async fn cell(who: usize, state: usize, action: &str) -> String {
    let mut case = Case::new(who, state).await;
    let outcome = case.outcome(action).await;
    if outcome == "yes" {
        return " **yes** |".to_owned();
    }
    // The attach before the action may have been allowed and have started the session.
    let started = state != 2 && case.state().await == "running";
    let harmless = outcome == "another" || started || case.is_untouched(state).await;
    assert!(harmless, "{}, {action}, {}: {outcome}, but it changed something", CALLERS[who].0, STATES[state]);
    format!(" {outcome} |")
}

/// Concurrent cases: each mostly waits.
const CONCURRENCY: usize = 64;

async fn table(state: usize) -> String {
    let mut text = format!("\n## The session is {}\n\n|", STATES[state]);
    for (who, ..) in CALLERS {
        write!(text, " | {who}").unwrap();
    }
    text += " |\n|---|";
    text += &"---|".repeat(CALLERS.len());
    text += "\n";
    let cases = ACTIONS.iter().flat_map(|action| (0..CALLERS.len()).map(move |who| cell(who, state, action)));
    let cells: Vec<_> = stream::iter(cases).buffered(CONCURRENCY).collect().await;
    for (action, row) in ACTIONS.iter().zip(cells.chunks(CALLERS.len())) {
        writeln!(text, "| {action} |{}", row.concat()).unwrap();
    }
    text
}

/// Fails unless the documented table of this state is what was found.
async fn callers_may_do_what_the_table_says(state: usize) {
    let documented = include_str!("../../../docs/authority.md");
    let found = table(state).await;
    assert!(documented.contains(&found), "docs/authority.md does not have this:\n{found}");
}

#[tokio::test]
async fn session_that_is_unknown() {
    callers_may_do_what_the_table_says(0).await;
}

#[tokio::test]
async fn session_that_was_created() {
    callers_may_do_what_the_table_says(1).await;
}

#[tokio::test]
async fn session_that_runs() {
    callers_may_do_what_the_table_says(2).await;
}

#[tokio::test]
async fn session_that_has_ended() {
    callers_may_do_what_the_table_says(3).await;
}

#[tokio::test]
async fn session_that_ended_before_the_token_was_issued() {
    callers_may_do_what_the_table_says(4).await;
}
