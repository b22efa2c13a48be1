//! The wall clock jumps: the end of a token's life was decided when the token arrived. No connection and no wall ends early, and
//! none lives on.

use crate::support::relay::Carrier;
use crate::support::{ATTACH, PING, Service, Terminal, gateway_claims, now, read, user, user_token, within};
use crate::wall::{Page, class, instructor, service, start, wall};
use auth_tokens::LEEWAY_SECONDS;
use serde_json::{Value, json};
use shared_protocol::gateway::MESSAGE_PATH;
use shared_protocol::{ErrorCode, GatewayClaims, Role, ServerMessage, UserClaims};

/// Two hours ahead and back, in seconds.
const JUMPS: [i64; 2] = [7200, -7200];

/// Seconds after which a brief token is over.
const BRIEF: u64 = 3;

/// A token that a clock with this jump gives that many seconds.
fn lasting(claims: UserClaims, jumped: i64, seconds: u64) -> UserClaims {
    let at = now().saturating_add_signed(jumped);
    UserClaims { iat: Some(at), exp: at + seconds - LEEWAY_SECONDS, ..claims }
}

async fn open(service: &Service, jumped: i64, seconds: u64) -> Terminal {
    let claims = lasting(user("ada", Some("s")), jumped, seconds);
    let mut terminal = Terminal::open(&service.terminal_url("s", &user_token(&claims))).await;
    terminal.away = true;
    terminal
}

async fn answers(terminal: &mut Terminal) {
    terminal.replies.clear();
    terminal.send(PING).await;
    terminal.reply(|reply| matches!(reply, ServerMessage::Pong(_))).await;
}

async fn expires(mut terminal: Terminal) {
    let expired = |reply: &ServerMessage| matches!(reply, ServerMessage::Error(e) if e.code == ErrorCode::TokenExpired);
    terminal.reply(expired).await;
    assert_eq!(terminal.close_code().await, 4001);
}

#[tokio::test]
async fn a_jump_neither_ends_nor_prolongs_a_terminal_socket() {
    for seconds in JUMPS {
        let service = Service::scripted().await;
        let (mut before, mut idle, mut brief) =
            (open(&service, 0, 600).await, open(&service, 0, 600).await, open(&service, 0, BRIEF).await);
        before.attach("before").await;
        brief.send(ATTACH).await;
        service.clock.jump(seconds);
        let (mut after, mut idle_after) = (open(&service, seconds, 600).await, open(&service, seconds, 600).await);
        after.attach("after").await;
        let brief_after = open(&service, seconds, BRIEF).await;
        for terminal in [&mut before, &mut idle, &mut after, &mut idle_after] {
            answers(terminal).await;
        }
        expires(brief).await;
        expires(brief_after).await;
        for terminal in [&mut before, &mut idle, &mut after, &mut idle_after] {
            answers(terminal).await;
        }
        idle.attach("idle").await;
        service.stop().await;
    }
}

#[tokio::test]
async fn a_jump_neither_ends_nor_prolongs_a_wall() {
    for seconds in JUMPS {
        let (service, shells) = service().await;
        let ada = start(&service, &shells, "ada", "class-7", "first").await;
        let mut page = Page::open(&service, &lasting(instructor("class-7"), 0, 600)).await;
        let mut brief = Page::open(&service, &lasting(instructor("class-7"), 0, BRIEF)).await;
        for (page, client) in [(&mut page, "wall"), (&mut brief, "brief")] {
            page.send(json!({"type": "wall", "client": client})).await;
        }
        page.until("the first screen", |page| page.line("ada", 0) == "first").await;
        service.clock.jump(seconds);
        ada.script.print("\r\nsecond");
        page.until("the next line", |page| page.line("ada", 1) == "second").await;
        assert_eq!(brief.close_code().await, 4001);
        ada.script.print("\r\nthird");
        page.until("one more line", |page| page.line("ada", 2) == "third").await;
        service.stop().await;
    }
}

/// The token of each message through the gateway is dated by its user's end: the first message of the connection decides.
#[tokio::test]
async fn a_jump_neither_ends_a_wall_that_a_relay_carries_nor_its_frames() {
    for seconds in JUMPS {
        let (service, shells) = service().await;
        let ada = start(&service, &shells, "ada", "class-7", "first").await;
        let say = async |body: &str, jumped: i64| {
            let claims = gateway_claims(MESSAGE_PATH, body.as_bytes(), "w=", None);
            let (iat, exp) = (claims.iat.saturating_add_signed(jumped), claims.exp.saturating_add_signed(jumped));
            let claims = GatewayClaims { iat, exp, role: Role::Instructor, class: class("class-7", None), ..claims };
            service.post(&claims, body).await
        };
        let granted = say(&wall().to_string(), 0).await;
        let mut relay = Carrier::granted(&granted, "w=").unwrap();
        service.clock.jump(seconds);
        relay.jumped = seconds;
        let mut shows = async |text: &str| {
            let mut is_shown = false;
            while !is_shown {
                for frame in within(text, relay.frames(&service, 2000)).await {
                    let frame: Value = serde_json::from_slice(&frame.frame).unwrap();
                    is_shown |= frame.to_string().contains(text);
                    let ack = json!({"type": "wall_ack", "client": "wall", "v": frame["v"]});
                    let (status, refused) = read(say(&ack.to_string(), seconds).await).await;
                    assert_eq!(status, 204, "{refused}");
                }
            }
        };
        within("the first screen", shows("first")).await;
        for line in ["second", "third", "fourth"] {
            ada.script.print(format!("\r\n{line}"));
            within(line, shows(line)).await;
        }
        service.stop().await;
    }
}
