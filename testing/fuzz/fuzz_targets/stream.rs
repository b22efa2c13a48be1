//! Frames of a stream, as a network may deliver them.
#![no_main]

#[path = "../../../backend/tests/properties/stream.rs"]
mod stream;

libfuzzer_sys::fuzz_target!(|script: &[u8]| {
    stream::holds(script);
});
