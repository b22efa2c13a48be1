//! The people of a session as they see each other: who is attached, as what, since when; whose wall shows it; and the owner's
//! raised hand. A person is a page with its reloads, or an instructor with all walls. Pure: the time is an argument.

#[cfg(test)]
mod tests;

use super::caller::Caller;
use super::expiry::Now;
use super::standing::Standing;
use super::watching::Watcher;
use crate::store::{Creator, Member, display_name};
use shared_protocol::limits::{PEOPLE, WALL_PEOPLE};
use shared_protocol::server::{Part, Person, RaisedHand, Room, Via};
use shared_protocol::{ClientId, Role, StreamEvent, Takeover, Who};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Time after a person's last connection until they count as gone: a reload or a change of networks takes less.
pub(super) const AWAY_TIMEOUT: Duration = Duration::from_secs(60);

/// Time between two times that the hand is raised: each goes to everyone. Lowering it is always possible.
pub(super) const HAND_INTERVAL: Duration = Duration::from_secs(2);

/// The bearer of one token, over all pages. A share link is one token, however many people have it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Bearer {
    user: String,
    role: Role,
    /// Id of the token, if it has one.
    jti: Option<String>,
}

impl Bearer {
    /// As one who was removed is known.
    pub(super) fn member(&self) -> Member {
        Member::of(&self.user, self.role, self.jti.as_deref())
    }
}

/// One person.
#[derive(Debug)]
struct Seat {
    person: Person,
    bearer: Bearer,
    /// Their page; a reload is another one.
    client: ClientId,
    /// Time at which the page lost its last connection.
    away: Option<Instant>,
    /// True if they may ask to type.
    asks: bool,
    /// Their part, and an operator's more.
    standing: Standing,
    /// End of the validity of their latest token, in ms of the steady scale.
    valid_until_ms: u64,
}

/// An instructor whose wall shows the session.
#[derive(Debug)]
struct WallSeat {
    person: Person,
    user: String,
    /// Time at which the last wall closed.
    away: Option<Instant>,
}

/// All people who are attached, or left less than [`AWAY_TIMEOUT`] ago.
///
/// Invariants: at most [`PEOPLE`] seats and [`WALL_PEOPLE`] on walls, each with a number that no other person of the epoch had.
/// Every change is in the events, unless one person alone would hear it.
pub(super) struct People {
    creator: Creator,
    seats: Vec<Seat>,
    walls: Vec<WallSeat>,
    /// The hand, while it is up.
    hand: Option<RaisedHand>,
    /// Time at which it was raised last.
    hand_raised: Option<Instant>,
    /// The number that was given last.
    last_who: Who,
    /// Events that are not in the stream yet.
    events: Vec<StreamEvent>,
}

impl People {
    pub(super) fn new(creator: Creator) -> Self {
        let (seats, walls, events) = (Vec::new(), Vec::new(), Vec::new());
        Self { creator, seats, walls, hand: None, hand_raised: None, last_who: Who(0), events }
    }

    /// A page has attached. Returns the person: the same one for the same page, and for a reload of it.
    pub(super) fn arrived(&mut self, client: &ClientId, caller: &Caller, now_ms: u64) -> Who {
        let bearer = Bearer { user: caller.user.clone(), role: caller.role, jti: caller.class.jti.clone() };
        let same = self.seats.iter().position(|seat| seat.client == *client);
        let known = same.or_else(|| self.seats.iter().position(|seat| seat.away.is_some() && seat.bearer == bearer));
        if let Some(seat) = known.and_then(|at| self.seats.get_mut(at)) {
            (seat.client, seat.away) = (client.clone(), None);
            seat.valid_until_ms = seat.valid_until_ms.max(caller.valid_until_ms);
            return seat.person.who;
        }
        if self.seats.len() >= PEOPLE {
            let longest = self.seats.iter().filter_map(|seat| Some((seat.away?, seat.person.who))).min();
            self.remove(|seat| longest.is_some_and(|(_, who)| seat.person.who == who));
        }
        self.last_who.0 += 1;
        let standing = caller.standing(&self.creator);
        let part = standing.part;
        let title = match part {
            Part::Owner => "Student",
            Part::Guest => "Guest",
            Part::Instructor => "Instructor",
        };
        let name = display_name(caller.class.name.as_deref(), title, &caller.user);
        let first = self.seats.iter().find(|seat| seat.bearer.member() == bearer.member());
        let link = first.map(|seat| seat.person.link.unwrap_or(seat.person.who));
        let person = Person { who: self.last_who, name, part, since: now_ms, link, via: None };
        self.say(StreamEvent::Joined(person.clone()));
        let asks = part == Part::Instructor || caller.class.takeover == Some(Takeover::Ask);
        let (client, valid_until_ms) = (client.clone(), caller.valid_until_ms);
        self.seats.push(Seat { person, bearer, client, away: None, asks, standing, valid_until_ms });
        self.last_who
    }

    /// The walls of these instructors show the session, and no others.
    pub(super) fn watched(&mut self, audience: &[Arc<Watcher>], now: Now) {
        for seat in &mut self.walls {
            let is_here = audience.iter().any(|watcher| watcher.user == seat.user);
            seat.away = if is_here { None } else { seat.away.or(Some(now.instant)) };
        }
        for Watcher { user, name } in audience.iter().map(|watcher| &**watcher) {
            if self.walls.iter().any(|seat| seat.user == *user) {
                continue;
            }
            if self.walls.len() >= WALL_PEOPLE {
                self.leave_walls(|seat| seat.away.is_some());
            }
            if self.walls.len() < WALL_PEOPLE {
                self.last_who.0 += 1;
                let (who, name, via) = (self.last_who, name.clone(), Some(Via::Wall));
                let person = Person { who, name, part: Part::Instructor, since: now.ms, link: None, via };
                self.say(StreamEvent::Joined(person.clone()));
                self.walls.push(WallSeat { person, user: user.clone(), away: None });
            }
        }
    }

    fn leave_walls(&mut self, is_meant: impl Fn(&WallSeat) -> bool) {
        let (gone, stay) = std::mem::take(&mut self.walls).into_iter().partition::<Vec<_>, _>(is_meant);
        self.walls = stay;
        for seat in gone {
            self.say(StreamEvent::Left { who: seat.person.who });
        }
    }

    /// A page has lost its last connection.
    pub(super) fn went_away(&mut self, client: &ClientId, now: Instant) {
        if let Some(seat) = self.seats.iter_mut().find(|seat| seat.client == *client) {
            seat.away.get_or_insert(now);
        }
    }

    /// These bearers were removed for good.
    pub(super) fn removed(&mut self, members: &BTreeMap<Member, u64>) {
        self.remove(|seat| members.contains_key(&seat.bearer.member()));
    }

    /// The page of a person.
    pub(super) fn client(&self, who: Who) -> Option<&ClientId> {
        self.seats.iter().find(|seat| seat.person.who == who).map(|seat| &seat.client)
    }

    /// The standing of a page's person.
    pub(super) fn standing(&self, client: &ClientId) -> Option<Standing> {
        self.seats.iter().find(|seat| seat.client == *client).map(|seat| seat.standing)
    }

    /// The user that the session belongs to.
    pub(super) fn creator(&self) -> &Creator {
        &self.creator
    }

    /// The part of each person, with the bearer of the token and the end of its validity, in ms of the steady scale.
    pub(super) fn bearers(&self) -> impl Iterator<Item = (&ClientId, Part, Member, u64)> {
        self.seats.iter().map(|seat| (&seat.client, seat.person.part, seat.bearer.member(), seat.valid_until_ms))
    }

    /// Removes those who have been away for too long.
    pub(super) fn expire(&mut self, now: Instant) {
        let is_over = |away: Option<Instant>| away.is_some_and(|away| away + AWAY_TIMEOUT <= now);
        self.remove(|seat| is_over(seat.away));
        self.leave_walls(|seat| is_over(seat.away));
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let walls = self.walls.iter().filter_map(|seat| seat.away);
        self.seats.iter().filter_map(|seat| seat.away).chain(walls).min().map(|away| away + AWAY_TIMEOUT)
    }

    fn remove(&mut self, is_meant: impl Fn(&Seat) -> bool) {
        let (gone, stay) = std::mem::take(&mut self.seats).into_iter().partition::<Vec<_>, _>(is_meant);
        self.seats = stay;
        for seat in gone {
            self.say(StreamEvent::Left { who: seat.person.who });
        }
    }

    /// The person of a page.
    pub(super) fn person(&self, client: &ClientId) -> Option<&Person> {
        self.seats.iter().find(|seat| seat.client == *client).map(|seat| &seat.person)
    }

    /// The bearer of a page's token.
    pub(super) fn bearer(&self, client: &ClientId) -> Option<&Bearer> {
        self.seats.iter().find(|seat| seat.client == *client).map(|seat| &seat.bearer)
    }

    /// The person of a page and the bearer of its token, if they may ask to type.
    pub(super) fn asker(&self, client: &ClientId) -> Option<(&Person, &Bearer)> {
        let seat = self.seats.iter().find(|seat| seat.client == *client && seat.asks)?;
        Some((&seat.person, &seat.bearer))
    }

    /// The person of this bearer who counts: `known` while they are attached, else one who is. `None` if all have left, or
    /// their token is over.
    pub(super) fn page_of(&self, bearer: &Bearer, known: Who, steady_ms: u64) -> Option<Who> {
        let theirs = self.seats.iter().filter(|seat| seat.bearer == *bearer && steady_ms < seat.valid_until_ms);
        theirs.min_by_key(|seat| (seat.away.is_some(), seat.person.who != known)).map(|seat| seat.person.who)
    }

    /// The owner raises or lowers the hand; false, and nothing done, if it was raised less than [`HAND_INTERVAL`] ago.
    pub(super) fn raise_hand(&mut self, up: bool, now: Now) -> bool {
        if self.hand.is_some() == up {
            return true;
        }
        if up && self.hand_raised.is_some_and(|raised| now.instant < raised + HAND_INTERVAL) {
            return false;
        }
        let hand = RaisedHand { up, at: now.ms, seen: None };
        self.hand = up.then(|| hand.clone());
        if up {
            self.hand_raised = Some(now.instant);
        }
        self.say(StreamEvent::Hand(hand));
        true
    }

    /// The hand was up in the shell before.
    pub(super) fn restore_hand(&mut self, hand: Option<RaisedHand>) {
        self.hand = hand;
    }

    /// The hand, while it is up.
    pub(super) fn raised_hand(&self) -> Option<&RaisedHand> {
        self.hand.as_ref()
    }

    /// Time at which the hand went up, in ms since 1970, while it is up.
    pub(super) fn raised_at(&self) -> Option<u64> {
        self.hand.as_ref().map(|hand| hand.at)
    }

    /// An instructor has seen the hand. The first one counts; nothing happens while it is down.
    pub(super) fn see_hand(&mut self, name: String) {
        if let Some(hand) = self.hand.as_mut().filter(|hand| hand.seen.is_none()) {
            hand.seen = Some(name);
            let seen = StreamEvent::Hand(hand.clone());
            self.say(seen);
        }
    }

    /// Adds an event, if there is a person to hear it.
    fn say(&mut self, event: StreamEvent) {
        if !self.seats.is_empty() {
            self.events.push(event);
        }
    }

    /// The events since the last call.
    pub(super) fn take_events(&mut self) -> Vec<StreamEvent> {
        std::mem::take(&mut self.events)
    }

    pub(super) fn room(&self) -> Room {
        let on_walls = self.walls.iter().map(|seat| &seat.person);
        Room {
            people: self.seats.iter().map(|seat| &seat.person).chain(on_walls).cloned().collect(),
            hand: self.hand.clone(),
            control: None,
            recording: None,
            directory: None,
        }
    }
}
