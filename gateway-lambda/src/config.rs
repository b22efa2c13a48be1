//! Configuration from environment variables, each with its meaning and default.
//!
//! One struct per concern, so that a local gateway can leave AWS out. Secrets print as `<redacted>`.

#[cfg(feature = "aws")]
mod aws;

#[cfg(feature = "aws")]
pub use aws::AwsConfig;

use crate::browser::Endpoint;
use crate::jwks::JwksCache;
use crate::origin::AllowedOrigins;
use crate::token_verifier::TokenVerifier;
use auth_tokens::{GatewaySecret, KeySetting, KeySettingError, UserTokenVerifier};
use std::sync::Arc;
use std::time::Duration;

/// Default of `CONNECTION_TTL_SECONDS`: API Gateway's own idle limit.
pub const CONNECTION_TTL: Duration = Duration::from_secs(600);
/// Default of `MAX_CONNECTIONS_PER_USER`: ten terminals, each with a second connection while it reconnects.
pub const CONNECTIONS_PER_USER: usize = 20;

/// A variable that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A required variable is not set.
    #[error("{name} is required because {because}")]
    Required {
        /// The variable.
        name: &'static str,
        /// Use of the variable.
        because: &'static str,
    },
    /// A variable has an unusable value.
    #[error("{name} is not usable: {reason}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// The fault, without the value, which may be a secret.
        reason: String,
    },
    /// The key of users' tokens is unusable, or several are set.
    #[error(transparent)]
    Key(#[from] KeySettingError),
}

/// Rules for connections, and the address of @connections.
#[derive(Debug, Clone)]
pub struct Config {
    /// Verification of users' tokens. Exactly one of:
    /// - `JWT_SECRET`: HS256 with this secret of at least 32 bytes;
    /// - `JWT_PUBLIC_KEY`: RS256, ES256 or EdDSA with this public key in PEM (RSA of 2048 to 4096 bits, P-256 or Ed25519), whose
    ///   line ends may be written as `\n`;
    /// - `JWT_JWKS`: the same with this key set as JSON, from which a token's `kid` chooses;
    /// - `JWT_JWKS_URL`: the same with the key set at this URL (https, or this machine). It is fetched for the first token, after
    ///   10 minutes, and on an unknown `kid`, at most once a minute; if a fetch fails, the old keys stay valid for 24 hours.
    ///
    /// If set, `JWT_ISSUER` must equal a token's `iss`, and `JWT_AUDIENCE` its `aud` or an element of it.
    pub tokens: TokenVerifier,
    /// `ALLOWED_ORIGINS`, with commas; default: every origin.
    pub origins: AllowedOrigins,
    /// `MAX_CONNECTIONS_PER_USER`, default [`CONNECTIONS_PER_USER`]; five times that for viewers and instructors.
    pub connections_per_user: usize,
    /// `CONNECTION_TTL_SECONDS`, default [`CONNECTION_TTL`]: life of an idle connection's row.
    pub connection_ttl: Duration,
    /// `DOMAIN_NAME`: replaces the event's domain for @connections; may be a URL such as `http://127.0.0.1:4000`.
    pub domain_name: Option<String>,
    /// `STAGE`: replaces the event's stage for @connections.
    pub stage: Option<String>,
}

impl Config {
    /// Defaults for everything but the verifier of tokens.
    pub fn new(tokens: impl Into<TokenVerifier>) -> Self {
        Self {
            tokens: tokens.into(),
            origins: AllowedOrigins::Any,
            connections_per_user: CONNECTIONS_PER_USER,
            connection_ttl: CONNECTION_TTL,
            domain_name: None,
            stage: None,
        }
    }

    /// Reads the variables named at the fields.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let lookup = Lookup(&lookup);
        let mut config = Self::new(token_verifier(&lookup)?);
        config.origins = AllowedOrigins::parse(&lookup.get("ALLOWED_ORIGINS").unwrap_or_default());
        if let Some(limit) = lookup.number("MAX_CONNECTIONS_PER_USER")? {
            config.connections_per_user = usize::try_from(limit).unwrap_or(usize::MAX);
        }
        if let Some(seconds) = lookup.number("CONNECTION_TTL_SECONDS")? {
            config.connection_ttl = Duration::from_secs(seconds);
        }
        config.domain_name = lookup.get("DOMAIN_NAME");
        config.stage = lookup.get("STAGE");
        Ok(config)
    }

    /// Address of @connections for an event of this domain and stage.
    pub(crate) fn endpoint(&self, domain_name: &str, stage: &str) -> Endpoint {
        let domain = self.domain_name.as_deref().unwrap_or(domain_name);
        Endpoint::new(domain, self.stage.as_deref().unwrap_or(stage))
    }
}

fn token_verifier<F: Fn(&str) -> Option<String>>(lookup: &Lookup<'_, F>) -> Result<TokenVerifier, ConfigError> {
    let (issuer, audience) = (lookup.get("JWT_ISSUER"), lookup.get("JWT_AUDIENCE"));
    let because = "every connection is authorized by a token signed with it (or with a key that JWT_PUBLIC_KEY, JWT_JWKS or \
                   JWT_JWKS_URL names)";
    match KeySetting::from_lookup(|name| lookup.get(name))? {
        None => Err(ConfigError::Required { name: "JWT_SECRET", because }),
        Some(KeySetting::Key(key)) => Ok(UserTokenVerifier { key, issuer, audience }.into()),
        Some(KeySetting::Url(url)) => {
            let cache = JwksCache::new(&url, issuer, audience).map_err(invalid("JWT_JWKS_URL"))?;
            Ok(TokenVerifier::Jwks(Arc::new(cache)))
        }
    }
}

/// Address of the terminal service, and the secret shared with it.
#[derive(Debug, Clone)]
pub struct BackendConfig {
    /// `APP_RUNNER_URL` or `BACKEND_URL`, without a trailing slash.
    pub url: String,
    /// `GATEWAY_SECRET`; derived from `JWT_SECRET` if only that is set.
    pub secret: GatewaySecret,
}

impl BackendConfig {
    /// Reads the variables named at the fields.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let lookup = Lookup(&lookup);
        let because =
            "messages are forwarded to the terminal service at that address (BACKEND_URL is another name for it)";
        let url = match lookup.get("BACKEND_URL") {
            Some(url) if lookup.get("APP_RUNNER_URL").is_none() => url,
            _ => lookup.required("APP_RUNNER_URL", because)?,
        };
        let url = url.trim().trim_end_matches('/').to_owned();
        if !url.starts_with("https://") && !url.starts_with("http://") {
            let reason = "it must start with https:// or http://".to_owned();
            return Err(ConfigError::Invalid { name: "APP_RUNNER_URL", reason });
        }
        let because = "requests to the terminal service are signed with it, and it can be derived from JWT_SECRET only";
        let secret = match (lookup.get("GATEWAY_SECRET"), lookup.get("JWT_SECRET")) {
            (Some(secret), _) => GatewaySecret::new(secret.as_bytes()).map_err(invalid("GATEWAY_SECRET"))?,
            (None, Some(secret)) => GatewaySecret::derived_from(secret.as_bytes()).map_err(invalid("JWT_SECRET"))?,
            (None, None) => return Err(ConfigError::Required { name: "GATEWAY_SECRET", because }),
        };
        Ok(Self { url, secret })
    }
}

/// Variables by name. A blank value counts as not set; other values are not trimmed, because a secret may hold spaces.
struct Lookup<'a, F>(&'a F);

impl<F: Fn(&str) -> Option<String>> Lookup<'_, F> {
    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.trim().is_empty())
    }

    fn required(&self, name: &'static str, because: &'static str) -> Result<String, ConfigError> {
        self.get(name).ok_or(ConfigError::Required { name, because })
    }

    fn number(&self, name: &'static str) -> Result<Option<u64>, ConfigError> {
        match self.get(name).map(|value| value.trim().parse::<u64>()) {
            None => Ok(None),
            Some(Ok(number)) if number > 0 => Ok(Some(number)),
            Some(_) => {
                Err(ConfigError::Invalid { name, reason: "it must be a whole number greater than 0".to_owned() })
            }
        }
    }
}

fn invalid<E: std::fmt::Display>(name: &'static str) -> impl Fn(E) -> ConfigError {
    move |error| ConfigError::Invalid { name, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn lookup<'a>(variables: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn errors_name_the_variable_and_the_reason() {
        let config = |variables: &[(&str, &str)]| Config::from_lookup(lookup(variables)).unwrap_err().to_string();
        let backend =
            |variables: &[(&str, &str)]| BackendConfig::from_lookup(lookup(variables)).unwrap_err().to_string();
        let aws = |variables: &[(&str, &str)]| AwsConfig::from_lookup(lookup(variables)).unwrap_err().to_string();
        let (url, secret) = (("BACKEND_URL", "http://localhost:3001"), ("JWT_SECRET", SECRET));
        let faults = [
            (config(&[]), "JWT_SECRET is required because every connection is authorized by a token signed with it"),
            (config(&[("JWT_SECRET", "  ")]), "JWT_SECRET is required because"),
            (config(&[("JWT_SECRET", "short")]), "JWT_SECRET is not usable: a secret must have at least 32 bytes"),
            (
                config(&[secret, ("CONNECTION_TTL_SECONDS", "0")]),
                "CONNECTION_TTL_SECONDS is not usable: it must be a whole number",
            ),
            (config(&[secret, ("MAX_CONNECTIONS_PER_USER", "many")]), "MAX_CONNECTIONS_PER_USER is not usable"),
            (backend(&[secret]), "APP_RUNNER_URL is required because messages are forwarded"),
            (backend(&[("APP_RUNNER_URL", "localhost")]), "APP_RUNNER_URL is not usable: it must start with https://"),
            (backend(&[url]), "GATEWAY_SECRET is required because"),
            (backend(&[url, ("JWT_JWKS_URL", "https://a.example")]), "GATEWAY_SECRET is required because"),
            (
                config(&[("JWT_JWKS_URL", "http://a.example/short")]),
                "JWT_JWKS_URL is not usable: it must start with https",
            ),
            (config(&[("JWT_PUBLIC_KEY", "short")]), "JWT_PUBLIC_KEY is not usable: not a PEM public key"),
            (config(&[("JWT_JWKS", "short")]), "JWT_JWKS is not usable: not a JWK set"),
            (config(&[("JWT_JWKS_URL", "https://a.example"), secret]), "JWT_SECRET and JWT_JWKS_URL are both set"),
            (backend(&[url, ("GATEWAY_SECRET", "short"), secret]), "GATEWAY_SECRET is not usable"),
            (aws(&[]), "AWS_ACCESS_KEY_ID is required because"),
            (aws(&[("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")]), "TABLE_NAME is required because"),
        ];
        for (error, expected) in faults {
            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains("short"), "{error}");
        }
    }

    #[test]
    fn defaults_and_overrides() {
        let config = Config::from_lookup(lookup(&[("JWT_SECRET", SECRET)])).unwrap();
        assert_eq!((config.connections_per_user, config.connection_ttl.as_secs()), (20, 600));
        assert_eq!(config.origins, AllowedOrigins::Any);
        assert!(matches!(&config.tokens, TokenVerifier::Fixed(tokens) if tokens.issuer.is_none()), "{config:?}");
        assert_eq!(config.endpoint("api.example", "prod").as_str(), "https://api.example/prod");
        let config = Config::from_lookup(lookup(&[
            ("JWT_SECRET", SECRET),
            ("JWT_ISSUER", "lab"),
            ("ALLOWED_ORIGINS", "https://lab.example"),
            ("MAX_CONNECTIONS_PER_USER", "3"),
            ("CONNECTION_TTL_SECONDS", " 60 "),
            ("DOMAIN_NAME", "http://127.0.0.1:4000"),
            ("STAGE", "local"),
        ]));
        let config = config.unwrap();
        assert_eq!((config.connections_per_user, config.connection_ttl.as_secs()), (3, 60));
        assert!(!config.origins.allow(Some("https://other.example")));
        assert!(matches!(&config.tokens, TokenVerifier::Fixed(tokens) if tokens.issuer.as_deref() == Some("lab")));
        assert_eq!(config.endpoint("api.example", "prod").as_str(), "http://127.0.0.1:4000/local");
    }

    #[test]
    fn the_gateway_secret_is_configured_or_derived() {
        let read = |variables: &[(&str, &str)]| BackendConfig::from_lookup(lookup(variables)).unwrap();
        let urls = [("APP_RUNNER_URL", "https://a.example/"), ("BACKEND_URL", "http://b"), ("JWT_SECRET", SECRET)];
        let derived = read(&urls);
        assert_eq!(derived.url, "https://a.example");
        assert_eq!(derived.secret, GatewaySecret::derived_from(SECRET.as_bytes()).unwrap());
        // Not trimmed, because the service reads the same variable.
        let own = format!(" {SECRET}\n");
        let own = read(&[("BACKEND_URL", "http://b"), ("GATEWAY_SECRET", &own), ("JWT_SECRET", SECRET)]);
        assert_eq!(own.url, "http://b");
        assert_eq!(own.secret, GatewaySecret::new(format!(" {SECRET}\n").as_bytes()).unwrap());
    }

    #[test]
    fn no_secret_is_printed() {
        let variables = [
            ("JWT_SECRET", SECRET),
            ("BACKEND_URL", "http://b"),
            ("TABLE_NAME", "t"),
            ("AWS_REGION", "r"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_SESSION_TOKEN", SECRET),
        ];
        let lookup = lookup(&variables);
        let (config, backend) = (Config::from_lookup(&lookup).unwrap(), BackendConfig::from_lookup(&lookup).unwrap());
        let printed = format!("{config:?} {backend:?} {:?}", AwsConfig::from_lookup(&lookup).unwrap());
        assert!(!printed.contains(SECRET), "{printed}");
        assert!(printed.contains("<redacted>"), "{printed}");
    }
}
