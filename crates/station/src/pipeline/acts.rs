//! What a person does to an alarm, put to the engine. Must not know who may do it.

use std::collections::BTreeMap;
use std::time::Duration;

use penstock_alarm::{Engine, Error};
use penstock_api::{ActRefusal, RefusalCause};
use penstock_model::{RuleId, Shelf, Shelving, Timestamp, Transition, TransitionDetail, UserId};

use crate::settings::AlarmComments;

/// What a person does to an alarm.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Acknowledge one occurrence.
    Acknowledge {
        /// What the person says.
        comment: Option<String>,
    },
    /// Say something about one occurrence.
    Comment {
        /// What the person says.
        comment: String,
    },
    /// End what it has latched.
    Reset {
        /// What the person says.
        comment: Option<String>,
    },
    /// Keep it from calling for a while.
    Shelve {
        /// How long at most.
        lasting: Duration,
        /// Only until it next returns to normal.
        one_shot: bool,
        /// Why.
        reason: String,
        /// For how long an alarm without a limit of its own may be shelved, shelves without a gap taken together; none
        /// where whoever does it is held to no limit.
        within: Option<Duration>,
    },
    /// Take it from the shelf.
    Unshelve {
        /// What the person says.
        comment: Option<String>,
    },
    /// Take it out of service.
    TakeOutOfService {
        /// Why.
        reason: String,
    },
    /// Return it to service.
    ReturnToService {
        /// Why.
        reason: String,
    },
}

impl Act {
    /// What to note with it where a comment is demanded, because any of these alarms asks for one. The comment goes with
    /// every acknowledgement of the call, and of none of them it is known that anybody would have said it unasked:
    /// whoever means one alarm comments on that one.
    pub(super) fn demanding(
        &self,
        engine: &Engine,
        comments: AlarmComments,
        alarms: &[(RuleId, u64)],
    ) -> Option<TransitionDetail> {
        let waits = |(rule, occurrence): &(RuleId, u64)| waits_for_words(engine, comments, *rule, *occurrence);
        let is_demanded = matches!(self, Self::Acknowledge { comment: Some(_) }) && alarms.iter().any(waits);
        is_demanded.then_some(TransitionDetail::CommentDemanded)
    }

    /// Does it.
    ///
    /// # Errors
    /// Why the alarm does not allow it as it stands, that one that asks for a comment is to be acknowledged without a word, or that
    /// the shelf is too long.
    pub(super) fn perform(
        &self,
        engine: &mut Engine,
        comments: AlarmComments,
        (rule, occurrence): (RuleId, u64),
        by: UserId,
        now: Timestamp,
    ) -> Result<Transition, Refusal> {
        let done = match self {
            Self::Acknowledge { comment: None } if waits_for_words(engine, comments, rule, occurrence) => {
                return Err(Refusal::NoComment(rule));
            }
            Self::Acknowledge { comment } => engine.acknowledge(rule, occurrence, by, comment.clone(), now),
            Self::Comment { comment } => engine.comment(rule, occurrence, by, comment, now),
            Self::Reset { comment } => engine.reset(rule, by, comment.clone(), now),
            Self::Shelve { lasting, one_shot, reason, within } => {
                let shelving = Shelving { until: now + *lasting, one_shot: *one_shot };
                if let Some(longest) = within.and_then(|within| exceeded(engine, rule, shelving, by, now, within)) {
                    return Err(Refusal::ShelfTooLong { longest });
                }
                engine.shelve(rule, shelving, by, reason, now)
            }
            Self::Unshelve { comment } => engine.unshelve(rule, by, comment.clone(), now),
            Self::TakeOutOfService { reason } => engine.take_out_of_service(rule, by, reason, now),
            Self::ReturnToService { reason } => engine.return_to_service(rule, by, Some(reason.clone()), now),
        };
        done.map_err(Refusal::Alarm)
    }

    /// What the audit says it was done to.
    pub(super) fn subject(&self, rule: RuleId, occurrence: u64) -> String {
        match self {
            Self::Acknowledge { .. } | Self::Comment { .. } => format!("{rule}#{occurrence}"),
            _ => rule.to_string(),
        }
    }

    /// What the audit says of it.
    pub(super) fn said(&self) -> Option<serde_json::Value> {
        match self {
            Self::Acknowledge { comment } | Self::Reset { comment } | Self::Unshelve { comment } => {
                comment.clone().map(Into::into)
            }
            Self::Comment { comment: said }
            | Self::TakeOutOfService { reason: said }
            | Self::ReturnToService { reason: said } => Some(said.clone().into()),
            Self::Shelve { lasting, one_shot, reason, .. } => {
                Some(serde_json::json!({ "minutes": lasting.as_secs() / 60, "one_shot": one_shot, "reason": reason }))
            }
        }
    }
}

/// Whether an occurrence waits to be acknowledged, and asks for a comment.
fn waits_for_words(engine: &Engine, comments: AlarmComments, rule: RuleId, occurrence: u64) -> bool {
    let asks = engine.rule(rule).is_some_and(|rule| comments.demand(rule.class, rule.priority));
    asks && engine.state(rule).is_some_and(|state| state.occurrence == occurrence && !state.acknowledged)
}

/// How long a person who is held to limits may shelve an alarm, where a shelf is longer together with those before it
/// that it follows without a gap. `within` is for alarms without a limit of their own.
fn exceeded(
    engine: &Engine,
    rule: RuleId,
    shelving: Shelving,
    by: UserId,
    now: Timestamp,
    within: Duration,
) -> Option<Duration> {
    let longest = engine.rule(rule).and_then(|rule| rule.longest_shelf).unwrap_or(within);
    // Another person's shelf is refused as such.
    let own = |shelf: &Shelf| shelf.by.is_none_or(|other| other == by);
    let before = engine.state(rule).and_then(|state| state.shelf).filter(own);
    let first = before.map_or(now, |shelf| shelf.first());
    (shelving.until.since(first) > longest).then_some(longest)
}

/// Why an act was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The alarm does not allow it as it stands.
    Alarm(Error),
    /// It is critical, and nothing was said of it.
    NoComment(RuleId),
    /// It would lie on the shelf for longer than this person may shelve it.
    ShelfTooLong {
        /// For how long at most.
        longest: Duration,
    },
    /// It could not be made durable, and was not done.
    NotKept(String),
    /// It is done, and not yet durable.
    NotYetKept(String),
}

impl Refusal {
    /// Who was faster, where somebody was.
    pub(crate) const fn first(&self) -> Option<UserId> {
        match self {
            Self::Alarm(Error::AlreadyAcknowledged { by, .. } | Error::AlreadyShelved { by, .. }) => *by,
            _ => None,
        }
    }

    /// As screens are told, with the one who was faster by the name that people know.
    pub(crate) fn told(&self, names: &BTreeMap<UserId, String>) -> ActRefusal {
        let name = self.first().and_then(|first| names.get(&first));
        ActRefusal { cause: self.cause(name), message: self.message(name) }
    }

    fn cause(&self, first: Option<&String>) -> RefusalCause {
        let by = first.cloned();
        match self {
            Self::NoComment(_) => RefusalCause::NoComment,
            Self::ShelfTooLong { longest } => RefusalCause::ShelfTooLong { minutes: longest.as_secs() / 60 },
            Self::NotKept(_) => RefusalCause::NotKept,
            Self::NotYetKept(_) => RefusalCause::NotYetKept,
            Self::Alarm(error) => match error {
                Error::NoSuchAlarm(_) => RefusalCause::Gone,
                Error::NeverRaised(_) => RefusalCause::NeverRaised,
                Error::RaisedAgain { .. } => RefusalCause::RaisedAgain,
                Error::NoSuchOccurrence { .. } => RefusalCause::NoSuchOccurrence,
                Error::AlreadyAcknowledged { .. } => RefusalCause::AlreadyAcknowledged { by },
                Error::NeedsNoAcknowledgement(_) => RefusalCause::NeedsNoAcknowledgement,
                Error::NotYetReturned(_) => RefusalCause::NotYetReturned,
                Error::NotLatched(_) => RefusalCause::NotLatched,
                Error::StillActive(_) => RefusalCause::StillActive,
                Error::NotYetAcknowledged(_) => RefusalCause::NotYetAcknowledged,
                Error::ShelfIsOver { .. } => RefusalCause::ShelfIsOver,
                Error::AlreadyShelved { until, .. } => RefusalCause::AlreadyShelved { by, until: *until },
                Error::NotShelved(_) => RefusalCause::NotShelved,
                Error::AlreadyOutOfService { since, .. } => RefusalCause::AlreadyOutOfService { since: *since },
                Error::InService(_) => RefusalCause::InService,
                Error::NoReason(_) => RefusalCause::NoReason,
                Error::EmptyComment => RefusalCause::EmptyComment,
            },
        }
    }

    fn message(&self, first: Option<&String>) -> String {
        match (self, first) {
            (Self::Alarm(Error::AlreadyAcknowledged { .. }), Some(name)) => {
                format!("{name} has acknowledged it already: there is nothing left to do")
            }
            (Self::Alarm(Error::AlreadyShelved { until, .. }), Some(name)) => {
                format!(
                    "{name} has shelved it already, until {until}: take it off the shelf first, to shelve it otherwise"
                )
            }
            (Self::Alarm(error), _) => error.to_string(),
            (Self::NoComment(rule), _) => {
                format!("alarm {rule} is critical: say what you do about it, and acknowledge it with that comment")
            }
            (Self::ShelfTooLong { longest }, _) => {
                let minutes = longest.as_secs() / 60;
                format!("you may shelve it for {minutes} minutes at most, all in a row: ask a supervisor for longer")
            }
            (Self::NotKept(problem) | Self::NotYetKept(problem), _) => problem.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::{AlarmRule, Condition, Priority, SiteId, Subject, TransitionKind};

    use super::*;

    #[test]
    fn who_was_first_is_told_by_name() {
        let id = |byte: u8| uuid::Uuid::from_bytes([byte; 16]);
        let (rule, by, until) = (RuleId(id(1)), UserId(id(2)), Timestamp::from_secs(1_000));
        let names = BTreeMap::from([(by, "Asha Verma".to_owned())]);
        let acknowledged = Refusal::Alarm(Error::AlreadyAcknowledged { rule, by: Some(by) });
        let shelved = Refusal::Alarm(Error::AlreadyShelved { rule, by: Some(by), until });
        for refusal in [&acknowledged, &shelved] {
            let message = refusal.told(&names).message;
            assert!(message.starts_with("Asha Verma has "), "{message}");
            // Whoever is not known by name is at least told apart.
            assert!(refusal.told(&BTreeMap::new()).message.contains(&by.to_string()));
        }
        let name = Some("Asha Verma".to_owned());
        assert_eq!(acknowledged.told(&names).cause, RefusalCause::AlreadyAcknowledged { by: name.clone() });
        assert_eq!(acknowledged.told(&BTreeMap::new()).cause, RefusalCause::AlreadyAcknowledged { by: None });
        assert_eq!(shelved.told(&names).cause, RefusalCause::AlreadyShelved { by: name, until });
        assert!(shelved.told(&names).message.contains(&until.to_string()));
        let unkept = ActRefusal { cause: RefusalCause::NotKept, message: "no room".into() };
        assert_eq!(Refusal::NotKept("no room".to_owned()).told(&names), unkept);
        let not_yet = ActRefusal { cause: RefusalCause::NotYetKept, ..unkept };
        assert_eq!(Refusal::NotYetKept("no room".to_owned()).told(&names), not_yet);
    }

    #[test]
    fn shelves_in_a_row_are_held_to_the_limit_of_one() {
        let id = |byte: u8| uuid::Uuid::from_bytes([byte; 16]);
        let by = UserId(id(9));
        let condition = || Condition::Silence { after: Duration::from_secs(60) };
        let rule = |byte: u8| AlarmRule::new(RuleId(id(byte)), Subject::Site(SiteId(id(8))), condition());
        let longest_shelf = Some(Duration::from_secs(3_600));
        let mut engine = Engine::new(vec![rule(1), AlarmRule { longest_shelf, ..rule(2) }], Vec::new(), []);
        let hours = |hours: u64| Duration::from_secs(hours * 3_600);
        let mut shelve = |byte: u8, at: u64, lasting: u64, within: Option<Duration>| {
            let act = Act::Shelve { lasting: hours(lasting), one_shot: false, reason: "probe".to_owned(), within };
            act.perform(
                &mut engine,
                AlarmComments::default(),
                (rule(byte).id, 0),
                by,
                Timestamp::from_secs(0) + hours(at),
            )
            .map(|_| ())
        };
        let shift = Some(hours(8));
        let too_long: Result<(), Refusal> = Err(Refusal::ShelfTooLong { longest: hours(8) });
        assert_eq!(shelve(1, 0, 9, shift), too_long);
        assert_eq!(shelve(1, 0, 7, shift), Ok(()));
        assert_eq!(shelve(1, 6, 7, shift), too_long, "thirteen hours in a row");
        assert_eq!(shelve(1, 6, 2, shift), Ok(()));
        assert_eq!(shelve(1, 6, 7, None), Ok(()), "a supervisor may");
        assert_eq!(shelve(2, 0, 2, shift), Err(Refusal::ShelfTooLong { longest: hours(1) }), "its own limit");
        let told = Refusal::ShelfTooLong { longest: hours(8) }.told(&BTreeMap::new());
        assert_eq!(told.cause, RefusalCause::ShelfTooLong { minutes: 480 });
        assert!(told.message.contains("480") && told.message.contains("supervisor"), "{told:?}");
        Act::Unshelve { comment: None }
            .perform(&mut engine, AlarmComments::default(), (rule(1).id, 0), by, Timestamp::from_secs(0) + hours(7))
            .expect("it is on a shelf");
        let anew = Act::Shelve { lasting: hours(7), one_shot: false, reason: "probe".to_owned(), within: shift };
        let done = anew.perform(
            &mut engine,
            AlarmComments::default(),
            (rule(1).id, 0),
            by,
            Timestamp::from_secs(0) + hours(8),
        );
        assert!(done.is_ok(), "it had called meanwhile: {done:?}");
    }

    #[test]
    fn a_critical_alarm_is_not_acknowledged_without_a_word() {
        let id = |byte: u8| uuid::Uuid::from_bytes([byte; 16]);
        let (at, by) = (Timestamp::from_secs(100), UserId(id(9)));
        let rule = |byte: u8, priority: Priority| {
            let subject = Subject::Site(SiteId(id(8)));
            let condition = Condition::Silence { after: Duration::from_secs(60) };
            AlarmRule { priority, ..AlarmRule::new(RuleId(id(byte)), subject, condition) }
        };
        let mut engine = Engine::new(vec![rule(1, Priority::P1), rule(2, Priority::P2)], Vec::new(), []);
        for byte in [1, 2] {
            let raise = Transition {
                rule: RuleId(id(byte)),
                occurrence: 1,
                kind: TransitionKind::Raised,
                at,
                value: None,
                by: None,
                comment: None,
                rule_version: 1,
                detail: None,
            };
            assert!(engine.apply(&raise), "raised");
        }
        let acknowledged = |comment: Option<&str>| Act::Acknowledge { comment: comment.map(str::to_owned) };
        let demanding = |comment: Option<&str>, bytes: &[u8]| {
            let alarms: Vec<(RuleId, u64)> = bytes.iter().map(|byte| (RuleId(id(*byte)), 1)).collect();
            acknowledged(comment).demanding(&engine, AlarmComments::default(), &alarms)
        };
        assert_eq!(demanding(Some("seen"), &[2]), None, "nobody asked for it");
        assert_eq!(demanding(Some("seen"), &[1]), Some(TransitionDetail::CommentDemanded));
        assert_eq!(demanding(Some("seen"), &[2, 1]), Some(TransitionDetail::CommentDemanded));
        assert_eq!(demanding(None, &[2, 1]), None, "nothing was said");
        let mut acknowledge = |byte: u8, occurrence: u64, comment: Option<&str>| {
            let act = acknowledged(comment);
            act.perform(
                &mut engine,
                AlarmComments::default(),
                (RuleId(id(byte)), occurrence),
                by,
                at + Duration::from_secs(1),
            )
            .map(|_| ())
        };
        let critical = RuleId(id(1));
        assert_eq!(acknowledge(1, 1, None), Err(Refusal::NoComment(critical)));
        let told = Refusal::NoComment(critical).told(&BTreeMap::new());
        assert_eq!(told.cause, RefusalCause::NoComment);
        assert!(told.message.contains(&critical.to_string()) && told.message.contains("comment"), "{told:?}");
        assert_eq!(acknowledge(2, 1, None), Ok(()));
        // What was not seen is not asked about.
        assert!(matches!(acknowledge(1, 2, None), Err(Refusal::Alarm(Error::NoSuchOccurrence { .. }))));
        assert_eq!(acknowledge(1, 1, Some("crew is on its way")), Ok(()));
        assert!(matches!(acknowledge(1, 1, None), Err(Refusal::Alarm(Error::AlreadyAcknowledged { .. }))));
    }
}
