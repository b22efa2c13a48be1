//! Throughput and Ctrl-C under the latencies of AWS: slow posts, a distant page, and an emulator as fast as a browser's.

use crate::client::{Client, Stop};
use crate::delay_proxy::DelayProxy;
use crate::flood;
use crate::report::{Report, Table};
use crate::stats::ms;
use crate::subjects::{Subjects, VARIABLES, in_process};
use dev_gateway::{DurationRange, FaultPlan, Faults, Options, PostPlan};
use e2e::{Stack, StackOptions};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Duration of a post to `@connections`.
const POST_DURATION: Duration = Duration::from_millis(15);

/// Round trip between page and gateway.
pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(50);

/// Bytes per second that a browser's emulator parses.
const PARSE_RATE: u32 = 8 << 20;

/// Time of output before Ctrl-C.
const FLOOD_TIME: Duration = Duration::from_millis(1500);

/// Longest wait for the prompt.
const PROMPT_TIMEOUT: Duration = Duration::from_secs(20);

/// A gateway with slow posts, during which output accumulates into larger frames.
pub(crate) fn slow_posts() -> Options {
    let posts = PostPlan { slow: DurationRange::exactly(POST_DURATION), ..PostPlan::default() };
    let faults = Faults::new(FaultPlan { posts, ..FaultPlan::default() }, 1);
    Options { faults: Some(faults), ..Options::default() }
}

pub(crate) async fn stack() -> Stack {
    Stack::start_with(StackOptions { gateway: slow_posts(), ..in_process(VARIABLES) }).await
}

pub(crate) async fn flood(rounds: u16, report: &mut Report) {
    let stack = stack().await;
    let client = Client::Termgate(Box::new(stack.terminal("ada", "flood").await));
    let clients = vec![("Termgate, function in process".to_owned(), client)];
    report.add(Table { figure: "flood with 15 ms for each post", ..flood::of(clients, rounds).await });
    stack.stop().await;
}

/// Measures the time from Ctrl-C to the prompt, while a program prints.
pub(crate) async fn interrupt(subjects: &Subjects, rounds: u16, report: &mut Report) {
    let stack = stack().await;
    let proxy = DelayProxy::start(&stack.url(), ROUND_TRIP).await;
    let mut clients = Vec::new();
    for (name, stop) in [("interrupt", Stop::Interrupt), ("0x03", Stop::Key)] {
        let terminal = stack.terminal_at(&proxy.url(&stack.url()), "ada", name).await;
        clients.push((format!("Termgate, function in process, {name}"), stop, Client::Termgate(Box::new(terminal))));
    }
    let (peers, _proxies) = subjects.delayed_peers(ROUND_TRIP).await;
    clients.extend(peers.into_iter().map(|(name, client)| (name, Stop::Key, client)));
    for (_, _, client) in &mut clients {
        client.keys("PS1='ready> '; echo be'g'in\r").await;
        client.expect("begin\r\n").await;
        client.expect("ready> ").await;
        client.parse_slowly(PARSE_RATE);
    }
    let mut found: Vec<Vec<f64>> = vec![Vec::new(); clients.len()];
    for _ in 0..rounds {
        // A peer without flow control may never show the prompt: it is measured once.
        let still = clients
            .iter_mut()
            .zip(&mut found)
            .filter(|(_, times)| times.last().is_none_or(|last| *last < ms(PROMPT_TIMEOUT)));
        for ((_, stop, client), times) in still {
            client.keys("yes\r").await;
            client.expect("yes\r\n").await;
            client.read_for(FLOOD_TIME).await;
            let started = Instant::now();
            client.interrupt(*stop).await;
            let back = timeout(PROMPT_TIMEOUT, client.expect("ready> ")).await;
            times.push(ms(started.elapsed()));
            assert!(back.is_ok() || matches!(client, Client::Peer(_)), "the prompt does not come back");
        }
    }
    let measured = clients.into_iter().zip(found).map(|((subject, ..), times)| (subject, times));
    let figure = ("Ctrl-C under `yes` to the prompt, 50 ms away, 15 ms for each post, 8 MiB/s parsed", "ms");
    report.add(Table::of_percentiles(figure, &[("median", 0.5), ("max", 1.0)], measured));
    stack.stop().await;
}
