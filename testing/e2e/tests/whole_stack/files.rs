//! Files pass beside the gateway: over HTTP to the service, in whichever instance the shell is, also where sessions have no user
//! of their own.

use e2e::Stack;

on_all!(a_file_goes_to_the_shell_and_back);

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
