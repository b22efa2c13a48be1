//! The rules of RFC 6455 for a server, besides frames: the opening handshake, the close code of each fault, and the closing
//! handshake. Separate from the sockets, because the service and the gateway serve the same protocol.

mod closing;
mod opening;

pub use closing::{Closing, close, fault};
pub use opening::{Opening, OpeningError, ServerSocket};
