//! Tells when the machine's clock jumps: values without a time of their own are given its time, and everything else is
//! held against it. A machine that slept is told apart: its clock is right, and it missed what came meanwhile. Must not
//! know what reads the clock.

use std::time::{Duration, Instant};

use nix::time::ClockId;
use penstock_model::{Clock, Timestamp};

use crate::notices::Notices;

/// Less is how far clocks are corrected day by day, or how late a busy machine looks.
const JUMP: Duration = Duration::from_secs(2);
/// How long a jump is told of that is never taken back, then the clock as it goes is the right one; and a sleep.
const TOLD_FOR: Duration = Duration::from_secs(3_600);
/// Two clocks that are read within this were read at once.
const AT_ONCE: Duration = Duration::from_millis(50);

/// A moment by the two clocks that nobody sets.
#[derive(Debug, Clone, Copy)]
struct Moment {
    /// Stands while the machine sleeps.
    at: Instant,
    /// Goes on while it does; none where the system does not tell.
    since_boot: Option<Duration>,
}

impl Moment {
    fn now() -> Self {
        loop {
            let before = Instant::now();
            let since_boot = ClockId::CLOCK_BOOTTIME.now().ok().map(Duration::from);
            let at = Instant::now();
            // What comes between the two would look like sleep.
            if at.duration_since(before) < AT_ONCE {
                return Self { at, since_boot };
            }
        }
    }

    /// How long the machine slept since `before`; nothing where that is too short to tell.
    fn slept_since(&self, before: &Self) -> Duration {
        let (Some(now), Some(then)) = (self.since_boot, before.since_boot) else { return Duration::ZERO };
        let slept = now.saturating_sub(then).saturating_sub(self.at.duration_since(before.at));
        if slept >= JUMP { slept } else { Duration::ZERO }
    }
}

/// What a look at the clocks has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broke {
    /// The machine slept, and its clock is right.
    Slept,
    /// Its clock was set by so many microseconds, back where they are negative; it may have slept too.
    Set(i64),
}

/// Tells that the machine slept, or that its clock jumped: then nobody's silence is known by it.
pub(crate) struct SleepWatch {
    seen: Moment,
    said: Timestamp,
}

impl SleepWatch {
    /// Watches from now on.
    pub(crate) fn new(says: Timestamp) -> Self {
        Self { seen: Moment::now(), said: says }
    }

    /// What happened since the last look, where it says so much now: none where it went as it should.
    pub(crate) fn look(&mut self, says: Timestamp) -> Option<Broke> {
        self.take(says, Moment::now())
    }

    fn take(&mut self, says: Timestamp, now: Moment) -> Option<Broke> {
        let slept = now.slept_since(&self.seen);
        let passed = i64::try_from((now.at.duration_since(self.seen.at) + slept).as_micros()).unwrap_or(i64::MAX);
        let jumped = says.micros_since(self.said).saturating_sub(passed);
        (self.seen, self.said) = (now, says);
        if u128::from(jumped.unsigned_abs()) >= JUMP.as_micros() {
            return Some(Broke::Set(jumped));
        }
        (slept > Duration::ZERO).then_some(Broke::Slept)
    }
}

/// What the clock said at the last look, and what it has jumped since it was last known to be right.
pub(crate) struct ClockWatch {
    said: Timestamp,
    seen: Moment,
    jumped_micros: i64,
    jumped_at: Option<Instant>,
    slept: Duration,
    woke_at: Option<Instant>,
}

impl ClockWatch {
    /// Takes the clock to be right now.
    pub(crate) fn new(clock: &Clock) -> Self {
        Self {
            said: clock.now(),
            seen: Moment::now(),
            jumped_micros: 0,
            jumped_at: None,
            slept: Duration::ZERO,
            woke_at: None,
        }
    }

    /// Compares how far the clock went with how much time has passed, and that with how long the machine was awake.
    pub(crate) fn look(&mut self, clock: &Clock, notices: &Notices) {
        self.take(clock.now(), Moment::now());
        self.tell(notices);
    }

    fn tell(&self, notices: &Notices) {
        if self.woke_at.is_some() {
            notices.set(
                "machine",
                "slept",
                format!("this machine slept for {} s: nothing was taken in or judged meanwhile", self.slept.as_secs()),
                "brokers on other machines kept what came, as far as their queues go, and hand it on now; devices of \
                 its own broker have to send again: keep it awake (systemctl mask sleep.target suspend.target)",
            );
        } else {
            notices.clear("machine", "slept");
        }
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

    fn take(&mut self, says: Timestamp, now: Moment) {
        let slept = now.slept_since(&self.seen);
        let passed = now.at.duration_since(self.seen.at) + slept;
        let passed = i64::try_from(passed.as_micros()).unwrap_or(i64::MAX);
        let gone = says.micros_since(self.said).saturating_sub(passed);
        (self.said, self.seen) = (says, now);
        let lasts = |since: Option<Instant>| since.is_some_and(|since| now.at.duration_since(since) < TOLD_FOR);
        if slept > Duration::ZERO {
            self.slept += slept;
            self.woke_at = Some(now.at);
        }
        if !lasts(self.woke_at) {
            (self.slept, self.woke_at) = (Duration::ZERO, None);
        }
        let is_jump = |micros: i64| micros.unsigned_abs() >= JUMP.as_micros() as u64;
        if is_jump(gone) {
            self.jumped_micros = self.jumped_micros.saturating_add(gone);
            self.jumped_at = Some(now.at);
        }
        if !lasts(self.jumped_at) || !is_jump(self.jumped_micros) {
            (self.jumped_micros, self.jumped_at) = (0, None);
        }
    }
}

/// A time zone for who asks again and again: it is looked up anew only where another is asked for.
#[derive(Debug)]
pub(crate) struct Zone {
    name: String,
    rules: jiff::tz::TimeZone,
}

impl Zone {
    /// The zone of that name; UTC where nobody knows it.
    pub(crate) fn new(name: &str) -> Self {
        let rules = jiff::tz::TimeZone::get(name).unwrap_or(jiff::tz::TimeZone::UTC);
        Self { name: name.to_owned(), rules }
    }

    /// The offset from UTC of the zone of that name at a time; zero where nobody knows the zone.
    pub(crate) fn offset_of(&mut self, name: &str, at: Timestamp) -> i32 {
        if self.name != name {
            *self = Self::new(name);
        }
        self.offset(at)
    }

    fn offset(&self, at: Timestamp) -> i32 {
        jiff::Timestamp::from_microsecond(at.as_micros()).map_or(0, |at| self.rules.to_offset(at).seconds())
    }
}

/// A zone's offset from UTC at a time; zero where nobody knows the zone.
pub(crate) fn offset_of(time_zone: &str, at: Timestamp) -> i32 {
    Zone::new(time_zone).offset(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOTED: Duration = Duration::from_secs(500);

    /// A watch that begins at second 0 of everything, and a later look: seconds of the clock, awake and asleep.
    fn watch() -> (ClockWatch, impl Fn(&mut ClockWatch, i64, u64, u64)) {
        let (said, start) = (Timestamp::from_secs(1_000_000), Instant::now());
        let seen = Moment { at: start, since_boot: Some(BOOTED) };
        let watch = ClockWatch { seen, ..ClockWatch::new(&Clock::manual(said)) };
        let take = move |watch: &mut ClockWatch, clock_secs: i64, awake_secs: u64, asleep_secs: u64| {
            let since_boot = Some(BOOTED + Duration::from_secs(awake_secs + asleep_secs));
            let now = Moment { at: start + Duration::from_secs(awake_secs), since_boot };
            watch.take(Timestamp::from_secs(1_000_000 + clock_secs), now);
        };
        (watch, take)
    }

    #[test]
    fn a_jump_stands_until_it_is_taken_back_or_has_stood_for_long() {
        let (mut watch, take) = watch();
        let mut look = |clock_secs: i64, secs: u64| {
            take(&mut watch, clock_secs, secs, 0);
            watch.jumped_at.map(|_| watch.jumped_micros / 1_000_000)
        };
        assert_eq!(look(1, 1), None);
        assert_eq!(look(61, 61), None, "a busy machine");
        assert_eq!(look(3_662, 62), Some(3_600));
        assert_eq!(look(3_663, 63), Some(3_600));
        assert_eq!(look(64, 64), None, "taken back");
        assert_eq!(look(-3_535, 65), Some(-3_600));
        assert_eq!(look(-3_535 + 3_600, 65 + 3_600), None, "it goes on like this");
        assert_eq!(look(-3_535 + 3_601, 65 + 3_601), None);
    }

    #[test]
    fn silence_is_not_known_by_a_clock_that_jumped_or_slept() {
        let (said, start) = (Timestamp::from_secs(1_000_000), Instant::now());
        let mut watch = SleepWatch { seen: Moment { at: start, since_boot: Some(BOOTED) }, said };
        let mut look = |clock_secs: i64, awake_secs: u64, asleep_secs: u64| {
            let since_boot = Some(BOOTED + Duration::from_secs(awake_secs + asleep_secs));
            let now = Moment { at: start + Duration::from_secs(awake_secs), since_boot };
            watch.take(Timestamp::from_secs(1_000_000 + clock_secs), now)
        };
        let set = |secs: i64| Some(Broke::Set(secs * 1_000_000));
        assert_eq!(look(1, 1, 0), None);
        assert_eq!(look(61, 61, 0), None, "a busy machine");
        assert_eq!(look(3_661, 61, 3_600), Some(Broke::Slept));
        assert_eq!(look(3_662, 62, 3_600), None);
        assert_eq!(look(9_999, 63, 3_600), set(6_336), "it jumped ahead");
        assert_eq!(look(3_664, 64, 3_600), set(-6_336), "and back");
        assert_eq!(look(3_665, 65, 3_600), None);
        assert_eq!(look(3_666 + 50 + 7, 66, 3_650), set(7), "it slept, and its clock was set");
    }

    #[test]
    fn another_zone_has_its_own_offset() {
        let at = Timestamp::from_secs(1_700_000_000);
        let mut zone = Zone::new("UTC");
        for (name, offset) in [("UTC", 0), ("Asia/Kolkata", 19_800), ("Asia/Kolkata", 19_800), ("Nowhere/Land", 0)] {
            assert_eq!(zone.offset_of(name, at), offset, "{name}");
        }
    }

    #[test]
    fn sleep_is_no_jump_of_the_clock() {
        let (mut watch, take) = watch();
        let notices = Notices::new(Clock::manual(Timestamp::from_secs(1)));
        let mut look = |clock_secs: i64, awake_secs: u64, asleep_secs: u64| {
            take(&mut watch, clock_secs, awake_secs, asleep_secs);
            watch.tell(&notices);
            notices.list().into_iter().map(|notice| (notice.part, notice.what)).collect::<Vec<_>>()
        };
        assert_eq!(look(1, 1, 0), []);
        let told = look(7_202, 2, 7_200);
        let [(part, what)] = told.as_slice() else { panic!("{told:?}") };
        assert!(part == "machine" && what.contains("slept for 7200 s"), "{told:?}");
        assert_eq!(look(7_203, 3, 7_200), told);
        // Once more, with a clock that is an hour behind afterwards.
        let told = look(7_264 - 3_600, 4, 7_260);
        let [(_, jumped), (_, slept)] = told.as_slice() else { panic!("{told:?}") };
        assert!(jumped.contains("3600 s back") || slept.contains("3600 s back"), "{told:?}");
        assert!(jumped.contains("slept for 7260 s") || slept.contains("slept for 7260 s"), "{told:?}");
        let later = 4 + TOLD_FOR.as_secs();
        assert_eq!(look(7_264 - 3_600 + 3_600, later, 7_260), []);
    }

    #[test]
    fn where_the_system_does_not_tell_of_sleep_it_is_a_jump() {
        let (mut watch, _) = watch();
        let now = Moment { at: watch.seen.at + Duration::from_secs(1), since_boot: None };
        watch.take(Timestamp::from_secs(1_003_601), now);
        assert_eq!((watch.slept, watch.jumped_micros), (Duration::ZERO, 3_600_000_000));
    }
}
