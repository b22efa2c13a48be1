//! Output and new sizes (0xff, columns, rows), and whether a snapshot restores what they make.
#![no_main]

#[path = "../../../crates/vt/tests/properties/snapshots.rs"]
mod snapshots;

use snapshots::{FULL, Step};
use vt::Scope;

libfuzzer_sys::fuzz_target!(|script: &[u8]| {
    let mut parts = script.split(|byte| *byte == 0xff);
    let mut steps = vec![Step::Feed(parts.next().unwrap_or_default().to_vec())];
    for part in parts {
        if let [cols, rows, output @ ..] = part {
            steps.push(Step::Resize((cols % 40).into(), (rows % 12).into()));
            steps.push(Step::Feed(output.to_vec()));
        }
    }
    let (screen, _) = snapshots::run((20, 5), &steps);
    snapshots::is_sound(&screen);
    snapshots::is_restored(&screen, FULL);
    snapshots::is_restored(&screen, Scope::Screen);
});
