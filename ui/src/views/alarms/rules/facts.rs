//! An alarm rule in lines that people read, each with its name: for those who may not change it, and to tell one
//! version from another. Pure; must not know the page.

use std::time::Duration;

use penstock_model::{AlarmRule, Condition, Expression, Guidance, PointId, Quantity, Reference, Unit, figure};

use super::entry::{ACKNOWLEDGEMENTS, CLASSES, SEVERITIES, SIDES, name_in, parts};
use super::filter::title;
use crate::format;
use crate::i18n::{Locale, td_string};
use crate::state::PlantView;
use crate::words;

/// A line: what, and how it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) name: &'static str,
    /// Empty where nothing is said of it.
    pub(super) text: String,
    /// The stored fields that it tells of, each with all below it; none where it only follows from others.
    fields: &'static [&'static str],
}

impl Line {
    const fn new(name: &'static str, text: String, fields: &'static [&'static str]) -> Self {
        Self { name, text, fields }
    }
}

/// The unit that values of a point are shown in.
pub(super) fn unit_of(plant: Option<&PlantView>, point: PointId) -> Unit {
    let point = plant.and_then(|plant| plant.point(point));
    point.map_or_else(|| Quantity::Plain.display_unit(), |point| point.display_unit())
}

/// An expression as text, with the names of its points.
pub(super) fn expression_text(expression: &Expression, plant: &PlantView) -> String {
    expression.text(&|id| (point_name(id, plant), unit_of(Some(plant), id)))
}

/// What a point is called; its id where it is not known.
pub(super) fn point_name(id: PointId, plant: &PlantView) -> String {
    plant.point(id).map_or_else(|| id.to_string(), |point| point.name.clone())
}

/// The name of a kind of condition.
pub(super) fn kind_word(kind: &str, locale: Locale) -> &'static str {
    match kind {
        "limit" => td_string!(locale, rules.kind_limit),
        "deviation" => td_string!(locale, rules.kind_deviation),
        "rate" => td_string!(locale, rules.kind_rate),
        "stuck" => td_string!(locale, rules.kind_stuck),
        "state" => td_string!(locale, rules.kind_state),
        "count" => td_string!(locale, rules.kind_count),
        "expression" => td_string!(locale, rules.kind_expression),
        "anomaly" => td_string!(locale, rules.kind_anomaly),
        _ => td_string!(locale, rules.kind_silence),
    }
}

/// The name of a choice in forms.
pub(super) fn choice_word(name: &str, locale: Locale) -> &'static str {
    match name {
        "above" => td_string!(locale, rules.side_above),
        "below" => td_string!(locale, rules.side_below),
        "either" => td_string!(locale, rules.side_either),
        "safety" => td_string!(locale, words.safety),
        "environment" => td_string!(locale, words.environment),
        "supply" => td_string!(locale, words.supply),
        "equipment" => td_string!(locale, words.equipment),
        "minor" => td_string!(locale, rules.minor),
        "major" => td_string!(locale, rules.major),
        "severe" => td_string!(locale, rules.severe),
        "required" => td_string!(locale, rules.ack_required),
        "after_return" => td_string!(locale, rules.ack_after_return),
        "not_required" => td_string!(locale, rules.ack_not_required),
        "at_least" => td_string!(locale, rules.test_at_least),
        "at_most" => td_string!(locale, rules.test_at_most),
        "is" => td_string!(locale, rules.test_is),
        _ => "",
    }
}

/// The fields that are a deadband, and those that are a condition's time.
const DEADBANDS: &[&str] = &["condition.limit.deadband", "condition.deviation.deadband", "condition.rate.deadband"];
const TIMES: &[&str] =
    &["condition.rate.over", "condition.stuck.after", "condition.silence.after", "condition.count.within"];

/// Every line of a rule, always the same ones in the same order.
pub(super) fn lines(rule: &AlarmRule, plant: &PlantView, locale: Locale) -> Vec<Line> {
    let point = plant.point_of(rule.subject);
    let unit = point.map_or_else(|| Quantity::Plain.display_unit(), |point| point.display_unit());
    let symbol = point.map(|point| format::unit(point.quantity)).unwrap_or_default();
    let parts = parts(&rule.condition, unit);
    let part = |name: &str| {
        let found = parts.iter().find(|(own, _)| *own == name);
        found.map(|(_, text)| text.clone()).unwrap_or_default()
    };
    let with = |text: String, unit: &str| match text.is_empty() || unit.is_empty() {
        true => text,
        false => format!("{text}\u{a0}{unit}"),
    };
    let value = |name: &str| with(part(name), symbol);
    let secs = |time: Duration| with(figure(time.as_secs_f64()), "s");
    let time = |time: Option<Duration>| time.map(|time| format::age(time, locale)).unwrap_or_default();
    let yes = |is_so: bool| if is_so { td_string!(locale, rules.yes) } else { td_string!(locale, rules.no) };
    let test = match &rule.condition {
        Condition::Count { of, .. } => of.text(unit),
        _ => String::new(),
    };
    let from_point = match rule.condition {
        Condition::Deviation { from: Reference::Point(point), .. } => point_name(point, plant),
        _ => String::new(),
    };
    let expression = match &rule.condition {
        Condition::Expression(expression) => expression_text(expression, plant),
        _ => String::new(),
    };
    let side = SIDES.iter().find(|(_, name)| *name == part("side")).map(|(_, name)| choice_word(name, locale));
    let realarm = rule.realarm.map(|realarm| {
        td_string!(locale, rules.realarm_text, after = format::age(realarm.after, locale), n = realarm.at_most)
    });
    let about = match point {
        Some(point) => point.name.clone(),
        None => plant.place_of_subject(rule.subject).to_owned(),
    };
    let suppressed = rule.suppressed_while.as_ref().map(|own| expression_text(own, plant)).unwrap_or_default();
    let severity = rule.severity.map(|own| choice_word(name_in(&SEVERITIES, &own), locale).to_owned());
    let acknowledgement = choice_word(name_in(&ACKNOWLEDGEMENTS, &rule.acknowledgement), locale);
    let line = Line::new;
    let of_rule = [
        line(td_string!(locale, rules.about), about, &["subject"]),
        line(td_string!(locale, rules.called), title(rule, plant, locale), &["name"]),
        line(td_string!(locale, rules.enabled), yes(rule.enabled).to_owned(), &["enabled"]),
        line(td_string!(locale, rules.edited), yes(rule.edited).to_owned(), &[]),
        line(td_string!(locale, rules.kind), kind_word(rule.condition.kind(), locale).to_owned(), &[]),
        line(td_string!(locale, rules.level), part("level"), &["condition.limit.level"]),
        line(td_string!(locale, rules.limit), value("limit"), &["condition.limit.limit"]),
        line(
            td_string!(locale, rules.side),
            side.unwrap_or_default().to_owned(),
            &["condition.deviation.side", "condition.rate.side"],
        ),
        line(td_string!(locale, rules.setpoint), value("setpoint"), &["condition.deviation.from.setpoint"]),
        line(td_string!(locale, rules.from_point), from_point, &["condition.deviation.from.point"]),
        line(td_string!(locale, rules.by), value("by"), &["condition.deviation.by"]),
        line(td_string!(locale, rules.rate), value("rate"), &["condition.rate.per_second"]),
        line(td_string!(locale, rules.band), value("band"), &["condition.stuck.within"]),
        line(td_string!(locale, rules.deadband), value("deadband"), DEADBANDS),
        line(td_string!(locale, rules.score), part("score"), &["condition.anomaly.score"]),
        line(td_string!(locale, rules.time), with(part("time"), "s"), TIMES),
        line(td_string!(locale, rules.states), part("states"), &["condition.state.states"]),
        line(td_string!(locale, rules.test), test, &["condition.count.of"]),
        line(td_string!(locale, rules.count), part("count"), &["condition.count.at_least"]),
        line(td_string!(locale, rules.expression), expression, &["condition.expression"]),
        line(td_string!(locale, rules.priority), words::priority(rule.priority, locale).to_owned(), &["priority"]),
        line(
            td_string!(locale, rules.class),
            choice_word(name_in(&CLASSES, &rule.class), locale).to_owned(),
            &["class"],
        ),
        line(td_string!(locale, rules.severity), severity.unwrap_or_default(), &["severity"]),
        line(td_string!(locale, rules.respond), time(rule.time_to_respond), &["time_to_respond"]),
        line(td_string!(locale, rules.on_delay), secs(rule.on_delay), &["on_delay"]),
        line(td_string!(locale, rules.off_delay), secs(rule.off_delay), &["off_delay"]),
        line(td_string!(locale, rules.cool_down), secs(rule.cool_down), &["cool_down"]),
        line(td_string!(locale, rules.latches), yes(rule.latches).to_owned(), &["latches"]),
        line(td_string!(locale, rules.acknowledgement), acknowledgement.to_owned(), &["acknowledgement"]),
        line(td_string!(locale, rules.realarm), realarm.unwrap_or_default(), &["realarm"]),
        line(td_string!(locale, rules.first_out), rule.first_out.clone().unwrap_or_default(), &["first_out"]),
        line(td_string!(locale, rules.suppressed_while), suppressed, &["suppressed_while"]),
        line(
            td_string!(locale, rules.schedule),
            rule.schedule.as_ref().map(|own| own.text()).unwrap_or_default(),
            &["schedule"],
        ),
        line(td_string!(locale, rules.longest_shelf), time(rule.longest_shelf), &["longest_shelf"]),
        screen_line(rule.screen.as_deref(), locale),
    ];
    let of_advice = advice_lines(&rule.guidance, &rule.contact, rule.call_within, locale);
    of_rule.into_iter().chain(of_advice).collect()
}

/// What is told beside an alarm.
pub(super) fn advice_lines(
    guidance: &Guidance,
    contact: &str,
    call_within: Option<Duration>,
    locale: Locale,
) -> [Line; 5] {
    let within = call_within.map(|time| format::age(time, locale)).unwrap_or_default();
    [
        Line::new(td_string!(locale, alarms.likely_cause), guidance.cause.clone(), &["guidance.cause"]),
        Line::new(td_string!(locale, alarms.if_left), guidance.consequence.clone(), &["guidance.consequence"]),
        Line::new(td_string!(locale, alarms.do_now), guidance.action.clone(), &["guidance.action"]),
        Line::new(td_string!(locale, guidance.contact), contact.to_owned(), &["contact"]),
        Line::new(td_string!(locale, guidance.call_within), within, &["call_within"]),
    ]
}

/// The screen that an alarm leads to.
pub(super) fn screen_line(screen: Option<&str>, locale: Locale) -> Line {
    Line::new(td_string!(locale, guidance.linked_screen), screen.unwrap_or_default().to_owned(), &["screen"])
}

/// A line that became another: its name, how it was, how it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::views::alarms) struct Difference {
    pub(in crate::views::alarms) name: &'static str,
    pub(in crate::views::alarms) was: String,
    pub(in crate::views::alarms) is: String,
    fields: &'static [&'static str],
}

impl Difference {
    /// Whether it tells of a stored field, which is named by its path.
    pub(in crate::views::alarms) fn tells_of(&self, field: &str) -> bool {
        let is_within = |below: &str| below.is_empty() || below.starts_with('.');
        self.fields.iter().any(|own| field.strip_prefix(*own).is_some_and(is_within))
    }
}

/// Every line in which `new` differs from `old`.
pub(in crate::views::alarms) fn differences(
    old: &AlarmRule,
    new: &AlarmRule,
    plant: &PlantView,
    locale: Locale,
) -> Vec<Difference> {
    differing(lines(old, plant, locale), lines(new, plant, locale))
}

/// Every line in which `new` differs from `old`, which has the same ones in the same order.
pub(super) fn differing(old: impl IntoIterator<Item = Line>, new: impl IntoIterator<Item = Line>) -> Vec<Difference> {
    let or_nothing = |text: String| if text.trim().is_empty() { format::NO_VALUE.to_owned() } else { text };
    let both = old.into_iter().zip(new).filter(|(was, is)| was.text != is.text);
    let difference = |(was, is): (Line, Line)| Difference {
        name: is.name,
        was: or_nothing(was.text),
        is: or_nothing(is.text),
        fields: is.fields,
    };
    both.map(difference).collect()
}

#[cfg(test)]
mod tests {
    use penstock_api::Register;
    use penstock_model::{LimitLevel, Plant, Priority, RuleId, Subject, TenantId, Timestamp};

    use super::*;
    use crate::state::test_point;

    #[test]
    fn versions_differ_line_by_line() {
        let point = test_point(Quantity::Pressure);
        let subject = Subject::Point(point.id);
        let plant = Plant {
            tenant: TenantId::made(Timestamp::from_secs(1), [1; 10]),
            name: String::new(),
            time_zone: "UTC".into(),
            areas: vec![],
            sites: vec![],
            assets: vec![],
            pipes: vec![],
        };
        let plant = PlantView::new(Register { version: 1, plant, points: vec![point], tiles: false });
        let limit = |deadband: f64| Condition::Limit { level: LimitLevel::High, limit: 500_000.0, deadband };
        let old = AlarmRule::new(RuleId::made(Timestamp::from_secs(1), [1; 10]), subject, limit(10_000.0));
        let new = AlarmRule {
            version: 2,
            condition: limit(20_000.0),
            priority: Priority::P1,
            time_to_respond: Some(Duration::from_secs(300)),
            ..old.clone()
        };
        let found = differences(&old, &new, &plant, Locale::en);
        let told: Vec<_> = found.iter().map(|line| (line.name, line.was.as_str(), line.is.as_str())).collect();
        assert_eq!(
            told,
            [
                ("Deadband", "0.1\u{a0}bar", "0.2\u{a0}bar"),
                ("Priority", "Medium", "Critical"),
                ("Time to respond", format::NO_VALUE, "5 min"),
            ]
        );
        let fields = ["condition.limit.deadband", "condition.limit", "priority", "priority.later", "priority_later"];
        let told_of = fields.map(|field| found.iter().filter(|line| line.tells_of(field)).count());
        assert_eq!(told_of, [1, 0, 1, 1, 0]);
        assert_eq!(differences(&old, &old, &plant, Locale::en), vec![]);
    }
}
