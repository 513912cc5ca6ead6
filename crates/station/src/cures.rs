//! Looks by itself for cures of the alarms that load most, so that the queue of work has one for each that can be proven:
//! once a day, one alarm after the other, beside what people try. Must not know who looks at what it finds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use penstock_alarm::{Offender, Period, Placed, Tally, bad_actors};
use penstock_api::{ApiError, Code};
use penstock_model::{AlarmRule, RuleId, Timestamp};
use penstock_store::{AuditEntry, JournalFilter, Reader, Records, Work, WorkKind};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use crate::configuration::store_error;
use crate::station::Shared;

/// How long after the station's start it begins, and how often it comes back.
const FIRST: Duration = Duration::from_secs(3_600);
const EVERY: Duration = Duration::from_secs(24 * 3_600);
/// How long it rests between two alarms: each keeps a processor and a connection to the database busy.
const REST: Duration = Duration::from_secs(10);
/// For so long a finding about a rule stands: then there is history that it does not know.
const STANDS: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Alarms that are looked at, those that load most.
const MOST: usize = 20;

/// Looks again and again until `stop`.
pub(crate) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let mut pause = FIRST;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = EVERY;
        let outcome = tokio::select! {
            () = stop.cancelled() => return,
            outcome = look(&shared) => outcome,
        };
        if let Err(error) = outcome {
            tracing::warn!(error = error.message, "cures of the alarms that load most were not looked for today");
        }
    }
}

async fn look(shared: &Shared) -> Result<(), ApiError> {
    let now = shared.clock.now();
    let Some(period) = Period::new(now - Period::CONCLUSIVE, now) else { return Ok(()) };
    let rules = shared.register.lock().rules.clone();
    let noted = shared.screens.work().await.map_err(store_error)?;
    let (screens, gone) = (shared.screens.clone(), CancellationToken::new());
    // Whoever waits for it may go: then it ends.
    let _ends = gone.clone().drop_guard();
    let summing = tokio::task::spawn_blocking(move || {
        let offenders = offenders(&screens, period, &rules, &gone)?;
        Ok::<_, penstock_store::Error>(wanted(&offenders, &rules, &noted, now))
    });
    let failed =
        |error: JoinError| ApiError::new(Code::Failed, format!("the alarms that load most came to no end: {error}"));
    for rule in summing.await.map_err(failed)?.map_err(store_error)? {
        tokio::time::sleep(REST).await;
        let id = rule.id;
        let found = match shared.trials.enter_unasked() {
            Ok(room) => shared.find_cure(rule, period, room).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(finding) => {
                let subject = format!("work on alarm {id}");
                let entry = AuditEntry::new(shared.tenant, shared.clock.now(), None, "propose-cure", subject);
                let audit = AuditEntry { from_where: "station".to_owned(), ..entry };
                shared.note_finding(&finding, None, audit).await?;
            }
            // One that cannot be tried: the next pass comes to it again.
            Err(error) => tracing::debug!(rule = %id, error = error.message, "no cure could be looked for"),
        }
    }
    Ok(())
}

/// The alarms of the rules there are by the load they made. Blocks; ends when whoever asked is `gone`.
fn offenders(
    screens: &Reader,
    period: Period,
    rules: &BTreeMap<RuleId, AlarmRule>,
    gone: &CancellationToken,
) -> penstock_store::Result<Vec<Offender>> {
    // The load of the whole plant: places do not matter.
    let placed = |rule: &AlarmRule| Placed { priority: rule.priority, area: None, site: None };
    let mut tally = Tally::new(period, |rule| rules.get(&rule).map(placed));
    let mut take = |mut records: Records| {
        while let Some(chunk) = records.blocking_recv()
            && !gone.is_cancelled()
        {
            for record in chunk? {
                tally.take(&record.entry.transition);
            }
        }
        Ok::<(), penstock_store::Error>(())
    };
    take(screens.journal_before(period.from()))?;
    let within = JournalFilter { from: period.from(), to: period.until(), ..JournalFilter::default() };
    take(screens.scan_journal(&within)?)?;
    Ok(tally.finish().offenders)
}

/// The rules that a cure is to be looked for: those that load most and have something worth trying, without what somebody
/// dismissed, what was cured, and what was tried lately as it is now.
fn wanted(
    offenders: &[Offender],
    rules: &BTreeMap<RuleId, AlarmRule>,
    noted: &[Work],
    now: Timestamp,
) -> Vec<AlarmRule> {
    let is_settled = |work: &&Work| match work.kind {
        WorkKind::Dismissed => true,
        WorkKind::Found => {
            let tried = work.finding.as_ref().and_then(|finding| finding.get("version")).and_then(|own| own.as_u64());
            let present = rules.get(&work.rule).map(|rule| u64::from(rule.version));
            tried.is_some() && tried == present && now.since(work.at) < STANDS
        }
        // Until all of the history is that of the cure.
        WorkKind::Applied => now.since(work.at) < Period::CONCLUSIVE,
        WorkKind::Reopened => false,
    };
    let settled: BTreeSet<RuleId> = noted.iter().filter(is_settled).map(|work| work.rule).collect();
    let actors = bad_actors(offenders, |rule| rules.get(&rule), offenders.len()).into_iter();
    let open = actors.filter(|actor| !actor.cures.is_empty() && !settled.contains(&actor.offender.rule));
    open.filter_map(|actor| rules.get(&actor.offender.rule).cloned()).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use penstock_model::{Condition, LimitLevel, PointId, Priority, Subject};
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

    fn rule(name: &str) -> AlarmRule {
        let point = Subject::Point(PointId::derived(Uuid::nil(), name));
        let condition = Condition::Limit { level: LimitLevel::High, limit: 1.0, deadband: 0.0 };
        AlarmRule::new(RuleId::derived(Uuid::nil(), name), point, condition)
    }

    fn offender(name: &str) -> Offender {
        Offender {
            rule: rule(name).id,
            placed: Placed { priority: Priority::P3, area: None, site: None },
            annunciations: 9,
            last_at: None,
            share: 0.1,
            chattering: 9,
            fleeting: 0,
            stale: 0,
            acted_on: 1,
        }
    }

    fn note(name: &str, kind: WorkKind, days_ago: u64, version: Option<u32>) -> Work {
        let at = NOW - Duration::from_secs(days_ago * 24 * 3_600);
        let finding = version.map(|version| serde_json::json!({ "version": version }));
        Work { rule: rule(name).id, at, by: None, kind, reason: None, finding }
    }

    #[test]
    fn what_loads_most_is_looked_at_until_it_is_settled() {
        let rules = ["a", "b", "c"].map(|name| (rule(name).id, rule(name)));
        let rules = BTreeMap::from(rules);
        let all = [offender("a"), offender("gone"), offender("b"), Offender { chattering: 0, ..offender("c") }];
        let told = |noted: &[Work]| {
            let wanted = wanted(&all, &rules, noted, NOW);
            wanted.into_iter().map(|rule| rule.id).collect::<Vec<_>>()
        };
        let (first, second) = (rule("a").id, rule("b").id);
        assert_eq!(told(&[]), [first, second], "one has nothing to cure, one is gone");
        assert_eq!(told(&[note("a", WorkKind::Dismissed, 90, None)]), [second]);
        assert_eq!(told(&[note("a", WorkKind::Found, 6, Some(1))]), [second]);
        assert_eq!(told(&[note("a", WorkKind::Found, 7, Some(1))]), [first, second], "there is new history");
        assert_eq!(told(&[note("a", WorkKind::Found, 0, Some(2))]), [first, second], "it was another rule");
        assert_eq!(told(&[note("b", WorkKind::Applied, 29, None)]), [first]);
        assert_eq!(
            told(&[note("b", WorkKind::Applied, 30, None), note("a", WorkKind::Reopened, 0, None)]),
            [first, second]
        );
    }
}
