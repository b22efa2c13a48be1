//! What the gateway does with API Gateway's events, with fakes at all its edges and a clock that tests move.

mod authorizer;
mod bad_events;
mod close;
mod connect;
mod delivery;
mod disconnect;
mod fixtures;
mod follow;
mod message;
mod world;
