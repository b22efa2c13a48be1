//! Files to and from a sandboxed session: they are its user's, within its quota and its reach, and nothing is left of a transfer
//! that broke off.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use crate::harness::{Harness, PROGRAM, processes_of, says, settings, state};
use crate::support::{Service, Terminal, client, read, until, user, user_token};
use backend::sandbox::SandboxedSpawner;
use backend::store::MemoryStore;
use backend::terminal::ShellSpawner;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use reqwest::{Body, RequestBuilder, Response};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared_protocol::{Role, UserClaims};
use std::convert::Infallible;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use tokio::sync::mpsc;

const MIB: usize = 1 << 20;

fn url(service: &Service, session: &str) -> String {
    format!("http://{}/api/sessions/{session}/files", service.address)
}

fn token(name: &str) -> String {
    user_token(&user(name, Some(name)))
}

/// The address with these fields in its query.
fn with(url: &str, query: &[(&str, &str)]) -> String {
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let fields: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    format!("{url}?{}", fields.join("&"))
}

pub(crate) fn put(service: &Service, session: &str, query: &[(&str, &str)]) -> RequestBuilder {
    client().put(with(&url(service, session), query)).bearer_auth(token(session))
}

async fn upload(service: &Service, session: &str, name: &str, content: Vec<u8>) -> (u16, Value) {
    read(put(service, session, &[("name", name)]).body(content).send().await.unwrap()).await
}

pub(crate) async fn download(service: &Service, session: &str, path: &str) -> Response {
    client().get(with(&url(service, session), &[("path", path)])).bearer_auth(token(session)).send().await.unwrap()
}

fn digest(content: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(content)))
}

/// A body that the test sends piece by piece, and whose sender ends it early by an error.
fn piecewise() -> (mpsc::Sender<Vec<u8>>, Body) {
    let (sender, receiver) = mpsc::channel::<Vec<u8>>(1);
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (Ok::<_, Infallible>(piece), receiver))
    });
    (sender, Body::wrap_stream(pieces))
}

#[tokio::test]
async fn a_file_goes_to_the_shells_directory_and_back_as_the_sessions_own() {
    let (harness, mut eve, uid) = Harness::with_shell().await;
    let service = &harness.service;
    assert_eq!(eve.command("mkdir 'my work' && cd 'my work'").await.1, 0);
    let content: Vec<u8> = (0..3 * MIB).map(|number| (number / 7) as u8).collect();
    let sent = put(service, "eve", &[("name", "données.bin")]).header("content-digest", digest(&content));
    let (status, stored) = read(sent.body(content.clone()).send().await.unwrap()).await;
    let directory = harness.state.path().join("sessions").join(uid.to_string()).join("home/my work");
    let sha256 = hex::encode(Sha256::digest(&content));
    let expected = json!({"name": "données.bin", "directory": "~/my work", "bytes": content.len(), "sha256": sha256});
    assert_eq!((status, stored), (201, expected));
    assert_eq!(says(&mut eve, "stat -c '%U %u %a %n' *").await, format!("student {uid} 600 données.bin"));
    assert_eq!(says(&mut eve, "sha256sum < données.bin").await, format!("{sha256}  -"));
    assert_eq!(upload(service, "eve", "données.bin", Vec::new()).await.1["name"], "données (1).bin");
    for path in ["données.bin", "~/my work/données.bin", directory.join("données.bin").to_str().unwrap()] {
        let answer = download(service, "eve", path).await;
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(
            header("content-disposition"),
            "attachment; filename=\"donn_es.bin\"; filename*=UTF-8''donn%C3%A9es.bin"
        );
        assert_eq!(header("content-type"), "application/octet-stream");
        assert_eq!((header("content-digest"), header("content-length")), (digest(&content), content.len().to_string()));
        assert_eq!((header("x-content-type-options"), header("cache-control")), ("nosniff".into(), "no-store".into()));
        assert_eq!(answer.bytes().await.unwrap(), content);
    }
    let archive = download(service, "eve", "~/my work").await;
    assert_eq!(archive.headers()["content-disposition"], "attachment; filename=\"my work.tar\"");
    let archive = archive.bytes().await.unwrap();
    let with_digest = |path, place| {
        let url = with(&url(service, "eve"), &[("path", path), ("digest", place)]);
        async { client().get(url).bearer_auth(token("eve")).send().await.unwrap() }
    };
    let answer = with_digest("~/my work", "end").await.bytes().await.unwrap();
    let (before, last) = answer.split_at(answer.len() - 32);
    assert!(before == archive, "an archive as without a digest");
    assert_eq!(last, &*Sha256::digest(&archive), "which stands behind it");
    let file = with_digest("données.bin", "end").await.bytes().await.unwrap();
    assert!(file == content, "a file has it in its header");
    assert_eq!(with_digest("~/my work", "start").await.status(), 400);
    let mut archive = tar::Archive::new(&archive[..]);
    let names = archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().to_str().unwrap().to_owned());
    assert_eq!(names.collect::<Vec<_>>(), ["données (1).bin", "données.bin"]);
    for name in ["first", "second"] {
        let made = put(service, "eve", &[("name", name), ("folder", "made/deep")]).body("x").send().await.unwrap();
        assert_eq!(read(made).await.1["directory"], "~/my work/made/deep");
    }
    assert_eq!(says(&mut eve, "stat -c '%U %a' made made/deep").await, "student 700\nstudent 700");
    // Another person may read it, in a page that asked for this directory.
    assert_eq!(eve.command(r"mkdir $'a\u202eb' && cd $'a\u202eb'").await.1, 0);
    assert_eq!(upload(service, "eve", "c", Vec::new()).await.1["directory"], "~/my work/a\u{fffd}b");
    harness.end(eve, uid).await;
    assert_eq!(std::fs::read_dir(harness.state.path().join("sessions")).unwrap().count(), 0);
    harness.service.stop().await;
}

#[tokio::test]
async fn a_transfer_reaches_what_the_sessions_user_reaches_and_no_more() {
    let (harness, mut eve, _) = Harness::with_shell().await;
    let mut ada = harness.shell("ada").await;
    let theirs = says(&mut ada, "chmod 755 ~; echo secret >~/secret; chmod 644 ~/secret; echo ~").await;
    let (service, own) = (&harness.service, std::process::id());
    let made = "ln -s /etc/passwd link; ln -s / root; mkfifo pipe; mkdir locked; chmod 0 locked; mkdir -p open";
    assert_eq!(eve.command(made).await.1, 0);
    for (path, status, code) in [
        (&*format!("{theirs}/secret"), 403, "FILE_REFUSED"),
        ("/etc/shadow", 403, "FILE_REFUSED"),
        (&*format!("/proc/{own}/environ"), 403, "FILE_REFUSED"),
        ("link", 403, "FILE_REFUSED"),
        ("root/etc/passwd", 403, "FILE_REFUSED"),
        ("pipe", 403, "FILE_REFUSED"),
        ("locked", 403, "FILE_REFUSED"),
        ("/dev/zero", 403, "FILE_REFUSED"),
        ("missing", 404, "FILE_NOT_FOUND"),
    ] {
        let (found, refused) = read(download(service, "eve", path).await).await;
        assert_eq!((found, &refused["code"]), (status, &json!(code)), "{path}: {refused}");
    }
    for (directory, code) in [
        (&*theirs, "FILE_REFUSED"),
        ("/etc", "FILE_REFUSED"),
        ("root", "FILE_REFUSED"),
        ("locked", "FILE_REFUSED"),
        ("/proc/self", "FILE_REFUSED"),
        ("missing", "FILE_NOT_FOUND"),
    ] {
        let query = [("name", "a"), ("directory", directory)];
        let (_, refused) = read(put(service, "eve", &query).body("x").send().await.unwrap()).await;
        assert_eq!(refused["code"], code, "{directory}: {refused}");
    }
    for (folder, code) in [
        ("root/tmp", "FILE_REFUSED"),
        ("locked/a", "FILE_REFUSED"),
        ("..", "BAD_FIELD"),
        ("/etc", "BAD_FIELD"),
        ("", "BAD_FIELD"),
    ] {
        let query = [("name", "a"), ("folder", folder)];
        let (_, refused) = read(put(service, "eve", &query).body("x").send().await.unwrap()).await;
        assert_eq!(refused["code"], code, "{folder}: {refused}");
    }
    for name in ["../a", "a/b", "..", "a\u{202e}b", "nul.txt", ""] {
        let (status, refused) = upload(service, "eve", name, Vec::new()).await;
        assert_eq!((status, &refused["code"]), (400, &json!("BAD_FIELD")), "{name}: {refused}");
    }
    assert_eq!(says(&mut eve, "ls -A open; ls -A | grep -c part").await, "0");
    assert_eq!(says(&mut ada, "ls ~").await, "secret");
    harness.service.stop().await;
}

#[tokio::test]
async fn a_helper_has_the_restrictions_of_the_shell_and_no_network() {
    let (harness, _eve, uid) = Harness::with_shell().await;
    let (sender, body) = piecewise();
    let uploading = tokio::spawn(put(&harness.service, "eve", &[("name", "a")]).body(body).send());
    sender.send(vec![0; 10]).await.unwrap();
    let helper = helper_of(uid).await;
    // It becomes the user first, and takes the filter last.
    let status = || std::fs::read_to_string(format!("/proc/{helper}/status")).unwrap();
    until("the filter", async || status().contains("Seccomp:\t2")).await;
    let status = status();
    for line in
        ["NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "Groups:\t \n"]
    {
        assert!(status.contains(line), "{line} is not in {status}");
    }
    // Otherwise the usage monitor kills it.
    assert_eq!(std::fs::metadata(format!("/proc/{helper}/fd")).unwrap().uid(), uid, "it hides its open files");
    assert_eq!(std::fs::read_to_string(format!("/proc/{helper}/oom_score_adj")).unwrap().trim(), "900");
    let argument = std::fs::read_to_string(format!("/proc/{helper}/cmdline")).unwrap();
    assert!(argument.contains("files") && !argument.contains("name"), "{argument}");
    drop(sender);
    assert_eq!(uploading.await.unwrap().unwrap().status(), 201);
    harness.service.stop().await;
}

/// Waits for the helper of a transfer; returns its pid.
async fn helper_of(uid: u32) -> String {
    let find = || {
        let mut processes = processes_of(uid).into_iter().filter_map(|stat| Some(stat.split_once(' ')?.0.to_owned()));
        processes.find(|pid| {
            let argument = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            argument.split(|byte| *byte == 0).nth(1) == Some(b"files")
        })
    };
    until("the helper", async || find().is_some()).await;
    find().unwrap()
}

#[tokio::test]
async fn a_transfer_that_breaks_off_leaves_nothing() {
    let (harness, mut eve, uid) = Harness::with_shell().await;
    let service = &harness.service;
    let empty = async |eve: &mut Terminal| {
        until("the helper's end", async || processes_of(uid).len() == 1).await;
        assert_eq!(says(eve, "find ~ -name '*part*' -o -name 'new*'").await, "");
    };
    // The page cancels.
    let (sender, body) = piecewise();
    let uploading = tokio::spawn(put(service, "eve", &[("name", "new")]).body(body).send());
    sender.send(vec![0; MIB]).await.unwrap();
    sender.send(vec![0; MIB]).await.unwrap();
    until("its beginning", async || says(&mut eve, "ls -A ~ | grep -c part").await == "1").await;
    uploading.abort();
    empty(&mut eve).await;
    // The digest is another one.
    let wrong = put(service, "eve", &[("name", "new")]).header("content-digest", digest(b"other"));
    let (status, refused) = read(wrong.body("text").send().await.unwrap()).await;
    assert_eq!((status, &refused["code"]), (400, &json!("BAD_MESSAGE")), "{refused}");
    empty(&mut eve).await;
    // The helper is killed, which the kernel may keep the session itself from.
    let (sender, body) = piecewise();
    let uploading = tokio::spawn(put(service, "eve", &[("name", "new")]).body(body).send());
    sender.send(vec![0; 10]).await.unwrap();
    let helper = helper_of(uid).await.parse().unwrap();
    kill_process(Pid::from_raw(helper).unwrap(), Signal::KILL).unwrap();
    let _ = sender.send(vec![0; 10]).await;
    drop(sender);
    let (_, refused) = read(uploading.await.unwrap().unwrap()).await;
    assert_eq!(refused["code"], "INTERNAL");
    assert_eq!(upload(service, "eve", "after", Vec::new()).await.0, 201);
    harness.service.stop().await;
}

#[tokio::test]
async fn a_file_must_fit_into_the_quota_and_the_limit() {
    let harness = Harness::with(|settings| settings.disk = 8 << 20).await;
    let mut eve = harness.shell("eve").await;
    let service = &harness.service;
    let announced = put(service, "eve", &[("name", "a")]).body(vec![0; 9 * MIB]);
    // A refusal may come before all of the body is sent.
    if let Ok(answer) = announced.send().await {
        let (status, refused) = read(answer).await;
        assert_eq!((status, &refused["code"]), (413, &json!("TOO_LARGE")), "{refused}");
    }
    let (sender, body) = piecewise();
    let uploading = tokio::spawn(put(service, "eve", &[("name", "a")]).body(body).send());
    for _ in 0..9 {
        if sender.send(vec![0; MIB]).await.is_err() {
            break;
        }
    }
    drop(sender);
    if let Ok(answer) = uploading.await.unwrap() {
        assert_eq!(read(answer).await.1["code"], "TOO_LARGE");
    }
    until("the removal", async || says(&mut eve, "ls -A ~ | grep -c part").await == "0").await;
    harness.service.stop().await;
}

#[tokio::test]
async fn the_end_of_a_session_ends_its_transfers() {
    let (harness, eve, uid) = Harness::with_shell().await;
    let (sender, body) = piecewise();
    let uploading = tokio::spawn(put(&harness.service, "eve", &[("name", "a")]).body(body).send());
    sender.send(vec![0; 10]).await.unwrap();
    helper_of(uid).await;
    harness.end(eve, uid).await;
    let _ = sender.send(vec![0; 10]).await;
    drop(sender);
    let (_, refused) = read(uploading.await.unwrap().unwrap()).await;
    assert_eq!(refused["code"], "SESSION_ENDED", "{refused}");
    assert_eq!(std::fs::read_dir(harness.state.path().join("sessions")).unwrap().count(), 0);
    let (status, refused) = upload(&harness.service, "eve", "a", Vec::new()).await;
    assert_eq!((status, &refused["code"]), (410, &json!("SESSION_ENDED")));
    harness.service.stop().await;
}

#[tokio::test]
async fn a_session_has_four_transfers_at_once_and_one_that_is_stopped_holds_up_no_other() {
    let (harness, mut eve, uid) = Harness::with_shell().await;
    let service = &harness.service;
    let mut waiting = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let (sender, body) = piecewise();
        let uploading = tokio::spawn(put(service, "eve", &[("name", name)]).body(body).send());
        sender.send(vec![0; 10]).await.unwrap();
        waiting.push((sender, uploading));
    }
    until("all helpers", async || processes_of(uid).len() == 5).await;
    let stopped = helper_of(uid).await.parse().unwrap();
    kill_process(Pid::from_raw(stopped).unwrap(), Signal::STOP).unwrap();
    let (status, refused) = upload(service, "eve", "e", Vec::new()).await;
    assert_eq!((status, &refused["code"]), (429, &json!("RATE_LIMITED")), "{refused}");
    waiting.iter().for_each(|(_, uploading)| uploading.abort());
    drop(waiting);
    until("their end", async || processes_of(uid).len() == 1).await;
    assert_eq!(upload(service, "eve", "e", Vec::new()).await.0, 201);
    assert_eq!(says(&mut eve, "ls -A ~ | grep -v part | grep -c '^e$'").await, "1");
    harness.service.stop().await;
}

#[tokio::test]
async fn a_file_passes_through_another_instance() {
    let store = Arc::new(MemoryStore::shared());
    let (here_state, there_state) = (state(), state());
    let start = |state: &tempfile::TempDir| {
        let shells = SandboxedSpawner::new(settings(state.path().to_owned()), PROGRAM.into()).unwrap();
        let shells: Arc<dyn ShellSpawner> = Arc::new(shells);
        Service::one_of(&[("USER", "root")], shells, Arc::<MemoryStore>::clone(&store))
    };
    let (here, there) = (start(&here_state).await, start(&there_state).await);
    let mut eve = Terminal::open(&here.terminal_url("eve", &token("eve"))).await;
    eve.attach("page").await;
    let content: Vec<u8> = (0..5 * MIB).map(|number| (number / 3) as u8).collect();
    let sent = put(&there, "eve", &[("name", "a b")]).header("content-digest", digest(&content));
    let (status, stored) = read(sent.body(content.clone()).send().await.unwrap()).await;
    assert_eq!((status, &stored["bytes"]), (201, &json!(content.len())), "{stored}");
    let answer = download(&there, "eve", "a b").await;
    assert_eq!(answer.headers()["content-length"], content.len().to_string());
    assert_eq!(answer.headers()["content-digest"], digest(&content));
    assert_eq!(answer.bytes().await.unwrap(), content);
    let (status, refused) = read(download(&there, "eve", "missing").await).await;
    assert_eq!((status, &refused["code"]), (404, &json!("FILE_NOT_FOUND")));
    let (status, refused) = upload(&there, "eve", "a/b", content).await;
    assert_eq!((status, &refused["code"]), (400, &json!("BAD_FIELD")), "{refused}");
    here.stop().await;
    there.stop().await;
}

#[tokio::test]
async fn a_guest_who_controls_has_the_files_unless_the_owner_types_alone() {
    let (harness, mut eve, uid) = Harness::with_shell().await;
    let service = &harness.service;
    let as_guest = async |role: Role| {
        let token = user_token(&UserClaims { role, ..user("gus", Some("eve")) });
        let request = client().put(with(&url(service, "eve"), &[("name", "a")])).bearer_auth(token);
        let (status, answer) = read(request.body("x").send().await.unwrap()).await;
        (status, answer["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(as_guest(Role::Controller).await, (201, String::new()));
    let read_only = (403, "READ_ONLY".to_owned());
    assert_eq!(as_guest(Role::Viewer).await, read_only);
    let guest = user_token(&user("gus", Some("eve")));
    let (sender, body) = piecewise();
    let uploading = client().put(with(&url(service, "eve"), &[("name", "slow")])).bearer_auth(guest).body(body);
    let uploading = tokio::spawn(uploading.send());
    sender.send(vec![0; 10]).await.unwrap();
    until("its beginning", async || says(&mut eve, "ls -A ~ | grep -c part").await == "1").await;
    eve.ordered("only_me", r#","on":true"#).await;
    until("the owner types alone", async || as_guest(Role::Controller).await == read_only).await;
    until("the end of what the guest had begun", async || processes_of(uid).len() == 1).await;
    drop(sender);
    let (status, refused) = read(uploading.await.unwrap().unwrap()).await;
    assert_eq!((status, &refused["code"]), (403, &json!("READ_ONLY")), "{refused}");
    assert_eq!(says(&mut eve, "ls -A ~ | grep -cE 'slow|part'").await, "0");
    assert_eq!(upload(service, "eve", "a", Vec::new()).await.0, 201);
    harness.service.stop().await;
}
