//! Relays: runs of the function that carry the frames of many clients. A session hands a client's frames to an [`Outlet`], and
//! the gateway asks a [`Relay`] for them; neither knows the other. A WebSocket of the service itself uses a relay of its own, so
//! there is one way for frames out of a session.

mod answer;
mod apart;
mod count;
mod direct;
mod dispatch;
mod endpoint;
mod flood;
mod joining;
mod outlet;
mod queue;
mod relays;
mod shared;
mod state;
#[cfg(test)]
pub(crate) mod test_support;

pub use answer::{Answer, GoneConnection, Next};
pub use direct::{DirectFrames, DirectResponse};
pub use dispatch::{Dispatches, KnownDispatch};
pub use flood::FloodMeter;
pub use joining::{Joining, Permit};
pub use outlet::{Due, LastFrame, Outlet, OutletState};
pub use relays::{Relays, Renewal};
pub use shared::Relay;
