//! Which listed alarms belong together, and the flood that goes on, as the station told last. Must not know how a group
//! is folded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use leptos::prelude::*;
use penstock_api::{AlarmGroup, FloodNews, FloodNow};
use penstock_model::{FloodId, RuleId};

/// The groups, and which of them an alarm is in.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Groups {
    /// All of them, by id.
    pub(crate) all: Vec<Arc<AlarmGroup>>,
    of: BTreeMap<RuleId, usize>,
}

impl Groups {
    pub(crate) fn new(all: Vec<Arc<AlarmGroup>>) -> Self {
        let members =
            all.iter().enumerate().flat_map(|(at, group)| group.members.iter().map(move |member| (member, at)));
        Self { of: members.map(|(member, at)| (member.rule, at)).collect(), all }
    }

    /// The place in `all` of the group that an alarm is in.
    pub(crate) fn place_of(&self, rule: RuleId) -> Option<usize> {
        self.of.get(&rule).copied()
    }

    /// The group that an alarm is in.
    pub(crate) fn of(&self, rule: RuleId) -> Option<&Arc<AlarmGroup>> {
        self.all.get(self.place_of(rule)?)
    }
}

/// The floods as the station told them last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FloodList {
    by_id: StoredValue<BTreeMap<FloodId, Arc<AlarmGroup>>>,
    /// Alarms that belong together.
    pub(crate) groups: RwSignal<Arc<Groups>>,
    /// The flood that goes on.
    pub(crate) flooding: RwSignal<Option<FloodNow>>,
}

impl FloodList {
    pub(crate) fn new() -> Self {
        Self {
            by_id: StoredValue::new(BTreeMap::new()),
            groups: RwSignal::new(Arc::default()),
            flooding: RwSignal::new(None),
        }
    }

    /// Takes in what a frame brings.
    pub(crate) fn take(self, news: Option<FloodNews>) {
        let Some(FloodNews { changed, standing, flooding }) = news else { return };
        let standing: BTreeSet<FloodId> = standing.into_iter().collect();
        let groups = self.by_id.try_update_value(|by_id| {
            by_id.extend(changed.into_iter().map(|group| (group.id, Arc::new(group))));
            by_id.retain(|id, _| standing.contains(id));
            Arc::new(Groups::new(by_id.values().cloned().collect()))
        });
        if let Some(groups) = groups
            && self.groups.with_untracked(|former| *former != groups)
        {
            self.groups.set(groups);
        }
        if self.flooding.get_untracked() != flooding {
            self.flooding.set(flooding);
        }
    }

    /// Forgets all, for another person's session.
    pub(crate) fn clear(self) {
        self.by_id.update_value(BTreeMap::clear);
        self.groups.set(Arc::default());
        self.flooding.set(None);
    }
}

#[cfg(test)]
mod tests {
    use penstock_api::{GroupMember, MemberRole};
    use penstock_model::Timestamp;

    use super::*;

    fn rule(id: u8) -> RuleId {
        RuleId::made(Timestamp::from_secs(1), [id; 10])
    }

    fn group(id: u8, members: &[u8]) -> AlarmGroup {
        let at = Timestamp::from_secs(1);
        let member = |id: &u8| GroupMember { rule: rule(*id), raised_at: at, occurrences: 1, role: MemberRole::There };
        AlarmGroup {
            id: FloodId::made(at, [id; 10]),
            began_at: at,
            newest_at: at,
            ended_at: None,
            alarms: 3,
            causes: Vec::new(),
            members: members.iter().map(member).collect(),
        }
    }

    #[test]
    fn groups_change_and_go_as_they_are_told() {
        let owner = Owner::new();
        owner.set();
        let list = FloodList::new();
        let (one, other) = (group(1, &[1, 2, 3]), group(2, &[4, 5, 6]));
        let news = |changed: &[&AlarmGroup], standing: &[&AlarmGroup]| {
            Some(FloodNews {
                changed: changed.iter().copied().cloned().collect(),
                standing: standing.iter().map(|group| group.id).collect(),
                flooding: None,
            })
        };
        let of = |rule_id: u8| list.groups.with_untracked(|groups| groups.of(rule(rule_id)).map(|group| group.id));
        list.take(news(&[&one, &other], &[&one, &other]));
        assert_eq!((of(2), of(4), of(9)), (Some(one.id), Some(other.id), None));
        list.take(None);
        assert_eq!(of(2), Some(one.id), "nothing was told");
        let grown = group(1, &[1, 2, 3, 9]);
        list.take(news(&[&grown], &[&grown]));
        assert_eq!((of(9), of(4)), (Some(one.id), None));
        list.take(news(&[], &[]));
        assert_eq!(list.groups.with_untracked(|groups| groups.all.len()), 0);
    }
}
