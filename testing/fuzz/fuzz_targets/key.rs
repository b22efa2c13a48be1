//! A text that is configured as a key: PEM, or a key set.
#![no_main]

#[path = "../../../crates/auth-tokens/tests/properties/any_key.rs"]
mod any_key;

libfuzzer_sys::fuzz_target!(|text: &str| {
    any_key::holds(text);
});
