//! A browser's message, and its handshake in lines, as events of the local gateway.
#![no_main]

#[path = "../../../dev-gateway/tests/properties/events.rs"]
mod events;

libfuzzer_sys::fuzz_target!(|text: &str| {
    events::message(text);
    events::handshake(text);
});
