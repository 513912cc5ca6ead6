//! When alarms are heard: which sound is due, how it goes, and when it is silent. Pure, time injected, but for `tone`,
//! which makes the page sound; must not know where alarms come from.

mod tone;

use std::time::Duration;

use penstock_api::{AlarmCounts, AlarmView};
use penstock_model::{Priority, Timestamp};

pub(crate) use tone::{play, wake};

/// An unacknowledged alarm of the highest priority that waits for longer nags.
const CRITICAL_WAITS: Duration = Duration::from_secs(5 * 60);
/// And any other.
const OTHERS_WAIT: Duration = Duration::from_secs(15 * 60);

/// One tone of a sound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Note {
    /// Its pitch; under 2 kHz, as age takes the treble.
    pub(crate) hz: f32,
    /// How long after the sound's begin it begins, in s.
    pub(crate) after_s: f64,
    /// How long it lasts, in s.
    pub(crate) lasts_s: f64,
    /// How loud it is against the volume, 0 to 1.
    pub(crate) share: f32,
}

const fn note(hz: f32, after_s: f64, lasts_s: f64) -> Note {
    Note { hz, after_s, lasts_s, share: 1.0 }
}

/// Three that rise, two, one: what is more urgent is higher, quicker and comes more often.
const P1: [Note; 3] = [note(660.0, 0.0, 0.18), note(880.0, 0.22, 0.18), note(1_175.0, 0.44, 0.26)];
const P2: [Note; 2] = [note(587.0, 0.0, 0.24), note(784.0, 0.3, 0.3)];
const P3: [Note; 1] = [note(523.0, 0.0, 0.35)];
const NAG: [Note; 2] = [
    Note { hz: 440.0, after_s: 0.0, lasts_s: 0.3, share: 0.4 },
    Note { hz: 392.0, after_s: 0.34, lasts_s: 0.4, share: 0.4 },
];

/// What is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sound {
    /// Alarms call, the most urgent of them of this priority.
    Call(Priority),
    /// Silenced alarms wait for too long.
    Nag,
}

impl Sound {
    /// How it goes; nothing where it is only seen.
    pub(crate) const fn notes(self) -> &'static [Note] {
        match self {
            Self::Call(Priority::P1) => &P1,
            Self::Call(Priority::P2) => &P2,
            Self::Call(Priority::P3) => &P3,
            Self::Call(Priority::P4) => &[],
            Self::Nag => &NAG,
        }
    }

    /// From begin to begin.
    const fn every(self) -> Duration {
        match self {
            Self::Call(Priority::P1) => Duration::from_secs(3),
            Self::Call(Priority::P2) => Duration::from_secs(6),
            Self::Call(Priority::P3 | Priority::P4) => Duration::from_secs(15),
            Self::Nag => Duration::from_secs(60),
        }
    }
}

/// The alarms that nobody has acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Waiting {
    /// How many there are, the most urgent first.
    unacknowledged: [u32; 4],
    /// Since when the longest one waits of the most urgent, and of the others.
    oldest: [Option<Timestamp>; 2],
}

impl Waiting {
    /// As far as counts tell, which is what is known before anybody has signed in.
    pub(crate) fn of_counts(counts: &AlarmCounts) -> Self {
        let [critical, others @ ..] = counts.unacknowledged;
        let is_critical = critical > 0 && others == [0; 3];
        let oldest = counts.oldest_unacknowledged;
        let oldest = if is_critical { [oldest, None] } else { [None, oldest] };
        Self { unacknowledged: counts.unacknowledged, oldest }
    }

    /// Of the listed alarms.
    pub(crate) fn of_alarms<'a>(listed: impl Iterator<Item = &'a AlarmView>) -> Self {
        let mut waiting = Self::default();
        let [critical, others] = &mut waiting.oldest;
        for view in listed.filter(|view| !view.state.acknowledged) {
            if let Some(count) = waiting.unacknowledged.get_mut(place(view.priority)) {
                *count += 1;
            }
            // Nobody is nagged for what nobody can acknowledge yet.
            if !view.can_be_acknowledged() {
                continue;
            }
            let oldest = if view.priority == Priority::P1 { &mut *critical } else { &mut *others };
            let since = view.state.raised_at.max(view.state.called_at);
            *oldest = Some(oldest.map_or(since, |oldest| oldest.min(since)));
        }
        waiting
    }
}

fn place(priority: Priority) -> usize {
    usize::from(priority.digit() - 1)
}

/// What calls, what was silenced, and what was heard last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sounder {
    waiting: Waiting,
    /// Priorities of which an alarm has called since the last silence, and that wait.
    is_calling: [bool; 4],
    last: Option<(Sound, Timestamp)>,
}

impl Sounder {
    /// Takes in what waits now. What is more than before calls, and so does a new alarm of the priority `called`, though
    /// another one went for it. Any call ends the silence.
    pub(crate) fn take(&mut self, waiting: Waiting, called: Option<Priority>) {
        let was_silent = self.calling().is_none();
        let counts = waiting.unacknowledged.into_iter().zip(self.waiting.unacknowledged);
        for ((is_calling, (now, before)), priority) in self.is_calling.iter_mut().zip(counts).zip(Priority::ALL) {
            *is_calling = now > 0 && (*is_calling || now > before || called == Some(priority));
        }
        self.waiting = waiting;
        // The first of a burst is heard at once; what follows is in its sound.
        if was_silent && self.calling().is_some() {
            self.last = None;
        }
    }

    /// Silences what calls; it is not acknowledged by that.
    pub(crate) fn silence(&mut self) {
        self.is_calling = [false; 4];
    }

    /// The most urgent priority that is heard; none while nothing is.
    pub(crate) fn calling(&self) -> Option<Priority> {
        let calling = Priority::ALL.into_iter().zip(self.is_calling).filter(|(_, is_calling)| *is_calling);
        calling.map(|(priority, _)| priority).find(|priority| !Sound::Call(*priority).notes().is_empty())
    }

    /// Whether an alarm has waited for too long.
    pub(crate) fn is_overdue(&self, now: Timestamp) -> bool {
        let waits = |since: Option<Timestamp>, at_most: Duration| since.is_some_and(|since| now.since(since) > at_most);
        let [critical, others] = self.waiting.oldest;
        waits(critical, CRITICAL_WAITS) || waits(others, OTHERS_WAIT)
    }

    /// The sound that is to be made now, if any.
    pub(crate) fn due(&mut self, now: Timestamp) -> Option<Sound> {
        let sound = match self.calling() {
            Some(priority) => Sound::Call(priority),
            None if self.is_overdue(now) => Sound::Nag,
            None => return None,
        };
        let is_due = match self.last {
            None => true,
            // What is soft does not break in on a silence that was just asked for.
            Some((last, at)) if last == sound || sound == Sound::Nag => now < at || now.since(at) >= sound.every(),
            Some(_) => true,
        };
        if is_due {
            self.last = Some((sound, now));
        }
        is_due.then_some(sound)
    }

    /// The page could not make the sound: it stays due.
    pub(crate) fn unheard(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(10_000 + secs)
    }

    fn waiting(unacknowledged: [u32; 4]) -> Waiting {
        Waiting { unacknowledged, oldest: [None, None] }
    }

    /// Seconds at which something sounds within a minute.
    fn heard(sounder: &mut Sounder, from: i64) -> Vec<(i64, Sound)> {
        (from..from + 60).filter_map(|second| Some((second, sounder.due(at(second))?))).collect()
    }

    #[test]
    fn it_sounds_until_it_is_silenced() {
        let mut sounder = Sounder::default();
        assert_eq!(sounder.due(at(0)), None);
        sounder.take(waiting([0, 1, 0, 0]), None);
        let calls = heard(&mut sounder, 0);
        assert_eq!(calls.len(), 10, "every 6 s: {calls:?}");
        assert!(calls.iter().all(|(_, sound)| *sound == Sound::Call(Priority::P2)));
        sounder.silence();
        assert_eq!((sounder.calling(), heard(&mut sounder, 60)), (None, vec![]));
        // The same alarms again are no news.
        sounder.take(waiting([0, 1, 0, 0]), None);
        assert_eq!(sounder.due(at(120)), None);
    }

    #[test]
    fn any_new_alarm_ends_the_silence_and_only_what_is_new_is_heard() {
        let mut sounder = Sounder::default();
        sounder.take(waiting([1, 0, 0, 0]), None);
        sounder.silence();
        sounder.take(waiting([1, 0, 1, 0]), None);
        assert_eq!(sounder.calling(), Some(Priority::P3));
        assert_eq!(sounder.due(at(0)), Some(Sound::Call(Priority::P3)));
        sounder.take(waiting([2, 0, 1, 0]), None);
        assert_eq!(sounder.due(at(1)), Some(Sound::Call(Priority::P1)), "what is more urgent breaks in");
        // One was acknowledged in the moment in which another one came.
        sounder.silence();
        sounder.take(waiting([2, 0, 1, 0]), Some(Priority::P1));
        assert_eq!(sounder.calling(), Some(Priority::P1));
    }

    #[test]
    fn what_is_acknowledged_sounds_no_more() {
        let mut sounder = Sounder::default();
        sounder.take(waiting([1, 0, 1, 0]), None);
        assert_eq!(sounder.calling(), Some(Priority::P1));
        sounder.take(waiting([0, 0, 1, 0]), None);
        assert_eq!(sounder.calling(), Some(Priority::P3));
        sounder.take(waiting([0; 4]), None);
        assert_eq!((sounder.calling(), sounder.due(at(0))), (None, None));
    }

    #[test]
    fn a_burst_is_one_sound() {
        let mut sounder = Sounder::default();
        let mut calls = 0;
        for count in 1..=30 {
            sounder.take(waiting([0, 0, count, 0]), Some(Priority::P3));
            calls += usize::from(sounder.due(at(i64::from(count) / 10)).is_some());
        }
        assert_eq!(calls, 1);
    }

    #[test]
    fn the_lowest_priority_is_only_seen() {
        let mut sounder = Sounder::default();
        sounder.take(waiting([0, 0, 0, 5]), Some(Priority::P4));
        assert_eq!((sounder.calling(), sounder.due(at(0))), (None, None));
    }

    #[test]
    fn what_waits_too_long_nags_softly() {
        let mut sounder = Sounder::default();
        sounder.take(Waiting { unacknowledged: [1, 1, 0, 0], oldest: [Some(at(0)), Some(at(-700))] }, None);
        assert_eq!(sounder.due(at(299)), Some(Sound::Call(Priority::P1)));
        sounder.silence();
        assert!(!sounder.is_overdue(at(200)));
        assert!(sounder.is_overdue(at(201)), "15 min of the others are over");
        assert_eq!(sounder.due(at(301)), None, "not right after a silence");
        let nags = heard(&mut sounder, 310);
        assert_eq!(nags, [(359, Sound::Nag)]);
        sounder.take(Waiting { unacknowledged: [1, 0, 0, 0], oldest: [Some(at(0)), None] }, None);
        assert!(!sounder.is_overdue(at(300)) && sounder.is_overdue(at(301)));
    }

    #[test]
    fn what_could_not_be_heard_stays_due() {
        let mut sounder = Sounder::default();
        sounder.take(waiting([0, 0, 1, 0]), None);
        assert!(sounder.due(at(0)).is_some());
        assert!(sounder.due(at(1)).is_none());
        sounder.unheard();
        assert!(sounder.due(at(2)).is_some());
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_mute() {
        let mut sounder = Sounder::default();
        sounder.take(waiting([1, 0, 0, 0]), None);
        assert!(sounder.due(at(500)).is_some());
        assert!(sounder.due(at(0)).is_some());
    }

    #[test]
    fn sounds_fit_their_time_and_old_ears() {
        let sounds = Priority::ALL.map(Sound::Call).into_iter().chain([Sound::Nag]);
        for sound in sounds {
            for note in sound.notes() {
                assert!(note.hz < 2_000.0, "{sound:?}");
                assert!(note.after_s + note.lasts_s < sound.every().as_secs_f64() / 2.0, "{sound:?}");
            }
        }
    }

    #[test]
    fn counts_alone_tell_whose_time_is_meant() {
        let counts = |unacknowledged| AlarmCounts {
            unacknowledged,
            oldest_unacknowledged: Some(at(0)),
            ..AlarmCounts::default()
        };
        let only_critical = Waiting::of_counts(&counts([2, 0, 0, 0]));
        assert_eq!(only_critical.oldest, [Some(at(0)), None]);
        let mixed = Waiting::of_counts(&counts([2, 0, 1, 0]));
        assert_eq!((mixed.unacknowledged, mixed.oldest), ([2, 0, 1, 0], [None, Some(at(0))]));
    }
}
