//! Variables of session isolation. Root isolates by default; without root, for example on a laptop, isolation is not possible.

use super::env::{ConfigError, Env, invalid};
use crate::sandbox::{Network, SandboxSettings};
use std::ops::RangeInclusive;

/// Default uids of sessions: above the accounts of systems and people, and within the range of user namespaces of containers.
const DEFAULT_UIDS: RangeInclusive<u32> = 20_000..=59_999;

/// Isolation of sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IsolationConfig {
    /// `None` without isolation.
    ///
    /// - `SESSION_UIDS`: uids of sessions, as `20000-59999`, which is the default for root; `none` for no isolation, which is
    ///   the default otherwise. Each is used once in a container's life, and the first never.
    /// - `STATE_DIRECTORY`: parent of the sessions' homes; `/var/lib/termgate` by default.
    /// - `SESSION_NETWORK`: `shared` (default) or `none`: whether sessions reach the network.
    /// - `SESSION_MEMORY_MB` 1024, `SESSION_DISK_MB` 1024, `SESSION_PROCESSES` 256: quotas of a session.
    pub settings: Option<SandboxSettings>,
    /// `REQUIRE_ISOLATION`: whether the service refuses to start without isolation; `false` by default.
    pub required: bool,
}

pub(super) fn read(env: &Env<'_>) -> Result<IsolationConfig, ConfigError> {
    let is_root = rustix::process::geteuid().is_root();
    Ok(IsolationConfig { settings: settings(is_root, env)?, required: env.flag("REQUIRE_ISOLATION")? })
}

fn settings(is_root: bool, env: &Env<'_>) -> Result<Option<SandboxSettings>, ConfigError> {
    const MEGABYTE: u64 = 1024 * 1024;
    let network = match env.text("SESSION_NETWORK").as_deref() {
        None | Some("shared") => Network::Shared,
        Some("none") => Network::None,
        Some(other) => return Err(invalid("SESSION_NETWORK", "`shared` or `none`", other)),
    };
    let uids = match env.text("SESSION_UIDS").as_deref() {
        Some("none") => None,
        Some(_) if !is_root => {
            let reason = "SESSION_UIDS is set: only root can start processes of other users";
            return Err(ConfigError::Missing { name: "root", reason });
        }
        Some(text) => Some(uid_range(text)?),
        None => is_root.then_some(DEFAULT_UIDS),
    };
    let Some(uids) = uids else {
        if network == Network::None {
            let reason = "SESSION_NETWORK is `none`: without isolation every session has the network";
            return Err(ConfigError::Missing { name: "SESSION_UIDS", reason });
        }
        return Ok(None);
    };
    Ok(Some(SandboxSettings {
        uids,
        state: env.text("STATE_DIRECTORY").unwrap_or_else(|| "/var/lib/termgate".into()).into(),
        network,
        memory: env.positive("SESSION_MEMORY_MB", 1024)? * MEGABYTE,
        disk: env.positive("SESSION_DISK_MB", 1024)? * MEGABYTE,
        processes: env.positive("SESSION_PROCESSES", 256)?,
    }))
}

fn uid_range(text: &str) -> Result<RangeInclusive<u32>, ConfigError> {
    /// Smaller uids belong to systems and, mostly, people.
    const MIN_UID: u32 = 1000;
    /// System calls read the last two uids as "nobody" and "unchanged".
    const MAX_UID: u32 = u32::MAX - 2;
    let bad = || invalid("SESSION_UIDS", "`none`, or a range like 20000-59999 of two or more, from 1000", text);
    let (start, end) = text.split_once('-').ok_or_else(bad)?;
    let number = |text: &str| text.trim().parse::<u32>().map_err(|_| bad());
    let range = number(start)?..=number(end)?;
    let is_valid = MIN_UID <= *range.start() && range.start() < range.end() && *range.end() <= MAX_UID;
    if is_valid { Ok(range) } else { Err(bad()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(root: bool, variables: &[(&str, &str)]) -> Result<Option<SandboxSettings>, String> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
        settings(root, &Env::new(&find).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn isolation_is_the_default_for_root_and_needs_root() {
        let settings = read(true, &[]).unwrap().unwrap();
        assert_eq!((settings.uids, settings.network), (20_000..=59_999, Network::Shared));
        assert_eq!((settings.memory, settings.disk, settings.processes), (1 << 30, 1 << 30, 256));
        assert_eq!(settings.state.to_str(), Some("/var/lib/termgate"));
        assert_eq!(read(true, &[("SESSION_UIDS", "none")]), Ok(None));
        assert_eq!(read(false, &[]), Ok(None));
        let refused = read(false, &[("SESSION_UIDS", "20000-20010")]).unwrap_err();
        assert!(refused.starts_with("root is required because SESSION_UIDS is set"), "{refused}");
        let refused = read(false, &[("SESSION_NETWORK", "none")]).unwrap_err();
        assert!(refused.starts_with("SESSION_UIDS is required because SESSION_NETWORK is `none`"), "{refused}");
    }

    #[test]
    fn uids_must_be_a_range_of_unprivileged_users() {
        let uids = |text| read(true, &[("SESSION_UIDS", text)]).map(|settings| settings.unwrap().uids);
        assert_eq!(uids("100000-165535"), Ok(100_000..=165_535));
        for bad in ["0-10", "999-2000", "20000", "20000-20000", "3000-2000", "20000-4294967295", "a-b", "-5-9"] {
            assert!(uids(bad).unwrap_err().starts_with("SESSION_UIDS must be"), "{bad}");
        }
        assert!(read(true, &[("SESSION_NETWORK", "some")]).unwrap_err().starts_with("SESSION_NETWORK must be"));
    }
}
