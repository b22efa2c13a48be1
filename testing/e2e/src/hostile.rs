//! The proof: a client types into a real program through the whole stack while the transport does everything wrong that it can,
//! and what the program read and what the client saw are compared byte for byte.

mod keys;
mod program;
mod trial;

pub use trial::{Report, Trial};
