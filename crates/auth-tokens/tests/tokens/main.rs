//! Tables of accepted and refused tokens and keys.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_claims;
mod bad_keys;
mod bad_signatures;
mod gateway;
mod good;
mod platform;
