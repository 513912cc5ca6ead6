//! What things of the plant are called on screen: quantities, alarms, priorities, roles, in the person's language. Must
//! not know how they are drawn.

use penstock_api::{ActRefusal, AlarmView, ChainFault, RefusalCause};
use penstock_model::{
    AlarmClass, AlarmState, Condition, KeptBy, LimitLevel, Point, Priority, Quantity, Role, Side, Subject, Timestamp,
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

/// Why an act on an alarm was refused, with the cure; `moment` says a time.
pub(crate) fn refusal(refusal: &ActRefusal, moment: impl Fn(Timestamp) -> String, locale: Locale) -> String {
    match &refusal.cause {
        RefusalCause::Gone => td_string!(locale, alarms.refused_gone).to_owned(),
        RefusalCause::NeverRaised => td_string!(locale, alarms.refused_never_raised).to_owned(),
        RefusalCause::RaisedAgain => td_string!(locale, alarms.refused_raised_again).to_owned(),
        RefusalCause::NoSuchOccurrence => td_string!(locale, alarms.refused_no_such_occurrence).to_owned(),
        RefusalCause::AlreadyAcknowledged { by: Some(by) } => {
            td_string!(locale, alarms.refused_acknowledged_by, who = by.clone())
        }
        RefusalCause::AlreadyAcknowledged { by: None } => td_string!(locale, alarms.refused_acknowledged).to_owned(),
        RefusalCause::NeedsNoAcknowledgement => td_string!(locale, alarms.refused_needs_none).to_owned(),
        RefusalCause::NotYetReturned => td_string!(locale, alarms.refused_not_returned).to_owned(),
        RefusalCause::NoComment => td_string!(locale, alarms.refused_no_comment).to_owned(),
        RefusalCause::NotLatched => td_string!(locale, alarms.refused_not_latched).to_owned(),
        RefusalCause::StillActive => td_string!(locale, alarms.refused_still_active).to_owned(),
        RefusalCause::NotYetAcknowledged => td_string!(locale, alarms.refused_not_acknowledged).to_owned(),
        RefusalCause::ShelfIsOver => td_string!(locale, alarms.refused_shelf_over).to_owned(),
        RefusalCause::ShelfTooLong { minutes } => td_string!(locale, alarms.refused_shelf_long, n = *minutes),
        RefusalCause::AlreadyShelved { by: Some(by), until } => {
            td_string!(locale, alarms.refused_shelved_by, who = by.clone(), at = moment(*until))
        }
        RefusalCause::AlreadyShelved { by: None, until } => {
            td_string!(locale, alarms.refused_shelved, at = moment(*until))
        }
        RefusalCause::NotShelved => td_string!(locale, alarms.refused_not_shelved).to_owned(),
        RefusalCause::AlreadyOutOfService { since } => {
            td_string!(locale, alarms.refused_out_of_service, at = moment(*since))
        }
        RefusalCause::InService => td_string!(locale, alarms.refused_in_service).to_owned(),
        RefusalCause::NoReason => td_string!(locale, alarms.refused_no_reason).to_owned(),
        RefusalCause::EmptyComment => td_string!(locale, alarms.refused_empty_comment).to_owned(),
        RefusalCause::NotKept => td_string!(locale, alarms.refused_not_kept, why = refusal.message.clone()),
        RefusalCause::NotYetKept => td_string!(locale, alarms.refused_not_yet_kept, why = refusal.message.clone()),
    }
}

/// What is wrong with a chain of approvals, with the cure.
pub(crate) fn chain_fault(fault: ChainFault, locale: Locale) -> String {
    match fault {
        ChainFault::Gap { given } => td_string!(locale, baseline.fault_gap, given = given),
        ChainFault::Altered => td_string!(locale, baseline.fault_altered).to_owned(),
        ChainFault::Cut { head } => td_string!(locale, baseline.fault_cut, head = head),
        ChainFault::Unreadable => td_string!(locale, baseline.fault_unreadable).to_owned(),
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

    #[test]
    fn a_refusal_is_told_in_the_language_of_the_screen() {
        let told = |cause: RefusalCause, locale: Locale| {
            let own = ActRefusal { cause, message: "the disk is full".into() };
            refusal(&own, |at| format!("at {}", at.as_micros()), locale)
        };
        let shelved = |by: Option<&str>| RefusalCause::AlreadyShelved {
            by: by.map(str::to_owned),
            until: Timestamp::from_secs(1),
        };
        let by_asha = told(shelved(Some("Asha Verma")), Locale::en);
        assert!(by_asha.starts_with("Asha Verma has shelved it already, until at 1000000"), "{by_asha}");
        let by_somebody = told(shelved(None), Locale::en);
        assert!(by_somebody.starts_with("it is shelved already, until at 1000000"), "{by_somebody}");
        let unsaid = told(RefusalCause::NoComment, Locale::hi);
        assert!(unsaid.contains("अति गंभीर") && !unsaid.contains("disk"), "{unsaid}");
        // What only the station knows is told as it says it.
        assert!(told(RefusalCause::NotKept, Locale::hi).ends_with("the disk is full"));
        let not_yet = told(RefusalCause::NotYetKept, Locale::en);
        assert!(not_yet.starts_with("it is done") && not_yet.ends_with("the disk is full"), "{not_yet}");
    }
}
