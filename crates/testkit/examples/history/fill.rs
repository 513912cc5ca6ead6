//! The plant that is asked, and its past: written as the station writes it, rolled up as the station does.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use penstock_model::{
    Address, Asset, AssetId, AssetKind, Fault, Limits, Plant, PlantFile, Point, PointId, PointNo, PointState, Position,
    Quality, Quantity, Sample, TenantId, Timestamp, Unit,
};
use penstock_store::{AuditEntry, Batch, Store, Writer};
use serde_json::{Value, json};
use uuid::Uuid;

/// Points, and as many assets.
pub(crate) const POINTS: usize = 10_000;
/// Points that speak often.
pub(crate) const PENS: usize = 50;
/// How far back the past goes.
pub(crate) const SPAN: Duration = Duration::from_secs(35 * DAY_SECS);
/// The samples of a full run, at which a pen speaks each 10 s.
pub(crate) const FULL: u64 = 50_000_000;

const DAY_SECS: u64 = 24 * 3_600;
const PEN_STEP: Duration = Duration::from_secs(10);
/// Silence that no point keeps: each hour into which a value stands is rolled up.
const LONGEST_SILENCE: Duration = Duration::from_secs(45 * 60);
/// Samples a batch.
const BATCH: usize = 20_000;
/// The district's middle, and half of its side in degrees: 20 km.
const MIDDLE: (f64, f64) = (20.46, 85.88);
const HALF: (f64, f64) = (0.180_6, 0.191_8);

/// What was written, and how long it took.
pub(crate) struct Filled {
    pub(crate) tenant: TenantId,
    pub(crate) samples: u64,
    /// The time of the newest sample; the present of all questions.
    pub(crate) end: Timestamp,
    pub(crate) load_secs: f64,
    pub(crate) roll_up_secs: f64,
    pub(crate) rolled_hours: u64,
    pub(crate) rolled_samples: u64,
    pub(crate) vacuum_secs: f64,
}

/// Numbers that look like chance and are the same in every run (Knuth's MMIX generator).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// From 0 up to, but not including, 1.
    pub(crate) fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.share() * end as f64) as usize
    }

    /// Somewhere in the district.
    pub(crate) fn position(&mut self) -> Result<Position> {
        let (lat, lon) = (self.share() * 2.0 - 1.0, self.share() * 2.0 - 1.0);
        Ok(Position::new(lat.mul_add(HALF.0, MIDDLE.0), lon.mul_add(HALF.1, MIDDLE.1))?)
    }
}

pub(crate) fn tenant() -> TenantId {
    TenantId::derived(Uuid::nil(), "history")
}

/// Fills an empty database, or says what it was filled with before.
pub(crate) async fn fill(store: &Store, note: &Path, samples: u64, now: Timestamp) -> Result<Filled> {
    if note.exists() {
        let filled = read_note(note)?;
        let held = filled.samples;
        ensure!(held == samples, "the folder holds {held} samples: say --samples {held}, or name another folder");
        return Ok(filled);
    }
    let steps = Steps::of(samples)?;
    put_plant(store, &steps, now).await?;
    let numbers = points_in_order(store).await?;
    let end = Timestamp::from_secs(now.as_micros() / 1_000_000);
    let mut filled = Filled {
        tenant: tenant(),
        samples,
        end,
        load_secs: 0.0,
        roll_up_secs: 0.0,
        rolled_hours: 0,
        rolled_samples: 0,
        vacuum_secs: 0.0,
    };
    let mut past = Past::new(&numbers, &steps, end - SPAN);
    let mut writer = Writer::open(store).await?;
    ensure!(writer.watermark().await? == 0, "the folder was not filled to its end: remove it, or name another");
    let (mut seq, mut written, mut day) = (0, 0, Timestamp::MIN);
    let started = Instant::now();
    loop {
        let batch = Batch { samples: past.next_batch(), ..Batch::new(filled.tenant) };
        let Some(last) = batch.samples.last().map(|sample| sample.source_time) else { break };
        seq += 1;
        let applied = writer.apply(&batch, seq).await?;
        ensure!(
            applied.stored == batch.samples.len() as u64 && applied.conflicts == 0,
            "a batch came out as {applied:?}"
        );
        filled.load_secs += applied.took.as_secs_f64();
        written += applied.stored;
        // The station does it minute by minute; by the day it comes out the same.
        if last.since(day) > Duration::from_secs(DAY_SECS) {
            day = last;
            roll_up(store, &mut filled, last).await?;
            eprintln!("{written} samples after {:.0} s", started.elapsed().as_secs_f64());
        }
    }
    ensure!(written == samples, "{written} samples were written, not {samples}");
    while !writer.is_settled() {
        writer.settle_some().await?;
    }
    roll_up(store, &mut filled, end).await?;
    let vacuuming = Instant::now();
    sqlx::query("vacuum (analyze)").execute(store.pool()).await?;
    filled.vacuum_secs = vacuuming.elapsed().as_secs_f64();
    std::fs::write(note, filled.to_json().to_string()).with_context(|| format!("cannot write {}", note.display()))?;
    Ok(filled)
}

async fn roll_up(store: &Store, filled: &mut Filled, now: Timestamp) -> Result<()> {
    let started = Instant::now();
    let done = store.roll_up(now).await?;
    filled.roll_up_secs += started.elapsed().as_secs_f64();
    filled.rolled_hours += done.hours;
    filled.rolled_samples += done.samples;
    Ok(())
}

impl Filled {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "samples": self.samples,
            "end_us": self.end.as_micros(),
            "load_secs": self.load_secs,
            "roll_up_secs": self.roll_up_secs,
            "rolled_hours": self.rolled_hours,
            "rolled_samples": self.rolled_samples,
            "vacuum_secs": self.vacuum_secs,
        })
    }
}

fn read_note(note: &Path) -> Result<Filled> {
    let text = std::fs::read_to_string(note).with_context(|| format!("cannot read {}", note.display()))?;
    let read: Value = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", note.display()))?;
    let missing = |name: &str| format!("{} has no {name}", note.display());
    let whole = |name: &str| read.get(name).and_then(Value::as_u64).with_context(|| missing(name));
    let number = |name: &str| read.get(name).and_then(Value::as_f64).with_context(|| missing(name));
    Ok(Filled {
        tenant: tenant(),
        samples: whole("samples")?,
        end: Timestamp::from_micros(i64::try_from(whole("end_us")?)?),
        load_secs: number("load_secs")?,
        roll_up_secs: number("roll_up_secs")?,
        rolled_hours: whole("rolled_hours")?,
        rolled_samples: whole("rolled_samples")?,
        vacuum_secs: number("vacuum_secs")?,
    })
}

/// How often points speak, in microseconds between samples.
struct Steps {
    pen: u64,
    other: u64,
    of_pens: u64,
    of_others: u64,
}

impl Steps {
    /// Fewer samples than a full run's are further apart.
    fn of(samples: u64) -> Result<Self> {
        ensure!(samples >= 20 * POINTS as u64, "{samples} samples are too few: name at least {}", 20 * POINTS);
        let span = u64::try_from(SPAN.as_micros())?;
        let pen = u64::try_from(PEN_STEP.as_micros())? * FULL / samples;
        let of_pens = PENS as u64 * (span / pen);
        let of_others = samples - of_pens;
        let other = (POINTS - PENS) as u64 * span / of_others;
        Ok(Self { pen, other, of_pens, of_others })
    }
}

async fn put_plant(store: &Store, steps: &Steps, now: Timestamp) -> Result<()> {
    let mut chance = Chance(1);
    let tenant = tenant();
    let kinds = [AssetKind::Valve, AssetKind::Reservoir, AssetKind::Tower, AssetKind::Borehole];
    let mut assets = Vec::with_capacity(POINTS);
    let mut points = Vec::with_capacity(POINTS);
    for number in 0..POINTS {
        let name = format!("A-{number:05}");
        let asset = AssetId::derived(tenant.0, &name);
        assets.push(Asset {
            id: asset,
            name,
            kind: *kinds.get(number % 16).unwrap_or(&AssetKind::Valve),
            site: None,
            area: None,
            position: Some(chance.position()?),
            capacity_m3: None,
            level_span: None,
        });
        let name = point_name(number);
        let step = if number < PENS { steps.pen } else { steps.other };
        points.push(Point {
            id: PointId::derived(tenant.0, &name),
            no: PointNo(0),
            address: Address { source: "bench".to_owned(), path: name.clone() },
            state: PointState::Adopted,
            name,
            description: String::new(),
            quantity: Quantity::Plain,
            unit: Unit::parse("–").context("the unit of plain numbers is not known")?,
            area: None,
            site: None,
            asset: Some(asset),
            position: None,
            role: None,
            normal: None,
            span: None,
            limits: Limits::default(),
            stale_after: Duration::from_micros(3 * step).min(LONGEST_SILENCE),
            recording: None,
        });
    }
    let plant = Plant {
        tenant,
        name: "history".to_owned(),
        time_zone: "UTC".to_owned(),
        areas: Vec::new(),
        sites: Vec::new(),
        assets,
        pipes: Vec::new(),
    };
    let audit = [AuditEntry::new(tenant, now, None, "plant.import", "history")];
    store.import_plant(&PlantFile { plant, points, rules: Vec::new(), guidance: Vec::new() }, &audit).await?;
    Ok(())
}

fn point_name(number: usize) -> String {
    format!("P-{number:05}")
}

/// The points' numbers in the order of their names: pens first.
pub(crate) async fn points_in_order(store: &Store) -> Result<Vec<PointNo>> {
    let mut points = store.load_points(tenant()).await?;
    points.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(points.iter().map(|point| point.no).collect())
}

/// Samples in the order in which they come about: two even streams, merged.
struct Past<'a> {
    numbers: &'a [PointNo],
    start: Timestamp,
    steps: &'a Steps,
    of_pens: u64,
    of_others: u64,
    chance: Chance,
}

impl<'a> Past<'a> {
    fn new(numbers: &'a [PointNo], steps: &'a Steps, start: Timestamp) -> Self {
        Self { numbers, start, steps, of_pens: 0, of_others: 0, chance: Chance(2) }
    }

    fn next_batch(&mut self) -> Vec<Sample> {
        let mut samples = Vec::with_capacity(BATCH);
        while samples.len() < BATCH {
            let Some(sample) = self.next_sample() else { break };
            samples.push(sample);
        }
        samples
    }

    fn next_sample(&mut self) -> Option<Sample> {
        let pens = PENS as u64;
        let others = POINTS as u64 - pens;
        let pen = (self.of_pens < self.steps.of_pens).then(|| self.of_pens / pens * self.steps.pen);
        let span = SPAN.as_micros() as u64;
        // In whole milliseconds, as devices tell it.
        let other = (self.of_others < self.steps.of_others)
            .then(|| (u128::from(self.of_others) * u128::from(span) / u128::from(self.steps.of_others)) as u64);
        let (index, after) = match (pen, other) {
            (Some(pen), other) if other.is_none_or(|other| pen <= other) => {
                let index = self.of_pens % pens;
                self.of_pens += 1;
                (index, pen)
            }
            (_, Some(other)) => {
                let index = pens + self.of_others % others;
                self.of_others += 1;
                (index, other)
            }
            _ => return None,
        };
        let at = self.start + Duration::from_millis(after / 1_000);
        self.sample(usize::try_from(index).ok()?, at)
    }

    /// A day's swing, noise, steps of an instrument's resolution; one in a hundred is bad.
    fn sample(&mut self, index: usize, at: Timestamp) -> Option<Sample> {
        let point = *self.numbers.get(index)?;
        let phase = at.as_secs_f64() / DAY_SECS as f64 * std::f64::consts::TAU + index as f64;
        let noise = self.chance.share() + self.chance.share() - 1.0;
        let value = (phase.sin().mul_add(12.0, noise * 3.0) + 40.0 + (index % 60) as f64) * 100.0;
        let value = value.round() / 100.0;
        let delay = Duration::from_micros(30_000 + (self.chance.share() * 40_000.0) as u64);
        let (value, quality) = match self.chance.below(200) {
            0 => (None, Quality::Bad(Fault::Disconnected)),
            1 => (Some(value), Quality::Bad(Fault::Device)),
            _ => (Some(value), Quality::Good),
        };
        Some(Sample { point, source_time: at, received_time: at + delay, value, quality })
    }
}
