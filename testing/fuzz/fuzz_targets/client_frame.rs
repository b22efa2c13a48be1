//! Bytes of a browser, as a message.
#![no_main]

#[path = "../../../shared-protocol/tests/properties/client_frame.rs"]
mod client_frame;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let _ = client_frame::holds(body);
});
