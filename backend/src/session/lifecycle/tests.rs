//! Every limit, every warning, and what takes them back.

use super::*;
use shared_protocol::ErrorCode;

const SECOND: Duration = Duration::from_secs(1);
/// The wall at the beginning, in ms since 1970.
const WALL: u64 = 1_800_000_000_000;

struct Bench {
    start: Instant,
    life: Lifecycle,
}

impl Bench {
    /// Limits in seconds. Somebody is attached. Who asks for more time gets an hour, up to twice the life.
    fn new(grace: u32, idle: u32, life: u32) -> Self {
        let start = Instant::now();
        let limits = Limits {
            detach_timeout: SECOND * grace,
            idle_timeout: SECOND * idle,
            initial_lifetime: SECOND * life,
            extension: SECOND * 3600,
            max_lifetime: SECOND * life * 2,
            output_rate: 0,
            scrollback: 0,
        };
        let mut life = Lifecycle::new(limits, start);
        life.attached();
        Self { start, life }
    }

    fn at(&self, seconds: u32) -> Moment {
        Moment { now: self.start + SECOND * seconds, ms: WALL + u64::from(seconds) * 1000 }
    }

    fn authorized(&mut self, at: u32, until: u32) {
        self.life.authorized(WALL + u64::from(until) * 1000, self.start + SECOND * at);
    }

    /// What is said when, in seconds, up to a time, as the session's task would: it wakes at each deadline.
    fn said_until(&mut self, from: u32, until: u32) -> Vec<(u32, &'static str, EndReason, u32)> {
        let mut said = Vec::new();
        let mut now = from;
        while now <= until && self.life.due(self.at(now)).is_none() {
            for event in self.life.announce(self.at(now)) {
                said.push(match event {
                    StreamEvent::Closing { reason, at, .. } => (now, "closing", reason, ((at - WALL) / 1000) as u32),
                    StreamEvent::Stays { reason } => (now, "stays", reason, 0),
                    other => panic!("{other:?}"),
                });
            }
            let next = self.life.deadline(self.at(now));
            assert!(next > self.at(now).now, "a deadline that has passed would never let the task rest");
            now = (next - self.start).as_secs() as u32;
        }
        said
    }
}

#[test]
fn each_limit_ends_it_with_its_own_reason() {
    let mut bench = Bench::new(10, 30, 100);
    let never_attached = Lifecycle::new(bench.life.limits, bench.start);
    assert_eq!(never_attached.due(bench.at(10)), Some(EndReason::Detached));
    assert_eq!(bench.life.due(bench.at(29)), None);
    assert_eq!(bench.life.due(bench.at(30)), Some(EndReason::Idle));
    bench.life.activity(bench.at(90).now);
    assert_eq!(bench.life.due(bench.at(99)), None);
    assert_eq!(bench.life.due(bench.at(100)), Some(EndReason::MaxLife));
    bench.authorized(0, 95);
    assert_eq!(bench.life.due(bench.at(94)), None);
    assert_eq!(bench.life.due(bench.at(100)), Some(EndReason::TokenExpired), "what came first");
    bench.authorized(90, 97);
    bench.authorized(91, 96);
    assert_eq!(bench.life.due(bench.at(96)), None, "the latest token counts");
    bench.life.detached(bench.at(85).now);
    bench.life.detached(bench.at(86).now);
    assert_eq!(bench.life.due(bench.at(95)), Some(EndReason::Detached), "the grace period starts once");
}

#[test]
fn it_says_so_before_each_end() {
    let closing = |now, reason, at| (now, "closing", reason, at);
    let mut bench = Bench::new(300, 100_000, 14_400);
    let life = EndReason::MaxLife;
    assert_eq!(bench.said_until(0, 20_000), [closing(14_100, life, 14_400), closing(14_340, life, 14_400)]);
    let mut bench = Bench::new(300, 1800, 14_400);
    assert_eq!(bench.said_until(0, 20_000), [closing(1740, EndReason::Idle, 1800)]);
    let mut bench = Bench::new(300, 100_000, 100_000);
    bench.authorized(0, 3600);
    let token = EndReason::TokenExpired;
    assert_eq!(bench.said_until(0, 20_000), [closing(3300, token, 3600), closing(3540, token, 3600)]);
}

#[test]
fn nobody_is_warned_of_the_end_of_the_grace_period() {
    let mut bench = Bench::new(300, 1800, 14_400);
    bench.life.detached(bench.start);
    assert_eq!(bench.said_until(0, 20_000), []);
}

#[test]
fn what_happens_takes_a_warning_back() {
    let mut bench = Bench::new(300, 1800, 14_400);
    bench.said_until(0, 1790);
    bench.life.activity(bench.at(1791).now);
    let said = bench.said_until(1791, 20_000);
    assert_eq!(said, [(1791, "stays", EndReason::Idle, 0), (3531, "closing", EndReason::Idle, 3591)]);
    let mut bench = Bench::new(300, 100_000, 100_000);
    bench.authorized(0, 3600);
    bench.said_until(0, 3400);
    bench.authorized(3400, 3500);
    assert_eq!(bench.life.announce(bench.at(3400)), [], "an earlier one changes nothing");
    bench.authorized(3410, 7200);
    let said = bench.said_until(3410, 7000);
    let token = EndReason::TokenExpired;
    assert_eq!(said, [(3410, "stays", token, 0), (6900, "closing", token, 7200)]);
}

#[test]
fn of_a_short_time_half_passes_before_anyone_is_warned() {
    let mut bench = Bench::new(300, 100_000, 30);
    assert_eq!(bench.said_until(0, 100), [(15, "closing", EndReason::MaxLife, 30)], "once");
    let mut bench = Bench::new(300, 100_000, 400);
    let life = EndReason::MaxLife;
    assert_eq!(bench.said_until(0, 500), [(200, "closing", life, 400), (340, "closing", life, 400)]);
    // A platform whose tokens live for two minutes is not warned with each of them.
    let mut bench = Bench::new(300, 100_000, 100_000);
    bench.authorized(1000, 1120);
    assert_eq!(bench.said_until(1000, 1059), []);
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
    bench.life.authorized(u64::MAX, bench.start);
    assert_eq!(bench.life.due(bench.at(1799)), None);
    assert_eq!(bench.life.deadline(bench.at(0)), bench.at(1740).now);
}

#[test]
fn overuse_is_said_at_once_and_taken_back() {
    let mut bench = Bench::new(300, 100_000, 100_000);
    let reason = EndReason::Limits;
    bench.life.overused(true, bench.at(50).now);
    assert_eq!(bench.said_until(50, 51), [(50, "closing", reason, 60)]);
    bench.life.overused(true, bench.at(55).now);
    bench.life.overused(false, bench.at(56).now);
    assert_eq!(bench.said_until(56, 57), [(56, "stays", reason, 0)]);
    assert_eq!(bench.life.due(bench.at(61)), None);
    bench.life.overused(true, bench.at(70).now);
    assert_eq!(bench.said_until(70, 100), [(70, "closing", reason, 80)]);
    assert_eq!(bench.life.due(bench.at(80)), Some(reason));
}

#[test]
fn who_asks_gets_more_time_up_to_the_longest_and_never_less() {
    let mut bench = Bench::new(300, 100_000, 14_400);
    let (life, wall) = (EndReason::MaxLife, |seconds: u64| WALL + seconds * 1000);
    assert!(!bench.life.extend(bench.at(100).now), "it has more than that already");
    assert_eq!(bench.life.longest(bench.at(100)), (wall(14_400), true));
    let said = bench.said_until(0, 14_200);
    assert_eq!(said, [(14_100, "closing", life, 14_400)]);
    assert!(bench.life.extend(bench.at(14_200).now));
    assert_eq!(bench.life.longest(bench.at(14_200)), (wall(17_800), true));
    let said = bench.said_until(14_200, 17_700);
    assert_eq!(said, [(14_200, "stays", life, 0), (17_500, "closing", life, 17_800)]);
    assert!(bench.life.extend(bench.at(17_700).now) && bench.life.extend(bench.at(21_000).now));
    assert!(bench.life.extend(bench.at(28_000).now));
    assert_eq!(bench.life.longest(bench.at(28_000)), (wall(28_800), false), "twice the life, and no more");
    assert!(!bench.life.extend(bench.at(28_700).now));
    assert_eq!(bench.life.due(bench.at(28_800)), Some(life));
}

#[test]
fn where_nobody_gets_more_time_nobody_is_told_so() {
    let mut bench = Bench::new(300, 100_000, 14_400);
    for longest in [14_400, 3600] {
        bench.life.limits.max_lifetime = SECOND * longest;
        assert_eq!(bench.life.longest(bench.at(0)), (WALL + 14_400_000, false));
        assert!(!bench.life.extend(bench.at(14_000).now));
    }
}
