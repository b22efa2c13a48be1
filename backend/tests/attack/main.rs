//! Attacks from inside a session, typed into real shells of a service that runs as root. Each must fail, hit a limit, or be
//! cleaned up, while the service and other sessions stay responsive.

mod check_attacks;
mod checks;
mod directories;
mod exhaustion;
mod file_sizes;
mod files;
mod hand_out;
mod harness;
mod hiding;
mod isolation;
mod leftovers;
mod login;
mod messaged_files;
mod profiles;
mod reach;
mod recordings;
mod start;
#[expect(dead_code, reason = "the other tests use the rest")]
#[path = "../support/mod.rs"]
mod support;
