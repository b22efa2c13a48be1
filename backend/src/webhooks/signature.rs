//! Signatures of the Standard Webhooks: HMAC-SHA256 over id, time and body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Shortest key, in bytes, as the specification has it.
const MIN_KEY_BYTES: usize = 24;

/// Longest key, in bytes.
const MAX_KEY_BYTES: usize = 64;

/// Begin of a key's text.
const PREFIX: &str = "whsec_";

/// A key of signatures.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Vec<u8>);

impl Key {
    /// From `whsec_` and base64 of 24 to 64 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
        (MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&bytes.len()).then_some(Self(bytes))
    }

    fn sign(&self, message: &[u8]) -> Option<String> {
        // A key of any length is valid.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(message);
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

/// The header `webhook-signature`: one signature for each key. `at` is in seconds since 1970.
pub(super) fn signatures(keys: &[Key], id: &str, at: u64, body: &str) -> String {
    let message = format!("{id}.{at}.{body}");
    keys.iter().filter_map(|key| key.sign(message.as_bytes())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn a_signature_is_the_standards() {
        let key = Key::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let sign =
            |keys: &[Key]| signatures(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(sign(std::slice::from_ref(&key)), expected);
        let both = sign(&[Key::parse(&format!("whsec_{}", STANDARD.encode([7; 24]))).unwrap(), key]);
        let [first, second] = both.split(' ').collect::<Vec<_>>().try_into().unwrap();
        assert!(first.starts_with("v1,") && first != expected && second == expected);
    }

    #[test]
    fn a_key_has_24_to_64_bytes() {
        let key = |bytes: usize| Key::parse(&format!("whsec_{}", STANDARD.encode(vec![1; bytes])));
        assert_eq!([23, 24, 64, 65].map(|bytes| key(bytes).is_some()), [false, true, true, false]);
        for bad in ["", "whsec_", "whsec_!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert!(Key::parse(bad).is_none(), "{bad}");
        }
    }
}
