//! The handlers: one file for each client or purpose.

pub(super) mod checks;
pub(super) mod commands;
mod file_messages;
pub(super) mod files;
pub(super) mod gateway;
pub(super) mod groups;
pub(super) mod hand_out;
pub(super) mod instances;
pub(super) mod recordings;
pub(super) mod relay;
pub(super) mod sessions;
pub(super) mod status;
pub(super) mod terminal;
pub(super) mod ws_test;
