//! Past floods: which alarms of a stretch of the journal belong together and under which cause, by the plant as it is
//! now, grouped as the live ones are. Asked for anew by each who looks; nothing of it is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use penstock_alarm::{Activation, Group, GroupNo, Grouping, LEAST_RELATED, Topology};
use penstock_api::{ApiError, Code, FloodSpan, ListFloodGroups, NamedAlarm, PastGroup, PastGroups};
use penstock_model::{AlarmRule, RuleId, Transition, TransitionKind};
use penstock_store::JournalFilter;

use super::Context;
use crate::configuration::{count, store_error};
use crate::floods::topology_of;
use crate::journal;

/// The longest stretch.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);
/// What came so long before a stretch can have begun its groups: a stop is felt behind a tank that much later.
const BEFORE: Duration = Duration::from_secs(6 * 3_600);
/// Raises that are looked at for one stretch.
const MOST_RAISED: usize = 20_000;

impl Context<'_> {
    pub(super) async fn flood_groups(&self, call: ListFloodGroups) -> Result<Vec<PastGroups>, ApiError> {
        let is_wrong = |span: &FloodSpan| span.to < span.from || span.to.since(span.from) > LONGEST;
        if call.spans.len() > PastGroups::MOST_SPANS || call.spans.iter().any(is_wrong) {
            let most = PastGroups::MOST_SPANS;
            return Err(ApiError::invalid(format!("ask for at most {most} stretches of a day at most, each from–to")));
        }
        let _room = self.shared.analyses.room().await?;
        let register = Arc::clone(&self.shared.register);
        let laid = tokio::task::spawn_blocking(move || topology_of(&register)).await;
        let (_, topology) = laid.map_err(no_end)?;
        let mut told = Vec::with_capacity(call.spans.len());
        for span in call.spans {
            let (raised, is_cut) = self.raised(span).await?;
            let asked: BTreeSet<RuleId> = raised.iter().map(|entry| entry.rule).collect();
            let rules = journal::rules_of(&self.shared.register, &self.shared.screens, asked).await?;
            let topology = topology.clone();
            let grouping = tokio::task::spawn_blocking(move || grouped(topology, &rules, &raised, span));
            told.push(PastGroups { is_cut, ..grouping.await.map_err(no_end)? });
        }
        Ok(told)
    }

    /// What was raised in a stretch and before it, in the order of time, and whether there is more.
    async fn raised(&self, span: FloodSpan) -> Result<(Vec<Transition>, bool), ApiError> {
        let filter = JournalFilter {
            from: span.from - BEFORE,
            to: span.to,
            kinds: vec![TransitionKind::Raised],
            ..JournalFilter::default()
        };
        let mut records = self.shared.screens.scan_journal(&filter).map_err(store_error)?;
        let mut raised = Vec::new();
        while let Some(chunk) = records.recv().await {
            for record in chunk.map_err(store_error)? {
                if raised.len() >= MOST_RAISED {
                    return Ok((raised, true));
                }
                raised.push(record.entry.transition);
            }
        }
        Ok((raised, false))
    }
}

fn no_end(error: tokio::task::JoinError) -> ApiError {
    ApiError::new(Code::Failed, format!("the groups came to no end: {error}"))
}

/// The groups of what was raised, in the order of time, that have alarms of the stretch.
fn grouped(
    topology: Topology,
    rules: &BTreeMap<RuleId, AlarmRule>,
    raised: &[Transition],
    span: FloodSpan,
) -> PastGroups {
    let mut grouping = Grouping::new(topology);
    let mut closed: Vec<Group> = Vec::new();
    let mut own: BTreeMap<GroupNo, BTreeSet<RuleId>> = BTreeMap::new();
    let mut all = BTreeSet::new();
    for entry in raised {
        let Some(rule) = rules.get(&entry.rule) else { continue };
        grouping.tick(entry.at, &mut closed);
        let no = grouping.activate(&Activation::of(rule, entry.at), &mut closed);
        if entry.at < span.from {
            continue;
        }
        all.insert(rule.id);
        if let Some(no) = no {
            own.entry(no).or_default().insert(rule.id);
        }
    }
    let told = closed.iter().chain(grouping.groups()).filter(|group| group.members().len() >= LEAST_RELATED);
    let mut told: Vec<(&BTreeSet<RuleId>, &Group)> =
        told.filter_map(|group| Some((own.get(&group.no())?, group))).collect();
    told.sort_by_key(|(own, group)| (std::cmp::Reverse(own.len()), group.no()));
    told.truncate(PastGroups::MOST_GROUPS);
    let in_groups: BTreeSet<RuleId> = told.iter().flat_map(|(own, _)| own.iter().copied()).collect();
    let group = |(own, group): &(&BTreeSet<RuleId>, &Group)| {
        let causes = group.causes(grouping.topology());
        PastGroup {
            began_at: group.began_at(),
            newest_at: group.newest_at(),
            alarms: count(own.len()),
            first: causes.first().and_then(|first| rules.get(&first.alarm)).map(named),
            causes,
        }
    };
    PastGroups {
        groups: told.iter().map(group).collect(),
        others: count(all.difference(&in_groups).count()),
        is_cut: false,
    }
}

fn named(rule: &AlarmRule) -> NamedAlarm {
    NamedAlarm {
        rule: rule.id,
        subject: rule.subject,
        condition: rule.condition.clone(),
        name: rule.name.clone(),
        priority: rule.priority,
    }
}

#[cfg(test)]
mod tests {
    use penstock_alarm::rules_of;
    use penstock_model::{CauseKind, Condition, LimitLevel, PlantFile, Subject, Timestamp};

    use super::*;

    const PLANT: &str = include_str!("../../../../assets/demo/plant.json");

    fn at(minutes: u64) -> Timestamp {
        Timestamp::from_secs(1_795_003_200) + Duration::from_secs(60 * minutes)
    }

    /// The rules of a plant, and what is raised of them: point, limit, minutes.
    fn raised(file: &PlantFile, told: &[(&str, LimitLevel, u64)]) -> (BTreeMap<RuleId, AlarmRule>, Vec<Transition>) {
        let rules: Vec<AlarmRule> = file.points.iter().flat_map(rules_of).collect();
        let entry = |(name, level, minutes): &(&str, LimitLevel, u64)| {
            let point = file.points.iter().find(|point| point.name == *name).expect("there");
            let is_it = |rule: &&AlarmRule| {
                let is_level = matches!(&rule.condition, Condition::Limit { level: own, .. } if own == level);
                is_level && rule.subject == Subject::Point(point.id)
            };
            Transition {
                rule: rules.iter().find(is_it).expect("has that limit").id,
                occurrence: 1,
                kind: TransitionKind::Raised,
                at: at(*minutes),
                value: None,
                by: None,
                comment: None,
                rule_version: 1,
                detail: None,
            }
        };
        let entries = told.iter().map(entry).collect();
        (rules.iter().map(|rule| (rule.id, rule.clone())).collect(), entries)
    }

    #[test]
    fn a_past_flood_is_put_under_its_causes() {
        use LimitLevel::{High, HighHigh, Low, LowLow};
        let file: PlantFile = serde_json::from_str(PLANT).expect("a plant file");
        let topology = Topology::new(&file.plant, &file.points);
        let told = [
            // Long before, and nothing to do with it.
            ("TT-11", High, 0),
            // It began before there was a flood.
            ("FT-01", High, 200),
            ("PT-02", Low, 210),
            ("PT-03", Low, 210),
            ("PT-03", LowLow, 211),
            ("FT-01", HighHigh, 211),
            // Something else at the same time.
            ("EC-61", High, 212),
            // The same alarm again is one alarm.
            ("PT-02", Low, 213),
        ];
        let (rules, entries) = raised(&file, &told);
        let span = FloodSpan { from: at(205), to: at(240) };
        let past = grouped(topology.clone(), &rules, &entries, span);
        assert_eq!((past.groups.len(), past.others, past.is_cut), (1, 1, false));
        let group = &past.groups[0];
        assert_eq!((group.alarms, group.began_at, group.newest_at), (4, at(200), at(211)));
        assert_eq!(group.causes[0].kind, CauseKind::Burst);
        assert_eq!(group.first.as_ref().map(|first| first.rule), Some(entries[1].rule));

        let none = grouped(topology, &rules, &entries, FloodSpan { from: at(230), to: at(240) });
        assert_eq!(none, PastGroups::default());
    }
}
