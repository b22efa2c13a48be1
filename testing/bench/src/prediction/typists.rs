//! The process that types: what it gets, and what it reports.

use crate::cost::cast::{Cast, Kind};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

/// Text at which the prepared shell waits. Its own echo is written in another way.
const PROMPT: &str = "ada>";

/// A recording, and the program that its keys are for.
pub(super) struct Workload {
    pub(super) name: &'static str,
    recording: &'static str,
    /// Folder below the user's, command line, and text that the program shows when it is ready.
    program: (&'static str, &'static str, &'static str),
}

pub(super) const WORKLOADS: [Workload; 4] = [
    Workload { name: "bash", recording: "typing.cast", program: ("", "", PROMPT) },
    Workload { name: "python", recording: "python.cast", program: ("", "python3 -q", ">>>") },
    Workload { name: "vim", recording: "vim.cast", program: ("lesson", "vim server.py", "import http.server") },
    Workload { name: "mixed", recording: "mixed.cast", program: ("", "", PROMPT) },
];

/// A page that types; for the other process.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Typist {
    name: String,
    url: String,
    token: String,
    session_id: String,
    mode: &'static str,
    cols: u16,
    rows: u16,
    /// Texts to type, and to wait for.
    prepare: Vec<(String, String)>,
    /// Keys and their times in ms.
    keys: Vec<(f64, String)>,
    duration_ms: f64,
    #[serde(skip)]
    pub(super) duration: Duration,
    /// Holds the folder of the user's files.
    #[serde(skip)]
    _files: Arc<TempDir>,
}

/// The report of one page.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome {
    pub(super) name: String,
    pub(super) keys: u32,
    /// Keys that were shown when they were typed.
    pub(super) shown: u32,
    /// Keys that were shown and did not appear so.
    pub(super) wrong: u32,
    /// Longest time from a wrong key to its removal.
    pub(super) longest_refutation_ms: f64,
    /// Predictions that are shown at the end.
    pub(super) left: u32,
    /// Messages and frames.
    pub(super) sent: u32,
    pub(super) received: u32,
}

impl Typist {
    /// A page at this URL, with this token and session.
    pub(super) fn new(
        name: String,
        workload: &Workload,
        mode: &'static str,
        delay: Duration,
        (url, token, session_id): (String, String, String),
    ) -> Self {
        let cast = Cast::read(&workloads().join(workload.recording));
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let keys = cast.events.iter().filter(|event| event.kind == Kind::Input);
        let files = TempDir::new().expect("a temporary folder");
        let (folder, program, ready) = workload.program;
        let home = home(files.path()).join(folder);
        let shell = (format!("cd {}; PS1=a'da> '; clear\r", home.display()), PROMPT.to_owned());
        let mut prepare = vec![(String::new(), "~".to_owned()), shell];
        if !program.is_empty() {
            prepare.push((format!("{program}\r"), ready.to_owned()));
        }
        Self {
            name,
            url,
            token,
            session_id,
            mode,
            cols: cast.size.0,
            rows: cast.size.1,
            prepare,
            keys: keys.map(|event| (ms(event.at + delay), event.data.clone())).collect(),
            duration_ms: ms(cast.duration),
            duration: cast.duration,
            _files: Arc::new(files),
        }
    }
}

/// Types all recordings at once, in real time. `begin` is called when the first key is next.
pub(super) async fn play<T>(typists: &[Typist], begin: impl FnOnce() -> T) -> (Vec<Outcome>, T) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/bench/typist.mjs");
    let mut command = Command::new("node");
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("node is installed");
    let (mut input, output) = (child.stdin.take().expect("it is piped"), child.stdout.take().expect("it is piped"));
    input.write_all(&serde_json::to_vec(typists).expect("only text and numbers")).await.expect("it reads");
    drop(input);
    let mut lines = BufReader::new(output).lines();
    let mut line = async || lines.next_line().await.expect("text").expect("the typists report");
    assert_eq!(line().await, "playing");
    let begun = begin();
    let outcomes = serde_json::from_str(&line().await).expect("a list of outcomes");
    (outcomes, begun)
}

fn workloads() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads")
}

/// Creates the files that the keys are about.
fn home(parent: &Path) -> PathBuf {
    let mut command = std::process::Command::new("python3");
    let output = command.arg(workloads().join("record.py")).arg("--home").env("TMPDIR", parent).output();
    let output = output.expect("python3 is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
