//! Files pass over HTTP to the service, or in messages through the gateway; to a shell in any instance, also where sessions have
//! no user of their own.

use e2e::{Sending, Stack, Taking};
use shared_protocol::ErrorCode;
use shared_protocol::limits::FILE_PART_BYTES;

on_all!(a_file_goes_to_the_shell_and_back, a_file_passes_in_messages, a_transfer_goes_on_over_another_connection);

async fn a_file_goes_to_the_shell_and_back(stack: &Stack) {
    let _terminal = stack.terminal("ada", "s1").await;
    let (url, token) = (format!("{}/api/sessions/s1/files", stack.service_url()), stack.token("ada", "s1"));
    let content: Vec<u8> = (0..1_000_000_u32).map(|number| (number / 5) as u8).collect();
    for name in ["data.bin", "data%20(1).bin"] {
        let sent = e2e::http().put(format!("{url}?name=data.bin")).bearer_auth(&token).body(content.clone());
        assert_eq!(sent.send().await.unwrap().status(), 201, "{name}");
        let taken = e2e::http().get(format!("{url}?path={name}")).bearer_auth(&token).send().await.unwrap();
        assert_eq!(taken.headers()["content-length"], content.len().to_string());
        assert_eq!(taken.bytes().await.unwrap(), content, "{name}");
    }
    let missing = e2e::http().get(format!("{url}?path=missing")).bearer_auth(&token).send().await.unwrap();
    assert_eq!(missing.status(), 404);
}

/// Bytes of all values, in several parts, of which the last is not full.
fn content() -> Vec<u8> {
    (0..5 * FILE_PART_BYTES as u32 + 7).map(|number| (number * 7 / 3) as u8).collect()
}

async fn a_file_passes_in_messages(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    for (name, content) in [("empty.bin", Vec::new()), ("whole.bin", vec![1; FILE_PART_BYTES]), ("data.bin", content())]
    {
        let stored = terminal.upload(name, &content).await.unwrap();
        assert_eq!((&*stored.name, stored.bytes), (name, content.len() as u64));
        assert_eq!(terminal.download(name).await.unwrap(), content, "{name}");
    }
    assert_eq!(terminal.upload("data.bin", b"another").await.unwrap().name, "data (1).bin");
    assert_eq!(terminal.command("cat 'data (1).bin'; mkdir -p sub; cp data.bin sub").await.0, "another");
    let archive = terminal.download("sub").await.unwrap();
    assert!(archive.windows(FILE_PART_BYTES).any(|part| part == &content()[..FILE_PART_BYTES]), "the directory");
    assert_eq!(terminal.download("missing").await.unwrap_err().code, ErrorCode::FileNotFound);
    // Keys still reach the shell after that.
    assert_eq!(terminal.command("echo typed").await.0, "typed\n");
}

async fn a_transfer_goes_on_over_another_connection(stack: &Stack) {
    let mut terminal = stack.terminal("ada", "s1").await;
    let (content, token) = (content(), stack.token("ada", "s1"));
    let middle = 2 * FILE_PART_BYTES as u64;
    let mut sending = Sending::new("data.bin", &content);
    assert!(sending.go_on(&mut terminal, |at| at == middle).await.is_none());
    terminal = terminal.reconnect(&stack.url(), &token).await;
    assert_eq!(sending.arrived(), middle);
    sending.go_on(&mut terminal, |_| false).await.unwrap().unwrap();
    let mut taking = Taking::new("data.bin");
    assert!(taking.go_on(&mut terminal, |at| at == middle).await.is_none());
    terminal = terminal.reconnect(&stack.url(), &token).await;
    assert_eq!(taking.go_on(&mut terminal, |_| false).await.unwrap().unwrap(), content);
    terminal.leave().await;
}
