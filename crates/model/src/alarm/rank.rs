//! The order in which alarms are listed, wherever they are. Must not know how a list is drawn.

use std::cmp::Reverse;

use super::{AlarmState, Priority};
use crate::{RuleId, Timestamp};

/// A place in the list; the smallest comes first. The order is total: what nobody has acknowledged before what somebody
/// has, then the more urgent, then what called last, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank {
    is_acknowledged: bool,
    priority: Priority,
    newest: Reverse<Timestamp>,
    rule: RuleId,
}

impl Rank {
    /// Where an alarm of this priority belongs.
    pub const fn of(state: &AlarmState, priority: Priority) -> Self {
        Self { is_acknowledged: state.acknowledged, priority, newest: Reverse(state.called_at), rule: state.rule }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(id: u8, active: bool, acknowledged: bool, called_secs: i64) -> AlarmState {
        let rule = RuleId::made(Timestamp::from_secs(0), [id; 10]);
        let at = Timestamp::from_secs(called_secs);
        AlarmState { occurrence: 1, active, acknowledged, ..AlarmState::normal(rule, at) }
    }

    #[test]
    fn the_worst_stands_first_and_ties_are_settled() {
        let expect = [
            (state(9, true, false, 50), Priority::P1),
            (state(4, false, false, 45), Priority::P1),
            (state(8, true, false, 40), Priority::P1),
            (AlarmState { raised_at: Timestamp::from_secs(2), ..state(6, true, false, 95) }, Priority::P2),
            (state(1, true, false, 90), Priority::P2),
            (state(2, true, false, 90), Priority::P2),
            (state(3, true, true, 99), Priority::P1),
        ];
        let mut mixed = expect.clone();
        mixed.reverse();
        mixed.sort_by_key(|(state, priority)| Rank::of(state, *priority));
        assert_eq!(mixed, expect);
    }
}
