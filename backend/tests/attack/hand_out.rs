//! A file that an instructor hands to a class: in the home of every student of it, in every instance, and in no other.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use crate::harness::{PROGRAM, says, settings, state};
use crate::support::{Service, Terminal, client, read, user, user_token};
use backend::sandbox::{SandboxSettings, SandboxedSpawner};
use backend::store::MemoryStore;
use backend::terminal::ShellSpawner;
use reqwest::Method;
use serde_json::{Value, json};
use shared_protocol::{ClassClaims, GroupId, Role, StreamEvent, UserClaims};
use std::sync::Arc;

/// Largest file for a class.
const MOST: usize = 8 * 1024 * 1024;

fn class(group: &str) -> ClassClaims {
    ClassClaims { grp: Some(GroupId::new(group).unwrap()), name: Some("Grace H.".into()), ..ClassClaims::default() }
}

async fn instance(settings: SandboxSettings, store: &Arc<MemoryStore>) -> Service {
    let shells: Arc<dyn ShellSpawner> = Arc::new(SandboxedSpawner::new(settings, PROGRAM.into()).unwrap());
    Service::one_of(&[("USER", "root")], shells, Arc::<MemoryStore>::clone(store)).await
}

async fn student(service: &Service, name: &str, group: &str) -> Terminal {
    let token = user_token(&UserClaims { class: class(group), ..user(name, Some(name)) });
    let mut page = Terminal::open(&service.terminal_url(name, &token)).await;
    // The test does not read this page while it reads others.
    page.away = true;
    page.attach(name).await;
    page
}

async fn hand_out(service: &Service, by: &UserClaims, name: &str, content: Vec<u8>) -> (u16, Value) {
    hand_out_to("class-7", service, by, name, content).await
}

async fn hand_out_to(group: &str, service: &Service, by: &UserClaims, name: &str, content: Vec<u8>) -> (u16, Value) {
    let url = format!("http://{}/api/groups/{group}/files?name={name}", service.address);
    read(client().post(url).bearer_auth(user_token(by)).body(content).send().await.unwrap()).await
}

#[tokio::test]
async fn a_file_reaches_every_student_of_the_class_in_every_instance() {
    let (store, states) = (Arc::new(MemoryStore::shared()), [state(), state()]);
    let [here, there] = states.each_ref().map(|state| instance(settings(state.path().to_owned()), &store));
    let (here, there) = (here.await, there.await);
    let mut ada = student(&here, "ada", "class-7").await;
    let mut ben = student(&there, "ben", "class-7").await;
    let mut eve = student(&there, "eve", "class-8").await;
    let grace = UserClaims { role: Role::Instructor, class: class("class-7"), ..user("grace", None) };
    assert_eq!(ben.command("echo own >plan.txt; mkdir work; cd work").await.1, 0);
    let content = b"the plan\n".repeat(100_000);
    assert_eq!(hand_out(&here, &grace, "plan.txt", content.clone()).await, (200, json!({"reached": 2, "missed": 0})));
    let length = content.len().to_string();
    assert_eq!(says(&mut ada, "wc -c < ~/plan.txt").await, length);
    assert_eq!(says(&mut ben, "cat ~/plan.txt; wc -c < ~/'plan (1).txt'; ls").await, format!("own\n{length}"));
    assert_eq!(says(&mut eve, "ls -A ~ | grep -c plan").await, "0");
    let notice = ben.event(|event| matches!(event, StreamEvent::Notice(_))).await;
    let StreamEvent::Notice(notice) = notice else { unreachable!() };
    assert_eq!((&*notice.from, &*notice.text), ("Grace H.", "plan (1).txt is in your home directory"));
    let refused = |by: UserClaims, name: &'static str| {
        let here = &here;
        async move { hand_out(here, &by, name, vec![1]).await.1["code"].as_str().unwrap_or_default().to_owned() }
    };
    for by in [
        UserClaims { class: class("class-8"), ..grace.clone() },
        UserClaims { role: Role::Controller, ..grace.clone() },
        UserClaims { class: class("class-7"), ..user("ada", Some("ada")) },
    ] {
        assert_eq!(refused(by, "a").await, "FORBIDDEN");
    }
    for name in [".bashrc", "-rf", "a%2fb", "..", "nul"] {
        assert_eq!(refused(grace.clone(), name).await, "BAD_FIELD", "{name}");
    }
    // The class has no students, so that the second file comes within 10 s on any machine.
    let una = UserClaims { class: class("class-9"), ..grace.clone() };
    assert_eq!(hand_out_to("class-9", &here, &una, "a", vec![1]).await.0, 200);
    for (instance, counts) in [(&here, "its own"), (&there, "those of the other one")] {
        let (_, answer) = hand_out_to("class-9", instance, &una, "a", vec![1]).await;
        assert_eq!(answer["code"], "RATE_LIMITED", "{counts}");
    }
    let other = UserClaims { role: Role::Instructor, class: class("class-7"), ..user("ivo", None) };
    let (status, answer) = hand_out(&here, &other, "large", vec![0; MOST + 1]).await;
    assert_eq!((status, &answer["code"]), (413, &json!("TOO_LARGE")));
    tokio::join!(here.stop(), there.stop());
}

#[tokio::test]
async fn a_file_misses_sessions_without_room_and_those_that_its_sender_was_removed_from() {
    let (store, states) = (Arc::new(MemoryStore::shared()), [state(), state()]);
    // Room for the file and those of a new home, and one byte less than the file.
    let [large, small] = [MOST + 1024 * 1024, MOST - 1];
    let [large, small] = [(large, &states[0]), (small, &states[1])].map(|(disk, state)| {
        instance(SandboxSettings { disk: disk as u64, ..settings(state.path().to_owned()) }, &store)
    });
    let (large, small) = (large.await, small.await);
    let mut ada = student(&large, "ada", "class-7").await;
    let mut ben = student(&small, "ben", "class-7").await;
    let mut cyd = student(&large, "cyd", "class-7").await;
    let grace = UserClaims { role: Role::Instructor, class: class("class-7"), ..user("grace", None) };
    let mut watching = Terminal::open(&large.terminal_url("cyd", &user_token(&grace))).await;
    watching.attach("grace").await;
    let operator = UserClaims { admin: true, role: Role::Viewer, ..user("root", None) };
    let (_, listed) = large.api(Method::GET, "?user=cyd", &operator).await;
    let connections = listed["sessions"][0]["connections"].as_array().unwrap();
    let theirs = connections.iter().find(|connection| connection["user"] == "grace").unwrap();
    let path = format!("/cyd/connections/{}", theirs["id"].as_str().unwrap());
    assert_eq!(large.api(Method::DELETE, &path, &operator).await.0, 200);
    assert_eq!(ben.command("echo kept >kept").await.1, 0);
    let answer = hand_out(&large, &grace, "plan.bin", vec![7; MOST]).await;
    assert_eq!(answer, (200, json!({"reached": 1, "missed": 2})));
    assert_eq!(says(&mut ada, "wc -c < ~/plan.bin").await, MOST.to_string());
    for page in [&mut ben, &mut cyd] {
        assert_eq!(says(page, "ls -A ~ | grep -cE 'plan|part'").await, "0");
    }
    assert_eq!(says(&mut ben, "cat ~/kept").await, "kept", "a file that does not fit ends nothing");
    tokio::join!(large.stop(), small.stop());
}
