//! Output that talks to the terminal; the first byte says how it is cut.
#![no_main]

#[path = "../../../crates/vt/tests/properties/snapshots.rs"]
#[expect(dead_code, reason = "the target for snapshots uses the rest")]
mod snapshots;
#[path = "../../../crates/vt/tests/properties/strings.rs"]
mod strings;

libfuzzer_sys::fuzz_target!(|output: &[u8]| {
    if let Some((step, output)) = output.split_first() {
        strings::holds(output, usize::from(*step));
    }
});
