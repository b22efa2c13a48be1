//! The minute in which a borrower may come back after the loss of a shell.

use super::*;
use crate::session::caller::{Caller, caller};
use shared_protocol::ClientId;

fn ina() -> Caller {
    Caller { role: Role::Instructor, ..caller("ina", "c") }
}

fn at(instant: Instant) -> Now {
    Now { instant, ms: 7, steady_ms: 7 }
}

/// The control of a shell that follows one in which ina had the keyboard, from now on.
fn restored(people: &People) -> Control {
    let mut control = Control::new(people.creator());
    let borrower = Member::of("ina", Role::Instructor, None);
    control.restore(Keyboard::Lent { borrower, for_now: false }, Loan(3), Instant::now());
    control
}

fn people() -> People {
    People::new(Creator { user: "ada".into(), ..Creator::default() })
}

/// The loan that ina has who comes back this long after the new shell began. `settled` is true if a turn ends before.
fn loan_after(time: Duration, settled: bool) -> Option<Loan> {
    let mut people = people();
    let (mut control, later) = (restored(&people), Instant::now() + time);
    assert_eq!(control.deadline(), Some(Instant::now() + AWAY_TIMEOUT));
    if settled {
        control.settle(&people, at(later));
    }
    let client = ClientId::new("page").unwrap();
    let who = people.arrived(&client, &ina(), 7);
    let bearer = people.bearer(&client).unwrap().clone();
    control.arrived(&bearer, who, later);
    control.settle(&people, at(later));
    control.loan()
}

#[tokio::test(start_paused = true)]
async fn a_borrower_has_a_minute_to_come_back_to_the_next_shell() {
    for settled in [true, false] {
        let just_before = AWAY_TIMEOUT - Duration::from_millis(1);
        assert_eq!(loan_after(just_before, settled), Some(Loan(3)), "settled: {settled}");
        assert_eq!(loan_after(AWAY_TIMEOUT, settled), None, "settled: {settled}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_keyboard_waits_for_the_borrower_and_for_no_other() {
    let mut people = people();
    let mut control = restored(&people);
    let client = ClientId::new("page").unwrap();
    let who = people.arrived(&client, &Caller { role: Role::Instructor, ..caller("ida", "c") }, 7);
    let bearer = people.bearer(&client).unwrap().clone();
    control.arrived(&bearer, who, Instant::now());
    let asked = |control: &mut Control, now| control.ask(who, &bearer, true, now).map_err(|error| error.code);
    assert_eq!((control.loan(), asked(&mut control, at(Instant::now()))), (None, Err(ErrorCode::Busy)));
    assert!(matches!(control.kept(), (Keyboard::Lent { .. }, Loan(3))), "a second loss keeps it too");
    let later = at(Instant::now() + AWAY_TIMEOUT);
    control.settle(&people, later);
    assert_eq!((control.kept(), asked(&mut control, later)), ((Keyboard::Free, Loan(3)), Ok(())));
}

#[tokio::test(start_paused = true)]
async fn loans_have_the_rate_of_letting_others_type() {
    let mut people = people();
    let (mut control, now) = (Control::new(people.creator()), at(Instant::now()));
    for number in 0..=OPEN_BURST {
        let client = ClientId::new(&*format!("page-{number}")).unwrap();
        let who = people.arrived(&client, &caller(&format!("guest-{number}"), "c"), 7);
        let bearer = people.bearer(&client).unwrap().clone();
        control.ask(who, &bearer, false, now).unwrap();
        let allowed = control.allow(who, LoanDuration::Now, now).map_err(|error| error.code);
        let expected = if number < OPEN_BURST { Ok(()) } else { Err(ErrorCode::RateLimited) };
        assert_eq!(allowed, expected, "{number}");
        control.take_back();
    }
}
