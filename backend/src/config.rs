//! Configuration: every variable, with its default, in one place. Read once, from a lookup that tests can replace.

mod isolation;

pub use isolation::IsolationConfig;

use crate::clock::Entropy;
use crate::session::{Limits, ShellSettings};
use auth_tokens::{
    GatewaySecret, GatewayTokenVerifier, KeySetting, KeySettingError, MIN_SECRET_BYTES, ShortSecretError, UserKey,
    UserTokenVerifier,
};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Why the service does not start.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A value that cannot be used.
    #[error("{name} must be {expected}, but is {value:?}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is; secrets are never shown.
        value: String,
    },
    /// A value that is missing.
    #[error("{name} is required because {reason}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// The key of users' tokens is unusable, or there is more than one.
    #[error(transparent)]
    Key(KeySettingError),
}

/// How lines are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Logging.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// `LOG_FORMAT`: `text` (default) or `json`.
    pub format: LogFormat,
    /// `RUST_LOG`: what is logged; `info` by default.
    pub filter: String,
    /// `LOG_COMMANDS`: whether command lines of `command` messages are logged. `false` by default.
    pub commands: bool,
}

/// Who may speak to the service.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// `GATEWAY_SECRET` (and `GATEWAY_SECRET_PREVIOUS` during a rotation), or derived from `JWT_SECRET` when only that is set. No
    /// public key can stand in for it.
    pub gateway: GatewayTokenVerifier,
    /// One of `JWT_SECRET` (HS256, at least 32 bytes), `JWT_PUBLIC_KEY` (RS256, ES256 or EdDSA: RSA of 2048 to 4096 bits, P-256
    /// or Ed25519 in PEM, whose line ends may be written as `\n`) and `JWT_JWKS` (the same with a key set as JSON, from which
    /// a token's `kid` chooses). Once set, `JWT_ISSUER` and `JWT_AUDIENCE` must be a token's `iss` and (one of) its `aud`.
    pub users: UserTokenVerifier,
    /// `ALLOWED_ORIGINS`, or `FRONTEND_URL`: comma-separated origins of pages that may use the HTTP API; none by default.
    pub origins: Vec<String>,
    /// Whether no secret was configured, so that only this process knows the ones it made.
    pub random_secrets: bool,
}

/// Everything.
#[derive(Debug, Clone)]
pub struct Config {
    /// `HOST` and `PORT`: where to listen; port 3001, on every address when secrets are configured, on loopback otherwise.
    pub listen: SocketAddr,
    /// Who may speak to it.
    pub auth: AuthConfig,
    /// `TERMINAL_SHELL`: the shell; `/bin/bash` by default.
    pub shell: ShellSettings,
    /// `SESSION_GRACE_SECONDS` 300, `SESSION_IDLE_SECONDS` 1800, `SESSION_MAX_SECONDS` 14400; `SESSION_EXTEND_SECONDS` 3600: what
    /// who asks for more time gets from then on, up to `SESSION_LONGEST_SECONDS` 28800 after the session's start (no more than
    /// `SESSION_MAX_SECONDS`: nobody gets more time). `OUTPUT_BYTES_PER_SECOND` 1048576: what a session may send through the gateway after a burst of 16 MiB; 0 for no limit. `SESSION_SCROLLBACK_LINES` 1000: lines above the
    /// screen that a page gets when it comes back.
    pub limits: Limits,
    /// `MAX_SESSIONS`: of this instance; 200 by default.
    pub sessions: usize,
    /// `MAX_SESSIONS_PER_USER`: 10 by default.
    pub sessions_per_user: usize,
    /// `MAX_CONNECTIONS_PER_USER`: direct WebSockets of one user; 20 by default, as at the gateway.
    pub connections_per_user: usize,
    /// `MAX_HTTP_CONNECTIONS`: connections at once, or fewer where the process may not have two descriptors for each; 10000 by default.
    pub http_connections: usize,
    /// `MESSAGES_PER_SECOND`: of one connection, after a burst of twice as many; 1000 by default: a flood at 50 MiB/s is acknowledged 800 times a second.
    pub messages_per_second: u32,
    /// `REDIS_URL`: where the state of all instances is kept, as redis:// or rediss:// (TLS); without it, in this process.
    pub redis: Option<Secret>,
    /// `REDIS_CA`: a file of certificates (PEM) that a rediss:// server is trusted by, instead of the public authorities.
    pub redis_authority: Option<PathBuf>,
    /// `ADVERTISE_URL`: where other instances reach this one, as http://host:port, or `auto`: the address that this machine reaches
    /// Redis from, and the port listened on. None where they cannot reach each other (App Runner).
    pub advertise: Option<Advertise>,
    /// `ECS_AGENT_URI`: where a task on ECS asks not to be scaled in while it owns sessions. ECS sets it.
    pub ecs_agent: Option<Secret>,
    /// How sessions are kept apart.
    pub isolation: IsolationConfig,
    /// `METRICS_TOKEN`: whoever sends it as bearer token may read `/metrics`; without it, only this machine may.
    pub metrics_token: Option<Secret>,
    /// Logging.
    pub log: LogConfig,
}

/// Where other instances reach this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advertise {
    /// Here, without a slash at the end.
    Url(String),
    /// To be found out.
    Auto,
}

impl Advertise {
    /// The address, once it is known.
    pub fn url(&self) -> Option<String> {
        match self {
            Self::Url(url) => Some(url.clone()),
            Self::Auto => None,
        }
    }
}

/// A value that no log may show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
}

impl Config {
    /// Reads the configuration. Without secrets it makes random ones, which is refused in production.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>, entropy: &dyn Entropy) -> Result<Self, ConfigError> {
        let env = Env { lookup: &lookup };
        let log = LogConfig {
            format: match env.text("LOG_FORMAT").as_deref() {
                None | Some("text") => LogFormat::Text,
                Some("json") => LogFormat::Json,
                Some(other) => return Err(invalid("LOG_FORMAT", "`text` or `json`", other)),
            },
            filter: env.text("RUST_LOG").unwrap_or_else(|| "info".into()),
            commands: env.flag("LOG_COMMANDS")?,
        };
        let auth = auth(&env, entropy)?;
        let host = if auth.random_secrets { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED };
        let host: IpAddr = env.parsed("HOST", "an IP address", host.into())?;
        if auth.random_secrets && !host.is_loopback() {
            let reason = "the service is to listen beyond this machine";
            return Err(ConfigError::Missing { name: "JWT_SECRET", reason });
        }
        let seconds = |name, default| Ok(Duration::from_secs(env.at_least(name, 1, default)?));
        let limits = Limits {
            detach_timeout: seconds("SESSION_GRACE_SECONDS", 300)?,
            idle_timeout: seconds("SESSION_IDLE_SECONDS", 1800)?,
            initial_lifetime: seconds("SESSION_MAX_SECONDS", 14_400)?,
            extension: seconds("SESSION_EXTEND_SECONDS", 3600)?,
            max_lifetime: seconds("SESSION_LONGEST_SECONDS", 28_800)?,
            output_rate: env.parsed("OUTPUT_BYTES_PER_SECOND", "a whole number", 1024 * 1024)?,
            scrollback: env.parsed("SESSION_SCROLLBACK_LINES", "a whole number", 1000)?,
        };
        Ok(Self {
            listen: SocketAddr::new(host, env.parsed("PORT", "a port number", 3001)?),
            auth,
            shell: ShellSettings {
                shell: env.text("TERMINAL_SHELL").unwrap_or_else(|| "/bin/bash".into()),
                user: env.text("USER").unwrap_or_else(|| "student".into()),
                home: env.text("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from),
            },
            limits,
            sessions: env.at_least("MAX_SESSIONS", 1, 200)? as usize,
            sessions_per_user: env.at_least("MAX_SESSIONS_PER_USER", 1, 10)? as usize,
            connections_per_user: env.at_least("MAX_CONNECTIONS_PER_USER", 1, 20)? as usize,
            http_connections: env.at_least("MAX_HTTP_CONNECTIONS", 1, 10_000)? as usize,
            messages_per_second: env.at_least("MESSAGES_PER_SECOND", 1, 1000)? as u32,
            redis: redis(&env)?,
            redis_authority: env.text("REDIS_CA").map(PathBuf::from),
            advertise: advertise(&env)?,
            ecs_agent: env.text("ECS_AGENT_URI").map(Secret),
            isolation: isolation::read(&env)?,
            metrics_token: metrics_token(&env)?,
            log,
        })
    }
}

/// Shortest token for `/metrics`, in bytes: not to be guessed.
const METRICS_TOKEN_BYTES: usize = 16;

fn metrics_token(env: &Env<'_>) -> Result<Option<Secret>, ConfigError> {
    let token = env.text("METRICS_TOKEN").map(Secret);
    match token {
        Some(Secret(token)) if token.len() < METRICS_TOKEN_BYTES => {
            Err(invalid("METRICS_TOKEN", "at least 16 bytes long", "<redacted>"))
        }
        token => Ok(token),
    }
}

fn redis(env: &Env<'_>) -> Result<Option<Secret>, ConfigError> {
    let Some(url) = env.text("REDIS_URL") else { return Ok(None) };
    // It may hold a password, so it is never shown.
    let known = url.starts_with("redis://") || url.starts_with("rediss://");
    if known {
        Ok(Some(Secret(url)))
    } else {
        Err(invalid("REDIS_URL", "a redis:// or rediss:// address", "<redacted>"))
    }
}

fn advertise(env: &Env<'_>) -> Result<Option<Advertise>, ConfigError> {
    let Some(url) = env.text("ADVERTISE_URL") else { return Ok(None) };
    if env.text("REDIS_URL").is_none() {
        let reason = "ADVERTISE_URL is set: instances find each other in Redis";
        return Err(ConfigError::Missing { name: "REDIS_URL", reason });
    }
    if url == "auto" {
        return Ok(Some(Advertise::Auto));
    }
    let bad = || invalid("ADVERTISE_URL", "an address like http://10.0.0.7:3001, or `auto`", &url);
    let parsed: http::Uri = url.parse().map_err(|_| bad())?;
    let plain = parsed.scheme_str() == Some("http") && parsed.host().is_some() && parsed.path() == "/";
    if !plain || parsed.query().is_some() {
        return Err(bad());
    }
    Ok(Some(Advertise::Url(url.trim_end_matches('/').to_owned())))
}

fn auth(env: &Env<'_>, entropy: &dyn Entropy) -> Result<AuthConfig, ConfigError> {
    let production = env.text("NODE_ENV").as_deref() == Some("production");
    let setting = KeySetting::from_lookup(|name| env.text(name)).map_err(ConfigError::Key)?;
    let random_secrets = setting.is_none();
    let missing = |name, reason| Err(ConfigError::Missing { name, reason });
    let short = |name| move |ShortSecretError| invalid(name, "at least 32 bytes long", "<redacted>");
    let made = entropy.bytes::<MIN_SECRET_BYTES>();
    let (key, secret) = match setting {
        None if production => {
            let reason =
                "NODE_ENV is production: it signs the users' tokens, unless JWT_PUBLIC_KEY or JWT_JWKS checks them";
            return missing("JWT_SECRET", reason);
        }
        None => (UserKey::hs256(&made).map_err(short("JWT_SECRET"))?, Some(made.to_vec())),
        Some(KeySetting::Key(key)) => (key, env.text("JWT_SECRET").map(String::into_bytes)),
        Some(KeySetting::Url(_)) => {
            return missing(
                "JWT_JWKS",
                "JWT_JWKS_URL is for the gateway: the service fetches nothing, so it needs the key set",
            );
        }
    };
    let gateway = match (env.text("GATEWAY_SECRET"), secret) {
        (Some(own), _) => GatewaySecret::new(own.as_bytes()),
        (None, Some(secret)) => GatewaySecret::derived_from(&secret),
        (None, None) => {
            return missing(
                "GATEWAY_SECRET",
                "the gateway's requests are signed with it, and only JWT_SECRET could replace it",
            );
        }
    };
    let mut secrets = vec![gateway.map_err(short("GATEWAY_SECRET"))?];
    if let Some(previous) = env.text("GATEWAY_SECRET_PREVIOUS") {
        secrets.push(GatewaySecret::new(previous.as_bytes()).map_err(short("GATEWAY_SECRET_PREVIOUS"))?);
    }
    let origins = env.text("ALLOWED_ORIGINS").or_else(|| env.text("FRONTEND_URL")).unwrap_or_default();
    if origins.split(',').any(|origin| origin.trim() == "*") {
        return Err(invalid("ALLOWED_ORIGINS", "a list of origins, because requests carry credentials", "*"));
    }
    Ok(AuthConfig {
        gateway: GatewayTokenVerifier::new(&secrets),
        users: UserTokenVerifier { key, issuer: env.text("JWT_ISSUER"), audience: env.text("JWT_AUDIENCE") },
        origins: origins
            .split(',')
            .map(|origin| origin.trim().trim_end_matches('/').to_ascii_lowercase())
            .filter(|origin| !origin.is_empty())
            .collect(),
        random_secrets,
    })
}

/// Largest number of anything, and of seconds: some thirty years.
const MOST: u64 = 1_000_000_000;

struct Env<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl Env<'_> {
    /// An empty variable counts as none: deployment tools set what they do not know to nothing.
    fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    fn parsed<T: std::str::FromStr>(
        &self,
        name: &'static str,
        expected: &'static str,
        default: T,
    ) -> Result<T, ConfigError> {
        match self.text(name) {
            None => Ok(default),
            Some(value) => value.parse().map_err(|_| invalid(name, expected, &value)),
        }
    }

    fn at_least(&self, name: &'static str, least: u64, default: u64) -> Result<u64, ConfigError> {
        let value = self.parsed(name, "a whole number", default)?;
        let possible = least..=MOST;
        if possible.contains(&value) {
            Ok(value)
        } else {
            Err(invalid(name, "a positive whole number", &value.to_string()))
        }
    }

    fn flag(&self, name: &'static str) -> Result<bool, ConfigError> {
        match self.text(name).as_deref() {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(other) => Err(invalid(name, "`true` or `false`", other)),
        }
    }
}

fn invalid(name: &'static str, expected: &'static str, value: &str) -> ConfigError {
    ConfigError::Invalid { name, expected, value: value.to_owned() }
}

#[cfg(test)]
mod tests;
