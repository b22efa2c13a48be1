//! What the hot parts take, in instructions and allocations, which a busy machine does not change: not more than was written down, not
//! faster growing than what they are given, not further above what cannot be done without than they were.
//!
//! The program that is counted is built like every test, hardly optimised, so that nothing is built twice: the numbers are several times those of a
//! release, and only good for comparing. Two runs differ by less than one in a thousand, because maps have random seeds.

use microbench::callgrind::{Cost, count};
use microbench::{PARTS, budget};
use std::collections::HashMap;
use std::path::Path;

/// A part, the one that it is compared with, and how many times as many instructions it may take at most.
type Bound = (&'static str, &'static str, f64);

/// The larger or older one first. What is eight times as long may take a little more than eight times as many.
const GROWTH: &[Bound] = &[
    ("frame/plain text, 24 KiB", "frame/plain text, 3 KiB", 8.4),
    ("frame/bytes, 16 KiB", "frame/bytes, 2 KiB", 8.4),
    ("frame/deflated", "frame/deflated, 128 KiB", 2.1),
    ("message/paste, 8 KiB", "message/paste, 1 KiB", 8.4),
    ("log/append reads, old", "log/append reads", 1.2),
    ("log/append lines, old", "log/append lines", 1.05),
    ("log/read a frame, far behind", "log/read a frame", 1.2),
    ("log/find among 4,000 events", "log/find among 40 events", 1.5),
    ("order/in order, old", "order/in order", 1.05),
    // A tree of those that wait: a step more for each message.
    ("order/backwards, 800", "order/backwards", 8.0 * 1.4),
    ("vt/plain text", "vt/plain text, 2 KiB", 8.4),
    ("vt/build log, old", "vt/build log", 1.05),
    ("vt/title, 4,000 bytes", "vt/title, 500 bytes", 8.4),
    ("snapshot/1,000 lines", "snapshot/125 lines", 8.4),
];

/// What cannot be done without second.
const FLOORS: &[Bound] = &[
    ("frame/bytes, 16 KiB", "floor/base64", 2.8),
    ("frame/plain text, 24 KiB", "floor/plain text in JSON", 2.7),
    ("frame/deflated, 128 KiB", "floor/deflate", 1.3),
    ("frame/bytes, read", "floor/base64, read", 1.5),
    ("frame/plain text, read", "floor/plain text in JSON, read", 1.3),
    ("message/key", "floor/key as a tree", 1.5),
    ("log/append reads", "floor/copy reads", 1.6),
    ("log/append lines", "floor/copy lines", 3.0),
    ("vt/plain text", "floor/alacritty, plain text", 0.25),
    ("vt/build log", "floor/alacritty, build log", 0.45),
    ("vt/vim", "floor/alacritty, vim", 1.0),
    ("vt/htop", "floor/alacritty, htop", 1.1),
];

fn counted<'a>(names: impl IntoIterator<Item = &'a str>) -> HashMap<&'a str, Cost> {
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    names.dedup();
    let costs = count(Path::new(env!("CARGO_BIN_EXE_microbench")), &names);
    names.into_iter().zip(costs.unwrap_or_else(|error| panic!("{error}"))).collect()
}

fn check(bounds: &[Bound]) {
    let counted = counted(bounds.iter().flat_map(|(part, other, _)| [*part, *other]));
    let beyond = bounds.iter().filter_map(|(part, other, most)| {
        let ratio = counted[part].instructions as f64 / counted[other].instructions as f64;
        (ratio > *most).then(|| format!("{part}: {ratio:.2} times the instructions of {other}, at most {most}"))
    });
    let beyond: Vec<String> = beyond.collect();
    assert!(beyond.is_empty(), "{}", beyond.join("\n"));
}

#[test]
fn no_part_grows_faster_than_what_it_is_given() {
    check(GROWTH);
}

#[test]
fn no_part_is_far_above_what_cannot_be_done_without() {
    check(FLOORS);
}

/// Numbers of one architecture say nothing of another.
#[cfg(target_arch = "x86_64")]
#[test]
fn every_part_stays_within_its_budget() {
    let budget = budget::read().expect("testing/microbench/budget.json");
    let counted = counted(PARTS.iter().map(|(name, _)| *name).filter(|name| !name.starts_with("floor")));
    let mut beyond: Vec<String> =
        counted.iter().filter_map(|(name, cost)| budget::complaint(name, *cost, budget.get(*name))).collect();
    beyond.sort_unstable();
    assert!(beyond.is_empty(), "{}", beyond.join("\n"));
    let gone: Vec<&String> = budget.keys().filter(|name| !counted.contains_key(name.as_str())).collect();
    assert!(gone.is_empty(), "in the budget and nowhere else: {gone:?}");
}

#[test]
fn allocations_are_seen() {
    let counted = counted(["floor/copy reads", "log/append events"]);
    assert_eq!(counted["floor/copy reads"].allocations, 1);
    assert_eq!(counted["log/append events"].allocations, 0);
}
