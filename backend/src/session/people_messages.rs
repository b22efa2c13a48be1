//! Messages between the people of a session, and the events that tell everyone.

use super::actor::Actor;
use super::handle::SessionError;
use crate::store::ClassRecord;
use crate::webhooks::Event;
use shared_protocol::server::{Notice, Part, Room};
use shared_protocol::{ClientId, ClientMessage, ErrorCode, StreamEvent};
use tokio::time::Instant;

impl Actor {
    /// Applies a message about people; gives back any other.
    pub(super) fn apply_to_people(&mut self, id: &ClientId, message: ClientMessage) -> Option<ClientMessage> {
        let done = match message {
            ClientMessage::Hand(hand) => self.hand(id, hand.up),
            ClientMessage::HandSeen(_) => self.hand_seen(id),
            ClientMessage::Remove(remove) => self.remove_person(id, remove.who),
            message => match self.apply_to_control(id, &message) {
                Some(done) => done,
                None => return Some(message),
            },
        };
        self.announce_people();
        if let (Err(error), Some(client)) = (done, self.attachments.client_mut(id)) {
            client.outbound.queue_reply(error.into());
        }
        None
    }

    fn hand(&mut self, id: &ClientId, up: bool) -> Result<(), SessionError> {
        self.check_part(id, Part::Owner, "only the session's owner raises a hand in it")?;
        let now = self.now();
        let was_up = self.attachments.people.raised_hand().is_some();
        if self.attachments.people.raise_hand(up, now) {
            if up && !was_up {
                self.webhooks.tell(self.lease.record(), Event::HandRaised);
            }
            Ok(())
        } else {
            Err(SessionError::new(ErrorCode::RateLimited, "a hand goes up once in two seconds"))
        }
    }

    fn hand_seen(&mut self, id: &ClientId) -> Result<(), SessionError> {
        let name = self.check_part(id, Part::Instructor, "only an instructor sees a hand")?;
        self.attachments.people.see_hand(name);
        Ok(())
    }

    /// The name of a person whose part allows it.
    pub(super) fn check_part(&self, id: &ClientId, part: Part, refusal: &str) -> Result<String, SessionError> {
        let person = self.attachments.people.person(id).filter(|person| person.part == part);
        person.map(|person| person.name.clone()).ok_or_else(|| SessionError::new(ErrorCode::Forbidden, refusal))
    }

    /// Keeps whose keys count and the hand, for a shell after the loss of this one.
    fn keep_class(&self) {
        let ((keyboard, loan), hand) = (self.control.kept(), self.attachments.people.raised_hand().cloned());
        let created_at = self.lease.record().created_at;
        let class = ClassRecord { created_at, keyboard, loan, hand };
        let before = self.lease.class();
        if class == before.unwrap_or_else(|| ClassRecord { created_at, ..ClassRecord::default() }) {
            return;
        }
        self.lease.set_class(class);
        self.lease.save_soon(&self.store, self.clock.now_seconds());
    }

    /// Tells everyone of changes among the people, until the shell's exit: that is the last event of its epoch.
    pub(super) fn announce_people(&mut self) {
        if self.termination.is_over() {
            return;
        }
        let now = self.now();
        self.control.settle(&self.attachments.people, now);
        let control = self.control.shown();
        let is_new = control != self.frames.room.control;
        let mut events = self.attachments.people.take_events();
        if is_new {
            events.push(StreamEvent::Control(control.unwrap_or_default()));
        }
        let recording = self.recorder.told();
        events.extend(recording.filter(|_| recording != self.frames.room.recording).map(StreamEvent::Recording));
        let room = Room { control, recording, ..self.attachments.people.room() };
        if room != self.frames.room {
            self.frames.room = room;
        }
        for event in events {
            self.log.push_event(event);
        }
        self.keep_class();
        if is_new {
            self.control_changed();
            self.hold_back();
            self.hold_window_back();
        }
    }

    /// Tells everyone whose walls show the session, if that has changed.
    pub(super) fn note_watchers(&mut self) {
        if let Some(audience) = self.sights.take_audience() {
            let now = self.now();
            self.attachments.people.watched(&audience, now);
            self.announce_people();
        }
    }

    /// Says a message to everyone in the session, once. False if it is not said.
    pub(super) fn announce(&mut self, notice: Notice) -> bool {
        if !self.termination.is_running() {
            return false;
        }
        let is_new = self.notices.take(&notice, self.log.end(), Instant::now());
        if is_new == Some(true) {
            self.log.push_event(StreamEvent::Notice(notice));
        }
        is_new.unwrap_or(true)
    }

    /// Says again what a page that attaches would not find in the log. A page shows each message once.
    pub(super) fn repeat_notices(&mut self) {
        for notice in self.notices.take_lost(self.log.start(), self.log.end(), Instant::now()) {
            self.log.push_event(StreamEvent::Notice(notice));
        }
    }
}
