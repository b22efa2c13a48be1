//! The way in which API Gateway hands over the messages of one connection, which AWS does not document: what the service knows
//! of it, and what the doctor's own messages show.

use crate::diagnosis::Diagnosis;
use crate::passed_step::{PassedStep, Report};
use crate::protocol::ProtocolSession;
use shared_protocol::Dispatch;
use std::time::Duration;
use tokio::time::Instant;

const STEP: &str = "dispatch";
/// Time for the service to name the kind of dispatch.
const LEARN_TIMEOUT: Duration = Duration::from_secs(10);
/// The same once a message has waited: the service concludes it from a few runs that carry, of up to 25 s each.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(120);
/// Delay between pings.
const PING_INTERVAL: Duration = Duration::from_secs(2);
/// A slower answer waited for the earlier message's invocation. Ordinary answers take well under a second.
const MAX_CONCURRENT_ANSWER: Duration = Duration::from_secs(3);
/// Timeout of an answer that waits for the earlier message's invocation, which carries a relay for about 25 s.
const RELAY_TIMEOUT: Duration = Duration::from_secs(30);

/// Finds out how messages are handed over, and reports what that means. `None` if the service does not know, and nothing shows
/// that messages wait.
pub(crate) async fn find(
    session: &mut ProtocolSession,
    report: &mut Report<'_>,
) -> Result<Option<Dispatch>, Diagnosis> {
    let started = Instant::now();
    let mut slowest = Duration::ZERO;
    let mut limit = LEARN_TIMEOUT;
    while session.dispatch().is_none() && started.elapsed() < limit {
        if !slowest.is_zero() {
            session.run(STEP, PING_INTERVAL).await?;
        }
        slowest = slowest.max(session.ping(STEP, RELAY_TIMEOUT).await?);
        if slowest > MAX_CONCURRENT_ANSWER {
            limit = SETTLE_TIMEOUT;
        }
    }
    let dispatch = session.dispatch();
    if dispatch.is_none() && slowest > MAX_CONCURRENT_ANSWER {
        return Err(Diagnosis::SerializedMessages { seconds: slowest.as_secs() });
    }
    report(PassedStep::new(STEP, started.elapsed(), meaning(dispatch)));
    Ok(dispatch)
}

const fn meaning(dispatch: Option<Dispatch>) -> &'static str {
    match dispatch {
        Some(Dispatch::Concurrent) => "API Gateway hands over a connection's messages at once: keys never wait",
        Some(Dispatch::Serial) => {
            "API Gateway hands over a connection's messages one after the other: pages open a second connection, which costs \
             about 0.1 cents more for each hour that a page is looked at"
        }
        None => "not known yet: the service settles it while pages are used; run the doctor again",
    }
}
