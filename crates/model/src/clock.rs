//! Where "now" comes from: the one place that reads the system clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::Timestamp;

/// A source of the present time, handed to whatever needs one, so that tests and replay set their own.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    #[cfg(not(target_family = "wasm"))]
    System,
    /// A clock that stands until it is moved; clones share it.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `at` until [`Clock::set`] moves it.
    pub fn manual(at: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(at.as_micros())))
    }

    /// The present time.
    #[cfg_attr(not(target_family = "wasm"), expect(clippy::disallowed_methods, reason = "the one place that reads it"))]
    pub fn now(&self) -> Timestamp {
        match self {
            #[cfg(not(target_family = "wasm"))]
            Self::System => {
                let now = std::time::SystemTime::now();
                let micros = match now.duration_since(std::time::UNIX_EPOCH) {
                    Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
                    Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
                };
                Timestamp::from_micros(micros)
            }
            Self::Manual(at) => Timestamp::from_micros(at.load(Ordering::Acquire)),
        }
    }

    /// Moves a manual clock to `at`; the system clock is not ours to move and stays.
    pub fn set(&self, to: Timestamp) {
        match self {
            #[cfg(not(target_family = "wasm"))]
            Self::System => {}
            Self::Manual(at) => at.store(to.as_micros(), Ordering::Release),
        }
    }
}
