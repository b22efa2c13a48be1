//! Wall clock and random source as an argument, and the ids made from them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
pub(crate) use clock::epoch_ms;
use clock::{Clock, RandomSource, SystemClock, SystemRandom};
use std::time::SystemTime;

/// Random bytes of an id: 88 bits, which base64 writes as 15 characters and one `=`, like API Gateway's ids.
const ID_BYTES: usize = 11;

/// Wall clock and random source.
pub trait System: Clock + RandomSource + 'static {}

/// The operating system's clock and random source.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsSystem;

impl Clock for OsSystem {
    fn now(&self) -> SystemTime {
        SystemClock.now()
    }
}

impl RandomSource for OsSystem {
    fn fill(&self, bytes: &mut [u8]) {
        SystemRandom.fill(bytes);
    }
}

impl System for OsSystem {}

/// Makes a connection, request or message id in API Gateway's form: URL-safe base64 that ends in `=`.
pub(crate) fn fresh_id(system: &dyn System) -> String {
    let mut bytes = [0; ID_BYTES];
    system.fill(&mut bytes);
    URL_SAFE.encode(bytes)
}

/// True if a text has the form of an id.
pub(crate) fn is_id(text: &str) -> bool {
    URL_SAFE.decode(text).is_ok_and(|bytes| bytes.len() == ID_BYTES)
}

/// Makes random bytes in lowercase hex.
pub(crate) fn fresh_hex<const BYTES: usize>(system: &dyn System) -> String {
    let mut bytes = [0; BYTES];
    system.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes an X-Ray trace root, which begins with the time in seconds.
pub(crate) fn trace_root(system: &dyn System) -> String {
    format!("Root=1-{:08x}-{}", system.now_seconds(), fresh_hex::<12>(system))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_api_gateways_form_and_are_unique() {
        let (one, other) = (fresh_id(&OsSystem), fresh_id(&OsSystem));
        assert_eq!((one.len(), one.find('=')), (16, Some(15)), "{one}");
        assert_ne!(one, other);
        assert!(is_id(&one) && ["", "=", "c=", "KbT4dc2oDoECFzA", "KbT4 c2oDoECFzA="].iter().all(|text| !is_id(text)));
    }
}
