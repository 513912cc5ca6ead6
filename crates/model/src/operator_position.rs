//! Operator positions: which alarms a desk of the control room answers for, and which concern those who sit there.
//!
//! Must not know who sits at a desk, nor how alarms are shown or heard.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{AreaId, OperatorPositionId, Priority};

/// A desk of the control room as what it answers for: the alarms of some places and priorities (ISA-18.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorPosition {
    /// Its id.
    pub id: OperatorPositionId,
    /// Its name, for example `North desk`.
    pub name: String,
    /// Where it answers.
    pub reach: Reach,
    /// Which priorities it answers for, at least one.
    pub priorities: BTreeSet<Priority>,
}

/// Where a position answers for alarms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Everywhere.
    Plant,
    /// In some areas.
    Areas {
        /// Which.
        areas: BTreeSet<AreaId>,
        /// Whether it also answers for what lies in no area, as works and trunk mains usually do.
        unzoned: bool,
    },
}

impl OperatorPosition {
    /// Characters of a name at most.
    pub const LONGEST_NAME: usize = 80;

    /// Whether it answers for an alarm of this priority in this area; none where the alarm lies in no area.
    pub fn answers_for(&self, area: Option<AreaId>, priority: Priority) -> bool {
        let is_within = match (&self.reach, area) {
            (Reach::Plant, _) => true,
            (Reach::Areas { areas, .. }, Some(area)) => areas.contains(&area),
            (Reach::Areas { unzoned, .. }, None) => *unzoned,
        };
        is_within && self.priorities.contains(&priority)
    }

    /// What is wrong with it, in words that name the cure; none where nothing is.
    pub fn fault(&self) -> Option<String> {
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > Self::LONGEST_NAME {
            return Some(format!("the position needs a name of 1 to {} characters: give one", Self::LONGEST_NAME));
        }
        if self.priorities.is_empty() {
            return Some("the position answers for no priority: choose at least one".to_owned());
        }
        match &self.reach {
            Reach::Areas { areas, unzoned: false } if areas.is_empty() => {
                Some("the position answers for no area: choose one, or the whole plant".to_owned())
            }
            Reach::Areas { .. } | Reach::Plant => None,
        }
    }
}

/// Which alarms concern whoever holds some positions, while others are attended elsewhere.
///
/// An alarm that no attended position answers for concerns everybody: it must never be nobody's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watch {
    own: Vec<OperatorPosition>,
    attended: Vec<OperatorPosition>,
}

impl Watch {
    /// The watch of who holds `own`, while somebody attends each of `attended`.
    pub const fn new(own: Vec<OperatorPosition>, attended: Vec<OperatorPosition>) -> Self {
        Self { own, attended }
    }

    /// Whether every alarm concerns it, because it holds no position.
    pub fn is_whole(&self) -> bool {
        self.own.is_empty()
    }

    /// Whether an alarm of this priority in this area concerns it; none where the alarm lies in no area.
    pub fn concerns(&self, area: Option<AreaId>, priority: Priority) -> bool {
        let answers = |position: &OperatorPosition| position.answers_for(area, priority);
        self.is_whole() || self.own.iter().any(answers) || !self.attended.iter().any(answers)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn area(name: &str) -> AreaId {
        AreaId::derived(Uuid::nil(), name)
    }

    fn position(name: &str, reach: Reach, priorities: &[Priority]) -> OperatorPosition {
        OperatorPosition {
            id: OperatorPositionId::derived(Uuid::nil(), name),
            name: name.to_owned(),
            reach,
            priorities: priorities.iter().copied().collect(),
        }
    }

    fn within(names: &[&str], unzoned: bool) -> Reach {
        Reach::Areas { areas: names.iter().map(|name| area(name)).collect(), unzoned }
    }

    #[test]
    fn a_position_answers_for_its_areas_and_priorities() {
        use Priority::{P1, P2, P4};
        let check = |reach: Reach, priorities: &[Priority], of: Option<&str>, priority: Priority, expect: bool| {
            let position = position("desk", reach, priorities);
            assert_eq!(position.answers_for(of.map(area), priority), expect, "{position:?} {of:?} {priority:?}");
        };
        check(Reach::Plant, &Priority::ALL, Some("north"), P4, true);
        check(Reach::Plant, &Priority::ALL, None, P4, true);
        check(Reach::Plant, &[P1, P2], Some("north"), P4, false);
        check(within(&["north"], false), &[P1], Some("north"), P1, true);
        check(within(&["north"], false), &[P1], Some("north"), P2, false);
        check(within(&["north"], false), &[P1], Some("south"), P1, false);
        check(within(&["north"], false), &[P1], None, P1, false);
        check(within(&["north"], true), &[P1], None, P1, true);
        check(within(&[], true), &[P1], Some("north"), P1, false);
    }

    #[test]
    fn a_position_that_answers_for_nothing_is_told_how_to() {
        let check = |position: OperatorPosition, word: &str| {
            assert!(position.fault().is_some_and(|fault| fault.contains(word)), "{position:?}");
        };
        check(position(" ", Reach::Plant, &[Priority::P1]), "name");
        check(position(&"x".repeat(81), Reach::Plant, &[Priority::P1]), "80");
        check(position("desk", Reach::Plant, &[]), "priority");
        check(position("desk", within(&[], false), &[Priority::P1]), "area");
        assert_eq!(position("desk", within(&[], true), &[Priority::P1]).fault(), None);
        assert_eq!(position("desk", Reach::Plant, &[Priority::P1]).fault(), None);
    }

    #[test]
    fn who_holds_no_position_answers_for_everything() {
        let south = position("south", within(&["south"], false), &Priority::ALL);
        let watch = Watch::new(Vec::new(), vec![south]);
        assert!(watch.is_whole());
        assert!(watch.concerns(Some(area("south")), Priority::P4) && watch.concerns(None, Priority::P1));
    }

    #[test]
    fn what_nobody_answers_for_concerns_everybody() {
        let north = position("north", within(&["north"], false), &Priority::ALL);
        let south = position("south", within(&["south"], false), &[Priority::P1]);
        let alone = Watch::new(vec![north.clone()], vec![north.clone()]);
        let beside = Watch::new(vec![north.clone()], vec![north, south]);
        let check = |of: Option<&str>, priority: Priority, with_nobody: bool, with_south: bool| {
            let concerned = [&alone, &beside].map(|watch| watch.concerns(of.map(area), priority));
            assert_eq!(concerned, [with_nobody, with_south], "{of:?} {priority:?}");
        };
        check(Some("north"), Priority::P4, true, true);
        check(Some("south"), Priority::P1, true, false);
        // The south desk does not answer for these, and nobody else does.
        check(Some("south"), Priority::P2, true, true);
        check(Some("east"), Priority::P1, true, true);
        check(None, Priority::P3, true, true);
    }

    #[test]
    fn a_position_reads_back_as_it_was_written() {
        for reach in [Reach::Plant, within(&["north", "south"], true)] {
            let position = position("desk", reach, &[Priority::P1, Priority::P3]);
            let text = serde_json::to_string(&position).expect("plain");
            assert_eq!(serde_json::from_str::<OperatorPosition>(&text).expect("the same"), position);
        }
    }
}
