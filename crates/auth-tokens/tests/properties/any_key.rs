//! What holds of every text that somebody may configure as a key: apart, because the fuzzer asks it too.

use auth_tokens::{KeyError, KeySetting, UserKey, UserTokenVerifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// As PEM or as a key set it is refused with a reason, or it is a key that a made-up signature does not pass.
pub(crate) fn holds(text: &str) -> bool {
    let read = [UserKey::from_pem(text), UserKey::from_jwks(text.as_bytes())];
    for (name, read) in ["JWT_PUBLIC_KEY", "JWT_JWKS"].into_iter().zip(&read) {
        let setting = KeySetting::from_lookup(|asked| (asked == name).then(|| text.to_owned()));
        assert_eq!(setting.is_ok(), read.is_ok(), "{name} is read as keys are");
    }
    assert!(read.iter().filter(|read| read.is_ok()).count() < 2, "it is one or the other");
    let mut good = false;
    for key in read {
        match key {
            Err(reason) => assert_ne!(reason, KeyError::ShortSecret),
            Ok(key) => {
                good = true;
                let tokens = UserTokenVerifier::new(key);
                made_up().iter().for_each(|token| assert!(tokens.verify(token, 0).is_err(), "{token}"));
            }
        }
    }
    good
}

/// Tokens of every algorithm, signed by nobody: nothing, zeros, ones, and what stays the same under a weak key.
fn made_up() -> Vec<String> {
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

/// The neutral point of Ed25519 and the number zero: true of any message under a key of small order.
fn neutral() -> Vec<u8> {
    let mut signature = vec![0; 64];
    signature[0] = 1;
    signature
}
