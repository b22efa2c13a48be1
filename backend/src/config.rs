//! Configuration: every variable with its default, read once.

mod auth;
mod env;
mod isolation;
mod recordings;
mod webhooks;

pub use auth::AuthConfig;
pub use env::ConfigError;
pub use isolation::IsolationConfig;

use crate::clock::RandomSource;
use crate::profiles::Profiles;
use crate::recording::RecordingSettings;
use crate::session::{Limits, ShellSettings};
use crate::webhooks::WebhookSettings;
use env::{Env, REDACTED, invalid};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Format of log lines.
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
    /// `RUST_LOG`: levels by module; `info` by default.
    pub filter: String,
    /// `LOG_COMMANDS`: whether command lines of `command` messages are logged; `false` by default.
    pub commands: bool,
}

/// The whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// `HOST` and `PORT`: address to listen on; port 3001, on every interface if secrets are configured, otherwise on loopback.
    pub listen: SocketAddr,
    /// Authentication.
    pub auth: AuthConfig,
    /// - `TERMINAL_SHELL`: the shell; `/bin/bash` by default.
    /// - `PROFILES`: folder of profiles; `/etc/termgate/profiles` by default, where it exists.
    pub shell: ShellSettings,
    /// - `SESSION_DETACH_TIMEOUT_SECONDS` 300, `SESSION_IDLE_SECONDS` 1800.
    /// - `SESSION_LIFETIME_SECONDS` 14400: lifetime of a session. Each extension adds `SESSION_EXTEND_SECONDS` 3600, counted from
    ///   the request, up to `SESSION_MAX_LIFETIME_SECONDS` 28800 after the start; no extension if that is not above the lifetime.
    /// - `OUTPUT_BYTES_PER_SECOND` 1048576: output of a session through the gateway, after a burst of 16 MiB; 0 for no limit.
    /// - `SESSION_SCROLLBACK_LINES` 1000: lines above the screen that a page gets when it comes back.
    pub limits: Limits,
    /// `MAX_SESSIONS`: sessions of this instance; 200 by default.
    pub sessions: usize,
    /// `MAX_SESSIONS_PER_USER`: 10 by default.
    pub sessions_per_user: usize,
    /// `MAX_CONNECTIONS_PER_USER`: direct connections of a user; 20 by default, as at the gateway, and five
    /// times that of a viewer or instructor.
    pub connections_per_user: usize,
    /// `MAX_HTTP_CONNECTIONS`: open connections; 10000 by default, or fewer if the process may not have two descriptors for each.
    pub http_connections: usize,
    /// `RELAYS_AT_MOST`: relays of all instances, each an execution of the function, below half of which floods get their own;
    /// 250 by default, a quarter of an account's concurrent executions.
    pub relays_at_most: usize,
    /// `MESSAGES_PER_SECOND`: messages of a connection, after a burst of twice as many; 1000 by default: a client acknowledges
    /// output of 50 MiB/s 800 times a second.
    pub messages_per_second: u32,
    /// `REDIS_URL`: the store of all instances, as redis:// or rediss:// (TLS); without it, memory.
    pub redis: Option<Secret>,
    /// `REDIS_TLS_CA_FILE`: file of CA certificates (PEM) for a rediss:// server, instead of the public authorities.
    pub redis_authority: Option<PathBuf>,
    /// `ADVERTISE_URL`: URL of this instance for other instances, as http://host:port, or `auto`: the address from which this
    /// machine reaches Redis, and the port listened on. `None` if instances cannot reach each other (App Runner).
    pub advertise: Option<Advertise>,
    /// `ECS_AGENT_URI`: the agent that protects this ECS task from scale-in. ECS sets it.
    pub ecs_agent: Option<Secret>,
    /// Isolation of sessions.
    pub isolation: IsolationConfig,
    /// Recordings of sessions.
    pub recordings: RecordingSettings,
    /// Webhooks; `None` without `EVENTS_URL`.
    pub webhooks: Option<WebhookSettings>,
    /// `METRICS_TOKEN`: bearer token for `/metrics`; without it, they are off.
    pub metrics_token: Option<Secret>,
    /// Logging.
    pub log: LogConfig,
    /// Deprecated variables that are set, as sentences to log once the log is started.
    pub warnings: Vec<String>,
}

/// The URL of this instance for other instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advertise {
    /// Known; without a slash at the end.
    Url(String),
    /// To be found when the service listens.
    Auto,
}

impl Advertise {
    /// The URL, once it is known.
    pub fn url(&self) -> Option<String> {
        match self {
            Self::Url(url) => Some(url.clone()),
            Self::Auto => None,
        }
    }
}

/// A value that no log may show.
#[derive(Clone, PartialEq, Eq, derive_more::Debug)]
#[debug("{}", REDACTED)]
pub struct Secret(pub String);

impl Config {
    /// Reads the configuration. Generates secrets if none are set, which is refused in production.
    pub fn from_lookup(
        lookup: impl Fn(&str) -> Option<String>,
        random: &dyn RandomSource,
    ) -> Result<Self, ConfigError> {
        let env = Env::new(&lookup)?;
        let auth = auth::read(&env, random)?;
        let host = if auth.random_secrets { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED };
        let host: IpAddr = env.parsed("HOST", "an IP address", host.into())?;
        if auth.random_secrets && !host.is_loopback() {
            let reason = "HOST makes the service listen beyond this machine";
            return Err(ConfigError::Missing { name: "JWT_SECRET", reason });
        }
        let isolation = isolation::read(&env)?;
        let seconds = |name, default| env.positive(name, default).map(Duration::from_secs);
        Ok(Self {
            listen: SocketAddr::new(host, env.parsed("PORT", "a port number", 3001)?),
            auth,
            shell: ShellSettings {
                shell: env.text("TERMINAL_SHELL").unwrap_or_else(|| "/bin/bash".into()),
                user: env.text("USER").unwrap_or_else(|| "student".into()),
                home: env.text("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from),
                profiles: Arc::new(profiles(&env, Path::new(PROFILES), isolation.settings.is_some())?),
            },
            limits: Limits {
                detach_timeout: seconds("SESSION_DETACH_TIMEOUT_SECONDS", 300)?,
                idle_timeout: seconds("SESSION_IDLE_SECONDS", 1800)?,
                initial_lifetime: seconds("SESSION_LIFETIME_SECONDS", 14_400)?,
                extension: seconds("SESSION_EXTEND_SECONDS", 3600)?,
                max_lifetime: seconds("SESSION_MAX_LIFETIME_SECONDS", 28_800)?,
                output_rate: env.parsed("OUTPUT_BYTES_PER_SECOND", "a whole number", 1024 * 1024)?,
                scrollback: env.parsed("SESSION_SCROLLBACK_LINES", "a whole number", 1000)?,
            },
            sessions: env.positive("MAX_SESSIONS", 200)? as usize,
            sessions_per_user: env.positive("MAX_SESSIONS_PER_USER", 10)? as usize,
            connections_per_user: env.positive("MAX_CONNECTIONS_PER_USER", 20)? as usize,
            http_connections: env.positive("MAX_HTTP_CONNECTIONS", 10_000)? as usize,
            relays_at_most: env.positive("RELAYS_AT_MOST", 250)? as usize,
            messages_per_second: env.positive("MESSAGES_PER_SECOND", 1000)? as u32,
            redis: redis(&env)?,
            redis_authority: env.text("REDIS_TLS_CA_FILE").map(PathBuf::from),
            advertise: advertise(&env)?,
            ecs_agent: env.text("ECS_AGENT_URI").map(Secret),
            webhooks: webhooks::read(&env, isolation.required)?,
            isolation,
            recordings: recordings::read(&env)?,
            metrics_token: metrics_token(&env)?,
            log: LogConfig {
                format: match env.text("LOG_FORMAT").as_deref() {
                    None | Some("text") => LogFormat::Text,
                    Some("json") => LogFormat::Json,
                    Some(other) => return Err(invalid("LOG_FORMAT", "`text` or `json`", other)),
                },
                filter: env.text("RUST_LOG").unwrap_or_else(|| "info".into()),
                commands: env.flag("LOG_COMMANDS")?,
            },
            warnings: env.warnings(),
        })
    }
}

/// Folder of profiles where `PROFILES` names none.
const PROFILES: &str = "/etc/termgate/profiles";

/// The profiles of the folder `PROFILES`, or of `usual`, which need not exist.
fn profiles(env: &Env<'_>, usual: &Path, isolated: bool) -> Result<Profiles, ConfigError> {
    let named = env.text("PROFILES").map(PathBuf::from);
    if named.is_none() && !usual.exists() {
        return Ok(Profiles::default());
    }
    Ok(Profiles::read(named.as_deref().unwrap_or(usual), isolated)?)
}

/// Shortest `METRICS_TOKEN`, in bytes: it must not be guessable.
const MIN_METRICS_TOKEN_BYTES: usize = 16;

fn metrics_token(env: &Env<'_>) -> Result<Option<Secret>, ConfigError> {
    match env.text("METRICS_TOKEN") {
        Some(token) if token.len() < MIN_METRICS_TOKEN_BYTES => {
            Err(invalid("METRICS_TOKEN", "at least 16 bytes long", REDACTED))
        }
        token => Ok(token.map(Secret)),
    }
}

fn redis(env: &Env<'_>) -> Result<Option<Secret>, ConfigError> {
    match env.text("REDIS_URL") {
        Some(url) if !url.starts_with("redis://") && !url.starts_with("rediss://") => {
            // May hold a password.
            Err(invalid("REDIS_URL", "a redis:// or rediss:// address", REDACTED))
        }
        Some(url) if url.starts_with("redis://") && is_upstash(&url) => Err(invalid(
            "REDIS_URL",
            "a rediss:// address (with two s), because Upstash takes connections only over TLS",
            REDACTED,
        )),
        url => Ok(url.map(Secret)),
    }
}

/// True if the host of the address is one of Upstash. A connection without TLS to it ends without a reason.
fn is_upstash(url: &str) -> bool {
    let authority = url.split("://").nth(1).unwrap_or_default().split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default();
    host.to_ascii_lowercase().ends_with(".upstash.io")
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

#[cfg(test)]
mod tests;
