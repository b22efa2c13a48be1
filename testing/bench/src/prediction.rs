//! Predicted echo: recorded keys are typed into real programs by the page's own client, emulator and predictor, without a
//! browser (`web/bench/typist.mjs`), at several distances from the gateway.

mod typists;

use crate::cost::Hour;
use crate::delay_proxy::DelayProxy;
use crate::latency;
use crate::report::{Report, Row, Table};
use crate::subjects::{VARIABLES, in_process};
use e2e::{Stack, StackOptions};
use futures_util::future::join_all;
use std::time::Duration;
use typists::{Outcome, Typist, WORKLOADS, Workload, play};

/// Round trips between page and gateway.
const ROUND_TRIPS: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(150), Duration::from_millis(300)];

/// Users of the measured hour, who share one relay.
const USERS: u32 = 20;

/// Their round trip to the gateway.
const HOUR_ROUND_TRIP: Duration = Duration::from_millis(150);

/// Time over which they begin: people do not type in step.
const STAGGER: Duration = Duration::from_secs(2);

/// Columns of a recording's row.
const COLUMNS: [&str; 8] = [
    "keys",
    "shown at once (%)",
    "wrong (%)",
    "longest wrong (ms)",
    "messages",
    "fewer (%)",
    "frames",
    "fewer frames (%)",
];

pub(crate) async fn measure(report: &mut Report) {
    report.add(recordings().await);
    report.add(hours().await);
}

/// Types each recording at each distance, with predictions and without.
async fn recordings() -> Table {
    let stack = Stack::start_with(in_process(VARIABLES)).await;
    let url = stack.url();
    let proxies = join_all(ROUND_TRIPS.map(|round_trip| DelayProxy::start(&url, round_trip))).await;
    let mut typists = Vec::new();
    for (round_trip, proxy) in ROUND_TRIPS.iter().zip(&proxies) {
        for workload in &WORKLOADS {
            for mode in ["auto", "never"] {
                let name = format!("{}, {} ms, {mode}", workload.name, round_trip.as_millis());
                typists.push(typist(&stack, proxy, name, workload, mode, Duration::ZERO));
            }
        }
    }
    let (outcomes, ()) = play(&typists, || ()).await;
    stack.stop().await;
    let row = |pair: &[Outcome]| {
        let (with, without) = (&pair[0], &pair[1]);
        let share = |count: u32| f64::from(count) / f64::from(with.keys) * 100.0;
        let fewer = |with: u32, without: u32| (1.0 - f64::from(with) / f64::from(without)) * 100.0;
        assert_eq!(with.left, 0, "{}: a prediction is left", with.name);
        let values = [
            f64::from(with.keys),
            share(with.shown),
            share(with.wrong),
            with.longest_refutation_ms,
            f64::from(with.sent),
            fewer(with.sent, without.sent),
            f64::from(with.received),
            fewer(with.received, without.received),
        ];
        Row::new(with.name.trim_end_matches(", auto"), COLUMNS.into_iter().zip(values))
    };
    let rows: Vec<Row> = outcomes.chunks(2).map(row).collect();
    Table { figure: "predicted echo", unit: "recorded keys", columns: COLUMNS.to_vec(), rows }
}

/// Measures an hour of typing in bash of users who share a relay.
async fn hours() -> Table {
    let mut rows = Vec::new();
    for mode in ["auto", "never"] {
        let options = StackOptions { gateway: latency::slow_posts(), ..in_process(&[]) };
        let stack = Stack::start_with(options).await;
        let proxy = DelayProxy::start(&stack.url(), HOUR_ROUND_TRIP).await;
        let name = |user| format!("user-{user}");
        let typists: Vec<Typist> = (0..USERS)
            .map(|user| typist(&stack, &proxy, name(user), &WORKLOADS[0], mode, STAGGER * user / USERS))
            .collect();
        let (_, before) = play(&typists, || stack.usage()).await;
        let hour = Hour::of(&stack.usage().since(&before), typists[0].duration).of_each(USERS);
        rows.push(Row::new(format!("typing in bash, 150 ms, {mode}"), hour.values()));
        stack.stop().await;
    }
    Table { figure: "an hour of each of 20 users", unit: "each an hour", columns: Hour::COLUMNS.to_vec(), rows }
}

fn typist(
    stack: &Stack,
    proxy: &DelayProxy,
    name: String,
    workload: &Workload,
    mode: &'static str,
    delay: Duration,
) -> Typist {
    let session = format!("prediction-{}", crate::subjects::next_number());
    let (url, token) = (proxy.url(&stack.url()), stack.token(&session, &session));
    Typist::new(name, workload, mode, delay, (url, token, session))
}
