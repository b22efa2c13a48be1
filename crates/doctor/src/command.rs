//! `termgate doctor ADDRESS`: reads the token, prints the steps, and exits with 1 at the first problem.

use crate::steps::{Target, diagnose};
use std::ffi::OsString;
use std::io::{IsTerminal, Read, Write};
use std::process::ExitCode;
use std::time::SystemTime;

/// Variable that may hold the token instead of standard input.
const TOKEN: &str = "TERMGATE_TOKEN";
/// Bytes read of standard input; no token is as long.
const MAX_TOKEN_BYTES: u64 = 64 * 1024;

const USAGE: &str = "\
usage: termgate doctor ADDRESS [--origin ORIGIN] [--http SERVICE] < TOKEN

ADDRESS is the page's NEXT_PUBLIC_WS_URL, wss://…/prod. TOKEN is a user's JWT that names a session (sid) which no other client
uses: the doctor types into this session and ends it. TOKEN may also be in the variable TERMGATE_TOKEN, but not on the command
line, where other users of the machine can see it.

ORIGIN is the page's, as its browser sends it: https://labs.example.com. Without it the doctor cannot tell whether your page may
connect, and says so where only some pages may.

SERVICE is the page's NEXT_PUBLIC_HTTP_URL, https://…, for networks that block WebSockets: the doctor checks that way too.";

/// Runs the command. `arguments` are those after `doctor`.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            drop(writeln!(std::io::stderr(), "{problem}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: impl Iterator<Item = OsString>) -> Result<(), String> {
    let arguments: Vec<OsString> = arguments.collect();
    let (url, options) = arguments.split_first().ok_or(USAGE)?;
    let text =
        |value: &OsString| value.to_str().filter(|value| !value.starts_with('-')).map(str::to_owned).ok_or(USAGE);
    let (url, mut http_url, mut origin) = (text(url)?, None, None);
    for option in options.chunks(2) {
        match option {
            [name, value] if name == "--http" && http_url.is_none() => http_url = Some(text(value)?),
            [name, value] if name == "--origin" && origin.is_none() => origin = Some(text(value)?),
            _ => return Err(USAGE.into()),
        }
    }
    let token = token().map_err(|problem| format!("{problem}\n\n{USAGE}"))?;
    let nonce = getrandom::u64().map_err(|error| error.to_string())?;
    let target = Target { url, http_url, origin, token, now: now(), nonce };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    // A closed standard output does not stop the diagnosis.
    let print = |line: &dyn std::fmt::Display| drop(writeln!(std::io::stdout(), "{line}"));
    runtime.block_on(diagnose(&target, &mut |step| print(&step))).map_err(|diagnosis| format!("\n{diagnosis}"))?;
    print(&"\nEverything works.");
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the one place of this command that reads the environment")]
fn token() -> Result<String, String> {
    let token = match std::env::var(TOKEN) {
        Ok(token) => token,
        Err(_) => read_stdin().map_err(|error| format!("Cannot read the token: {error}."))?,
    };
    let token = token.trim();
    if token.is_empty() { Err("There is no token.".to_owned()) } else { Ok(token.to_owned()) }
}

/// Reads a redirected standard input; a terminal counts as empty.
fn read_stdin() -> std::io::Result<String> {
    let (stdin, mut text) = (std::io::stdin(), String::new());
    if !stdin.is_terminal() {
        stdin.take(MAX_TOKEN_BYTES).read_to_string(&mut text)?;
    }
    Ok(text)
}

#[expect(clippy::disallowed_methods, reason = "the one place of this command that reads the clock")]
fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
