//! What wants a look: standing notices by part, and the newest warnings of the log, for Station health.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use penstock_api::{LogLine, Notice};
use penstock_model::{Clock, Timestamp};
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Warnings that are kept.
const LOG_LINES: usize = 200;

/// By part and kind of trouble: since when, what, and the cure.
type Standing = BTreeMap<(String, &'static str), (Timestamp, String, String)>;

/// Standing notices: each part sets its own and takes it back when it is cured.
#[derive(Clone)]
pub struct Notices {
    clock: Clock,
    standing: Arc<Mutex<Standing>>,
}

impl Notices {
    /// None standing.
    pub fn new(clock: Clock) -> Self {
        Self { clock, standing: Arc::default() }
    }

    /// Says that `part` has the trouble `kind`: what is wrong and what cures it.
    pub fn set(&self, part: &str, kind: &'static str, what: impl Into<String>, cure: impl Into<String>) {
        let (what, cure) = (what.into(), cure.into());
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = standing.entry((part.to_owned(), kind));
        let fresh = matches!(entry, std::collections::btree_map::Entry::Vacant(_));
        let slot = entry.or_insert_with(|| (self.clock.now(), String::new(), String::new()));
        if fresh {
            tracing::warn!(part, kind, what = what.as_str(), cure = cure.as_str(), "notice");
        }
        slot.1 = what;
        slot.2 = cure;
    }

    /// Takes a notice back.
    pub fn clear(&self, part: &str, kind: &'static str) {
        let removed =
            self.standing.lock().unwrap_or_else(PoisonError::into_inner).remove(&(part.to_owned(), kind)).is_some();
        if removed {
            tracing::info!(part, kind, "notice cleared");
        }
    }

    /// Takes back every notice of a part.
    pub fn clear_part(&self, part: &str) {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).retain(|(of, _), _| of != part);
    }

    /// Those that stand, the oldest first.
    pub fn list(&self) -> Vec<Notice> {
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list: Vec<Notice> = standing
            .iter()
            .map(|((part, _), (since, what, cure))| Notice {
                since: *since,
                part: part.clone(),
                what: what.clone(),
                cure: cure.clone(),
            })
            .collect();
        list.sort_by_key(|notice| notice.since);
        list
    }

    /// How many stand.
    pub fn count(&self) -> u32 {
        u32::try_from(self.standing.lock().unwrap_or_else(PoisonError::into_inner).len()).unwrap_or(u32::MAX)
    }
}

/// The newest warnings and errors of the log.
#[derive(Clone)]
pub struct RecentLog {
    clock: Clock,
    lines: Arc<Mutex<VecDeque<LogLine>>>,
}

impl RecentLog {
    /// None yet.
    pub fn new(clock: Clock) -> Self {
        Self { clock, lines: Arc::default() }
    }

    /// The newest first.
    pub fn list(&self) -> Vec<LogLine> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().cloned().collect()
    }
}

impl<S: tracing::Subscriber> Layer<S> for RecentLog {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        if level > tracing::Level::WARN {
            return;
        }
        let mut text = Text::default();
        event.record(&mut text);
        let line = LogLine { at: self.clock.now(), level: level.to_string(), text: text.join() };
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= LOG_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn join(self) -> String {
        format!("{}{}", self.message, self.fields)
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a string cannot fail.
        let _always_ok = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn notices_stand_until_cured_and_keep_their_age() {
        let clock = Clock::manual(Timestamp::from_secs(10));
        let notices = Notices::new(clock.clone());
        notices.set("database", "away", "no answer", "wait");
        clock.set(Timestamp::from_secs(20));
        notices.set("database", "away", "no answer for 10 s", "wait");
        let list = notices.list();
        assert_eq!(list.len(), 1);
        assert_eq!(list[0].since, Timestamp::from_secs(10));
        assert_eq!(list[0].what, "no answer for 10 s");
        notices.clear("database", "away");
        assert_eq!(notices.count(), 0);
    }

    #[test]
    fn warnings_are_kept_and_bounded() {
        let recent = RecentLog::new(Clock::manual(Timestamp::from_secs(10)));
        let subscriber = tracing_subscriber::registry().with(recent.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("not kept");
            for number in 0..=LOG_LINES {
                tracing::warn!(number, "kept");
            }
        });
        let lines = recent.list();
        assert_eq!(lines.len(), LOG_LINES);
        assert_eq!(lines[0].text, format!("kept number={LOG_LINES}"));
    }
}
