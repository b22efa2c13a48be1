//! Keystroke latency of one member of a relay: alone, beside members that type, beside some whose posts are refused, and beside
//! one that floods. With the function in the gateway's process, and with the real one, whose posts go over TLS.

use crate::client::{Client, STEP_TIMEOUT};
use crate::echo::{self, echo_of, key};
use crate::latency::slow_posts;
use crate::report::{Report, Table};
use crate::subjects::{FUNCTION_PROCESSES, in_process};
use dev_gateway::{CpuShare, Limits, ProcessLimit};
use e2e::{Function, Stack, StackOptions, Terminal};
use futures_util::future::join_all;
use std::num::NonZeroU64;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::pages::KEY_INTERVAL;

/// Members that type beside the measured one, and those of them whose posts are refused in one row.
const TYPISTS: u32 = 49;
const REFUSED: u32 = 32;

/// Memory of the smallest function, in MB.
const MEMORY_MB: u32 = 128;

/// Time of a flood or of refused posts before the measurement.
const SETTLE_TIME: Duration = Duration::from_secs(3);

/// Longest time of a row: where posts are refused, an echo may take a second.
const ROW_TIME: Duration = Duration::from_secs(60);

/// Time between two looks at a member that does not wait for its echo.
const STEP: Duration = Duration::from_millis(250);

/// Limits that none of the members reaches.
const VARIABLES: &[(&str, &str)] = &[("MESSAGES_PER_SECOND", "1000000")];

pub(super) async fn measure(rounds: u16, report: &mut Report) {
    report.add(table("keystroke to echo beside other members of the relay", in_process(VARIABLES), rounds).await);
    let figure = "keystroke to echo beside other members, real function, posts over TLS";
    report.add(table(figure, real(None), rounds).await);
    // Its share of a processor alone: a build for this machine may need more memory than the one for Lambda.
    let limits = Limits { cpu: Some(CpuShare::of_memory(MEMORY_MB)), ..Limits::default() };
    match ProcessLimit::new(limits) {
        Ok(limit) => {
            let figure =
                "keystroke to echo beside other members, real function, posts over TLS, processor share of 128 MB";
            report.add(table(figure, real(Some(limit)), rounds).await);
        }
        Err(error) => println!("no figure with the processor share of 128 MB: {error}"),
    }
}

pub(super) fn real(process_limit: Option<ProcessLimit>) -> StackOptions {
    StackOptions {
        function: Function::Bootstrap,
        posts_over_tls: true,
        processes: FUNCTION_PROCESSES,
        function_log: "off",
        process_limit,
        ..in_process(VARIABLES)
    }
}

async fn table(figure: &'static str, options: StackOptions, rounds: u16) -> Table {
    let gateway = slow_posts();
    let faults = gateway.faults.clone().expect("posts are slow");
    let stack = Stack::start_with(StackOptions { gateway, ..options }).await;
    let mut measured = Client::Termgate(Box::new(typed_into(&stack, 0).await));
    let mut samples = vec![("alone".to_owned(), of_rounds(&mut measured, rounds).await)];

    // The measured connection is the first; the last ones are refused.
    let (taken, refused) = (1..=TYPISTS - REFUSED, TYPISTS - REFUSED + 1..=TYPISTS);
    let opening = async {
        let mut others = join_all(taken.map(|number| typed_into(&stack, number))).await;
        others.extend(join_all(refused.map(|number| typed_into(&stack, number))).await);
        others
    };
    let others = tokio::select! {
        others = opening => others,
        () = measured.read_for(STEP_TIMEOUT) => panic!("{TYPISTS} pages do not open"),
    };
    let (mut tasks, mut flood) = (JoinSet::new(), None);
    for (mut terminal, number) in others.into_iter().zip(1..) {
        let begin = Instant::now() + KEY_INTERVAL * number / TYPISTS;
        if number > TYPISTS - REFUSED {
            tasks.spawn(async move { type_blindly(&mut terminal, begin).await });
            continue;
        }
        let (send, flooded) = oneshot::channel();
        flood = Some(send);
        tasks.spawn(async move {
            tokio::select! {
                () = type_keys(&mut terminal, begin) => {}
                Ok(()) = flooded => flood_with_output(&mut terminal).await,
            }
        });
    }
    samples.push((format!("{TYPISTS} others type"), of_rounds(&mut measured, rounds).await));

    let plan = faults.plan();
    let mut refusing = plan.clone();
    refusing.posts.throttle_from = NonZeroU64::new(u64::from(1 + TYPISTS - REFUSED) + 1);
    faults.set(refusing);
    measured.read_for(SETTLE_TIME).await;
    samples.push((
        format!("{TYPISTS} others type, posts to {REFUSED} of them are refused"),
        of_rounds(&mut measured, rounds).await,
    ));
    faults.set(plan);
    measured.read_for(SETTLE_TIME).await;

    let _ = flood.map(|flood| flood.send(()));
    measured.read_for(SETTLE_TIME).await;
    samples.push((format!("{} others type, one floods", TYPISTS - 1), of_rounds(&mut measured, rounds).await));
    tasks.shutdown().await;
    stack.stop().await;
    let table = Table::of_percentiles((figure, "ms"), &echo::COLUMNS, samples);
    table.with_ratio("× alone, p50", "p50", |_| 0).with_ratio("× alone, p99", "p99", |_| 0)
}

async fn of_rounds(client: &mut Client, rounds: u16) -> Vec<f64> {
    echo::rounds_until(client, rounds, Instant::now() + ROW_TIME).await
}

/// Types for ever, at a human pace.
async fn type_keys(terminal: &mut Terminal, begin: Instant) {
    for number in 0.. {
        terminal.read_until(begin + KEY_INTERVAL * number).await;
        let key = key(number);
        terminal.type_text(&key).await;
        terminal.skip_past(STEP_TIMEOUT, echo_of(&key)).await;
    }
}

/// The same, without waiting for echoes. Ends with the connection.
async fn type_blindly(terminal: &mut Terminal, begin: Instant) {
    for number in 0.. {
        terminal.read_until(begin + KEY_INTERVAL * number).await;
        if terminal.closed.is_some() {
            return;
        }
        terminal.type_text(&key(number)).await;
    }
}

/// Replaces the program by one that prints for ever. The output is not kept.
async fn flood_with_output(terminal: &mut Terminal) {
    terminal.interrupt().await;
    terminal.type_text("yes\r").await;
    while terminal.closed.is_none() {
        terminal.read_until(Instant::now() + STEP).await;
        terminal.stream.bytes.clear();
    }
}

/// A terminal of its own user and session, with a program that reads keys and prints nothing.
async fn typed_into(stack: &Stack, number: u32) -> Terminal {
    let mut terminal = stack.terminal(&format!("user-{number}"), &format!("relay-{number}")).await;
    terminal.run("cat >/dev/null").await;
    // On a busy machine a run of the real function may take longer than the gateway waits.
    terminal.outlives_failed_runs = true;
    terminal
}
