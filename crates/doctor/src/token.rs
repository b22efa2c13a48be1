//! Reads a token's claims without its key, and finds the mistakes that need no connection.

use crate::diagnosis::Diagnosis;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// Clock skew allowed, in seconds.
const LEEWAY: u64 = 10;
/// Remaining validity that the doctor needs, in seconds.
const MIN_VALIDITY: u64 = 60;

#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    exp: u64,
    nbf: Option<u64>,
    pub(crate) sub: String,
    pub(crate) sid: Option<String>,
    role: Option<String>,
}

pub(crate) fn read(token: &str, now: u64) -> Result<Claims, Diagnosis> {
    parse(token, now).map_err(Diagnosis::Token)
}

fn parse(token: &str, now: u64) -> Result<Claims, String> {
    let parts: Vec<&str> = token.split('.').collect();
    let [_, payload, _] = parts.as_slice() else {
        return Err("a JWT has three parts separated by dots.".into());
    };
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('='));
    let payload = payload.map_err(|_| "its second part is not base64url.")?;
    let claims: Claims = serde_json::from_slice(&payload)
        .map_err(|_| "it needs `sub` (the user) and `exp` (its expiry, in seconds since 1970).")?;
    if claims.exp + LEEWAY <= now {
        return Err(format!("it expired {} s ago.", now - claims.exp));
    }
    if claims.exp < now + MIN_VALIDITY {
        let left = claims.exp.saturating_sub(now);
        return Err(format!("it expires in {left} s; the doctor needs {MIN_VALIDITY} s."));
    }
    if let Some(nbf) = claims.nbf.filter(|nbf| *nbf > now + LEEWAY) {
        return Err(format!("it is valid only in {} s (nbf). Check the clocks.", nbf - now));
    }
    if claims.role.as_deref() == Some("viewer") {
        return Err("its role is viewer, and the doctor has to type.".into());
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn reads_a_valid_token() {
        let claims = read(&token(r#"{"sub":"ada","exp":1700000600,"sid":"lab-7"}"#), NOW).unwrap();
        assert_eq!((claims.sub.as_str(), claims.sid.as_deref()), ("ada", Some("lab-7")));
    }

    #[test]
    fn explains_each_mistake() {
        for (token, sentence) in [
            ("nonsense".to_owned(), "three parts"),
            ("a.*.c".to_owned(), "base64url"),
            (token(r#"{"sub":"ada"}"#), "`exp`"),
            (token(r#"{"sub":"ada","exp":1699999900}"#), "expired 100 s ago"),
            (token(r#"{"sub":"ada","exp":1700000030}"#), "expires in 30 s"),
            (token(r#"{"sub":"ada","exp":1700009999,"nbf":1700000100}"#), "in 100 s (nbf)"),
            (token(r#"{"sub":"ada","exp":1700009999,"role":"viewer"}"#), "has to type"),
        ] {
            let diagnosis = read(&token, NOW).unwrap_err().to_string();
            assert!(diagnosis.contains(sentence), "{diagnosis}");
        }
    }
}
