//! Messages about whose keys count, the typing itself, and the moment when a person may type no longer.

use super::actor::Actor;
use super::client::Client;
use super::handle::SessionError;
use super::one_shot::Origin;
use crate::store::display_name;
use shared_protocol::client::{Allow, OnlyMe};
use shared_protocol::server::Part;
use shared_protocol::{ClientId, ClientMessage, ErrorCode, Loan, Role, Seq, StreamEvent, Who};
use std::collections::BTreeSet;
use tokio::time::Instant;

impl Actor {
    /// Applies a message about whose keys count; `None` for any other.
    pub(super) fn apply_to_control(
        &mut self,
        id: &ClientId,
        message: &ClientMessage,
    ) -> Option<Result<(), SessionError>> {
        Some(match message {
            ClientMessage::Ask(_) => self.ask(id),
            ClientMessage::GiveBack(_) => self.give_back(id),
            ClientMessage::Allow(Allow { who, duration, .. }) => {
                let now = self.now();
                self.check_owner(id).and_then(|()| self.control.allow(*who, *duration, now))
            }
            ClientMessage::TakeBack(_) => self.check_owner(id).map(|()| self.control.take_back()),
            ClientMessage::OnlyMe(OnlyMe { on, .. }) => {
                self.check_owner(id).and_then(|()| self.control.only_owner(*on))
            }
            _ => return None,
        })
    }

    fn check_owner(&self, id: &ClientId) -> Result<(), SessionError> {
        self.check_part(id, Part::Owner, "only the session's owner decides who types").map(|_| ())
    }

    fn ask(&mut self, id: &ClientId) -> Result<(), SessionError> {
        let now = self.now();
        let Some((person, bearer)) = self.attachments.people.asker(id) else {
            return Err(SessionError::new(ErrorCode::Forbidden, "this link does not allow asking to type"));
        };
        self.control.ask(person.who, bearer, person.part == Part::Instructor, now)
    }

    fn give_back(&mut self, id: &ClientId) -> Result<(), SessionError> {
        let Some((_, bearer)) = self.attachments.people.asker(id) else {
            return Err(SessionError::new(ErrorCode::Forbidden, "only a borrower gives the keyboard back"));
        };
        self.control.give_back(bearer);
        Ok(())
    }

    /// Checks whether the client may change the session, with a message that names this loan.
    pub(super) fn check_typing(&self, id: &ClientId, loan: Option<Loan>) -> Result<(), SessionError> {
        let Some(client) = self.attachments.client(id) else { return Err(SessionError::read_only()) };
        self.control.check(&client.user, client.role, self.attachments.people.bearer(id), loan)
    }

    /// Takes back what has reached no program yet of everyone who may not type any more.
    pub(super) fn hold_back(&mut self) {
        let loan = self.control.loan();
        let ids = self.attachments.clients().map(|(id, _)| id);
        let held: BTreeSet<_> = ids.filter(|id| self.check_typing(id, loan).is_err()).cloned().collect();
        let one_shot = &self.one_shot.open;
        let is_held = |origin: &Origin| match origin {
            Origin::Client { client, .. } => held.contains(client),
            Origin::OneShot(key) => one_shot.get(key).is_some_and(|command| held.contains(&command.client)),
        };
        self.terminal.withdraw(&held, is_held, &mut self.events);
    }

    /// Has the terminal follow a window of the owner's, if it follows one of a person who may type no longer.
    pub(super) fn hold_window_back(&mut self) {
        let Some(id) = self.attachments.controller.clone() else { return };
        if self.check_typing(&id, None).is_ok() {
            return;
        }
        self.attachments.controller = None;
        let controls = |(id, client): &(&ClientId, &Client)| {
            client.counted.is_some()
                && !client.one_shot
                && client.role == Role::Controller
                && self.check_typing(id, None).is_ok()
        };
        let owners = self.attachments.clients().find(controls).map(|(id, _)| id.clone());
        if let Some(id) = owners {
            self.take_control(&id);
        }
    }

    /// Types the keys of a client that may.
    pub(super) fn keys(&mut self, id: &ClientId, seq: Seq, bytes: Vec<u8>, now: Instant) {
        let Some((role, who)) = self.attachments.client(id).map(|client| (client.role, client.who)) else { return };
        let controls = role == Role::Controller;
        if controls && self.attachments.controller.is_none() {
            self.take_control(id);
        }
        self.announce_typist(id, role, who, now);
        if controls && self.attachments.controller.as_ref() != Some(id) {
            self.take_control(id);
        }
        self.expiry.active = now;
        self.note_typist(id);
        self.terminal.write_keys(id, seq, bytes, &mut self.log);
    }

    /// Notes who types a command.
    pub(super) fn note_typist(&mut self, id: &ClientId) {
        let Self { terminal, attachments, .. } = self;
        let Some(client) = attachments.client(id) else { return };
        let (people, creator) = (&attachments.people, attachments.people.creator());
        terminal.command_log.typed(client.who, || match people.person(id) {
            Some(person) => person.name.clone(),
            None if client.user == creator.user => creator.display_name(),
            None => display_name(client.name.as_deref(), "Guest", &client.user),
        });
    }

    fn announce_typist(&mut self, id: &ClientId, role: Role, who: Who, now: Instant) {
        if self.control.typed(who, role, now)
            && let Some(client) = self.attachments.client(id)
        {
            self.log.push_event(StreamEvent::Controller { who, user: client.user.clone() });
        }
    }

    /// Makes the client the controller: the terminal takes the size of its window.
    pub(super) fn take_control(&mut self, id: &ClientId) {
        self.attachments.controller = Some(id.clone());
        let Some(client) = self.attachments.client(id) else { return };
        self.control.controls(client.who);
        if let Some(size) = client.size {
            self.terminal.resize(size, &mut self.log, &mut self.events);
        }
        self.use_theme_of_controller();
    }

    /// Lets the terminal report the colours of the page that controls. Without such a page it keeps those of the last one.
    pub(super) fn use_theme_of_controller(&mut self) {
        let controller = self.attachments.controller.as_ref().and_then(|id| self.attachments.client(id));
        if let Some(theme) = controller.and_then(|client| client.theme.as_ref()) {
            self.terminal.set_theme(theme, &mut self.log);
        }
    }
}
