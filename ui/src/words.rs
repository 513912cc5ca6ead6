//! What things of the plant are called on screen: quantities, alarms, priorities, roles, in the person's language. Must
//! not know how they are drawn.

use penstock_api::AlarmView;
use penstock_model::{
    AlarmClass, AlarmState, Condition, KeptBy, LimitLevel, Point, Priority, Quantity, Role, Side, Subject,
    TransitionKind,
};

use crate::format;
use crate::i18n::{Locale, td_string};
use crate::state::PlantView;

/// Name of a quantity.
pub(crate) fn quantity(quantity: Quantity, locale: Locale) -> &'static str {
    match quantity {
        Quantity::Flow => td_string!(locale, words.flow),
        Quantity::Pressure => td_string!(locale, words.pressure),
        Quantity::Level => td_string!(locale, words.level),
        Quantity::Volume => td_string!(locale, words.volume),
        Quantity::Chlorine => td_string!(locale, words.chlorine),
        Quantity::Turbidity => td_string!(locale, words.turbidity),
        Quantity::Ph => td_string!(locale, words.ph),
        Quantity::Conductivity => td_string!(locale, words.conductivity),
        Quantity::Power => td_string!(locale, words.power),
        Quantity::Energy => td_string!(locale, words.energy),
        Quantity::SpecificEnergy => td_string!(locale, words.specific_energy),
        Quantity::Vibration => td_string!(locale, words.vibration),
        Quantity::Temperature => td_string!(locale, words.temperature),
        Quantity::Ratio => td_string!(locale, words.ratio),
        Quantity::Frequency => td_string!(locale, words.frequency),
        Quantity::State => td_string!(locale, words.state),
        Quantity::Plain => td_string!(locale, words.plain),
    }
}

/// Name of a priority.
pub(crate) fn priority(priority: Priority, locale: Locale) -> &'static str {
    match priority {
        Priority::P1 => td_string!(locale, words.critical),
        Priority::P2 => td_string!(locale, words.high_priority),
        Priority::P3 => td_string!(locale, words.medium),
        Priority::P4 => td_string!(locale, words.low_priority),
    }
}

/// What is at stake.
pub(crate) fn class(class: AlarmClass, locale: Locale) -> &'static str {
    match class {
        AlarmClass::Safety => td_string!(locale, words.safety),
        AlarmClass::Environment => td_string!(locale, words.environment),
        AlarmClass::Supply => td_string!(locale, words.supply),
        AlarmClass::Equipment => td_string!(locale, words.equipment),
    }
}

/// A role in one word.
pub(crate) fn role(role: Role, locale: Locale) -> &'static str {
    match role {
        Role::Viewer => td_string!(locale, words.viewer),
        Role::Operator => td_string!(locale, words.operator),
        Role::Supervisor => td_string!(locale, words.supervisor),
        Role::Admin => td_string!(locale, words.admin),
    }
}

/// Where an alarm stands.
pub(crate) fn alarm_state(state: &AlarmState, locale: Locale) -> &'static str {
    match (state.kept_by(), state.active, state.acknowledged) {
        (Some(kept), ..) => kept_by(kept, locale),
        (None, true, false) => td_string!(locale, words.unacked),
        (None, true, true) => td_string!(locale, words.acked),
        (None, false, _) if state.latched => td_string!(locale, words.latched),
        (None, false, false) => td_string!(locale, words.returned),
        (None, false, true) => td_string!(locale, words.normal),
    }
}

/// What keeps an alarm from calling.
pub(crate) fn kept_by(kept: KeptBy, locale: Locale) -> &'static str {
    match kept {
        KeptBy::Shelved => td_string!(locale, words.shelved),
        KeptBy::Suppressed => td_string!(locale, words.suppressed),
        KeptBy::OutOfService => td_string!(locale, words.out_of_service),
    }
}

/// What happened to an alarm.
pub(crate) fn transition(kind: TransitionKind, locale: Locale) -> &'static str {
    match kind {
        TransitionKind::Raised => td_string!(locale, words.raised),
        TransitionKind::Cleared => td_string!(locale, words.cleared),
        TransitionKind::Acknowledged => td_string!(locale, words.acknowledged),
        TransitionKind::Commented => td_string!(locale, words.commented),
        TransitionKind::Realarmed => td_string!(locale, words.realarmed),
        TransitionKind::Reset => td_string!(locale, words.reset),
        TransitionKind::Shelved => td_string!(locale, words.shelved),
        TransitionKind::Unshelved => td_string!(locale, words.unshelved),
        TransitionKind::Suppressed => td_string!(locale, words.suppressed),
        TransitionKind::Unsuppressed => td_string!(locale, words.unsuppressed),
        TransitionKind::TakenOutOfService => td_string!(locale, words.taken_out_of_service),
        TransitionKind::ReturnedToService => td_string!(locale, words.returned_to_service),
    }
}

/// What an alarm says, in one line: `Inflow high-high, Ghat Road`.
pub(crate) fn alarm_title(view: &AlarmView, plant: &PlantView, locale: Locale) -> String {
    if view.name.is_empty() { title(view.subject, &view.condition, plant, locale) } else { view.name.clone() }
}

/// The same of a rule that need not be listed.
pub(crate) fn title(subject: Subject, condition: &Condition, plant: &PlantView, locale: Locale) -> String {
    let point = plant.point_of(subject);
    let (what, place) = match point {
        Some(point) => what_and_place(&point.description, || quantity(point.quantity, locale)),
        None => (String::new(), String::new()),
    };
    let sentence = match condition {
        Condition::Limit { level, .. } => match level {
            LimitLevel::LowLow => td_string!(locale, alarms.low_low, what = what),
            LimitLevel::Low => td_string!(locale, alarms.low, what = what),
            LimitLevel::High => td_string!(locale, alarms.high, what = what),
            LimitLevel::HighHigh => td_string!(locale, alarms.high_high, what = what),
        },
        Condition::Deviation { side: Side::Above, .. } => td_string!(locale, alarms.above_setpoint, what = what),
        Condition::Deviation { side: Side::Below, .. } => td_string!(locale, alarms.below_setpoint, what = what),
        Condition::Deviation { side: Side::Either, .. } => td_string!(locale, alarms.off_setpoint, what = what),
        Condition::Rate { side: Side::Above, .. } => td_string!(locale, alarms.rises_fast, what = what),
        Condition::Rate { side: Side::Below, .. } => td_string!(locale, alarms.falls_fast, what = what),
        Condition::Rate { side: Side::Either, .. } => td_string!(locale, alarms.changes_fast, what = what),
        Condition::Stuck { after, .. } => {
            td_string!(locale, alarms.stuck, what = what, after = format::age(*after, locale))
        }
        Condition::State { .. } => td_string!(locale, alarms.in_state, what = what),
        Condition::Expression(_) => td_string!(locale, alarms.combined, what = what),
        Condition::Count { within, .. } => {
            td_string!(locale, alarms.too_often, what = what, within = format::age(*within, locale))
        }
        Condition::Anomaly { .. } => td_string!(locale, alarms.unusual, what = what),
        Condition::Silence { after } => {
            td_string!(locale, alarms.silent, after = format::age(*after, locale))
        }
    };
    if place.is_empty() { sentence } else { format!("{sentence}, {place}") }
}

/// `Inflow, Ghat Road` as what is measured and where; what is measured is the quantity where nothing is said.
fn what_and_place(description: &str, quantity: impl FnOnce() -> &'static str) -> (String, String) {
    match description.split_once(", ") {
        Some((what, place)) => (what.to_owned(), place.to_owned()),
        None if description.trim().is_empty() => (quantity().to_owned(), String::new()),
        None => (description.to_owned(), String::new()),
    }
}

/// What a point measures, without where.
pub(crate) fn what(point: &Point, locale: Locale) -> String {
    what_and_place(&point.description, || quantity(point.quantity, locale)).0
}

/// What an alarm is about in one word: the point's tag, or a dash for a whole site.
pub(crate) fn tag(subject: Subject, plant: &PlantView) -> &str {
    plant.point_of(subject).map_or(format::NO_VALUE, |point| point.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_fall_apart_at_the_comma() {
        let check = |description: &str, what: &str, place: &str| {
            let parts = what_and_place(description, || "Flow");
            assert_eq!(parts, (what.to_owned(), place.to_owned()));
        };
        check("Inflow, Ghat Road", "Inflow", "Ghat Road");
        check("Turbidity", "Turbidity", "");
        check("  ", "Flow", "");
    }
}
