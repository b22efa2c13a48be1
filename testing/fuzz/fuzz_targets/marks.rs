//! Output with something like the shell's marks in it; the first byte says how it is cut.
#![no_main]

#[path = "../../../backend/tests/properties/marks.rs"]
#[expect(dead_code, reason = "the property tests use the rest")]
mod marks;

libfuzzer_sys::fuzz_target!(|output: &[u8]| {
    if let Some((step, output)) = output.split_first() {
        marks::holds(output, usize::from(*step));
    }
});
