//! An unsigned token; or, in lines, a header and claims that are signed as a user's or gateway's token.
#![no_main]

#[path = "../../../crates/auth-tokens/tests/properties/any_token.rs"]
mod any_token;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let lines: Vec<&str> = text.lines().collect();
    match lines.as_slice() {
        [token] => any_token::unsigned(token),
        [header, claims] => {
            any_token::of_a_user(header, claims, None, Some("terminal"));
            any_token::of_a_user(header, claims, Some("platform"), None);
        }
        [claims, at, byte] => {
            if let (Ok(at), Some(byte)) = (at.parse(), byte.bytes().next()) {
                any_token::changed(claims, at, byte);
            }
        }
        [header, claims, path, body, ..] => {
            any_token::of_a_gateway(header, claims, path, body.as_bytes());
        }
        [] => {}
    }
});
