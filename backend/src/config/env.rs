//! Reads variables from a lookup that tests can replace: types, bounds, deprecated names, and the errors of all of them.

use crate::profiles::ProfileError;
use auth_tokens::KeySettingError;
use std::str::FromStr;

/// Why the service does not start.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A value that is not valid.
    #[error("{name} must be {expected}, but is {value:?}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// The values that are valid.
        expected: &'static str,
        /// Its value; `<redacted>` for a secret.
        value: String,
    },
    /// A variable that is not set.
    #[error("{name} is required because {reason}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// Why it is required.
        reason: &'static str,
    },
    /// A variable and its deprecated name have different values.
    #[error("{name} and its deprecated name {old} are both set and differ: unset {old}")]
    Conflict {
        /// The variable.
        name: &'static str,
        /// Its deprecated name.
        old: &'static str,
    },
    /// The key of users' tokens is unusable, or there is more than one.
    #[error(transparent)]
    Key(KeySettingError),
    /// A profile is broken.
    #[error(transparent)]
    Profile(#[from] ProfileError),
}

pub(super) fn invalid(name: &'static str, expected: &'static str, value: &str) -> ConfigError {
    ConfigError::Invalid { name, expected, value: value.to_owned() }
}

/// Stands for the value of a secret in an error.
pub(super) const REDACTED: &str = "<redacted>";

/// Renamed variables: new name, old name. The old name works for one release.
const DEPRECATED: [(&str, &str); 4] = [
    ("SESSION_DETACH_TIMEOUT_SECONDS", "SESSION_GRACE_SECONDS"),
    ("SESSION_LIFETIME_SECONDS", "SESSION_MAX_SECONDS"),
    ("SESSION_MAX_LIFETIME_SECONDS", "SESSION_LONGEST_SECONDS"),
    ("REDIS_TLS_CA_FILE", "REDIS_CA"),
];

/// Largest number of any variable; in seconds, some thirty years.
const MAX_NUMBER: u64 = 1_000_000_000;

/// The environment.
pub(super) struct Env<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Env<'a> {
    /// Fails if a variable and its deprecated name differ.
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let env = Self { lookup };
        for (name, old) in DEPRECATED {
            if let (Some(value), Some(old_value)) = (env.exact(name), env.exact(old))
                && value != old_value
            {
                return Err(ConfigError::Conflict { name, old });
            }
        }
        Ok(env)
    }

    /// A warning for each deprecated name that is set.
    pub(super) fn warnings(&self) -> Vec<String> {
        let set = DEPRECATED.into_iter().filter(|(_, old)| self.exact(old).is_some());
        set.map(|(name, old)| format!("{old} is deprecated: set {name}")).collect()
    }

    /// An empty variable counts as unset: deployment tools set unused ones to nothing.
    fn exact(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// The name that this variable is set by: its deprecated one, or its own.
    fn source<'n>(&self, name: &'n str) -> &'n str {
        let old = DEPRECATED.iter().find(|(new, _)| *new == name).map(|(_, old)| *old);
        old.filter(|old| self.exact(name).is_none() && self.exact(old).is_some()).unwrap_or(name)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.exact(self.source(name))
    }

    pub(super) fn parsed<T: FromStr>(
        &self,
        name: &'static str,
        expected: &'static str,
        default: T,
    ) -> Result<T, ConfigError> {
        let name = self.source(name);
        match self.exact(name) {
            None => Ok(default),
            Some(value) => value.parse().map_err(|_| invalid(name, expected, &value)),
        }
    }

    /// A whole number of at least 1.
    pub(super) fn positive(&self, name: &'static str, default: u64) -> Result<u64, ConfigError> {
        let value = self.parsed(name, "a whole number", default)?;
        if (1..=MAX_NUMBER).contains(&value) {
            Ok(value)
        } else {
            Err(invalid(self.source(name), "a positive whole number", &value.to_string()))
        }
    }

    pub(super) fn flag(&self, name: &'static str) -> Result<bool, ConfigError> {
        match self.text(name).as_deref() {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(other) => Err(invalid(name, "`true` or `false`", other)),
        }
    }
}
