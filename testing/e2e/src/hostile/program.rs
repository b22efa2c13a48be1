//! The program that the typists type into: records its input exactly, and prints a known stream. A shell script in raw mode, so
//! that nothing changes the input.

use crate::rng::SeededRng;
use std::path::PathBuf;
use tempfile::TempDir;

/// Printed first, once the terminal is in raw mode.
const START: &[u8] = b"<the program starts>";

/// Printed last, at the top left of the screen.
const END: &[u8] = b"<the end>";

/// Length of the output in which [`END`] is, whether it was printed or is on a restored screen.
const TAIL_BYTES: usize = 64 * 1024;

/// Prints the file `printed` in random chunks with pauses, and records the terminal's input. `head -c` on a file does not read
/// ahead.
const SCRIPT: &str = r#"
cd "$(dirname "$0")" || exit 1
stty raw -echo
{
    printf '<the program starts>'
    exec 3< printed
    size=$(stat -c %s printed)
    for ((at = 0; at < size; at += count)); do
        count=$((1 + RANDOM % 1500))
        head -c $count <&3
        sleep 0.05
    done
} &
exec cat > recorded
"#;

/// Approximate output rate.
const BYTES_PER_SECOND: u64 = 12_000;

/// The program's files.
pub(super) struct Program {
    folder: TempDir,
    /// The output after [`START`].
    pub(super) printed: Vec<u8>,
}

impl Program {
    /// Creates a program that prints for about this time.
    pub(super) fn new(seed: u64, seconds: u64) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let printed = known(seed, (seconds * BYTES_PER_SECOND) as usize);
        std::fs::write(folder.path().join("printed"), &printed).expect("a file");
        std::fs::write(folder.path().join("program"), SCRIPT).expect("a file");
        Self { folder, printed }
    }

    /// The command line that starts it.
    pub(super) fn command(&self) -> String {
        format!("bash {}", self.folder.path().join("program").display())
    }

    /// The input so far.
    pub(super) fn recorded(&self) -> Vec<u8> {
        std::fs::read(self.recording()).unwrap_or_default()
    }

    fn recording(&self) -> PathBuf {
        self.folder.path().join("recorded")
    }

    /// Length of the input so far.
    pub(super) fn recorded_len(&self) -> u64 {
        std::fs::metadata(self.recording()).map_or(0, |recording| recording.len())
    }

    /// True if the end of the program's output is on the screen.
    pub(super) fn has_ended(output: &[u8]) -> bool {
        let tail = &output[output.len().saturating_sub(TAIL_BYTES)..];
        tail.windows(END.len()).any(|window| window == END)
    }

    /// The program's part of a terminal's output; `None` before its start.
    pub(super) fn output_in(output: &[u8]) -> Option<&[u8]> {
        let at = output.windows(START.len()).position(|window| window == START)?;
        Some(&output[at + START.len()..])
    }
}

/// The known stream: numbered lines, which locate a difference, with colours, wide characters and cursor movement. Its end is
/// printed at the top left of the screen.
fn known(seed: u64, bytes: usize) -> Vec<u8> {
    let mut known = b"\x1b[2J\x1b[H".to_vec();
    let mut number = 0;
    while known.len() < bytes {
        let mut rng = SeededRng::new(seed, number);
        let (color, stars) = (rng.below(8), "*".repeat(rng.below(60) as usize));
        let place = match rng.below(10) {
            0 => format!("\x1b[{};{}H", 1 + rng.below(24), 1 + rng.below(80)),
            1 => "\x1b[K日本語 👋 ".to_owned(),
            2 => "\x1b[1A\x1b[7m".to_owned(),
            _ => String::new(),
        };
        known.extend(format!("{place}{number:07} \x1b[3{color}m{stars}\x1b[0m\r\n").into_bytes());
        number += 1;
    }
    known.extend(b"\x1b[H");
    known.extend(END);
    known
}
