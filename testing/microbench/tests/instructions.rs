//! Bounds on the instructions and allocations of the hot parts, which a busy machine does not change.
//!
//! The counted program is built like every test, so that nothing is built twice: the emulator and the codec are optimised, the
//! service's log and order of input are not. The numbers are above those of a release, and only good for comparing. Two runs
//! differ by less than 0.1 %, because maps have random seeds.

use microbench::callgrind::{Cost, count_all};
use microbench::{PARTS, Part};
use std::collections::HashMap;
use std::path::Path;

/// The bounds that a part exceeds.
fn exceeded(part: &Part, costs: &HashMap<&str, Cost>) -> Vec<String> {
    let (name, cost) = (part.name, costs[part.name]);
    let ratios = part.bounds.iter().filter_map(|(other, max)| {
        let ratio = cost.ratio(&costs[other]);
        (ratio > *max).then(|| format!("{name}: {ratio:.3} times the instructions of {other}, at most {max}"))
    });
    let allocations = (cost.allocations > part.max_allocations)
        .then(|| format!("{name}: {} allocations, at most {}", cost.allocations, part.max_allocations));
    ratios.chain(allocations).collect()
}

/// The ratios are those of one architecture.
#[cfg(target_arch = "x86_64")]
#[test]
fn every_part_stays_within_its_bounds() {
    let costs = count_all(Path::new(env!("CARGO_BIN_EXE_microbench"))).unwrap_or_else(|error| panic!("{error}"));
    let exceeded: Vec<String> = PARTS.iter().flat_map(|part| exceeded(part, &costs)).collect();
    let renew = "if that is intended, change the bound in parts.rs; `microbench table` prints all ratios";
    assert!(exceeded.is_empty(), "{}\n{renew}", exceeded.join("\n"));
    assert_eq!(costs["baseline/copy reads"].allocations, 1, "allocations are counted");
}

#[test]
fn a_part_above_its_bounds_is_reported() {
    let part = Part { name: "part", prepare: PARTS[0].prepare, max_allocations: 2, bounds: &[("other", 1.5)] };
    let costs = |instructions, allocations| {
        let cost = Cost { instructions, allocations };
        HashMap::from([(part.name, cost), ("other", Cost { instructions: 100, allocations: 0 })])
    };
    assert_eq!(exceeded(&part, &costs(150, 2)).len(), 0);
    assert_eq!(exceeded(&part, &costs(151, 2)).len(), 1);
    assert_eq!(exceeded(&part, &costs(150, 3)).len(), 1);
}

#[test]
fn every_part_of_ours_has_a_bound() {
    let missing: Vec<&str> = PARTS
        .iter()
        .filter(|part| part.bounds.is_empty() != part.name.starts_with("baseline/"))
        .map(|part| part.name)
        .collect();
    assert!(missing.is_empty(), "without a bound in parts.rs: {missing:?}");
}
