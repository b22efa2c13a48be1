//! Several users in one session.

use e2e::Stack;
use shared_protocol::{ErrorCode, StreamEvent};

on_all!(what_one_says_all_hear, all_see_the_same, a_viewer_only_watches);

async fn what_one_says_all_hear(stack: &Stack) {
    let mut ada = stack.terminal("ada", "s1").await;
    let mut ben = stack.terminal("ben", "s1").await;
    ada.chat("Grüße, \"Ben\"\n👋").await;
    ben.chat("hello").await;
    for terminal in [&mut ada, &mut ben] {
        for (who, what) in [("ada", "Grüße, \"Ben\"\n👋"), ("ben", "hello")] {
            terminal
                .expect_event("what was said", |event| match event {
                    StreamEvent::Chat { from, message, .. } => (from == who && message == what).then_some(()),
                    _ => None,
                })
                .await;
        }
    }
}

async fn all_see_the_same(stack: &Stack) {
    let mut ada = stack.terminal("ada", "s1").await;
    ada.type_text("echo fro''m-ada\r").await;
    ada.expect("from-ada\r\n").await;
    // A later client sees the earlier output.
    let mut ben = stack.terminal("ben", "s1").await;
    ben.expect("from-ada\r\n").await;
    ben.type_text("echo fro''m-ben\r").await;
    ben.expect("from-ben\r\n").await;
    ada.expect("from-ben\r\n").await;
    ada.expect("\u{1b}[?2004h").await;
    let seen = ada.stream.bytes.len();
    ben.wait("all that Ada has seen", |ben| (ben.stream.bytes.len() >= seen).then_some(())).await;
    assert_eq!(ada.stream.bytes, ben.stream.bytes[..seen]);
}

async fn a_viewer_only_watches(stack: &Stack) {
    let mut ada = stack.terminal("ada", "s1").await;
    let mut viewer = e2e::Terminal::connect(&stack.url(), &stack.viewer_token("vic", "s1")).await.unwrap();
    viewer.attach().await;
    viewer.type_text("echo typed-by-viewer\r").await;
    viewer.expect_error(ErrorCode::ReadOnly).await;
    viewer.resize(50, 10).await;
    viewer.expect_error(ErrorCode::ReadOnly).await;
    viewer.close_session().await;
    viewer.expect_error(ErrorCode::ReadOnly).await;
    assert_eq!(ada.command("stty size").await.0, "40 120\n");
    viewer.expect("40 120\r\n").await;
    assert!(!String::from_utf8_lossy(&ada.stream.bytes).contains("typed-by-viewer"));
}
