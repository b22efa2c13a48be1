//! Tests of the whole configuration: defaults, and every error.

use super::*;
use crate::clock::SystemRandom;
use crate::recording::{Bucket, RecordingsPlace};
use shared_protocol::ProfileName;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// The key of RFC 8037 appendix A.2.
const KEYS: &str =
    r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let lookup = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
    Config::from_lookup(lookup, &SystemRandom)
}

#[test]
fn upstash_is_refused_only_without_tls_and_by_its_host() {
    for url in
        ["rediss://default:p@eu1-lab-1.upstash.io:6379", "redis://x.upstash.io:p@cache", "redis://cache/.upstash.io"]
    {
        assert!(read(&[("REDIS_URL", url)]).is_ok(), "{url}");
    }
}

#[test]
fn without_secrets_it_listens_on_loopback_only() {
    let config = read(&[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:3001");
    assert!(config.auth.random_secrets);
}

#[test]
fn instances_find_each_other_in_redis() {
    let config = read(&[("REDIS_URL", "rediss://:p@cache:6379"), ("ADVERTISE_URL", "http://10.0.0.7:3001/")]);
    let config = config.unwrap();
    assert_eq!(config.advertise, Some(Advertise::Url("http://10.0.0.7:3001".into())));
    assert!(!format!("{config:?}").contains(":p@"), "the password is redacted");
    let auto = read(&[("REDIS_URL", "redis://cache"), ("ADVERTISE_URL", "auto")]).unwrap();
    assert_eq!(auto.advertise, Some(Advertise::Auto));
    for bad in ["https://10.0.0.7", "10.0.0.7:3001", "http://a/path", "http://a?x", "ftp://a"] {
        let refused = read(&[("REDIS_URL", "redis://cache"), ("ADVERTISE_URL", bad)]).unwrap_err().to_string();
        assert!(refused.starts_with("ADVERTISE_URL must be"), "{refused}");
    }
}

#[test]
fn a_metrics_token_has_16_bytes() {
    let long = read(&[("METRICS_TOKEN", "0123456789abcdef")]).unwrap();
    assert!(long.metrics_token.is_some() && !format!("{long:?}").contains("89abcdef"));
}

#[test]
fn variables_of_the_first_version_still_work() {
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
fn a_public_key_replaces_the_secret_if_the_gateway_has_its_own() {
    let config = read(&[("JWT_JWKS", KEYS), ("GATEWAY_SECRET", SECRET), ("NODE_ENV", "production")]).unwrap();
    assert_eq!(config.listen.to_string(), "0.0.0.0:3001");
    assert!(!config.auth.random_secrets);
}

#[test]
fn errors_name_the_variable_and_no_secret() {
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
        (&[("HOST", "0.0.0.0")], "JWT_SECRET is required because HOST makes the service listen beyond this machine"),
        (&[("ADVERTISE_URL", "http://10.0.0.7:3001")], "REDIS_URL is required because ADVERTISE_URL is set"),
        (
            &[("REDIS_URL", "http://user:p@cache")],
            "REDIS_URL must be a redis:// or rediss:// address, but is \"<redacted>\"",
        ),
        (
            &[("REDIS_URL", "redis://default:p@eu1-lab-1.UPSTASH.io:6379/0")],
            "REDIS_URL must be a rediss:// address (with two s), because Upstash takes connections only over TLS, but is \
             \"<redacted>\"",
        ),
        (
            &[("METRICS_TOKEN", "0123456789abcde")],
            "METRICS_TOKEN must be at least 16 bytes long, but is \"<redacted>\"",
        ),
        (&[("RECORDINGS", "yes")], "RECORDINGS must be `asked`, `all` or `none`, but is \"yes\""),
        (&[("RECORDINGS_URL", "s3://bucket")], "RECORDINGS_CREDENTIALS is required because RECORDINGS_URL is a bucket"),
        (
            &[("RECORDINGS_URL", "s3://bucket"), ("RECORDINGS_CREDENTIALS", "hunter2")],
            "RECORDINGS_CREDENTIALS must be an access key and its secret, with a colon between them, but is \"<redacted>\"",
        ),
        (&[("RECORD_INPUT", "yes")], "RECORD_INPUT must be"),
        (&[("RECORDINGS_OWNER_DELETES", "yes")], "RECORDINGS_OWNER_DELETES must be"),
        (&[("RECORDINGS_DAYS", "0")], "RECORDINGS_DAYS must be a positive whole number"),
        (&[("SESSION_MAX_SECONDS", "0")], "SESSION_MAX_SECONDS must be a positive whole number, but is \"0\""),
        (
            &[("SESSION_MAX_LIFETIME_SECONDS", "9"), ("SESSION_LONGEST_SECONDS", "8")],
            "SESSION_MAX_LIFETIME_SECONDS and its deprecated name SESSION_LONGEST_SECONDS are both set and differ: \
             unset SESSION_LONGEST_SECONDS",
        ),
    ] {
        let error = read(variables).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
    let debug = format!("{:?}", read(&[("JWT_SECRET", SECRET)]).unwrap());
    assert!(!debug.contains(SECRET));
}

#[test]
fn deprecated_names_work_and_are_reported() {
    let config = read(&[("SESSION_GRACE_SECONDS", "7"), ("REDIS_URL", "rediss://cache"), ("REDIS_CA", "/ca.pem")]);
    let config = config.unwrap();
    assert_eq!(config.limits.detach_timeout, Duration::from_secs(7));
    assert_eq!(config.redis_authority, Some("/ca.pem".into()));
    let [grace, ca] = &config.warnings[..] else { panic!("{:?}", config.warnings) };
    assert_eq!(grace, "SESSION_GRACE_SECONDS is deprecated: set SESSION_DETACH_TIMEOUT_SECONDS");
    assert_eq!(ca, "REDIS_CA is deprecated: set REDIS_TLS_CA_FILE");
    let same = [("SESSION_LIFETIME_SECONDS", "9"), ("SESSION_MAX_SECONDS", "9")];
    assert_eq!(read(&same).unwrap().limits.initial_lifetime, Duration::from_secs(9));
    assert!(read(&[("SESSION_IDLE_SECONDS", "7")]).unwrap().warnings.is_empty());
}

#[test]
fn recordings_go_to_a_folder_or_a_bucket() {
    let place = |url: &str| {
        let config = read(&[("RECORDINGS_URL", url), ("RECORDINGS_CREDENTIALS", "key:sec:ret")]);
        config.map(|config| config.recordings.place)
    };
    assert_eq!(read(&[]).unwrap().recordings, RecordingSettings::default());
    assert_eq!(place("file:///srv/records").unwrap(), RecordingsPlace::Folder("/srv/records".into()));
    let bucket = Bucket {
        bucket: "records".into(),
        folder: "of/lab".into(),
        endpoint: Some("https://s3.example:9000".into()),
        region: "eu-central-1".into(),
        access_key: "key".into(),
        secret_key: "sec:ret".into(),
    };
    let url = "s3://records/of/lab?region=eu-central-1&endpoint=https://s3.example:9000";
    assert_eq!(place(url).unwrap(), RecordingsPlace::Bucket(bucket.clone()));
    assert!(!format!("{bucket:?}").contains("sec:ret"));
    for bad in [
        "/srv",
        "file://srv",
        "file:///",
        "s3://",
        "s3:///x",
        "s3://b?x=1",
        "s3://b?region",
        "s3://b?endpoint=s3.example",
    ] {
        assert!(place(bad).unwrap_err().to_string().starts_with("RECORDINGS_URL must be an address"), "{bad}");
    }
}

#[test]
fn numbers_of_the_page_are_the_defaults() {
    let config = read(&[]).unwrap();
    let Limits { detach_timeout, idle_timeout, initial_lifetime, extension, max_lifetime, output_rate, .. } =
        config.limits;
    let times = [detach_timeout, idle_timeout, initial_lifetime, extension, max_lifetime];
    assert_eq!(times.map(|time| time.as_secs() / 60), [5, 30, 240, 60, 480]);
    assert_eq!((output_rate, config.connections_per_user, config.relays_at_most), (1024 * 1024, 20, 250));
}

#[test]
fn the_usual_folder_of_profiles_need_not_exist_and_gives_way_to_a_named_one() {
    let of = |named: Option<&Path>, usual: &Path| {
        let lookup = |name: &str| named.filter(|_| name == "PROFILES").map(|path| path.display().to_string());
        profiles(&Env::new(&lookup).unwrap(), usual, false)
    };
    let has = |profiles: Profiles, name: &str| profiles.find(Some(&ProfileName::new(name).unwrap())).is_ok();
    let folder = tempfile::tempdir().unwrap();
    let [usual, named] = ["usual", "named"].map(|name| folder.path().join(name));
    assert_eq!(of(None, &usual).unwrap(), Profiles::default());
    let absent = of(Some(&named), &usual).unwrap_err().to_string();
    assert!(absent.contains(&named.display().to_string()), "{absent}");
    for (path, file) in [(&usual, "python.toml"), (&named, "rust.toml")] {
        std::fs::create_dir(path).unwrap();
        std::fs::write(path.join(file), "message = 'Hello.'").unwrap();
    }
    assert!(has(of(None, &usual).unwrap(), "python"));
    let other = of(Some(&named), &usual).unwrap();
    assert!(has(other.clone(), "rust") && !has(other, "python"));
    std::fs::write(usual.join("python.toml"), "shel = 1").unwrap();
    assert!(of(None, &usual).unwrap_err().to_string().contains("python.toml, line 1"));
    assert_eq!(PROFILES, "/etc/termgate/profiles");
}
