//! Walls over several instances: sessions of others are there, messages find the wall, and an instance that is slow, gone or
//! answers nonsense harms nothing else.

use crate::support::relay::Carrier;
use crate::support::{SECRET, Service, client, gateway_claims, now, read, sign, until, user, user_token, within};
use crate::wall::{Page, Script, catch_up, class, instructor, joins_by_wall, start, wall, watchers};
use auth_tokens::{GatewaySecret, body_hash};
use axum::extract::{Json, State};
use axum::routing::post;
use backend::store::{Creator, Instance, InstanceId, MemoryStore, SessionRecord, SessionState, Store};
use backend::terminal::scripted::ScriptedSpawner;
use serde_json::{Value, json};
use shared_protocol::gateway::{
    ANNOUNCE_PATH, GROUP_PATH, INSTANCE_AUDIENCE, INSTANCE_TOKEN_SECONDS, MESSAGE_PATH, TOKEN_ISSUER,
};
use shared_protocol::{ClientId, Epoch, GatewayClaims, GroupId, InstanceClaims, Role, SessionId, UserClaims};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;

/// Largest answer to a question.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

pub(crate) async fn instance(store: &Arc<MemoryStore>) -> (Service, ScriptedSpawner) {
    let shells = ScriptedSpawner::default();
    (Service::one_of(&[], Arc::new(shells.clone()), Arc::<MemoryStore>::clone(store)).await, shells)
}

/// Two instances, each with a session of the class.
async fn two() -> ([Service; 2], [Script; 2]) {
    let store = Arc::new(MemoryStore::shared());
    let (here, shells) = instance(&store).await;
    let ada = start(&here, &shells, "ada", "class-7", "ada's first").await;
    let (there, shells) = instance(&store).await;
    let ben = start(&there, &shells, "ben", "class-7", "ben's first").await;
    ([here, there], [ada, ben])
}

#[tokio::test]
async fn a_wall_shows_the_sessions_of_every_instance_live() {
    let ([here, there], [mut ada, ben]) = two().await;
    for service in [&here, &there] {
        let mut page = Page::open(service, &instructor("class-7")).await;
        page.send(wall()).await;
        let both = |page: &Page| page.line("ada", 0) == "ada's first" && page.line("ben", 0) == "ben's first";
        page.until("both screens", both).await;
        assert_eq!([page.state("ada"), page.state("ben")], ["here", "here"]);
    }
    let mut page = Page::open(&there, &instructor("class-7")).await;
    page.send(wall()).await;
    page.until("the screen", |page| page.line("ada", 0) == "ada's first").await;
    ada.script.print("\r\n\x1b]2;vim\x07and \u{202e}more");
    ben.script.print("\r\nmore of ben");
    page.until("the next lines", |page| page.line("ada", 1) == "and \u{fffd}more" && !page.line("ben", 1).is_empty())
        .await;
    page.until("the title", |page| page.title("ada") == "vim").await;
    ada.page.ordered("close", "").await;
    ada.script.exit(0);
    page.until("the end", |page| page.state("ada").is_empty()).await;
    tokio::join!(here.stop(), there.stop());
}

#[tokio::test]
async fn students_of_every_instance_hear_whose_wall_shows_them() {
    let ([here, there], [mut ada, mut ben]) = two().await;
    // They read nothing meanwhile.
    (ada.page.away, ben.page.away) = (true, true);
    let named = UserClaims { class: class("class-7", Some("Grace H.")), ..instructor("class-7") };
    let mut page = Page::open(&here, &named).await;
    page.send(wall()).await;
    page.until("the other's screen", |page| page.line("ben", 0) == "ben's first").await;
    for student in [&mut ada.page, &mut ben.page] {
        student.event(joins_by_wall).await;
    }
    // More questions, each of which looks for itself.
    for number in 1..5 {
        ben.script.print(format!("\r\nline {number}"));
        page.until("the next line", |page| page.line("ben", number) == format!("line {number}")).await;
    }
    for student in [&mut ada.page, &mut ben.page] {
        catch_up(student, "read").await;
        assert_eq!(watchers(student), ["Grace H."]);
    }
    tokio::join!(here.stop(), there.stop());
}

/// A message of the instructor's page behind the gateway, to one instance.
async fn say(service: &Service, message: Value) -> reqwest::Response {
    say_as(Role::Instructor, service, message).await
}

async fn say_as(role: Role, service: &Service, message: Value) -> reqwest::Response {
    let body = message.to_string();
    let claims = gateway_claims(MESSAGE_PATH, body.as_bytes(), "w=", None);
    let claims = GatewayClaims { role, class: class("class-7", None), ..claims };
    service.post(&claims, &body).await
}

#[tokio::test]
async fn only_those_who_may_have_a_wall_take_it_in_the_store() {
    let store = Arc::new(MemoryStore::shared());
    let (service, _) = instance(&store).await;
    let (page, other) = (ClientId::new("wall").unwrap(), InstanceId("other".into()));
    for role in [Role::Controller, Role::Viewer] {
        assert_eq!(read(say_as(role, &service, wall()).await).await.1["code"], "FORBIDDEN");
    }
    assert_eq!(store.claim_wall(&page, &other, None).await.unwrap(), other);
    // That one is not alive.
    assert_eq!(say(&service, wall()).await.status(), 204);
    assert_ne!(store.claim_wall(&page, &other, None).await.unwrap(), other);
    service.stop().await;
}

/// Asks and acknowledges through either instance, until the relay has brought a frame with this text.
async fn brings(relay: &mut Carrier, services: [&Service; 2], text: &str) {
    within(text, async {
        for [service, other] in [services, [services[1], services[0]]].into_iter().cycle() {
            for frame in relay.frames(service, 1000).await {
                let frame = std::str::from_utf8(&frame.frame).unwrap();
                if frame.contains(text) {
                    return;
                }
                let frame: Value = serde_json::from_str(frame).unwrap();
                let ack = say(other, json!({"type": "wall_ack", "client": "wall", "v": frame["v"]})).await;
                assert_eq!(ack.status(), 204);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_gateway_may_bring_a_walls_messages_to_any_instance() {
    let ([mut here, there], _scripts) = two().await;
    let granted = say(&here, wall()).await;
    let mut relay = Carrier::granted(&granted, "w=").unwrap();
    brings(&mut relay, [&there, &here], "ben's first").await;
    // The wall is here, and there is no other.
    for message in [json!({"type": "wall_ack", "client": "wall", "v": 1}), wall()] {
        for service in [&there, &here] {
            let (status, answer) = read(say(service, message.clone()).await).await;
            assert_eq!((status, answer), (204, Value::Null), "{message}");
        }
    }
    // It moves with the first message after its instance was told to stop, to whichever instance that comes.
    here.ask_to_stop();
    brings(&mut relay, [&there, &there], "\"renew\"").await;
    let granted = say(&there, wall()).await;
    let mut relay = Carrier::granted(&granted, "w=").unwrap();
    brings(&mut relay, [&there, &there], "ben's first").await;
    let (status, answer) = read(say(&there, json!({"type": "wall_ack", "client": "wall", "v": 1})).await).await;
    assert_eq!((status, answer), (204, Value::Null));
    tokio::join!(here.stop(), there.stop());
}

/// A session of the class that runs in an instance.
pub(crate) fn record(id: &str, owner: &str) -> SessionRecord {
    let group = GroupId::new("class-7").ok();
    SessionRecord {
        id: SessionId::new(id).unwrap(),
        creator: Creator { user: id.into(), group, name: Some(format!("Student {id}")), ..Creator::default() },
        state: SessionState::Running,
        owner: Some(InstanceId(owner.into())),
        epoch: Epoch(1),
        created_at: 1,
    }
}

/// A session of the class that runs nowhere.
pub(crate) fn created(id: &str) -> SessionRecord {
    SessionRecord { state: SessionState::Created, owner: None, ..record(id, "") }
}

fn sight(text: &str) -> Value {
    let picture = json!({"cols": 80, "rows": 1, "cursor": null, "lines": [[text, []]]});
    json!({"at": 1, "here": true, "title": "\u{1b}title", "active_at": 1, "exit_code": null, "hand": null, "picture": picture})
}

/// Has an instance join that answers like this; `None` is no answer at all. Its session is named like it.
pub(crate) async fn join(
    store: &MemoryStore,
    name: &'static str,
    answer: fn(usize) -> Option<Value>,
) -> Arc<AtomicUsize> {
    let questions = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Some(format!("http://{}", listener.local_addr().unwrap()));
    let handler = async move |State(questions): State<Arc<AtomicUsize>>| match answer(
        questions.fetch_add(1, Ordering::Relaxed),
    ) {
        Some(answer) => Json(answer),
        None => std::future::pending().await,
    };
    let router = axum::Router::new().route(GROUP_PATH, post(handler)).route(ANNOUNCE_PATH, post(handler));
    let router = router.with_state(Arc::clone(&questions));
    tokio::spawn(async { axum::serve(listener, router).await });
    let id = InstanceId(name.into());
    store.heartbeat(&Instance { id, address, started_at: 1, draining: false, relays: 0 }).await.unwrap();
    store.compare_and_set(&record(name, name), None).await.unwrap();
    questions
}

#[tokio::test]
async fn one_that_hangs_or_answers_nonsense_harms_no_other() {
    let store = Arc::new(MemoryStore::shared());
    let hangs = join(&store, "hangs", |_| None).await;
    let nonsense = join(&store, "nonsense", |_| Some(json!({"sights": [["nonsense", {"at": "soon"}]]}))).await;
    let endless =
        join(&store, "endless", |_| Some(json!({"sights": [["endless", sight(&"x".repeat(1 << 20))]]}))).await;
    // It knows its own session, and claims others.
    join(&store, "liar", |_| {
        let of = ["liar", "ada", "hangs", "ofnoclass"].map(|id| json!([id, sight("\u{1b}[2Jlies")]));
        Some(json!({"sights": of}))
    })
    .await;
    let (service, shells) = instance(&store).await;
    let ada = start(&service, &shells, "ada", "class-7", "first").await;
    let mut page = Page::open(&service, &instructor("class-7")).await;
    page.send(wall()).await;
    page.until("the others", |page| page.line("ada", 0) == "first" && !page.line("liar", 0).is_empty()).await;
    assert_eq!((page.line("liar", 0), page.title("liar")), ("\u{fffd}[2Jlies", "\u{fffd}title"));
    for number in 1..6 {
        ada.script.print(format!("\r\nline {number}"));
        page.until("the next line", |page| page.line("ada", number) == format!("line {number}")).await;
    }
    assert_eq!(page.sessions(), BTreeSet::from(["ada", "endless", "hangs", "liar", "nonsense"]));
    for unknown in ["hangs", "nonsense", "endless"] {
        assert_eq!((page.state(unknown), page.line(unknown, 0)), ("unknown", ""));
    }
    // One question at a time, and a pause after each that failed.
    let asked = [hangs, nonsense, endless].map(|questions| questions.load(Ordering::Relaxed));
    assert!(asked.iter().all(|count| (1..=10).contains(count)), "{asked:?}");
    service.stop().await;
}

#[tokio::test]
async fn nothing_is_known_of_an_instance_that_no_longer_answers() {
    let store = Arc::new(MemoryStore::shared());
    let answer = |number| (number == 0).then(|| json!({"sights": [["dies", sight("last words")]]}));
    join(&store, "dies", answer).await;
    let (service, shells) = instance(&store).await;
    let _ada = start(&service, &shells, "ada", "class-7", "first").await;
    let mut page = Page::open(&service, &instructor("class-7")).await;
    page.send(wall()).await;
    page.until("the screen", |page| page.line("dies", 0) == "last words").await;
    assert_eq!(page.state("dies"), "here");
    page.until("the silence", |page| page.state("dies") == "unknown").await;
    service.stop().await;
}

/// Asks a service as another instance, with these claims.
pub(crate) async fn ask_as(service: &Service, claims: &InstanceClaims, path: &str, body: &str) -> reqwest::Response {
    let secret = GatewaySecret::derived_from(SECRET.as_bytes()).unwrap();
    let token = secret.sign_instance(claims).unwrap();
    let url = format!("http://{}{path}", service.address);
    within("a question", client().post(url).bearer_auth(token).body(body.to_owned()).send()).await.unwrap()
}

pub(crate) fn instance_claims(path: &str, body: &str) -> InstanceClaims {
    InstanceClaims {
        iss: TOKEN_ISSUER.into(),
        aud: INSTANCE_AUDIENCE.into(),
        iat: now(),
        exp: now() + INSTANCE_TOKEN_SECONDS,
        path: path.into(),
        bh: body_hash(body.as_bytes()),
    }
}

#[tokio::test]
async fn only_an_instance_may_ask() {
    let ([here, there], _scripts) = two().await;
    let body = r#"{"grp":"class-7","versions":{}}"#;
    let answer = ask_as(&here, &instance_claims(GROUP_PATH, body), GROUP_PATH, body).await;
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let ids: Vec<&Value> = answer["sights"].as_array().unwrap().iter().map(|sight| &sight[0]).collect();
    assert_eq!(ids, ["ada"], "its own sessions alone");
    let good = instance_claims(GROUP_PATH, body);
    for bad in [
        InstanceClaims { aud: "termgate-relay".into(), ..good.clone() },
        InstanceClaims { iss: "page".into(), ..good.clone() },
        InstanceClaims { exp: good.iat - 60, ..good.clone() },
        InstanceClaims { path: MESSAGE_PATH.into(), ..good.clone() },
        InstanceClaims { path: ANNOUNCE_PATH.into(), ..good.clone() },
        InstanceClaims { bh: body_hash(b"other"), ..good.clone() },
    ] {
        assert_eq!(ask_as(&here, &bad, GROUP_PATH, body).await.status(), 401, "{bad:?}");
    }
    let url = format!("http://{}{GROUP_PATH}", here.address);
    let gateway = sign(&gateway_claims(GROUP_PATH, body.as_bytes(), "c=", None));
    let strangers = [user_token(&instructor("class-7")), user_token(&user("ada", None)), gateway, "x".to_owned()];
    for token in strangers {
        let refused = within("a question", client().post(&url).bearer_auth(token).body(body).send()).await.unwrap();
        assert_eq!(refused.status(), 401);
    }
    for malformed in ["", "{}", r#"{"grp":"no group","versions":{}}"#, r#"{"grp":"class-7","versions":{"ada":-1}}"#] {
        assert_eq!(
            ask_as(&here, &instance_claims(GROUP_PATH, malformed), GROUP_PATH, malformed).await.status(),
            400,
            "{malformed}"
        );
    }
    let long = format!(r#"{{"grp":"class-7","versions":{{}},"x":"{}"}}"#, "x".repeat(256 * 1024));
    assert_eq!(ask_as(&here, &instance_claims(GROUP_PATH, &long), GROUP_PATH, &long).await.status(), 413);
    tokio::join!(here.stop(), there.stop());
}

#[tokio::test]
async fn an_answer_is_bounded_and_the_next_ones_bring_the_rest() {
    let (service, shells) = instance(&Arc::new(MemoryStore::shared())).await;
    let mut scripts = Vec::new();
    for number in 0..40 {
        // Each cell has a colour of its own.
        let cells: String = (0..80 * 24).map(|cell| format!("\x1b[38;2;{};{number};7mx", cell % 256)).collect();
        scripts.push(start(&service, &shells, &format!("s{number}"), "class-7", &cells).await);
    }
    let (mut versions, mut answers) = (json!({}), 0);
    while versions.as_object().unwrap().len() < scripts.len() {
        let body = json!({"grp": "class-7", "versions": versions}).to_string();
        let answer =
            ask_as(&service, &instance_claims(GROUP_PATH, &body), GROUP_PATH, &body).await.text().await.unwrap();
        assert!(answer.len() <= MAX_ANSWER_BYTES, "{}", answer.len());
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let sights = answer["sights"].as_array().unwrap();
        for sight in sights {
            versions[sight[0].as_str().unwrap()] = sight[1]["at"].clone();
        }
        answers += 1;
        assert!(answers <= 40 && !sights.is_empty(), "{answers}");
    }
    assert!(answers >= 4, "{answers}");
    service.stop().await;
}

#[tokio::test]
async fn a_class_of_thousands_has_a_thousand_rows_and_screens_for_those_in_view() {
    let store = Arc::new(MemoryStore::shared());
    for number in 0..1500 {
        store.compare_and_set(&created(&format!("s{number}")), None).await.unwrap();
    }
    let (service, shells) = instance(&store).await;
    let _ada = start(&service, &shells, "ada", "class-7", "hello").await;
    let mut page = Page::open(&service, &instructor("class-7")).await;
    page.send(wall()).await;
    // Those that run come first.
    page.until("the rows", |page| page.sessions().len() == 1000 && page.state("ada") == "here").await;
    page.send(json!({"type": "wall", "client": "wall", "visible": ["ada", "s1"]})).await;
    page.until("the screen in view", |page| page.line("ada", 0) == "hello").await;
    assert_eq!((page.sessions().len(), page.screens()), (1000, BTreeSet::from(["ada"])));
    service.stop().await;
}

#[tokio::test]
async fn an_instance_sends_the_screens_in_view_and_of_the_others_the_rows() {
    let (service, shells) = instance(&Arc::new(MemoryStore::shared())).await;
    let _ada = start(&service, &shells, "ada", "class-7", "ada's first").await;
    let _ben = start(&service, &shells, "ben", "class-7", "\x1b]2;vim\x07ben's first").await;
    let body = json!({"grp": "class-7", "versions": {}, "inView": ["ada"]}).to_string();
    let ask = async || {
        let answer = ask_as(&service, &instance_claims(GROUP_PATH, &body), GROUP_PATH, &body).await;
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        let sight = |sight: &Value| (sight[0].as_str().unwrap().to_owned(), sight[1].clone());
        answer["sights"].as_array().unwrap().iter().map(sight).collect::<BTreeMap<_, _>>()
    };
    until("both sights", async || {
        let sights = ask().await;
        let first = |name: &str| sights.get(name).map(|sight| sight["picture"]["lines"][0][0].clone());
        assert_ne!(first("ben"), Some(json!("ben's first")));
        first("ada") == Some(json!("ada's first")) && sights.get("ben").is_some_and(|ben| ben["title"] == "vim")
    })
    .await;
    service.stop().await;
}

#[tokio::test]
async fn in_a_class_of_more_than_two_hundred_the_screens_in_view_come_from_every_instance() {
    let store = Arc::new(MemoryStore::shared());
    for number in 0..200 {
        store.compare_and_set(&created(&format!("s{number}")), None).await.unwrap();
    }
    let ((here, _), (there, shells)) = (instance(&store).await, instance(&store).await);
    let ben = start(&there, &shells, "ben", "class-7", "ben's first").await;
    let cyd = start(&there, &shells, "cyd", "class-7", "cyd's first").await;
    let mut page = Page::open(&here, &instructor("class-7")).await;
    let look_at = |id: &str| json!({"type": "wall", "client": "wall", "visible": [id]});
    page.send(look_at("ben")).await;
    page.until("the screen in view", |page| page.line("ben", 0) == "ben's first").await;
    cyd.script.print("\r\nout of view\x1b]2;vim\x07");
    page.until("the row", |page| page.title("cyd") == "vim").await;
    page.send(look_at("cyd")).await;
    page.until("the screen that comes into view", |page| page.line("cyd", 1) == "out of view").await;
    ben.script.print("\r\nmeanwhile\x1b]2;emacs\x07");
    page.until("the other row", |page| page.title("ben") == "emacs").await;
    assert_eq!(page.line("ben", 1), "");
    page.send(look_at("ben")).await;
    page.until("the screen that is back in view", |page| page.line("ben", 1) == "meanwhile").await;
    tokio::join!(here.stop(), there.stop());
}
