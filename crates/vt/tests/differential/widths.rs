//! The columns of every character: the service's, the page's, and those of the C library, which most programs ask.

use crate::emulator::Emulators;
use serde_json::json;
use std::path::Path;
use std::process::Command;

/// Writes both tables.
const COMMAND: &str = "python3 crates/vt/differential/widths.py";

/// The versions of glibc with the Unicode of the tables, as minor numbers.
const OF_THE_TABLES: std::ops::RangeInclusive<u32> = 41..=42;

/// Characters that glibc counts otherwise since a version after 2.35: first, last, and the width there before.
const CHANGED: [(u32, u32, u8); 8] = [
    (0x2630, 0x2637, 1),
    (0x268a, 0x268f, 1),
    (0x3164, 0x3164, 2),
    (0xffa0, 0xffa0, 1),
    (0xfff9, 0xfffb, 0),
    (0x1171e, 0x1171e, 0),
    (0x13430, 0x13438, 0),
    (0x1d300, 0x1d376, 1),
];

#[test]
fn page_and_service_count_the_same_columns() {
    let last = u32::from(char::MAX);
    let page = Emulators::start().ask("widths", json!({ "last": last }));
    let page = page.as_str().unwrap().as_bytes();
    assert_eq!(page.len(), last as usize + 1);
    for (c, page) in (0..=last).zip(page) {
        assert_eq!(vt::width(c) as u8, page - b'0', "U+{c:04X}: run `{COMMAND}`");
    }
}

#[test]
fn programs_count_the_same_columns() {
    let Some((version, library)) = c_library() else { return };
    assert_eq!(library.len(), char::MAX as usize + 1);
    // A newer one has a newer Unicode. An older one knows fewer characters.
    if version > *OF_THE_TABLES.end() {
        return;
    }
    let is_older = !OF_THE_TABLES.contains(&version);
    for (c, wanted) in (0_u32..).zip(library) {
        let before = CHANGED.iter().find(|(first, last, _)| (first..=last).contains(&&c));
        if wanted == b'?' || is_older && before.is_some_and(|(.., width)| *width == wanted - b'0') {
            continue;
        }
        assert_eq!(vt::width(c) as u8, wanted - b'0', "U+{c:04X} in glibc 2.{version}: run `{COMMAND}`");
    }
}

#[test]
fn emoji_of_the_last_years_take_two_columns() {
    for emoji in "🥲🤌🛟🫠🫨🫩🦣🧋".chars() {
        assert_eq!(vt::width(u32::from(emoji)), 2, "{emoji}");
    }
}

/// The minor version of glibc, and its width of every character, with `?` for those that it does not know. None on other systems.
fn c_library() -> Option<(u32, Vec<u8>)> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("differential/widths.py");
    if !cfg!(target_env = "gnu") {
        return None;
    }
    let output = Command::new("python3").arg(program).arg("print").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (version, widths) = text.trim_end().split_once(' ').unwrap();
    // Before 2.35, glibc has no C.UTF-8 of its own.
    let minor = version.strip_prefix("2.").and_then(|minor| minor.parse().ok()).filter(|minor| *minor >= 35)?;
    Some((minor, widths.as_bytes().to_vec()))
}
