//! No fault of the transport reaches the program or the page: the proof of `cargo run -p e2e --bin hostile`, with fewer keys.

mod files;

use e2e::{FaultRun, Function, Report, Way};
use futures_util::future::join_all;
use std::time::Duration;

#[expect(clippy::print_stdout, reason = "a failed test shows the results so far")]
/// Executes the run, and asserts that these faults occurred.
async fn proof(run: FaultRun, faults: &'static [&'static str]) -> Report {
    let report = run.run().await;
    for fault in faults {
        assert!(report.faults.contains_key(fault), "{fault} never happened:\n{report}");
    }
    println!("{report}");
    report
}

const EVERYTHING: [&str; 4] = ["reorder", "repeat", "lose", "cut"];

/// Faults of requests without WebSockets. Their delays reorder them.
const REQUESTS: [&str; 4] = ["repeat", "lose", "die", "cut"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_transport() {
    // Concurrently, because they mostly wait.
    let seeds = [1, 2, 3].map(|seed| proof(FaultRun::new(seed, 3000), &EVERYTHING));
    for report in join_all(seeds).await {
        // Few: a busy machine puts more keys into a message, and a connection is cut after so many messages.
        assert!(report.pages.cuts > 0, "{report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handovers() {
    // Random cuts: the number of messages before a handover depends on the machine.
    let run = FaultRun { handover: Some(Duration::from_millis(700)), ..FaultRun::new(5, 1500) };
    let report = proof(run.with_faults("reorder=0.2,repeat=0.05,lose=0.02,delay=0..20,cut=0.01"), &EVERYTHING).await;
    assert!(report.pages.handovers > 2, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_hands_over_before_its_connection_expires() {
    let (handover, lifetime) = (Some(Duration::from_millis(400)), Some(Duration::from_secs(2)));
    let report = proof(FaultRun { handover, lifetime, ..FaultRun::new(6, 1500) }.with_faults("none"), &[]).await;
    assert!(report.pages.handovers > 5 && report.pages.cuts == 0, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_without_handover_is_closed_and_reconnects() {
    let run = FaultRun { lifetime: Some(Duration::from_secs(1)), ..FaultRun::new(14, 1500) };
    let report = proof(run.with_faults("none"), &[]).await;
    assert!(report.pages.cuts > 2, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throttled_gone_and_failed_posts() {
    let faults = "throttle=0.3,rate=30,gone=0.1,gone-delivered=0.1,fail=0.1,fail-delivered=0.1";
    let report = proof(FaultRun::new(8, 1500).with_faults(faults), &["throttle"]).await;
    let others = ["gone", "gone-delivered", "fail", "fail-delivered"];
    assert!(others.iter().filter(|fault| report.faults.contains_key(*fault)).count() > 1, "{report}");
}

/// Creates a test of each run, whose faults must occur.
macro_rules! proofs {
    ($($(#[$about:meta])* $name:ident: $run:expr, $faults:expr;)*) => {$(
        $(#[$about])*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            proof($run, &$faults).await;
        }
    )*};
}

proofs! {
    two_typists: FaultRun { typists: 2, ..FaultRun::new(4, 1500) }, EVERYTHING;
    a_class_that_shares_relays: FaultRun { sessions: 12, rate: 30, ..FaultRun::new(15, 200) }, EVERYTHING;
    two_instances: FaultRun { instances: 2, ..FaultRun::new(8, 1500) }, EVERYTHING;
    killed_and_cold_functions: FaultRun::new(7, 1500)
        .with_faults("kill=0.2,kill-within=0..100,cold=20..100,reorder=0.1,silent=0.2,cut=0.005"),
        ["kill", "cold", "reorder", "cut"];
    over_http: FaultRun { way: Way::Http, ..FaultRun::new(16, 3000) }, REQUESTS;
    over_http_to_two_instances: FaultRun { way: Way::Http, instances: 2, ..FaultRun::new(17, 1500) }, REQUESTS;
    /// As a page whose network blocks WebSockets at some times only.
    from_websockets_to_http_and_back: FaultRun { way: Way::Both, ..FaultRun::new(18, 1500) }, ["reorder", "die", "cut"];
    slow_posts: FaultRun::new(9, 1500).with_faults("slow=15,lose=0.01,cut-every=300"), ["lose", "cut"];
    refused_handshakes_and_silent_disconnects: FaultRun::new(10, 1000)
        .with_faults("refuse=0.5,silent=0.5,cut-every=50,delay=0..10"), ["refuse", "silent", "cut"];
    /// Covers an API Gateway that would dispatch a connection's messages one at a time: a relay would block the others. With
    /// a short timeout of the function, everything still arrives.
    sequential_dispatch: FaultRun { timeout: Duration::from_millis(3500), ..FaultRun::new(11, 300) }
        .with_faults("one-at-a-time,lose=0.01,repeat=0.05"), ["repeat"];
    the_real_function: FaultRun { function: Function::Bootstrap, ..FaultRun::new(12, 2000) }, EVERYTHING;
    the_real_function_killed: FaultRun { function: Function::Bootstrap, ..FaultRun::new(13, 1000) }
        .with_faults("kill=0.2,kill-within=0..100,reorder=0.2,cut=0.005"), ["kill", "reorder", "cut"];
}
