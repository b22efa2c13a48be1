//! Termgate's messages as pure data: between browser and backend, and between gateway and backend.
//!
//! Without I/O, clock and runtime, so that the Lambda function, the service, the tools and (through generated TypeScript) the
//! page can share it. `docs/protocol.md` describes the protocol.

pub mod claims;
pub mod client;
pub mod dispatch;
pub mod error;
pub mod frame;
pub mod gateway;
pub mod ids;
pub mod limits;
pub mod polling;
pub mod relay;
mod sentence;
pub mod server;
pub mod text;
pub mod theme;
pub mod wall;

pub use claims::{ClassClaims, GatewayClaims, InstanceClaims, RelayClaims, Role, Takeover, UserClaims};
pub use client::{ClientMessage, Inbound, ParseError, Plain};
pub use dispatch::Dispatch;
pub use error::{ApiError, EndReason, ErrorCode};
pub use frame::Payload;
pub use ids::{ClientId, ConnectionId, Epoch, GroupId, Loan, Pos, ProfileName, Seq, SessionId, Who};
pub use sentence::read_json;
pub use server::{ServerFrame, ServerMessage, StreamEvent};
pub use theme::{Colour, Theme};

/// The example of the README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
