//! Walls behind the gateway in time that stands still: how many there are, how long one lasts, and when an update holds
//! everything.

use crate::harness::{Harness, LIMITS, caller, frame, question};
use backend::relay::Relay;
use backend::session::{Caller, Grant};
use backend::wall::{WallMessage, Walls};
use serde_json::{Value, json};
use shared_protocol::relay::MemberReport;
use shared_protocol::{ClassClaims, ClientId, ErrorCode, GroupId, Role};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

fn of_class(role: Role, user: &str, connection: &str) -> Caller {
    let class = ClassClaims { grp: GroupId::new("class-7").ok(), ..ClassClaims::default() };
    Caller { role, class, ..caller(user, connection) }
}

/// A session of the class, and the walls of its instance.
async fn class() -> (Harness, Walls) {
    let harness = Harness::created_by(&of_class(Role::Controller, "ada", "ada"), LIMITS).await;
    let walls = Walls::new(harness.registry.classes(), None);
    (harness, walls)
}

fn wall(client: &str) -> WallMessage {
    WallMessage::Wall(serde_json::from_value(json!({"client": client})).unwrap())
}

fn wall_ack(v: u64) -> WallMessage {
    WallMessage::Ack(serde_json::from_value(json!({"client": "wall", "v": v})).unwrap())
}

#[tokio::test(start_paused = true)]
async fn an_instance_has_256_walls_and_8_of_one_user() {
    let (_harness, walls) = class().await;
    let open = async |user: usize, n: usize| {
        let name = format!("wall-{user}-{n}");
        let opened = walls.deliver(of_class(Role::Instructor, &format!("user-{user}"), &name), wall(&name)).await;
        opened.map(drop).map_err(|error| error.code)
    };
    for user in 0..32 {
        for n in 0..8 {
            assert_eq!(open(user, n).await, Ok(()), "{user} {n}");
        }
        assert_eq!(open(user, 8).await, Err(ErrorCode::LimitReached), "{user}");
    }
    assert_eq!((walls.count(), open(99, 0).await), (256, Err(ErrorCode::LimitReached)));
}

#[tokio::test(start_paused = true)]
async fn a_wall_that_is_not_heard_of_for_45_s_ends() {
    let (harness, walls) = class().await;
    let (ina, page) = (of_class(Role::Instructor, "ina", "w"), ClientId::new("wall").unwrap());
    walls.deliver(ina.clone(), wall("wall")).await.unwrap();
    for (second, message) in [(44, wall_ack(1)), (88, wall("wall"))] {
        harness.at(second).await;
        walls.deliver(ina.clone(), message).await.unwrap();
    }
    // Its relay asked nothing, and is void: then there is nothing to do but to wait.
    harness.at(92).await;
    harness.registry.relays().tick(Instant::now());
    for (second, is_there) in [(88 + 44, true), (88 + 46, false)] {
        harness.at(second).await;
        assert_eq!(walls.has(&page), is_there, "after {second} s");
    }
}

/// An instructor's page behind a relay whose posts take no time.
struct Page {
    relay: Arc<Relay>,
    asked: u64,
    reports: Vec<MemberReport>,
}

impl Page {
    fn new(harness: &Harness, grant: Option<Grant>) -> Self {
        let Some(Grant::Relay(grant)) = grant else { panic!("no grant") };
        Self { relay: harness.registry.relays().find(&grant, "w").unwrap(), asked: 0, reports: vec![] }
    }

    /// The next update within this time; the question reports the one before.
    async fn update(&mut self, harness: &Harness, wait: Duration) -> Option<Value> {
        self.asked += 1;
        let question = question(self.asked, std::mem::take(&mut self.reports));
        self.relay.report(&question);
        let frames = harness.registry.relays().ask(&self.relay, &question, wait).await.frames;
        let frame_of_relay = frames.first()?;
        let (member, settled) = (frame_of_relay.member, frame_of_relay.number);
        self.reports.push(MemberReport { member, settled, ..MemberReport::default() });
        Some(frame(Some(frame_of_relay.frame.clone())))
    }
}

#[tokio::test(start_paused = true)]
async fn full_comes_after_a_loss_and_when_the_page_was_silent_for_10_s() {
    const SOON: Duration = Duration::from_secs(3);
    let (harness, walls) = class().await;
    let ina = of_class(Role::Instructor, "ina", "w");
    let say = async |message| walls.deliver(ina.clone(), message).await.unwrap().grant;
    let mut page = Page::new(&harness, say(wall("wall")).await);
    let told = |update: Option<Value>| update.map(|update| (update["v"].as_u64().unwrap(), update["full"] == true));
    assert_eq!(told(page.update(&harness, SOON).await), Some((1, true)), "on a new connection");
    let first = Instant::now();
    harness.script.print("hello");
    assert_eq!(told(page.update(&harness, SOON).await), Some((2, false)));
    assert!(first.elapsed() >= Duration::from_secs(1), "{:?}", first.elapsed());
    harness.script.print("\r\nmore");
    assert_eq!(told(page.update(&harness, SOON).await), None, "two are not acknowledged");
    say(wall_ack(2)).await;
    assert_eq!(told(page.update(&harness, SOON).await), Some((3, false)), "one acknowledgement is for both");
    say(wall_ack(3)).await;
    page.reports.iter_mut().for_each(|report| report.lost = report.settled);
    assert_eq!(told(page.update(&harness, SOON).await), Some((4, true)), "the relay reports a loss");
    let sent = Instant::now();
    for (seconds, expected) in [(8, None), (10, Some((5, true)))] {
        sleep_until(sent + Duration::from_secs(seconds)).await;
        say(wall("wall")).await;
        assert_eq!(told(page.update(&harness, Duration::from_millis(1500)).await), expected, "after {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn thirty_messages_go_in_ten_minutes_at_two_seconds() {
    let (harness, walls) = class().await;
    let ina = of_class(Role::Instructor, "ina", "w");
    let mut sent = Vec::new();
    for second in 0..621 {
        harness.at(second).await;
        let message = serde_json::from_value(json!({"id": format!("a-{second}"), "text": "x"})).unwrap();
        match walls.announce(ina.clone(), message).await {
            Ok(_) => sent.push(second),
            Err(refused) => assert_eq!(refused.code, ErrorCode::RateLimited),
        }
    }
    let first = (0..60).step_by(2);
    assert_eq!(sent, first.chain((600..621).step_by(2)).collect::<Vec<_>>());
}
