//! Cost of a recording: the same flood, keys and memory without one, with one, and with one that has what is typed.

use crate::client::Client;
use crate::report::{Report, Row, Table};
use crate::resources;
use crate::subjects::{VARIABLES, direct, in_process, next_number, set_prompt};
use crate::{echo, flood};
use e2e::Stack;
use tempfile::TempDir;

/// The subjects: name, `RECORDINGS` and `RECORD_INPUT`. The first is the reference.
const SUBJECTS: [(&str, &str, &str); 3] =
    [("not recorded", "none", "false"), ("recorded", "all", "false"), ("recorded with keys", "all", "true")];

/// Name of the column of ratios to what is not recorded.
const RATIO: &str = "× not recorded";

/// Size of one recording and of the folder, in bytes: more than this writes, so that no recording ends early, and no more than
/// `RECORDING_MAX_BYTES` takes.
const ENOUGH_BYTES: &str = "1000000000";

/// A subject, and its folder of recordings.
struct Recorded {
    name: &'static str,
    stack: Stack,
    /// Deleted at the end.
    _folder: TempDir,
}

impl Recorded {
    async fn start((name, recordings, input): (&'static str, &'static str, &'static str)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url: &'static str = format!("file://{}", folder.path().display()).leak();
        let variables = [
            ("RECORDINGS", recordings),
            ("RECORD_INPUT", input),
            ("RECORDINGS_URL", url),
            ("RECORDING_MAX_BYTES", ENOUGH_BYTES),
            ("RECORDINGS_MAX_BYTES", ENOUGH_BYTES),
        ];
        let variables: &'static [_] = [VARIABLES, &variables].concat().leak();
        Self { name, stack: Stack::start_with(in_process(variables)).await, _folder: folder }
    }

    /// A page in a session of its own, at its prompt.
    async fn client(&self) -> (String, Client) {
        let session = format!("bench-{}", next_number());
        let terminal = direct(&self.stack, self.stack.backend.address(0), "ada", &session).await;
        (self.name.to_owned(), Client::Termgate(Box::new(terminal)))
    }
}

async fn clients(subjects: &[Recorded]) -> Vec<(String, Client)> {
    let mut clients = Vec::new();
    for subject in subjects {
        clients.push(subject.client().await);
    }
    set_prompt(&mut clients).await;
    clients
}

/// Measures all subjects, interleaved by round, and then the memory of each.
pub(crate) async fn measure(rounds: u16, report: &mut Report) {
    let mut subjects = Vec::new();
    for subject in SUBJECTS {
        subjects.push(Recorded::start(subject).await);
    }
    let flood = flood::of(clients(&subjects).await, rounds).await;
    report.add(Table { figure: "flood, recorded", ..flood.with_ratio(RATIO, "median", |_| 0) });
    let echo = echo::of(clients(&subjects).await, rounds).await;
    report.add(Table { figure: "keystroke to echo, recorded", ..echo.with_ratio(RATIO, "p50", |_| 0) });

    let columns = resources::COLUMNS.to_vec();
    let mut rows = Vec::new();
    for subject in &subjects {
        rows.push(Row::new(subject.name, columns.iter().copied().zip(resources::of(&subject.stack).await)));
    }
    report.add(Table { figure: "memory of the service per session, recorded", unit: "KiB", columns, rows });
    for subject in subjects {
        subject.stack.stop().await;
    }
}
