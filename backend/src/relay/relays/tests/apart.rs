//! Tests of floods apart: moves of one member, with its session and its function played by the test.

use super::*;
use crate::relay::queue::FENCE;
use proptest::prelude::*;
use shared_protocol::relay::MEMBER_CREDIT;

/// A client whose session follows it from relay to relay.
struct Client {
    name: String,
    outlet: Option<Outlet>,
}

impl Client {
    /// A client that finds room in a relay.
    fn join(relays: &Relays, name: &str) -> Self {
        Self { name: name.into(), outlet: relays.join(joining(name), false).0 }
    }

    fn outlet(&self) -> &Outlet {
        self.outlet.as_ref().unwrap()
    }

    fn is_with(&self, run: &Run) -> bool {
        self.outlet.as_ref().is_some_and(|outlet| Arc::ptr_eq(outlet.relay(), &run.relay))
    }

    /// Moves, if it may.
    fn refresh(&mut self, relays: &Relays) {
        if self.outlet.as_ref().is_none_or(|outlet| outlet.look(Instant::now()).released) {
            self.outlet = None;
            self.outlet = relays.join(joining(&self.name), false).0;
        }
    }
}

fn floods(relays: &Relays) -> i64 {
    relays.metrics.relays.floods.get()
}

/// A relay with the clients `a` and `flood`, and its run.
async fn shared(relays: &Relays) -> (Client, Client, Run) {
    let (outlet, run) = carried(relays, "a").await;
    (Client { name: "a".into(), outlet: Some(outlet) }, Client::join(relays, "flood"), run)
}

/// The same, after `flood` has moved to a relay of its own.
async fn apart(relays: &Relays) -> (Client, Client, Run, Run) {
    let (a, mut flood, shared) = shared(relays).await;
    let mut own = Run::of(relays, &relays.set_apart(flood.outlet()).unwrap());
    own.ask(relays, Duration::ZERO).await;
    flood.refresh(relays);
    assert!(flood.is_with(&own));
    (a, flood, shared, own)
}

#[tokio::test(start_paused = true)]
async fn a_client_that_pours_moves_to_a_relay_that_no_other_joins() {
    let relays = relays();
    let (a, mut flood, mut shared) = shared(&relays).await;
    push(flood.outlet());
    shared.ask(&relays, Duration::ZERO).await;
    let grant = relays.set_apart(flood.outlet()).unwrap();
    assert_eq!(relays.set_apart(flood.outlet()), None, "one grant is open");
    assert!(flood.outlet().due().is_some() && !flood.outlet().look(Instant::now()).released, "until it is used");
    let mut own = Run::of(&relays, &grant);
    own.ask(&relays, Duration::ZERO).await;
    assert!(flood.outlet().due().is_none() && !flood.outlet().look(Instant::now()).released, "a post may be running");
    shared.ask(&relays, Duration::ZERO).await;
    flood.refresh(&relays);
    assert!(flood.is_with(&own) && a.is_with(&shared) && floods(&relays) == 1);
    assert!(Client::join(&relays, "b").is_with(&shared));
    push(flood.outlet());
    assert_eq!(own.ask(&relays, Duration::ZERO).await.frames.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_pours_alone_keeps_its_relay_to_itself() {
    let relays = relays();
    let (flood, run) = carried(&relays, "flood").await;
    assert_eq!((relays.set_apart(&flood), floods(&relays)), (None, 1));
    let (b, grant) = relays.join(joining("b"), true);
    assert!(grant.is_some() && !Arc::ptr_eq(b.unwrap().relay(), &run.relay));
    relays.bring_back(&flood, Instant::now());
    assert!(Client::join(&relays, "c").is_with(&run), "there is no other room");
}

#[tokio::test(start_paused = true)]
async fn from_half_of_all_relays_on_floods_share() {
    let relays = relays();
    let (_a, flood, mut run) = shared(&relays).await;
    assert!(!flood.outlet().due().unwrap().shares);
    relays.set_at_most(20);
    relays.set_elsewhere(9);
    assert_eq!((relays.set_apart(flood.outlet()), floods(&relays)), (None, 0));
    assert!(flood.outlet().due().unwrap().shares);
    relays.set_elsewhere(8);
    assert!(!flood.outlet().due().unwrap().shares);
    assert!(relays.set_apart(flood.outlet()).is_some());
    run.last(&relays).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_quiet_goes_back_to_the_others() {
    let relays = relays();
    let (_a, mut flood, mut shared, mut own) = apart(&relays).await;
    push(flood.outlet());
    own.ask(&relays, Duration::ZERO).await;
    relays.bring_back(flood.outlet(), Instant::now());
    flood.refresh(&relays);
    assert!(flood.is_with(&own), "a post may be running");
    own.ask(&relays, Duration::ZERO).await;
    flood.refresh(&relays);
    assert!(flood.is_with(&shared));
    assert_eq!(own.ask(&relays, LONG).await.next, None, "it has no member");
    advance(FENCE).await;
    shared.ask(&relays, Duration::ZERO).await;
    relays.tick(Instant::now());
    assert_eq!((floods(&relays), relays.count()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_report_delays_a_move_for_no_longer_than_the_fence() {
    let relays = relays();
    let (_a, mut flood, mut shared) = shared(&relays).await;
    push(flood.outlet());
    shared.ask(&relays, Duration::ZERO).await;
    let mut own = Run::of(&relays, &relays.set_apart(flood.outlet()).unwrap());
    own.ask(&relays, Duration::ZERO).await;
    push(flood.outlet());
    advance(FENCE - Duration::from_millis(1)).await;
    assert!(!flood.outlet().look(Instant::now()).released);
    advance(Duration::from_millis(1)).await;
    let state = flood.outlet().look(Instant::now());
    assert!(state.released && state.lost);
    flood.refresh(&relays);
    assert!(flood.is_with(&own));
    assert_eq!(shared.ask(&relays, Duration::ZERO).await.frames, [], "what waited there is dropped");
}

#[tokio::test(start_paused = true)]
async fn the_successor_of_a_flood_is_for_the_flood_while_there_may_be_one() {
    let relays = relays();
    let (a, mut flood, _shared, mut own) = apart(&relays).await;
    drop(a);
    for _ in 0..14 {
        advance(Duration::from_secs(1)).await;
        own.ask(&relays, Duration::ZERO).await;
    }
    let (_b, _young) = carried(&relays, "b").await;
    advance(Duration::from_secs(1)).await;
    own.ask(&relays, Duration::ZERO).await;
    relays.set_at_most(4);
    assert_eq!(relays.renew(flood.outlet(), Renewal::Message), None, "it fits into another");
    relays.set_at_most(20);
    let mut successor = Run::of(&relays, &relays.renew(flood.outlet(), Renewal::Message).unwrap());
    successor.ask(&relays, Duration::ZERO).await;
    own.last(&relays).await;
    flood.refresh(&relays);
    assert!(flood.is_with(&successor));
    assert!(!Client::join(&relays, "c").is_with(&successor));
}

#[tokio::test(start_paused = true)]
async fn a_relay_of_its_own_that_never_asks_is_void() {
    let relays = relays();
    let (_a, flood, mut shared) = shared(&relays).await;
    assert!(relays.set_apart(flood.outlet()).is_some());
    advance(SUCCESSOR_TTL).await;
    shared.ask(&relays, Duration::ZERO).await;
    relays.tick(Instant::now());
    assert!(flood.is_with(&shared) && floods(&relays) == 0);
    assert!(relays.set_apart(flood.outlet()).is_some());
}

/// A step of clients, functions or time.
#[derive(Debug, Clone)]
enum Step {
    /// A session has a frame for a client.
    Push(usize),
    /// A client that pours sends a message.
    Pour(usize),
    /// A client was quiet for long enough.
    Quiet(usize),
    /// A message of a client renews its relay.
    Renew(usize),
    /// A function asks, and posts at once.
    Ask(usize),
    /// A function dies.
    Die(usize),
    /// Time passes, in ms.
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..6_usize).prop_map(Step::Push),
        3 => (0..6_usize).prop_map(Step::Pour),
        2 => (0..6_usize).prop_map(Step::Quiet),
        2 => (0..6_usize).prop_map(Step::Renew),
        12 => (0..8_usize).prop_map(Step::Ask),
        1 => (0..8_usize).prop_map(Step::Die),
        4 => (1..1500_u64).prop_map(Step::Pass),
    ]
}

/// A function, and the connections of its frames that are posted and not reported, with their times.
struct Posting {
    run: Run,
    posts: Vec<(String, Instant)>,
}

async fn play(steps: Vec<Step>) {
    let relays = relays();
    let mut clients: Vec<Client> = (0..6).map(|n| Client { name: format!("c{n}"), outlet: None }).collect();
    let (mut functions, mut dead): (Vec<Posting>, Vec<Posting>) = Default::default();
    let start = |grant: Option<String>| grant.map(|grant| Posting { run: Run::of(&relays, &grant), posts: Vec::new() });
    for step in steps {
        for client in &mut clients {
            client.refresh(&relays);
            if client.outlet.is_none() {
                let (outlet, grant) = relays.join(joining(&client.name), true);
                client.outlet = outlet;
                functions.extend(start(grant));
            }
        }
        match step {
            Step::Push(n) => {
                if clients[n].outlet().due().is_some() {
                    push(clients[n].outlet());
                }
            }
            Step::Pour(n) => functions.extend(start(relays.set_apart(clients[n].outlet()))),
            Step::Quiet(n) => relays.bring_back(clients[n].outlet(), Instant::now()),
            Step::Renew(n) => functions.extend(start(relays.renew(clients[n].outlet(), Renewal::Message))),
            Step::Ask(n) if n < functions.len() => {
                let mut asking = functions.swap_remove(n);
                let answer = asking.run.ask(&relays, Duration::ZERO).await;
                asking.posts.clear();
                for frame in &answer.frames {
                    let (connection, now) = (frame.connection.to_string(), Instant::now());
                    let others = functions.iter().chain(&dead).flat_map(|function| &function.posts);
                    let mut theirs = others.filter(|(posted, at)| *posted == connection && now < *at + FENCE);
                    assert_eq!(theirs.next(), None, "two relays post to one client");
                    assert!(answer.frames.len() as u64 <= MEMBER_CREDIT * clients.len() as u64);
                    asking.posts.push((connection, now));
                }
                if answer.next.is_some() {
                    functions.push(asking);
                } else {
                    asking.run.last(&relays).await;
                }
            }
            Step::Die(n) if n < functions.len() => dead.push(functions.swap_remove(n)),
            Step::Ask(_) | Step::Die(_) => {}
            Step::Pass(ms) => {
                advance(Duration::from_millis(ms)).await;
                relays.tick(Instant::now());
            }
        }
        let table = relays.table();
        for relay in table.entries.values().map(|entry| &entry.relay) {
            let inner = relay.lock();
            assert!(inner.apart.is_none() || inner.state.len() <= 1, "a flood is alone");
        }
    }
}

proptest! {
    #[test]
    fn no_client_has_two_relays_at_a_time_however_floods_come_and_go(steps in prop::collection::vec(step(), 1..200)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(steps));
    }
}
