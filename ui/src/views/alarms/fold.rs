//! How alarms that belong together lie in the list: folded into the row of the one that names their cause, which counts
//! them and shows the worst of them, or in their order below it. Nothing is hidden by that: what a filter looks for and
//! what is chosen lies open. Pure; must not know the page.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use penstock_api::{AlarmGroup, AlarmView};
use penstock_model::{Annunciation, FloodId, Priority, RuleId};

use crate::state::Groups;

/// Alarms in the order in which they are shown.
pub(super) type Rows = Arc<Vec<Arc<AlarmView>>>;

/// What the row of a cause says of the alarms that belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fold {
    pub(super) id: FloodId,
    pub(super) is_open: bool,
    /// Alarms beside the cause.
    pub(super) children: usize,
    /// Those of them that nobody has acknowledged.
    pub(super) unacknowledged: usize,
    /// The most urgent priority, the cause's own included.
    worst: Priority,
    /// One of them calls.
    calls: bool,
    /// One of them is active.
    is_active: bool,
}

/// How an alarm lies in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On its own.
    Single,
    /// It names the cause of those below it.
    Head(Fold),
    /// Below the one that does.
    Child { head: RuleId, of: FloodId },
}

impl Place {
    /// Whether it lies under another row.
    pub(super) const fn is_child(self) -> bool {
        matches!(self, Self::Child { .. })
    }

    /// How deep it lies in the tree, from 1.
    pub(super) const fn level(self) -> u8 {
        match self {
            Self::Single | Self::Head(_) => 1,
            Self::Child { .. } => 2,
        }
    }

    /// Whether what it heads is shown; none where it heads nothing.
    pub(super) const fn expanded(self) -> Option<bool> {
        match self {
            Self::Head(fold) => Some(fold.is_open),
            Self::Single | Self::Child { .. } => None,
        }
    }
}

/// What a row shows itself by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) priority: Priority,
    /// Something calls: the row is tinted and its badge blinks.
    pub(super) calls: bool,
    pub(super) is_active: bool,
}

impl Marks {
    /// Of an alarm at its place: folded, the worst of all that lies in it.
    pub(super) fn of(view: &AlarmView, place: Place) -> Self {
        match place {
            Place::Head(fold) if !fold.is_open => {
                Self { priority: fold.worst, calls: fold.calls, is_active: fold.is_active }
            }
            _ => Self { priority: view.priority, calls: calls(view), is_active: view.state.active },
        }
    }
}

/// The list as it lies.
#[derive(Debug, Clone, Default)]
pub(super) struct Laid {
    /// The rows that are drawn.
    pub(super) rows: Rows,
    /// Of all that lies with others, folded ones too.
    places: BTreeMap<RuleId, Place>,
}

/// By who stands where: an alarm that has changed is another row.
impl PartialEq for Laid {
    fn eq(&self, other: &Self) -> bool {
        let same = |(one, other): (&Arc<AlarmView>, &Arc<AlarmView>)| Arc::ptr_eq(one, other);
        let (rows, others) = (&self.rows, &other.rows);
        rows.len() == others.len() && rows.iter().zip(others.iter()).all(same) && self.places == other.places
    }
}

/// What a person has unfolded, and whether anything is folded at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Folding {
    pub(super) is_on: bool,
    pub(super) open: BTreeSet<FloodId>,
}

/// What a key does to the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Open(FloodId),
    Close(FloodId),
    To(RuleId),
}

/// Groups by which the list is laid.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Held {
    pub(super) groups: Arc<Groups>,
    taken: u32,
}

/// The groups by which the list is laid next: as they are, or, while the order `is_held`, as they were, so that no row
/// goes from under the hand. `taken` is how often newcomers were taken in by hand.
pub(super) fn next_held(former: Option<&Held>, groups: &Arc<Groups>, is_held: bool, taken: u32) -> Held {
    match former {
        Some(former) if is_held && former.taken == taken => former.clone(),
        _ => Held { groups: Arc::clone(groups), taken },
    }
}

/// Lays what is `shown`, in its order. While that is what somebody looks for in particular, nothing is folded, and what
/// was found without the row of its cause lies on its own. A group lies where the first of its alarms would.
pub(super) fn lay(shown: &Rows, groups: &Groups, folding: &Folding, is_narrow: bool) -> Laid {
    if !folding.is_on || groups.all.is_empty() {
        return Laid { rows: Arc::clone(shown), places: BTreeMap::new() };
    }
    let heads = heads(shown, groups, is_narrow);
    let group_of = |view: &AlarmView| {
        let at = groups.place_of(view.state.rule)?;
        Some((at, *heads.get(&at)?))
    };
    let mut members: BTreeMap<usize, Vec<&Arc<AlarmView>>> = BTreeMap::new();
    for view in shown.iter() {
        if let Some((at, _)) = group_of(view) {
            members.entry(at).or_default().push(view);
        }
    }
    let mut places = BTreeMap::new();
    let mut rows = Vec::with_capacity(shown.len());
    for view in shown.iter() {
        let Some((at, head)) = group_of(view) else {
            rows.push(Arc::clone(view));
            continue;
        };
        // The whole group lies where its first alarm does.
        let (Some(members), Some(group)) = (members.remove(&at), groups.all.get(at)) else { continue };
        let (of, is_open) = (group.id, is_narrow || folding.open.contains(&group.id));
        let (own, children): (Vec<_>, Vec<_>) = members.into_iter().partition(|view| view.state.rule == head);
        let all = || own.iter().chain(&children).copied();
        let fold = Fold {
            id: of,
            is_open,
            children: children.len(),
            unacknowledged: children.iter().filter(|view| !view.state.acknowledged).count(),
            worst: all().map(|view| view.priority).min().unwrap_or(Priority::P4),
            calls: all().any(|view| calls(view)),
            is_active: all().any(|view| view.state.active),
        };
        places.insert(head, Place::Head(fold));
        places.extend(children.iter().map(|view| (view.state.rule, Place::Child { head, of })));
        rows.extend(own.into_iter().cloned());
        if is_open {
            rows.extend(children.into_iter().cloned());
        }
    }
    Laid { rows: Arc::new(rows), places }
}

/// By group of which two alarms or more are shown: the one that heads it. That is the one that says the first cause
/// best, or, where that is not on the list any more, the one that came first. Where somebody looks for something in
/// particular and has not found that one, nothing heads the group.
fn heads(shown: &[Arc<AlarmView>], groups: &Groups, is_narrow: bool) -> BTreeMap<usize, RuleId> {
    let mut present: BTreeMap<usize, BTreeSet<RuleId>> = BTreeMap::new();
    for view in shown {
        if let Some(at) = groups.place_of(view.state.rule) {
            present.entry(at).or_default().insert(view.state.rule);
        }
    }
    let head = |(at, present): (usize, BTreeSet<RuleId>)| {
        let group: &Arc<AlarmGroup> = groups.all.get(at).filter(|_| present.len() > 1)?;
        let cause = group.causes.first().map(|cause| cause.alarm);
        let members =
            || group.members.iter().map(|member| member.rule).filter(|rule| is_narrow || present.contains(rule));
        let head = members().find(|rule| Some(*rule) == cause).or_else(|| members().next())?;
        present.contains(&head).then_some((at, head))
    };
    present.into_iter().filter_map(head).collect()
}

fn calls(view: &AlarmView) -> bool {
    view.state.annunciation() == Annunciation::Calling
}

impl Laid {
    /// How an alarm lies.
    pub(super) fn place(&self, rule: RuleId) -> Place {
        self.places.get(&rule).copied().unwrap_or(Place::Single)
    }

    /// The group that an alarm is folded away in.
    pub(super) fn folded_in(&self, rule: RuleId) -> Option<FloodId> {
        let Place::Child { head, of } = self.place(rule) else { return None };
        (self.place(head).expanded() == Some(false)).then_some(of)
    }

    /// The row that an alarm of a group goes under when that is folded; none where it is not one of its children.
    pub(super) fn head_in(&self, rule: RuleId, group: FloodId) -> Option<RuleId> {
        match self.place(rule) {
            Place::Child { head, of } if of == group => Some(head),
            _ => None,
        }
    }

    /// What `key` does with the cursor on `at`, as in any tree: right unfolds, then goes to the first child; left goes
    /// to the head, then folds.
    pub(super) fn turn(&self, key: &str, at: RuleId) -> Option<Turn> {
        match (key, self.place(at)) {
            ("ArrowRight", Place::Head(fold)) if !fold.is_open => Some(Turn::Open(fold.id)),
            ("ArrowRight", Place::Head(_)) => {
                let row = self.rows.iter().position(|view| view.state.rule == at)?;
                self.rows.get(row + 1).map(|view| Turn::To(view.state.rule))
            }
            ("ArrowLeft", Place::Head(fold)) if fold.is_open => Some(Turn::Close(fold.id)),
            ("ArrowLeft", Place::Child { head, .. }) => Some(Turn::To(head)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use penstock_api::{GroupMember, MemberRole};
    use penstock_model::{
        AlarmClass, AlarmState, CauseKind, CauseOrigin, Condition, GroupCause, SiteId, Subject, Timestamp,
    };

    use super::*;

    fn rule(id: u8) -> RuleId {
        RuleId::made(Timestamp::from_secs(1), [id; 10])
    }

    fn alarm(id: u8, priority: Priority, acknowledged: bool) -> Arc<AlarmView> {
        let at = Timestamp::from_secs(i64::from(id));
        Arc::new(AlarmView {
            state: AlarmState { occurrence: 1, active: true, acknowledged, ..AlarmState::normal(rule(id), at) },
            subject: Subject::Site(SiteId::made(Timestamp::from_secs(1), [id; 10])),
            condition: Condition::Anomaly { score: 0.9 },
            priority,
            class: AlarmClass::Supply,
            name: String::new(),
            acknowledgement: penstock_model::AcknowledgementModel::Required,
            longest_shelf: None,
            asks_for_comment: false,
        })
    }

    /// Four alarms of which 2, 3 and 5 belong together under 3; 5 is the most urgent.
    fn shown() -> Rows {
        Arc::new(vec![
            alarm(1, Priority::P2, false),
            alarm(2, Priority::P3, false),
            alarm(3, Priority::P3, true),
            alarm(4, Priority::P3, true),
            alarm(5, Priority::P1, true),
        ])
    }

    /// Those of them that a filter lets through.
    fn found(lets: impl Fn(&AlarmView) -> bool) -> Rows {
        Arc::new(shown().iter().filter(|view| lets(view)).cloned().collect())
    }

    fn flood() -> FloodId {
        FloodId::made(Timestamp::from_secs(1), [7; 10])
    }

    fn groups(cause: u8, members: &[u8]) -> Groups {
        let at = Timestamp::from_secs(1);
        let cause = GroupCause {
            kind: CauseKind::Burst,
            origin: CauseOrigin::Several,
            main: None,
            alarm: rule(cause),
            score: 0.9,
            reasons: Vec::new(),
        };
        let member = |id: &u8| GroupMember { rule: rule(*id), raised_at: at, occurrences: 1, role: MemberRole::There };
        Groups::new(vec![Arc::new(AlarmGroup {
            id: flood(),
            began_at: at,
            newest_at: at,
            ended_at: None,
            alarms: 3,
            causes: vec![cause],
            members: members.iter().map(member).collect(),
        })])
    }

    fn folding(is_open: bool) -> Folding {
        Folding { is_on: true, open: is_open.then(flood).into_iter().collect() }
    }

    fn ids(laid: &Laid) -> Vec<u8> {
        laid.rows.iter().map(|view| view.state.raised_at.as_micros() / 1_000_000).map(|id| id as u8).collect()
    }

    fn fold_of(laid: &Laid, id: u8) -> Fold {
        match laid.place(rule(id)) {
            Place::Head(fold) => fold,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_group_folds_under_its_cause_where_its_first_alarm_lies_and_counts_all() {
        let laid = lay(&shown(), &groups(3, &[2, 3, 5]), &folding(false), false);
        assert_eq!(ids(&laid), [1, 3, 4]);
        let fold = fold_of(&laid, 3);
        assert_eq!((fold.children, fold.unacknowledged, fold.is_open), (2, 1, false));
        assert_eq!(laid.rows.len() + fold.children, shown().len(), "what is folded is counted");
        assert_eq!(laid.place(rule(1)), Place::Single);
        assert_eq!((laid.folded_in(rule(2)), laid.folded_in(rule(3))), (Some(flood()), None));
    }

    #[test]
    fn an_open_group_lies_in_its_order_below_its_cause() {
        let laid = lay(&shown(), &groups(3, &[2, 3, 5]), &folding(true), false);
        assert_eq!(ids(&laid), [1, 3, 2, 5, 4]);
        assert_eq!(laid.folded_in(rule(2)), None);
        let levels = [1, 3, 2].map(|id| laid.place(rule(id)).level());
        assert_eq!(levels, [1, 1, 2]);
        let expanded = [1, 3, 2].map(|id| laid.place(rule(id)).expanded());
        assert_eq!(expanded, [None, Some(true), None]);
    }

    #[test]
    fn a_folded_row_shows_the_worst_in_it_and_calls_as_any_of_it_does() {
        let (mut shown, groups) = (shown().to_vec(), groups(3, &[2, 3, 5]));
        let marks = |shown: &[Arc<AlarmView>], is_open: bool| {
            let laid = lay(&Arc::new(shown.to_vec()), &groups, &folding(is_open), false);
            let marks = Marks::of(&shown[2], laid.place(rule(3)));
            (marks.priority, marks.calls)
        };
        // The cause is a P3 that somebody has acknowledged; a child of P1 is in it, and one that nobody has.
        assert_eq!(marks(&shown, false), (Priority::P1, true));
        assert_eq!(marks(&shown, true), (Priority::P3, false), "open, each shows itself");
        shown[1] = alarm(2, Priority::P3, true);
        assert_eq!(marks(&shown, false), (Priority::P1, false));
        shown[4] = alarm(5, Priority::P1, false);
        assert_eq!(marks(&shown, false), (Priority::P1, true), "a new one calls");
    }

    #[test]
    fn a_filter_unfolds_and_what_it_finds_without_its_cause_lies_on_its_own() {
        let groups = groups(3, &[2, 3, 5]);
        let laid = lay(&found(|view| view.priority == Priority::P3), &groups, &folding(false), true);
        assert_eq!(ids(&laid), [3, 2, 4]);
        assert_eq!(fold_of(&laid, 3).children, 1);
        let laid = lay(&found(|view| view.priority != Priority::P3), &groups, &folding(false), true);
        assert_eq!((ids(&laid), laid.place(rule(5))), (vec![1, 5], Place::Single));
        let without_cause = found(|view| view.state.rule != rule(3));
        let laid = lay(&without_cause, &groups, &folding(false), true);
        assert_eq!((ids(&laid), laid.place(rule(5))), (vec![1, 2, 4, 5], Place::Single));
        // A filter that leaves the cause alone leaves nothing to fold.
        let laid = lay(&found(|view| view.state.rule == rule(3)), &groups, &folding(false), true);
        assert_eq!((ids(&laid), laid.place(rule(3))), (vec![3], Place::Single));
        // Where nobody looks for anything, what is not shown any more is gone, and the group stays together.
        let laid = lay(&without_cause, &groups, &folding(false), false);
        assert_eq!((ids(&laid), fold_of(&laid, 2).children), (vec![1, 2, 4], 1));
    }

    #[test]
    fn a_cause_that_is_listed_no_more_leaves_the_first_alarm_to_head_the_group() {
        let laid = lay(&shown(), &groups(9, &[9, 5, 3, 2]), &folding(false), false);
        assert_eq!(ids(&laid), [1, 5, 4]);
        assert_eq!(fold_of(&laid, 5).children, 2);
        // One alarm alone is no group.
        let laid = lay(&shown(), &groups(9, &[9, 8, 2]), &folding(false), false);
        assert_eq!((ids(&laid), laid.place(rule(2))), (vec![1, 2, 3, 4, 5], Place::Single));
    }

    #[test]
    fn folding_can_be_switched_off() {
        let off = Folding { is_on: false, ..folding(false) };
        let laid = lay(&shown(), &groups(3, &[2, 3, 5]), &off, false);
        assert_eq!((ids(&laid), laid.place(rule(3))), (vec![1, 2, 3, 4, 5], Place::Single));
    }

    #[test]
    fn no_row_goes_from_under_the_hand() {
        let (none, one) = (Arc::new(Groups::default()), Arc::new(groups(3, &[2, 3, 5])));
        let first = next_held(None, &none, true, 0);
        assert_eq!(next_held(Some(&first), &one, true, 0).groups, none);
        assert_eq!(next_held(Some(&first), &one, false, 0).groups, one);
        assert_eq!(next_held(Some(&first), &one, true, 1).groups, one, "newcomers were taken in by hand");
    }

    #[test]
    fn right_and_left_walk_the_tree() {
        let groups = groups(3, &[2, 3, 5]);
        let folded = lay(&shown(), &groups, &folding(false), false);
        let open = lay(&shown(), &groups, &folding(true), false);
        assert_eq!(folded.turn("ArrowRight", rule(3)), Some(Turn::Open(flood())));
        assert_eq!(open.turn("ArrowRight", rule(3)), Some(Turn::To(rule(2))));
        assert_eq!(open.turn("ArrowLeft", rule(5)), Some(Turn::To(rule(3))));
        assert_eq!(open.turn("ArrowLeft", rule(3)), Some(Turn::Close(flood())));
        for (laid, key, at) in [(&folded, "ArrowLeft", 3), (&open, "ArrowRight", 2), (&open, "ArrowRight", 1)] {
            assert_eq!(laid.turn(key, rule(at)), None, "{key} on {at}");
        }
        assert_eq!(folded.turn("j", rule(3)), None);
        // When a group is folded, the cursor goes to its head.
        assert_eq!((open.head_in(rule(5), flood()), open.head_in(rule(1), flood())), (Some(rule(3)), None));
    }
}
