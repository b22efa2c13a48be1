//! Events that wait for the receiver of webhooks, in the order of their session. Pure: a bounded queue, which drops events of
//! commands first and keeps the place of what is missing.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// Events of one session that wait, at most.
pub const MAX_EVENTS: usize = 500;

/// Events that go at once where there are too many: to look for them is work.
pub(super) const ROOM: usize = 100;

/// TTL of the events of a session after the last of them; one that is older is not sent.
pub const EVENTS_TTL: Duration = Duration::from_secs(24 * 3600);

/// TTL of the instance that sends the events of a session: longer than an attempt, and than the time between two renewals.
pub const SENDER_TTL: Duration = Duration::from_secs(30);

/// The order in which events are dropped where there are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
pub enum Priority {
    /// A command: the first to go.
    #[strum(serialize = "c")]
    Command,
    /// Any other event.
    #[strum(serialize = "o")]
    Other,
    /// One that never goes.
    #[strum(serialize = "k")]
    Kept,
    /// No event: stands for those that went, and never goes.
    #[strum(serialize = "g")]
    Gap,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// When it goes.
    pub priority: Priority,
    /// Events that went; 0 but for [`Priority::Gap`].
    pub missing: u64,
    /// The event; of a gap, the first that went.
    pub event: WaitingEvent,
}

/// The content of an event, as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingEvent {
    /// Its id, the same at each attempt.
    pub id: String,
    /// Time of it, in ms since 1970.
    pub at: u64,
    /// The body, as JSON.
    pub body: String,
}

impl EventRecord {
    /// As it is stored: priority, number of missing events, and the event as JSON.
    pub(super) fn text(&self) -> String {
        // Cannot fail: all map keys are strings.
        let event = serde_json::to_string(&self.event).unwrap_or_default();
        format!("{}{}:{event}", <&str>::from(self.priority), self.missing)
    }

    /// Reads what [`Self::text`] wrote. The error says nothing of it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let parts = || {
            let (kind, rest) = text.split_at_checked(1)?;
            let (missing, event) = rest.split_once(':')?;
            let event = serde_json::from_str(event).ok()?;
            Some(Self { priority: kind.parse().ok()?, missing: missing.parse().ok()?, event })
        };
        parts().ok_or("an event is not Termgate's")
    }
}

/// The events of one session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventQueue {
    records: VecDeque<EventRecord>,
}

impl EventQueue {
    /// Adds an event behind the others, of which at most [`MAX_EVENTS`] stay. False if nothing may go for it.
    pub fn push(&mut self, record: EventRecord) -> bool {
        if self.records.len() >= MAX_EVENTS {
            self.make_room();
        }
        let has_room = self.records.len() < MAX_EVENTS;
        if has_room {
            self.records.push_back(record);
        }
        has_room
    }

    /// Drops the oldest events of commands, or else the oldest others.
    fn make_room(&mut self) {
        while self.records.len() > MAX_EVENTS - ROOM {
            let first = |priority| self.records.iter().position(|record| record.priority == priority);
            let Some(oldest) = first(Priority::Command).or_else(|| first(Priority::Other)) else { return };
            if let Some(gap) = first(Priority::Gap) {
                self.records[gap].missing += 1;
                self.records.remove(oldest);
            } else {
                (self.records[oldest].priority, self.records[oldest].missing) = (Priority::Gap, 1);
            }
        }
    }

    /// The first event.
    pub fn first(&self) -> Option<&EventRecord> {
        self.records.front()
    }

    /// Removes the first event, if it is this one.
    pub fn take(&mut self, record: &EventRecord) {
        if self.first() == Some(record) {
            self.records.pop_front();
        }
    }

    /// Removes the first events, at most so many.
    pub fn take_first(&mut self, most: usize) -> Vec<EventRecord> {
        self.records.drain(..most.min(self.records.len())).collect()
    }

    /// Puts events back in front of the others. There may be more than [`MAX_EVENTS`] until the next one comes.
    pub fn put_back(&mut self, records: Vec<EventRecord>) {
        for record in records.into_iter().rev() {
            self.records.push_front(record);
        }
    }

    /// True if none waits.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::event;

    #[test]
    fn an_event_is_read_as_it_was_written_and_an_error_hides_it() {
        for priority in [Priority::Command, Priority::Other, Priority::Kept, Priority::Gap] {
            let record = EventRecord { missing: 7, ..event(1, priority) };
            assert_eq!(EventRecord::parse(&record.text()), Ok(record));
        }
        for bad in ["", "c", "c0", "x0:{}", "cx:{}", "c0:{\"secret\":1}", "é0:{}"] {
            assert!(!EventRecord::parse(bad).unwrap_err().contains("secret"), "{bad}");
        }
    }

    #[test]
    fn what_is_put_back_is_first_again() {
        let mut queue = EventQueue::default();
        for number in 1..=3 {
            queue.push(event(number, Priority::Other));
        }
        let taken = queue.take_first(2);
        queue.put_back(taken);
        assert_eq!(queue.take_first(9), [1, 2, 3].map(|number| event(number, Priority::Other)));
        assert!(queue.is_empty());
    }
}
