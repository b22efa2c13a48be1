//! Wall clock and random source as arguments, so that tests can set them. The only code that asks the system for either.
//! Durations and deadlines use tokio's clock instead, which tests can pause. The end of a token's life, a wall time, is moved to
//! the steady scale when the token arrives: a wall clock that jumps later ends nothing, and prolongs nothing.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A wall clock.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> SystemTime;

    /// Milliseconds since 1970, the unit of API Gateway, Lambda and the protocol.
    fn now_ms(&self) -> u64 {
        epoch_ms(self.now())
    }

    /// Milliseconds of a scale that only runs on, even if the wall clock jumps. Says how long something may live; means nothing
    /// to others.
    fn steady_ms(&self) -> u64 {
        self.now_ms()
    }

    /// Seconds since 1970, the unit of tokens and of TTL attributes in DynamoDB.
    fn now_seconds(&self) -> u64 {
        self.now_ms() / 1000
    }
}

/// Milliseconds since 1970; 0 for a time before.
pub fn epoch_ms(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// First value of the system's steady scale, so that times before the start of the process are not negative: more than a year.
const STEADY_START_MS: u64 = 1 << 40;

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one clock that is real")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one clock that is real")]
    fn steady_ms(&self) -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        STEADY_START_MS + START.get_or_init(Instant::now).elapsed().as_millis() as u64
    }
}

/// A source of unpredictable bytes.
pub trait RandomSource: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);
}

impl dyn RandomSource + '_ {
    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

/// The system's random number generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl RandomSource for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) {
        if let Err(error) = getrandom::fill(buffer) {
            // Predictable ids and secrets would be worse than no service; every supported kernel has getrandom.
            tracing::error!(%error, "the system's random number generator failed");
            std::process::abort();
        }
    }
}

/// A clock that a test moves, in milliseconds since 1970.
#[cfg(feature = "test-support")]
#[derive(Debug, Default)]
pub struct ManualClock(std::sync::atomic::AtomicU64);

#[cfg(feature = "test-support")]
impl ManualClock {
    /// A clock at this time, in seconds since 1970.
    pub fn new(seconds: u64) -> Self {
        Self((seconds * 1000).into())
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: std::time::Duration) {
        self.0.fetch_add(by.as_millis() as u64, std::sync::atomic::Ordering::Relaxed);
    }
}

#[cfg(feature = "test-support")]
impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        let ms = self.0.load(std::sync::atomic::Ordering::Relaxed);
        UNIX_EPOCH + std::time::Duration::from_millis(ms)
    }
}
