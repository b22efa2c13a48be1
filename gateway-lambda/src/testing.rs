//! What tests of this crate, and of whoever builds on it, need and nothing else does: a DynamoDB API beside the test, and the
//! suite that every table of connections passes.

mod contract;
mod moto;

pub use contract::connections_contract;
pub use moto::Moto;
