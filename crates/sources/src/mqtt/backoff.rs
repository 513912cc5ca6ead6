//! How long to wait before the next try.

use std::time::Duration;

/// Doubles from 0.5 s to 30 s, with a random part so that stations do not come back all at once.
pub(crate) struct Backoff {
    failures: u32,
}

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { failures: 0 }
    }

    /// Starts over after a success that lasted.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait after one more failure: 0.5 s to 30 s.
    pub(crate) fn next(&mut self) -> Duration {
        // Without random numbers all stations wait the same: no reason to fail.
        let random = getrandom::u32().unwrap_or(u32::MAX / 2);
        let wait = after(self.failures, f64::from(random) / f64::from(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        wait
    }
}

/// `random` is 0 to 1: the wait lies between half and one and a half times the doubled one, within the bounds.
fn after(failures: u32, random: f64) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.min(10)).min(LONGEST);
    doubled.mul_f64(0.5 + random).clamp(FIRST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_within_its_bounds() {
        let check = |failures, random, secs| assert_eq!(after(failures, random), Duration::from_secs_f64(secs));
        check(0, 0.0, 0.5);
        check(0, 1.0, 0.75);
        check(1, 0.5, 1.0);
        check(3, 0.0, 2.0);
        check(3, 1.0, 6.0);
        check(6, 0.5, 30.0);
        check(u32::MAX, 1.0, 30.0);
    }
}
