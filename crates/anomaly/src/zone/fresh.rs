//! What began within hours: how much more is taken than the last hour led one to expect, added up by the hour. Must not
//! know where the expectation comes from.

use serde::{Deserialize, Serialize};

use super::cusum::{Cusum, Piece};
use super::hours::start_of;
use super::ordinary::Look;

/// An hour's deviation counts up to so many standard deviations, and adds up to so many at most: one alone is a filling
/// or a fire.
const COUNTED: f64 = 6.0;
const CLAIM: f64 = 4.0;

/// The hours of late.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Fresh {
    before: Option<(i64, f64)>,
    up: Cusum,
}

impl Fresh {
    /// Takes an hour, of which `alike` tells how much one hour's deviation says of the next, -1 to 1.
    pub(super) fn hear(&mut self, hour: i64, look: &Look, alike: f64) {
        let sigma = look.sigma * look.caution;
        let now = (look.excess / sigma).clamp(-COUNTED, COUNTED);
        let before = self.before.replace((hour, now)).filter(|(before, _)| before.saturating_add(1) == hour);
        let news = before.map_or(now, |(_, before)| (now - alike * before) / (1.0 - alike * alike).sqrt());
        self.up.take(&Piece {
            from: start_of(hour),
            hours: 1.0,
            excess: look.excess,
            bounded: news.clamp(-CLAIM, CLAIM) * sigma,
            sigma,
            share: 1.0,
        });
    }

    pub(super) const fn up(&self) -> &Cusum {
        &self.up
    }

    /// Forgets evidence.
    pub(super) const fn clear(&mut self) {
        self.up.clear();
        self.before = None;
    }

    /// Whether every number is one.
    pub(super) fn is_sound(&self) -> bool {
        self.up.is_sound() && self.before.is_none_or(|(_, before)| before.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(excesses: &[f64], alike: f64) -> f64 {
        let mut fresh = Fresh::default();
        for (hour, excess) in (0..).zip(excesses) {
            fresh.hear(hour, &Look { expected: 10.0, excess: *excess, sigma: 1.0, caution: 1.0 }, alike);
        }
        fresh.up().sum()
    }

    #[test]
    fn three_hours_tell_and_one_does_not() {
        assert_eq!(after(&[0.0, 50.0], 0.0), 3.0);
        assert_eq!(after(&[0.0, 50.0, 0.0], 0.0), 0.0);
        assert_eq!(after(&[0.0, 5.0, 5.0, 5.0], 0.0), 9.0);
    }

    #[test]
    fn what_the_last_hour_told_is_no_news() {
        assert!(after(&[0.0, 2.0, 1.6, 1.3, 1.0], 0.8) < after(&[0.0, 2.0, 1.6, 1.3, 1.0], 0.0));
    }
}
