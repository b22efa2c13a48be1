//! Output of programs: every byte, in order, of any volume.

use e2e::{Stack, Terminal};
use std::time::Duration;

on_all!(
    every_byte_arrives,
    five_megabytes_arrive_whole,
    a_flood_is_interrupted,
    an_interrupt_goes_ahead,
    a_page_that_hangs_stops_the_flood,
);

/// The output between two marker lines, with the terminal in raw mode.
async fn printed(terminal: &mut Terminal, command: &str) -> Vec<u8> {
    terminal.run(&format!("stty -opost; echo '<begin>'; {command}; echo '<end>'; stty opost")).await;
    terminal.expect("<begin>\n").await;
    terminal.expect("<end>\n").await
}

async fn every_byte_arrives(stack: &Stack) {
    let mut terminal = stack.connect("ada", "s1").await;
    terminal.client.accept.clear();
    terminal.attach().await;
    let bytes = printed(&mut terminal, r#"for i in {0..255}; do printf "\\x$(printf %02x $i)"; done"#).await;
    assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
    let bytes = printed(&mut terminal, r"printf '\xff\x00\xe6\x97 \xf0\x9f\x91\x8b'").await;
    assert_eq!(bytes, b"\xff\x00\xe6\x97 \xf0\x9f\x91\x8b");
    let bytes = printed(&mut terminal, "head -c 100000 /dev/zero").await;
    assert_eq!(bytes, vec![0; 100_000]);
    assert_eq!((terminal.stream.skipped, terminal.stream.deflated), (0, 0), "only what was offered is used");
}

async fn five_megabytes_arrive_whole(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    // Incompressible text, and typical output.
    for (make, deflates) in
        [("head -c 3750000 /dev/urandom | base64", false), ("seq -f 'building %08g of 200000' 1 200000", true)]
    {
        let (hash, code) = terminal.command(&format!("f=$(mktemp); {make} > $f; sha256sum < $f | cut -c 1-64")).await;
        assert_eq!(code, 0);
        let before = terminal.stream.deflated;
        terminal.run("stty -opost; echo '<begin>'; cat $f; echo '<end>'; stty opost; rm $f").await;
        terminal.expect("<begin>\n").await;
        let text = terminal.expect_within(Duration::from_secs(60), "<end>\n").await;
        assert!(text.len() > 5_000_000, "{} bytes", text.len());
        assert_eq!(auth_tokens::body_hash(&text), hash.trim_end());
        assert_eq!(terminal.stream.skipped, 0, "a page that keeps up is never skipped");
        assert_eq!(terminal.stream.deflated > before, deflates, "what was offered is used where it saves something");
    }
}

async fn a_flood_is_interrupted(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    terminal.run("yes").await;
    terminal.wait("a flood", |terminal| (terminal.stream.bytes.len() > 1_000_000).then_some(())).await;
    terminal.type_text("\x03").await;
    terminal.expect("^C").await;
    terminal.type_text("echo co''de=$?\r").await;
    terminal.expect("code=130\r\n").await;
    assert_eq!(terminal.stream.skipped, 0);
}

async fn an_interrupt_goes_ahead(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    terminal.run("yes").await;
    terminal.wait("a flood", |terminal| (terminal.stream.bytes.len() > 1_000_000).then_some(())).await;
    // Input that the program never reads is flushed, so that the shell does not run it.
    terminal.type_text("touch should-not-be-there\r").await;
    terminal.interrupt().await;
    terminal.type_text("echo co''de=$?\r").await;
    terminal.expect("code=130\r\n").await;
    assert_eq!(terminal.command("ls").await.0, "");
    // In raw mode, Ctrl-C is an ordinary key.
    terminal.run("stty raw -echo; echo re''ady; head -c 2 | od -An -tx1; stty sane").await;
    terminal.expect("ready").await;
    terminal.type_text("a").await;
    terminal.interrupt().await;
    terminal.expect("61 03").await;
}

async fn a_page_that_hangs_stops_the_flood(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    let mut other = stack.terminal("ada", "s2").await;
    terminal.held_acks = Some(Vec::new());
    terminal.run("yes").await;
    // At most 512 KiB may be unacknowledged.
    terminal.wait("the window to fill", |terminal| (terminal.stream.bytes.len() > 500 * 1024).then_some(())).await;
    assert_eq!(other.command("echo others go on").await.0, "others go on\n");
    assert!(terminal.stream.bytes.len() < 1024 * 1024, "{} bytes", terminal.stream.bytes.len());
    for ack in terminal.held_acks.take().unwrap() {
        terminal.send_text(ack).await;
    }
    terminal.wait("the flood to go on", |terminal| (terminal.stream.bytes.len() > 2 * 1024 * 1024).then_some(())).await;
    terminal.type_text("\x03").await;
    terminal.expect("^C").await;
}
