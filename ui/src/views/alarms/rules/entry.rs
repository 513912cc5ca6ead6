//! An alarm rule as a form holds it: every field as typed text, and the way there and back. What nobody touched stays
//! to the last bit. Pure; must not know the page.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use penstock_model::{
    AcknowledgementModel, AlarmClass, AlarmRule, Condition, Guidance, LimitLevel, PointId, Priority, Realarm,
    Reference, RuleId, Schedule, Severity, Side, Subject, Unit, Window, figure,
};

use super::tree::{Group, UnitOf, fields_of, test_of};
use crate::format::{self, NoNumber};

/// The fields that are one text each.
pub(super) const TEXTS: [&str; 38] = [
    "kind",
    "level",
    "side",
    "limit",
    "from",
    "setpoint",
    "by",
    "rate",
    "band",
    "deadband",
    "score",
    "time",
    "states",
    "test",
    "test_value",
    "count",
    "enabled",
    "name",
    "priority",
    "class",
    "severity",
    "respond",
    "on_delay",
    "off_delay",
    "cool_down",
    "latches",
    "acknowledgement",
    "realarm_after",
    "realarm_most",
    "first_out",
    "is_suppressed",
    "longest_shelf",
    "screen",
    "cause",
    "consequence",
    "action",
    "contact",
    "call_within",
];

/// The kinds of conditions, in the order that forms list them.
pub(super) const KINDS: [&str; 9] =
    ["limit", "deviation", "rate", "stuck", "state", "count", "expression", "anomaly", "silence"];
pub(super) const LEVELS: [(LimitLevel, &str); 4] =
    [(LimitLevel::LowLow, "LL"), (LimitLevel::Low, "L"), (LimitLevel::High, "H"), (LimitLevel::HighHigh, "HH")];
pub(super) const SIDES: [(Side, &str); 3] = [(Side::Above, "above"), (Side::Below, "below"), (Side::Either, "either")];
pub(super) const CLASSES: [(AlarmClass, &str); 4] = [
    (AlarmClass::Safety, "safety"),
    (AlarmClass::Environment, "environment"),
    (AlarmClass::Supply, "supply"),
    (AlarmClass::Equipment, "equipment"),
];
pub(super) const SEVERITIES: [(Severity, &str); 3] =
    [(Severity::Minor, "minor"), (Severity::Major, "major"), (Severity::Severe, "severe")];
pub(super) const ACKNOWLEDGEMENTS: [(AcknowledgementModel, &str); 3] = [
    (AcknowledgementModel::Required, "required"),
    (AcknowledgementModel::AfterReturn, "after_return"),
    (AcknowledgementModel::NotRequired, "not_required"),
];

/// A box that is ticked.
pub(super) const YES: &str = "yes";

/// What can be wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Nothing stands there, and something must.
    Missing,
    /// It is no number.
    NoNumber,
    /// It is no whole number.
    NoWhole,
    /// It is no length of time.
    NoTime,
    /// It is not from 1 to the number of parts.
    NoCount,
    /// It is no time of the day, or no day is ticked.
    NoWindow,
}

/// A field that is wrong.
pub(super) type Fault = (&'static str, Wrong);

/// When a rule is in force, as typed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct WindowEntry {
    pub(super) days: [bool; 7],
    pub(super) from: String,
    pub(super) until: String,
}

/// A form's fields. Values are in the unit that screens show the point in.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Entry {
    pub(super) texts: BTreeMap<&'static str, String>,
    pub(super) subject: Option<Subject>,
    pub(super) from_point: Option<PointId>,
    pub(super) expression: Group,
    pub(super) suppression: Group,
    pub(super) windows: Vec<WindowEntry>,
}

/// The name that a list of forms has for a value.
pub(super) fn name_in<T: PartialEq>(list: &[(T, &'static str)], value: &T) -> &'static str {
    list.iter().find(|(own, _)| own == value).map_or("", |(_, name)| *name)
}

/// The value that a name stands for.
pub(super) fn value_in<T: Copy>(list: &[(T, &'static str)], name: &str) -> Option<T> {
    list.iter().find(|(_, own)| *own == name).map(|(value, _)| *value)
}

/// What a condition is made of, as fields; values in `unit`.
pub(super) fn parts(condition: &Condition, unit: Unit) -> Vec<(&'static str, String)> {
    let value = |si: f64| figure(unit.from_si(si));
    let difference = |si: f64| figure(unit.difference_from_si(si));
    let side_name = |side: &Side| name_in(&SIDES, side).to_owned();
    match condition {
        Condition::Limit { level, limit, deadband } => vec![
            ("level", name_in(&LEVELS, level).to_owned()),
            ("limit", value(*limit)),
            ("deadband", difference(*deadband)),
        ],
        Condition::Deviation { from, side, by, deadband } => {
            let from = match from {
                Reference::Setpoint(setpoint) => [("from", "setpoint".to_owned()), ("setpoint", value(*setpoint))],
                Reference::Point(_) => [("from", "point".to_owned()), ("setpoint", String::new())],
            };
            let rest = [("side", side_name(side)), ("by", difference(*by)), ("deadband", difference(*deadband))];
            from.into_iter().chain(rest).collect()
        }
        Condition::Rate { side, per_second, over, deadband } => vec![
            ("side", side_name(side)),
            ("rate", difference(*per_second)),
            ("time", secs(*over)),
            ("deadband", difference(*deadband)),
        ],
        Condition::Stuck { within, after } => vec![("band", difference(*within)), ("time", secs(*after))],
        Condition::Silence { after } => vec![("time", secs(*after))],
        Condition::State { states } => {
            vec![("states", states.iter().map(i64::to_string).collect::<Vec<_>>().join(", "))]
        }
        Condition::Anomaly { score } => vec![("score", figure(*score))],
        Condition::Count { of, at_least, within } => {
            let (test, test_value) = fields_of(*of, unit);
            vec![("test", test), ("test_value", test_value), ("count", at_least.to_string()), ("time", secs(*within))]
        }
        Condition::Expression(_) => Vec::new(),
    }
}

/// A number that a condition has under a field's name, in SI.
fn stored_number(condition: &Condition, field: &str) -> Option<f64> {
    match (field, condition) {
        ("limit", Condition::Limit { limit, .. }) => Some(*limit),
        ("setpoint", Condition::Deviation { from: Reference::Setpoint(setpoint), .. }) => Some(*setpoint),
        ("by", Condition::Deviation { by, .. }) => Some(*by),
        ("rate", Condition::Rate { per_second, .. }) => Some(*per_second),
        ("band", Condition::Stuck { within, .. }) => Some(*within),
        (
            "deadband",
            Condition::Limit { deadband, .. }
            | Condition::Deviation { deadband, .. }
            | Condition::Rate { deadband, .. },
        ) => Some(*deadband),
        _ => None,
    }
}

/// Seconds as a field shows them.
fn secs(time: Duration) -> String {
    figure(time.as_secs_f64())
}

/// Minutes as a field shows them.
fn minutes(time: Option<Duration>) -> String {
    time.map(|time| figure(time.as_secs_f64() / 60.0)).unwrap_or_default()
}

fn yes(is_so: bool) -> String {
    if is_so { YES.to_owned() } else { String::new() }
}

impl Entry {
    /// The fields of a rule. `unit` is that of its subject, `units` that of any point.
    pub(super) fn of(rule: &AlarmRule, unit: Unit, units: UnitOf<'_>) -> Self {
        let mut texts: BTreeMap<&'static str, String> = TEXTS.into_iter().map(|name| (name, String::new())).collect();
        // What a menu shows where the condition has no such part.
        let usual = [("level", "H"), ("side", "either"), ("from", "setpoint"), ("test", "at_least")];
        texts.extend(usual.map(|(name, text)| (name, text.to_owned())));
        texts.extend(parts(&rule.condition, unit));
        let guidance = &rule.guidance;
        texts.extend([
            ("kind", rule.condition.kind().to_owned()),
            ("enabled", yes(rule.enabled)),
            ("name", rule.name.clone()),
            ("priority", rule.priority.digit().to_string()),
            ("class", name_in(&CLASSES, &rule.class).to_owned()),
            ("severity", rule.severity.map(|own| name_in(&SEVERITIES, &own).to_owned()).unwrap_or_default()),
            ("respond", minutes(rule.time_to_respond)),
            ("on_delay", secs(rule.on_delay)),
            ("off_delay", secs(rule.off_delay)),
            ("cool_down", secs(rule.cool_down)),
            ("latches", yes(rule.latches)),
            ("acknowledgement", name_in(&ACKNOWLEDGEMENTS, &rule.acknowledgement).to_owned()),
            ("realarm_after", minutes(rule.realarm.map(|realarm| realarm.after))),
            ("realarm_most", rule.realarm.map(|realarm| realarm.at_most.to_string()).unwrap_or_default()),
            ("first_out", rule.first_out.clone().unwrap_or_default()),
            ("is_suppressed", yes(rule.suppressed_while.is_some())),
            ("longest_shelf", minutes(rule.longest_shelf)),
            ("screen", rule.screen.clone().unwrap_or_default()),
            ("cause", guidance.cause.clone()),
            ("consequence", guidance.consequence.clone()),
            ("action", guidance.action.clone()),
            ("contact", rule.contact.clone()),
            ("call_within", minutes(rule.call_within)),
        ]);
        let expression = match &rule.condition {
            Condition::Expression(expression) => Group::of(expression, units),
            _ => Group::default(),
        };
        let from_point = match rule.condition {
            Condition::Deviation { from: Reference::Point(point), .. } => Some(point),
            _ => None,
        };
        let windows = rule.schedule.iter().flat_map(|schedule| &schedule.windows).map(WindowEntry::of).collect();
        let suppression = rule.suppressed_while.as_ref().map(|own| Group::of(own, units)).unwrap_or_default();
        Self { texts, subject: Some(rule.subject), from_point, expression, suppression, windows }
    }

    /// The text of a field with the blanks around it.
    pub(super) fn text_as_it_is(&self, name: &str) -> String {
        self.texts.get(name).cloned().unwrap_or_default()
    }

    /// The text of a field.
    pub(super) fn text(&self, name: &str) -> &str {
        self.texts.get(name).map(|text| text.trim()).unwrap_or_default()
    }

    /// The priority that consequence and time to respond propose.
    pub(super) fn proposed(&self) -> Option<Priority> {
        let severity = value_in(&SEVERITIES, self.text("severity"))?;
        let minutes = format::typed(self.text("respond")).ok()??;
        Some(severity.priority(Duration::try_from_secs_f64(minutes * 60.0).ok()?))
    }

    /// The rule that `former` becomes; `unit` is that of its new subject, `units` that of any point.
    pub(super) fn rule(&self, former: &AlarmRule, unit: Unit, units: UnitOf<'_>) -> Result<AlarmRule, Vec<Fault>> {
        let keeps = self.subject == Some(former.subject);
        // What nobody touched stays as it is, to the last bit: rounding for the form is no change.
        let untouched = Self::of(former, unit, units);
        let mut faults = Vec::new();
        let mut take = Take { entry: self, untouched: &untouched, keeps, unit, faults: &mut faults };
        let condition = take.condition(former, units);
        let guidance = &former.guidance;
        let text = |name: &'static str, had: &str| match self.texts.get(name) {
            text if text == untouched.texts.get(name) => had.to_owned(),
            text => text.map(|text| text.trim().to_owned()).unwrap_or_default(),
        };
        let some = |text: String| (!text.is_empty()).then_some(text);
        let realarm_after = take.time("realarm_after", 60.0, former.realarm.map(|realarm| realarm.after));
        let realarm = match (realarm_after, take.count("realarm_most", former.realarm.map(|own| own.at_most))) {
            (Some(after), Some(at_most)) => Some(Realarm { after, at_most }),
            (None, None) => None,
            (None, Some(_)) => {
                take.wrong("realarm_after", Wrong::Missing);
                None
            }
            (Some(_), None) => {
                take.wrong("realarm_most", Wrong::Missing);
                None
            }
        };
        let suppressed_while = if self.text("is_suppressed") != YES {
            None
        } else if untouched.text("is_suppressed") == YES && self.suppression == untouched.suppression {
            former.suppressed_while.clone()
        } else {
            let expression = self.suppression.expression(units).map_err(|wrong| take.wrong("suppression", wrong));
            expression.ok()
        };
        let windows: Result<Vec<Window>, Wrong> = self.windows.iter().map(WindowEntry::window).collect();
        let windows = windows.unwrap_or_else(|wrong| {
            take.wrong("windows", wrong);
            Vec::new()
        });
        let rule = AlarmRule {
            id: former.id,
            version: former.version,
            edited: former.edited,
            subject: self.subject.unwrap_or(former.subject),
            enabled: self.text("enabled") == YES,
            name: text("name", &former.name),
            priority: priority(self.text("priority")).unwrap_or(former.priority),
            class: value_in(&CLASSES, self.text("class")).unwrap_or(former.class),
            severity: value_in(&SEVERITIES, self.text("severity")),
            time_to_respond: take.time("respond", 60.0, former.time_to_respond),
            on_delay: take.time("on_delay", 1.0, Some(former.on_delay)).unwrap_or_default(),
            off_delay: take.time("off_delay", 1.0, Some(former.off_delay)).unwrap_or_default(),
            cool_down: take.time("cool_down", 1.0, Some(former.cool_down)).unwrap_or_default(),
            latches: self.text("latches") == YES,
            acknowledgement: value_in(&ACKNOWLEDGEMENTS, self.text("acknowledgement")).unwrap_or_default(),
            realarm,
            first_out: some(text("first_out", former.first_out.as_deref().unwrap_or_default())),
            suppressed_while,
            schedule: (!windows.is_empty()).then_some(Schedule { windows }),
            longest_shelf: take.time("longest_shelf", 60.0, former.longest_shelf),
            screen: some(text("screen", former.screen.as_deref().unwrap_or_default())),
            contact: text("contact", &former.contact),
            call_within: take.time("call_within", 60.0, former.call_within),
            guidance: Guidance {
                cause: text("cause", &guidance.cause),
                consequence: text("consequence", &guidance.consequence),
                action: text("action", &guidance.action),
            },
            condition: condition.unwrap_or_else(|| former.condition.clone()),
        };
        if self.subject.is_none() {
            faults.push(("subject", Wrong::Missing));
        }
        if faults.is_empty() { Ok(rule) } else { Err(faults) }
    }
}

/// Reads fields, and keeps what is wrong with them.
struct Take<'a> {
    entry: &'a Entry,
    untouched: &'a Entry,
    /// Whether the rule is about the same as before, so that numbers nobody touched are the stored ones.
    keeps: bool,
    unit: Unit,
    faults: &'a mut Vec<Fault>,
}

impl Take<'_> {
    fn wrong(&mut self, field: &'static str, wrong: Wrong) {
        self.faults.push((field, wrong));
    }

    fn is_untouched(&self, field: &str) -> bool {
        self.entry.texts.get(field) == self.untouched.texts.get(field)
    }

    /// A length of time in units of so many seconds; none where nothing stands there.
    fn time(&mut self, field: &'static str, unit_secs: f64, had: Option<Duration>) -> Option<Duration> {
        if self.is_untouched(field) {
            return had;
        }
        let typed = match format::typed(self.entry.text(field)) {
            Ok(typed) => typed?,
            Err(NoNumber) => {
                self.wrong(field, Wrong::NoTime);
                return None;
            }
        };
        let time = Duration::try_from_secs_f64(typed * unit_secs).ok();
        if time.is_none() {
            self.wrong(field, Wrong::NoTime);
        }
        time
    }

    /// A whole number; none where nothing stands there.
    fn count(&mut self, field: &'static str, had: Option<u32>) -> Option<u32> {
        let text = self.entry.text(field);
        if self.is_untouched(field) || text.is_empty() {
            return had.filter(|_| !text.is_empty());
        }
        let count = text.parse().ok();
        if count.is_none() {
            self.wrong(field, Wrong::NoWhole);
        }
        count
    }

    /// A number that must stand there; a value, or a difference of two.
    fn number(&mut self, field: &'static str, is_value: bool, former: &Condition) -> f64 {
        let had = stored_number(former, field).filter(|_| self.keeps && self.is_untouched(field));
        if let Some(had) = had {
            return had;
        }
        match format::typed(self.entry.text(field)) {
            Ok(Some(typed)) if is_value => self.unit.to_si(typed),
            Ok(Some(typed)) => self.unit.difference_to_si(typed),
            // Nothing written is no deadband at all.
            Ok(None) if field == "deadband" => 0.0,
            Ok(None) => {
                self.wrong(field, Wrong::Missing);
                0.0
            }
            Err(NoNumber) => {
                self.wrong(field, Wrong::NoNumber);
                0.0
            }
        }
    }

    /// A length of time that must stand there, in seconds.
    fn lasting(&mut self, former: &Condition) -> Duration {
        let had = match former {
            Condition::Rate { over: time, .. }
            | Condition::Stuck { after: time, .. }
            | Condition::Silence { after: time }
            | Condition::Count { within: time, .. } => Some(*time),
            _ => None,
        };
        let before = self.faults.len();
        let time = self.time("time", 1.0, had);
        if time.is_none() && self.faults.len() == before {
            self.wrong("time", Wrong::Missing);
        }
        time.unwrap_or_default()
    }

    fn condition(&mut self, former: &AlarmRule, units: UnitOf<'_>) -> Option<Condition> {
        let had = &former.condition;
        let side = value_in(&SIDES, self.entry.text("side")).unwrap_or(Side::Either);
        Some(match self.entry.text("kind") {
            "limit" => Condition::Limit {
                level: value_in(&LEVELS, self.entry.text("level")).unwrap_or(LimitLevel::High),
                limit: self.number("limit", true, had),
                deadband: self.number("deadband", false, had),
            },
            "deviation" => {
                let from = match (self.entry.text("from"), self.entry.from_point) {
                    ("point", Some(point)) => Reference::Point(point),
                    ("point", None) => {
                        self.wrong("from_point", Wrong::Missing);
                        return None;
                    }
                    _ => Reference::Setpoint(self.number("setpoint", true, had)),
                };
                let (by, deadband) = (self.number("by", false, had), self.number("deadband", false, had));
                Condition::Deviation { from, side, by, deadband }
            }
            "rate" => Condition::Rate {
                side,
                per_second: self.number("rate", false, had),
                over: self.lasting(had),
                deadband: self.number("deadband", false, had),
            },
            "stuck" => Condition::Stuck { within: self.number("band", false, had), after: self.lasting(had) },
            "silence" => Condition::Silence { after: self.lasting(had) },
            "state" => {
                let states = self.entry.text("states").split([',', ';', ' ']).filter(|state| !state.is_empty());
                let states: Result<BTreeSet<i64>, _> = states.map(str::parse::<i64>).collect();
                match states {
                    Ok(states) if !states.is_empty() => Condition::State { states },
                    Ok(_) => {
                        self.wrong("states", Wrong::Missing);
                        return None;
                    }
                    Err(_) => {
                        self.wrong("states", Wrong::NoWhole);
                        return None;
                    }
                }
            }
            "anomaly" => match (had, format::typed(self.entry.text("score"))) {
                (Condition::Anomaly { .. }, _) if self.is_untouched("score") => had.clone(),
                (_, Ok(Some(score))) => Condition::Anomaly { score },
                (_, Ok(None)) => {
                    self.wrong("score", Wrong::Missing);
                    return None;
                }
                (_, Err(NoNumber)) => {
                    self.wrong("score", Wrong::NoNumber);
                    return None;
                }
            },
            "count" => {
                let is_same = self.keeps && self.is_untouched("test") && self.is_untouched("test_value");
                let of = match had {
                    Condition::Count { of, .. } if is_same => Ok(*of),
                    _ => test_of(self.entry.text("test"), self.entry.text("test_value"), self.unit),
                };
                let of = match of {
                    Ok(of) => of,
                    Err(wrong) => {
                        self.wrong("test_value", wrong);
                        return None;
                    }
                };
                let Ok(at_least) = self.entry.text("count").parse() else {
                    self.wrong("count", Wrong::NoWhole);
                    return None;
                };
                Condition::Count { of, at_least, within: self.lasting(had) }
            }
            "expression" => match had {
                Condition::Expression(_) if self.entry.expression == self.untouched.expression => had.clone(),
                _ => match self.entry.expression.expression(units) {
                    Ok(expression) => Condition::Expression(expression),
                    Err(wrong) => {
                        self.wrong("expression", wrong);
                        return None;
                    }
                },
            },
            _ => {
                self.wrong("kind", Wrong::Missing);
                return None;
            }
        })
    }
}

impl WindowEntry {
    /// A working week's days, for a window that is added.
    pub(super) fn new() -> Self {
        let days = [true, true, true, true, true, false, false];
        Self { days, from: "08:00".to_owned(), until: "17:00".to_owned() }
    }

    fn of(window: &Window) -> Self {
        let text = window.text();
        let times = text.rsplit_once(' ').and_then(|(_, times)| times.split_once('-'));
        let (from, until) = times.unwrap_or_default();
        Self { days: window.days, from: from.to_owned(), until: until.to_owned() }
    }

    fn window(&self) -> Result<Window, Wrong> {
        let read = Window::parse(&format!("daily {}-{}", self.from.trim(), self.until.trim()));
        match read {
            Ok(read) if self.days.contains(&true) => Ok(Window { days: self.days, ..read }),
            _ => Err(Wrong::NoWindow),
        }
    }
}

fn priority(digit: &str) -> Option<Priority> {
    Priority::ALL.into_iter().find(|priority| priority.digit().to_string() == digit)
}

/// A new rule about something, as a form begins with it: the station gives it its id.
pub(super) fn new_rule(subject: Subject) -> AlarmRule {
    let condition = match subject {
        Subject::Point(_) => Condition::Limit { level: LimitLevel::High, limit: 0.0, deadband: 0.0 },
        Subject::Site(_) | Subject::Asset(_) => Condition::Silence { after: Duration::from_secs(600) },
    };
    AlarmRule::new(RuleId(Default::default()), subject, condition)
}

#[cfg(test)]
mod tests {
    use penstock_model::{Expression, Quantity, Test, Timestamp};

    use super::*;

    fn point(id: u8) -> PointId {
        PointId::made(Timestamp::from_secs(1), [id; 10])
    }

    fn unit() -> Unit {
        Quantity::Temperature.display_unit()
    }

    fn units(_: PointId) -> Unit {
        unit()
    }

    fn limit() -> AlarmRule {
        let third = 1.0 / 3.0;
        AlarmRule {
            condition: Condition::Limit { level: LimitLevel::HighHigh, limit: 350.0 + third, deadband: third },
            ..new_rule(Subject::Point(point(1)))
        }
    }

    fn with(entry: &Entry, name: &'static str, text: &str) -> Entry {
        let mut entry = entry.clone();
        entry.texts.insert(name, text.to_owned());
        entry
    }

    #[test]
    fn every_kind_survives_the_form() {
        let third = 1.0 / 3.0;
        let time = Duration::from_millis(90_500);
        let leaf = Expression::Point { point: point(2), test: Test::AtMost(third) };
        let conditions = [
            limit().condition,
            Condition::Deviation { from: Reference::Setpoint(third), side: Side::Above, by: third, deadband: 0.1 },
            Condition::Deviation { from: Reference::Point(point(2)), side: Side::Below, by: third, deadband: 0.0 },
            Condition::Rate { side: Side::Either, per_second: third / 1e5, over: time, deadband: third / 1e6 },
            Condition::Stuck { within: 0.1 + 0.2, after: time },
            Condition::State { states: BTreeSet::from([-1, 4]) },
            Condition::Expression(leaf.clone()),
            Condition::Anomaly { score: third },
            Condition::Count { of: Test::AtLeast(third), at_least: 6, within: time },
        ];
        for condition in conditions {
            let rule = AlarmRule {
                condition,
                name: "Bearing ".into(),
                realarm: Some(Realarm { after: time, at_most: 3 }),
                suppressed_while: Some(leaf.clone()),
                schedule: Some(Schedule { windows: vec![Window { days: [true; 7], from_minute: 0, minutes: 1_440 }] }),
                severity: Some(Severity::Major),
                time_to_respond: Some(time),
                longest_shelf: Some(time),
                first_out: Some("Pump 1".into()),
                screen: Some("/map".into()),
                contact: "Duty engineer".into(),
                call_within: Some(time),
                latches: true,
                ..limit()
            };
            assert_eq!(Entry::of(&rule, unit(), &units).rule(&rule, unit(), &units), Ok(rule));
        }
    }

    #[test]
    fn what_is_typed_is_in_the_unit_of_the_point() {
        let rule = limit();
        let entry = Entry::of(&rule, unit(), &units);
        assert_eq!((entry.text("limit"), entry.text("deadband")), ("77.1833333333", "0.333333333333"));
        let changed = with(&with(&entry, "limit", "80"), "deadband", "2").rule(&rule, unit(), &units).expect("right");
        let condition = Condition::Limit { level: LimitLevel::HighHigh, limit: 353.15, deadband: 2.0 };
        assert_eq!(changed, AlarmRule { condition, ..rule });
    }

    #[test]
    fn what_is_wrong_is_named() {
        let rule = limit();
        let entry = Entry::of(&rule, unit(), &units);
        let check = |entry: Entry, field: &'static str, wrong: Wrong| {
            assert_eq!(entry.rule(&rule, unit(), &units), Err(vec![(field, wrong)]));
        };
        check(with(&entry, "limit", ""), "limit", Wrong::Missing);
        check(with(&entry, "deadband", "wide"), "deadband", Wrong::NoNumber);
        check(with(&entry, "on_delay", "-1"), "on_delay", Wrong::NoTime);
        check(with(&entry, "call_within", "soon"), "call_within", Wrong::NoTime);
        check(with(&entry, "realarm_after", "5"), "realarm_most", Wrong::Missing);
        check(with(&entry, "kind", "silence"), "time", Wrong::Missing);
        check(with(&entry, "kind", "expression"), "expression", Wrong::Missing);
        check(with(&with(&entry, "kind", "deviation"), "from", "point"), "from_point", Wrong::Missing);
        check(with(&entry, "is_suppressed", YES), "suppression", Wrong::Missing);
        check(Entry { subject: None, ..entry.clone() }, "subject", Wrong::Missing);
        let never = WindowEntry { days: [false; 7], ..WindowEntry::new() };
        check(Entry { windows: vec![never], ..entry.clone() }, "windows", Wrong::NoWindow);
        let late = WindowEntry { until: "25:00".into(), ..WindowEntry::new() };
        check(Entry { windows: vec![late], ..entry }, "windows", Wrong::NoWindow);
    }

    #[test]
    fn a_priority_is_proposed() {
        let entry = Entry::of(&limit(), unit(), &units);
        assert_eq!(entry.proposed(), None);
        let severe = with(&with(&entry, "severity", "severe"), "respond", "2");
        assert_eq!(severe.proposed(), Some(Priority::P1));
        let minor = with(&with(&entry, "severity", "minor"), "respond", "60");
        assert_eq!(minor.proposed(), Some(Priority::P4));
    }
}
