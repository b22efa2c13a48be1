//! Property of typing: keys reach their own shell once and in order, for any order of messages and any epoch. A file of its own,
//! because the fuzzer includes it. A script of bytes, two for each step, drives a real session on a scripted terminal.

use crate::harness::{Harness, caller};
use backend::session::Caller;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

struct Typist<'a> {
    harness: &'a Harness,
    who: Caller,
    epoch: u64,
    sent: BTreeSet<u64>,
}

impl Typist<'_> {
    /// Keys of a numbered message: they show a gap, a repeat or a wrong order.
    fn keys(seq: u64) -> String {
        format!("{seq};")
    }

    async fn attach(&mut self, connection: u64) {
        self.who = caller("ada", &format!("c{connection}="));
        let (attached, _) = self.harness.attach(&self.who, "page").await;
        self.epoch = attached["epoch"].as_u64().unwrap();
    }

    async fn say(&self, message: Value) {
        // Other tests check the answer; only the input of the shell counts here.
        self.harness.say(&self.who, message).await;
    }

    async fn types(&mut self, seq: u64) {
        self.sent.insert(seq);
        self.say(json!({"type":"input","seq":seq,"epoch":self.epoch,"data":Self::keys(seq)})).await;
    }

    /// Number of the last message that reached the shell. The input so far is a prefix of all keys.
    fn written(&self) -> u64 {
        let input = String::from_utf8(self.harness.script.input()).unwrap();
        let words = input.matches(';').count() as u64;
        let whole: String = (1..=words + 1).map(Self::keys).collect();
        assert!(whole.starts_with(&input), "{input} is out of order");
        words
    }
}

/// Plays the script; then the client sends again what is missing, and the shell has got everything, once and in order.
pub(crate) fn holds(script: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(play(script));
}

async fn play(script: &[u8]) {
    let harness = Harness::new().await;
    let mut typist = Typist { harness: &harness, who: caller("ada", "c0="), epoch: 0, sent: BTreeSet::new() };
    typist.attach(0).await;
    for (at, step) in script.as_chunks::<2>().0.iter().enumerate() {
        let [what, how] = *step;
        let near = u64::from(how);
        let next = typist.written() + 1;
        match what % 12 {
            0..=4 => typist.types(next + near % 8).await,
            5 => typist.types(next.saturating_sub(near % 8).max(1)).await,
            6 => typist.types(next + 40 + near % 32).await,
            // For a shell that is gone, or never was.
            7 => {
                let epoch = typist.epoch.wrapping_add_signed(i64::from(how as i8)).min((1 << 53) - 1);
                if epoch != typist.epoch {
                    typist.say(json!({"type":"input","seq":next,"epoch":epoch,"data":"wrong"})).await;
                }
            }
            8 => tokio::time::sleep(Duration::from_millis(near * 20)).await,
            9 => typist.attach(at as u64 + 1).await,
            10 => harness.script.set_room(usize::from(how)),
            _ => harness.script.set_room(usize::MAX),
        }
        typist.written();
    }
    harness.script.set_room(usize::MAX);
    let last = typist.sent.last().copied().unwrap_or(0);
    for seq in 1..=last {
        typist.types(seq).await;
    }
    harness.settle().await;
    assert_eq!(typist.written(), last, "everything that was typed, and nothing else");
}
