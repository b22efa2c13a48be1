//! Reads a token's header and claims without its key, and finds the mistakes that need no key.

use crate::clock::{LEEWAY, offset};
use crate::diagnosis::Diagnosis;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared_protocol::SessionId;

/// Remaining validity that the doctor needs, in seconds.
const MIN_VALIDITY: u64 = 60;
/// Algorithms of tokens that function and service can verify.
const ALGORITHMS: [&str; 4] = ["HS256", "RS256", "ES256", "EdDSA"];

#[derive(Deserialize)]
struct Header {
    alg: String,
}

/// The part of a token that the doctor reads: times in seconds since 1970, which may have fractions.
#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    #[serde(skip)]
    alg: String,
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
    pub(crate) sub: String,
    pub(crate) sid: Option<String>,
    role: Option<String>,
    iss: Option<Value>,
    aud: Option<Value>,
}

/// Reads a token. Its times are checked later, by the clock that counts.
pub(crate) fn read(token: &str) -> Result<Claims, Diagnosis> {
    parse(token).map_err(Diagnosis::Token)
}

fn parse(token: &str) -> Result<Claims, String> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, _] = parts.as_slice() else {
        return Err("a JWT has three parts separated by dots.".into());
    };
    let header: Header = part(header, "first", "it needs `alg` (the algorithm).")?;
    let claims: Claims =
        part(payload, "second", "it needs `sub` (the user) and `exp` (its expiry, in seconds since 1970).")?;
    if !ALGORITHMS.contains(&header.alg.as_str()) {
        return Err(format!("it is signed with {:?}; only {} are verified.", header.alg, ALGORITHMS.join(", ")));
    }
    if let Some(Err(error)) = claims.sid.as_deref().map(SessionId::new) {
        return Err(format!("its session (sid) is {:?}, but {error}.", claims.sid.unwrap_or_default()));
    }
    match claims.role.as_deref() {
        None | Some("controller" | "instructor") => Ok(Claims { alg: header.alg, ..claims }),
        Some("viewer") => Err("its role is viewer, and the doctor has to type.".into()),
        Some(role) => Err(format!("its role is {role:?}; there are controller, viewer and instructor.")),
    }
}

fn part<T: DeserializeOwned>(text: &str, which: &str, needs: &str) -> Result<T, String> {
    let json = URL_SAFE_NO_PAD.decode(text.trim_end_matches('='));
    let json = json.map_err(|_| format!("its {which} part is not base64url."))?;
    serde_json::from_slice(&json).map_err(|_| needs.to_owned())
}

impl Claims {
    /// Checks the times by the clock of the one that refused the token, if it named its time, otherwise by this machine's.
    pub(crate) fn check_times(&self, now: u64, server: Option<u64>) -> Result<(), Diagnosis> {
        let clock = offset(now, server);
        self.mistake_at(server.unwrap_or(now))
            .map_or(Ok(()), |mistake| Err(Diagnosis::Token(format!("{mistake}{clock}"))))
    }

    fn mistake_at(&self, now: u64) -> Option<String> {
        let (exp, nbf) = (self.exp as u64, self.nbf.map(|nbf| nbf as u64));
        if exp.saturating_add(LEEWAY) <= now {
            return Some(format!("it expired {} s ago.", now - exp));
        }
        let is_early = |at: &u64| *at > now.saturating_add(LEEWAY);
        if let Some(nbf) = nbf.filter(is_early) {
            return Some(format!("it is valid only in {} s (nbf). Check the clock of its signer.", nbf - now));
        }
        if let Some(iat) = self.iat.map(|iat| iat as u64).filter(is_early) {
            return Some(format!("it was issued {} s in the future (iat). Check the clock of its signer.", iat - now));
        }
        None
    }

    /// Fails if the token expires during the diagnosis.
    pub(crate) fn check_rest(&self, now: u64) -> Result<(), Diagnosis> {
        let left = (self.exp as u64).saturating_sub(now);
        if left < MIN_VALIDITY {
            return Err(Diagnosis::Token(format!("it expires in {left} s; the doctor needs {MIN_VALIDITY} s.")));
        }
        Ok(())
    }

    /// The settings that must fit this token, once its times are known to be right.
    pub(crate) fn settings(&self, server: Option<u64>) -> String {
        let key = match self.alg.as_str() {
            "HS256" => "JWT_SECRET (the same bytes as the platform's; a secret made with `echo` ends with a newline)",
            _ => "JWT_PUBLIC_KEY, JWT_JWKS or JWT_JWKS_URL; JWT_SECRET verifies only HS256",
        };
        let claim = |value: &Option<Value>| value.as_ref().map_or_else(|| "none".to_owned(), Value::to_string);
        let clock = if server.is_some() { "the server's" } else { "this machine's" };
        let (alg, iss, aud) = (&self.alg, claim(&self.iss), claim(&self.aud));
        format!(
            "It is not the clock: by {clock}, the token is valid now. It is signed with {alg}, so its key is that of {key}. \
             Its iss is {iss} and its aud {aud}: JWT_ISSUER and JWT_AUDIENCE, if they are set, must be these."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn token(claims: &str) -> String {
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#), URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn reads_a_valid_token() {
        let claims = read(&token(r#"{"sub":"ada","exp":1700000600.5,"sid":"lab-7"}"#)).unwrap();
        assert_eq!((claims.sub.as_str(), claims.sid.as_deref()), ("ada", Some("lab-7")));
        assert_eq!((claims.check_times(NOW, None), claims.check_rest(NOW)), (Ok(()), Ok(())));
    }

    #[test]
    fn explains_each_mistake() {
        let forged = |alg: &str| {
            let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}"}}"#));
            format!("{header}.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"sub":"ada","exp":1700009999}"#))
        };
        for (token, sentence) in [
            ("nonsense".to_owned(), "three parts"),
            ("a.*.c".to_owned(), "first part is not base64url"),
            (format!("{}.*.c", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#)), "second part is not base64url"),
            (format!("e30.{}.c", URL_SAFE_NO_PAD.encode("{}")), "`alg`"),
            (token(r#"{"sub":"ada"}"#), "`exp`"),
            (token(r#"{"sub":"ada","exp":1700009999,"role":"viewer"}"#), "has to type"),
            (token(r#"{"sub":"ada","exp":1700009999,"role":"owner"}"#), "\"owner\""),
            (token(r#"{"sub":"ada","exp":1700009999,"sid":"lab 7"}"#), "characters of A-Z a-z 0-9"),
            (forged("none"), "signed with \"none\""),
            (forged("HS512"), "signed with \"HS512\""),
        ] {
            let diagnosis = read(&token).unwrap_err().to_string();
            assert!(diagnosis.contains(sentence), "{diagnosis}");
        }
    }

    #[test]
    fn judges_times_by_the_clock_of_the_server() {
        let check = |claims: &str, server| read(&token(claims)).unwrap().check_times(NOW, server);
        for (claims, server, sentence) in [
            (r#"{"sub":"ada","exp":1699999900}"#, None, "expired 100 s ago."),
            (r#"{"sub":"ada","exp":1699999900}"#, Some(NOW), "expired 100 s ago."),
            (
                r#"{"sub":"ada","exp":1700000300}"#,
                Some(NOW + 600),
                "expired 300 s ago. This machine's clock is 600 s behind",
            ),
            (r#"{"sub":"ada","exp":1700009999,"nbf":1700000100}"#, None, "in 100 s (nbf)"),
            (r#"{"sub":"ada","exp":1700009999,"iat":1700000000}"#, Some(NOW - 600), "600 s in the future (iat)"),
            (r#"{"sub":"ada","exp":1700009999,"iat":1700000000}"#, Some(NOW - 600), "clock is 600 s ahead"),
        ] {
            let diagnosis = check(claims, server).unwrap_err().to_string();
            assert!(diagnosis.contains(sentence), "{diagnosis}");
        }
        // This machine's clock is wrong, which the server does not mind.
        assert_eq!(check(r#"{"sub":"ada","exp":1699999900}"#, Some(NOW - 600)), Ok(()));
        let short = read(&token(r#"{"sub":"ada","exp":1700000030}"#)).unwrap().check_rest(NOW).unwrap_err().to_string();
        assert!(short.contains("expires in 30 s"), "{short}");
    }
}
