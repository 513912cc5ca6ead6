//! What a rule would have done over stored history, and which change would cure its nuisance.

use std::collections::BTreeSet;
use std::time::Duration;

use penstock_alarm::{Backtest, Occurrence, Period, PointFacts, occurrences};
use penstock_api::{ApiError, Code, CureFinding, ProposeCure, RuleTrial, TryRule};
use penstock_model::{AlarmRule, Condition, Point, PointId, PointNo, RuleId, SiteId, Subject, Timestamp};
use penstock_store::JournalFilter;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::history::stands;
use crate::configuration::store_error;
use crate::pipeline::facts_of;
use crate::register::{Inner, is_derived};
use crate::station::Shared;
use crate::trials::History;

/// Points of a silent site or asset at most.
const MOST_POINTS: usize = 1_000;

impl Context<'_> {
    pub(super) async fn try_rule(&self, call: TryRule) -> Result<RuleTrial, ApiError> {
        let period = self.period(call.from, call.to)?;
        let after = *call.rule;
        let stored = self.shared.register.lock().rules.get(&after.id).cloned();
        // What is not stored raises nothing.
        let before = stored.unwrap_or_else(|| AlarmRule { enabled: false, ..after.clone() });
        let history = self.shared.history_of(&[&before, &after], period)?;
        let room = self.shared.trials.enter()?;
        let chunks = self.shared.screens.replay(numbers(&history), history.start, period.until());
        // Whoever asked may go: then it ends.
        let _ends = history.gone.clone().drop_guard();
        let work = tokio::task::spawn_blocking(move || {
            let _room = room;
            history.try_rule(before, after, chunks)
        });
        work.await.map_err(|error| ApiError::new(Code::Failed, error.to_string()))?
    }

    pub(super) async fn propose_cure(&self, call: &ProposeCure) -> Result<CureFinding, ApiError> {
        let period = self.period(call.from, call.to)?;
        let stored = self.shared.register.lock().rules.get(&call.rule).cloned();
        let gone = || ApiError::new(Code::NotFound, "there is no such rule: load the list again");
        let rule = stored.ok_or_else(gone)?;
        let room = self.shared.trials.enter()?;
        let finding = self.shared.find_cure(rule, period, room).await?;
        self.note_finding(&finding).await?;
        Ok(finding)
    }

    /// The stretch of history that is asked about, without what is still to come.
    fn period(&self, from: Timestamp, to: Timestamp) -> Result<Period, ApiError> {
        let period = Period::new(from, to.min(self.shared.clock.now()));
        period.filter(|period| period.length() <= RuleTrial::LONGEST).ok_or_else(|| {
            let days = RuleTrial::LONGEST.as_secs() / (24 * 3_600);
            ApiError::invalid(format!(
                "the time must end after it begins, begin in the past, and be {days} days at most"
            ))
        })
    }
}

impl Shared {
    /// Looks for the least intrusive cure of a rule over a stretch of history, in the room that it has.
    ///
    /// # Errors
    /// [`Code::Invalid`] where the rule cannot be tried; those of the database.
    pub(crate) async fn find_cure(
        &self,
        rule: AlarmRule,
        period: Period,
        room: OwnedSemaphorePermit,
    ) -> Result<CureFinding, ApiError> {
        let history = self.history_of(&[&rule], period)?;
        let seen = self.seen(rule.id, history.start).await?;
        let chunks = self.screens.replay(numbers(&history), history.start, period.until());
        // Whoever asked may go: then it ends.
        let _ends = history.gone.clone().drop_guard();
        let work = tokio::task::spawn_blocking(move || {
            let _room = room;
            history.propose(&rule, &seen, chunks)
        });
        work.await.map_err(|error| ApiError::new(Code::Failed, error.to_string()))?
    }

    fn history_of(&self, rules: &[&AlarmRule], period: Period) -> Result<History, ApiError> {
        let register = self.register.lock();
        let points = points_of(rules, &register)?;
        let lead = rules.iter().map(|rule| Backtest::lead(rule)).max().unwrap_or_default();
        let has_schedule = rules.iter().any(|rule| rule.schedule.is_some());
        Ok(History {
            points,
            period,
            start: period.from() - lead,
            time_zone: has_schedule.then(|| register.plant.time_zone.clone()),
            gone: CancellationToken::new(),
        })
    }

    /// The occurrences of a rule that people saw, with what they did about each.
    async fn seen(&self, rule: RuleId, from: Timestamp) -> Result<Vec<Occurrence>, ApiError> {
        let filter = JournalFilter { rules: vec![rule], from, ..JournalFilter::default() };
        let mut chunks = self.screens.scan_journal(&filter).map_err(store_error)?;
        let mut journal = Vec::new();
        while let Some(chunk) = chunks.recv().await {
            journal.extend(chunk.map_err(store_error)?.into_iter().map(|record| record.entry.transition));
        }
        Ok(occurrences(&journal))
    }
}

fn numbers(history: &History) -> Vec<PointNo> {
    history.points.iter().map(|(no, _)| *no).collect()
}

/// The points that rules look at, as their stored samples stand: where samples are left out, a recorded one stands for
/// those up to the next.
fn points_of(rules: &[&AlarmRule], register: &Inner) -> Result<Vec<(PointNo, PointFacts)>, ApiError> {
    let named: BTreeSet<PointId> = rules.iter().flat_map(|rule| rule.points()).collect();
    let mut points: Vec<&Point> = Vec::new();
    for id in &named {
        let gone = || ApiError::new(Code::NotFound, format!("there is no point {id}: load the register again"));
        points.push(register.point(*id).ok_or_else(gone)?);
    }
    for (rule, after) in rules.iter().filter_map(|rule| Some((rule, silence_of(rule)?))) {
        let of_subject = |point: &&Point| match rule.subject {
            Subject::Site(site) => point.site == Some(site),
            Subject::Asset(asset) => point.asset == Some(asset),
            Subject::Point(_) => false,
        };
        let mut speaking: Vec<&Point> = register.points.values().filter(of_subject).collect();
        let is_thinned = |point: &&Point| point.recording.is_some_and(|kept| kept.at_least_every() >= after);
        if let Some(point) = speaking.iter().copied().find(is_thinned) {
            return Err(ApiError::invalid(format!(
                "{} is not recorded often enough to tell when it was silent: record it whole, and try this in some days",
                point.name
            )));
        }
        if is_derived(rule) && matches!(rule.subject, Subject::Asset(_)) {
            // It counts while its site speaks.
            let sites: BTreeSet<SiteId> = speaking.iter().filter_map(|point| point.site).collect();
            let is_beside = |point: &&Point| point.site.is_some_and(|site| sites.contains(&site));
            speaking.extend(register.points.values().filter(is_beside));
        }
        points.extend(speaking);
    }
    points.sort_unstable_by_key(|point| point.no);
    points.dedup_by_key(|point| point.no);
    match points.len() {
        0 => Err(ApiError::invalid("it looks at no point of which anything is stored: adopt one first")),
        1..=MOST_POINTS => Ok(points.into_iter().map(|point| (point.no, facts(point))).collect()),
        _ => Err(ApiError::invalid(format!("it looks at more than {MOST_POINTS} points: that cannot be tried"))),
    }
}

fn facts(point: &Point) -> PointFacts {
    PointFacts { stale_after: stands(point), ..facts_of(point, None) }
}

const fn silence_of(rule: &AlarmRule) -> Option<Duration> {
    match rule.condition {
        Condition::Silence { after } => Some(after),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::{LimitLevel, Plant, TenantId};

    use super::*;
    use crate::register::Register;

    fn register() -> Register {
        let tenant = TenantId::made(Timestamp::from_secs(1), [1; 10]);
        let plant = Plant {
            tenant,
            name: "Town".into(),
            time_zone: "UTC".into(),
            areas: vec![],
            sites: vec![],
            assets: vec![],
            pipes: vec![],
        };
        let text = "source,address,name,quantity,unit\nlocal,a,PT-1,pressure,bar\nlocal,b,PT-2,pressure,bar\n";
        let (points, faults) = crate::points_csv::read(text, tenant, &plant, &[]);
        assert_eq!(faults, vec![]);
        let points = (1..).zip(points).map(|(no, point)| Point { no: PointNo(no), ..point }).collect();
        Register::new(plant, points, vec![])
    }

    #[test]
    fn the_points_of_both_rules_are_read_once() {
        let register = register();
        let inner = register.lock();
        let [first, second] = [1, 2].map(|no| Subject::Point(inner.points[&PointNo(no)].id));
        let limit = Condition::Limit { level: LimitLevel::High, limit: 1e5, deadband: 0.0 };
        let rule = |subject: Subject| AlarmRule::new(RuleId(inner.plant.tenant.0), subject, limit.clone());
        let numbers = |rules: &[&AlarmRule]| -> Vec<i32> {
            points_of(rules, &inner).expect("known points").iter().map(|(no, _)| no.0).collect()
        };
        assert_eq!(numbers(&[&rule(first), &rule(first)]), [1]);
        assert_eq!(numbers(&[&rule(second), &rule(first)]), [1, 2]);
        let nowhere = PointId::derived(inner.plant.tenant.0, "nowhere");
        let refused = points_of(&[&rule(Subject::Point(nowhere))], &inner).expect_err("unknown");
        assert_eq!(refused.code, Code::NotFound);
    }
}
