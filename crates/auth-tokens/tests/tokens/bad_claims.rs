//! Tokens with a valid signature that are refused for their claims.

use crate::platform::{AUDIENCE, ISSUER, NOW, Signer, claims, strict, with, without};
use auth_tokens::MAX_SUB_BYTES;
use auth_tokens::TokenError::{self, Expired, InvalidClaims, NotYetValid, WrongIssuerOrAudience};
use serde_json::{Value, json};

fn refusal(claims: &Value) -> Option<TokenError> {
    Signer::Secret.verifier().verify(&Signer::Secret.token(claims), NOW).err()
}

#[test]
fn invalid_values_of_each_claim() {
    let too_long = ["x".repeat(MAX_SUB_BYTES + 1), "ü".repeat(MAX_SUB_BYTES / 2 + 1)];
    for (name, values) in [
        ("sub", json!(["", null, 7, ["ada"], "ada\n[WebSocket] Connected", "admin\0", "\u{1b}[2J"])),
        ("sub", json!(too_long)),
        ("exp", json!([null, (NOW + 60).to_string(), "2027-01-15T08:01:00Z", true, -1, 1u64 << 53, 1e300])),
        ("nbf", json!([NOW.to_string(), -5])),
        ("iat", json!([NOW.to_string()])),
        ("iss", json!([[ISSUER], {"url": ISSUER}])),
        ("aud", json!([7, [7], {AUDIENCE: true}])),
        ("sid", json!(["", "../lab-7", "lab 7", 7, "x".repeat(4096)])),
        ("profile", json!(["", "a b", "../etc", true, 7, ["python"]])),
        ("takeover", json!(["now", "Always", "", true, 7, ["ask"]])),
        ("role", json!(["root", "Controller", "Instructor", "", null, ["viewer", "controller"]])),
        ("admin", json!(["true", 1, null])),
        ("rec", json!(["true", 1, null])),
        ("grp", json!(["", "class 7", "../class", 7, ["class-7"], "x".repeat(129)])),
    ] {
        for value in values.as_array().unwrap() {
            assert_eq!(refusal(&with(name, value.clone())), Some(InvalidClaims), "{name}: {value}");
        }
    }
}

#[test]
fn missing_claims() {
    let token = Signer::Secret.token(&claims());
    for claims in [json!({}), json!([claims()]), json!(null), json!(token), without("sub"), without("exp")] {
        assert_eq!(refusal(&claims), Some(InvalidClaims), "{claims}");
    }
}

#[test]
fn repeated_and_malformed_claims() {
    let header = json!({"alg": "HS256"}).to_string();
    let twice = |name: &str, value: Value| {
        let claims = claims().to_string();
        let claims = format!("{},{}:{value}}}", &claims[..claims.len() - 1], json!(name));
        Signer::Secret.sign(&header, &claims)
    };
    for (name, token) in [
        ("sub", twice("sub", json!("eve"))),
        ("exp", twice("exp", json!(NOW + 6000))),
        ("role", twice("role", json!("controller"))),
        ("admin", twice("admin", json!(true))),
        ("sid", twice("sid", json!("lab-8"))),
        ("something behind the claims", Signer::Secret.sign(&header, &format!("{}{{}}", claims()))),
        ("claims cut short", Signer::Secret.sign(&header, r#"{"sub":"ada","exp":"#)),
        ("claims nested without end", Signer::Secret.sign(&header, &"[".repeat(4000))),
    ] {
        assert_eq!(Signer::Secret.verifier().verify(&token, NOW), Err(InvalidClaims), "{name}");
    }
}

#[test]
fn expired_and_not_yet_valid_tokens() {
    for (name, claims, expected) in [
        ("expired an hour ago", with("exp", NOW - 3600), Expired),
        ("expired exactly at the leeway", with("exp", NOW - 10), Expired),
        ("expired in 1970", with("exp", 0), Expired),
        ("expired, with a fraction", with("exp", NOW as f64 - 9.5), Expired),
        ("valid in an hour", with("nbf", NOW + 3600), NotYetValid),
        ("valid just beyond the leeway", with("nbf", NOW + 11), NotYetValid),
        ("issued tomorrow", with("iat", NOW + 86_400), NotYetValid),
        ("issued just beyond the leeway", with("iat", NOW + 11), NotYetValid),
        ("issued in milliseconds", with("iat", NOW * 1000), NotYetValid),
    ] {
        assert_eq!(refusal(&claims), Some(expected), "{name}");
    }
}

#[test]
fn wrong_issuers_and_audiences() {
    for (name, claims) in [
        ("no iss", without("iss")),
        ("an iss that is null", with("iss", json!(null))),
        ("another iss", with("iss", "https://other.example")),
        ("an iss with a slash more", with("iss", format!("{ISSUER}/"))),
        ("an iss in capitals", with("iss", ISSUER.to_uppercase())),
        ("no aud", without("aud")),
        ("an aud that is null", with("aud", json!(null))),
        ("another aud", with("aud", "api")),
        ("an aud that only begins alike", with("aud", format!("{AUDIENCE}-admin"))),
        ("an empty list of aud", with("aud", json!([]))),
        ("a list of other aud", with("aud", json!(["api", "page"]))),
        ("iss and aud exchanged", json!({"sub": "ada", "exp": NOW + 60, "iss": AUDIENCE, "aud": ISSUER})),
    ] {
        let verified = strict().verify(&Signer::Secret.token(&claims), NOW);
        assert_eq!(verified, Err(WrongIssuerOrAudience), "{name}");
    }
}
