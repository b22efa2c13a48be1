//! The handlers, one file for each route.

pub(super) mod diagnostics;
pub(super) mod disconnect;
pub(super) mod health;
pub(super) mod listing;
pub(super) mod message;
pub(super) mod metrics;
pub(super) mod output;
pub(super) mod sessions;
pub(super) mod terminal;
pub(super) mod ws_test;
