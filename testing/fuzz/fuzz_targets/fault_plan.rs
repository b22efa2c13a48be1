//! A fault plan from any text.
#![no_main]

#[path = "../../../dev-gateway/tests/properties/fault_plan.rs"]
mod fault_plan;

libfuzzer_sys::fuzz_target!(|text: &str| {
    fault_plan::holds(text);
});
