//! The contract of every store, as a suite of assertions that the memory store and Redis run.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a suite of assertions, called by tests only")]

use super::{
    Cas, ClassRecord, CommandPlace, CommandRecord, ConnectionRecord, Creator, DispatchRecord, EventRecord, Instance,
    InstanceId, Keyboard, MAX_COMMANDS, MAX_EVENTS, MAX_REVOKED, Member, Pace, Priority, Revocations, ScreenRecord,
    SessionRecord, SessionState, Store, Turn, WaitingEvent,
};
use shared_protocol::server::{RaisedHand, ShellCommand, Typist};
use shared_protocol::{
    ClientId, ConnectionId, Dispatch, EndReason, Epoch, GroupId, Loan, ProfileName, Role, SessionId, Takeover, Who,
};
use std::time::Duration;

/// The whole contract, on an empty store.
pub async fn keeps_all(store: &impl Store) {
    keeps_sessions(store).await;
    gives_a_session_to_one(store).await;
    keeps_screens(store).await;
    keeps_connections(store).await;
    keeps_revocations(store).await;
    keeps_classes(store).await;
    keeps_commands(store).await;
    keeps_events(store).await;
    drops_commands_first(store).await;
    gives_events_to_one_sender(store).await;
    keeps_dispatch(store).await;
    gives_a_wall_to_one(store).await;
    counts_turns(store).await;
    keeps_instances(store).await;
}

/// An event that waits.
pub fn event(number: u64, priority: Priority) -> EventRecord {
    let body = format!("{{\"number\":{number},\"name\":\"Ada ♛: \\n\"}}");
    EventRecord {
        priority,
        missing: 0,
        event: WaitingEvent { id: format!("evt_{number}"), at: 1_800_000_000_000, body },
    }
}

/// Events wait in their order, each until it is taken.
async fn keeps_events(store: &impl Store) {
    let (id, other) = (SessionId::new("events-1").unwrap(), SessionId::new("events-2").unwrap());
    assert_eq!(store.first_event(&id).await.unwrap(), None);
    assert_eq!(store.sessions_with_events().await.unwrap(), []);
    let [first, second, third] = [1, 2, 3].map(|number| event(number, Priority::Other));
    store.push_events(&id, &[first.clone(), second.clone()]).await.unwrap();
    store.push_events(&id, std::slice::from_ref(&third)).await.unwrap();
    store.push_events(&other, std::slice::from_ref(&third)).await.unwrap();
    let mut sessions = store.sessions_with_events().await.unwrap();
    sessions.sort();
    assert_eq!(sessions, [id.clone(), other.clone()]);
    store.take_event(&id, &second).await.unwrap();
    for event in [&first, &second, &third] {
        assert_eq!(store.first_event(&id).await.unwrap().as_ref(), Some(event));
        store.take_event(&id, event).await.unwrap();
    }
    assert_eq!(store.first_event(&id).await.unwrap(), None);
    assert_eq!(store.sessions_with_events().await.unwrap(), std::slice::from_ref(&other));
    store.take_event(&other, &third).await.unwrap();
    store.take_event(&other, &third).await.unwrap();
    assert_eq!(store.sessions_with_events().await.unwrap(), []);
}

/// All events of a session that wait, with the number of those missing; each is taken.
async fn take_all(store: &impl Store, id: &SessionId) -> Vec<(u64, EventRecord)> {
    let mut all = Vec::new();
    while let Some(first) = store.first_event(id).await.unwrap() {
        store.take_event(id, &first).await.unwrap();
        all.push((first.missing, first));
    }
    all
}

/// Of too many events those of commands go first, then others, and a gap keeps their place.
async fn drops_commands_first(store: &impl Store) {
    let (id, most) = (SessionId::new("full").unwrap(), MAX_EVENTS as u64);
    let priority = |number| match number {
        1 => Priority::Kept,
        2..=250 => Priority::Other,
        _ => Priority::Command,
    };
    let all: Vec<_> = (1..=most).map(|number| event(number, priority(number))).collect();
    store.push_events(&id, &all).await.unwrap();
    let last = event(most + 1, Priority::Kept);
    store.push_events(&id, std::slice::from_ref(&last)).await.unwrap();
    let left = take_all(store, &id).await;
    assert!(left.len() < MAX_EVENTS);
    let dropped = most + 1 - (left.len() as u64 - 1);
    let (missing, gap) = &left[250];
    assert_eq!((*missing, gap.priority, &gap.event), (dropped, Priority::Gap, &event(251, Priority::Command).event));
    assert_eq!(left[..250].iter().map(|(_, event)| event).collect::<Vec<_>>(), all[..250].iter().collect::<Vec<_>>());
    assert_eq!((left[251].1.clone(), left[left.len() - 1].1.clone()), (all[250 + dropped as usize].clone(), last));
    // Without commands the others go; what is kept never does, and there are not more.
    let kept: Vec<_> = (1..=most).map(|number| event(number, Priority::Kept)).collect();
    store.push_events(&id, &[event(0, Priority::Other)]).await.unwrap();
    store.push_events(&id, &kept).await.unwrap();
    let left = take_all(store, &id).await;
    assert_eq!((left.len(), left[0].0, left[0].1.priority), (MAX_EVENTS, 1, Priority::Gap));
    assert_eq!(left[1].1, kept[0]);
}

/// One instance sends the events of a session.
async fn gives_events_to_one_sender(store: &impl Store) {
    let [first, second] = ["i", "j"].map(|id| InstanceId(id.into()));
    let (id, other) = (SessionId::new("sent").unwrap(), SessionId::new("sent-2").unwrap());
    for (session, sender, is_given) in
        [(&id, &first, true), (&id, &second, false), (&id, &first, true), (&other, &second, true)]
    {
        assert_eq!(store.claim_sender(session, sender).await.unwrap(), is_given);
    }
    store.push_events(&id, &[event(1, Priority::Other)]).await.unwrap();
}

/// The last write of an API's dispatch counts, and each API has its own.
async fn keeps_dispatch(store: &impl Store) {
    let api = "a1b2c3.execute-api.eu-west-1.amazonaws.com/prod";
    assert_eq!(store.dispatch(api).await.unwrap(), None);
    for (dispatch, at) in [(Dispatch::Serial, 1_800_000_000_000), (Dispatch::Concurrent, 1_800_000_000_001)] {
        let record = DispatchRecord { dispatch, at };
        store.put_dispatch(api, &record).await.unwrap();
        assert_eq!(store.dispatch(api).await.unwrap(), Some(record));
    }
    assert_eq!(store.dispatch("a1b2c3.execute-api.eu-west-1.amazonaws.com/dev").await.unwrap(), None);
}

/// A wall stays with the first that takes it, until another one replaces that by name.
async fn gives_a_wall_to_one(store: &impl Store) {
    let client = ClientId::new("page").unwrap();
    let [first, second, third] = ["i", "j", "k"].map(|id| InstanceId(id.into()));
    let claim = async |owner: &InstanceId, instead_of| store.claim_wall(&client, owner, instead_of).await.unwrap();
    assert_eq!(claim(&first, None).await, first);
    assert_eq!(claim(&second, None).await, first);
    assert_eq!(claim(&first, None).await, first, "it is taken again");
    assert_eq!(claim(&second, Some(&third)).await, first);
    assert_eq!(claim(&second, Some(&first)).await, second);
    assert_eq!(claim(&first, None).await, second);
    let other = ClientId::new("page-2").unwrap();
    assert_eq!(store.claim_wall(&other, &first, None).await.unwrap(), first);
}

/// A sender gets so many turns, and none too soon; each sender has its own.
async fn counts_turns(store: &impl Store) {
    let minute = Duration::from_secs(60);
    let (slow, few) = (
        Pace { interval: minute, most: 2, window: minute },
        Pace { interval: Duration::ZERO, most: 3, window: minute },
    );
    let take = async |sender, pace| store.take_turn(sender, pace).await.unwrap();
    assert_eq!([take("class-7 ada", slow).await, take("class-7 ada", slow).await], [Turn::Taken, Turn::TooSoon]);
    for sender in ["class-7 eve", "class-8 ada"] {
        for expected in [Turn::Taken, Turn::Taken, Turn::Taken, Turn::TooMany, Turn::TooMany] {
            assert_eq!(take(sender, few).await, expected, "{sender}");
        }
    }
}

/// A user in a group.
pub fn creator(user: &str) -> Creator {
    Creator {
        user: user.into(),
        group: Some(GroupId::new("class-7").unwrap()),
        name: Some("Ada Lovelace ♛".into()),
        takeover: Some(Takeover::Always),
        recorded: true,
        profile: Some(ProfileName::new("python").unwrap()),
    }
}

/// A session of user `ada` in a group, without a shell.
pub fn created(id: &str) -> SessionRecord {
    SessionRecord {
        id: SessionId::new(id).unwrap(),
        creator: creator("ada"),
        state: SessionState::Created,
        owner: None,
        epoch: Epoch(0),
        created_at: 1_800_000_000_000,
    }
}

/// A session of user `ada` with a shell.
pub fn running(id: &str, owner: &str, epoch: u64) -> SessionRecord {
    let owner = Some(InstanceId(owner.into()));
    SessionRecord { state: SessionState::Running, owner, epoch: Epoch(epoch), ..created(id) }
}

/// A session of user `ada` that has ended.
pub fn ended(id: &str) -> SessionRecord {
    let state = SessionState::Ended { reason: EndReason::Idle, at: 1_800_000_100_000 };
    SessionRecord { state, epoch: Epoch(7), ..created(id) }
}

/// A viewer's connection.
pub fn connection(id: &str, session: &SessionId) -> ConnectionRecord {
    let (id, user) = (ConnectionId::new(id).unwrap(), "ada: \"x\"\n".into());
    ConnectionRecord { id, session: session.clone(), user, role: Role::Viewer, attached_at: 1_800_000_000_000 }
}

/// A command that has ended.
pub fn command(epoch: u64, number: u32, line: &str) -> CommandRecord {
    let by = vec![Typist { who: Some(Who(1)), name: "Ada ♛".into() }, Typist { who: None, name: "bot".into() }];
    let command = ShellCommand {
        number,
        line: Some(line.into()),
        hidden: false,
        directory: Some("/home/ada \u{1f642}".into()),
        by,
        began: 1_800_000_000_000,
        ended: Some(1_800_000_000_123),
        exit_code: Some(-1),
    };
    CommandRecord { epoch: Epoch(epoch), command }
}

/// An instance with an address.
pub fn instance(id: &str) -> Instance {
    let address = Some("http://10.0.0.7:3001".into());
    Instance { id: InstanceId(id.into()), address, started_at: 1_800_000_000_000, draining: false, relays: 7 }
}

async fn set(store: &impl Store, record: &SessionRecord, expected: Option<&SessionRecord>) -> Cas {
    store.compare_and_set(record, expected.map(SessionRecord::version).as_ref()).await.unwrap()
}

/// Sessions are created once, changed by compare-and-set, listed by user and found by id.
async fn keeps_sessions(store: &impl Store) {
    let one = created("one");
    assert_eq!(store.session(&one.id).await.unwrap(), None);
    assert_eq!(set(store, &one, None).await, Cas::Stored);
    let other = SessionRecord { creator: creator("eve"), ..one.clone() };
    assert_eq!(set(store, &other, None).await, Cas::Conflict(one.clone()), "the first stays");
    assert_eq!(store.sessions_of("ada").await.unwrap(), std::slice::from_ref(&one));
    let running = running("one", "here", 5);
    assert_eq!(set(store, &running, Some(&one)).await, Cas::Stored);
    assert_eq!(store.session(&one.id).await.unwrap(), Some(running.clone()));
    assert_eq!(set(store, &running, Some(&running)).await, Cas::Stored, "said again");
    set(store, &created("two"), None).await;
    assert_eq!(store.sessions_of("ada").await.unwrap().len(), 2);
    assert_eq!(set(store, &ended("one"), Some(&running)).await, Cas::Stored);
    assert_eq!(store.session(&one.id).await.unwrap(), Some(ended("one")));
    let open = store.sessions_of("ada").await.unwrap();
    assert_eq!(open.iter().filter(|record| !record.has_ended()).count(), 1);
    assert_eq!(store.sessions_of("eve").await.unwrap(), []);
    // A session with an old id may belong to another user.
    let made_anew = SessionRecord { creator: creator("eve"), epoch: Epoch(7), ..created("one") };
    assert_eq!(set(store, &made_anew, Some(&ended("one"))).await, Cas::Stored);
    assert_eq!(store.sessions_of("eve").await.unwrap(), std::slice::from_ref(&made_anew));
    assert_eq!(store.sessions_of("ada").await.unwrap(), [created("two")]);
    // And to another group.
    let class = GroupId::new("class-7").unwrap();
    assert_eq!(store.sessions_in(&class).await.unwrap().len(), 2);
    let ended = SessionRecord { creator: creator("eve"), ..ended("one") };
    assert_eq!(set(store, &ended, Some(&made_anew)).await, Cas::Stored);
    let elsewhere = Creator { group: Some(GroupId::new("class-8").unwrap()), ..creator("eve") };
    let moved = SessionRecord { creator: elsewhere, ..made_anew };
    assert_eq!(set(store, &moved, Some(&ended)).await, Cas::Stored);
    assert_eq!(store.sessions_in(&class).await.unwrap(), [created("two")]);
    assert_eq!(store.sessions_in(&GroupId::new("class-8").unwrap()).await.unwrap(), [moved]);
    assert_eq!(store.sessions_in(&GroupId::new("class").unwrap()).await.unwrap(), []);
}

/// One of several concurrent owners wins; a lost record can be written again.
async fn gives_a_session_to_one(store: &impl Store) {
    let before = created("wanted");
    set(store, &before, None).await;
    let (mine, theirs) = (running("wanted", "mine", 5), running("wanted", "theirs", 6));
    assert_eq!(set(store, &mine, Some(&before)).await, Cas::Stored);
    assert_eq!(set(store, &theirs, Some(&before)).await, Cas::Conflict(mine.clone()));
    assert_eq!(set(store, &theirs, Some(&mine)).await, Cas::Stored, "taken over knowingly");
    assert_eq!(set(store, &mine, Some(&mine)).await, Cas::Conflict(theirs.clone()), "too late");
    let over = SessionRecord { id: before.id.clone(), ..ended("wanted") };
    assert_eq!(set(store, &over, Some(&mine)).await, Cas::Conflict(theirs), "not its session any more");
    let lost = running("lost", "mine", 5);
    assert_eq!(set(store, &lost, Some(&lost)).await, Cas::Stored);
}

/// The last screen of a session is kept byte by byte.
pub async fn keeps_screens(store: &impl Store) {
    let id = SessionId::new("shown").unwrap();
    assert_eq!(store.screen(&id).await.unwrap(), None);
    let data = (0..=255).collect();
    let first = ScreenRecord { epoch: Epoch(5), cols: 80, rows: 24, data, at: 1_800_000_000_000 };
    store.put_screen(&id, &first).await.unwrap();
    assert_eq!(store.screen(&id).await.unwrap(), Some(first.clone()));
    let second = ScreenRecord { cols: 100, data: Vec::new(), ..first.clone() };
    store.put_screen(&id, &second).await.unwrap();
    assert_eq!(store.screen(&id).await.unwrap(), Some(second));
    let other = SessionId::new("still-shown").unwrap();
    store.put_screen(&other, &first).await.unwrap();
    for _ in 0..2 {
        store.delete_screen(&id).await.unwrap();
        assert_eq!(store.screen(&id).await.unwrap(), None);
    }
    assert_eq!(store.screen(&other).await.unwrap(), Some(first));
}

/// Connections are listed until they disconnect, and a disconnect is remembered.
pub async fn keeps_connections(store: &impl Store) {
    let session = SessionId::new("spoken-in").unwrap();
    let (gone, other) = (connection("gone=", &session), connection("other=", &session));
    assert_eq!(store.connections_of(&session).await.unwrap(), []);
    store.put_connection(&gone).await.unwrap();
    store.put_connection(&gone).await.unwrap();
    store.put_connection(&other).await.unwrap();
    assert_eq!(store.connections_of(&session).await.unwrap().len(), 2);
    assert!(!store.is_disconnected(&gone.id).await.unwrap());
    store.mark_disconnected(&gone.id).await.unwrap();
    assert!(store.is_disconnected(&gone.id).await.unwrap());
    assert!(!store.is_disconnected(&other.id).await.unwrap());
    assert_eq!(store.connections_of(&session).await.unwrap(), [other]);
}

/// The list of a session is replaced as a whole, and each session has its own.
pub async fn keeps_revocations(store: &impl Store) {
    let (one, other) = (SessionId::new("left").unwrap(), SessionId::new("also-left").unwrap());
    let now = 1_800_000_000;
    let list = |count: usize| -> Revocations {
        let members = (0..count).map(|n| Member::of("ada", Role::Viewer, Some(&format!("jti {n}"))));
        members.zip(now + 1..).collect()
    };
    assert_eq!(store.revoked(&one).await.unwrap(), Revocations::default());
    for count in [1, MAX_REVOKED, 2] {
        store.put_revoked(&one, &list(count), now).await.unwrap();
        assert_eq!(store.revoked(&one).await.unwrap(), list(count));
    }
    store.put_revoked(&other, &list(1), now).await.unwrap();
    store.put_revoked(&one, &list(0), now).await.unwrap();
    assert_eq!(store.revoked(&one).await.unwrap(), list(0));
    store.put_revoked(&one, &list(0), now).await.unwrap();
    store.put_revoked(&other, &list(3), now - 3600).await.unwrap();
    assert_eq!(store.revoked(&other).await.unwrap(), list(3));
}

/// A read returns the right to type and the hand as last written, and each session has its own.
pub async fn keeps_classes(store: &impl Store) {
    let (one, other) = (SessionId::new("in-class").unwrap(), SessionId::new("elsewhere").unwrap());
    assert_eq!(store.class(&one).await.unwrap(), None);
    let borrower = Member::of("grace", Role::Instructor, Some("jti"));
    let raised = RaisedHand { up: true, at: 1_800_000_000_000, seen: Some("Grace \u{1f642}".into()) };
    let unseen = RaisedHand { seen: None, ..raised.clone() };
    for (keyboard, hand) in [
        (Keyboard::Lent { borrower: borrower.clone(), for_now: true }, Some(raised)),
        (Keyboard::Lent { borrower, for_now: false }, Some(unseen)),
        (Keyboard::Only, None),
        (Keyboard::Free, None),
    ] {
        let class = ClassRecord { created_at: 5, keyboard, loan: Loan(7), hand };
        store.put_class(&one, &class).await.unwrap();
        assert_eq!(store.class(&one).await.unwrap(), Some(class));
    }
    assert_eq!(store.class(&other).await.unwrap(), None);
}

/// Commands are read in pages as they were written, once each; the latest stay, and an id that is used again has none.
pub async fn keeps_commands(store: &impl Store) {
    let (id, created_at) = (SessionId::new("typed-in").unwrap(), 1_800_000_000_000);
    let read = async |after: Option<CommandPlace>, limit| store.commands(&id, created_at, after, limit).await.unwrap();
    assert_eq!(read(None, 10).await, []);
    let mut hidden = command(5, 3, "");
    hidden.command = ShellCommand { line: None, hidden: true, by: Vec::new(), exit_code: None, ..hidden.command };
    let all = [command(5, 1, "ls\n\"\\\t♛"), command(5, 2, "make"), hidden, command(6, 1, "another shell")];
    store.put_commands(&id, created_at, &all[..2]).await.unwrap();
    for _ in 0..2 {
        // The answer to a write may be lost.
        store.put_commands(&id, created_at, &all[1..]).await.unwrap();
    }
    assert_eq!(read(None, 10).await, all);
    assert_eq!(read(None, 2).await, all[..2]);
    assert_eq!(read(Some(all[1].place()), 1).await, all[2..3]);
    assert_eq!(read(Some(all[2].place()), 10).await, all[3..]);
    assert_eq!(read(Some(all[3].place()), 10).await, []);
    assert_eq!(store.commands(&id, created_at + 1, None, 10).await.unwrap(), [], "another session");
    let more: Vec<_> = (2..).take(MAX_COMMANDS - 1).map(|number| command(6, number, "ls")).collect();
    store.put_commands(&id, created_at, &more).await.unwrap();
    assert_eq!(read(None, 2).await, [all[3].clone(), more[0].clone()], "the oldest are gone");
    assert_eq!(read(None, 2 * MAX_COMMANDS).await.len(), MAX_COMMANDS);
}

/// Instances are alive after a heartbeat, until they deregister.
pub async fn keeps_instances(store: &impl Store) {
    let (one, two) = (instance("one"), Instance { address: None, draining: true, ..instance("two") });
    assert_eq!(store.instance(&one.id).await.unwrap(), None);
    assert!(!store.heartbeat(&one).await.unwrap());
    assert!(!store.heartbeat(&two).await.unwrap());
    assert!(store.heartbeat(&one).await.unwrap(), "known already");
    assert_eq!(store.instance(&one.id).await.unwrap(), Some(one.clone()));
    assert_eq!(store.instances().await.unwrap().len(), 2);
    store.deregister(&one.id).await.unwrap();
    assert_eq!(store.instance(&one.id).await.unwrap(), None);
    assert_eq!(store.instances().await.unwrap(), [two]);
}
