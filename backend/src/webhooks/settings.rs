//! Settings of webhooks.

use super::signature::Key;
use reqwest::Url;

/// Settings of webhooks.
#[derive(Clone, PartialEq, Eq, derive_more::Debug)]
pub struct WebhookSettings {
    /// `EVENTS_URL`: the receiver; https, or http on this machine. May hold a secret.
    #[debug("<redacted>")]
    pub url: Url,
    /// `EVENTS_SECRET`: one key, or two while one replaces the other, with a comma between them; each as `whsec_` and base64.
    #[debug("<redacted>")]
    pub keys: Vec<Key>,
    /// `EVENTS_COMMAND_LINES`: whether the receiver gets the lines of commands and their directories; `false` by default.
    pub command_lines: bool,
    /// Whether the receiver may be on this machine: not where `REQUIRE_ISOLATION` is set, because any session can listen there.
    pub allows_loopback: bool,
}
