//! Chattering and fleeting, over the raises of one alarm in the order of time. Must not know other alarms.
//!
//! Chattering: three raises or more within 60 s (the industry's rule; the standard gives no number). Fleeting: active
//! for less than 10 s, nobody did anything about it, and no other raise of the alarm within 60 s before or after it.

use std::time::Duration;

use penstock_model::Timestamp;

/// Raises as near together as this repeat.
pub(super) const REPEATS: Duration = Duration::from_secs(60);
/// What is active for less than this is short.
pub(super) const SHORT: Duration = Duration::from_secs(10);

/// Counts raises that chatter and raises that are fleeting. Keeps no more than the last two.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Repeats {
    last: Option<Raise>,
    before: Option<Raise>,
    chattering: u32,
    fleeting: u32,
}

#[derive(Debug, Clone, Copy)]
struct Raise {
    at: Timestamp,
    chatters: bool,
    /// It is fleeting if no other comes soon.
    may_be_fleeting: bool,
}

impl Repeats {
    /// Takes the next raise. `was_short`: it was active for less than [`SHORT`] and nobody did anything about it.
    pub(super) fn take(&mut self, at: Timestamp, was_short: bool) {
        let is_near = |other: &Raise| at.since(other.at) < REPEATS;
        let repeats = self.last.as_ref().is_some_and(is_near);
        if !repeats {
            self.settle();
        }
        let chatters = self.before.as_ref().is_some_and(is_near);
        let mut last = self.last;
        if chatters {
            for raise in [&mut self.before, &mut last].into_iter().flatten() {
                self.chattering += u32::from(!raise.chatters);
                raise.chatters = true;
            }
            self.chattering += 1;
        }
        self.before = last;
        self.last = Some(Raise { at, chatters, may_be_fleeting: was_short && !repeats });
    }

    /// How many chatter and how many are fleeting, where no other comes.
    pub(super) fn finish(mut self) -> (u32, u32) {
        self.settle();
        (self.chattering, self.fleeting)
    }

    fn settle(&mut self) {
        self.fleeting += u32::from(self.last.is_some_and(|last| last.may_be_fleeting));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_at_their_edges() {
        let check = |raises: &[(i64, bool)], expect: (u32, u32)| {
            let mut repeats = Repeats::default();
            raises.iter().for_each(|(at, was_short)| repeats.take(Timestamp::from_secs(*at), *was_short));
            assert_eq!(repeats.finish(), expect, "{raises:?}");
        };
        check(&[], (0, 0));
        check(&[(0, true)], (0, 1));
        check(&[(0, false)], (0, 0));
        // Two near each other are neither.
        check(&[(0, true), (59, true)], (0, 0));
        check(&[(0, true), (60, true)], (0, 2));
        // Three within 60 s, not at 60 s.
        check(&[(0, true), (30, true), (59, true)], (3, 0));
        check(&[(0, true), (30, true), (60, true)], (0, 0));
        // Each counts once, however many windows it is in.
        check(&[(0, false), (20, false), (40, false), (59, false), (100, false)], (4, 0));
        check(&[(0, false), (20, false), (40, false), (59, false), (90, false)], (5, 0));
        check(&[(0, true), (200, true), (210, false), (400, true)], (0, 2));
    }
}
