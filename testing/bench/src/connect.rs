//! Time to connect: from the handshake to the first byte of a new session's shell, or to `attached` for a running session.
//! Sequential, and concurrent as after a network failure.

use crate::peers::Peer;
use crate::report::{Report, Table};
use crate::stats::ms;
use crate::subjects::{Subjects, direct, next_number};
use e2e::{Stack, Terminal};
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use tokio::time::Instant;

/// Connects in a round, each to a session of its own.
const PAGES: usize = 32;

const CONCURRENCY: [usize; 2] = [1, 16];

#[derive(Clone, Copy)]
enum Route<'a> {
    Direct(&'a Stack),
    Chain(&'a Stack),
    Peer(&'a Peer),
}

/// Results of one subject: the time of each connect in ms, and connects per second of each round.
#[derive(Default)]
struct Samples {
    times: Vec<f64>,
    rates: Vec<f64>,
}

/// Measures all subjects, interleaved by round.
pub(crate) async fn measure(subjects: &Subjects, rounds: u16, report: &mut Report) {
    let mut routes = vec![
        ("Termgate, `/terminal`", Route::Direct(&subjects.in_process)),
        ("Termgate, function in process", Route::Chain(&subjects.in_process)),
        ("Termgate, real function", Route::Chain(&subjects.bootstrap)),
    ];
    routes.extend(subjects.peers.iter().map(|peer| (peer.name, Route::Peer(peer))));
    for at_once in CONCURRENCY {
        let mut found: Vec<(Samples, Samples)> = routes.iter().map(|_| Default::default()).collect();
        for _ in 0..rounds {
            for ((_, route), (new, running)) in routes.iter().zip(&mut found) {
                route.round(at_once, new, running).await;
            }
        }
        let (new, running): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let names = || routes.iter().map(|(name, _)| *name);
        let [to_new, to_running] = match at_once {
            1 => ["new session to its first byte, one at a time", "running session to attached, one at a time"],
            _ => ["new session to its first byte, 16 at once", "running session to attached, 16 at once"],
        };
        report.add(table(to_new, names().zip(new)).relative_to_peer("p50"));
        report.add(table(to_running, names().zip(running).filter(|(_, found)| !found.times.is_empty())));
    }
}

fn table<'a>(figure: &'static str, found: impl Iterator<Item = (&'a str, Samples)>) -> Table {
    let (names, found): (Vec<_>, Vec<_>) = found.unzip();
    let rates: Vec<_> = found.iter().map(|found| crate::stats::percentile(&found.rates, 0.5)).collect();
    let times = names.into_iter().map(str::to_owned).zip(found.into_iter().map(|found| found.times));
    let mut table = Table::of_percentiles((figure, "ms"), &[("p50", 0.5), ("p99", 0.99), ("max", 1.0)], times);
    table.columns.push("in a second");
    for (row, rate) in table.rows.iter_mut().zip(rates) {
        row.values.extend(rate.map(|rate| ("in a second", rate)));
    }
    table
}

impl Route<'_> {
    async fn round(self, at_once: usize, new: &mut Samples, running: &mut Samples) {
        let pages: Vec<String> = (0..PAGES).map(|_| format!("page-{}", next_number())).collect();
        if let Self::Peer(peer) = self {
            // A peer's shell ends with its connection, so there is no running session to attach to.
            drop(new.take(at_once, &pages, async |_| peer.connect(&peer.url()).await).await);
            return;
        }
        let opened = new
            .take(at_once, &pages, async |page| {
                let mut terminal = self.attached(page).await;
                terminal.wait("a first byte", |terminal| (!terminal.stream.bytes.is_empty()).then_some(())).await;
                terminal
            })
            .await;
        for terminal in opened {
            terminal.leave().await;
        }
        // Together, because a session waits seconds for the page that left.
        let opened = running.take(at_once, &pages, async |page| self.attached(page).await).await;
        join_all(opened.into_iter().map(async |mut terminal| {
            terminal.close_session().await;
            terminal.expect_close().await
        }))
        .await;
    }

    async fn attached(self, page: &str) -> Terminal {
        let mut terminal = match self {
            Self::Direct(stack) => return direct(stack, stack.backend.address(0), page, page).await,
            Self::Chain(stack) => stack.connect(page, page).await,
            Self::Peer(peer) => unreachable!("{} has no attach", peer.name),
        };
        terminal.attach().await;
        terminal
    }
}

impl Samples {
    /// Connects all pages, `at_once` concurrently, and records the times.
    async fn take<T>(&mut self, at_once: usize, pages: &[String], connect: impl AsyncFn(&str) -> T) -> Vec<T> {
        let begun = Instant::now();
        let connects = pages.iter().map(async |page| {
            let started = Instant::now();
            let got = connect(page).await;
            (ms(started.elapsed()), got)
        });
        let connected: Vec<(f64, T)> = stream::iter(connects).buffer_unordered(at_once).collect().await;
        self.rates.push(pages.len() as f64 / begun.elapsed().as_secs_f64());
        let (times, got): (Vec<_>, Vec<_>) = connected.into_iter().unzip();
        self.times.extend(times);
        got
    }
}
