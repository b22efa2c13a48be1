//! What `termgate doctor` does: goes the way of a page, step by step, from the address to a command in a shell, measures each step,
//! and says in a sentence what is wrong and what to do about it.
//!
//! Apart from the service, which only offers it on its command line: it knows nothing but the protocol, as any client does.

mod address;
mod command;
mod complaint;
mod line;
mod reach;
mod steps;
mod talk;
mod token;

pub use command::main;
pub use complaint::Complaint;

use std::fmt;
use std::time::Duration;

/// What is examined, and as whom.
#[derive(Clone)]
pub struct Question {
    /// `NEXT_PUBLIC_WS_URL` of the page.
    pub url: String,
    /// A user's token, which names a session that nobody else uses.
    pub token: String,
    /// Now, in seconds since 1970.
    pub now: u64,
    /// Anything that is not the same twice: it names the doctor's page load.
    pub nonce: u64,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("url", &self.url).field("token", &"<redacted>").finish_non_exhaustive()
    }
}

/// A step that went well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The step.
    pub step: &'static str,
    /// How long it took.
    pub took: Duration,
    /// What it showed.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, took, what } = self;
        write!(f, "{step:<11}{:>8.1} ms  {what}", took.as_secs_f64() * 1000.0)
    }
}

/// Examines, and tells of each step as it is done. Ends with the first thing that is wrong.
pub async fn examine(question: &Question, tell: &mut (dyn FnMut(Finding) + Send)) -> Result<(), Complaint> {
    steps::all(question, tell).await
}
