//! Keystroke latency of a session that gets a file: in a request to the service, and in messages of the connection that types,
//! each with a key right behind it. The file itself is not timed: a client on the same machine says nothing of a network.

use crate::client::{Client, STEP_TIMEOUT};
use crate::echo::{COLUMNS, echo_of, key, type_key};
use crate::report::{Report, Table};
use crate::stats::ms;
use crate::subjects::{VARIABLES, in_process, next_number};
use e2e::{Sending, Stack, Terminal};
use tokio::time::Instant;

/// Size of the file in a request, in bytes.
const REQUEST_BYTES: usize = 50_000_000;

/// Size of the file in messages, in bytes: 500 of them, each with a key.
const MESSAGES_BYTES: usize = 9_000_000;

/// Keys without a file, for comparison.
const KEYS: u32 = 500;

pub(crate) async fn measure(rounds: u16, report: &mut Report) {
    let stack = Stack::start_with(in_process(VARIABLES)).await;
    let mut measured = [
        ("no file", Vec::new()),
        ("a file of 50 MB in a request", Vec::new()),
        ("a file in messages of the same connection", Vec::new()),
    ];
    for _ in 0..rounds {
        measured[0].1.extend(alone(&stack).await);
        measured[1].1.extend(beside_a_request(&stack).await);
        measured[2].1.extend(beside_messages(&stack).await);
    }
    stack.stop().await;
    let measured: Vec<_> = measured.into_iter().map(|(name, times)| (name.to_owned(), times)).collect();
    report.add(Table::of_percentiles(("keystroke to echo of a session that gets a file", "ms"), &COLUMNS, measured));
}

/// A terminal through the function, in a session of its own, at a program that prints nothing.
async fn typing(stack: &Stack) -> (Terminal, String) {
    let session = format!("files-{}", next_number());
    let mut terminal = stack.terminal("ada", &session).await;
    terminal.type_text("cat >/dev/null\r").await;
    terminal.skip_past(STEP_TIMEOUT, "/dev/null\r\n").await;
    (terminal, session)
}

async fn alone(stack: &Stack) -> Vec<f64> {
    let mut client = Client::Termgate(Box::new(typing(stack).await.0));
    let mut times = Vec::new();
    for number in 0..KEYS {
        times.push(type_key(&mut client, number).await);
    }
    times
}

/// Types until the file is there.
async fn beside_a_request(stack: &Stack) -> Vec<f64> {
    let (terminal, session) = typing(stack).await;
    let mut client = Client::Termgate(Box::new(terminal));
    let url = format!("{}/api/sessions/{session}/files?name=large.bin", stack.service_url());
    let request = e2e::http().put(url).bearer_auth(stack.token("ada", &session)).body(vec![7; REQUEST_BYTES]);
    let sending = tokio::spawn(request.timeout(STEP_TIMEOUT).send());
    let mut times = Vec::new();
    while !sending.is_finished() {
        times.push(type_key(&mut client, times.len() as u32).await);
    }
    let answer = sending.await.expect("a request").expect("an answer");
    assert!(answer.status().is_success(), "the service answers {}", answer.status());
    times
}

/// Types a key behind each message.
async fn beside_messages(stack: &Stack) -> Vec<f64> {
    let (mut terminal, _) = typing(stack).await;
    let (mut sending, mut times) = (Sending::new("large.bin", &vec![7; MESSAGES_BYTES]), Vec::new());
    loop {
        let key = key(times.len() as u32);
        let mut taken = 0.0;
        let done = sending.step(&mut terminal, async |terminal| {
            let started = Instant::now();
            terminal.type_text(&key).await;
            terminal.skip_past(STEP_TIMEOUT, echo_of(&key)).await;
            taken = ms(started.elapsed());
        });
        let done = done.await;
        times.push(taken);
        if let Some(done) = done {
            done.expect("the file is stored");
            return times;
        }
    }
}
