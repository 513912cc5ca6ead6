//! The settings of alarm rules as they were approved (rationalised), chained by their digests, and what differs from
//! them now. Must not know who may approve or where approvals are kept.
//!
//! Settings are canonical JSON: keys sorted, no white space, numbers as short as they can be read back. An approval's
//! digest is SHA-256 over the canonical JSON of all it says, the digest before it included: one that was changed,
//! removed or put in between shows.

use std::collections::{BTreeMap, BTreeSet};

use penstock_model::{AlarmRule, RuleId, Timestamp, UserId};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(pub [u8; 32]);

/// What is to be approved.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: UserId,
    /// Why.
    pub reason: &'a str,
    /// Rules that are approved as they are.
    pub rules: &'a [AlarmRule],
    /// Rules that are to be no more.
    pub withdrawn: &'a [RuleId],
}

/// One link of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Which, 1 being the first.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: UserId,
    /// Why.
    pub reason: String,
    /// The rules that were approved, each as canonical JSON, by id.
    pub settings: Vec<String>,
    /// Rules that are to be no more, by id.
    pub withdrawn: Vec<RuleId>,
    /// The digest of the approval before; zeros in the first.
    pub previous: Digest,
    /// The digest over all of this.
    pub digest: Digest,
}

/// All rules as they were approved last.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Baseline {
    rules: BTreeMap<RuleId, AlarmRule>,
    newest: u64,
    head: Digest,
}

/// Something that is not as it was approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Which rule.
    pub rule: RuleId,
    /// What of it.
    pub drifted: Drifted,
}

/// What is not as it was approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drifted {
    /// The rule was never approved, or was withdrawn.
    Unapproved,
    /// The rule was approved and is no more.
    Gone,
    /// One attribute differs.
    Changed {
        /// Its name, nested ones with dots, for example `condition.limit.deadband`.
        attribute: String,
        /// What was approved, as JSON; none where it had none.
        approved: Option<String>,
        /// What it is now, as JSON; none where it has none.
        now: Option<String>,
    },
}

/// Why a chain of approvals cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// An approval is missing.
    #[error("approval {given} does not follow approval {newest}: restore those between from a backup")]
    Gap {
        /// The newest that was taken.
        newest: u64,
        /// The one that was given.
        given: u64,
    },
    /// It is not what was approved, or not in this chain.
    #[error("approval {number} was changed after it was given: restore it from a backup")]
    Altered {
        /// Which.
        number: u64,
    },
    /// The end of the chain is missing.
    #[error("approval {head} was given and {newest} is the last that is there: restore the others from a backup")]
    Cut {
        /// The newest that is there.
        newest: u64,
        /// The newest that was given.
        head: u64,
    },
    /// Its settings are none of a rule.
    #[error("approval {number} holds settings that are none of an alarm rule, approve them anew: {source}")]
    Unreadable {
        /// Which.
        number: u64,
        /// What JSON says.
        source: serde_json::Error,
    },
    /// A rule has no JSON.
    #[error("alarm rule {rule} cannot be written as JSON, correct its settings: {source}")]
    Unwritable {
        /// Which.
        rule: RuleId,
        /// What JSON says.
        source: serde_json::Error,
    },
}

impl Baseline {
    /// Nothing is approved yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a chain back that ends with `head`: number and digest of the newest approval, zeros where nothing was
    /// approved.
    ///
    /// # Errors
    /// As for [`Self::take`], and [`BaselineError::Cut`] where approvals are missing at its end.
    pub fn read(chain: &[Approval], head: (u64, Digest)) -> Result<Self, BaselineError> {
        let mut baseline = Self::new();
        chain.iter().try_for_each(|approval| baseline.take(approval))?;
        let newest = baseline.newest;
        if newest < head.0 {
            return Err(BaselineError::Cut { newest, head: head.0 });
        }
        if (newest, baseline.head) != head {
            return Err(BaselineError::Altered { number: newest });
        }
        Ok(baseline)
    }

    /// Whether a chain has the approval that was noted elsewhere as the last one given, by number and digest: a chain
    /// whose end was cut off, or made anew, together with its head shows against it.
    ///
    /// # Errors
    /// [`BaselineError::Cut`] where it is missing, [`BaselineError::Altered`] where another stands in its place.
    pub fn hold_against(chain: &[Approval], noted: (u64, Digest)) -> Result<(), BaselineError> {
        let (number, digest) = noted;
        match chain.iter().find(|approval| approval.number == number) {
            Some(approval) if approval.digest == digest => Ok(()),
            Some(_) => Err(BaselineError::Altered { number }),
            None => {
                let newest = chain.last().map_or(0, |approval| approval.number);
                Err(BaselineError::Cut { newest, head: number })
            }
        }
    }

    /// The number of the newest approval; 0 where nothing was approved.
    pub const fn newest(&self) -> u64 {
        self.newest
    }

    /// The digest that the next approval builds on.
    pub const fn head(&self) -> Digest {
        self.head
    }

    /// A rule as it was approved last.
    pub fn rule(&self, rule: RuleId) -> Option<&AlarmRule> {
        self.rules.get(&rule)
    }

    /// Approves a draft; of a rule that is in it twice, the last counts.
    ///
    /// # Errors
    /// [`BaselineError::Unwritable`] where a rule has no JSON; nothing is approved then.
    pub fn approve(&mut self, draft: Draft<'_>) -> Result<Approval, BaselineError> {
        let rules: BTreeMap<RuleId, &AlarmRule> = draft.rules.iter().map(|rule| (rule.id, rule)).collect();
        let withdrawn: BTreeSet<RuleId> = draft.withdrawn.iter().copied().collect();
        let mut approval = Approval {
            number: self.newest + 1,
            at: draft.at,
            by: draft.by,
            reason: draft.reason.to_owned(),
            settings: rules.values().map(|rule| canonical(rule)).collect::<Result<_, _>>()?,
            withdrawn: withdrawn.into_iter().collect(),
            previous: self.head,
            digest: Digest::default(),
        };
        approval.digest = approval.computed();
        self.take(&approval)?;
        Ok(approval)
    }

    /// Takes the next approval of a chain that is read back.
    ///
    /// # Errors
    /// [`BaselineError::Gap`] where one is missing before it, [`BaselineError::Altered`] where it is not what was
    /// approved, [`BaselineError::Unreadable`] where its settings are none of a rule; nothing is taken then.
    pub fn take(&mut self, approval: &Approval) -> Result<(), BaselineError> {
        let number = approval.number;
        if number != self.newest + 1 {
            return Err(BaselineError::Gap { newest: self.newest, given: number });
        }
        if approval.previous != self.head || approval.digest != approval.computed() {
            return Err(BaselineError::Altered { number });
        }
        let read =
            |text: &String| serde_json::from_str(text).map_err(|source| BaselineError::Unreadable { number, source });
        let rules: Vec<AlarmRule> = approval.settings.iter().map(read).collect::<Result<_, _>>()?;
        for withdrawn in &approval.withdrawn {
            self.rules.remove(withdrawn);
        }
        self.rules.extend(rules.into_iter().map(|rule| (rule.id, rule)));
        (self.newest, self.head) = (number, approval.digest);
        Ok(())
    }

    /// What of the rules as they are is not as it was approved, by rule and then by attribute. A rule's version is no
    /// attribute: it counts changes, also those that were undone; nor is whether a person has edited it.
    ///
    /// # Errors
    /// [`BaselineError::Unwritable`] where a rule has no JSON.
    pub fn drift(&self, rules: &[AlarmRule]) -> Result<Vec<Drift>, BaselineError> {
        let now: BTreeMap<RuleId, &AlarmRule> = rules.iter().map(|rule| (rule.id, rule)).collect();
        let ids: BTreeSet<RuleId> = self.rules.keys().chain(now.keys()).copied().collect();
        let mut drift = Vec::new();
        for rule in ids {
            match (self.rules.get(&rule), now.get(&rule)) {
                (Some(approved), Some(now)) => {
                    drift.extend(changes(approved, now)?.into_iter().map(|drifted| Drift { rule, drifted }));
                }
                (None, _) => drift.push(Drift { rule, drifted: Drifted::Unapproved }),
                (_, None) => drift.push(Drift { rule, drifted: Drifted::Gone }),
            }
        }
        Ok(drift)
    }
}

impl BaselineError {
    /// The first approval that is not as it was given; none where a rule is wrong and not the chain.
    pub const fn approval(&self) -> Option<u64> {
        match self {
            Self::Gap { newest, .. } | Self::Cut { newest, .. } => Some(*newest + 1),
            Self::Altered { number } | Self::Unreadable { number, .. } => Some(*number),
            Self::Unwritable { .. } => None,
        }
    }
}

impl Approval {
    /// The digest over all that it says.
    fn computed(&self) -> Digest {
        let said = serde_json::json!({
            "number": self.number,
            "at": self.at,
            "by": self.by,
            "reason": self.reason,
            "settings": self.settings,
            "withdrawn": self.withdrawn,
            "previous": self.previous.to_string(),
        });
        let mut text = String::new();
        write_canonical(&said, &mut text);
        Digest(Sha256::digest(text.as_bytes()).into())
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// All settings of a rule as canonical JSON.
///
/// # Errors
/// [`BaselineError::Unwritable`] where it has none.
pub fn canonical(rule: &AlarmRule) -> Result<String, BaselineError> {
    let mut text = String::new();
    write_canonical(&value_of(rule)?, &mut text);
    Ok(text)
}

/// Which of a rule's versions, in the order they were saved, gave an attribute the value that it has in the last of them:
/// its index; none where there is no version.
///
/// # Errors
/// [`BaselineError::Unwritable`] where a version has no JSON.
pub fn given_in(attribute: &str, versions: &[AlarmRule]) -> Result<Option<usize>, BaselineError> {
    let mut values: Vec<Option<String>> = Vec::with_capacity(versions.len());
    for rule in versions {
        values.push(attributes(rule)?.remove(attribute));
    }
    let Some(last) = values.last() else { return Ok(None) };
    let alike = values.iter().rev().take_while(|value| *value == last).count();
    Ok(values.len().checked_sub(alike))
}

fn value_of(rule: &AlarmRule) -> Result<Value, BaselineError> {
    serde_json::to_value(rule).map_err(|source| BaselineError::Unwritable { rule: rule.id, source })
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(fields) => {
            // Whether a map of JSON keeps its keys sorted is a feature that any crate can turn off.
            let sorted: BTreeMap<&String, &Value> = fields.iter().collect();
            out.push('{');
            for (index, (name, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write_canonical(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

fn changes(approved: &AlarmRule, now: &AlarmRule) -> Result<Vec<Drifted>, BaselineError> {
    let (mut approved, mut now) = (attributes(approved)?, attributes(now)?);
    let names: BTreeSet<String> = approved.keys().chain(now.keys()).cloned().collect();
    let changed = names.into_iter().filter_map(|attribute| {
        let (approved, now) = (approved.remove(&attribute), now.remove(&attribute));
        (approved != now).then_some(Drifted::Changed { attribute, approved, now })
    });
    Ok(changed.collect())
}

/// What a rule is made of, by name; without its id, without what counts and marks changes, and without what it leaves
/// out.
fn attributes(rule: &AlarmRule) -> Result<BTreeMap<String, String>, BaselineError> {
    let mut attributes = BTreeMap::new();
    flatten("", &value_of(rule)?, &mut attributes);
    attributes.retain(|name, _| !matches!(name.as_str(), "id" | "version" | "edited"));
    Ok(attributes)
}

fn flatten(name: &str, value: &Value, out: &mut BTreeMap<String, String>) {
    match value {
        Value::Null => {}
        Value::Object(fields) if !is_duration(value) => {
            for (field, value) in fields {
                let name = if name.is_empty() { field.clone() } else { format!("{name}.{field}") };
                flatten(&name, value, out);
            }
        }
        whole => {
            let mut text = String::new();
            write_canonical(whole, &mut text);
            out.insert(name.to_owned(), text);
        }
    }
}

/// A duration's seconds and nanoseconds are one attribute.
fn is_duration(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|fields| fields.len() == 2 && fields.contains_key("secs") && fields.contains_key("nanos"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use penstock_model::{Condition, Guidance, LimitLevel, PointId, Realarm, Subject};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn canonical_json_is_sorted_and_without_white_space() {
        let value: Value = serde_json::from_str(r#"{ "b": [1, {"z": null, "a": 0.10}], "a": "\"ü\"" }"#).expect("JSON");
        let mut text = String::new();
        write_canonical(&value, &mut text);
        assert_eq!(text, r#"{"a":"\"ü\"","b":[1,{"a":0.1,"z":null}]}"#);
        let canonical = canonical(&rule("a")).expect("JSON");
        assert_eq!(serde_json::from_str::<AlarmRule>(&canonical).expect("a rule"), rule("a"));
    }

    #[test]
    fn the_digest_is_the_one_that_others_compute() {
        let mut baseline = Baseline::new();
        let approval = baseline.approve(draft(&[], "nothing yet")).expect("approved");
        let said = format!(
            r#"{{"at":1000000,"by":"{}","number":1,"previous":"{}","reason":"nothing yet","settings":[],"withdrawn":[]}}"#,
            Uuid::nil(),
            "0".repeat(64)
        );
        assert_eq!(approval.digest, Digest(Sha256::digest(said.as_bytes()).into()));
    }

    #[test]
    fn a_chain_is_read_back() {
        let (chain, baseline) = chain();
        let mut read = Baseline::new();
        chain.iter().for_each(|approval| read.take(approval).expect("as it was given"));
        assert_eq!(read, baseline);
        assert_eq!(read.head(), chain[2].digest);
        assert_eq!(read.rule(rule("b").id), None, "withdrawn");
    }

    #[test]
    fn a_chain_is_held_against_what_was_noted_elsewhere() {
        let (chain, _) = chain();
        let noted = (chain[2].number, chain[2].digest);
        let found = |chain: &[Approval]| Baseline::hold_against(chain, noted).err().and_then(|error| error.approval());
        assert_eq!(found(&chain), None);
        // One that was given since it was noted.
        let earlier = (chain[1].number, chain[1].digest);
        assert!(Baseline::hold_against(&chain, earlier).is_ok());
        assert_eq!(found(&chain[..2]), Some(3), "its end is cut off");
        assert_eq!(found(&[]), Some(1));
        let anew = Approval { digest: Digest([7; 32]), ..chain[2].clone() };
        assert_eq!(found(&[chain[0].clone(), chain[1].clone(), anew]), Some(3));
    }

    #[test]
    fn what_was_done_to_a_chain_shows() {
        let (chain, _) = chain();
        let refused = |chain: &[Approval]| {
            let mut baseline = Baseline::new();
            chain.iter().find_map(|approval| baseline.take(approval).err().map(|error| error.to_string()))
        };
        let changed = |change: &dyn Fn(&mut Approval)| {
            let mut chain = chain.clone();
            change(&mut chain[1]);
            refused(&chain).expect("refused")
        };
        assert_eq!(refused(&chain), None);
        assert!(changed(&|approval| approval.reason.push('!')).contains("approval 2 was changed"));
        assert!(changed(&|approval| approval.by = UserId(Uuid::max())).contains("approval 2 was changed"));
        assert!(changed(&|approval| approval.settings.clear()).contains("approval 2 was changed"));
        assert!(changed(&|approval| approval.number = 7).contains("approval 7 does not follow approval 1"));
        // Whoever computes the digest anew breaks the link to the next.
        let computed_anew = changed(&|approval| {
            approval.reason.push('!');
            approval.digest = approval.computed();
        });
        assert!(computed_anew.contains("approval 3 was changed"), "{computed_anew}");
        let removed = refused(&[chain[0].clone(), chain[2].clone()]).expect("refused");
        assert!(removed.contains("approval 3 does not follow approval 1"), "{removed}");
    }

    #[test]
    fn a_chain_that_was_cut_off_shows_against_its_head() {
        let (chain, baseline) = chain();
        let head = (3, baseline.head());
        assert_eq!(Baseline::read(&chain, head).expect("whole"), baseline);
        assert_eq!(Baseline::read(&[], (0, Digest::default())).expect("empty"), Baseline::new());
        let broken = |chain: &[Approval], head: (u64, Digest)| {
            let error = Baseline::read(chain, head).expect_err("broken");
            (error.approval(), error.to_string())
        };
        let (first, why) = broken(&chain[..2], head);
        assert_eq!(first, Some(3));
        assert!(why.contains("approval 3 was given and 2 is the last"), "{why}");
        assert_eq!(broken(&[chain[0].clone(), chain[2].clone()], head).0, Some(2), "the one that is missing");
        assert_eq!(broken(&chain, (3, Digest::default())).0, Some(3));
        assert_eq!(broken(&chain, (2, chain[1].digest)).0, Some(3), "one more than was given");
    }

    #[test]
    fn an_attribute_was_given_by_the_version_that_last_changed_it() {
        let with = |version: u32, on_secs: u64, off_secs: u64| AlarmRule {
            version,
            on_delay: Duration::from_secs(on_secs),
            off_delay: Duration::from_secs(off_secs),
            ..rule("a")
        };
        let versions = [with(1, 5, 0), with(2, 10, 0), with(3, 10, 7), with(4, 10, 7)];
        let check = |attribute: &str, expect: Option<usize>| {
            assert_eq!(given_in(attribute, &versions).expect("JSON"), expect, "{attribute}");
        };
        check("on_delay", Some(1));
        check("off_delay", Some(2));
        check("priority", Some(0));
        check("no such", Some(0));
        assert_eq!(given_in("on_delay", &[]).expect("JSON"), None);
    }

    #[test]
    fn drift_names_every_attribute() {
        let mut baseline = Baseline::new();
        baseline.approve(draft(&[rule("a"), rule("b")], "first")).expect("approved");
        let mut changed = AlarmRule { version: 9, edited: true, ..rule("a") };
        assert_eq!(baseline.drift(&[changed.clone(), rule("b")]).expect("JSON"), []);
        changed.condition = Condition::Limit { level: LimitLevel::High, limit: 2.0, deadband: 0.5 };
        changed.on_delay = Duration::from_secs(30);
        changed.guidance = Guidance { action: "Look.".to_owned(), ..Guidance::default() };
        changed.realarm = Some(Realarm { after: Duration::from_secs(60), at_most: 2 });
        let drift = baseline.drift(&[changed, rule("c")]).expect("JSON");
        let of = |name: &str| -> Vec<Drifted> {
            let of_rule = drift.iter().filter(|drift| drift.rule == rule(name).id);
            of_rule.map(|drift| drift.drifted.clone()).collect()
        };
        let attribute = |name: &str, approved: Option<&str>, now: &str| Drifted::Changed {
            attribute: name.to_owned(),
            approved: approved.map(str::to_owned),
            now: Some(now.to_owned()),
        };
        let expected = [
            attribute("condition.limit.deadband", Some("0.0"), "0.5"),
            attribute("condition.limit.limit", Some("1.0"), "2.0"),
            attribute("guidance.action", Some(r#""""#), r#""Look.""#),
            attribute("on_delay", Some(r#"{"nanos":0,"secs":0}"#), r#"{"nanos":0,"secs":30}"#),
            attribute("realarm.after", None, r#"{"nanos":0,"secs":60}"#),
            attribute("realarm.at_most", None, "2"),
        ];
        assert_eq!(of("a"), expected);
        assert_eq!(of("b"), [Drifted::Gone]);
        assert_eq!(of("c"), [Drifted::Unapproved]);
    }

    /// Two rules, one of them changed, one withdrawn.
    fn chain() -> (Vec<Approval>, Baseline) {
        let mut baseline = Baseline::new();
        let first = baseline.approve(draft(&[rule("a"), rule("b")], "first")).expect("approved");
        let changed = AlarmRule { on_delay: Duration::from_secs(10), ..rule("a") };
        let second = baseline.approve(draft(&[changed], "chatters")).expect("approved");
        let withdrawn = [rule("b").id];
        let third = baseline.approve(Draft { withdrawn: &withdrawn, ..draft(&[], "an event") }).expect("approved");
        (vec![first, second, third], baseline)
    }

    fn draft<'a>(rules: &'a [AlarmRule], reason: &'a str) -> Draft<'a> {
        Draft { at: Timestamp::from_secs(1), by: UserId(Uuid::nil()), reason, rules, withdrawn: &[] }
    }

    fn rule(name: &str) -> AlarmRule {
        let condition = Condition::Limit { level: LimitLevel::High, limit: 1.0, deadband: 0.0 };
        AlarmRule::new(RuleId::derived(Uuid::nil(), name), Subject::Point(PointId(Uuid::nil())), condition)
    }
}
