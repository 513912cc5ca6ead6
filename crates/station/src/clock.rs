//! Tells when the machine's clock jumps: values without a time of their own are given its time, and everything else is
//! held against it. Must not know what reads the clock.

use std::time::{Duration, Instant};

use penstock_model::{Clock, Timestamp};

use crate::notices::Notices;

/// Less is how far clocks are corrected day by day, or how late a busy machine looks.
const JUMP: Duration = Duration::from_secs(2);
/// How long a jump is told of that is never taken back: then the clock as it goes is the right one.
const TOLD_FOR: Duration = Duration::from_secs(3_600);

/// What the clock said at the last look, and what it has jumped since it was last known to be right.
pub(crate) struct ClockWatch {
    said: Timestamp,
    at: Instant,
    jumped_micros: i64,
    jumped_at: Option<Instant>,
}

impl ClockWatch {
    /// Takes the clock to be right now.
    pub(crate) fn new(clock: &Clock) -> Self {
        Self { said: clock.now(), at: Instant::now(), jumped_micros: 0, jumped_at: None }
    }

    /// Compares how far the clock went with how much time has passed.
    pub(crate) fn look(&mut self, clock: &Clock, notices: &Notices) {
        let (says, at) = (clock.now(), Instant::now());
        self.take(says, at);
        if self.jumped_at.is_none() {
            return notices.clear("clock", "jump");
        }
        let secs = self.jumped_micros / 1_000_000;
        let way = if secs < 0 { "back" } else { "ahead" };
        notices.set(
            "clock",
            "jump",
            format!("this machine's clock jumped {} s {way}", secs.abs()),
            "check its time and time server; values that came without a time of their own have the clock's",
        );
    }

    fn take(&mut self, says: Timestamp, at: Instant) {
        let passed = i64::try_from(at.duration_since(self.at).as_micros()).unwrap_or(i64::MAX);
        let gone = says.micros_since(self.said).saturating_sub(passed);
        (self.said, self.at) = (says, at);
        let is_jump = |micros: i64| micros.unsigned_abs() >= JUMP.as_micros() as u64;
        if is_jump(gone) {
            self.jumped_micros = self.jumped_micros.saturating_add(gone);
            self.jumped_at = Some(at);
        }
        let is_over = self.jumped_at.is_some_and(|since| at.duration_since(since) >= TOLD_FOR);
        if is_over || !is_jump(self.jumped_micros) {
            (self.jumped_micros, self.jumped_at) = (0, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_stands_until_it_is_taken_back_or_has_stood_for_long() {
        let (said, start) = (Timestamp::from_secs(1_000_000), Instant::now());
        let clock = Clock::manual(said);
        let mut watch = ClockWatch { at: start, ..ClockWatch::new(&clock) };
        let mut look = |clock_secs: i64, secs: u64| {
            watch.take(Timestamp::from_secs(1_000_000 + clock_secs), start + Duration::from_secs(secs));
            watch.jumped_at.map(|_| watch.jumped_micros / 1_000_000)
        };
        assert_eq!(look(1, 1), None);
        assert_eq!(look(61, 61), None, "a sleepy machine");
        assert_eq!(look(3_662, 62), Some(3_600));
        assert_eq!(look(3_663, 63), Some(3_600));
        assert_eq!(look(64, 64), None, "taken back");
        assert_eq!(look(-3_535, 65), Some(-3_600));
        assert_eq!(look(-3_535 + 3_600, 65 + 3_600), None, "it goes on like this");
        assert_eq!(look(-3_535 + 3_601, 65 + 3_601), None);
    }
}
