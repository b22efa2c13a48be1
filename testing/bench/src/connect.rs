//! How long a page waits for its terminal: from the handshake with its token until the shell has written its first byte, or, for a session
//! that runs, until it is attached. One page after the other, and many at once, as after a cut.

use crate::peers::Peer;
use crate::report::{Report, Table};
use crate::stats::ms;
use crate::subjects::{Subjects, direct, fresh};
use e2e::{Stack, Terminal};
use futures_util::stream::{self, StreamExt};
use tokio::time::Instant;

/// Pages that connect in a round, each to a session of its own.
const PAGES: usize = 32;

/// Pages that connect at the same time.
const AT_ONCE: [usize; 2] = [1, 16];

/// How a page reaches a terminal.
#[derive(Clone, Copy)]
enum Way<'a> {
    Direct(&'a Stack),
    Chain(&'a Stack),
    Peer(&'a Peer),
}

/// What was found of one subject: of each connect its time in ms, and of each round its connects in a second.
#[derive(Default)]
struct Found {
    times: Vec<f64>,
    rates: Vec<f64>,
}

/// Measures all subjects in turn, round by round.
pub(crate) async fn measure(subjects: &Subjects, rounds: u16, report: &mut Report) {
    let mut ways = vec![
        ("Termgate, `/terminal`", Way::Direct(&subjects.in_process)),
        ("Termgate, function in process", Way::Chain(&subjects.in_process)),
        ("Termgate, real function", Way::Chain(&subjects.bootstrap)),
    ];
    ways.extend(subjects.peers.iter().map(|peer| (peer.name, Way::Peer(peer))));
    for at_once in AT_ONCE {
        let mut found: Vec<(Found, Found)> = ways.iter().map(|_| Default::default()).collect();
        for _ in 0..rounds {
            for ((_, way), (new, running)) in ways.iter().zip(&mut found) {
                way.round(at_once, new, running).await;
            }
        }
        let (new, running): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let names = || ways.iter().map(|(name, _)| *name);
        let [to_new, to_running] = match at_once {
            1 => ["new session to its first byte, one at a time", "running session to attached, one at a time"],
            _ => ["new session to its first byte, 16 at once", "running session to attached, 16 at once"],
        };
        report.add(table(to_new, names().zip(new)).compared("p50"));
        report.add(table(to_running, names().zip(running).filter(|(_, found)| !found.times.is_empty())));
    }
}

/// Times as percentiles, and beside them how many in a second.
fn table<'a>(figure: &'static str, found: impl Iterator<Item = (&'a str, Found)>) -> Table {
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

impl Way<'_> {
    async fn round(self, at_once: usize, new: &mut Found, running: &mut Found) {
        let pages: Vec<String> = (0..PAGES).map(|_| format!("page-{}", fresh())).collect();
        if let Self::Peer(peer) = self {
            // Their shells end with their connections.
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
        for mut terminal in running.take(at_once, &pages, async |page| self.attached(page).await).await {
            terminal.close_session().await;
            terminal.expect_close().await;
        }
    }

    async fn attached(self, page: &str) -> Terminal {
        let mut terminal = match self {
            Self::Direct(stack) => return direct(stack, stack.backend.address(0), page, page).await,
            Self::Chain(stack) => stack.connect(page, page).await,
            Self::Peer(peer) => unreachable!("{} attaches nobody", peer.name),
        };
        terminal.attach().await;
        terminal
    }
}

impl Found {
    /// Lets pages connect, so many at once, and keeps the times. Returns what they have got.
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
