//! What is read of an environment, and what is refused.

use super::*;
use crate::clock::SystemEntropy;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// The key of RFC 8037 appendix A.2.
const KEYS: &str =
    r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let lookup = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
    Config::from_lookup(lookup, &SystemEntropy)
}

#[test]
fn without_configuration_it_serves_this_machine_only() {
    let config = read(&[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:3001");
    assert!(config.auth.random_secrets);
    let refused = read(&[("HOST", "0.0.0.0")]).unwrap_err().to_string();
    assert_eq!(refused, "JWT_SECRET is required because the service is to listen beyond this machine");
}

#[test]
fn instances_find_each_other_in_redis() {
    let config = read(&[("REDIS_URL", "rediss://:p@cache:6379"), ("ADVERTISE_URL", "http://10.0.0.7:3001/")]);
    let config = config.unwrap();
    assert_eq!(config.advertise, Some(Advertise::Url("http://10.0.0.7:3001".into())));
    assert!(!format!("{config:?}").contains(":p@"), "the password is not shown");
    let auto = read(&[("REDIS_URL", "redis://cache"), ("ADVERTISE_URL", "auto")]).unwrap();
    assert_eq!(auto.advertise, Some(Advertise::Auto));
    let alone = read(&[("ADVERTISE_URL", "http://10.0.0.7:3001")]).unwrap_err().to_string();
    assert!(alone.starts_with("REDIS_URL is required because ADVERTISE_URL is set"), "{alone}");
    for bad in ["https://10.0.0.7", "10.0.0.7:3001", "http://a/path", "http://a?x", "ftp://a"] {
        let refused = read(&[("REDIS_URL", "redis://cache"), ("ADVERTISE_URL", bad)]).unwrap_err().to_string();
        assert!(refused.starts_with("ADVERTISE_URL must be"), "{refused}");
    }
    let shown = read(&[("REDIS_URL", "http://user:secret@cache")]).unwrap_err().to_string();
    assert!(shown.contains("redis://") && !shown.contains("secret"), "{shown}");
}

#[test]
fn a_token_for_metrics_is_not_to_be_guessed() {
    let long = read(&[("METRICS_TOKEN", "0123456789abcdef")]).unwrap();
    assert!(long.metrics_token.is_some() && !format!("{long:?}").contains("89abcdef"));
    let short = read(&[("METRICS_TOKEN", "0123456789abcde")]).unwrap_err().to_string();
    assert_eq!(short, "METRICS_TOKEN must be at least 16 bytes long, but is \"<redacted>\"");
}

#[test]
fn an_existing_deployment_starts_as_it_is() {
    let config = read(&[
        ("JWT_SECRET", SECRET),
        ("NODE_ENV", "production"),
        ("AWS_REGION", "eu-central-1"),
        ("FRONTEND_URL", "https://labs.example/"),
        ("GATEWAY_SECRET", ""),
        ("PORT", "8080"),
    ]);
    let config = config.unwrap();
    assert_eq!(config.listen.to_string(), "0.0.0.0:8080");
    assert_eq!(config.auth.origins, ["https://labs.example"]);
}

#[test]
fn a_public_key_is_as_good_as_a_secret_when_the_gateway_has_its_own() {
    let config = read(&[("JWT_JWKS", KEYS), ("GATEWAY_SECRET", SECRET), ("NODE_ENV", "production")]).unwrap();
    assert_eq!(config.listen.to_string(), "0.0.0.0:3001");
    assert!(!config.auth.random_secrets);
}

#[test]
fn what_is_wrong_is_said_without_secrets() {
    for (variables, message) in [
        (&[("NODE_ENV", "production")][..], "JWT_SECRET is required because NODE_ENV is production"),
        (&[("JWT_SECRET", "short")], "JWT_SECRET is not usable: a secret must have at least 32 bytes"),
        (&[("JWT_PUBLIC_KEY", "short")], "JWT_PUBLIC_KEY is not usable: not a PEM public key"),
        (&[("JWT_JWKS", "{}")], "JWT_JWKS is not usable: not a JWK set"),
        (&[("JWT_SECRET", SECRET), ("JWT_JWKS", KEYS)], "JWT_SECRET and JWT_JWKS are both set"),
        (&[("JWT_JWKS_URL", "https://a.example")], "JWT_JWKS is required because JWT_JWKS_URL is for the gateway"),
        (&[("JWT_JWKS", KEYS)], "GATEWAY_SECRET is required because the gateway's requests are signed with it"),
        (&[("GATEWAY_SECRET", "short")], "GATEWAY_SECRET must be at least 32 bytes long"),
        (&[("PORT", "http")], "PORT must be a port number, but is \"http\""),
        (&[("MAX_HTTP_CONNECTIONS", "0")], "MAX_HTTP_CONNECTIONS must be a positive whole number"),
        (&[("MESSAGES_PER_SECOND", "many")], "MESSAGES_PER_SECOND must be a whole number"),
        (&[("SESSION_IDLE_SECONDS", "0")], "SESSION_IDLE_SECONDS must be a positive whole number"),
        (&[("ALLOWED_ORIGINS", "https://a.example, *")], "ALLOWED_ORIGINS must be a list of origins"),
        (&[("LOG_FORMAT", "xml")], "LOG_FORMAT must be `text` or `json`"),
        (&[("LOG_COMMANDS", "yes")], "LOG_COMMANDS must be `true` or `false`"),
    ] {
        let error = read(variables).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
    let debug = format!("{:?}", read(&[("JWT_SECRET", SECRET)]).unwrap());
    assert!(!debug.contains(SECRET));
}
