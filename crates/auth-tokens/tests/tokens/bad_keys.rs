//! Refused keys, the variables that hold keys, and the forms of a PEM in a variable.

use crate::platform::{NOW, SECRET, Signer, claims, pem};
use auth_tokens::{GatewaySecret, KeyError, KeySetting, KeySettingError, UserKey, UserTokenVerifier, sign_user_token};
use serde_json::{Value, json};

#[test]
fn a_short_secret_is_refused() {
    let short = &SECRET.as_bytes()[1..];
    assert!(UserKey::hs256(short).is_err());
    assert!(GatewaySecret::new(short).is_err());
    let claims = serde_json::from_value(claims()).unwrap();
    assert!(sign_user_token(&claims, short).is_err());
}

#[test]
fn unsafe_and_unsupported_pems_are_refused() {
    let two = pem("p256.public") + &pem("ed25519.public");
    let cut = pem("p256.public").lines().take(2).collect::<Vec<_>>().join("\n");
    let damaged = pem("rsa-2048.public").replace("MII", "MIJ");
    for (name, text, expected) in [
        ("nothing", String::new(), KeyError::NotPem),
        ("a word", "secret".into(), KeyError::NotPem),
        ("without an end", cut, KeyError::NotPem),
        ("a key set", json!({"keys": []}).to_string(), KeyError::NotPem),
        ("two keys", two, KeyError::MultiplePems),
        ("the private RSA key", pem("rsa-2048.private"), KeyError::PrivateKey),
        ("the private P-256 key", pem("p256.private"), KeyError::PrivateKey),
        ("a certificate", pem("p256.certificate"), KeyError::Certificate),
        ("RSA of 1024 bits", pem("rsa-1024.public"), KeyError::Unsupported),
        ("RSA of 8192 bits", pem("rsa-8192.public"), KeyError::Unsupported),
        ("RSA for PSS only", pem("rsa-pss.public"), KeyError::Unsupported),
        ("P-384", pem("p384.public"), KeyError::Unsupported),
        ("secp256k1", pem("secp256k1.public"), KeyError::Unsupported),
        ("X25519", pem("x25519.public"), KeyError::Unsupported),
        ("Ed448", pem("ed448.public"), KeyError::Unsupported),
        ("another block", pem("p256.public").replace("PUBLIC KEY", "DH PARAMETERS"), KeyError::Unsupported),
        ("a damaged key", damaged, KeyError::Unsupported),
    ] {
        assert_eq!(UserKey::from_pem(&text).err(), Some(expected), "{name}");
    }
}

#[test]
fn a_pem_may_have_any_line_ends() {
    for signer in [Signer::Rsa, Signer::P256, Signer::Ed25519] {
        let pem = pem(&format!("{}.public", signer.key()));
        let lines: Vec<&str> = pem.lines().collect();
        let one_line = format!("{}{}{}", lines[0], lines[1..lines.len() - 1].concat(), lines[lines.len() - 1]);
        for text in [
            pem.replace('\n', "\\n"),
            pem.replace('\n', "\\r\\n"),
            pem.replace('\n', "\r\n"),
            pem.replace('\n', " "),
            format!("\n  {}  ", pem.trim_end()),
            format!("Key of the platform\n{pem}"),
            one_line,
        ] {
            let key = UserKey::from_pem(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            let tokens = UserTokenVerifier::new(key);
            assert!(tokens.verify(&signer.token(&claims()), NOW).is_ok(), "{text}");
        }
    }
    assert!(UserKey::from_pem(&pem("rsa-2048.pkcs1")).is_ok());
    assert!(UserKey::from_pem(&pem("rsa-4096.public")).is_ok());
}

fn set(keys: &Value) -> Result<UserKey, KeyError> {
    UserKey::from_jwks(json!({"keys": keys}).to_string().as_bytes())
}

fn changed(signer: Signer, name: &str, value: impl Into<Value>) -> Value {
    let mut jwk = signer.jwk("k");
    jwk[name] = value.into();
    jwk
}

#[test]
fn unusable_keys_of_a_set_are_ignored() {
    for text in ["", "keys", "[]", "{}", r#"{"keys": {}}"#, r#"{"kty": "RSA"}"#, &pem("p256.public")] {
        assert_eq!(UserKey::from_jwks(text.as_bytes()).err(), Some(KeyError::NotJwks), "{text}");
    }
    let useless = [
        json!(null),
        json!("key"),
        json!({}),
        json!({"kty": "oct", "k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY", "alg": "HS256", "kid": "k"}),
        json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"}),
        changed(Signer::Rsa, "use", "enc"),
        changed(Signer::Rsa, "key_ops", json!(["encrypt"])),
        changed(Signer::Rsa, "alg", "RSA-OAEP-256"),
        changed(Signer::Rsa, "alg", "PS256"),
        changed(Signer::Rsa, "alg", "HS256"),
        changed(Signer::Rsa, "n", "AQAB"),
        changed(Signer::Rsa, "n", format!("{}A", "_".repeat(8192 / 6))),
        changed(Signer::Rsa, "e", "AA"),
        changed(Signer::Rsa, "d", "AQAB"),
        changed(Signer::Rsa, "kid", 7),
        changed(Signer::P256, "crv", "P-384"),
        changed(Signer::P256, "crv", "secp256k1"),
        changed(Signer::P256, "alg", "ES384"),
        changed(Signer::P256, "y", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        changed(Signer::P256, "x", "AA"),
        changed(Signer::Ed25519, "crv", "X25519"),
        changed(Signer::Ed25519, "crv", "P-256"),
        changed(Signer::Ed25519, "x", "AAAA"),
        // The neutral point, of order one.
        changed(Signer::Ed25519, "x", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    ];
    for key in &useless {
        assert_eq!(set(&json!([key])).err(), Some(KeyError::EmptyJwks), "{key}");
    }
    assert_eq!(set(&json!([])).err(), Some(KeyError::EmptyJwks));
    let mut mixed = useless.to_vec();
    mixed.push(Signer::P256.jwk("good"));
    let tokens = UserTokenVerifier::new(set(&json!(mixed)).unwrap());
    let token = Signer::P256.sign(r#"{"alg":"ES256","kid":"good"}"#, &claims().to_string());
    assert!(tokens.verify(&token, NOW).is_ok());
}

#[test]
fn exactly_one_variable_may_be_set_and_errors_name_it() {
    let rsa = pem("rsa-2048.public");
    let keys = json!({"keys": [Signer::Ed25519.jwk("k")]}).to_string();
    let read = |variables: &[(&str, &str)]| {
        let find =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        KeySetting::from_lookup(find)
    };
    assert!(matches!(read(&[]), Ok(None)));
    for one in [("JWT_SECRET", SECRET), ("JWT_PUBLIC_KEY", &rsa), ("JWT_JWKS", &keys)] {
        assert!(matches!(read(&[one]), Ok(Some(KeySetting::Key(_)))), "{}", one.0);
    }
    let url = ("JWT_JWKS_URL", "https://platform.example/keys");
    assert!(matches!(read(&[url]), Ok(Some(KeySetting::Url(found))) if found == url.1));
    let all = [("JWT_SECRET", SECRET), ("JWT_PUBLIC_KEY", &rsa), ("JWT_JWKS", &keys), url];
    for (first, one) in all.iter().enumerate() {
        for other in &all[first + 1..] {
            let expected = KeySettingError::Conflict { first: one.0, second: other.0 };
            assert_eq!(read(&[*other, *one]).unwrap_err(), expected);
        }
    }
    for (one, sentence) in [
        (("JWT_SECRET", "short"), "JWT_SECRET is not usable: a secret must have at least 32 bytes"),
        (("JWT_PUBLIC_KEY", "short"), "JWT_PUBLIC_KEY is not usable: not a PEM public key: it must begin with"),
        (("JWT_JWKS", "short"), "JWT_JWKS is not usable: not a JWK set: a JSON object such as {\"keys\": [{"),
        (("JWT_JWKS", r#"{"keys": []}"#), "JWT_JWKS is not usable: no public key for RS256 (2048 to 4096 bits)"),
    ] {
        let error = read(&[one]).unwrap_err().to_string();
        assert!(error.starts_with(sentence) && !error.contains("short"), "{error}");
    }
    let printed = format!("{:?} {:?}", read(&all[..1]), read(&all[2..3]));
    assert!(!printed.contains(SECRET) && printed.contains("HS256") && printed.contains("EdDSA"), "{printed}");
}
