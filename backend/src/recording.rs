//! Recordings of sessions, as asciicast v3 in parts. A session sends what happens to a bounded buffer and waits for nothing; a
//! writer encodes it and puts the parts into the store. Knows neither sessions nor requests.

mod buffer;
mod calls;
mod cast;
mod deletion;
mod error;
mod folder;
mod keyframes;
mod keys;
mod replay;
mod retention;
mod s3;
mod settings;
mod store;
mod writer;

pub use buffer::{Buffer, Happening, SCREEN_BYTES, pieces};
pub use cast::{Encoder, PART_BYTES};
pub use error::RecordingError;
pub use replay::{Replay, ReplayError};
pub use settings::{Bucket, Recorded, RecordingSettings, RecordingsPlace};
pub use store::{Meta, RESET, Recordings};
pub use writer::{ActiveRecording, PART_TIME, RECORDING_BYTES};

#[cfg(test)]
mod tests;
