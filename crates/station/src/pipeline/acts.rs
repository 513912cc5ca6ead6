//! What a person does to an alarm, put to the engine. Must not know who may do it.

use std::collections::BTreeMap;
use std::time::Duration;

use penstock_alarm::{Engine, Error};
use penstock_model::{RuleId, Shelving, Timestamp, Transition, UserId};

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
    /// Does it.
    ///
    /// # Errors
    /// Why the alarm does not allow it as it stands.
    pub(super) fn perform(
        &self,
        engine: &mut Engine,
        (rule, occurrence): (RuleId, u64),
        by: UserId,
        now: Timestamp,
    ) -> Result<Transition, Error> {
        match self {
            Self::Acknowledge { comment } => engine.acknowledge(rule, occurrence, by, comment.clone(), now),
            Self::Comment { comment } => engine.comment(rule, occurrence, by, comment, now),
            Self::Reset { comment } => engine.reset(rule, by, comment.clone(), now),
            Self::Shelve { lasting, one_shot, reason } => {
                let shelving = Shelving { until: now + *lasting, one_shot: *one_shot };
                engine.shelve(rule, shelving, by, reason, now)
            }
            Self::Unshelve { comment } => engine.unshelve(rule, by, comment.clone(), now),
            Self::TakeOutOfService { reason } => engine.take_out_of_service(rule, by, reason, now),
            Self::ReturnToService { reason } => engine.return_to_service(rule, by, Some(reason.clone()), now),
        }
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
            Self::Shelve { lasting, one_shot, reason } => {
                Some(serde_json::json!({ "minutes": lasting.as_secs() / 60, "one_shot": one_shot, "reason": reason }))
            }
        }
    }
}

/// Why an act was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The alarm does not allow it as it stands.
    Alarm(Error),
    /// It could not be made durable.
    NotKept(String),
}

impl Refusal {
    /// Who was faster, where somebody was.
    pub(crate) const fn first(&self) -> Option<UserId> {
        match self {
            Self::Alarm(Error::AlreadyAcknowledged { by, .. } | Error::AlreadyShelved { by, .. }) => *by,
            _ => None,
        }
    }

    /// In words, with the one who was faster by the name that people know.
    pub(crate) fn told(&self, names: &BTreeMap<UserId, String>) -> String {
        let name = self.first().and_then(|first| names.get(&first));
        match (self, name) {
            (Self::Alarm(Error::AlreadyAcknowledged { .. }), Some(name)) => {
                format!("{name} has acknowledged it already: there is nothing left to do")
            }
            (Self::Alarm(Error::AlreadyShelved { until, .. }), Some(name)) => {
                format!(
                    "{name} has shelved it already, until {until}: take it off the shelf first, to shelve it otherwise"
                )
            }
            (Self::Alarm(error), _) => error.to_string(),
            (Self::NotKept(problem), _) => problem.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_first_is_told_by_name() {
        let id = |byte: u8| uuid::Uuid::from_bytes([byte; 16]);
        let (rule, by, until) = (RuleId(id(1)), UserId(id(2)), Timestamp::from_secs(1_000));
        let names = BTreeMap::from([(by, "Asha Verma".to_owned())]);
        let acknowledged = Refusal::Alarm(Error::AlreadyAcknowledged { rule, by: Some(by) });
        let shelved = Refusal::Alarm(Error::AlreadyShelved { rule, by: Some(by), until });
        for refusal in [&acknowledged, &shelved] {
            assert!(refusal.told(&names).starts_with("Asha Verma has "), "{}", refusal.told(&names));
            // Whoever is not known by name is at least told apart.
            assert!(refusal.told(&BTreeMap::new()).contains(&by.to_string()));
        }
        assert!(shelved.told(&names).contains(&until.to_string()));
        assert_eq!(Refusal::NotKept("no room".to_owned()).told(&names), "no room");
    }
}
