//! Nothing that a transport does is seen by the program that is typed into, nor by the page: the same proof as
//! `cargo run -p e2e --bin hostile`, with fewer keys.

use e2e::{Function, Report, Trial};
use futures_util::future::join_all;
use std::time::Duration;

#[expect(clippy::print_stdout, reason = "a failed test shows how far it came")]
/// Runs it, and makes sure that what should go wrong did.
async fn proof(trial: Trial, faults: &'static [&'static str]) -> Report {
    let report = trial.run().await;
    for fault in faults {
        assert!(report.faults.contains_key(fault), "{fault} never happened:\n{report}");
    }
    println!("{report}");
    report
}

const EVERYTHING: [&str; 4] = ["reorder", "repeat", "lose", "cut"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_transport() {
    // Side by side, because they mostly wait.
    let seeds = [1, 2, 3].map(|seed| proof(Trial::new(seed, 3000), &EVERYTHING));
    for report in join_all(seeds).await {
        assert!(report.cuts() > 3, "{report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_type_at_once() {
    proof(Trial { typists: 2, ..Trial::new(4, 1500) }, &EVERYTHING).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances() {
    proof(Trial { instances: 2, ..Trial::new(8, 1500) }, &EVERYTHING).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handovers() {
    // Cut by chance, not by count: how many messages a connection carries before it hands over is the machine's affair.
    let trial = Trial { handover: Some(Duration::from_millis(700)), ..Trial::new(5, 1500) };
    let report = proof(trial.with("reorder=0.2,repeat=0.05,lose=0.02,delay=0..20,cut=0.01"), &EVERYTHING).await;
    assert!(report.handovers() > 2, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_hands_over_before_its_connection_has_lived_long_enough() {
    let (handover, lifetime) = (Some(Duration::from_millis(400)), Some(Duration::from_secs(2)));
    let report = proof(Trial { handover, lifetime, ..Trial::new(6, 1500) }.with("none"), &[]).await;
    assert!(report.handovers() > 5 && report.cuts() == 0, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_does_not_is_closed_and_comes_back() {
    let trial = Trial { lifetime: Some(Duration::from_secs(1)), ..Trial::new(14, 1500) };
    let report = proof(trial.with("none"), &[]).await;
    assert!(report.cuts() > 2, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_cold_functions() {
    let trial = Trial::new(7, 1500).with("kill=0.2,kill-within=0..100,cold=20..100,reorder=0.1,silent=0.2,cut=0.005");
    proof(trial, &["kill", "cold", "reorder", "cut"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn posts_that_are_throttled_or_gone_or_said_to_be() {
    let faults = "throttle=0.3,rate=30,gone=0.1,gone-delivered=0.1,fail=0.1,fail-delivered=0.1";
    let report = proof(Trial::new(8, 1500).with(faults), &["throttle"]).await;
    let others = ["gone", "gone-delivered", "fail", "fail-delivered"];
    assert!(others.iter().filter(|fault| report.faults.contains_key(*fault)).count() > 1, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_posts() {
    proof(Trial::new(9, 1500).with("slow=15,lose=0.01,cut-every=300"), &["lose", "cut"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_handshakes_and_ends_that_nobody_hears_of() {
    let trial = Trial::new(10, 1000).with("refuse=0.5,silent=0.5,cut-every=50,delay=0..10");
    proof(trial, &["refuse", "silent", "cut"]).await;
}

/// If API Gateway did not dispatch a connection's next message while the integration of an earlier one runs, following would hold
/// up everything else. With a function that may not run for long, it all still arrives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_message_at_a_time() {
    let timeout = Duration::from_millis(3500);
    proof(Trial { timeout, ..Trial::new(11, 300) }.with("one-at-a-time,lose=0.01,repeat=0.05"), &["repeat"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_function() {
    proof(Trial { function: Function::Bootstrap, ..Trial::new(12, 2000) }, &EVERYTHING).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_function_killed() {
    let trial = Trial { function: Function::Bootstrap, ..Trial::new(13, 1000) };
    proof(trial.with("kill=0.2,kill-within=0..100,reorder=0.2,cut=0.005"), &["kill", "reorder", "cut"]).await;
}
