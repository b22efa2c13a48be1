//! What `termgate doctor` does: goes the way of a page, step by step, from the address to a command in a shell, measures each step,
//! and says in a sentence what is wrong and what to do about it.
//!
//! Apart from the service, which only offers it on its command line: it knows nothing but the protocol, as any client does.

mod address;
mod command;
mod connect;
mod diagnosis;
mod frame_socket;
mod protocol;
mod steps;
mod token;

pub use command::main;
pub use diagnosis::Diagnosis;

use std::fmt;
use std::time::Duration;

/// What is examined, and as whom.
#[derive(Clone)]
pub struct Target {
    /// `NEXT_PUBLIC_WS_URL` of the page.
    pub url: String,
    /// A user's token, which names a session that nobody else uses.
    pub token: String,
    /// Now, in seconds since 1970.
    pub now: u64,
    /// Anything that is not the same twice: it names the doctor's page load.
    pub nonce: u64,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("url", &self.url).field("token", &"<redacted>").finish_non_exhaustive()
    }
}

/// A step that went well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedStep {
    /// The step.
    pub name: &'static str,
    /// How long it took.
    pub duration: Duration,
    /// What it showed.
    pub detail: String,
}

impl fmt::Display for PassedStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, duration, detail } = self;
        write!(f, "{name:<11}{:>8.1} ms  {detail}", duration.as_secs_f64() * 1000.0)
    }
}

/// Examines, and tells of each step as it is done. Ends with the first thing that is wrong.
pub async fn diagnose(target: &Target, tell: &mut (dyn FnMut(PassedStep) + Send)) -> Result<(), Diagnosis> {
    steps::all(target, tell).await
}
