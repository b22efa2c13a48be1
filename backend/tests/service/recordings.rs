//! Recordings of real shells in a folder, over HTTP.

use crate::support::{Service, Terminal, read, until, user, user_token};
use backend::store::{MemoryStore, Store};
use backend::terminal::UnixSpawner;
use reqwest::{Method, Response};
use serde_json::json;
use shared_protocol::{ClassClaims, GroupId, Role, StreamEvent, UserClaims};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

async fn recording(folder: &Path, store: &Arc<MemoryStore>) -> Service {
    recording_those("all", folder, store).await
}

/// A service that records these sessions: `all`, or those whose creator's token asks for it.
async fn recording_those(recorded: &str, folder: &Path, store: &Arc<MemoryStore>) -> Service {
    let url = format!("file://{}", folder.display());
    let variables = [("RECORDINGS", recorded), ("RECORDINGS_URL", &*url)];
    Service::one_of(&variables, Arc::new(UnixSpawner), Arc::clone(store) as Arc<dyn Store>).await
}

async fn get(service: &Service, reader: &UserClaims) -> Response {
    service.request(Method::GET, "/api/sessions/s/recording", Some(&user_token(reader))).await
}

fn owner() -> UserClaims {
    user("ada", Some("s"))
}

async fn says(terminal: &mut Terminal, word: &str) {
    let (half, rest) = word.split_at(2);
    terminal.keys(&format!("echo {half}''{rest}\r")).await;
    terminal.sees(word).await;
}

#[tokio::test]
async fn a_recording_goes_on_over_a_restart_and_is_read_as_one_asciicast() {
    let (home, store) = (tempfile::tempdir().unwrap(), Arc::new(MemoryStore::shared()));
    let folder = home.path().join("recordings");
    let first = recording_those("asked", &folder, &store).await;
    let class = ClassClaims { rec: true, ..ClassClaims::default() };
    let asks = user_token(&UserClaims { class, ..owner() });
    let mut terminal = Terminal::open(&first.terminal_url("s", &asks)).await;
    terminal.attach("page").await;
    says(&mut terminal, "before").await;
    first.stop().await;
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);

    // The creator's token counts in the next epoch too.
    let second = recording_those("asked", &folder, &store).await;
    let mut terminal = second.attached("page").await;
    says(&mut terminal, "after").await;
    terminal.keys("exit 3\r").await;
    terminal.event(|event| matches!(event, StreamEvent::Exit { .. })).await;
    until("the end of the recording", async || get(&second, &owner()).await.text().await.unwrap().contains("\"x\""))
        .await;
    let answer = get(&second, &owner()).await;
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/x-asciicast");
    assert_eq!(header("content-disposition"), "attachment; filename=\"s.cast\"");
    assert_eq!(header("x-content-type-options"), "nosniff");
    let text = answer.text().await.unwrap();
    let places =
        ["\"version\":3", "before", "A new shell", "after", "\"x\", \"3\"]"].map(|mark| text.find(mark).expect(mark));
    assert!(places.is_sorted(), "{text}");
    assert_eq!(text.matches("\"x\"").count(), 1, "the restart was no end");
    second.stop().await;
}

#[tokio::test]
async fn a_player_gets_keyframes_and_a_download_has_none() {
    let home = tempfile::tempdir().unwrap();
    let service = recording(home.path(), &Arc::new(MemoryStore::default())).await;
    let mut terminal = service.attached("page").await;
    says(&mut terminal, "begins").await;
    terminal.keys("seq 1 250000; exit 3\r").await;
    terminal.sees("exit 3").await;
    // Without a reader nothing holds it up.
    drop(terminal);
    until("the end of the recording", async || get(&service, &owner()).await.text().await.unwrap().contains("\"x\""))
        .await;
    let whole = get(&service, &owner()).await.text().await.unwrap();
    let path = "/api/sessions/s/recording?keyframes=true";
    let answer = service.request(Method::GET, path, Some(&user_token(&owner()))).await;
    let with_keyframes = answer.text().await.unwrap();
    let is_keyframe = |line: &&str| line.starts_with("[0.000, \"k\", \"80x24\\n");
    assert!((2..6).contains(&with_keyframes.lines().filter(is_keyframe).count()));
    let others: Vec<_> = with_keyframes.lines().filter(|line| !is_keyframe(line)).collect();
    assert!(others == whole.lines().collect::<Vec<_>>() && whole.contains("250000"));
    service.stop().await;
}

#[tokio::test]
async fn a_later_user_of_the_id_does_not_see_an_earlier_recording() {
    let home = tempfile::tempdir().unwrap();
    let service = recording(home.path(), &Arc::new(MemoryStore::default())).await;
    let mut terminal = service.attached("page").await;
    says(&mut terminal, "mine").await;
    terminal.keys("exit\r").await;
    terminal.event(|event| matches!(event, StreamEvent::Exit { .. })).await;
    service.stop().await;
    // The record is forgotten, as after a day; the id belongs to eve.
    let service = recording(home.path(), &Arc::new(MemoryStore::default())).await;
    let eve = user("eve", Some("s"));
    assert_eq!(service.api(Method::POST, "", &eve).await.0, 201);
    let class = |group: &str| ClassClaims { grp: GroupId::new(group).ok(), ..ClassClaims::default() };
    let instructor = UserClaims { role: Role::Instructor, class: class("class-7"), ..user("ina", None) };
    for reader in [&eve, &instructor, &user("mallory", None)] {
        assert_eq!(get(&service, reader).await.status(), 404, "{}", reader.sub);
    }
    let operator = UserClaims { admin: true, ..user("root", None) };
    for reader in [&owner(), &user("ada", None), &operator] {
        assert!(get(&service, reader).await.text().await.unwrap().contains("mine"), "{}", reader.sub);
    }
    service.stop().await;
}

/// A recording of ada's session that is longer than what sockets hold.
fn long_recording(root: &Path) {
    let folder = root.join(auth_tokens::body_hash(b"s")).join("17");
    std::fs::create_dir_all(&folder).unwrap();
    let meta = json!({"session": "s", "sub": "ada", "started": 17, "cols": 80, "rows": 24});
    std::fs::write(folder.join("meta.json"), meta.to_string()).unwrap();
    let line = format!("[0.000, \"o\", \"{}\"]\n", "x".repeat(256 * 1024));
    for number in 1..=128 {
        std::fs::write(folder.join(format!("0000000000000001-{number:06}-0-0.cast")), &line).unwrap();
    }
}

#[tokio::test]
async fn a_user_reads_two_recordings_at_once() {
    let home = tempfile::tempdir().unwrap();
    long_recording(home.path());
    let service = recording(home.path(), &Arc::new(MemoryStore::default())).await;
    let (first, second) = (get(&service, &owner()).await, get(&service, &owner()).await);
    assert!(first.status() == 200 && second.status() == 200);
    let (status, refused) = read(get(&service, &owner()).await).await;
    assert_eq!((status, &refused["code"]), (429, &json!("RATE_LIMITED")));
    assert_eq!(get(&service, &user("eve", None)).await.status(), 404, "others are not held up");
    drop(first);
    until("a place", async || get(&service, &owner()).await.status() == 200).await;
    assert_eq!(second.text().await.unwrap().lines().count(), 129, "it is whole");
    service.stop().await;
}

#[tokio::test]
async fn the_latest_recording_is_read_or_the_one_that_started_then() {
    let home = tempfile::tempdir().unwrap();
    for started in [17, 18] {
        let folder = home.path().join(auth_tokens::body_hash(b"s")).join(started.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        let meta = json!({"session": "s", "sub": "ada", "started": started, "cols": 80, "rows": 24});
        std::fs::write(folder.join("meta.json"), meta.to_string()).unwrap();
        let line = format!("[0.000, \"o\", \"of {started}\"]\n");
        std::fs::write(folder.join("0000000000000001-000001-0-0.cast"), line).unwrap();
    }
    let service = recording(home.path(), &Arc::new(MemoryStore::default())).await;
    let token = user_token(&owner());
    for (query, text) in
        [("", Some("of 18")), ("?started=17", Some("of 17")), ("?started=18", Some("of 18")), ("?started=19", None)]
    {
        let path = format!("/api/sessions/s/recording{query}");
        let answer = service.request(Method::GET, &path, Some(&token)).await;
        assert_eq!(answer.status().as_u16(), if text.is_some() { 200 } else { 404 }, "{query}");
        assert!(answer.text().await.unwrap().contains(text.unwrap_or_default()), "{query}");
    }
    service.stop().await;
}

#[tokio::test]
async fn one_who_was_removed_finds_no_recording() {
    let home = tempfile::tempdir().unwrap();
    let service = recording(home.path(), &Arc::new(MemoryStore::default())).await;
    let class = ClassClaims { grp: GroupId::new("class-7").ok(), ..ClassClaims::default() };
    let of_class = |claims: UserClaims| UserClaims { class: class.clone(), ..claims };
    let instructor = of_class(UserClaims { role: Role::Instructor, ..user("ina", None) });
    let mut pages = Vec::new();
    for claims in [&of_class(owner()), &instructor] {
        let mut page = Terminal::open(&service.terminal_url("s", &user_token(claims))).await;
        page.attach(&claims.sub).await;
        pages.push(page);
    }
    assert_eq!(get(&service, &instructor).await.status(), 200);
    let operator = UserClaims { admin: true, ..user("root", None) };
    let (_, listed) = service.api(Method::GET, "?user=ada", &operator).await;
    let connections = listed["sessions"][0]["connections"].as_array().unwrap();
    let theirs = connections.iter().find(|connection| connection["user"] == "ina").unwrap();
    let path = format!("/s/connections/{}", theirs["id"].as_str().unwrap());
    assert_eq!(service.api(Method::DELETE, &path, &operator).await.0, 200);
    assert_eq!(get(&service, &instructor).await.status(), 404);
    service.stop().await;
}
