//! A student who forges group, name, hand, marks or escape sequences to reach the instructor's page.

use crate::support::{Service, Terminal, user, user_token};
use crate::wall::{Page, catch_up, class, instructor, service, start, wall};
use serde_json::json;
use shared_protocol::{ErrorCode, Role, ServerMessage, UserClaims};

/// Adds claims to a token's payload, and keeps its signature.
fn forged(token: &str, claims: &str) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let [head, body, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let body = String::from_utf8(URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap();
    let body = body.replacen('{', &format!("{{{claims},"), 1);
    format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode(body))
}

async fn is_refused(page: &mut Terminal, message: &str, code: ErrorCode) {
    page.send(message).await;
    page.reply(|reply| matches!(reply, ServerMessage::Error(error) if error.code == code)).await;
}

/// A wall of the class, once it shows this screen of `ada`.
async fn watch(service: &Service, text: &str) -> Page {
    let mut page = Page::open(service, &instructor("class-7")).await;
    page.send(wall()).await;
    page.until("the screen", |page| page.line("ada", 0) == text).await;
    page
}

#[tokio::test]
async fn no_student_is_on_the_wall_of_another_class() {
    let (service, shells) = service().await;
    let _ada = start(&service, &shells, "ada", "class-7", "ada").await;
    let mut page = watch(&service, "ada").await;
    // A group that no token grants: in the message, in the query, and in a token whose signature is not for it.
    let eve = user_token(&user("eve", Some("eve")));
    let mut alone = Terminal::open(&format!("{}&grp=class-7", service.terminal_url("eve", &eve))).await;
    alone.attach("eve").await;
    let attach = json!({"type": "attach", "client": "eve", "cols": 80, "rows": 24, "grp": "class-7", "name": "Ada"});
    alone.send(&attach.to_string()).await;
    catch_up(&mut alone, "read").await;
    let forged = forged(&eve, r#""grp":"class-7","role":"instructor""#);
    assert_eq!(Terminal::open(&service.terminal_url("eve", &forged)).await.close_code().await, 4001);
    // A student of the class opens no wall and says nothing to it.
    for message in [
        r#"{"type":"wall","client":"eve"}"#,
        r#"{"type":"wall_ack","client":"wall","v":1}"#,
        r#"{"type":"announce","id":"a","text":"x"}"#,
    ] {
        is_refused(&mut alone, message, ErrorCode::Forbidden).await;
    }
    page.send(json!({"type": "wall", "client": "wall", "resync": true})).await;
    page.until("everything", |page| page.sessions().len() == 1).await;
    assert_eq!(page.state("ada"), "here");
    service.stop().await;
}

#[tokio::test]
async fn no_guest_raises_a_hand_and_no_output_is_a_hand_a_mark_or_a_name() {
    let (service, shells) = service().await;
    let mut ada = start(&service, &shells, "ada", "class-7", "").await;
    let guest = UserClaims { role: Role::Viewer, ..user("vic", Some("ada")) };
    let mut vic = Terminal::open(&service.terminal_url("ada", &user_token(&guest))).await;
    vic.attach("vic").await;
    let head = format!(r#""seq":1,"epoch":{}"#, vic.epoch);
    is_refused(&mut vic, &format!(r#"{{"type":"hand",{head},"up":true}}"#), ErrorCode::Forbidden).await;
    // Frames of the service, as messages of a student, are of unknown types.
    for kind in ["event", "joined", "snapshot"] {
        ada.page.send(&json!({"type": kind, "kind": "hand", "up": true, "at": 1, "name": "Ina"}).to_string()).await;
    }
    catch_up(&mut ada.page, "read").await;
    for output in [
        // Marks without the shell's tag, or with a guess.
        "\x1b]133;C\x07\x1b]133;D;3\x07",
        "\x1b]133;C;tg=0000000000000000\x07\x1b]133;D;3;tg=0000000000000000\x07",
        "\x1b]133;E;tg=0000000000000000;line;/;rm -rf /\x07",
        // Frames that the service sends to pages.
        r#"{"type":"event","kind":"hand","up":true,"at":1}"#,
        "\r\n\x1b]2;Ina \u{202e}\u{2066}(instructor)\x07done",
    ] {
        ada.script.print(output);
    }
    let mut page = Page::open(&service, &instructor("class-7")).await;
    page.send(wall()).await;
    page.until("the last line", |page| page.line("ada", 1) == "done").await;
    page.until("the title", |page| !page.title("ada").is_empty()).await;
    assert_eq!(page.title("ada"), "Ina \u{fffd}\u{fffd}(instructor)");
    let row = page.row("ada");
    assert_eq!(row["name"], "Student ada");
    for forged in ["hand", "exitCode", "command"] {
        assert!(row[forged].is_null(), "{forged}: {row}");
    }
    // The shell's own marks and the owner's own hand are seen.
    for mark in ["C", "D;3", "B"] {
        ada.script.mark(mark);
    }
    ada.page.ordered("hand", r#","up":true"#).await;
    page.until("the hand", |page| page.row("ada")["hand"].is_u64() && page.row("ada")["exitCode"] == 3).await;
    service.stop().await;
}

#[tokio::test]
async fn a_name_is_one_visible_line_of_64_characters() {
    let (service, shells) = service().await;
    let names =
        ["Ada\u{202e}\n\u{1b}[31m<b>", "\u{200b}\u{2066}", &"x".repeat(100)].map(|name| class("class-7", Some(name)));
    for (claims, sub) in names.into_iter().zip(["ada", "ben", "cyd"]) {
        let claims = UserClaims { class: claims, ..user(sub, Some(sub)) };
        let mut page = Terminal::open(&service.terminal_url(sub, &user_token(&claims))).await;
        page.attach(sub).await;
        shells.last().unwrap().print("here");
    }
    let mut page = Page::open(&service, &instructor("class-7")).await;
    page.send(wall()).await;
    page.until("the rows", |page| page.sessions().len() == 3).await;
    let name = |sub: &str| page.row(sub)["name"].as_str().unwrap().to_owned();
    assert_eq!(name("ada"), "Ada [31m<b>");
    assert!(name("ben").starts_with("Student ") && name("ben").len() == 12, "{}", name("ben"));
    assert_eq!(name("cyd"), "x".repeat(64));
    service.stop().await;
}
