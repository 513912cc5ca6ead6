//! The alarms that load most, as a queue of work: what each does, and what is worth trying against it. Must not know
//! the journal.

use penstock_model::{AlarmClass, AlarmRule, Condition, RuleId};

use super::cures::CureKind;
use super::tally::Offender;

/// An alarm to work on.
#[derive(Debug, Clone, PartialEq)]
pub struct BadActor {
    /// What it did.
    pub offender: Offender,
    /// Which changes of its rule are worth trying, the least intrusive first; none where its rule is gone, or where it
    /// is no setting that ails it.
    pub cures: Vec<CureKind>,
    /// Whether nobody ever acted on it: an alarm that asks for no act is an event.
    pub was_never_acted_on: bool,
}

/// The queue of work: of offenders that are ranked by their load, the first so many with something to cure (they chatter,
/// are fleeting or stale, or were never acted on).
pub fn bad_actors<'r>(
    offenders: &[Offender],
    rule: impl Fn(RuleId) -> Option<&'r AlarmRule>,
    most: usize,
) -> Vec<BadActor> {
    let ailing = offenders.iter().filter(|offender| {
        offender.acted_on == 0 || offender.chattering > 0 || offender.fleeting > 0 || offender.stale > 0
    });
    let actors = ailing.map(|offender| BadActor {
        offender: *offender,
        cures: rule(offender.rule).map_or_else(Vec::new, |rule| worth_trying(offender, rule)),
        was_never_acted_on: offender.acted_on == 0,
    });
    actors.take(most).collect()
}

/// A deadband or an off-delay holds together what chatters, an on-delay leaves out what is over at once, and only another
/// limit keeps away what stands for long or asks for nothing.
fn worth_trying(offender: &Offender, rule: &AlarmRule) -> Vec<CureKind> {
    let chatters = offender.chattering > 0;
    let is_over_at_once = offender.fleeting > 0;
    let asks_for_nothing = offender.stale > 0 || offender.acted_on == 0;
    let knows_deadband =
        matches!(rule.condition, Condition::Limit { .. } | Condition::Deviation { .. } | Condition::Rate { .. });
    let knows_limit = knows_deadband || matches!(rule.condition, Condition::Anomaly { .. });
    let is_worth_trying = |kind: &CureKind| match kind {
        CureKind::Deadband => chatters && knows_deadband,
        CureKind::OffDelay => chatters,
        CureKind::OnDelay => chatters || is_over_at_once,
        CureKind::Limit => asks_for_nothing && knows_limit && rule.class != AlarmClass::Safety,
    };
    CureKind::ALL.into_iter().filter(is_worth_trying).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use penstock_model::{LimitLevel, PointId, Priority, SiteId, Subject};
    use uuid::Uuid;

    use super::*;
    use crate::analysis::Placed;

    #[test]
    fn only_what_ails_is_in_the_queue_and_in_its_order() {
        let good = Offender { acted_on: 9, ..offender("good") };
        let chatters = Offender { chattering: 6, acted_on: 1, ..offender("chatters") };
        let ignored = offender("ignored");
        let rules = [rule("good"), rule("chatters"), rule("ignored")];
        let find = |id: RuleId| rules.iter().find(|rule| rule.id == id);
        let names = |most: usize| {
            let actors = bad_actors(&[good, chatters, ignored], find, most);
            actors.into_iter().map(|actor| actor.offender.rule).collect::<Vec<_>>()
        };
        assert_eq!(names(10), [chatters.rule, ignored.rule]);
        assert_eq!(names(1), [chatters.rule]);
    }

    #[test]
    fn what_is_worth_trying() {
        use CureKind::{Deadband, Limit, OffDelay, OnDelay};
        let check = |offender: Offender, rule: &AlarmRule, expect: &[CureKind]| {
            let [actor] = &bad_actors(&[offender], |_| Some(rule), 1)[..] else { panic!("one") };
            assert_eq!(actor.cures, expect, "{offender:?}");
        };
        let seen = |offender: Offender| Offender { acted_on: 1, ..offender };
        let chatters = Offender { chattering: 3, ..offender("a") };
        let silence = AlarmRule {
            subject: Subject::Site(SiteId(Uuid::nil())),
            condition: Condition::Silence { after: Duration::from_secs(60) },
            ..rule("a")
        };
        let safety = AlarmRule { class: AlarmClass::Safety, ..rule("a") };
        check(seen(chatters), &rule("a"), &[Deadband, OffDelay, OnDelay]);
        check(chatters, &rule("a"), &[Deadband, OffDelay, OnDelay, Limit]);
        check(chatters, &safety, &[Deadband, OffDelay, OnDelay]);
        check(chatters, &silence, &[OffDelay, OnDelay]);
        check(seen(Offender { fleeting: 1, ..offender("a") }), &rule("a"), &[OnDelay]);
        check(seen(Offender { stale: 1, ..offender("a") }), &rule("a"), &[Limit]);
        let gone = bad_actors(&[chatters], |_| None, 1);
        assert!(gone[0].cures.is_empty() && gone[0].was_never_acted_on);
    }

    fn rule(name: &str) -> AlarmRule {
        let condition = Condition::Limit { level: LimitLevel::High, limit: 1.0, deadband: 0.0 };
        AlarmRule::new(RuleId::derived(Uuid::nil(), name), Subject::Point(PointId(Uuid::nil())), condition)
    }

    fn offender(name: &str) -> Offender {
        Offender {
            rule: RuleId::derived(Uuid::nil(), name),
            placed: Placed { priority: Priority::P3, area: None, site: None },
            annunciations: 9,
            last_at: None,
            share: 0.5,
            chattering: 0,
            fleeting: 0,
            stale: 0,
            acted_on: 0,
        }
    }
}
