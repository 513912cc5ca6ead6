//! The analysis of alarms: the journal of a range summed up to the figures of an operator's position, anew for each
//! call.
//!
//! The database hands the journal over chunk by chunk, a thread of its own sums it up; both end when the caller goes.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use penstock_alarm::{BadActor, Figures, FloodEpisode, Load, Period, Placed, Tally, bad_actors};
use penstock_api::{
    AlarmFigures, ApiError, Bound, Code, CureKind, Figure, FigureKind, FigureUnit, Flood, GetAlarmFigures, HourLoad,
    LoadClass, NamedAlarm, Offender, PriorityLoad, Target, TimeToAcknowledge, Verdict,
};
use penstock_model::{
    AlarmRule, AreaId, AssetId, OperatorPosition, Priority, RuleId, SiteId, Subject, Timestamp, Transition,
    TransitionDetail, TransitionKind, UserId,
};
use penstock_store::{JournalFilter, JournalRecord, Reader, Records};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::Context;
use super::alarms::OPERATORS_SHELF;
use super::suppressions::put_away;
use crate::configuration::{count, store_error};
use crate::journal;
use crate::register::Inner;

/// The longest range: a year and what it is compared with.
const LONGEST: Duration = Duration::from_secs(400 * 24 * 3_600);
/// Analyses at once: each holds a connection to the database and 16 bytes a call.
const AT_ONCE: usize = 2;
/// How long one waits for room.
const WAITS: Duration = Duration::from_secs(60);
/// Chunks of the journal that wait to be summed up; then reading waits.
const AHEAD: usize = 2;

/// Room for analyses.
pub(crate) struct Analyses(Arc<Semaphore>);

impl Default for Analyses {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Analyses {
    pub(super) async fn room(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let busy = || ApiError::new(Code::Away, format!("{AT_ONCE} analyses run already: try again when one is done"));
        let room = tokio::time::timeout(WAITS, Arc::clone(&self.0).acquire_owned()).await;
        room.ok().and_then(Result::ok).ok_or_else(busy)
    }
}

/// Whose alarms are counted.
struct Position {
    /// Every area where it is empty.
    areas: BTreeSet<AreaId>,
    /// Every priority where it is empty.
    priorities: BTreeSet<Priority>,
    /// The operator position that must answer for them too, where one is asked for.
    of: Option<OperatorPosition>,
}

impl Position {
    fn has(&self, placed: &Placed) -> bool {
        let is_area = self.areas.is_empty() || placed.area.is_some_and(|area| self.areas.contains(&area));
        let is_priority = self.priorities.is_empty() || self.priorities.contains(&placed.priority);
        let is_answered = self.of.as_ref().is_none_or(|of| of.answers_for(placed.area, placed.priority));
        is_area && is_priority && is_answered
    }
}

/// Who may put alarms away, and for how long.
#[derive(Default)]
struct Authority {
    suppressors: BTreeSet<UserId>,
    /// For how long operators may shelve alarms that have a limit of their own.
    longest_shelves: HashMap<RuleId, Duration>,
}

impl Authority {
    /// Whether an entry that puts an alarm away was made by somebody who may, with a reason. What its design suppresses
    /// nobody puts away: that design is approved or listed where the rules are.
    fn allows(&self, entry: &Transition) -> bool {
        let by = put_away(Some(entry), None, &self.suppressors);
        let is_short = || match &entry.detail {
            Some(TransitionDetail::Shelving(shelving)) => {
                let longest = self.longest_shelves.get(&entry.rule).copied().unwrap_or(OPERATORS_SHELF);
                shelving.until.since(entry.at) <= longest
            }
            _ => false,
        };
        entry.kind == TransitionKind::Suppressed || (by.is_known && by.has_reason && (by.may_suppress || is_short()))
    }
}

impl Context<'_> {
    pub(super) async fn alarm_figures(&self, call: GetAlarmFigures) -> Result<AlarmFigures, ApiError> {
        let shared = self.shared;
        let (from, to) = (call.from, call.to.min(shared.clock.now()));
        let wrong = || ApiError::invalid("the range must begin in the past, end after that and be at most 400 days");
        if from >= to || to.since(from) > LONGEST {
            return Err(wrong());
        }
        let gone =
            || ApiError::new(Code::NotFound, "there is no such position any more: choose another, or all of them");
        let of = match call.position {
            Some(id) => Some(shared.positions.get(id).ok_or_else(gone)?),
            None => None,
        };
        let room = shared.analyses.room().await?;
        let journal = shared.screens.journal_begins().await.map_err(store_error)?;
        let period = Period::new(beginning(from, to, journal), to).ok_or_else(wrong)?;
        let (areas, priorities) = (call.areas.into_iter().collect(), call.priorities.into_iter().collect());
        let position = Position { areas, priorities, of };
        let suppressors = self.suppressors().await?;
        let (known, longest_shelves) = {
            let register = shared.register.lock();
            let limits = register.rules.values().filter_map(|rule| Some((rule.id, rule.longest_shelf?)));
            (Arc::new(placed(&register)), limits.collect())
        };
        let authority = Authority { suppressors, longest_shelves };
        let figures = tallied(&shared.screens, period, position, Arc::clone(&known), authority, room).await?;
        let rules = journal::rules_of(&self.shared.register, &self.shared.screens, shown(&figures)).await?;
        Ok(told(&figures, &rules, |rule| known.contains_key(&rule)))
    }
}

/// Where a range begins: where the journal begins within it, at the last full hour of the range before that. What was
/// before the journal was not without alarms: averages over it would flatter.
fn beginning(from: Timestamp, to: Timestamp, journal: Option<Timestamp>) -> Timestamp {
    let Some(journal) = journal.filter(|journal| *journal < to) else { return from };
    from + Duration::from_secs(journal.since(from).as_secs() / 3_600 * 3_600)
}

/// The priority and place of every rule there is, by the same order of precedence as `alarm_facts` in the database.
fn placed(register: &Inner) -> HashMap<RuleId, Placed> {
    let plant = &register.plant;
    let sites: HashMap<SiteId, Option<AreaId>> = plant.sites.iter().map(|site| (site.id, site.area)).collect();
    let assets: HashMap<AssetId, (Option<SiteId>, Option<AreaId>)> =
        plant.assets.iter().map(|asset| (asset.id, (asset.site, asset.area))).collect();
    let place = |rule: &AlarmRule| {
        let (point, own_asset, own_site) = match rule.subject {
            Subject::Point(point) => (register.point(point), None, None),
            Subject::Asset(asset) => (None, Some(asset), None),
            Subject::Site(site) => (None, None, Some(site)),
        };
        let asset = own_asset.or(point.and_then(|point| point.asset));
        let (site_of_asset, area_of_asset) = asset.and_then(|asset| assets.get(&asset).copied()).unwrap_or_default();
        let site = own_site.or(point.and_then(|point| point.site)).or(site_of_asset);
        let area_of_site = site.and_then(|site| sites.get(&site).copied().flatten());
        let area = point.and_then(|point| point.area).or(area_of_asset).or(area_of_site);
        Placed { priority: rule.priority, area, site }
    };
    register.rules.values().map(|rule| (rule.id, place(rule))).collect()
}

/// The figures of a position. Alarms count by their priority and place as they are `known` now; where a rule is gone,
/// as its first entry has them.
async fn tallied(
    screens: &Reader,
    period: Period,
    position: Position,
    known: Arc<HashMap<RuleId, Placed>>,
    authority: Authority,
    room: OwnedSemaphorePermit,
) -> Result<Figures, ApiError> {
    let (into, chunks) = mpsc::channel(AHEAD);
    // Nothing is handed over any more once the caller has gone, and so it ends.
    let summing = tokio::task::spawn_blocking(move || {
        let figures = summed_up(period, &position, &known, &authority, chunks);
        drop(room);
        figures
    });
    hand_over(screens.journal_before(period.from()), &into).await?;
    let within = JournalFilter { from: period.from(), to: period.until(), ..JournalFilter::default() };
    hand_over(screens.scan_journal(&within).map_err(store_error)?, &into).await?;
    drop(into);
    summing.await.map_err(|error| ApiError::new(Code::Failed, format!("the figures came to no end: {error}")))
}

async fn hand_over(mut records: Records, into: &mpsc::Sender<Vec<JournalRecord>>) -> Result<(), ApiError> {
    while let Some(chunk) = records.recv().await {
        let chunk = chunk.map_err(store_error)?;
        if into.send(chunk).await.is_err() {
            return Err(ApiError::new(Code::Failed, "the figures came to no end: see the log"));
        }
    }
    Ok(())
}

fn summed_up(
    period: Period,
    position: &Position,
    known: &HashMap<RuleId, Placed>,
    authority: &Authority,
    mut chunks: mpsc::Receiver<Vec<JournalRecord>>,
) -> Figures {
    let then = Cell::new(None);
    let placed = |rule: RuleId| known.get(&rule).copied().or(then.get()).filter(|placed: &Placed| position.has(placed));
    let mut tally = Tally::new(period, placed).with_authority(|entry| authority.allows(entry));
    while let Some(chunk) = chunks.blocking_recv() {
        for record in &chunk {
            then.set(placed_then(record));
            tally.take(&record.entry.transition);
        }
    }
    tally.finish()
}

fn placed_then(record: &JournalRecord) -> Option<Placed> {
    Some(Placed { priority: record.priority?, area: record.area, site: record.site })
}

/// The newest floods, as many as are told.
fn floods(figures: &Figures) -> &[FloodEpisode] {
    let left_out = figures.floods.len().saturating_sub(AlarmFigures::MOST_FLOODS);
    figures.floods.get(left_out..).unwrap_or_default()
}

/// The alarms that loaded most, as many as are told.
fn offenders(figures: &Figures) -> &[penstock_alarm::Offender] {
    figures.offenders.get(..AlarmFigures::MOST_OFFENDERS).unwrap_or(&figures.offenders)
}

/// The alarms that are told by name.
fn shown(figures: &Figures) -> BTreeSet<RuleId> {
    let loading = offenders(figures).iter().map(|offender| offender.rule);
    loading.chain(floods(figures).iter().map(|flood| flood.first)).collect()
}

/// The figures as the contract has them. `rules` has each of [`shown`], whether it `is_there` or was.
fn told(figures: &Figures, rules: &BTreeMap<RuleId, AlarmRule>, is_there: impl Fn(RuleId) -> bool) -> AlarmFigures {
    let named = |id: RuleId| {
        let rule = rules.get(&id)?;
        Some(NamedAlarm {
            rule: id,
            subject: rule.subject,
            condition: rule.condition.clone(),
            name: rule.name.clone(),
            priority: rule.priority,
        })
    };
    let loading = offenders(figures);
    let present = |id: RuleId| rules.get(&id).filter(|_| is_there(id));
    let ailing: HashMap<RuleId, BadActor> =
        bad_actors(loading, present, loading.len()).into_iter().map(|actor| (actor.offender.rule, actor)).collect();
    let offender = |offender: &penstock_alarm::Offender| {
        let ails = ailing.get(&offender.rule);
        Some(Offender {
            alarm: named(offender.rule)?,
            calls: offender.annunciations,
            last_at: offender.last_at,
            share: offender.share,
            chattering: offender.chattering,
            fleeting: offender.fleeting,
            stale: offender.stale,
            acted_on: offender.acted_on,
            ails: ails.is_some(),
            worth_trying: ails
                .map(|actor| actor.cures.iter().map(|cure| cure_kind(*cure)).collect())
                .unwrap_or_default(),
        })
    };
    let flood = |flood: &FloodEpisode| {
        Some(Flood {
            first: named(flood.first)?,
            first_at: flood.first_at,
            from: flood.from,
            until: flood.until,
            calls: count(flood.calls),
            most: count(flood.most),
            first_ten_minutes: figure(flood.first_ten_minutes, FigureUnit::Count),
        })
    };
    let priorities = Priority::ALL.into_iter().zip(figures.by_priority).zip(figures.priorities);
    AlarmFigures {
        from: figures.period.from(),
        to: figures.period.until(),
        indicative: figures.is_indicative,
        calls: count(figures.annunciations),
        load: load_class(figures.load),
        figures: listed(figures),
        priorities: priorities
            .map(|((priority, calls), share)| PriorityLoad {
                priority,
                calls: count(calls),
                share: figure(share, FigureUnit::Share),
            })
            .collect(),
        time_to_acknowledge: figures.time_to_acknowledge.map(|time| TimeToAcknowledge {
            count: count(time.count),
            median: time.median,
            ninetieth: time.ninetieth,
        }),
        hours: figures.hours.iter().map(|hour| HourLoad { from: hour.from, calls: count(hour.calls) }).collect(),
        floods: floods(figures).iter().filter_map(flood).collect(),
        flood_count: count(figures.floods.len()),
        offenders: loading.iter().filter_map(offender).collect(),
        offender_count: count(figures.offenders.len()),
    }
}

/// The single figures, averages beside their peaks.
fn listed(figures: &Figures) -> Vec<(FigureKind, Figure)> {
    let of = |kind: FigureKind, of: penstock_alarm::Figure| (kind, figure(of, FigureUnit::Count));
    let share = |kind: FigureKind, of: penstock_alarm::Figure| (kind, figure(of, FigureUnit::Share));
    let mut listed = vec![
        of(FigureKind::PerDay, figures.per_day.average),
        of(FigureKind::MostInDay, figures.per_day.most),
        of(FigureKind::PerHour, figures.per_hour.average),
        of(FigureKind::MostInHour, figures.per_hour.most),
        of(FigureKind::PerTenMinutes, figures.per_ten_minutes.average),
        of(FigureKind::MostInTenMinutes, figures.per_ten_minutes.most),
        of(FigureKind::MostInMinute, figures.per_minute.most),
        share(FigureKind::BusyTenMinutes, figures.busy_ten_minutes),
        share(FigureKind::BusyHours, figures.busy_hours),
        share(FigureKind::InFlood, figures.in_flood),
        share(FigureKind::TopTen, figures.top_ten),
        of(FigureKind::Chattering, figures.chattering),
        of(FigureKind::Fleeting, figures.fleeting),
        of(FigureKind::Stale, figures.stale),
        of(FigureKind::Standing, figures.standing.most),
        of(FigureKind::Shelved, figures.shelved.most),
        of(FigureKind::Suppressed, figures.suppressed.most),
        of(FigureKind::OutOfService, figures.out_of_service.most),
    ];
    listed.extend(figures.unauthorised_suppressions.map(|count| of(FigureKind::Unauthorised, count)));
    listed
}

fn figure(of: penstock_alarm::Figure, unit: FigureUnit) -> Figure {
    let target = of.target.map(|target| Target { met: bound(target.met), manageable: target.manageable.map(bound) });
    let verdict = of.verdict.map(|verdict| match verdict {
        penstock_alarm::Verdict::Met => Verdict::Met,
        penstock_alarm::Verdict::Manageable => Verdict::Manageable,
        penstock_alarm::Verdict::NotMet => Verdict::NotMet,
    });
    Figure { value: of.value, unit, target, verdict }
}

const fn bound(bound: penstock_alarm::Bound) -> Bound {
    match bound {
        penstock_alarm::Bound::Below(value) => Bound::Below(value),
        penstock_alarm::Bound::AtMost(value) => Bound::AtMost(value),
        penstock_alarm::Bound::AtLeast(value) => Bound::AtLeast(value),
    }
}

const fn load_class(load: Load) -> LoadClass {
    match load {
        Load::Acceptable => LoadClass::Acceptable,
        Load::Manageable => LoadClass::Manageable,
        Load::OverDemanding => LoadClass::OverDemanding,
        Load::Unacceptable => LoadClass::Unacceptable,
    }
}

const fn cure_kind(cure: penstock_alarm::CureKind) -> CureKind {
    match cure {
        penstock_alarm::CureKind::Deadband => CureKind::Deadband,
        penstock_alarm::CureKind::OffDelay => CureKind::OffDelay,
        penstock_alarm::CureKind::OnDelay => CureKind::OnDelay,
        penstock_alarm::CureKind::Limit => CureKind::Limit,
    }
}

#[cfg(test)]
mod tests;
