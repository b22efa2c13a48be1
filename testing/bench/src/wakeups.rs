//! Costs that do not depend on the machine: context switches, system calls and processor time of each process in the chain, for a
//! key and for a MiB of output, beside ttyd's.

#[cfg(test)]
mod tests;
mod tracer;

use crate::client::Client;
use crate::counts::{Counts, Usage};
use crate::echo::{echo_of, key};
use crate::flood;
use crate::report::{Report, Row, Table};
use crate::subjects::{Subjects, VARIABLES, direct, in_process, next_number, set_prompt};
use e2e::{Function, Stack, StackOptions, children_of};
use futures_util::future::join_all;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;
use tracer::Tracer;

/// Keys that are counted, and keys before them that are not.
const KEYS: u32 = 1000;
const WARM_UP_KEYS: u32 = 200;

/// Keys under a tracer, which slows the process down.
const TRACED_KEYS: u32 = 300;

/// Keys at a person's pace: 20 s of them.
const SLOW_KEYS: u32 = 100;
const PACE: Duration = Duration::from_millis(200);

const VOLUNTARY: &str = "voluntary switches";
const INVOLUNTARY: &str = "involuntary switches";
const CALLS: &str = "system calls";
const TIME: &str = "processor time, µs";
const PER_MIB: &str = "processor time, ms";

/// Processes that make one row of a table.
#[derive(Clone, Copy)]
enum Processes {
    One(u32),
    /// The function's, some of which are frozen.
    ChildrenOf(u32),
}

impl Processes {
    fn ids(self) -> Vec<u32> {
        match self {
            Self::One(id) => vec![id],
            Self::ChildrenOf(parent) => children_of(parent).into_iter().map(|(id, _)| id).collect(),
        }
    }
}

/// A terminal, and the processes between its client and its shell.
struct Subject {
    client: Client,
    /// By the name of their row.
    processes: Vec<(&'static str, Processes)>,
}

pub(crate) async fn measure(subjects: &Subjects, rounds: u16, report: &mut Report) {
    let options = StackOptions {
        gateway_process: true,
        function_log: "off",
        ..StackOptions { function: Function::Bootstrap, ..in_process(VARIABLES) }
    };
    let chain = Stack::start_with(options).await;
    let mut measured = start(subjects, &chain).await;
    report.add(of_output(&mut measured, rounds).await.relative_to_peer(PER_MIB));

    for subject in &mut measured {
        subject.client.keys("cat >/dev/null\r").await;
        subject.client.expect("/dev/null\r\n").await;
        type_keys(&mut subject.client, WARM_UP_KEYS, None).await;
    }
    let mut fast = Vec::new();
    for subject in &mut measured {
        fast.extend(subject.key_costs(KEYS, None, TRACED_KEYS).await);
    }
    report.add(per_key("a key, one right after the other", fast));
    let slow = measured.iter_mut().map(|subject| subject.key_costs(SLOW_KEYS, Some(PACE), SLOW_KEYS));
    report.add(per_key("a key, five in a second", join_all(slow).await.into_iter().flatten().collect()));
    drop(measured);
    chain.stop().await;
}

fn per_key(figure: &'static str, rows: Vec<Row>) -> Table {
    Table { figure, unit: "for each key", columns: vec![VOLUNTARY, INVOLUNTARY, CALLS, TIME], rows }
}

/// Processor time of output. Interleaved by round.
async fn of_output(subjects: &mut [Subject], rounds: u16) -> Table {
    let log = flood::log(flood::LINES);
    let names = subjects.iter().flat_map(|subject| subject.processes.iter().map(|(name, _)| (*name).to_owned()));
    let mut found: Vec<(String, Vec<f64>)> = names.map(|name| (name, Vec::new())).collect();
    for _ in 0..rounds {
        let mut spent = Vec::new();
        for subject in &mut *subjects {
            spent.extend(subject.flood(log.path()).await);
        }
        for ((_, found), ms) in found.iter_mut().zip(spent) {
            found.push(ms);
        }
    }
    Table::of_percentiles(("a MiB of coloured lines", "median"), &[(PER_MIB, 0.5)], found)
}

/// Types keys that the terminal echoes, one after the other, or one each `pace`.
async fn type_keys(client: &mut Client, count: u32, pace: Option<Duration>) {
    let begun = Instant::now();
    for number in 0..count {
        let key = key(number);
        client.keys(&key).await;
        client.expect(echo_of(&key)).await;
        if let Some(pace) = pace {
            client.read_for((begun + pace * (number + 1)).saturating_duration_since(Instant::now())).await;
        }
    }
}

/// A terminal of each subject, at a prompt.
async fn start(subjects: &Subjects, chain: &Stack) -> Vec<Subject> {
    let (mut clients, mut processes) = (Vec::new(), Vec::new());
    let (stack, session) = (&subjects.in_process, format!("bench-{}", next_number()));
    let terminal = direct(stack, stack.backend.address(0), "ada", &session).await;
    clients.push((String::new(), Client::Termgate(Box::new(terminal))));
    processes.push(vec![("Termgate, `/terminal`: service", Processes::One(stack.backend.id(0)))]);
    if let Some(gateway) = chain.gateway_id() {
        let terminal = chain.terminal("ada", &session).await;
        clients.push((String::new(), Client::Termgate(Box::new(terminal))));
        processes.push(vec![
            ("Termgate, real function: service", Processes::One(chain.backend.id(0))),
            ("Termgate, real function: function", Processes::ChildrenOf(gateway)),
            ("Termgate, real function: dev-gateway", Processes::One(gateway)),
        ]);
    }
    for peer in subjects.peers.iter().filter(|peer| peer.name == "ttyd") {
        clients.push((String::new(), peer.connect(&peer.url()).await));
        processes.push(vec![(peer.name, Processes::One(peer.id()))]);
    }
    set_prompt(&mut clients).await;
    let subjects = clients.into_iter().zip(processes);
    subjects.map(|((_, client), processes)| Subject { client, processes }).collect()
}

impl Subject {
    /// Costs of a key: a row for each process.
    async fn key_costs(&mut self, keys: u32, pace: Option<Duration>, traced: u32) -> Vec<Row> {
        let before = self.counts();
        type_keys(&mut self.client, keys, pace).await;
        let used: Vec<Usage> = self.counts().iter().zip(&before).map(|(now, before)| now.since(before)).collect();
        let calls = self.system_calls(traced, pace).await;
        let rows = self.processes.iter().zip(used).zip(calls).map(|(((name, _), used), calls)| {
            let each = |count: f64| count / f64::from(keys);
            let values = [
                (VOLUNTARY, each(used.voluntary as f64)),
                (INVOLUNTARY, each(used.involuntary as f64)),
                (TIME, each(used.time.as_secs_f64() * 1e6)),
            ];
            let calls = calls.map(|calls| (CALLS, calls as f64 / f64::from(traced)));
            Row::new(*name, values.into_iter().chain(calls))
        });
        rows.collect()
    }

    fn counts(&self) -> Vec<Counts> {
        self.processes.iter().map(|(_, processes)| Counts::of(&processes.ids())).collect()
    }

    /// System calls of each process during the keys. Without `strace`, none and a message.
    async fn system_calls(&mut self, keys: u32, pace: Option<Duration>) -> Vec<Option<u64>> {
        let mut tracers = Vec::new();
        for (name, processes) in &self.processes {
            let tracer = Tracer::attach(&processes.ids()).await;
            tracers.push(tracer.inspect_err(|error| println!("{name}: {error}")).ok());
        }
        if tracers.iter().any(Option::is_some) {
            type_keys(&mut self.client, keys, pace).await;
        }
        join_all(tracers.into_iter().map(async |tracer| Some(tracer?.detach().await))).await
    }

    /// Processor time of each process for a MiB of output, in ms.
    async fn flood(&mut self, log: &Path) -> Vec<f64> {
        let before = self.counts();
        let mib = flood::print(&mut self.client, log).await as f64 / f64::from(1 << 20);
        let spent = self.counts().into_iter().zip(before).map(|(now, before)| now.since(&before).time);
        spent.map(|time| time.as_secs_f64() * 1e3 / mib).collect()
    }
}
