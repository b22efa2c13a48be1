//! Wall time and randomness as an argument, and the ids made of it. The one file that touches the real ones.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Random bytes of an id: 88 bits, which base64 writes as 15 characters and one `=`, like API Gateway's ids.
const ID_RANDOM_BYTES: usize = 11;

/// Where wall time and randomness come from.
pub trait System: Send + Sync + 'static {
    /// The time of day.
    fn now(&self) -> SystemTime;
    /// Fills the buffer with bytes that nobody can guess.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's clock and random source.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsSystem;

impl System for OsSystem {
    #[expect(clippy::disallowed_methods, reason = "this is where the clock argument comes from")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            // Connection ids are what guards @connections: going on with guessable ones is worse than stopping.
            panic!("the operating system gives no random bytes: {error}");
        }
    }
}

/// A connection, request or message id as API Gateway writes them: URL-safe base64 that ends in `=`.
pub(crate) fn fresh_id(system: &dyn System) -> String {
    let mut bytes = [0; ID_RANDOM_BYTES];
    system.fill(&mut bytes);
    URL_SAFE.encode(bytes)
}

/// As many random bytes as asked for, in lowercase hex.
pub(crate) fn fresh_hex<const BYTES: usize>(system: &dyn System) -> String {
    let mut bytes = [0; BYTES];
    system.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Milliseconds since 1970.
pub(crate) fn epoch_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_look_like_api_gateways_and_differ() {
        let (one, other) = (fresh_id(&OsSystem), fresh_id(&OsSystem));
        assert_eq!((one.len(), one.find('=')), (16, Some(15)), "{one}");
        assert_ne!(one, other);
    }
}
