//! The record of one alarm in the master alarm database (ISA-18.2: what rationalisation settles of it).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::condition::{Condition, Expression};
use super::guidance::{call_within_fault, screen_fault};
use crate::{AssetId, PointId, RuleId, SiteId};

/// How urgent an alarm is, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Critical.
    P1,
    /// High.
    P2,
    /// Medium.
    P3,
    /// Low.
    P4,
}

impl Priority {
    /// Every priority, the most urgent first.
    pub const ALL: [Self; 4] = [Self::P1, Self::P2, Self::P3, Self::P4];

    /// The digit that marks it, 1 to 4.
    pub const fn digit(self) -> u8 {
        match self {
            Self::P1 => 1,
            Self::P2 => 2,
            Self::P3 => 3,
            Self::P4 => 4,
        }
    }
}

/// How bad it is if nothing is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// An inconvenience.
    Minor,
    /// Supply, equipment or money suffer.
    Major,
    /// People or the environment are harmed.
    Severe,
}

impl Severity {
    /// Every severity, the least first.
    pub const ALL: [Self; 3] = [Self::Minor, Self::Major, Self::Severe];

    /// The priority of an alarm with this consequence and so much time to respond: consequence × time, over 30 minutes,
    /// 10 to 30 inclusive, 3 to under 10, under 3. High, medium and low are P1, P2 and P3; P4 is what is hardly an
    /// alarm and else an event: a minor one with over half an hour.
    pub const fn priority(self, time_to_respond: Duration) -> Priority {
        use Priority::{P1, P2, P3, P4};
        let [relaxed, soon, quick, at_once] = match self {
            Self::Minor => [P4, P3, P3, P2],
            Self::Major => [P3, P2, P2, P1],
            Self::Severe => [P2, P1, P1, P1],
        };
        match time_to_respond.as_millis() {
            0..180_000 => at_once,
            180_000..600_000 => quick,
            600_000..=1_800_000 => soon,
            _ => relaxed,
        }
    }
}

/// What is at stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmClass {
    /// People's health or life.
    Safety,
    /// The environment.
    Environment,
    /// Supply of water.
    Supply,
    /// Equipment and money.
    Equipment,
}

impl AlarmClass {
    /// Every class.
    pub const ALL: [Self; 4] = [Self::Safety, Self::Environment, Self::Supply, Self::Equipment];
}

/// What an alarm is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// One point.
    Point(PointId),
    /// A whole site.
    Site(SiteId),
    /// A piece of equipment, for example a device whose points all come from it.
    Asset(AssetId),
}

/// Whether and when a person acknowledges an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AcknowledgementModel {
    /// At any time; until then it stays listed.
    #[default]
    Required,
    /// Only once it has returned to normal.
    AfterReturn,
    /// Not at all: it leaves the list by itself.
    NotRequired,
}

/// Calling again where an acknowledged alarm still stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Realarm {
    /// How long after the acknowledgement.
    pub after: Duration,
    /// How often at most in one occurrence, 1 or more.
    pub at_most: u32,
}

/// When a rule is in force: within any of its windows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Schedule {
    /// The windows, at least one.
    pub windows: Vec<Window>,
}

/// A stretch of the week, in the plant's local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// On which days it begins, Monday first.
    pub days: [bool; 7],
    /// From this minute of the day, 0 to 1,439.
    pub from_minute: u16,
    /// For so many minutes, 1 to 1,440; over midnight into the next day.
    pub minutes: u16,
}

impl Schedule {
    /// Whether it is in force at a local minute of the week, 0 to 10,079, Monday 00:00 being 0.
    pub fn includes(&self, minute_of_week: u32) -> bool {
        self.windows.iter().any(|window| window.includes(minute_of_week))
    }

    /// What is wrong with it, in words that name the cure; none where nothing is.
    pub fn fault(&self) -> Option<String> {
        if self.windows.is_empty() {
            return Some("the schedule has no window: add one, or take the schedule away".to_owned());
        }
        let is_right = |window: &Window| {
            window.days.contains(&true) && window.from_minute < 1_440 && (1..=1_440).contains(&window.minutes)
        };
        match self.windows.iter().all(is_right) {
            true => None,
            false => Some("a window needs a day, a start within the day, and 1 to 1,440 minutes".to_owned()),
        }
    }
}

impl Window {
    fn includes(self, minute_of_week: u32) -> bool {
        const DAY: u32 = 1_440;
        let day = minute_of_week / DAY;
        let minute = minute_of_week % DAY;
        let begins = |day: u32| usize::try_from(day % 7).ok().and_then(|day| self.days.get(day)).copied() == Some(true);
        let (from, until) = (u32::from(self.from_minute), u32::from(self.from_minute) + u32::from(self.minutes));
        (begins(day) && (from..until).contains(&minute)) || (begins(day + 6) && minute + DAY < until)
    }
}

/// What the operator is told beside the alarm.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Guidance {
    /// The likely cause.
    pub cause: String,
    /// What happens if nothing is done.
    pub consequence: String,
    /// What to do now.
    pub action: String,
}

/// A rule that raises one alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlarmRule {
    /// Its id; the alarm is known by it too.
    pub id: RuleId,
    /// Counts up with every change.
    pub version: u32,
    /// What it is about.
    pub subject: Subject,
    /// When it holds.
    pub condition: Condition,
    /// How urgent.
    pub priority: Priority,
    /// What is at stake.
    pub class: AlarmClass,
    /// How long the condition must hold before the alarm is raised.
    pub on_delay: Duration,
    /// How long the condition must be gone before the alarm ends.
    pub off_delay: Duration,
    /// What the operator is told.
    pub guidance: Guidance,
    /// Whether it is evaluated.
    pub enabled: bool,
    /// Whether a person has changed a rule that follows from a point: only its limit goes on following.
    #[serde(default, skip_serializing_if = "is_default")]
    pub edited: bool,
    /// A name of its own, where the subject's name with the condition does not do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whether it stays until a person resets it, also when the condition is gone.
    #[serde(default, skip_serializing_if = "is_default")]
    pub latches: bool,
    /// Whether and when it is acknowledged.
    #[serde(default, skip_serializing_if = "is_default")]
    pub acknowledgement: AcknowledgementModel,
    /// Whether it calls again where it still stands after an acknowledgement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realarm: Option<Realarm>,
    /// For how long after its end it is not raised again.
    #[serde(default, skip_serializing_if = "Duration::is_zero")]
    pub cool_down: Duration,
    /// The first-out group it belongs to: the first of the group that is raised is marked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_out: Option<String>,
    /// While this holds it is suppressed by design.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed_while: Option<Expression>,
    /// When it is in force, where not always: outside it is suppressed by design.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// How bad it is if nothing is done, where it was rationalised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// How long a person has to respond, where it was rationalised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_respond: Option<Duration>,
    /// The longest that an operator may shelve it; the tenant's limit where it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_shelf: Option<Duration>,
    /// The screen that it leads to, as a path of the app, for example `/trends?points=…`; where it is none, what is set
    /// for its place, and else that of its subject (see [`Advice::screen`](super::Advice::screen)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screen: Option<String>,
    /// Whom to call, in the order to call them; where it is empty, what is set for its place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub contact: String,
    /// How soon to call them; where it is none, what is set for its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_within: Option<Duration>,
}

/// What is left as it usually is takes no room in a file.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl AlarmRule {
    /// The longest delay, cool-down or time to call again.
    pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);

    /// A rule of version 1 that is in force, P3, for supply, without delays, to be acknowledged; all else is left out.
    pub fn new(id: RuleId, subject: Subject, condition: Condition) -> Self {
        Self {
            id,
            version: 1,
            subject,
            condition,
            priority: Priority::P3,
            class: AlarmClass::Supply,
            on_delay: Duration::ZERO,
            off_delay: Duration::ZERO,
            guidance: Guidance::default(),
            enabled: true,
            edited: false,
            name: String::new(),
            latches: false,
            acknowledgement: AcknowledgementModel::Required,
            realarm: None,
            cool_down: Duration::ZERO,
            first_out: None,
            suppressed_while: None,
            schedule: None,
            severity: None,
            time_to_respond: None,
            longest_shelf: None,
            screen: None,
            contact: String::new(),
            call_within: None,
        }
    }

    /// Every point whose values it looks at: its subject, what its condition and its suppression name.
    pub fn points(&self) -> Vec<PointId> {
        let subject = match self.subject {
            Subject::Point(point) => Some(point),
            Subject::Site(_) | Subject::Asset(_) => None,
        };
        let suppression = self.suppressed_while.iter().flat_map(Expression::points);
        let mut points: Vec<_> = subject.into_iter().chain(self.condition.other_points()).chain(suppression).collect();
        points.sort_unstable();
        points.dedup();
        points
    }

    /// What is wrong with it, in words that name the cure; none where nothing is.
    pub fn fault(&self) -> Option<String> {
        let is_about_silence = matches!(self.condition, Condition::Silence { .. });
        let is_free = matches!(self.condition, Condition::Expression(_));
        let is_about_point = matches!(self.subject, Subject::Point(_));
        if is_about_silence && is_about_point {
            return Some("silence is told of a site or an asset, never of one point: choose one".to_owned());
        }
        if !is_about_silence && !is_free && !is_about_point {
            return Some("this condition needs a point: choose one".to_owned());
        }
        let delays = [self.on_delay, self.off_delay, self.cool_down];
        let calls_again = self.realarm.map(|realarm| realarm.after);
        if delays.into_iter().chain(calls_again).any(|delay| delay > Self::LONGEST) {
            return Some("a delay is longer than 7 days: give a shorter one".to_owned());
        }
        if self.realarm.is_some_and(|realarm| realarm.after.is_zero() || realarm.at_most == 0) {
            return Some("to call again needs a time above 0 and a number of times from 1".to_owned());
        }
        if self.realarm.is_some() && self.acknowledgement == AcknowledgementModel::NotRequired {
            return Some("the time to call again counts from an acknowledgement: require it".to_owned());
        }
        if self.latches && self.acknowledgement == AcknowledgementModel::NotRequired {
            return Some("an alarm that latches must be acknowledged before it is reset: require it".to_owned());
        }
        if self.first_out.as_ref().is_some_and(|group| group.trim().is_empty()) {
            return Some("the first-out group has no name: give one, or take the group away".to_owned());
        }
        if let Some(problem) = self.screen.as_deref().and_then(screen_fault) {
            return Some(problem.to_owned());
        }
        if let Some(problem) = call_within_fault(self.call_within) {
            return Some(problem.to_owned());
        }
        let condition = self.condition.fault().map(|fault| format!("condition: {fault}"));
        let suppression = || self.suppressed_while.as_ref()?.fault().map(|fault| format!("suppression: {fault}"));
        condition.or_else(suppression).or_else(|| self.schedule.as_ref()?.fault())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::LimitLevel;

    #[test]
    fn priority_follows_consequence_and_time() {
        let check = |severity: Severity, minutes: u64, expect| {
            assert_eq!(severity.priority(Duration::from_secs(minutes * 60)), expect, "{severity:?} {minutes} min");
        };
        // The matrix of the design, a row a severity: over 30 minutes, 10 to 30, 3 to 10, under 3.
        use Priority::{P1, P2, P3, P4};
        let matrix = [
            (Severity::Minor, [P4, P3, P3, P2]),
            (Severity::Major, [P3, P2, P2, P1]),
            (Severity::Severe, [P2, P1, P1, P1]),
        ];
        for (severity, [relaxed, soon, quick, at_once]) in matrix {
            check(severity, 40, relaxed);
            check(severity, 31, relaxed);
            check(severity, 30, soon);
            check(severity, 10, soon);
            check(severity, 9, quick);
            check(severity, 3, quick);
            check(severity, 2, at_once);
        }
        assert_eq!(Severity::Minor.priority(Duration::from_millis(1_800_001)), P4);
    }

    #[test]
    fn windows_reach_over_midnight_and_the_end_of_the_week() {
        let sunday_night =
            Window { days: [false, false, false, false, false, false, true], from_minute: 1_380, minutes: 120 };
        let schedule = Schedule { windows: vec![sunday_night] };
        let at = |day: u32, hour: u32, minute: u32| schedule.includes(day * 1_440 + hour * 60 + minute);
        assert!(!at(6, 22, 59));
        assert!(at(6, 23, 0));
        assert!(at(0, 0, 59));
        assert!(!at(0, 1, 0));
        assert!(!at(1, 0, 30));
    }

    #[test]
    fn a_rule_that_was_stored_before_it_had_more_to_say_is_read() {
        let rule = rule();
        let mut stored = serde_json::to_value(&rule).expect("plain");
        let fields = stored.as_object_mut().expect("an object");
        let first = ["id", "version", "subject", "condition", "priority", "class", "on_delay", "off_delay", "guidance"];
        fields.retain(|name, _| first.contains(&name.as_str()) || name == "enabled");
        assert_eq!(serde_json::from_value::<AlarmRule>(stored).expect("readable"), rule);
    }

    #[test]
    fn faults_are_named() {
        let fault = |change: &dyn Fn(&mut AlarmRule)| {
            let mut rule = rule();
            change(&mut rule);
            rule.fault()
        };
        assert_eq!(fault(&|_| ()), None);
        assert!(fault(&|rule| rule.subject = Subject::Site(SiteId(Uuid::nil()))).is_some());
        assert!(fault(&|rule| rule.condition = Condition::Silence { after: Duration::from_secs(1) }).is_some());
        assert!(fault(&|rule| rule.on_delay = Duration::from_secs(8 * 24 * 3_600)).is_some());
        assert!(fault(&|rule| rule.screen = Some("//elsewhere".to_owned())).is_some());
        assert!(fault(&|rule| rule.screen = Some("/trends?points={point}".to_owned())).is_none());
        assert!(fault(&|rule| rule.call_within = Some(Duration::ZERO)).is_some());
        assert!(fault(&|rule| rule.schedule = Some(Schedule::default())).is_some());
        assert!(fault(&|rule| rule.first_out = Some(" ".to_owned())).is_some());
        let realarm = Some(Realarm { after: Duration::from_secs(60), at_most: 1 });
        assert!(fault(&|rule| rule.realarm = realarm).is_none());
        assert!(
            fault(&|rule| {
                rule.realarm = realarm;
                rule.acknowledgement = AcknowledgementModel::NotRequired;
            })
            .is_some()
        );
        assert!(
            fault(&|rule| {
                rule.latches = true;
                rule.acknowledgement = AcknowledgementModel::NotRequired;
            })
            .is_some()
        );
    }

    fn rule() -> AlarmRule {
        let condition = Condition::Limit { level: LimitLevel::High, limit: 1.0, deadband: 0.0 };
        AlarmRule::new(RuleId(Uuid::nil()), Subject::Point(PointId(Uuid::nil())), condition)
    }
}
