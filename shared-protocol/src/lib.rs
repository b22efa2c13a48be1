//! Termgate's messages as pure data: what browser and backend say to each other, and what gateway and backend do.
//!
//! No I/O, no clock and no runtime lives here, so that the Lambda function, the service, the tools and (through generated
//! TypeScript) the page can all share it. The prose contract is `docs/protocol.md`.

pub mod claims;
pub mod client;
pub mod error;
pub mod frame;
pub mod gateway;
pub mod ids;
pub mod limits;
pub mod server;

pub use claims::{GatewayClaims, Role, UserClaims};
pub use client::{ClientMessage, Inbound, ParseError, Plain};
pub use error::{ApiError, EndReason, ErrorCode};
pub use frame::Payload;
pub use ids::{ClientId, ConnectionId, Epoch, Pos, Seq, SessionId};
pub use server::{ServerFrame, ServerMessage, StreamEvent};
