//! What is believed and what is not, as tables: tokens of users, the keys they are checked with, and the gateway's tokens.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_claims;
mod bad_keys;
mod bad_signatures;
mod gateway;
mod good;
mod platform;
