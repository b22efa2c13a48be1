//! The steps of the diagnosis, in order, with the result that each must have.

use crate::address::Address;
use crate::connect::{Opened, connect};
use crate::diagnosis::Diagnosis;
use crate::dispatch;
use crate::frame_socket::FrameSocket;
use crate::origin;
use crate::over_http::{self, Bearer};
use crate::passed_step::{PassedStep, Report};
use crate::protocol::ProtocolSession;
use crate::token::{self, Claims};
use serde_json::json;
use shared_protocol::{ClientId, Dispatch, ServerMessage};
use std::time::Duration;
use tokio::time::Instant;

/// Timeout of the first answer: longer than the function waits for the service, so that its own report names what hangs.
const FIRST_ANSWER_TIMEOUT: Duration = Duration::from_secs(32);
/// Timeout of an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout of everything that needs a shell.
const SHELL_TIMEOUT: Duration = Duration::from_secs(20);
/// Samples of each measurement whose median is reported.
const SAMPLES: usize = 9;
/// A character that no prompt contains.
const KEY: u8 = b'{';
/// A new shell prints less, in stream positions; more means that another client uses the session.
const MAX_FRESH_OUTPUT: u64 = 4096;

/// Address to diagnose, and the user to connect as.
#[derive(Clone, derive_more::Debug)]
#[debug("Target {{ url: {url:?}, token: \"<redacted>\", .. }}")]
pub struct Target {
    /// The page's `NEXT_PUBLIC_WS_URL`.
    pub url: String,
    /// The page's `NEXT_PUBLIC_HTTP_URL`, if it has one.
    pub http_url: Option<String>,
    /// The page's origin, as the browser sends it.
    pub origin: Option<String>,
    /// A user's token that names a session no other client uses.
    pub token: String,
    /// Current time, in seconds since 1970.
    pub now: u64,
    /// A value unique to this run. Becomes part of the doctor's client id.
    pub nonce: u64,
}

/// Runs all steps, reports each that passes, and stops at the first problem.
pub async fn diagnose(target: &Target, report: &mut (dyn FnMut(PassedStep) + Send)) -> Result<(), Diagnosis> {
    let Target { url, http_url, origin, token, now, nonce } = target;
    let claims = token::read(token)?;
    let origin = origin.as_deref().map(origin::parse).transpose()?;
    let address = Address::parse(url)?.for_session(token, claims.sid.as_deref())?.with_origin(origin);
    let Opened { socket, network, server_time } = match connect(&address, token, report).await {
        Err(refused) => return Err(explain(refused, &address, token, &claims, *now).await),
        opened => opened?,
    };
    claims.check_rest(server_time.unwrap_or(*now))?;
    origin::check(&address, token, report).await?;
    let mut socket = FrameSocket(socket);
    let answer = service(&mut socket, report).await?;

    if claims.sid.is_none() && !url.contains("sessionId=") {
        return Err(unexpected("attach", "the token names no session (sid), so the remaining steps cannot run."));
    }
    if let Some(http_url) = http_url {
        over_http::check(http_url, &address, Bearer { token, claims: &claims, now: *now }, report).await?;
    }
    let id = ClientId::new(format!("doctor-{nonce:016x}")).map_err(|error| unexpected("attach", error.to_string()))?;
    let mut session = ProtocolSession::new(socket, id);
    let started = Instant::now();
    let attached = session.attached("attach", SHELL_TIMEOUT).await?;
    let detail = format!("session {} of {}", attached.session_id, claims.sub);
    report(PassedStep::new("attach", started.elapsed(), detail));
    if session.head > MAX_FRESH_OUTPUT {
        let detail = "this session is in use; use a token that names a session for the doctor only.";
        return Err(unexpected("attach", detail));
    }

    // Without a gateway in front there is none.
    let dispatch = if address.direct { None } else { dispatch::find(&mut session, report).await? };
    let is_serial = dispatch == Some(Dispatch::Serial);
    if is_serial {
        let started = Instant::now();
        session.open_carrier(carrier(&address, token).await?, ANSWER_TIMEOUT).await?;
        report(PassedStep::new("carrier", started.elapsed(), "the second connection is accepted"));
    }
    let started = Instant::now();
    let line = format!("DOCTOR={nonce}; echo $((6 * 7))");
    let output = session.command("command", "doctor-1", &line, SHELL_TIMEOUT).await?;
    expect_output("command", &output, "42")?;
    report(PassedStep::new("command", started.elapsed(), "the shell ran a command"));

    let started = Instant::now();
    let mut no_report = |_: PassedStep| {};
    let reconnect = async { Ok(FrameSocket(connect(&address, token, &mut no_report).await?.socket)) };
    let mut session = session.reconnect(reconnect).await?;
    let resumed = session.attached("resume", SHELL_TIMEOUT).await?;
    if is_serial {
        session.open_carrier(carrier(&address, token).await?, ANSWER_TIMEOUT).await?;
    }
    if resumed.epoch != attached.epoch {
        let detail =
            "this is another shell: the service restarted, or there are two instances that do not share Redis.";
        return Err(unexpected("resume", detail));
    }
    let output = session.command("resume", "doctor-2", "echo \"$DOCTOR\"", SHELL_TIMEOUT).await?;
    expect_output("resume", &output, &nonce.to_string())?;
    report(PassedStep::new("resume", started.elapsed(), "the same shell over a new connection"));

    // After the commands, because they need an empty prompt.
    let key = median(async || session.key("key", KEY, ANSWER_TIMEOUT).await).await?;
    report(PassedStep::new("key", key, format!("median of {SAMPLES}")));
    let started = Instant::now();
    session.end("end", ANSWER_TIMEOUT).await?;
    report(PassedStep::new("end", started.elapsed(), "the session has ended"));

    let gateway = answer.saturating_sub(network);
    report(PassedStep::new("network", network, "of each answer: round trip to the gateway"));
    report(PassedStep::new("gateway", gateway, "of each answer: gateway, function and service"));
    report(PassedStep::new("keystroke", key, "total from a key press to the terminal's output"));
    Ok(())
}

/// Finds the reason of a refused handshake in the token's times or in the page's origin.
async fn explain(refused: Diagnosis, address: &Address, token: &str, claims: &Claims, now: u64) -> Diagnosis {
    match refused {
        Diagnosis::Rejected { status: 401, body, server_time, .. } => match claims.check_times(now, server_time) {
            Err(mistake) => mistake,
            Ok(()) => Diagnosis::Rejected { status: 401, body, server_time, token: Some(claims.settings(server_time)) },
        },
        other => origin::explain(other, address, token).await,
    }
}

/// Sends `echo` and `ping`, which need no session. Returns the median time of an answer.
async fn service(socket: &mut FrameSocket, report: &mut Report<'_>) -> Result<Duration, Diagnosis> {
    const HINT: &str = "Either messages do not invoke the function (check for a $default route with an integration), or the \
                        function may not post back (check execute-api:ManageConnections for this API and stage, and that \
                        DOMAIN_NAME and STAGE are this API's).";
    let started = Instant::now();
    socket.send(json!({"type": "echo", "doctor": "hello"}).to_string()).await;
    let echoed = |message| match message {
        ServerMessage::Echo(echo) => Some(echo.received),
        _ => None,
    };
    let received = socket.reply("echo", FIRST_ANSWER_TIMEOUT, HINT, echoed).await?;
    if received["doctor"] != "hello" {
        return Err(unexpected("echo", "the answer is not the message that was sent."));
    }
    report(PassedStep::new("echo", started.elapsed(), "through gateway, function and service and back"));

    let ping = async || {
        let started = Instant::now();
        socket.send(json!({"type": "ping", "t": "doctor"}).to_string()).await;
        let pong = |message| matches!(message, ServerMessage::Pong(_)).then_some(());
        socket.reply("ping", ANSWER_TIMEOUT, HINT, pong).await.map(|()| started.elapsed())
    };
    let answer = median(ping).await?;
    report(PassedStep::new("ping", answer, format!("median of {SAMPLES}")));
    Ok(answer)
}

/// Opens the second connection.
async fn carrier(address: &Address, token: &str) -> Result<FrameSocket, Diagnosis> {
    let mut no_report = |_: PassedStep| {};
    Ok(FrameSocket(connect(&address.of_carrier()?, token, &mut no_report).await?.socket))
}

fn expect_output(step: &'static str, (result, exit_code): &(String, i32), line: &str) -> Result<(), Diagnosis> {
    if *exit_code == 0 && result.trim() == line {
        return Ok(());
    }
    let detail = format!("the shell should print {line:?}, but printed {result:?} and exited with {exit_code}.");
    Err(unexpected(step, detail))
}

fn unexpected(step: &'static str, detail: impl Into<String>) -> Diagnosis {
    Diagnosis::Unexpected { step, detail: detail.into() }
}

/// The median of [`SAMPLES`] measurements.
async fn median(mut measure: impl AsyncFnMut() -> Result<Duration, Diagnosis>) -> Result<Duration, Diagnosis> {
    let mut times = [Duration::ZERO; SAMPLES];
    for time in &mut times {
        *time = measure().await?;
    }
    times.sort_unstable();
    Ok(times[SAMPLES / 2])
}
