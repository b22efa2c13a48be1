//! Lines that a client takes for frames of the service; all of them are given to one client.
#![no_main]

#[path = "../../../shared-protocol/tests/properties/server_frame.rs"]
mod server_frame;

use protocol_client::Client;
use shared_protocol::ClientId;
use std::time::Duration;

libfuzzer_sys::fuzz_target!(|texts: &[u8]| {
    let mut client = Client::new(ClientId::new("page").expect("an id"), 80, 24);
    client.connected(Duration::ZERO);
    for (second, text) in (1..).zip(texts.split(|byte| *byte == b'\n')) {
        server_frame::holds(text);
        let now = Duration::from_secs(second);
        client.receive(&String::from_utf8_lossy(text), now);
        client.send(now);
        while client.next_event().is_some() {}
    }
});
