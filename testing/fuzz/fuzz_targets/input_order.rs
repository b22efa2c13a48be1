//! Numbered messages, as a transport may deliver them.
#![no_main]

#[path = "../../../backend/tests/properties/input_order.rs"]
mod input_order;

libfuzzer_sys::fuzz_target!(|script: &[u8]| input_order::holds(script));
