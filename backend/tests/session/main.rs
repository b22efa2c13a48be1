//! A session on a scripted terminal, with time standing still: which client gets what and when, and what waits, is dropped or
//! rejected.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod alone;
mod any_typing;
mod authority;
mod carriers;
mod clients;
mod commands;
mod control;
mod counting;
mod echoes;
mod ends;
mod floods;
mod following;
mod harness;
mod hostile;
mod life;
mod membership;
mod memory;
mod offers;
mod people;
mod recordings;
mod removal;
mod replay;
mod resume;
mod theme;
mod typing;
mod wall;

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(150))]

    #[test]
    fn keys_reach_their_own_shell_once_and_in_order(script in proptest::collection::vec(proptest::num::u8::ANY, 0..120)) {
        any_typing::holds(&script);
    }
}
