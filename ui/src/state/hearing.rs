//! Alarms heard and told: the sound that is due is made, and what is new is told to the screen reader, a burst in one
//! breath. Must not know when a sound is due, nor how it goes.

use std::time::Duration;

use leptos::prelude::*;
use penstock_model::{Priority, RuleId, Timestamp};

use super::App;
use crate::i18n::td_string;
use crate::sound::{self, Sound, Sounder, Waiting};

/// What is new within so long is told at once.
const BREATH: Duration = Duration::from_secs(5);

/// What is heard, and why not.
#[derive(Clone, Copy)]
pub(crate) struct Hearing {
    sounder: StoredValue<Sounder>,
    burst: StoredValue<Burst>,
    /// The most urgent priority that calls and was not silenced.
    pub(crate) calling: RwSignal<Option<Priority>>,
    /// An alarm has waited for too long.
    pub(crate) is_overdue: RwSignal<bool>,
    /// The page may not sound before the first key or click, or cannot.
    pub(crate) is_mute: RwSignal<bool>,
}

impl Hearing {
    pub(super) fn new() -> Self {
        Self {
            sounder: StoredValue::new(Sounder::default()),
            burst: StoredValue::new(Burst::default()),
            calling: RwSignal::new(None),
            is_overdue: RwSignal::new(false),
            is_mute: RwSignal::new(false),
        }
    }
}

impl App {
    /// Silences what calls until something new does; nothing is acknowledged by that.
    pub(crate) fn silence(self) {
        self.hearing.sounder.update_value(Sounder::silence);
        self.sound_if_due();
    }

    /// Takes in what waits, and the priority of the most urgent alarm that has called just now.
    pub(super) fn hear(self, waiting: Waiting, called: Option<Priority>) {
        self.hearing.sounder.update_value(|sounder| sounder.take(waiting, called));
        self.sound_if_due();
    }

    /// Makes the sound that is due.
    pub(super) fn sound_if_due(self) {
        let now = self.now.get_untracked();
        let heard = self
            .hearing
            .sounder
            .try_update_value(|sounder| (sounder.due(now), sounder.calling(), sounder.is_overdue(now)));
        let Some((due, calling, is_overdue)) = heard else { return };
        put(self.hearing.calling, calling);
        put(self.hearing.is_overdue, is_overdue);
        // Whoever works here may prefer silence. Where nobody is signed in, nobody is known to look.
        let is_wanted =
            self.sound.with_untracked(|choice| choice.is_on) || self.session.with_untracked(Option::is_none);
        if let Some(sound) = due.filter(|_| is_wanted) {
            let is_heard = sound::play(sound.notes(), self.sound.with_untracked(|choice| choice.volume));
            put(self.hearing.is_mute, !is_heard);
            if !is_heard {
                self.hearing.sounder.update_value(Sounder::unheard);
            }
        }
    }

    /// Lets a person hear how loud it is.
    pub(crate) fn try_sound(self) {
        let volume = self.sound.with_untracked(|choice| choice.volume);
        put(self.hearing.is_mute, !sound::play(Sound::Call(Priority::P2).notes(), volume));
    }

    /// Takes in alarms that called just now, for the screen reader.
    pub(super) fn announce(self, new_critical: &[RuleId], new_others: usize) {
        self.hearing.burst.update_value(|burst| burst.add(new_critical, new_others));
        self.tell_if_due();
    }

    /// Tells what is new, if it is time.
    pub(super) fn tell_if_due(self) {
        let now = self.now.get_untracked();
        let Some((critical, others)) = self.hearing.burst.try_update_value(|burst| burst.due(now)).flatten() else {
            return;
        };
        let locale = self.i18n.get_locale_untracked();
        let plant = self.plant.get_untracked();
        let first = critical.first().and_then(|rule| self.alarms.peek(*rule));
        self.announcement.update(|announcement| {
            if let (Some(view), Some(plant)) = (first, plant) {
                let title = crate::words::alarm_title(&view, &plant, locale);
                let place = plant.place_of_subject(view.subject).to_owned();
                announcement.assertive = match critical.len() {
                    1 => td_string!(locale, alarms.new_critical, title = title, place = place),
                    n => td_string!(locale, alarms.new_criticals, n = n, title = title, place = place),
                };
            }
            if others > 0 {
                announcement.polite = td_string!(locale, alarms.new_others, n = others);
            }
        });
    }

    /// Forgets what was to be told, for another person's session.
    pub(super) fn forget_news(self) {
        self.hearing.burst.set_value(Burst::default());
    }
}

/// Sets what has changed: whoever follows is not woken for nothing.
fn put<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|former| *former != value) {
        signal.set(value);
    }
}

/// New alarms that are not told yet.
#[derive(Debug, Clone, Default)]
struct Burst {
    critical: Vec<RuleId>,
    others: usize,
    told_at: Option<Timestamp>,
}

impl Burst {
    fn add(&mut self, critical: &[RuleId], others: usize) {
        self.critical.extend_from_slice(critical);
        self.others += others;
    }

    /// What is to be told now: critical ones, and how many others; none while nothing is new or it was told just now.
    fn due(&mut self, now: Timestamp) -> Option<(Vec<RuleId>, usize)> {
        let is_early = self.told_at.is_some_and(|at| now >= at && now.since(at) < BREATH);
        if is_early || (self.critical.is_empty() && self.others == 0) {
            return None;
        }
        self.told_at = Some(now);
        Some((std::mem::take(&mut self.critical), std::mem::take(&mut self.others)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_told_in_one_breath() {
        let at = Timestamp::from_secs;
        let rule = |id: u8| RuleId::made(at(1), [id; 10]);
        let mut burst = Burst::default();
        assert_eq!(burst.due(at(10)), None);
        burst.add(&[rule(1)], 0);
        assert_eq!(burst.due(at(10)), Some((vec![rule(1)], 0)), "the first at once");
        burst.add(&[rule(2)], 2);
        burst.add(&[rule(3)], 5);
        assert_eq!(burst.due(at(14)), None);
        assert_eq!(burst.due(at(15)), Some((vec![rule(2), rule(3)], 7)));
        assert_eq!(burst.due(at(30)), None, "once");
        burst.add(&[], 1);
        assert_eq!(burst.due(at(3)), Some((vec![], 1)), "a clock that is set back does not mute");
    }
}
