//! Settings of webhooks.

use super::env::{ConfigError, Env, REDACTED, invalid};
use crate::webhooks::{Key, WebhookSettings, literal_address};
use reqwest::Url;

/// Keys at a time: one replaces the other.
const MAX_KEYS: usize = 2;

pub(super) fn read(env: &Env<'_>, requires_isolation: bool) -> Result<Option<WebhookSettings>, ConfigError> {
    let command_lines = env.flag("EVENTS_COMMAND_LINES")?;
    let Some(url) = env.text("EVENTS_URL") else { return Ok(None) };
    let expected = "an https address, or an http address of this machine where REQUIRE_ISOLATION is not set";
    let url = url.parse().ok().filter(|url| is_receiver(url, !requires_isolation));
    // May hold a secret.
    let url = url.ok_or_else(|| invalid("EVENTS_URL", expected, REDACTED))?;
    let reason = "EVENTS_URL is set: the receiver knows by it that an event is from here";
    let name = "EVENTS_SECRET";
    let keys = env.text(name).ok_or(ConfigError::Missing { name, reason })?;
    let keys: Option<Vec<_>> = keys.split(',').map(|key| Key::parse(key.trim())).collect();
    let expected = "`whsec_` and base64 of 24 to 64 bytes, or two of these with a comma between them";
    let keys = keys.filter(|keys| keys.len() <= MAX_KEYS).ok_or_else(|| invalid(name, expected, REDACTED))?;
    Ok(Some(WebhookSettings { url, keys, command_lines, allows_loopback: !requires_isolation }))
}

/// Over plain HTTP only this machine is reached.
fn is_receiver(url: &Url, allows_loopback: bool) -> bool {
    let host = url.host_str().unwrap_or_default();
    let is_here = host == "localhost" || literal_address(url).is_some_and(|address| address.is_loopback());
    let has_user = !url.username().is_empty() || url.password().is_some();
    let is_safe = url.scheme() == "https" || url.scheme() == "http" && is_here;
    is_safe && !has_user && !host.is_empty() && (allows_loopback || !is_here)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn read(variables: &[(&str, &str)], requires_isolation: bool) -> Result<Option<WebhookSettings>, String> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
        super::read(&Env::new(&find).unwrap(), requires_isolation).map_err(|error| error.to_string())
    }

    #[test]
    fn a_receiver_is_reached_by_https_or_on_this_machine() {
        for (url, here, isolated) in [
            ("https://hooks.example/a?key=hunter2", true, true),
            ("https://10.0.0.7:8443/", true, true),
            ("https://localhost/", true, false),
            ("http://localhost:3000/hook", true, false),
            ("http://127.0.0.1:3000/hook", true, false),
            ("http://[::1]:3000/hook", true, false),
            ("http://0x7f.1/", true, false),
            ("http://hooks.example/", false, false),
            ("http://10.0.0.7/", false, false),
            ("https://ada:hunter2@hooks.example/", false, false),
            ("ftp://hooks.example/", false, false),
            ("hooks.example", false, false),
        ] {
            let results = [false, true].map(|isolated| read(&[("EVENTS_URL", url), ("EVENTS_SECRET", KEY)], isolated));
            assert_eq!(results.each_ref().map(Result::is_ok), [here, isolated], "{url}");
            let text = format!("{results:?}");
            assert!(!text.contains("hunter2") && !text.contains("MfKQ9r8G"), "{text}");
        }
    }

    #[test]
    fn a_receiver_has_one_key_or_two() {
        let keys = |secret: &str| {
            let settings = read(&[("EVENTS_URL", "https://a.example"), ("EVENTS_SECRET", secret)], true);
            settings.map(|settings| settings.unwrap().keys.len())
        };
        assert_eq!(keys(KEY), Ok(1));
        assert_eq!(keys(&format!("{KEY}, {KEY}")), Ok(2));
        for bad in [&*format!("{KEY},{KEY},{KEY}"), "hunter2", &KEY[1..], &format!("{KEY},")] {
            assert!(keys(bad).unwrap_err().starts_with("EVENTS_SECRET must be `whsec_`"), "{bad}");
        }
        let refused = read(&[("EVENTS_URL", "https://a.example")], true).unwrap_err();
        assert!(refused.starts_with("EVENTS_SECRET is required because EVENTS_URL is set"), "{refused}");
        assert_eq!(read(&[("EVENTS_SECRET", KEY)], false), Ok(None));
    }
}
