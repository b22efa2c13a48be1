//! Messages to a class whose sessions run in several instances: each is reached and counted once, and an instance that hangs,
//! lies or is not one harms no other.

use crate::announcements::{announce, expect_notices, is_notice, notices, page_of};
use crate::support::{Service, client, gateway_claims, read, sign, user_token, within};
use crate::wall::{Page, catch_up, class, instructor};
use crate::wall_instances::{ask_as, created, instance, instance_claims, join, record};
use backend::metrics::Operation;
use backend::store::{Fault, FaultyStore, Member, MemoryStore, Store};
use backend::terminal::scripted::ScriptedSpawner;
use serde_json::{Value, json};
use shared_protocol::gateway::{ANNOUNCE_PATH, GROUP_PATH, MESSAGE_PATH};
use shared_protocol::{GatewayClaims, Role, UserClaims};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// Has an instructor say something over one instance. Returns how many sessions show it, and how many do not.
async fn say(service: &Service, instructor: &UserClaims, message: Value) -> (u64, u64) {
    let mut page = Page::open(service, instructor).await;
    page.send(message).await;
    let answer = page.receive().await;
    let count = |name: &str| answer[name].as_u64().unwrap_or_else(|| panic!("{answer}"));
    (count("reached"), count("missed"))
}

#[tokio::test]
async fn a_message_reaches_the_class_in_every_instance_once() {
    let store = Arc::new(MemoryStore::shared());
    let [(here, _), (there, _)] = [instance(&store).await, instance(&store).await];
    let mut ada = page_of(&here, "ada", "class-7", "ada").await;
    let mut ben = page_of(&there, "ben", "class-7", "ben").await;
    let mut eve = page_of(&there, "eve", "class-8", "eve").await;
    // They read nothing meanwhile.
    (ada.away, ben.away, eve.away) = (true, true, true);
    let asked = join(&store, "idle", |_| None).await;
    store.compare_and_set(&created("idle"), Some(&record("idle", "idle").version())).await.unwrap();
    let named = UserClaims { class: class("class-7", Some("Grace H.")), ..instructor("class-7") };
    assert_eq!(say(&here, &named, announce("a-1", Some("ls -la"))).await, (2, 1));
    // Once more over the other instance, as after a lost answer; each instructor may send one in two seconds.
    let ida = UserClaims { sub: "ida".into(), ..named };
    assert_eq!(say(&there, &ida, announce("a-1", Some("ls -la"))).await, (2, 1));
    for (page, count) in [(&mut ada, 1), (&mut ben, 1), (&mut eve, 0)] {
        if count > 0 {
            page.event(is_notice).await;
        }
        expect_notices(page, count).await;
    }
    let mut late = page_of(&here, "ben", "class-7", "late").await;
    late.event(is_notice).await;
    assert_eq!(asked.load(Ordering::Relaxed), 0, "an instance without a session of the class is not asked");
    tokio::join!(here.stop(), there.stop());
}

/// Sends a message that is refused: `true` if for its interval, `false` for its number. The page is open before the interval
/// begins, because a busy machine may take longer to open it.
async fn refused_for_its_interval(page: &mut Page, message: Value) -> bool {
    page.send(message).await;
    let answer = page.receive().await;
    assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!("RATE_LIMITED")), "{answer}");
    answer["message"].as_str().unwrap().contains("two seconds")
}

#[tokio::test]
async fn an_instructor_with_two_instances_has_the_rate_of_one() {
    let store = Arc::new(FaultyStore::new(MemoryStore::shared()));
    let start = || Service::one_of(&[], Arc::new(ScriptedSpawner::default()), Arc::<FaultyStore>::clone(&store));
    let (here, there) = (start().await, start().await);
    let ina = instructor("class-7");
    let [mut first, mut second] = [Page::open(&here, &ina).await, Page::open(&there, &ina).await];
    assert_eq!(say(&here, &ina, announce("a-1", None)).await, (0, 0));
    assert!(refused_for_its_interval(&mut second, announce("a-2", None)).await);
    let before = store.calls(Operation::TakeTurn);
    assert!(refused_for_its_interval(&mut first, announce("a-3", None)).await);
    assert_eq!(store.calls(Operation::TakeTurn), before, "a flood does not reach the store");
    assert_eq!(say(&there, &instructor("class-8"), announce("a-4", None)).await, (0, 0), "another class");
    // Without the store, each instance counts on its own.
    for (number, fault) in [Fault::Fails, Fault::Hangs].into_iter().enumerate() {
        store.set(Operation::TakeTurn, fault);
        let instructor = UserClaims { sub: format!("ivy-{number}"), ..instructor("class-7") };
        for service in [&here, &there] {
            let mut page = Page::open(service, &instructor).await;
            assert_eq!(say(service, &instructor, announce("a-6", None)).await, (0, 0), "{fault:?}");
            assert!(refused_for_its_interval(&mut page, announce("a-7", None)).await);
        }
    }
    store.set(Operation::TakeTurn, Fault::None);
    tokio::join!(here.stop(), there.stop());
}

#[tokio::test(start_paused = true)]
async fn thirty_messages_in_ten_minutes_are_those_of_all_instances() {
    let store = Arc::new(MemoryStore::shared());
    let [(here, _), (there, _)] = [instance(&store).await, instance(&store).await];
    let say = async |number: usize| {
        let body = announce(&format!("a-{number}"), None).to_string();
        let claims = gateway_claims(MESSAGE_PATH, body.as_bytes(), "w=", None);
        let claims = GatewayClaims { role: Role::Instructor, class: class("class-7", None), ..claims };
        let service = if number.is_multiple_of(2) { &here } else { &there };
        let answer = read(service.post(&claims, &body).await).await.1;
        tokio::time::advance(Duration::from_secs(2)).await;
        answer
    };
    for number in 0..30 {
        assert_eq!(say(number).await["type"], "announced", "{number}");
    }
    for number in [30, 31] {
        let answer = say(number).await;
        assert_eq!(answer["code"], "RATE_LIMITED", "{number}");
        assert!(answer["message"].as_str().unwrap().starts_with("thirty"), "{answer}");
    }
    tokio::time::advance(Duration::from_secs(600)).await;
    assert_eq!(say(32).await["type"], "announced");
}

#[tokio::test]
async fn an_instance_that_hangs_or_lies_changes_only_its_own_count() {
    let store = Arc::new(MemoryStore::shared());
    let hangs = join(&store, "hangs", |_| None).await;
    let nonsense = join(&store, "nonsense", |_| Some(json!({"reached": -1}))).await;
    let liar = join(&store, "liar", |_| Some(json!({"reached": 1000}))).await;
    // Its instance is dead.
    store.compare_and_set(&record("lost", "nowhere"), None).await.unwrap();
    let (service, _) = instance(&store).await;
    let mut ada = page_of(&service, "ada", "class-7", "ada").await;
    ada.away = true;
    let begun = Instant::now();
    assert_eq!(say(&service, &instructor("class-7"), announce("a-1", None)).await, (2, 3));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    ada.event(is_notice).await;
    for asked in [hangs, nonsense, liar] {
        assert_eq!(asked.load(Ordering::Relaxed), 1, "each is told once");
    }
    service.stop().await;
}

#[tokio::test]
async fn only_an_instance_passes_a_message_on_and_only_one_that_a_page_may_send() {
    let store = Arc::new(MemoryStore::shared());
    let (service, _) = instance(&store).await;
    let mut ada = page_of(&service, "ada", "class-7", "ada").await;
    let by = Member::of("eve", Role::Instructor, None).to_string();
    let body = |message: Value| json!({"grp": "class-7", "from": "Eve", "by": by, "message": message}).to_string();
    let good = body(json!({"id": "a-1", "text": "forged"}));
    let url = format!("http://{}{ANNOUNCE_PATH}", service.address);
    let gateway = sign(&gateway_claims(ANNOUNCE_PATH, good.as_bytes(), "c=", None));
    for token in [user_token(&instructor("class-7")), gateway, "x".to_owned()] {
        let request = client().post(&url).bearer_auth(token).body(good.clone());
        assert_eq!(within("a message", request.send()).await.unwrap().status(), 401);
    }
    let question = instance_claims(GROUP_PATH, &good);
    assert_eq!(ask_as(&service, &question, ANNOUNCE_PATH, &good).await.status(), 401, "a question's token");
    let other = instance_claims(ANNOUNCE_PATH, "other");
    assert_eq!(ask_as(&service, &other, ANNOUNCE_PATH, &good).await.status(), 401, "another body");
    for bad in [
        json!({"id": "", "text": "forged"}),
        json!({"id": "a-1", "text": "\u{1b}[2J"}),
        json!({"id": "a-1", "text": "x", "line": "ls\n"}),
        json!({"id": "a-1", "text": "x", "line": "ls \u{202e}"}),
        json!({"id": "a-1"}),
    ] {
        let bad = body(bad);
        let refused = ask_as(&service, &instance_claims(ANNOUNCE_PATH, &bad), ANNOUNCE_PATH, &bad).await;
        assert_eq!(read(refused).await.1["code"], "BAD_FIELD", "{bad}");
    }
    let long = body(json!({"id": "a-1", "text": "x".repeat(1025)}));
    let refused = ask_as(&service, &instance_claims(ANNOUNCE_PATH, &long), ANNOUNCE_PATH, &long).await;
    assert_eq!(refused.status(), 413);
    catch_up(&mut ada, "read").await;
    assert!(notices(&ada).is_empty(), "{:?}", notices(&ada));
    let heard = ask_as(&service, &instance_claims(ANNOUNCE_PATH, &good), ANNOUNCE_PATH, &good).await;
    assert_eq!(read(heard).await, (200, json!({"reached": 1})));
    service.stop().await;
}

#[tokio::test]
async fn without_the_store_only_the_instance_that_got_a_message_says_it() {
    let store = Arc::new(FaultyStore::new(MemoryStore::shared()));
    let start = || Service::one_of(&[], Arc::new(ScriptedSpawner::default()), Arc::<FaultyStore>::clone(&store));
    let (here, there) = (start().await, start().await);
    let mut ada = page_of(&here, "ada", "class-7", "ada").await;
    let mut ben = page_of(&there, "ben", "class-7", "ben").await;
    (ada.away, ben.away) = (true, true);
    for (number, fault) in [Fault::Fails, Fault::Hangs].into_iter().enumerate() {
        store.set(Operation::SessionsIn, fault);
        // Each of another user: one may send one in two seconds.
        let instructor = UserClaims { sub: format!("ina-{number}"), ..instructor("class-7") };
        assert_eq!(say(&here, &instructor, announce(&format!("a-{number}"), None)).await, (1, 0), "{fault:?}");
    }
    ada.event(is_notice).await;
    catch_up(&mut ben, "read").await;
    assert!(notices(&ben).is_empty(), "{:?}", notices(&ben));
    store.set(Operation::SessionsIn, Fault::None);
    tokio::join!(here.stop(), there.stop());
}
