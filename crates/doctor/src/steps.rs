//! The examination itself: which steps there are, in which order, and what each must show.

use crate::address::Address;
use crate::connect::{Tell, socket};
use crate::diagnosis::Diagnosis;
use crate::frame_socket::FrameSocket;
use crate::protocol::{CommandOutput, ProtocolSession};
use crate::{PassedStep, Target, token};
use serde_json::json;
use shared_protocol::{ClientId, ServerMessage};
use std::time::Duration;
use tokio::time::Instant;

/// Longest that an answer may take: a cold function and a cold service together.
const ANSWER: Duration = Duration::from_secs(10);
/// Longest until a shell is attached.
const SHELL: Duration = Duration::from_secs(20);
/// A message that takes longer, while an earlier one is still worked on, has waited for that one. An answer takes well under a second.
const AT_ONCE: Duration = Duration::from_secs(3);
/// A follower ends after this long, and whatever waited for it is taken up then.
const FOLLOWER: Duration = Duration::from_secs(30);
/// How often what is measured in milliseconds is measured.
const TIMES: usize = 9;
/// A character that no prompt shows.
const RARE: u8 = b'{';
/// More output than a shell prints by itself: somebody else uses this session.
const USED: u64 = 4096;

/// All steps.
pub(crate) async fn all(target: &Target, tell: &mut Tell<'_>) -> Result<(), Diagnosis> {
    let Target { url, token, now, nonce } = target;
    let claims = token::read(token, *now)?;
    let address = Address::parse(url)?.for_session(token, claims.sid.as_deref())?;
    let (socket, network) = socket(&address, token, tell).await?;
    let mut line = FrameSocket::new(socket);
    let answer = talk_to_the_service(&mut line, tell).await?;

    if claims.sid.is_none() && !url.contains("sessionId=") {
        let detail = "The token names no session (sid), so nothing beyond this can be examined.".to_owned();
        return Err(Diagnosis::Unexpected { step: "attach", detail });
    }
    let id = ClientId::new(format!("doctor-{nonce:016x}")).map_err(|error| odd("attach", &error.to_string()))?;
    let mut talk = ProtocolSession::new(line, id);
    let began = Instant::now();
    let attached = talk.attached("attach", SHELL).await?;
    tell(PassedStep {
        name: "attach",
        duration: began.elapsed(),
        detail: format!("session {} of {}", attached.session_id, claims.sub),
    });
    if talk.head() > USED {
        return Err(odd("attach", "this session is in use; give a token that names one of the doctor's own."));
    }

    // The invocation that attached follows now: this message must not wait for it.
    if !address.direct {
        dispatched(&mut talk, tell).await?;
    }
    command(&mut talk, *nonce, tell).await?;

    let began = Instant::now();
    let mut quiet = |_: PassedStep| {};
    let another = async { Ok(FrameSocket::new(crate::connect::socket(&address, token, &mut quiet).await?.0)) };
    let mut talk = talk.lose(another).await?;
    let resumed = talk.attached("resume", SHELL).await?;
    if resumed.epoch != attached.epoch {
        return Err(odd(
            "resume",
            "the shell is another one: did the service restart, or are there two that do not share Redis?",
        ));
    }
    let ran = talk.command("resume", "doctor-2", "echo \"$DOCTOR\"", SHELL).await?;
    expect("resume", &ran, &nonce.to_string())?;
    tell(PassedStep {
        name: "resume",
        duration: began.elapsed(),
        detail: "the same shell, over another connection".into(),
    });

    let key = keys(&mut talk, tell).await?;
    let began = Instant::now();
    talk.end("end", ANSWER).await?;
    tell(PassedStep { name: "end", duration: began.elapsed(), detail: "the session is over".into() });

    let between = answer.saturating_sub(network);
    tell(PassedStep {
        name: "network",
        duration: network,
        detail: "of each answer: from here to the gateway and back".into(),
    });
    tell(PassedStep {
        name: "gateway",
        duration: between,
        detail: "of each answer: gateway, function and service".into(),
    });
    tell(PassedStep {
        name: "keystroke",
        duration: key,
        detail: "from a key to what the terminal shows, in all".into(),
    });
    Ok(())
}

/// `echo` and `ping`; returns the usual time of an answer.
async fn talk_to_the_service(line: &mut FrameSocket, tell: &mut Tell<'_>) -> Result<Duration, Diagnosis> {
    const HINT: &str = "Either the function is not invoked for messages (is there a $default route with an integration?), or it may not \
                        post back (execute-api:ManageConnections for this API and stage; DOMAIN_NAME and STAGE are this API's).";
    let began = Instant::now();
    line.say(json!({"type": "echo", "doctor": "hello"}).to_string()).await;
    let echoed = |message| match message {
        ServerMessage::Echo(echo) => Some(echo.received),
        _ => None,
    };
    let received = line.reply("echo", ANSWER, HINT, echoed).await?;
    if received["doctor"] != "hello" {
        return Err(odd("echo", "something else came back than what was sent."));
    }
    tell(PassedStep {
        name: "echo",
        duration: began.elapsed(),
        detail: "through gateway, function and service and back".into(),
    });

    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let began = Instant::now();
        line.say(json!({"type": "ping", "t": "doctor"}).to_string()).await;
        line.reply("ping", ANSWER, HINT, |message| matches!(message, ServerMessage::Pong(_)).then_some(())).await?;
        times.push(began.elapsed());
    }
    let usual = median(times);
    tell(PassedStep { name: "ping", duration: usual, detail: format!("median of {TIMES}") });
    Ok(usual)
}

/// Whether a message is taken up while an earlier one is still worked on.
async fn dispatched(talk: &mut ProtocolSession, tell: &mut Tell<'_>) -> Result<(), Diagnosis> {
    let took = talk.ping("dispatch", FOLLOWER).await?;
    if took > AT_ONCE {
        return Err(Diagnosis::SerializedMessages { seconds: took.as_secs() });
    }
    tell(PassedStep {
        name: "dispatch",
        duration: took,
        detail: "answered while an earlier message is still worked on".into(),
    });
    Ok(())
}

/// One command, which leaves something behind in its shell.
async fn command(talk: &mut ProtocolSession, nonce: u64, tell: &mut Tell<'_>) -> Result<(), Diagnosis> {
    let began = Instant::now();
    let ran = talk.command("command", "doctor-1", &format!("DOCTOR={nonce}; echo $((6 * 7))"), SHELL).await?;
    expect("command", &ran, "42")?;
    tell(PassedStep { name: "command", duration: began.elapsed(), detail: "ran in the shell, which can count".into() });
    Ok(())
}

/// Some keys, after every command, since those need an empty prompt; returns the usual time of one.
async fn keys(talk: &mut ProtocolSession, tell: &mut Tell<'_>) -> Result<Duration, Diagnosis> {
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        times.push(talk.key("key", RARE, ANSWER).await?);
    }
    let usual = median(times);
    tell(PassedStep { name: "key", duration: usual, detail: format!("median of {TIMES}") });
    Ok(usual)
}

fn expect(step: &'static str, ran: &CommandOutput, line: &str) -> Result<(), Diagnosis> {
    if ran.exit_code == 0 && ran.result.trim() == line {
        return Ok(());
    }
    let detail =
        format!("the shell should print {line:?}, but prints {:?} and ends with {}.", ran.result, ran.exit_code);
    Err(Diagnosis::Unexpected { step, detail })
}

fn odd(step: &'static str, detail: &str) -> Diagnosis {
    Diagnosis::Unexpected { step, detail: detail.to_owned() }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
