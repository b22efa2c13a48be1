//! The program that is typed into: it records what it reads to the letter, while it prints what is known. A shell script in raw
//! mode, so that nothing stands between the terminal and the recording.

use super::keys::Chance;
use std::path::PathBuf;
use tempfile::TempDir;

/// Printed before everything else, once keys are read.
const START: &[u8] = b"<the program starts>";

/// Prints the file `printed` in uneven pieces, with pauses, and records the terminal's input. `head` reads no more of a file than it prints.
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

/// Bytes that it prints in a second, about.
const BYTES_PER_SECOND: u64 = 12_000;

/// The program's files.
pub(super) struct Program {
    folder: TempDir,
    /// What it prints after its start.
    pub(super) printed: Vec<u8>,
}

impl Program {
    /// One that prints for about so many seconds.
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

    /// What it has read so far.
    pub(super) fn recorded(&self) -> Vec<u8> {
        std::fs::read(self.recording()).unwrap_or_default()
    }

    fn recording(&self) -> PathBuf {
        self.folder.path().join("recorded")
    }

    /// How many bytes it has read so far.
    pub(super) fn recorded_len(&self) -> u64 {
        std::fs::metadata(self.recording()).map_or(0, |recording| recording.len())
    }

    /// What of a terminal's output came from it; `None` before its start.
    pub(super) fn seen(output: &[u8]) -> Option<&[u8]> {
        let at = output.windows(START.len()).position(|window| window == START)?;
        Some(&output[at + START.len()..])
    }
}

/// What it prints: numbered lines, so that a difference shows where it is, with colours, wide characters and a moved cursor. At
/// the end the cursor is at home, where it shows that everything was printed.
fn known(seed: u64, bytes: usize) -> Vec<u8> {
    let mut known = b"\x1b[2J\x1b[H".to_vec();
    let mut number = 0;
    while known.len() < bytes {
        let mut chance = Chance::of(seed, number);
        let (color, stars) = (chance.below(8), "*".repeat(chance.below(60) as usize));
        let place = match chance.below(10) {
            0 => format!("\x1b[{};{}H", 1 + chance.below(24), 1 + chance.below(80)),
            1 => "\x1b[K日本語 👋 ".to_owned(),
            2 => "\x1b[1A\x1b[7m".to_owned(),
            _ => String::new(),
        };
        known.extend(format!("{place}{number:07} \x1b[3{color}m{stars}\x1b[0m\r\n").into_bytes());
        number += 1;
    }
    known.extend(b"\x1b[H<the end>");
    known
}
