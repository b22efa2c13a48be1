//! Input of a real session, as a client may send and a transport deliver it.
#![no_main]

#[path = "../../../backend/tests/session/any_typing.rs"]
mod any_typing;
#[path = "../../../backend/tests/session/harness.rs"]
#[expect(dead_code, reason = "the tests of a session use more of it")]
mod harness;

libfuzzer_sys::fuzz_target!(|script: &[u8]| any_typing::holds(script));
