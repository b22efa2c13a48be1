//! The colours that programs are told: those of the page that controls.

use crate::harness::{Harness, SIZE, caller, input};
use backend::session::Caller;
use serde_json::{Value, json};
use shared_protocol::Role;

const QUESTION: &str = "\x1b]11;?\x07";

fn theme(background: &str) -> Value {
    json!({"foreground": "#000000", "background": background, "cursor": "#00ff00", "palette": vec!["#123456"; 16]})
}

fn attach(client: &str, background: &str) -> Value {
    json!({"type":"attach","client":client,"cols":SIZE.cols,"rows":SIZE.rows,"theme":theme(background)})
}

/// The program's input after this output.
async fn answer(harness: &Harness, output: &str) -> String {
    let before = harness.script.input().len();
    harness.script.print(output);
    harness.settle().await;
    String::from_utf8(harness.script.input().split_off(before)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn programs_are_told_the_colours_of_the_page_that_typed_last() {
    let harness = Harness::new().await;
    let (ada, bob) = (caller("ada", "c1"), caller("bob", "c2"));
    let viewer = Caller { role: Role::Viewer, ..caller("vic", "c3") };
    harness.say(&viewer, attach("page-v", "#ff0000")).await;
    assert_eq!(answer(&harness, QUESTION).await, "\x1b]11;rgb:0000/0000/0000\x07", "no controller has looked yet");
    let (attached, _) = harness.attach(&ada, "page-a").await;
    harness.say(&ada, attach("page-a", "#ffffff")).await;
    assert_eq!(answer(&harness, QUESTION).await, "\x1b]11;rgb:ffff/ffff/ffff\x07");
    harness.say(&bob, attach("page-b", "#101010")).await;
    assert_eq!(answer(&harness, QUESTION).await, "\x1b]11;rgb:ffff/ffff/ffff\x07", "only a page that types controls");
    harness.say(&bob, input(&attached, 1, "x")).await;
    assert_eq!(answer(&harness, QUESTION).await, "\x1b]11;rgb:1010/1010/1010\x07");
    // It keeps its colours if it attaches again without them.
    harness.say(&bob, json!({"type":"attach","client":"page-b","cols":SIZE.cols,"rows":SIZE.rows})).await;
    assert_eq!(answer(&harness, "\x1b]4;1;?\x07\x1b[?996n").await, "\x1b]4;1;rgb:1212/3434/5656\x07\x1b[?997;2n");
}

#[tokio::test(start_paused = true)]
async fn a_change_is_reported_to_a_program_that_wants_to_know() {
    let harness = Harness::new().await;
    let ada = caller("ada", "c1");
    let (attached, _) = harness.attach(&ada, "page").await;
    let change =
        |seq: u64, background| json!({"type":"theme","seq":seq,"epoch":attached["epoch"],"theme":theme(background)});
    harness.say(&ada, change(1, "#eeeeee")).await;
    assert_eq!(answer(&harness, "\x1b[?2031h").await, "", "it did not want to know yet");
    let before = harness.script.input().len();
    harness.say(&ada, change(2, "#ffffff")).await;
    harness.say(&ada, change(3, "#ffffff")).await;
    assert_eq!(&harness.script.input()[before..], b"\x1b[?997;2n", "once");
    let viewer = Caller { role: Role::Viewer, ..caller("vic", "c2") };
    harness.attach(&viewer, "page-v").await;
    harness.say(&viewer, change(1, "#ff0000")).await;
    assert_eq!(answer(&harness, QUESTION).await, "\x1b]11;rgb:ffff/ffff/ffff\x07", "a viewer changes nothing");
}
