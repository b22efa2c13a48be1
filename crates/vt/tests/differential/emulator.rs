//! The page's emulator, in a process of Node: requests and replies are lines of JSON (`crates/vt/differential/server.mjs`).

use crate::recording::Recording;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Help for a missing Node or missing packages.
const INSTALL: &str = "install Node 20.9 or newer and run `npm --prefix crates/vt/differential ci`";

/// The process, which holds terminals by name.
pub(crate) struct Emulators {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Emulators {
    pub(crate) fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("differential");
        assert!(folder.join("node_modules/@xterm/headless").exists(), "@xterm/headless is missing: {INSTALL}");
        let process =
            Command::new("node").arg(folder.join("server.mjs")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = process.unwrap_or_else(|error| panic!("node does not start ({error}): {INSTALL}"));
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { process, input, output: BufReader::new(output) }
    }

    pub(crate) fn ask(&mut self, request: &str, values: Value) -> Value {
        self.try_ask(request, values).unwrap_or_else(|error| panic!("{request}: {error}"))
    }

    /// The same, where xterm.js may throw.
    pub(crate) fn try_ask(&mut self, request: &str, mut values: Value) -> Result<Value, String> {
        values["request"] = request.into();
        writeln!(self.input, "{values}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let mut answer: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("node stopped: {INSTALL}"));
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["answer"].take()),
        }
    }

    pub(crate) fn open(&mut self, id: &str, (cols, rows): (u16, u16), scrollback: usize) {
        self.ask("open", json!({ "id": id, "cols": cols, "rows": rows, "scrollback": scrollback }));
    }

    /// Input of [`Emulators::play`].
    pub(crate) fn record(&mut self, recording: &Recording) {
        self.ask("record", json!({ "bytes": STANDARD.encode(&recording.bytes), "resizes": recording.resizes }));
    }

    /// The recording, from one byte up to another.
    pub(crate) fn play(&mut self, id: &str, from: usize, to: usize) {
        self.ask("play", json!({ "id": id, "from": from, "to": to }));
    }

    /// A snapshot of a terminal of that size.
    pub(crate) fn restore(&mut self, id: &str, (cols, rows): (u16, u16), snapshot: &[u8]) {
        self.ask("restore", json!({ "id": id, "cols": cols, "rows": rows, "bytes": STANDARD.encode(snapshot) }));
    }

    /// In what a terminal differs from another; `known` is accepted.
    pub(crate) fn differences(&mut self, found: &str, wanted: &str, only_screen: bool, known: &[&str]) -> Vec<String> {
        let only = only_screen.then_some("screen");
        let list = self.ask("compare", json!({ "found": found, "wanted": wanted, "only": only, "known": known }));
        serde_json::from_value(list).unwrap()
    }
}

impl Drop for Emulators {
    fn drop(&mut self) {
        // It ends by itself when its input does; this is for a test that failed in the middle.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
