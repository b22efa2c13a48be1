//! `termgate doctor ADDRESS`: reads the token, prints what is found, and ends with 1 at the first thing that is wrong.

use crate::{Target, diagnose};
use std::ffi::OsString;
use std::io::{IsTerminal, Read, Write};
use std::process::ExitCode;
use std::time::SystemTime;

/// Holds the token where nothing is given on standard input.
const TOKEN: &str = "TERMGATE_TOKEN";
/// No token is as long as this, in bytes.
const LONGEST_TOKEN: u64 = 64 * 1024;

const USAGE: &str = "\
usage: termgate doctor ADDRESS < TOKEN

ADDRESS is the page's NEXT_PUBLIC_WS_URL, wss://…/prod. TOKEN is a user's JWT that names a session (sid) which nobody else uses: the
doctor types into it and ends it. It may also be in the variable TERMGATE_TOKEN, but never on the command line, where others see it.";

/// The whole command. `arguments` come after `doctor`.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.collect();
    let [url] = arguments.as_slice() else { return fail(USAGE) };
    let Some(url) = url.to_str().filter(|url| !url.starts_with('-')) else { return fail(USAGE) };
    let token = match token() {
        Ok(token) => token,
        Err(why) => return fail(&format!("{why}\n\n{USAGE}")),
    };
    let Ok(nonce) = getrandom::u64() else { return fail("The system has no random numbers.") };
    let target = Target { url: url.to_owned(), token, now: now(), nonce };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string()),
    };
    // Whoever reads may have gone; what is found is found all the same.
    let examined = runtime.block_on(diagnose(&target, &mut |step| drop(writeln!(std::io::stdout(), "{step}"))));
    match examined {
        Ok(()) => {
            drop(writeln!(std::io::stdout(), "\nEverything works."));
            ExitCode::SUCCESS
        }
        Err(diagnosis) => fail(&format!("\n{diagnosis}")),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place of this command that reads the environment")]
fn token() -> Result<String, String> {
    if let Ok(token) = std::env::var(TOKEN) {
        return Ok(token.trim().to_owned());
    }
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Err("There is no token.".to_owned());
    }
    let mut token = String::new();
    stdin
        .take(LONGEST_TOKEN)
        .read_to_string(&mut token)
        .map_err(|error| format!("The token cannot be read: {error}."))?;
    if token.trim().is_empty() { Err("There is no token.".to_owned()) } else { Ok(token.trim().to_owned()) }
}

#[expect(clippy::disallowed_methods, reason = "the one place of this command that reads the clock")]
fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn fail(why: &str) -> ExitCode {
    drop(writeln!(std::io::stderr(), "{why}"));
    ExitCode::FAILURE
}
