//! The whole service over its own sockets: HTTP, WebSockets, limits, metrics and rights, with one instance or two.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod announcements;
mod announcements_elsewhere;
mod authority;
mod carriers;
mod checks;
mod clock_jumps;
mod commands;
mod directories;
mod groups;
mod http;
mod instances;
mod integration;
mod kept;
mod limits;
mod line_discipline;
mod metrics;
mod openapi;
mod polled;
mod profiles;
mod recording_deletion;
mod recording_stores;
mod recordings;
mod removal_stored;
mod replay;
mod revocation;
mod shell;
mod silence;
mod strangers;
#[path = "../support/mod.rs"]
mod support;
mod typed_input;
mod wall;
mod wall_attacks;
mod wall_instances;
mod webhooks;
