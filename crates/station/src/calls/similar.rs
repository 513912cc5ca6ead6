//! Earlier episodes that resemble an alarm's present one, from the journal.

use std::collections::BTreeMap;
use std::time::Duration;

use penstock_alarm::{COMPANY_WITHIN, episodes, similar};
use penstock_api::{ApiError, ListSimilarEpisodes, SimilarEpisode};
use penstock_model::{AlarmRule, Condition, Kinship, Quantity, RuleId, SiteId, Subject, Timestamp, TransitionKind};
use penstock_store::{JournalFilter, JournalPage};

use super::Context;
use crate::configuration::store_error;
use crate::journal;
use crate::register::Inner;

/// How far back episodes are looked for.
const BACK: Duration = Duration::from_secs(180 * 24 * 3_600);
/// Related alarms that are looked at, the nearest first.
const MOST_KIN: usize = 50;
/// Entries of theirs that are read, the newest.
const MOST_ENTRIES: u32 = 2_000;
/// Raises of all alarms that are read, the newest: what came with an episode before them is not known.
const MOST_RAISES: u32 = 10_000;
/// Episodes that may be asked for.
const MOST: u32 = 50;

impl Context<'_> {
    pub(super) async fn similar_episodes(&self, call: ListSimilarEpisodes) -> Result<Vec<SimilarEpisode>, ApiError> {
        let (shared, raised_at) = (self.shared, call.raised_at);
        let rule = journal::rule_of(&shared.register, &shared.screens, call.rule).await?;
        let kin = kin(&rule, &shared.register.lock());
        let of_kin = JournalFilter {
            rules: kin.keys().copied().collect(),
            from: raised_at - BACK,
            to: raised_at,
            ..JournalFilter::default()
        };
        let mut entries = self.entries(of_kin, MOST_ENTRIES).await?;
        entries.reverse();
        let episodes = episodes(&entries);
        let Some(oldest) = episodes.first().map(|episode| episode.raised_at) else { return Ok(Vec::new()) };
        let from = oldest - COMPANY_WITHIN;
        let raised = JournalFilter {
            kinds: vec![TransitionKind::Raised],
            from,
            to: raised_at + COMPANY_WITHIN,
            ..JournalFilter::default()
        };
        let mut raises: Vec<(Timestamp, RuleId)> =
            self.entries(raised, MOST_RAISES).await?.into_iter().map(|entry| (entry.at, entry.rule)).collect();
        raises.sort_unstable();
        let since = all_since(&raises, from, MOST_RAISES as usize);
        let most = call.limit.clamp(1, MOST) as usize;
        let kinship = |rule: RuleId| kin.get(&rule).copied();
        let similar = similar((call.rule, raised_at), episodes, (&raises, since), kinship, most);

        let asked = similar.iter().map(|one| one.episode.rule).collect();
        let rules = journal::rules_of(&shared.register, &shared.screens, asked).await?;
        let names = shared.screens.names().await.map_err(store_error)?;
        let told = similar.into_iter().filter_map(|one| {
            let rule = rules.get(&one.episode.rule)?;
            let acknowledged = one.episode.acknowledged;
            Some(SimilarEpisode {
                rule: rule.id,
                subject: rule.subject,
                condition: rule.condition.clone(),
                priority: rule.priority,
                name: rule.name.clone(),
                raised_at: one.episode.raised_at,
                value: one.episode.value,
                cleared_at: one.episode.cleared_at,
                acknowledged_at: acknowledged.map(|(at, _)| at),
                acknowledged_by: acknowledged.and_then(|(_, by)| names.get(&by?).cloned()),
                said: one.episode.said,
                kinship: one.kinship,
                company: one.company.map(|company| u32::try_from(company).unwrap_or(u32::MAX)),
                shared: u32::try_from(one.shared).unwrap_or(u32::MAX),
            })
        });
        Ok(told.collect())
    }

    /// The newest entries that a filter asks for, the newest first.
    async fn entries(&self, filter: JournalFilter, limit: u32) -> Result<Vec<penstock_model::Transition>, ApiError> {
        let page = JournalPage { filter, before: None, limit };
        let records = self.shared.screens.journal(&page).await.map_err(store_error)?;
        Ok(records.into_iter().map(|record| record.entry.transition).collect())
    }
}

/// Since when all raises are among these, by time, of which the newest `most` from `from` on were read.
fn all_since(raises: &[(Timestamp, RuleId)], from: Timestamp, most: usize) -> Timestamp {
    match raises.first() {
        // Of those at the same moment as the oldest, some may be missing.
        Some((oldest, _)) if raises.len() >= most => *oldest + Duration::from_micros(1),
        _ => from,
    }
}

/// The alarms related to that of `rule`, itself first: those about the same thing, and those that judge the same of the
/// same quantity on the same site.
fn kin(rule: &AlarmRule, register: &Inner) -> BTreeMap<RuleId, Kinship> {
    let (site, quantity) = (site_of(rule.subject, register), quantity_of(rule.subject, register));
    let of = |other: &AlarmRule| {
        if other.id == rule.id {
            Some(Kinship::Same)
        } else if other.subject == rule.subject {
            Some(Kinship::SameThing)
        } else {
            let is_near = site.is_some() && site_of(other.subject, register) == site;
            let is_kind = judges_the_same(&other.condition, &rule.condition);
            (is_near && is_kind && quantity_of(other.subject, register) == quantity).then_some(Kinship::SameKind)
        }
    };
    let mut kin: Vec<(Kinship, RuleId)> =
        register.rules.values().filter_map(|other| Some((of(other)?, other.id))).collect();
    // One that was removed is its own kin still.
    if !register.rules.contains_key(&rule.id) {
        kin.push((Kinship::Same, rule.id));
    }
    kin.sort_unstable();
    kin.into_iter().take(MOST_KIN).map(|(kinship, rule)| (rule, kinship)).collect()
}

/// Whether both ask the same kind of thing; limits on the same side do.
fn judges_the_same(one: &Condition, other: &Condition) -> bool {
    match (one, other) {
        (Condition::Limit { level: one, .. }, Condition::Limit { level: other, .. }) => {
            one.is_high() == other.is_high()
        }
        _ => one.kind() == other.kind(),
    }
}

fn site_of(subject: Subject, register: &Inner) -> Option<SiteId> {
    match subject {
        Subject::Point(point) => register.point(point)?.site,
        Subject::Site(site) => Some(site),
        Subject::Asset(asset) => register.plant.assets.iter().find(|own| own.id == asset)?.site,
    }
}

fn quantity_of(subject: Subject, register: &Inner) -> Option<Quantity> {
    register.point_of(subject).map(|point| point.quantity)
}

#[cfg(test)]
mod tests {
    use penstock_model::{LimitLevel, Plant, Point, PointNo, Site, SiteKind, TenantId};

    use super::*;
    use crate::register::Register;

    #[test]
    fn as_many_raises_as_are_read_may_not_be_all() {
        let at = Timestamp::from_secs;
        let rule = RuleId::made(at(1), [1; 10]);
        let raises = [(at(10), rule), (at(20), rule)];
        assert_eq!(all_since(&raises, at(5), 3), at(5));
        assert_eq!(all_since(&raises, at(5), 2), at(10) + Duration::from_micros(1));
        assert_eq!(all_since(&[], at(5), 2), at(5));
    }

    #[test]
    fn kin_are_about_the_same_thing_or_judge_the_same_nearby() {
        let tenant = TenantId::made(Timestamp::from_secs(1), [1; 10]);
        let site = |name: &str| Site {
            id: SiteId::derived(tenant.0, name),
            name: name.to_owned(),
            kind: SiteKind::Pumping,
            area: None,
            position: None,
        };
        let plant = Plant {
            tenant,
            name: "Town".into(),
            time_zone: "UTC".into(),
            areas: vec![],
            sites: vec![site("PS-1"), site("PS-2")],
            assets: vec![],
            pipes: vec![],
        };
        let text = "source,address,name,quantity,unit,site\n\
                    local,a,A,flow,L/s,PS-1\nlocal,b,B,flow,L/s,PS-1\nlocal,c,C,flow,L/s,PS-2\n\
                    local,d,D,pressure,bar,PS-1\n";
        let (points, faults) = crate::points_csv::read(text, tenant, &plant, &[]);
        assert_eq!(faults, vec![]);
        let points: Vec<Point> = (1..).map(PointNo).zip(points).map(|(no, point)| Point { no, ..point }).collect();
        let id = |point: usize, level: LimitLevel| RuleId::derived(tenant.0, &format!("{point} {level:?}"));
        let rule = |point: usize, level: LimitLevel| {
            let condition = Condition::Limit { level, limit: 1.0, deadband: 0.0 };
            AlarmRule::new(id(point, level), Subject::Point(points[point].id), condition)
        };
        let levels = [LimitLevel::HighHigh, LimitLevel::High, LimitLevel::Low];
        let rules: Vec<AlarmRule> = (0..4).flat_map(|point| levels.map(|level| rule(point, level))).collect();
        let register = Register::new(plant, points.clone(), rules);
        let found = kin(&rule(0, LimitLevel::High), &register.lock());
        let expect = BTreeMap::from([
            (id(0, LimitLevel::High), Kinship::Same),
            (id(0, LimitLevel::HighHigh), Kinship::SameThing),
            (id(0, LimitLevel::Low), Kinship::SameThing),
            (id(1, LimitLevel::High), Kinship::SameKind),
            (id(1, LimitLevel::HighHigh), Kinship::SameKind),
        ]);
        assert_eq!(found, expect);
    }
}
