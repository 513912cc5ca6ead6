//! Counts of alarms. Must not know how they came about.

use penstock_model::{AlarmState, Priority};

/// How many alarms stand where. What is shelved, suppressed or out of service counts as such and nowhere else; for two
/// of these reasons it counts under both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Active, acknowledged or not.
    pub active: usize,
    /// Not acknowledged, active or returned.
    pub unacknowledged: usize,
    /// Returned to normal, and latched until a person resets them.
    pub latched: usize,
    /// On the list: active, not acknowledged or latched.
    pub listed: usize,
    /// On the list, by priority P1 to P4.
    pub listed_by_priority: [usize; 4],
    /// Not acknowledged, by priority P1 to P4.
    pub unacknowledged_by_priority: [usize; 4],
    /// Shelved by a person.
    pub shelved: usize,
    /// Suppressed by design.
    pub suppressed: usize,
    /// Out of service.
    pub out_of_service: usize,
}

/// Counts alarms with their priorities.
pub fn counts<'a>(alarms: impl IntoIterator<Item = (&'a AlarmState, Priority)>) -> Counts {
    let mut counts = Counts::default();
    for (state, priority) in alarms {
        counts.shelved += usize::from(state.shelf.is_some());
        counts.suppressed += usize::from(state.suppressed.is_some());
        counts.out_of_service += usize::from(state.out_of_service.is_some());
        if !state.is_listed() {
            continue;
        }
        counts.active += usize::from(state.active);
        counts.unacknowledged += usize::from(!state.acknowledged);
        counts.latched += usize::from(state.latched && !state.active);
        counts.listed += 1;
        let column = usize::from(priority.digit() - 1);
        if let Some(count) = counts.listed_by_priority.get_mut(column) {
            *count += 1;
        }
        if let Some(count) = counts.unacknowledged_by_priority.get_mut(column) {
            *count += usize::from(!state.acknowledged);
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use penstock_model::{RuleId, Shelf, Shelving, Timestamp};

    use super::*;

    #[test]
    fn counting() {
        let shelving = Shelving { until: secs(100), one_shot: false };
        let shelf = Some(Shelf { shelving, since: secs(0), by: None, first_since: None });
        let alarms = [
            (state(1, true, false, 0), Priority::P1),
            (state(2, true, true, 0), Priority::P1),
            (state(3, false, false, 0), Priority::P4),
            (state(4, false, true, 0), Priority::P4),
            (AlarmState { latched: true, ..state(5, false, true, 0) }, Priority::P2),
            (AlarmState { shelf, ..state(6, true, false, 0) }, Priority::P1),
            (AlarmState { shelf, suppressed: Some(secs(0)), ..state(7, true, false, 0) }, Priority::P1),
            (AlarmState { out_of_service: Some(secs(0)), ..state(8, false, true, 0) }, Priority::P1),
        ];
        let counts = counts(alarms.iter().map(|(state, priority)| (state, *priority)));
        assert_eq!((counts.active, counts.unacknowledged, counts.latched, counts.listed), (2, 2, 1, 4));
        assert_eq!(counts.listed_by_priority, [2, 1, 0, 1]);
        assert_eq!(counts.unacknowledged_by_priority, [1, 0, 0, 1]);
        assert_eq!((counts.shelved, counts.suppressed, counts.out_of_service), (2, 1, 1));
    }

    fn state(id: u8, active: bool, acknowledged: bool, raised_secs: i64) -> AlarmState {
        let mut random = [0; 10];
        random[9] = id;
        let rule = RuleId::made(secs(0), random);
        AlarmState { occurrence: 1, active, acknowledged, ..AlarmState::normal(rule, secs(raised_secs)) }
    }

    fn secs(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }
}
