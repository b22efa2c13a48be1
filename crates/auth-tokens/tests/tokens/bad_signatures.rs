//! Tokens without a valid signature: malformed, forged, and with an algorithm or a key of their own choice.

use crate::platform::{NOW, SECRET, Signer, claims, key_set, pem, seal};
use auth_tokens::TokenError::{Invalid, TooLong, UnknownKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

fn parts(token: &str) -> [String; 3] {
    token.split('.').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap()
}

fn good() -> (String, [String; 3]) {
    let token = Signer::Secret.token(&claims());
    let parts = parts(&token);
    (token, parts)
}

#[test]
fn malformed_tokens_are_refused() {
    let (token, [header, payload, signature]) = good();
    let with_header = |header: &[u8]| format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(header));
    let json = json!({"protected": header, "payload": payload, "signature": signature}).to_string();
    let standard = STANDARD.encode(">>>???");
    let long = json!({"sub": "ada", "exp": NOW + 60, "padding": "x".repeat(6200)});
    for (name, token, expected) in [
        ("nothing", String::new(), Invalid),
        ("a word", "token".into(), Invalid),
        ("two dots", "..".into(), Invalid),
        ("no signature part", format!("{header}.{payload}"), Invalid),
        ("an empty signature", format!("{header}.{payload}."), Invalid),
        ("no header", format!(".{payload}.{signature}"), Invalid),
        ("no claims", format!("{header}..{signature}"), Invalid),
        ("four parts", format!("{token}.{signature}"), Invalid),
        ("five parts, as of an encrypted token", format!("{token}.{payload}.{signature}"), Invalid),
        ("a dot at the end", format!("{token}."), Invalid),
        ("a dot before", format!(".{token}"), Invalid),
        ("a space before", format!(" {token}"), Invalid),
        ("a line end behind", format!("{token}\n"), Invalid),
        ("a scheme before", format!("Bearer {token}"), Invalid),
        ("padding", format!("{token}="), Invalid),
        ("header in base64 of another alphabet", format!("{standard}.{payload}.{signature}"), Invalid),
        ("header that is not JSON", with_header(b"alg"), Invalid),
        ("header that is a list", with_header(b"[]"), Invalid),
        ("header that is not UTF-8", with_header(b"{\"alg\":\"\xff\"}"), Invalid),
        ("equivalent header that was not signed", with_header(br#"{"alg":"HS256" }"#), Invalid),
        ("the JSON serialisation", json, Invalid),
        ("longer than a token may be", Signer::Secret.token(&long), TooLong),
        ("longer than a token may be, and malformed", "x".repeat(1 << 20), TooLong),
    ] {
        assert_eq!(Signer::Secret.verifier().verify(&token, NOW), Err(expected), "{name}");
    }
}

#[test]
fn forged_signatures_are_refused() {
    let (token, [header, payload, signature]) = good();
    let other = URL_SAFE_NO_PAD.encode(json!({"sub": "eve", "exp": NOW + 60}).to_string());
    let mut cut = token.clone();
    cut.pop();
    // 32 bytes leave two bits of the last character unused, so another character decodes to the same bytes.
    let last = signature.chars().last().unwrap();
    let twin = token[..token.len() - 1].to_owned() + &char::from(last as u8 + 1).to_string();
    for (name, token) in [
        ("another secret", signed_with(b"another secret of thirty-two byte")),
        ("an empty secret", signed_with(b"")),
        ("other claims", format!("{header}.{other}.{signature}")),
        ("a signature cut short", cut),
        ("a signature with another unused bit", twin),
        ("a signature of zeros", format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode([0; 32]))),
    ] {
        assert_eq!(Signer::Secret.verifier().verify(&token, NOW), Err(Invalid), "{name}");
    }

    let unsigned = |signer: Signer, signature: &[u8]| {
        let [header, payload, _] = parts(&signer.token(&claims()));
        format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    let swapped = |signer: Signer| {
        let [header, _, signature] = parts(&signer.token(&claims()));
        format!("{header}.{other}.{signature}")
    };
    // r = s = 1 in DER, the format of OpenSSL.
    let der = [&[0x30, 6, 2, 1, 1, 2, 1, 1][..], &[0; 56]].concat();
    for (name, signer, token) in [
        ("RS256: other claims", Signer::Rsa, swapped(Signer::Rsa)),
        ("RS256: no signature", Signer::Rsa, unsigned(Signer::Rsa, &[])),
        ("RS256: a signature of zeros", Signer::Rsa, unsigned(Signer::Rsa, &[0; 256])),
        ("RS256: a signature of one", Signer::Rsa, unsigned(Signer::Rsa, &[&[0; 255][..], &[1]].concat())),
        ("ES256: other claims", Signer::P256, swapped(Signer::P256)),
        ("ES256: r and s are zero", Signer::P256, unsigned(Signer::P256, &[0; 64])),
        ("ES256: r and s are the order's neighbours", Signer::P256, unsigned(Signer::P256, &[0xff; 64])),
        ("ES256: in DER", Signer::P256, unsigned(Signer::P256, &der[..8])),
        ("ES256: in DER, filled up", Signer::P256, unsigned(Signer::P256, &der)),
        ("EdDSA: other claims", Signer::Ed25519, swapped(Signer::Ed25519)),
        ("EdDSA: a signature of zeros", Signer::Ed25519, unsigned(Signer::Ed25519, &[0; 64])),
        ("EdDSA: half a signature", Signer::Ed25519, unsigned(Signer::Ed25519, &[7; 32])),
    ] {
        assert_eq!(signer.verifier().verify(&token, NOW), Err(Invalid), "{name}");
    }
}

fn signed_with(secret: &[u8]) -> String {
    let key = EncodingKey::from_secret(secret);
    seal(r#"{"alg":"HS256"}"#, &claims().to_string(), &key, Algorithm::HS256)
}

#[test]
fn a_token_cannot_choose_its_algorithm_or_key() {
    let claims = claims().to_string();
    let (_, [_, payload, signature]) = good();
    let unsigned = |alg: Value, end: &str| {
        format!("{}.{payload}.{end}", URL_SAFE_NO_PAD.encode(json!({"alg": alg, "typ": "JWT"}).to_string()))
    };
    let hs = |header: Value| Signer::Secret.sign(&header.to_string(), &claims);
    let signed_as = |algorithm, name| Signer::Secret.sign_as(algorithm, &json!({"alg": name}).to_string(), &claims);
    let public = pem("rsa-2048.public");
    let der = pem::parse(&public).unwrap().into_contents();
    let (secret, rsa, p256, ed) =
        (Signer::Secret.verifier(), Signer::Rsa.verifier(), Signer::P256.verifier(), Signer::Ed25519.verifier());
    let set = key_set();
    let own = json!({"alg": "EdDSA", "jwk": Signer::Ed25519.jwk("mine")}).to_string();
    let twice = Signer::Secret.sign(r#"{"alg":"HS256","alg":"HS256"}"#, &claims);
    for (name, tokens, token) in [
        ("none", &secret, unsigned(json!("none"), "")),
        ("none with a signature", &secret, unsigned(json!("none"), &signature)),
        ("None", &secret, unsigned(json!("None"), "")),
        ("NONE to a public key", &rsa, unsigned(json!("NONE"), "")),
        ("none to a key set", &set, unsigned(json!("none"), "")),
        ("an empty algorithm", &secret, unsigned(json!(""), "")),
        ("no algorithm", &secret, hs(json!({"typ": "JWT"}))),
        ("an algorithm that is null", &secret, hs(json!({"alg": null}))),
        ("an algorithm that is a list", &secret, hs(json!({"alg": ["HS256"]}))),
        ("an algorithm in small letters", &secret, hs(json!({"alg": "hs256"}))),
        ("an algorithm twice", &secret, twice),
        ("HS384 with the right secret", &secret, signed_as(Algorithm::HS384, "HS384")),
        ("HS512 with the right secret", &secret, signed_as(Algorithm::HS512, "HS512")),
        ("HS512 that calls itself HS256", &secret, signed_as(Algorithm::HS512, "HS256")),
        ("HS256 that calls itself RS256", &secret, hs(json!({"alg": "RS256"}))),
        ("RS256 to a secret", &secret, Signer::Rsa.token(&serde_json::from_str(&claims).unwrap())),
        ("HS256 with the public key's PEM as the secret", &rsa, signed_with(public.as_bytes())),
        ("HS256 with the PEM without its line end", &rsa, signed_with(public.trim_end().as_bytes())),
        ("HS256 with the public key's DER as the secret", &rsa, signed_with(&der)),
        ("HS256 with the P-256 key's PEM as the secret", &p256, signed_with(pem("p256.public").as_bytes())),
        ("HS256 with the Ed25519 key's PEM as the secret", &ed, signed_with(pem("ed25519.public").as_bytes())),
        ("HS256 with a guessed secret to a key set", &set, signed_with(SECRET.as_bytes())),
        ("RS512 with the right key", &rsa, Signer::Rsa.sign_as(Algorithm::RS512, r#"{"alg":"RS512"}"#, &claims)),
        ("PS256 with the right key", &rsa, Signer::Rsa.sign_as(Algorithm::PS256, r#"{"alg":"PS256"}"#, &claims)),
        ("PS256 that calls itself RS256", &rsa, Signer::Rsa.sign_as(Algorithm::PS256, r#"{"alg":"RS256"}"#, &claims)),
        ("EdDSA that calls itself ES256", &p256, Signer::Ed25519.sign(r#"{"alg":"ES256"}"#, &claims)),
        ("EdDSA to a P-256 key", &p256, Signer::Ed25519.sign(r#"{"alg":"EdDSA"}"#, &claims)),
        ("ES256 to an RSA key", &rsa, Signer::P256.sign(r#"{"alg":"ES256"}"#, &claims)),
        ("a key in the token", &p256, Signer::Ed25519.sign(&own, &claims)),
        ("an extension called critical", &secret, hs(json!({"alg": "HS256", "crit": ["exp"], "exp": NOW}))),
        ("unencoded claims (RFC 7797)", &secret, hs(json!({"alg": "HS256", "crit": ["b64"], "b64": true}))),
        ("nothing called critical", &secret, hs(json!({"alg": "HS256", "crit": []}))),
        ("a word called critical", &secret, hs(json!({"alg": "HS256", "crit": "exp"}))),
        ("a kid that is a number", &secret, hs(json!({"alg": "HS256", "kid": 7}))),
    ] {
        assert_eq!(tokens.verify(&token, NOW), Err(Invalid), "{name}");
    }
}

#[test]
fn only_the_named_key_of_a_set_verifies() {
    let named = |signer: Signer, alg: &str, kid: &str| {
        signer.sign(&json!({"alg": alg, "kid": kid}).to_string(), &claims().to_string())
    };
    for (name, token, expected) in [
        ("an unknown kid", named(Signer::Rsa, "RS256", "rsa-4096"), UnknownKey),
        ("an empty kid", named(Signer::Rsa, "RS256", ""), UnknownKey),
        ("a kid in other letters", named(Signer::Rsa, "RS256", "RSA-2048"), UnknownKey),
        ("a kid that is a path", named(Signer::Rsa, "RS256", "../../dev/null"), UnknownKey),
        ("a kid with a query", named(Signer::Rsa, "RS256", "x' OR '1'='1"), UnknownKey),
        ("another's kid of another algorithm", named(Signer::P256, "ES256", "rsa-2048"), Invalid),
        ("another's kid and its algorithm's name", named(Signer::P256, "RS256", "rsa-2048"), Invalid),
        ("another's kid of the same algorithm", named(Signer::Ed25519, "EdDSA", "other"), Invalid),
        ("no kid and two possible keys", Signer::Ed25519.token(&claims()), Invalid),
    ] {
        assert_eq!(key_set().verify(&token, NOW), Err(expected), "{name}");
    }
}
