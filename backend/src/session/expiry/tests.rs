//! Every timeout, every warning, and its retraction.

use super::*;
use shared_protocol::ErrorCode;

const SECOND: Duration = Duration::from_secs(1);
/// Wall time at the start, in ms since 1970.
const WALL: u64 = 1_800_000_000_000;

struct Bench {
    start: Instant,
    expiry: Expiry,
}

impl Bench {
    /// An attached session with these limits in seconds; `extend` gives an hour, up to twice the lifetime.
    fn new(detach: u32, idle: u32, lifetime: u32) -> Self {
        let start = Instant::now();
        let limits = Limits {
            detach_timeout: SECOND * detach,
            idle_timeout: SECOND * idle,
            initial_lifetime: SECOND * lifetime,
            extension: SECOND * 3600,
            max_lifetime: SECOND * lifetime * 2,
            output_rate: 0,
            scrollback: 0,
        };
        let mut expiry = Expiry::new(limits, start);
        expiry.connected(true, start);
        Self { start, expiry }
    }

    fn at(&self, seconds: u32) -> Now {
        let ms = WALL + u64::from(seconds) * 1000;
        Now { instant: self.start + SECOND * seconds, ms, steady_ms: ms }
    }

    fn authorized(&mut self, at: u32, until: u32) {
        self.expiry.authorized(WALL + u64::from(until) * 1000, self.start + SECOND * at);
    }

    /// Events with their seconds, until a time. Wakes at each deadline, as the session's task does.
    fn events_until(&mut self, from: u32, until: u32) -> Vec<(u32, &'static str, EndReason, u32)> {
        let mut said = Vec::new();
        let mut now = from;
        while now <= until && self.expiry.due(self.at(now)).is_none() {
            for event in self.expiry.due_events(self.at(now)) {
                said.push(match event {
                    StreamEvent::Closing { reason, at, .. } => (now, "closing", reason, ((at - WALL) / 1000) as u32),
                    StreamEvent::Stays { reason } => (now, "stays", reason, 0),
                    other => panic!("{other:?}"),
                });
            }
            let next = self.expiry.deadline(self.at(now));
            assert!(next > self.at(now).instant, "a deadline in the past would spin");
            now = (next - self.start).as_secs() as u32;
        }
        said
    }
}

#[test]
fn each_limit_ends_it_with_its_own_reason() {
    let mut bench = Bench::new(10, 30, 100);
    let never_attached = Expiry::new(bench.expiry.limits, bench.start);
    assert_eq!(never_attached.due(bench.at(10)), Some(EndReason::Detached));
    assert_eq!(bench.expiry.due(bench.at(29)), None);
    assert_eq!(bench.expiry.due(bench.at(30)), Some(EndReason::Idle));
    bench.expiry.active = bench.at(90).instant;
    assert_eq!(bench.expiry.due(bench.at(99)), None);
    assert_eq!(bench.expiry.due(bench.at(100)), Some(EndReason::MaxLife));
    bench.authorized(0, 95);
    assert_eq!(bench.expiry.due(bench.at(94)), None);
    assert_eq!(bench.expiry.due(bench.at(100)), Some(EndReason::TokenExpired), "what came first");
    bench.authorized(90, 97);
    bench.authorized(91, 96);
    assert_eq!(bench.expiry.due(bench.at(96)), None, "the latest token counts");
    bench.expiry.connected(false, bench.at(85).instant);
    bench.expiry.connected(false, bench.at(86).instant);
    assert_eq!(bench.expiry.due(bench.at(95)), Some(EndReason::Detached), "the detach timeout starts once");
}

#[test]
fn each_end_is_warned_of_twice_or_after_half_of_a_short_timeout() {
    let (idle, max_life, token) = (EndReason::Idle, EndReason::MaxLife, EndReason::TokenExpired);
    // The idle timeout, the lifetime, the end of a token, and each warning with the end that it names.
    for (timeout, lifetime, token_end, reason, expected) in [
        (100_000, 14_400, None, max_life, &[(14_100, 14_400), (14_340, 14_400)][..]),
        (1800, 14_400, None, idle, &[(1740, 1800)]),
        (100_000, 100_000, Some(3600), token, &[(3300, 3600), (3540, 3600)]),
        (100_000, 30, None, max_life, &[(15, 30)]),
        (100_000, 400, None, max_life, &[(200, 400), (340, 400)]),
    ] {
        let mut bench = Bench::new(300, timeout, lifetime);
        if let Some(end) = token_end {
            bench.authorized(0, end);
        }
        let expected: Vec<_> = expected.iter().map(|(at, end)| (*at, "closing", reason, *end)).collect();
        assert_eq!(bench.events_until(0, 20_000), expected);
    }
    // A platform whose tokens live for two minutes is not warned with each of them.
    let mut bench = Bench::new(300, 100_000, 100_000);
    bench.authorized(1000, 1120);
    assert_eq!(bench.events_until(1000, 1059), []);
}

#[test]
fn the_detach_timeout_gives_no_warning() {
    let mut bench = Bench::new(300, 1800, 14_400);
    bench.expiry.connected(false, bench.start);
    assert_eq!(bench.events_until(0, 20_000), []);
}

#[test]
fn activity_retracts_a_warning() {
    let mut bench = Bench::new(300, 1800, 14_400);
    bench.events_until(0, 1790);
    bench.expiry.active = bench.at(1791).instant;
    let said = bench.events_until(1791, 20_000);
    assert_eq!(said, [(1791, "stays", EndReason::Idle, 0), (3531, "closing", EndReason::Idle, 3591)]);
    let mut bench = Bench::new(300, 100_000, 100_000);
    bench.authorized(0, 3600);
    bench.events_until(0, 3400);
    bench.authorized(3400, 3500);
    assert_eq!(bench.expiry.due_events(bench.at(3400)), [], "an earlier end changes nothing");
    bench.authorized(3410, 7200);
    let said = bench.events_until(3410, 7000);
    let token = EndReason::TokenExpired;
    assert_eq!(said, [(3410, "stays", token, 0), (6900, "closing", token, 7200)]);
}

#[test]
fn the_code_says_what_a_program_may_do() {
    for (reason, code) in [
        (EndReason::TokenExpired, ErrorCode::TokenExpired),
        (EndReason::ServerRestart, ErrorCode::Draining),
        (EndReason::MaxLife, ErrorCode::SessionEnded),
        (EndReason::Idle, ErrorCode::SessionEnded),
    ] {
        assert_eq!(reason.code(), code);
    }
}

#[test]
fn a_token_that_never_expires_is_not_waited_for() {
    let mut bench = Bench::new(300, 1800, 14_400);
    bench.expiry.authorized(u64::MAX, bench.start);
    assert_eq!(bench.expiry.due(bench.at(1799)), None);
    assert_eq!(bench.expiry.deadline(bench.at(0)), bench.at(1740).instant);
}

#[test]
fn an_exceeded_quota_warns_at_once_and_is_retracted() {
    let mut bench = Bench::new(300, 100_000, 100_000);
    let reason = EndReason::Limits;
    bench.expiry.over_quota(true, bench.at(50).instant);
    assert_eq!(bench.events_until(50, 51), [(50, "closing", reason, 60)]);
    bench.expiry.over_quota(true, bench.at(55).instant);
    bench.expiry.over_quota(false, bench.at(56).instant);
    assert_eq!(bench.events_until(56, 57), [(56, "stays", reason, 0)]);
    assert_eq!(bench.expiry.due(bench.at(61)), None);
    bench.expiry.over_quota(true, bench.at(70).instant);
    assert_eq!(bench.events_until(70, 100), [(70, "closing", reason, 80)]);
    assert_eq!(bench.expiry.due(bench.at(80)), Some(reason));
}

#[test]
fn extend_never_shortens_and_stops_at_the_max_lifetime() {
    let mut bench = Bench::new(300, 100_000, 14_400);
    let (max_life, wall) = (EndReason::MaxLife, |seconds: u64| WALL + seconds * 1000);
    assert!(!bench.expiry.extend(bench.at(100).instant), "it has more than that already");
    assert_eq!(bench.expiry.lifetime_end(bench.at(100)), (wall(14_400), true));
    let said = bench.events_until(0, 14_200);
    assert_eq!(said, [(14_100, "closing", max_life, 14_400)]);
    assert!(bench.expiry.extend(bench.at(14_200).instant));
    assert_eq!(bench.expiry.lifetime_end(bench.at(14_200)), (wall(17_800), true));
    let said = bench.events_until(14_200, 17_700);
    assert_eq!(said, [(14_200, "stays", max_life, 0), (17_500, "closing", max_life, 17_800)]);
    assert!(bench.expiry.extend(bench.at(17_700).instant) && bench.expiry.extend(bench.at(21_000).instant));
    assert!(bench.expiry.extend(bench.at(28_000).instant));
    assert_eq!(bench.expiry.lifetime_end(bench.at(28_000)), (wall(28_800), false), "twice the lifetime, and no more");
    assert!(!bench.expiry.extend(bench.at(28_700).instant));
    assert_eq!(bench.expiry.due(bench.at(28_800)), Some(max_life));
}

#[test]
fn without_a_longer_max_lifetime_extend_is_not_offered() {
    let mut bench = Bench::new(300, 100_000, 14_400);
    for longest in [14_400, 3600] {
        bench.expiry.limits.max_lifetime = SECOND * longest;
        assert_eq!(bench.expiry.lifetime_end(bench.at(0)), (WALL + 14_400_000, false));
        assert!(!bench.expiry.extend(bench.at(14_000).instant));
    }
}
