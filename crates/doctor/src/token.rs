//! What can be seen of a token without its key: that it is one, that it has not expired, and whom and what it names.

use crate::diagnosis::Diagnosis;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// Clocks may differ by so many seconds.
const LEEWAY: u64 = 10;
/// The doctor needs so many seconds.
const NEEDED: u64 = 60;

/// What the token says.
#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    exp: u64,
    nbf: Option<u64>,
    pub(crate) sub: String,
    pub(crate) sid: Option<String>,
    role: Option<String>,
}

pub(crate) fn read(token: &str, now: u64) -> Result<Claims, Diagnosis> {
    let wrong = |what: String| Diagnosis::Token(what);
    let parts: Vec<&str> = token.split('.').collect();
    let [_, payload, _] = parts.as_slice() else {
        return Err(wrong("a JWT has three parts with dots between them.".into()));
    };
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('='));
    let payload = payload.map_err(|_| wrong("its second part is not base64url.".into()))?;
    let claims: Claims = serde_json::from_slice(&payload)
        .map_err(|_| wrong("it needs `sub` (who) and `exp` (until when, in seconds since 1970).".into()))?;
    if claims.exp + LEEWAY <= now {
        return Err(wrong(format!("it expired {} s ago.", now - claims.exp)));
    }
    if claims.exp < now + NEEDED {
        return Err(wrong(format!(
            "it expires in {} s, and the doctor needs {NEEDED}.",
            claims.exp.saturating_sub(now)
        )));
    }
    if let Some(nbf) = claims.nbf.filter(|nbf| *nbf > now + LEEWAY) {
        return Err(wrong(format!("it is only valid in {} s (nbf). Do the clocks differ?", nbf - now)));
    }
    if claims.role.as_deref() == Some("viewer") {
        return Err(wrong("its role is viewer, and the doctor has to type.".into()));
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
    fn a_good_token_is_read() {
        let claims = read(&token(r#"{"sub":"ada","exp":1700000600,"sid":"lab-7"}"#), NOW).unwrap();
        assert_eq!((claims.sub.as_str(), claims.sid.as_deref()), ("ada", Some("lab-7")));
    }

    #[test]
    fn a_bad_one_is_told_from_another_bad_one() {
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
