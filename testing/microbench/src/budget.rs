//! What each part may take, in a file beside the code: `cargo run -p microbench -- budget` writes it. A change that makes a part
//! dearer shows it there, for a reader to agree.

use crate::callgrind::Cost;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

/// What a part may take more than was written down, so that another compiler, C library or processor does not matter.
pub const MARGIN: f64 = 1.3;

/// What parts took when they were last written down, by name.
pub type Budget = BTreeMap<String, Cost>;

fn path() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "budget.json"].iter().collect()
}

/// Reads the file.
pub fn read() -> io::Result<Budget> {
    Ok(serde_json::from_slice(&std::fs::read(path())?)?)
}

/// Writes the file. Returns its path.
pub fn write(budget: &Budget) -> io::Result<PathBuf> {
    let mut text = serde_json::to_string_pretty(budget)?;
    text.push('\n');
    std::fs::write(path(), text)?;
    Ok(path())
}

/// Why a part takes too much, if it does. Allocations have no margin: they are the same everywhere.
pub fn complaint(name: &str, have: Cost, may: Option<&Cost>) -> Option<String> {
    const RENEW: &str = "if that is meant: cargo run -p microbench -- budget";
    let Some(may) = may else { return Some(format!("{name}: not in the budget; {RENEW}")) };
    let instructions = (may.instructions as f64 * MARGIN) as u64;
    if have.instructions > instructions {
        return Some(format!("{name}: {} instructions, at most {instructions}; {RENEW}", have.instructions));
    }
    (have.allocations > may.allocations)
        .then(|| format!("{name}: {} allocations, at most {}; {RENEW}", have.allocations, may.allocations))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dearer_is_complained_of() {
        let may = Cost { instructions: 1000, allocations: 2 };
        let complains =
            |instructions, allocations| complaint("x", Cost { instructions, allocations }, Some(&may)).is_some();
        assert!(!complains(1300, 2) && !complains(10, 0));
        assert!(complains(1301, 2) && complains(1000, 3));
        assert!(complaint("x", may, None).is_some());
    }
}
