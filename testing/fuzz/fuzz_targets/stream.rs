//! What a network does to the frames of a stream.
#![no_main]

#[path = "../../../backend/tests/properties/stream.rs"]
mod stream;

libfuzzer_sys::fuzz_target!(|script: &[u8]| {
    stream::holds(script);
});
