//! The actions of the table, as requests and messages.

use super::case::{ANSWER_WAIT_MS, Case, SESSION, attach};
use crate::support::relay::Carrier;
use crate::support::{client, gateway_claims, read, user_token};
use reqwest::Method;
use serde_json::{Value, json};
use shared_protocol::gateway::{DISCONNECT_PATH, MESSAGE_PATH};
use shared_protocol::{GatewayClaims, Role};

impl Case {
    /// The result of an action: `yes`, or the error code.
    pub(super) async fn outcome(&mut self, action: &str) -> String {
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
}
