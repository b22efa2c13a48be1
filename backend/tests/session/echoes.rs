//! Echoes of keys that the page shows already: they wait for one another, and for nothing else.

use crate::harness::{Fetched, Harness, Token, caller, frame, input};
use backend::session::Caller;
use serde_json::{Value, json};
use shared_protocol::limits::ECHO_HOLD;
use std::time::Duration;
use tokio::time::Instant;

const MS: Duration = Duration::from_millis(1);

/// A page, behind the events of its first key.
struct Page {
    harness: Harness,
    ada: Caller,
    attached: Value,
    token: Token,
    /// Number of the last key.
    seq: u64,
}

impl Page {
    async fn new() -> Self {
        let (harness, ada, attached, token) = Harness::attached().await;
        let mut page = Self { harness, ada, attached, token, seq: 0 };
        page.key("$", false).await;
        while page.fetch(ECHO_HOLD).await.frame.is_some() {}
        page
    }

    /// Types a key, which the terminal echoes.
    async fn key(&mut self, key: &str, predicted: bool) {
        self.silent_key(key, predicted).await;
        self.harness.script.print(key);
        self.harness.settle().await;
    }

    async fn silent_key(&mut self, key: &str, predicted: bool) {
        self.seq += 1;
        let mut message = input(&self.attached, self.seq, key);
        message["predicted"] = predicted.into();
        assert!(self.harness.say(&self.ada, message).await.frame.is_none());
    }

    async fn fetch(&mut self, wait: Duration) -> Fetched {
        let fetched = self.harness.fetch(self.token, wait).await;
        self.token = fetched.next.unwrap();
        fetched
    }

    /// The next frame's output and acknowledged key, and the time that it took.
    async fn next(&mut self) -> (String, u64, Duration) {
        let asked = Instant::now();
        let frame = self.harness.next(&mut self.token).await;
        let text = frame["data"].as_str().or(frame["kind"].as_str()).or(frame["type"].as_str());
        (text.unwrap().to_owned(), frame["ackSeq"].as_u64().unwrap(), asked.elapsed())
    }
}

#[tokio::test(start_paused = true)]
async fn echoes_that_the_page_shows_share_a_frame_with_their_acknowledgement() {
    let mut page = Page::new().await;
    page.key("l", true).await;
    assert!(page.fetch(100 * MS).await.frame.is_none(), "nor does an acknowledgement leave by itself");
    page.key("s", true).await;
    assert_eq!(page.next().await, ("ls".to_owned(), 3, ECHO_HOLD - 100 * MS));
    page.key("x", true).await;
    assert_eq!(page.next().await, ("x".to_owned(), 4, ECHO_HOLD), "the next wait is a new one");
}

#[tokio::test(start_paused = true)]
async fn the_effect_of_a_key_that_the_page_does_not_show_takes_everything_along_at_once() {
    let mut page = Page::new().await;
    page.key("l", false).await;
    assert_eq!(page.next().await, ("l".to_owned(), 2, Duration::ZERO));
    page.key("s", true).await;
    page.silent_key("\r", false).await;
    assert!(page.fetch(50 * MS).await.frame.is_none(), "nothing acknowledges the key without its effect");
    page.harness.script.print("\r\ntotal 0");
    assert_eq!(page.next().await, ("s\r\ntotal 0".to_owned(), 4, Duration::ZERO));
    page.key("s", true).await;
    page.silent_key("\r", false).await;
    assert_eq!(page.next().await, ("s".to_owned(), 6, 100 * MS), "it has none");
}

#[tokio::test(start_paused = true)]
async fn output_that_is_no_echo_leaves_at_once() {
    for output in ["*", "l\u{7}", "\u{1b}[1ml", "l more"] {
        let mut page = Page::new().await;
        page.silent_key("l", true).await;
        page.harness.script.print(output);
        let asked = Instant::now();
        let frame = page.harness.next(&mut page.token).await;
        assert_eq!((frame["len"].as_u64(), asked.elapsed()), (Some(output.len() as u64), Duration::ZERO), "{output:?}");
    }
    let mut page = Page::new().await;
    page.key("l", true).await;
    page.harness.script.print("done\r\n");
    assert_eq!(page.next().await, ("ldone\r\n".to_owned(), 2, Duration::ZERO), "with the echo before it");
}

#[tokio::test(start_paused = true)]
async fn a_key_without_an_echo_is_acknowledged_as_soon_as_ever() {
    let mut page = Page::new().await;
    page.silent_key("l", true).await;
    assert_eq!(page.next().await, ("input_ack".to_owned(), 2, 100 * MS));
    page.key("a", true).await;
    page.silent_key("b", true).await;
    assert_eq!(page.next().await, ("a".to_owned(), 4, 100 * MS), "behind one that has an echo, too");
}

#[tokio::test(start_paused = true)]
async fn events_answers_and_repeats_end_the_wait() {
    let mut page = Page::new().await;
    let epoch = page.attached["epoch"].clone();
    let others = [
        json!({"type":"resize","seq":3,"epoch":epoch,"cols":90,"rows":30}),
        json!({"type":"input","seq":1,"epoch":epoch,"data":"$"}),
        json!({"type":"ping"}),
    ];
    for (at, other) in others.into_iter().enumerate() {
        page.key("l", true).await;
        assert!(page.fetch(MS).await.frame.is_none(), "it waits");
        page.seq += u64::from(other["type"] == "resize");
        page.harness.say(&page.ada, other).await;
        let (text, seq, took) = page.next().await;
        assert_eq!((text.as_str(), seq, took), ("l", page.seq, Duration::ZERO), "{at}");
        while page.fetch(MS).await.frame.is_some() {}
    }
}

#[tokio::test(start_paused = true)]
async fn another_page_sees_the_echo_at_once() {
    let mut page = Page::new().await;
    let bob = caller("bob", "c2");
    let (_, mut other) = page.harness.attach(&bob, "page-b").await;
    while page.fetch(MS).await.frame.is_some() {}
    loop {
        let fetched = page.harness.fetch(other, MS).await;
        other = fetched.next.unwrap();
        if fetched.frame.is_none() {
            break;
        }
    }
    page.key("l", true).await;
    let asked = Instant::now();
    let seen = page.harness.fetch(other, ECHO_HOLD).await;
    assert_eq!((&frame(seen.frame)["data"], asked.elapsed()), (&json!("l"), Duration::ZERO));
    assert_eq!(page.next().await, ("l".to_owned(), 2, ECHO_HOLD));
}
