//! Files in messages, over a transport that loses, repeats, reorders and cuts: each arrives byte for byte, once.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use dev_gateway::{Faults, Options};
use e2e::{Function, Sending, Stack, StackOptions, Taking, Terminal};
use shared_protocol::limits::FILE_PART_BYTES;

/// Parts of the file, so that some are certainly lost, repeated and cut off.
const PARTS: usize = 60;

async fn over_a_hostile_transport(function: Function, instances: usize) {
    let plan = "reorder=0.2,repeat=0.1,lose=0.05,delay=0..20,cut-every=50".parse().expect("a plan");
    let faults = Faults::new(plan, 21);
    let gateway = Options { faults: Some(faults.clone()), ..Options::default() };
    let (log, function_log) = ("warn,backend::app=info", "error");
    let stack =
        Stack::start_with(StackOptions { gateway, instances, log, function_log, ..StackOptions::new(function) }).await;
    let mut terminal = stack.connect("ada", "s1").await;
    terminal.outlives_failed_runs = true;
    if !terminal.attach_unless_closed().await {
        terminal = reconnect(terminal, &stack).await;
    }
    let content: Vec<u8> = (0..PARTS * FILE_PART_BYTES + 1).map(|number| (number * 31 / 7) as u8).collect();
    let mut sending = Sending::new("data.bin", &content);
    let stored = loop {
        match sending.go_on(&mut terminal, |_| false).await {
            Some(stored) => break stored.expect("the file is stored"),
            None => terminal = reconnect(terminal, &stack).await,
        }
    };
    assert_eq!((&*stored.name, stored.bytes), ("data.bin", content.len() as u64), "once, and whole");
    let mut taking = Taking::new("data.bin");
    let taken = loop {
        match taking.go_on(&mut terminal, |_| false).await {
            Some(taken) => break taken.expect("the file is taken"),
            None => terminal = reconnect(terminal, &stack).await,
        }
    };
    assert!(taken == content, "other bytes came back");
    for fault in ["reorder", "repeat", "lose", "cut"] {
        assert!(faults.counts().contains_key(fault), "{fault} never happened: {:?}", faults.counts());
    }
    terminal.leave().await;
    stack.stop().await;
}

async fn reconnect(mut terminal: Terminal, stack: &Stack) -> Terminal {
    loop {
        terminal = terminal.open_new_connection(&stack.url(), &stack.token("ada", "s1")).await;
        if terminal.attach_unless_closed().await {
            return terminal;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_in_messages() {
    over_a_hostile_transport(Function::InProcess, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_in_messages_of_the_real_function() {
    over_a_hostile_transport(Function::Bootstrap, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_in_messages_to_two_instances() {
    over_a_hostile_transport(Function::InProcess, 2).await;
}
