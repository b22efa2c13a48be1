//! Messages of an instructor to the class: each is said once, and again to those who come a little later.

use shared_protocol::Pos;
use shared_protocol::server::Notice;
use std::time::Duration;
use tokio::time::Instant;

/// Time in which a message reaches those who attach, and in which its id counts.
const KEPT_FOR: Duration = Duration::from_secs(600);

/// Messages of the latest [`KEPT_FOR`], at most.
const MAX_KEPT: usize = 30;

/// A message that was said.
#[derive(Debug)]
struct Said {
    notice: Notice,
    at: Instant,
    /// Its place in the stream.
    pos: Pos,
}

/// The latest messages. Pure: the time is an argument.
#[derive(Debug, Default)]
pub(super) struct Notices(Vec<Said>);

impl Notices {
    fn forget_old(&mut self, now: Instant) {
        self.0.retain(|said| now < said.at + KEPT_FOR);
    }

    /// Takes a message, to be said at `pos`. False if there were too many; `None` if it was said before.
    pub(super) fn take(&mut self, notice: &Notice, pos: Pos, now: Instant) -> Option<bool> {
        self.forget_old(now);
        if self.0.iter().any(|said| said.notice.id == notice.id) {
            return None;
        }
        let has_room = self.0.len() < MAX_KEPT;
        if has_room {
            self.0.push(Said { notice: notice.clone(), at: now, pos });
        }
        Some(has_room)
    }

    /// The messages that the log has no more, which begins at `start`: to be said again from `end` on.
    pub(super) fn take_lost(&mut self, start: Pos, end: Pos, now: Instant) -> Vec<Notice> {
        self.forget_old(now);
        let lost = self.0.iter_mut().filter(|said| said.pos < start);
        lost.zip(0..)
            .map(|(said, number)| {
                said.pos = end.after(number);
                said.notice.clone()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN_MINUTES: Duration = Duration::from_secs(600);

    fn notice(id: usize) -> Notice {
        Notice { id: id.to_string(), from: "Grace".into(), text: "hello".into(), line: None, at: 0 }
    }

    #[test]
    fn a_message_is_taken_once_in_its_time_and_no_more_than_thirty() {
        let (mut notices, start) = (Notices::default(), Instant::now());
        for id in 0..30 {
            assert_eq!(notices.take(&notice(id), Pos(0), start), Some(true));
            assert_eq!(notices.take(&notice(id), Pos(0), start), None, "a repeat");
        }
        assert_eq!(notices.take(&notice(99), Pos(0), start), Some(false));
        assert_eq!(notices.take(&notice(99), Pos(0), start + TEN_MINUTES), Some(true));
    }

    #[test]
    fn only_what_the_log_lost_is_said_again_and_not_after_its_time() {
        let (mut notices, start) = (Notices::default(), Instant::now());
        for (id, pos) in [(1, 5), (2, 6), (3, 100)] {
            notices.take(&notice(id), Pos(pos), start);
        }
        let mut lost = |log_start, at| {
            let said = notices.take_lost(Pos(log_start), Pos(200), at);
            said.into_iter().map(|notice| notice.id).collect::<Vec<_>>()
        };
        assert!(lost(5, start).is_empty());
        assert_eq!(lost(50, start), ["1", "2"]);
        assert!(lost(50, start).is_empty(), "they are in the log again");
        assert_eq!(lost(201, start), ["1", "3"], "the second one's place is 201");
        assert!(lost(1000, start + TEN_MINUTES).is_empty());
    }
}
