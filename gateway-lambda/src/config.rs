//! What the function reads from its environment: each variable with its meaning and its default, in this one place.
//!
//! A struct per concern, so that a local gateway can fill in what it knows and leave AWS out. Secrets print as `<redacted>`.

use crate::browser::Endpoint;
use crate::origin::Origins;
use aws_credential_types::Credentials;
use std::time::Duration;
use tokens::{GatewaySecret, UserKey, UserTokens};

/// Default of `CONNECTION_TTL_SECONDS`: API Gateway's own idle limit.
pub const CONNECTION_TTL: Duration = Duration::from_secs(600);
/// Default of `MAX_CONNECTIONS_PER_USER`: a few terminals in a few tabs, twice over while they hand over.
pub const CONNECTIONS_PER_USER: usize = 20;

/// A variable that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Nothing works without it.
    #[error("{name} is required because {because}")]
    Required {
        /// The variable.
        name: &'static str,
        /// The reason.
        because: &'static str,
    },
    /// It is set to something unusable.
    #[error("{name} is not usable: {reason}")]
    Unusable {
        /// The variable.
        name: &'static str,
        /// What is wrong with it; never its value, which may be a secret.
        reason: String,
    },
}

/// Whom the gateway lets in, and where it finds the browser.
#[derive(Debug, Clone)]
pub struct Config {
    /// How user tokens are checked: `JWT_SECRET` (HS256), and once set `JWT_ISSUER` and `JWT_AUDIENCE`.
    pub users: UserTokens,
    /// `ALLOWED_ORIGINS`, with commas; every origin when not set.
    pub origins: Origins,
    /// `MAX_CONNECTIONS_PER_USER`, default [`CONNECTIONS_PER_USER`].
    pub connections_per_user: usize,
    /// `CONNECTION_TTL_SECONDS`, default [`CONNECTION_TTL`]: how long a silent connection's row lives.
    pub connection_ttl: Duration,
    /// `DOMAIN_NAME`: overrides the event's domain for @connections; may be a whole URL such as `http://127.0.0.1:4000`.
    pub domain_name: Option<String>,
    /// `STAGE`: overrides the event's stage for @connections.
    pub stage: Option<String>,
}

impl Config {
    /// With defaults for everything but the key.
    pub fn new(users: UserTokens) -> Self {
        Self {
            users,
            origins: Origins::Any,
            connections_per_user: CONNECTIONS_PER_USER,
            connection_ttl: CONNECTION_TTL,
            domain_name: None,
            stage: None,
        }
    }

    /// Reads the variables named at the fields.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let lookup = Lookup(&lookup);
        let secret = lookup.required("JWT_SECRET", "every connection is authorized by a token signed with it")?;
        let key = UserKey::hs256(secret.as_bytes()).map_err(unusable("JWT_SECRET"))?;
        let users = UserTokens { key, issuer: lookup.get("JWT_ISSUER"), audience: lookup.get("JWT_AUDIENCE") };
        let mut config = Self::new(users);
        config.origins = Origins::parse(&lookup.get("ALLOWED_ORIGINS").unwrap_or_default());
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

    /// Where @connections is, for an event that came from this domain and stage.
    pub(crate) fn endpoint(&self, domain_name: &str, stage: &str) -> Endpoint {
        let domain = self.domain_name.as_deref().unwrap_or(domain_name);
        Endpoint::new(domain, self.stage.as_deref().unwrap_or(stage))
    }
}

/// Where the terminal service is, and what it knows the gateway by.
#[derive(Debug, Clone)]
pub struct BackendConfig {
    /// `APP_RUNNER_URL` or `BACKEND_URL`, without a slash at the end.
    pub url: String,
    /// `GATEWAY_SECRET`; derived from `JWT_SECRET` when only that is set.
    pub secret: GatewaySecret,
}

impl BackendConfig {
    /// Reads the variables named at the fields.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let lookup = Lookup(&lookup);
        let url = lookup.get("APP_RUNNER_URL").or_else(|| lookup.get("BACKEND_URL"));
        let url = url.ok_or(ConfigError::Required {
            name: "APP_RUNNER_URL",
            because: "messages are forwarded to the terminal service at that address (BACKEND_URL is another name for it)",
        })?;
        let url = url.trim_end_matches('/').to_owned();
        if !url.starts_with("https://") && !url.starts_with("http://") {
            let reason = "it must start with https:// or http://".to_owned();
            return Err(ConfigError::Unusable { name: "APP_RUNNER_URL", reason });
        }
        let secret = match lookup.get("GATEWAY_SECRET") {
            Some(secret) => GatewaySecret::new(secret.as_bytes()).map_err(unusable("GATEWAY_SECRET"))?,
            None => {
                let because =
                    "requests to the terminal service are signed with it, or with a secret derived from JWT_SECRET";
                let secret = lookup.required("GATEWAY_SECRET or JWT_SECRET", because);
                let secret = lookup.get("JWT_SECRET").map_or(secret, Ok)?;
                GatewaySecret::derived_from(secret.as_bytes()).map_err(unusable("JWT_SECRET"))?
            }
        };
        Ok(Self { url, secret })
    }
}

/// What the function is told about AWS. Lambda sets all but the table itself.
#[derive(Debug, Clone)]
pub struct AwsConfig {
    /// `TABLE_NAME`: the table of connections.
    pub table: String,
    /// `AWS_REGION`.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, which live as long as the function's process.
    pub credentials: Credentials,
    /// `AWS_ENDPOINT_URL_DYNAMODB`: another DynamoDB, for tests and local use.
    pub dynamodb_url: Option<String>,
}

impl AwsConfig {
    /// Reads the variables named at the fields.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let lookup = Lookup(&lookup);
        let signs = "calls to DynamoDB and to @connections are signed with it; Lambda sets it";
        let credentials = Credentials::new(
            lookup.required("AWS_ACCESS_KEY_ID", signs)?,
            lookup.required("AWS_SECRET_ACCESS_KEY", signs)?,
            lookup.get("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        Ok(Self {
            table: lookup.required("TABLE_NAME", "connections are kept in that DynamoDB table")?,
            region: lookup.required("AWS_REGION", signs)?,
            credentials,
            dynamodb_url: lookup.get("AWS_ENDPOINT_URL_DYNAMODB"),
        })
    }
}

/// Variables by name; one that is set to nothing counts as not set.
struct Lookup<'a, F>(&'a F);

impl<F: Fn(&str) -> Option<String>> Lookup<'_, F> {
    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &'static str, because: &'static str) -> Result<String, ConfigError> {
        self.get(name).ok_or(ConfigError::Required { name, because })
    }

    fn number(&self, name: &'static str) -> Result<Option<u64>, ConfigError> {
        match self.get(name).map(|value| value.parse::<u64>()) {
            None => Ok(None),
            Some(Ok(number)) if number > 0 => Ok(Some(number)),
            Some(_) => {
                Err(ConfigError::Unusable { name, reason: "it must be a whole number greater than 0".to_owned() })
            }
        }
    }
}

fn unusable<E: std::fmt::Display>(name: &'static str) -> impl Fn(E) -> ConfigError {
    move |error| ConfigError::Unusable { name, reason: error.to_string() }
}
