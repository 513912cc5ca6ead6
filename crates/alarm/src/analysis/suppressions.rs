//! Alarms that are kept from calling in a way that nobody allowed: a shelf that is over or too long, a service that was
//! ended by somebody who may not, a design that was not approved. Must not know where people and approvals are kept.

use std::time::Duration;

use penstock_model::{AlarmState, KeptBy, SuppressionObjection, Timestamp};

/// So long after its end a shelf may still be there: it is ended by a tick.
const GRACE: Duration = Duration::from_secs(60);

/// What is known of the one who put an alarm away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PutAway {
    /// Whether it is known who did it.
    pub is_known: bool,
    /// Whether they said why.
    pub has_reason: bool,
    /// Whether they may take alarms out of service and shelve them for longer than an operator.
    pub may_suppress: bool,
}

/// What allows an alarm to be kept from calling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// For how long an operator may shelve it, shelves without a gap between them taken together.
    pub longest_shelf: Duration,
    /// Who shelved it.
    pub shelved: PutAway,
    /// Who took it out of service.
    pub out_of_service: PutAway,
    /// Whether what suppresses it by design is as it was approved, or nothing was approved yet.
    pub is_design_approved: bool,
}

/// Something that keeps an alarm from calling, and that nobody allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unauthorised {
    /// What keeps it.
    pub kept: KeptBy,
    /// Since when.
    pub since: Timestamp,
    /// What is wrong with it.
    pub objection: SuppressionObjection,
}

/// Everything that keeps an alarm from calling and that nobody allowed, the strongest first; of each only what is worst.
pub fn unauthorised(state: &AlarmState, allowance: &Allowance, now: Timestamp) -> Vec<Unauthorised> {
    let out_of_service = state.out_of_service.and_then(|since| {
        let by = allowance.out_of_service;
        let objection = if !by.is_known {
            SuppressionObjection::ByNobody
        } else if !by.may_suppress {
            SuppressionObjection::NotAllowed
        } else if !by.has_reason {
            SuppressionObjection::NoReason
        } else {
            return None;
        };
        Some(Unauthorised { kept: KeptBy::OutOfService, since, objection })
    });
    let suppressed = state.suppressed.filter(|_| !allowance.is_design_approved).map(|since| Unauthorised {
        kept: KeptBy::Suppressed,
        since,
        objection: SuppressionObjection::NotApproved,
    });
    let shelved = state.shelf.and_then(|shelf| {
        let (until, since, by) = (shelf.shelving.until, shelf.since, allowance.shelved);
        let objection = if until + GRACE < now {
            SuppressionObjection::Expired
        } else if !by.is_known {
            SuppressionObjection::ByNobody
        } else if until.since(shelf.first()) > allowance.longest_shelf && !by.may_suppress {
            SuppressionObjection::TooLong
        } else if !by.has_reason {
            SuppressionObjection::NoReason
        } else {
            return None;
        };
        Some(Unauthorised { kept: KeptBy::Shelved, since, objection })
    });
    [out_of_service, suppressed, shelved].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use penstock_model::{RuleId, Shelf, Shelving};
    use uuid::Uuid;

    use super::*;

    const HOUR: i64 = 3_600;

    #[test]
    fn what_was_allowed_is_not_listed() {
        assert_eq!(told(&normal(), &allowed(), HOUR), []);
        let state =
            AlarmState { out_of_service: Some(at(0)), suppressed: Some(at(0)), shelf: Some(shelf(HOUR)), ..normal() };
        assert_eq!(told(&state, &allowed(), HOUR), []);
        let nobody = PutAway::default();
        let nothing = Allowance { shelved: nobody, out_of_service: nobody, is_design_approved: false, ..allowed() };
        use SuppressionObjection::{ByNobody, NotApproved};
        let all = [(KeptBy::OutOfService, ByNobody), (KeptBy::Suppressed, NotApproved), (KeptBy::Shelved, ByNobody)];
        assert_eq!(told(&state, &nothing, HOUR), all);
    }

    #[test]
    fn shelves_end_in_time_and_are_no_longer_than_allowed() {
        let operator = PutAway { may_suppress: false, ..known() };
        let check = |hours: i64, by: PutAway, now: i64, expect: Option<SuppressionObjection>| {
            let state = AlarmState { shelf: Some(shelf(hours * HOUR)), ..normal() };
            let found = told(&state, &Allowance { shelved: by, ..allowed() }, now);
            assert_eq!(found.first().map(|(_, objection)| *objection), expect, "{hours} h at {now} s");
        };
        check(8, operator, 0, None);
        check(9, operator, 0, Some(SuppressionObjection::TooLong));
        check(9, known(), 0, None);
        check(8, operator, 8 * HOUR + 60, None);
        check(8, operator, 8 * HOUR + 61, Some(SuppressionObjection::Expired));
        check(8, PutAway { has_reason: false, ..operator }, 0, Some(SuppressionObjection::NoReason));
        // Shelved anew after seven hours for seven more.
        let anew = Shelf { since: at(7 * HOUR), first_since: Some(at(0)), ..shelf(14 * HOUR) };
        let state = AlarmState { shelf: Some(anew), ..normal() };
        let found = |by: PutAway| told(&state, &Allowance { shelved: by, ..allowed() }, 7 * HOUR);
        assert_eq!(found(operator), [(KeptBy::Shelved, SuppressionObjection::TooLong)]);
        assert_eq!(found(known()), []);
    }

    #[test]
    fn service_is_ended_by_those_who_may() {
        let check = |by: PutAway, expect: Option<SuppressionObjection>| {
            let state = AlarmState { out_of_service: Some(at(0)), ..normal() };
            let found = told(&state, &Allowance { out_of_service: by, ..allowed() }, HOUR);
            assert_eq!(found.first().map(|(_, objection)| *objection), expect, "{by:?}");
        };
        check(known(), None);
        check(PutAway { may_suppress: false, ..known() }, Some(SuppressionObjection::NotAllowed));
        check(PutAway { has_reason: false, ..known() }, Some(SuppressionObjection::NoReason));
        check(PutAway { is_known: false, ..known() }, Some(SuppressionObjection::ByNobody));
    }

    fn told(state: &AlarmState, allowance: &Allowance, now: i64) -> Vec<(KeptBy, SuppressionObjection)> {
        unauthorised(state, allowance, at(now)).into_iter().map(|found| (found.kept, found.objection)).collect()
    }

    fn normal() -> AlarmState {
        AlarmState::normal(RuleId(Uuid::nil()), at(0))
    }

    fn shelf(secs: i64) -> Shelf {
        Shelf { shelving: Shelving { until: at(secs), one_shot: false }, since: at(0), by: None, first_since: None }
    }

    fn allowed() -> Allowance {
        Allowance {
            longest_shelf: Duration::from_secs(8 * 3_600),
            shelved: known(),
            out_of_service: known(),
            is_design_approved: true,
        }
    }

    fn known() -> PutAway {
        PutAway { is_known: true, has_reason: true, may_suppress: true }
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }
}
