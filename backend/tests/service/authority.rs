//! Authorization: tries every action as every kind of caller in every state of a session, through the gateway and the HTTP API,
//! and compares the results with `docs/authority.md`. A rejected action must change nothing.

mod case;
mod outcome;

use case::{CALLERS, Case};
use futures_util::stream::{self, StreamExt};
use std::fmt::Write;

/// States of the session. In the last one the token was issued after the end.
const STATES: [&str; 5] = ["unknown", "created", "running", "ended", "ended before the token was issued"];

/// The actions.
const ACTIONS: [&str; 44] = [
    "attach",
    "follow",
    "input",
    "resize",
    "theme",
    "command",
    "type_line",
    "interrupt",
    "chat_message",
    "hand",
    "hand_seen",
    "ask",
    "allow",
    "take_back",
    "give_back",
    "only_me",
    "remove a guest",
    "remove the owner",
    "input on a loan",
    "extend",
    "close",
    "plain command",
    "plain resize",
    "plain chat_message",
    "leave for another",
    "look up",
    "list",
    "list the group",
    "see on the wall",
    "announce",
    "end",
    "close a connection",
    "let in again",
    "read the recording",
    "delete the recording",
    "read the commands",
    "run a check",
    "bring a file",
    "take a file",
    "upload",
    "download",
    "hand out a file",
    "create",
    "create with a profile",
];

/// Begin of the heading of a state's table in the page.
const HEADING: &str = "\n## The session is ";

/// Tries one case on a service of its own.
async fn cell(who: usize, state: usize, action: &str) -> String {
    let mut case = Case::new(who, state).await;
    let outcome = case.outcome(action).await;
    if outcome == "yes" {
        return " **yes** |".to_owned();
    }
    // The attach before the action may have been allowed and have started the session.
    let started = state != 2 && case.state().await == "running";
    let harmless = outcome == "another" || started || case.is_untouched(state).await;
    assert!(harmless, "{}, {action}, {}: {outcome}, but it changed something", CALLERS[who].0, STATES[state]);
    format!(" {outcome} |")
}

/// Concurrent cases.
const CONCURRENCY: usize = 8;

async fn table(state: usize) -> String {
    let mut text = format!("{HEADING}{}\n\n|", STATES[state]);
    for (who, ..) in CALLERS {
        write!(text, " | {who}").unwrap();
    }
    text += " |\n|---|";
    text += &"---|".repeat(CALLERS.len());
    text += "\n";
    let cases = ACTIONS.iter().flat_map(|action| (0..CALLERS.len()).map(move |who| cell(who, state, action)));
    let cells: Vec<_> = stream::iter(cases).buffered(CONCURRENCY).collect().await;
    for (action, row) in ACTIONS.iter().zip(cells.chunks(CALLERS.len())) {
        writeln!(text, "| {action} |{}", row.concat()).unwrap();
    }
    text
}

/// Fails unless the page ends with a table for each state, and that of this state is what was found.
async fn callers_may_do_what_the_table_says(state: usize) {
    let documented: Vec<&str> = include_str!("../../../docs/authority.md").split(HEADING).skip(1).collect();
    assert_eq!(documented.len(), STATES.len());
    let found = table(state).await;
    assert!(found == format!("{HEADING}{}", documented[state]), "docs/authority.md does not have this:\n{found}");
}

#[tokio::test]
async fn session_that_is_unknown() {
    callers_may_do_what_the_table_says(0).await;
}

#[tokio::test]
async fn session_that_was_created() {
    callers_may_do_what_the_table_says(1).await;
}

#[tokio::test]
async fn session_that_runs() {
    callers_may_do_what_the_table_says(2).await;
}

#[tokio::test]
async fn session_that_has_ended() {
    callers_may_do_what_the_table_says(3).await;
}

#[tokio::test]
async fn session_that_ended_before_the_token_was_issued() {
    callers_may_do_what_the_table_says(4).await;
}
