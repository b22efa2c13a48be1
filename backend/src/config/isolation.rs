//! Variables of isolation. As root it is on unless someone says otherwise; a laptop's user is not root and goes without.

use super::{ConfigError, Env, invalid};
use crate::sandbox::{Network, SandboxSettings};
use std::ops::RangeInclusive;

/// Users of sessions: above the accounts of systems and people, and within what containers with users of their own have.
const UIDS: RangeInclusive<u32> = 20_000..=59_999;

/// How sessions are kept apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IsolationConfig {
    /// None where they are not.
    ///
    /// - `SESSION_UIDS`: users of sessions, as `20000-59999`, which is the default as root; `none` for no isolation, which is
    ///   the default otherwise. Each is used once in a container's life, and the first never.
    /// - `STATE_DIRECTORY`: where homes of sessions are; `/var/lib/termgate` by default.
    /// - `SESSION_NETWORK`: `shared` (default) or `none`: whether sessions reach the network.
    /// - `SESSION_MEMORY_MB` 1024, `SESSION_DISK_MB` 1024, `SESSION_PROCESSES` 256: what a session may use.
    pub settings: Option<SandboxSettings>,
    /// `REQUIRE_ISOLATION`: whether the service refuses to start without. `false` by default.
    pub required: bool,
}

/// Reads it as whoever this process is.
pub(super) fn read(env: &Env<'_>) -> Result<IsolationConfig, ConfigError> {
    let root = rustix::process::geteuid().is_root();
    Ok(IsolationConfig { settings: settings(root, env)?, required: env.flag("REQUIRE_ISOLATION")? })
}

fn settings(root: bool, env: &Env<'_>) -> Result<Option<SandboxSettings>, ConfigError> {
    const MEGABYTE: u64 = 1024 * 1024;
    let network = match env.text("SESSION_NETWORK").as_deref() {
        None | Some("shared") => Network::Shared,
        Some("none") => Network::None,
        Some(other) => return Err(invalid("SESSION_NETWORK", "`shared` or `none`", other)),
    };
    let of = |uids| {
        Ok(Some(SandboxSettings {
            uids,
            state: env.text("STATE_DIRECTORY").unwrap_or_else(|| "/var/lib/termgate".into()).into(),
            network,
            memory: env.at_least("SESSION_MEMORY_MB", 1, 1024)? * MEGABYTE,
            disk: env.at_least("SESSION_DISK_MB", 1, 1024)? * MEGABYTE,
            processes: env.at_least("SESSION_PROCESSES", 1, 256)?,
        }))
    };
    match env.text("SESSION_UIDS").as_deref() {
        Some("none") => {}
        Some(_) if !root => {
            let reason = "SESSION_UIDS is set: only root can start processes of other users";
            return Err(ConfigError::Missing { name: "root", reason });
        }
        Some(text) => return of(range(text)?),
        None if root => return of(UIDS),
        None => {}
    }
    if network == Network::None {
        let reason = "SESSION_NETWORK is `none`: without isolation nothing keeps sessions from the network";
        return Err(ConfigError::Missing { name: "SESSION_UIDS", reason });
    }
    Ok(None)
}

fn range(text: &str) -> Result<RangeInclusive<u32>, ConfigError> {
    /// Below are the accounts of systems and, mostly, people.
    const LEAST: u32 = 1000;
    /// The last two mean "nobody" and "unchanged" to system calls.
    const MOST: u32 = u32::MAX - 2;
    let bad = || invalid("SESSION_UIDS", "`none`, or a range like 20000-59999 of two or more, from 1000", text);
    let (start, end) = text.split_once('-').ok_or_else(bad)?;
    let number = |text: &str| text.trim().parse::<u32>().map_err(|_| bad());
    let range = number(start)?..=number(end)?;
    let good = LEAST <= *range.start() && range.start() < range.end() && *range.end() <= MOST;
    if good { Ok(range) } else { Err(bad()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(root: bool, variables: &[(&str, &str)]) -> Result<Option<SandboxSettings>, String> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
        settings(root, &Env { lookup: &find }).map_err(|error| error.to_string())
    }

    #[test]
    fn root_keeps_sessions_apart_and_others_say_so() {
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
    fn ranges() {
        let uids = |text| read(true, &[("SESSION_UIDS", text)]).map(|settings| settings.unwrap().uids);
        assert_eq!(uids("100000-165535"), Ok(100_000..=165_535));
        for bad in ["0-10", "999-2000", "20000", "20000-20000", "3000-2000", "20000-4294967295", "a-b", "-5-9"] {
            assert!(uids(bad).unwrap_err().starts_with("SESSION_UIDS must be"), "{bad}");
        }
        assert!(read(true, &[("SESSION_NETWORK", "some")]).unwrap_err().starts_with("SESSION_NETWORK must be"));
    }
}
