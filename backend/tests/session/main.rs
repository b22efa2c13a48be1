//! A session on a scripted terminal, with time standing still: who gets what, when, and what is held, dropped or refused.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod authority;
mod clients;
mod counting;
mod ends;
mod following;
mod hostile;
mod life;
mod typing;
mod world;
