//! Properties of every text that may be configured as a key. Used by the fuzzer too.

use auth_tokens::{KeyError, KeySetting, UserKey, UserTokenVerifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The text is refused, or it is a key that refuses forged signatures; true if it is a key.
pub(crate) fn holds(text: &str) -> bool {
    let read = [UserKey::from_pem(text), UserKey::from_jwks(text.as_bytes())];
    for (name, read) in ["JWT_PUBLIC_KEY", "JWT_JWKS"].into_iter().zip(&read) {
        let setting = KeySetting::from_lookup(|asked| (asked == name).then(|| text.to_owned()));
        assert_eq!(setting.is_ok(), read.is_ok(), "{name} accepts the same texts");
    }
    assert!(read.iter().filter(|read| read.is_ok()).count() < 2, "not both PEM and JWK set");
    let mut good = false;
    for key in read {
        match key {
            Err(reason) => assert_ne!(reason, KeyError::ShortSecret),
            Ok(key) => {
                good = true;
                let tokens = UserTokenVerifier::new(key);
                forged_tokens().iter().for_each(|token| assert!(tokens.verify(token, 0).is_err(), "{token}"));
            }
        }
    }
    good
}

/// Tokens of every algorithm with forged signatures: empty, zeros, ones, and one that a weak key would accept.
fn forged_tokens() -> Vec<String> {
    let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"ada","exp":9}"#);
    let mut tokens = Vec::new();
    for algorithm in ["RS256", "ES256", "EdDSA", "HS256", "PS256", "none"] {
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{algorithm}"}}"#));
        for signature in [Vec::new(), vec![0; 64], vec![0xff; 64], vec![1; 256], vec![0; 256], neutral()] {
            tokens.push(format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(signature)));
        }
    }
    tokens
}

/// The neutral point of Ed25519 and the number zero: valid for any message under a key of small order.
fn neutral() -> Vec<u8> {
    let mut signature = vec![0; 64];
    signature[0] = 1;
    signature
}
