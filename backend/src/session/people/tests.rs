//! Seats, reloads, the minute of absence, and the hand.

use super::*;
use crate::session::caller::caller;
use shared_protocol::{ClassClaims, GroupId};

fn class() -> GroupId {
    GroupId::new("class-7").unwrap()
}

fn people() -> People {
    People::new(Creator { user: "ada".into(), group: Some(class()), ..Creator::default() })
}

fn id(client: &str) -> ClientId {
    ClientId::new(client).unwrap()
}

fn named(user: &str, role: Role, name: &str) -> Caller {
    let claims = ClassClaims { grp: Some(class()), name: Some(name.into()), ..ClassClaims::default() };
    Caller { role, class: claims, ..caller(user, "c") }
}

fn now() -> Now {
    Now { instant: Instant::now(), ms: 7, steady_ms: 7 }
}

#[test]
fn each_person_has_a_part_and_a_name_that_hides_the_user() {
    let mut people = people();
    people.arrived(&id("a"), &caller("ada", "c1"), 5);
    people.arrived(&id("b"), &Caller { role: Role::Viewer, ..caller("ada", "c2") }, 6);
    people.arrived(&id("c"), &named("grace", Role::Instructor, "Grace"), 7);
    people.arrived(&id("d"), &Caller { admin: true, role: Role::Viewer, ..caller("root", "c3") }, 8);
    people.arrived(&id("e"), &caller("bob", "c4"), 9);
    let room = people.room();
    let parts: Vec<_> = room.people.iter().map(|person| (person.part, person.since)).collect();
    let (instructor, guest) = (Part::Instructor, Part::Guest);
    assert_eq!(parts, [(Part::Owner, 5), (guest, 6), (instructor, 7), (instructor, 8), (guest, 9)]);
    let names: Vec<_> = room.people.iter().map(|person| person.name.as_str()).collect();
    assert!(names[0].starts_with("Student ") && names[1].starts_with("Guest ") && names[2] == "Grace", "{names:?}");
    assert!(!names.iter().any(|name| name.contains("ada") || name.contains("root") || name.contains("bob")));
}

#[tokio::test(start_paused = true)]
async fn a_reload_is_the_same_person_and_says_nothing() {
    let mut people = people();
    let (ada, grace) = (caller("ada", "c1"), named("grace", Role::Instructor, "Grace"));
    assert_eq!(people.arrived(&id("a"), &ada, 5), Who(1));
    assert_eq!(people.arrived(&id("g1"), &grace, 6), Who(2));
    assert!(matches!(&people.take_events()[..], [StreamEvent::Joined(person)] if person.who == Who(2)));
    people.went_away(&id("g1"), Instant::now());
    assert_eq!(people.arrived(&id("g2"), &grace, 7), Who(2), "another page of the same token");
    assert_eq!(people.arrived(&id("g3"), &grace, 8), Who(3), "a second page beside the first");
    assert_eq!(people.take_events().len(), 1);
    people.went_away(&id("g2"), Instant::now());
    let other = Caller { class: ClassClaims { jti: Some("x".into()), ..grace.class.clone() }, ..grace };
    assert_eq!(people.arrived(&id("g4"), &other, 9), Who(4), "another token is another person");
}

#[tokio::test(start_paused = true)]
async fn a_minute_passes_before_someone_has_left() {
    let mut people = people();
    let (ada, vic) = (caller("ada", "c1"), Caller { role: Role::Viewer, ..caller("vic", "c2") });
    people.arrived(&id("a"), &ada, 5);
    people.arrived(&id("v"), &vic, 5);
    people.take_events();
    let start = Instant::now();
    people.went_away(&id("v"), start);
    people.went_away(&id("v"), start + AWAY_TIMEOUT / 2);
    assert_eq!(people.deadline(), Some(start + AWAY_TIMEOUT));
    people.expire(start + AWAY_TIMEOUT - Duration::from_millis(1));
    people.arrived(&id("v"), &vic, 6);
    assert_eq!((people.deadline(), people.take_events()), (None, Vec::new()), "back in time");
    people.went_away(&id("v"), start);
    people.expire(start + AWAY_TIMEOUT);
    assert_eq!(people.take_events(), [StreamEvent::Left { who: Who(2) }]);
    assert_eq!(people.arrived(&id("v"), &vic, 7), Who(3), "a number is never used again");
    let vics = people.bearer(&id("v")).unwrap().member();
    people.removed(&BTreeMap::from([(vics, 0)]));
    assert_eq!(people.take_events().last(), Some(&StreamEvent::Left { who: Who(3) }), "at once");
}

#[tokio::test(start_paused = true)]
async fn an_instructor_with_walls_is_one_person_who_makes_room_once_away() {
    let mut people = people();
    people.arrived(&id("a"), &caller("ada", "c1"), 5);
    let watcher = |n: usize| Arc::new(Watcher { user: format!("user{n}"), name: "Grace".into() });
    let eight: Vec<_> = (0..WALL_PEOPLE).map(watcher).collect();
    people.watched(&eight, now());
    people.watched(&[&eight[..], &eight].concat(), now());
    let joined = people.take_events();
    assert_eq!(joined.len(), WALL_PEOPLE, "each once");
    let is_on_wall = |person: &Person| person.via == Some(Via::Wall) && person.part == Part::Instructor;
    assert!(joined.iter().all(|event| matches!(event, StreamEvent::Joined(person) if is_on_wall(person))));
    people.watched(&[&eight[..], &[watcher(99)]].concat(), now());
    assert_eq!(people.take_events(), [], "there is no room");
    people.watched(&eight[1..], now());
    assert_eq!((people.take_events(), people.deadline()), (vec![], Some(Instant::now() + AWAY_TIMEOUT)));
    people.watched(&[&eight[1..], &[watcher(99)]].concat(), now());
    let (left, joined) = (Who(2), Who(WALL_PEOPLE as u64 + 2));
    let events = people.take_events();
    assert_eq!(events.first(), Some(&StreamEvent::Left { who: left }));
    assert!(matches!(&events[1..], [StreamEvent::Joined(person)] if person.who == joined), "{events:?}");
    people.watched(&[], now());
    people.expire(Instant::now() + AWAY_TIMEOUT);
    assert_eq!((people.take_events().len(), people.room().people.len()), (WALL_PEOPLE, 1));
}

#[test]
fn nothing_is_said_to_a_person_who_is_alone() {
    let mut people = people();
    people.arrived(&id("a"), &caller("ada", "c1"), 5);
    assert_eq!(people.take_events(), []);
    people.went_away(&id("a"), Instant::now());
    people.expire(Instant::now() + AWAY_TIMEOUT);
    assert_eq!((people.take_events(), people.room()), (Vec::new(), Room::default()));
}

#[test]
fn the_list_is_bounded_and_fits_into_a_frame() {
    let mut people = people();
    // The longest name, of the longest characters.
    let name = "\u{1f600}".repeat(64);
    for n in 0..PEOPLE * 2 {
        let client = id(&format!("page{n}"));
        people.arrived(&client, &named(&format!("user{n}"), Role::Viewer, &name), u64::MAX);
        people.went_away(&client, Instant::now());
    }
    let latest = people.room().people.last().map(|person| person.who);
    assert_eq!(latest, Some(Who(2 * PEOPLE as u64)), "the latest stay");
    let watcher = |n| Arc::new(Watcher { user: format!("user{n}"), name: name.clone() });
    let audience: Vec<_> = (0..2 * WALL_PEOPLE).map(watcher).collect();
    people.watched(&audience, Now { ms: u64::MAX, ..now() });
    let room = people.room();
    assert_eq!(room.people.len(), PEOPLE + WALL_PEOPLE);
    let length = serde_json::to_string(&room).unwrap().len();
    assert!(length < shared_protocol::limits::FRAME_BYTES - 2048, "{length}");
}

#[tokio::test(start_paused = true)]
async fn a_hand_moves_once_in_two_seconds_and_is_seen_once() {
    let mut people = people();
    people.arrived(&id("a"), &caller("ada", "c1"), 5);
    let hand = |up, seen: Option<&str>| StreamEvent::Hand(RaisedHand { up, at: 7, seen: seen.map(Into::into) });
    people.see_hand("Grace".into());
    assert!(people.raise_hand(true, now()) && people.raise_hand(true, now()), "a repeat changes nothing");
    assert_eq!(people.take_events(), [hand(true, None)]);
    for name in ["Grace", "Ivo"] {
        people.see_hand(name.into());
    }
    assert_eq!(people.take_events(), [hand(true, Some("Grace"))]);
    assert!(people.raise_hand(false, now()), "at once");
    assert_eq!((people.take_events(), people.room().hand), (vec![hand(false, None)], None));
    assert!(!people.raise_hand(true, now()), "too soon");
    tokio::time::advance(HAND_INTERVAL).await;
    assert!(people.raise_hand(true, now()));
}
