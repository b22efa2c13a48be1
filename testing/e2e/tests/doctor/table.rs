//! The table of `docs/doctor.md`: each row is a misconfiguration and the doctor's words about it. Each is set up here and the
//! doctor run, so that the page cannot promise more than the doctor says.

use doctor::{Target, diagnose};
use gateway_lambda::{Clock, SystemClock};
use std::collections::BTreeMap;

const PAGE: &str = include_str!("../../../../docs/doctor.md");
/// The files that set up rows.
const TESTS: [&str; 3] = [include_str!("mistakes.rs"), include_str!("refusals.rs"), include_str!("beyond.rs")];

/// The rows of the page: what is wrong, and what the doctor says of it.
fn rows() -> BTreeMap<&'static str, &'static str> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    rows.filter_map(|(wrong, said)| Some((wrong, said.strip_prefix('“')?.strip_suffix('”')?))).collect()
}

/// A run of the doctor at this address.
pub(crate) fn target(url: impl Into<String>, token: impl Into<String>) -> Target {
    let (url, token, now) = (url.into(), token.into(), SystemClock.now_seconds());
    Target { url, http_url: None, origin: None, token, now, nonce: 7 }
}

/// Runs the doctor, which must say what the row of the page says.
pub(crate) async fn expect(row: &str, target: Target) {
    let expected = *rows().get(row).unwrap_or_else(|| panic!("docs/doctor.md has no row “{row}”"));
    let said = diagnose(&target, &mut |_| {}).await.unwrap_err().to_string();
    for part in expected.split(" … ") {
        assert!(said.contains(part), "{row}: the page says “{part}”, the doctor “{said}”");
    }
}

#[test]
fn each_row_of_the_page_is_set_up_once() {
    let rows = rows();
    assert!(rows.len() >= 28, "{} rows", rows.len());
    for row in rows.keys() {
        let uses: usize = TESTS.iter().map(|test| test.matches(&format!("{row:?}")).count()).sum();
        assert_eq!(uses, 1, "{row}");
    }
}
