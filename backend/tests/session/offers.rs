//! Lines that are offered to be typed: only at the shell's empty prompt, by those who may type, and never with Enter.

use crate::control::Class;
use crate::harness::{Harness, caller};
use serde_json::{Value, json};
use shared_protocol::Role;

fn offer(attached: &Value, seq: u64, line: &str) -> Value {
    json!({"type": "type_line", "seq": seq, "epoch": attached["epoch"], "line": line})
}

fn typed(harness: &Harness) -> String {
    String::from_utf8(harness.script.input()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_line_is_typed_at_an_empty_prompt_once_and_without_enter() {
    let (harness, ada, attached, mut token) = Harness::attached().await;
    let refused = harness.ask(&ada, offer(&attached, 1, "ls"), &mut token).await;
    assert_eq!((&refused["code"], &refused["seq"]), (&json!("BUSY"), &json!(1)), "no prompt has come yet");
    harness.script.mark("B");
    harness.settle().await;
    harness.say(&ada, offer(&attached, 2, "ls -la ~/lab")).await;
    assert_eq!(typed(&harness), "ls -la ~/lab");
    // A second click finds the line of the first.
    let refused = harness.ask(&ada, offer(&attached, 3, "rm x"), &mut token).await;
    assert_eq!((&refused["code"], &refused["seq"]), (&json!("BUSY"), &json!(3)));
    harness.say(&ada, offer(&attached, 2, "ls -la ~/lab")).await;
    assert_eq!(typed(&harness), "ls -la ~/lab", "a repeat is applied once");
    for mark in ["C", "D;0", "B"] {
        harness.script.mark(mark);
    }
    harness.settle().await;
    harness.at(1).await;
    harness.script.print("\x1b[?2004h");
    harness.settle().await;
    harness.say(&ada, offer(&attached, 4, "!!")).await;
    assert_eq!(typed(&harness), "ls -la ~/lab\x1b[200~!!\x1b[201~", "as a paste, where the line editor knows one");
}

#[tokio::test(start_paused = true)]
async fn a_program_and_a_shell_without_marks_get_nothing() {
    let (harness, ada, attached, mut token) = Harness::attached().await;
    for mark in ["B", "C"] {
        harness.script.mark(mark);
    }
    harness.settle().await;
    let refused = harness.ask(&ada, offer(&attached, 1, "password"), &mut token).await;
    assert_eq!(refused["code"], "BUSY", "a program runs");
    harness.script.replace_shell();
    let refused = harness.ask(&ada, offer(&attached, 2, "ls"), &mut token).await;
    assert_eq!(refused["code"], "NO_PROMPT_MARKS");
    assert_eq!(typed(&harness), "");
}

#[tokio::test(start_paused = true)]
async fn those_who_may_not_type_type_no_offer() {
    let (harness, _, attached, _) = Harness::attached().await;
    harness.script.mark("B");
    harness.settle().await;
    let vic = backend::session::Caller { role: Role::Viewer, ..caller("vic", "vic") };
    let (_, mut token) = harness.attach(&vic, "page-v").await;
    let refused = harness.ask(&vic, offer(&attached, 1, "ls"), &mut token).await;
    assert_eq!((&refused["code"], &refused["seq"]), (&json!("READ_ONLY"), &json!(1)));
    assert_eq!(typed(&harness), "");

    // A borrower does, on the loan.
    let class = Class::lent("kept").await;
    class.harness.script.mark("B");
    class.harness.settle().await;
    class.grace("type_line", 2, json!({"line": "ls"})).await;
    class.grace("type_line", 3, json!({"line": "ls", "loan": 7})).await;
    assert_eq!(class.typed(), "");
    class.grace("type_line", 4, json!({"line": "ls", "loan": 1})).await;
    assert_eq!(class.typed(), "ls");
}
