//! The plant that is asked and its past: three points that speak each second, and a journal of many alarms, written as
//! the station writes them.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use penstock_model::{
    Address, AlarmRule, Area, AreaId, Condition, LimitLevel, Limits, Plant, PlantFile, Point, PointId, PointNo,
    PointState, Priority, Quality, Quantity, RuleId, Sample, Site, SiteId, SiteKind, Subject, TenantId, Timestamp,
    Transition, TransitionKind, Unit, UserId,
};
use penstock_store::{Batch, JournalEntry, Store, Writer};
use uuid::Uuid;

/// Points that rules are tried on.
pub(crate) const PENS: usize = 3;
/// Points with alarms in the journal, on so many sites.
const ALARMED: usize = 400;
const SITES: usize = 40;
/// Areas that the sites lie in, and people who answer the alarms.
const AREAS: usize = 5;
const PEOPLE: usize = 12;
/// Each alarm has been raised, acknowledged and cleared at least a few times.
pub(crate) const LEAST_ROWS: u64 = 10_000;
/// How far spikes are apart, and how long each lasts, in seconds.
pub(crate) const SPIKE_EVERY: i64 = 3_600;
pub(crate) const SPIKE: i64 = 20;

const DAY_SECS: u64 = 24 * 3_600;
/// Samples or entries a batch.
const BATCH: usize = 20_000;

/// What was written, and how long it took.
pub(crate) struct Filled {
    pub(crate) tenant: TenantId,
    /// The points that rules are tried on.
    pub(crate) pens: Vec<(PointNo, PointId)>,
    pub(crate) rules: Vec<RuleId>,
    pub(crate) sites: Vec<SiteId>,
    pub(crate) areas: Vec<AreaId>,
    pub(crate) people: Vec<UserId>,
    /// Where the past begins and ends.
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) samples: u64,
    pub(crate) samples_secs: f64,
    pub(crate) rows: u64,
    pub(crate) rows_secs: f64,
    /// Alarms that are active at the journal's end.
    pub(crate) standing: u32,
}

/// Fills the database of a station that has taken `file` in with what was measured, rolled up as the station does it.
pub(crate) async fn past(store: &Store, file: &PlantFile, days: u64, now: Timestamp) -> Result<Filled> {
    let tenant = file.plant.tenant;
    let mut pens: Vec<(PointNo, PointId)> = Vec::new();
    for point in store.load_points(tenant).await?.iter().filter(|point| point.site.is_none()) {
        pens.push((point.no, point.id));
    }
    ensure!(pens.len() == PENS, "{} points to try rules on are stored, not {PENS}", pens.len());
    let hour = SPIKE_EVERY * 1_000_000;
    let until = Timestamp::from_micros(now.as_micros().div_euclid(hour) * hour);
    let from = until - Duration::from_secs(days * DAY_SECS);
    let mut writer = Writer::open(store).await?;
    let mut seq = writer.watermark().await?;
    let seconds = i64::try_from(days * DAY_SECS)?;
    let mut samples = (0..seconds).flat_map(|second| samples_of(&pens, from, second)).peekable();
    let (mut written, mut took) = (0, 0.0);
    while samples.peek().is_some() {
        seq += 1;
        let batch = Batch { samples: samples.by_ref().take(BATCH).collect(), ..Batch::new(tenant) };
        let applied = writer.apply(&batch, seq).await?;
        ensure!(applied.stored == batch.samples.len() as u64, "a batch came out as {applied:?}");
        took += applied.took.as_secs_f64();
        written += applied.stored;
    }
    drop(samples);
    while !writer.is_settled() {
        writer.settle_some().await?;
    }
    // Else the station would begin with it at its next start.
    store.roll_up(now).await?;
    settle(store).await?;
    Ok(Filled {
        tenant,
        pens,
        rules: file.rules.iter().map(|rule| rule.id).collect(),
        sites: file.plant.sites.iter().map(|site| site.id).collect(),
        areas: file.plant.areas.iter().map(|area| area.id).collect(),
        people: (0..PEOPLE).map(|number| UserId::derived(tenant.0, &format!("person {number}"))).collect(),
        from,
        until,
        samples: written,
        samples_secs: took,
        rows: 0,
        rows_secs: 0.0,
        standing: 0,
    })
}

/// Fills the journal.
pub(crate) async fn journal(store: &Store, filled: &mut Filled, rows: u64) -> Result<()> {
    let mut writer = Writer::open(store).await?;
    let mut seq = writer.watermark().await?;
    let mut entries = (0..rows).filter_map(|row| entry(filled, row, rows)).peekable();
    let (mut written, mut took) = (0, 0.0);
    while entries.peek().is_some() {
        seq += 1;
        let batch = Batch { transitions: entries.by_ref().take(BATCH).collect(), ..Batch::new(filled.tenant) };
        let applied = writer.apply(&batch, seq).await?;
        took += applied.took.as_secs_f64();
        written += batch.transitions.len() as u64;
    }
    drop(entries);
    ensure!(written == rows, "{written} entries were written, not {rows}");
    let active = store.alarm_states(filled.tenant).await?.iter().filter(|state| state.active).count();
    ensure!(active > 0, "no alarm stands at the end of the journal");
    (filled.rows, filled.rows_secs, filled.standing) = (written, took, u32::try_from(active)?);
    settle(store).await
}

async fn settle(store: &Store) -> Result<()> {
    sqlx::query("vacuum (analyze)").execute(store.pool()).await?;
    Ok(())
}

fn site_name(number: usize) -> String {
    format!("PS-{number:02}")
}

/// The plant as a file, which the station takes in at its first start.
pub(crate) fn plant() -> Result<PlantFile> {
    let tenant = TenantId::derived(Uuid::nil(), "alarms");
    let sites: Vec<SiteId> = (0..SITES).map(|number| SiteId::derived(tenant.0, &site_name(number))).collect();
    let area_name = |number: usize| format!("area {number}");
    let areas: Vec<Area> = (0..AREAS)
        .map(|number| Area {
            id: AreaId::derived(tenant.0, &area_name(number)),
            name: area_name(number),
            boundary: Vec::new(),
        })
        .collect();
    let unit = Unit::parse("–").context("the unit of plain numbers is not known")?;
    let point = |name: String, site: Option<SiteId>| Point {
        id: PointId::derived(tenant.0, &name),
        no: PointNo(0),
        address: Address { source: "bench".to_owned(), path: name.clone() },
        state: PointState::Adopted,
        name,
        description: String::new(),
        quantity: Quantity::Plain,
        unit,
        area: None,
        site,
        asset: None,
        position: None,
        role: None,
        normal: None,
        span: None,
        limits: Limits::default(),
        stale_after: Duration::from_secs(120),
        recording: None,
    };
    let pens = (0..PENS).map(|number| point(format!("pen {number}"), None));
    let alarmed = sites.iter().copied().cycle().take(ALARMED).enumerate();
    let alarmed: Vec<Point> = alarmed.map(|(number, site)| point(format!("P-{number:03}"), Some(site))).collect();
    let rule = |(point, priority): (&Point, Priority)| {
        let condition = Condition::Limit { level: LimitLevel::High, limit: 80.0, deadband: 2.0 };
        let id = RuleId::derived(point.id.0, "high");
        AlarmRule { priority, ..AlarmRule::new(id, Subject::Point(point.id), condition) }
    };
    let rules: Vec<AlarmRule> = alarmed.iter().zip(Priority::ALL.into_iter().cycle()).map(rule).collect();
    let site = |(number, id): (usize, &SiteId)| Site {
        id: *id,
        name: site_name(number),
        kind: SiteKind::Pumping,
        area: areas.get(number % AREAS).map(|area| area.id),
        position: None,
    };
    let plant = Plant {
        tenant,
        name: "alarms".to_owned(),
        time_zone: "UTC".to_owned(),
        sites: sites.iter().enumerate().map(site).collect(),
        areas,
        assets: Vec::new(),
        pipes: Vec::new(),
    };
    Ok(PlantFile { plant, points: pens.chain(alarmed).collect(), rules, guidance: Vec::new() })
}

/// What each pen says in one second: a slow swing with noise below 50, and spikes to 90.
fn samples_of(pens: &[(PointNo, PointId)], from: Timestamp, second: i64) -> Vec<Sample> {
    let at = Timestamp::from_micros(from.as_micros() + second * 1_000_000);
    let sample = |(index, (point, _)): (i64, &(PointNo, PointId))| {
        // Looks like chance and is the same in every run.
        let noise = (second.wrapping_mul(7_919) + index * 104_729).rem_euclid(1_000) as f64 / 100.0;
        let swing = (second as f64 / DAY_SECS as f64 * std::f64::consts::TAU).sin() * 15.0;
        let value = if second % SPIKE_EVERY < SPIKE { 90.0 } else { 25.0 + swing + noise };
        Sample {
            point: *point,
            source_time: at,
            received_time: at + Duration::from_millis(40),
            value: Some(value),
            quality: Quality::Good,
        }
    };
    (0..).zip(pens).map(sample).collect()
}

/// The journal's entry of a place in it: alarms come one after the other, each is raised, acknowledged with a comment
/// now and then, and cleared; of the last ones of the rules every fifth stands, and half of those unacknowledged.
fn entry(filled: &Filled, row: u64, rows: u64) -> Option<JournalEntry> {
    let (occurrence, step) = (row / 3, row % 3);
    let rules = filled.rules.len() as u64;
    let rule = *filled.rules.get(usize::try_from(occurrence % rules).ok()?)?;
    let micros = u64::try_from(filled.until.micros_since(filled.from)).ok()? / rows;
    let stands = occurrence + rules >= rows / 3 && occurrence.is_multiple_of(5);
    let (kind, comment) = match step {
        0 => (TransitionKind::Raised, None),
        1 if stands && occurrence.is_multiple_of(10) => (TransitionKind::Commented, Some("on the way".to_owned())),
        1 => {
            let comment = occurrence.is_multiple_of(50).then(|| format!("valve {} closed", occurrence % 97));
            (TransitionKind::Acknowledged, comment)
        }
        _ if stands => (TransitionKind::Commented, Some("being repaired".to_owned())),
        _ => (TransitionKind::Cleared, None),
    };
    let is_persons = matches!(kind, TransitionKind::Acknowledged | TransitionKind::Commented);
    let person = filled.people.get(usize::try_from(occurrence).ok()? % PEOPLE).copied();
    let transition = Transition {
        rule,
        occurrence: occurrence / rules + 1,
        kind,
        at: filled.from + Duration::from_micros(micros * row),
        value: Some(80.5),
        by: person.filter(|_| is_persons),
        comment,
        rule_version: 1,
        detail: None,
    };
    Some(JournalEntry { seq: row + 1, transition })
}

/// How long `work` takes, and what comes of it.
pub(crate) async fn timed<T>(work: impl Future<Output = Result<T>>) -> Result<(T, Duration)> {
    let started = Instant::now();
    let outcome = work.await?;
    Ok((outcome, started.elapsed()))
}
