//! A session on a scripted terminal, with time standing still: who gets what, when, and what is held, dropped or refused.

mod clients;
mod following;
mod life;
mod typing;
mod world;
