//! Accepted tokens of every algorithm: a verifier that refused everything would pass the other tables.

use crate::platform::{AUDIENCE, NOW, SECRET, Signer, claims, key_set, strict, with, without};
use auth_tokens::{MAX_SUB_BYTES, MAX_TOKEN_BYTES, sign_user_token};
use serde_json::{Value, json};
use shared_protocol::{GroupId, Role, Takeover, UserClaims};

fn expected() -> UserClaims {
    serde_json::from_value(claims()).unwrap()
}

#[test]
fn every_algorithm_is_accepted_with_its_key() {
    for signer in Signer::ALL {
        assert_eq!(signer.verifier().verify(&signer.token(&claims()), NOW), Ok(expected()), "{signer:?}");
    }
    let signed = sign_user_token(&expected(), SECRET.as_bytes()).unwrap();
    assert_eq!(Signer::Secret.verifier().verify(&signed, NOW), Ok(expected()));
}

#[test]
fn every_key_of_a_set_is_found_by_kid() {
    for signer in [Signer::Rsa, Signer::P256, Signer::Ed25519] {
        let header = json!({"alg": signer.algorithm(), "kid": signer.key()}).to_string();
        let token = signer.sign(&header, &claims().to_string());
        assert_eq!(key_set().verify(&token, NOW), Ok(expected()), "{signer:?}");
    }
    // Without a `kid`, where only one key has the algorithm.
    for signer in [Signer::Rsa, Signer::P256] {
        assert_eq!(key_set().verify(&signer.token(&claims()), NOW), Ok(expected()), "{signer:?}");
    }
}

#[test]
fn other_header_fields_are_ignored() {
    for more in [
        json!({"typ": "at+jwt"}),
        json!({"typ": null, "kid": "an ignored kid"}),
        json!({"jku": "http://127.0.0.1:9/keys", "x5u": "http://127.0.0.1:9/chain"}),
        json!({"jwk": Signer::P256.jwk("mine"), "x5c": ["AAAA"]}),
        json!({"b64": false, "zip": "DEF", "anything": {"else": 1}}),
    ] {
        let mut header = json!({"alg": "HS256"});
        header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let token = Signer::Secret.sign(&header.to_string(), &claims().to_string());
        assert_eq!(Signer::Secret.verifier().verify(&token, NOW), Ok(expected()), "{header}");
    }
}

fn read(claims: &Value) -> UserClaims {
    strict().verify(&Signer::Secret.token(claims), NOW).unwrap()
}

#[test]
fn the_audience_may_be_one_of_several() {
    assert_eq!(read(&with("aud", json!(["api", AUDIENCE]))), expected());
    // Without a required audience, the first is returned.
    let token = Signer::Secret.token(&with("aud", json!(["api", AUDIENCE])));
    assert_eq!(Signer::Secret.verifier().verify(&token, NOW).unwrap().aud.as_deref(), Some("api"));
    let token = Signer::Secret.token(&with("aud", json!([])));
    assert_eq!(Signer::Secret.verifier().verify(&token, NOW).unwrap().aud, None);
}

#[test]
fn dates_may_have_fractions_and_a_leeway() {
    assert_eq!(read(&with("exp", NOW as f64 + 60.9)), expected());
    for (name, date) in [("exp", NOW - 9), ("nbf", NOW + 10), ("iat", NOW + 10)] {
        read(&with(name, date));
    }
    assert_eq!(read(&with("exp", (1u64 << 53) - 1)).exp, (1 << 53) - 1);
}

#[test]
fn optional_claims_and_longest_values() {
    let bare = json!({"sub": "ada", "exp": NOW + 60});
    let claims = Signer::Secret.verifier().verify(&Signer::Secret.token(&bare), NOW).unwrap();
    assert_eq!((claims.role, claims.admin, claims.sid), (Role::Controller, false, None));
    assert_eq!(read(&with("sid", json!(null))).sid, None);
    assert_eq!(read(&without("iat")).iat, None);
    assert!(read(&with("admin", true)).admin);
    assert!(read(&with("rec", true)).class.rec && !read(&without("rec")).class.rec);
    assert_eq!(read(&with("role", "instructor")).role, Role::Instructor);
    assert_eq!(read(&with("profile", "python-3")).class.profile.unwrap().as_str(), "python-3");
    assert_eq!(read(&with("takeover", "ask")).class.takeover, Some(Takeover::Ask));
    assert_eq!(read(&with("takeover", "always")).class.takeover, Some(Takeover::Always));
    let class = &read(&with("grp", "class-7")).class;
    assert_eq!(class.grp.as_ref().map(GroupId::as_str), Some("class-7"));
    assert_eq!((class.name.as_deref(), &class.jti), (Some("Ada Lovelace"), &None));
    let sub = "ü".repeat(MAX_SUB_BYTES / 2);
    assert_eq!(read(&with("sub", sub.clone())).sub, sub);
    let mut padding = 0;
    let longest = loop {
        let token = Signer::Secret.token(&with("padding", "x".repeat(padding)));
        if token.len() >= MAX_TOKEN_BYTES - 1 {
            break token;
        }
        padding += (MAX_TOKEN_BYTES - token.len()) / 2;
    };
    assert!(longest.len() <= MAX_TOKEN_BYTES, "{}", longest.len());
    strict().verify(&longest, NOW).unwrap();
}

#[test]
fn any_name_is_accepted_and_shown_on_one_visible_line() {
    let long = "é".repeat(65);
    for (given, shown) in [
        (json!("Ada  Lovelace\n"), Some("Ada Lovelace")),
        (json!("\u{202e}evE\u{202c} \u{200b}♛"), Some("evE ♛")),
        (json!("\u{1b}[2J<b>ada</b>"), Some("[2J<b>ada</b>")),
        (json!(long), Some(&long[..2 * 64])),
        (json!("\u{200b} \u{feff}"), None),
        (json!(""), None),
        (json!(7), None),
        (json!({"first": "Ada"}), None),
    ] {
        assert_eq!(read(&with("name", given.clone())).class.name.as_deref(), shown, "{given}");
    }
}

#[test]
fn any_id_of_a_token_is_accepted_and_a_usable_one_is_kept() {
    let (most, too_long) = ("x".repeat(256), "x".repeat(257));
    for (given, kept) in [
        (json!("a/b\n"), Some("a/b\n")),
        (json!(most), Some(most.as_str())),
        (json!(too_long), None),
        (json!(""), None),
        (json!(7), None),
        (json!(null), None),
    ] {
        assert_eq!(read(&with("jti", given.clone())).class.jti.as_deref(), kept, "{given}");
    }
}
