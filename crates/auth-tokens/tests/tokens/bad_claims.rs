//! Tokens with a valid signature that are refused for their claims.

use crate::platform::{AUDIENCE, Case, ISSUER, NOW, Signer, assert_refused, claims, strict, with, without};
use auth_tokens::TokenError::{self, Expired, InvalidClaims, NotYetValid, WrongIssuerOrAudience};
use auth_tokens::{MAX_SUB_BYTES, UserTokenVerifier};
use serde_json::{Value, json};

fn cases(tokens: impl Fn() -> UserTokenVerifier, table: Vec<(&'static str, Value, TokenError)>) -> Vec<Case> {
    let case = |(name, claims, expected)| (name, tokens(), Signer::Secret.token(&claims), expected);
    table.into_iter().map(case).collect()
}

#[test]
fn missing_and_invalid_claims() {
    let table = vec![
        ("no claims at all", json!({}), InvalidClaims),
        ("a list of claims", json!([claims()]), InvalidClaims),
        ("claims that are null", json!(null), InvalidClaims),
        ("claims that are a token", json!(Signer::Secret.token(&claims())), InvalidClaims),
        ("no sub", without("sub"), InvalidClaims),
        ("an empty sub", with("sub", ""), InvalidClaims),
        ("a sub that is null", with("sub", json!(null)), InvalidClaims),
        ("a sub that is a number", with("sub", 7), InvalidClaims),
        ("a sub that is a list", with("sub", json!(["ada"])), InvalidClaims),
        ("a sub that is too long", with("sub", "x".repeat(MAX_SUB_BYTES + 1)), InvalidClaims),
        ("a sub that is too long in bytes", with("sub", "ü".repeat(MAX_SUB_BYTES / 2 + 1)), InvalidClaims),
        ("a sub of two lines", with("sub", "ada\n[WebSocket] Connected"), InvalidClaims),
        ("a sub with a NUL", with("sub", "admin\0"), InvalidClaims),
        ("a sub that clears the screen", with("sub", "\u{1b}[2J"), InvalidClaims),
        ("no exp", without("exp"), InvalidClaims),
        ("an exp that is null", with("exp", json!(null)), InvalidClaims),
        ("an exp that is a string", with("exp", (NOW + 60).to_string()), InvalidClaims),
        ("an exp that is a date", with("exp", "2027-01-15T08:01:00Z"), InvalidClaims),
        ("an exp that is true", with("exp", true), InvalidClaims),
        ("an exp before 1970", with("exp", -1), InvalidClaims),
        ("an exp beyond a JSON number", with("exp", 1u64 << 53), InvalidClaims),
        ("an exp beyond an integer", with("exp", 1e300), InvalidClaims),
        ("an nbf that is a string", with("nbf", NOW.to_string()), InvalidClaims),
        ("an nbf before 1970", with("nbf", -5), InvalidClaims),
        ("an iat that is a string", with("iat", NOW.to_string()), InvalidClaims),
        ("an iss that is a list", with("iss", json!([ISSUER])), InvalidClaims),
        ("an iss that is an object", with("iss", json!({"url": ISSUER})), InvalidClaims),
        ("an aud that is a number", with("aud", 7), InvalidClaims),
        ("an aud of numbers", with("aud", json!([7])), InvalidClaims),
        ("an aud that is an object", with("aud", json!({AUDIENCE: true})), InvalidClaims),
        ("a sid that is empty", with("sid", ""), InvalidClaims),
        ("a sid that is a path", with("sid", "../lab-7"), InvalidClaims),
        ("a sid with a space", with("sid", "lab 7"), InvalidClaims),
        ("a sid that is a number", with("sid", 7), InvalidClaims),
        ("a sid that is too long", with("sid", "x".repeat(4096)), InvalidClaims),
        ("an unknown role", with("role", "root"), InvalidClaims),
        ("a role in capitals", with("role", "Controller"), InvalidClaims),
        ("a role that is empty", with("role", ""), InvalidClaims),
        ("a role that is null", with("role", json!(null)), InvalidClaims),
        ("several roles", with("role", json!(["viewer", "controller"])), InvalidClaims),
        ("an admin that is a string", with("admin", "true"), InvalidClaims),
        ("an admin that is a number", with("admin", 1), InvalidClaims),
        ("an admin that is null", with("admin", json!(null)), InvalidClaims),
    ];
    assert_refused(&cases(|| Signer::Secret.verifier(), table), 43);
}

#[test]
fn repeated_and_malformed_claims() {
    let header = json!({"alg": "HS256"}).to_string();
    let twice = |name: &str, value: Value| {
        let claims = claims().to_string();
        let claims = format!("{},{}:{value}}}", &claims[..claims.len() - 1], json!(name));
        Signer::Secret.sign(&header, &claims)
    };
    let table: Vec<Case> = [
        ("sub", twice("sub", json!("eve"))),
        ("exp", twice("exp", json!(NOW + 6000))),
        ("role", twice("role", json!("controller"))),
        ("admin", twice("admin", json!(true))),
        ("sid", twice("sid", json!("lab-8"))),
        ("something behind the claims", Signer::Secret.sign(&header, &format!("{}{{}}", claims()))),
        ("claims cut short", Signer::Secret.sign(&header, r#"{"sub":"ada","exp":"#)),
        ("claims nested without end", Signer::Secret.sign(&header, &"[".repeat(4000))),
    ]
    .map(|(name, token)| (name, Signer::Secret.verifier(), token, InvalidClaims))
    .into();
    assert_refused(&table, 8);
}

#[test]
fn expired_and_not_yet_valid_tokens() {
    let table = vec![
        ("expired an hour ago", with("exp", NOW - 3600), Expired),
        ("expired exactly at the leeway", with("exp", NOW - 10), Expired),
        ("expired in 1970", with("exp", 0), Expired),
        ("expired, with a fraction", with("exp", NOW as f64 - 9.5), Expired),
        ("valid in an hour", with("nbf", NOW + 3600), NotYetValid),
        ("valid just beyond the leeway", with("nbf", NOW + 11), NotYetValid),
        ("issued tomorrow", with("iat", NOW + 86_400), NotYetValid),
        ("issued just beyond the leeway", with("iat", NOW + 11), NotYetValid),
        ("issued in milliseconds", with("iat", NOW * 1000), NotYetValid),
    ];
    assert_refused(&cases(|| Signer::Secret.verifier(), table), 9);
}

#[test]
fn wrong_issuers_and_audiences() {
    let table = vec![
        ("no iss", without("iss"), WrongIssuerOrAudience),
        ("an iss that is null", with("iss", json!(null)), WrongIssuerOrAudience),
        ("another iss", with("iss", "https://other.example"), WrongIssuerOrAudience),
        ("an iss with a slash more", with("iss", format!("{ISSUER}/")), WrongIssuerOrAudience),
        ("an iss in capitals", with("iss", ISSUER.to_uppercase()), WrongIssuerOrAudience),
        ("no aud", without("aud"), WrongIssuerOrAudience),
        ("an aud that is null", with("aud", json!(null)), WrongIssuerOrAudience),
        ("another aud", with("aud", "api"), WrongIssuerOrAudience),
        ("an aud that only begins alike", with("aud", format!("{AUDIENCE}-admin")), WrongIssuerOrAudience),
        ("an empty list of aud", with("aud", json!([])), WrongIssuerOrAudience),
        ("a list of other aud", with("aud", json!(["api", "page"])), WrongIssuerOrAudience),
        (
            "iss and aud exchanged",
            json!({"sub": "ada", "exp": NOW + 60, "iss": AUDIENCE, "aud": ISSUER}),
            WrongIssuerOrAudience,
        ),
    ];
    assert_refused(&cases(strict, table), 12);
}
