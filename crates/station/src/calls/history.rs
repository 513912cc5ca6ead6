//! Stored values for trends and files.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::future::try_join_all;
use penstock_api::{
    ApiError, Code, Export, ExportFormat, ExportHistory, GetHistory, GetValuesAt, ImportHistory, ImportReport,
    OldValues, Series, Statistics, ValueAt,
};
use penstock_model::{Point, PointId, PointNo, Quantity, Sample, Timestamp};
use penstock_store::{AuditEntry, Interpolated, Interpolation, Stays};

use super::Context;
use crate::configuration::{count, store_error};
use crate::exports::{Content, Prepared};
use crate::pipeline::Order;
use crate::values_csv::{self, Names};

/// Pens of one chart at most.
const MAX_PENS: usize = 16;
/// Values of an import that go into the spool at once.
const KEPT_AT_ONCE: usize = 8_192;
/// Points of one file or question at most.
const MAX_NAMED: usize = 1_000;
/// The expected band is drawn through so many places.
const BAND_PLACES: i64 = 240;

impl Context<'_> {
    pub(super) async fn history(&self, call: GetHistory) -> Result<Vec<Series>, ApiError> {
        let (from, to) = checked_range(call.from, call.to)?;
        let max_points = call.max_points.clamp(2, 10_000);
        let points = self.points(&call.points, MAX_PENS)?;
        try_join_all(points.iter().map(|point| self.series(point, from, to, max_points))).await
    }

    async fn series(&self, point: &Point, from: Timestamp, to: Timestamp, max_points: u32) -> Result<Series, ApiError> {
        let shared = self.shared;
        let stands = stands(point);
        let (stored, statistics) = tokio::try_join!(
            shared.screens.history(point.no, from, to, max_points),
            shared.screens.statistics(point.no, from, to, stands),
        )
        .map_err(store_error)?;
        let reduced = matches!(stored, penstock_store::Series::Reduced { .. });
        let drawn = stored.drawn();
        let width = Duration::from_micros(u64::try_from(to.micros_since(from)).unwrap_or(0));
        let times: Vec<Timestamp> = drawn.iter().map(|(at, ..)| *at).collect();
        // A gap is what the point itself would call silence, but at least what reduction leaves between two values.
        // Buckets hold four values: two neighbouring ones may lie almost two buckets apart.
        let step = width.mul_f64(8.0 / f64::from(max_points.saturating_sub(4).max(4))).max(typical_step(&times) * 3);
        let gap_after = if reduced { stands.max(step) } else { stands.max(typical_step(&times) * 3) };
        let span = to.micros_since(from);
        let places =
            (0..=BAND_PLACES).map(|place| Timestamp::from_micros(from.as_micros() + span / BAND_PLACES * place));
        let (no, times_of_band) = (point.no, places.collect());
        let expected = shared.ask(|reply| Order::Expected { point: no, times: times_of_band, reply }).await?;
        Ok(Series {
            point: point.id,
            reduced,
            gap_after,
            times,
            values: drawn.iter().map(|(_, value, _)| *value).collect(),
            qualities: drawn.iter().map(|(.., quality)| quality.code()).collect(),
            statistics: statistics.map(|of| Statistics { count: of.count, min: of.min, mean: of.mean, max: of.max }),
            expected,
        })
    }

    pub(super) fn export_history(&self, call: ExportHistory) -> Result<Export, ApiError> {
        let (from, to) = checked_range(call.from, call.to)?;
        let points = self.points(&call.points, MAX_NAMED)?;
        let ending = match call.format {
            ExportFormat::Csv => "csv",
            ExportFormat::Parquet => "parquet",
        };
        let day = from.to_string().chars().take(10).collect::<String>();
        let file_name = format!("trend-{day}.{ending}");
        let content = Content::Values { points, from, to, format: call.format };
        let prepared = Prepared { file_name: file_name.clone(), content };
        Ok(Export { ticket: self.shared.exports.put(prepared), file_name })
    }

    pub(super) async fn values_at(&self, call: GetValuesAt) -> Result<Vec<Option<ValueAt>>, ApiError> {
        let by = if call.sloped { Interpolation::Sloped } else { Interpolation::Stepped };
        let points = self.points(&call.points, MAX_NAMED)?;
        let asked: Vec<(PointNo, Duration)> = points.iter().map(|point| (point.no, stands(point))).collect();
        let found = self.shared.screens.values_at(&asked, call.at, by).await.map_err(store_error)?;
        let value = |of: Interpolated| ValueAt { value: of.value, quality: of.quality.code(), since: of.since };
        Ok(found.into_iter().map(|of| of.map(value)).collect())
    }

    /// Takes historic values in once every row is right. What is stored already, as exports print it, is left out.
    pub(super) async fn import_history(&self, call: ImportHistory) -> Result<ImportReport, ApiError> {
        let now = self.shared.clock.now();
        let names = Names::of(&self.shared.register.lock());
        let reading = tokio::task::spawn_blocking(move || {
            let (samples, report) = values_csv::read(&call.csv, &names, now);
            (names, samples, report)
        });
        let (names, samples, mut report) =
            reading.await.map_err(|error| ApiError::new(Code::Failed, error.to_string()))?;
        if !report.faults.is_empty() {
            return Ok(ImportReport { added: 0, ..report });
        }
        let read = samples.len();
        let samples = self.not_stored(&names, samples).await?;
        report.added = count(samples.len());
        report.same = count(read - samples.len());
        report.old = self.old(&names, &samples, now);
        if call.dry_run || samples.is_empty() {
            return Ok(report);
        }
        let audit = AuditEntry {
            reason: Some("CSV import".to_owned()),
            ..self.audit(format!("{} values of {} points", samples.len(), values_csv::points_of(&samples)))
        };
        let mut audits = vec![audit];
        for chunk in samples.chunks(KEPT_AT_ONCE) {
            let (samples, audits) = (chunk.to_vec(), std::mem::take(&mut audits));
            let durable = self.shared.ask(|reply| Order::Keep { samples, audits, reply }).await?;
            durable.map_err(|problem| ApiError::new(Code::Away, problem))?;
        }
        Ok(report)
    }

    /// Which of `samples` are so old that they do not stay as they are; none where all do.
    fn old(&self, names: &Names, samples: &[Sample], now: Timestamp) -> Option<OldValues> {
        let (retention, archived) = {
            let loaded = self.shared.settings();
            (loaded.settings.retention.to_store(), loaded.settings.archive.place.is_some())
        };
        let mut quantities: HashMap<PointNo, Quantity> = HashMap::new();
        let (mut old, mut beyond_roll_ups) = (0, 0);
        for sample in samples {
            let quantity = quantities
                .entry(sample.point)
                .or_insert_with(|| names.point(sample.point).map_or(Quantity::Plain, |point| point.quantity));
            let stays = retention.stays(*quantity, sample.source_time, now);
            old += usize::from(stays != Stays::Sample);
            beyond_roll_ups += usize::from(stays == Stays::Nothing);
        }
        (old > 0).then(|| OldValues { count: count(old), beyond_roll_ups: count(beyond_roll_ups), archived })
    }

    /// Those of `samples` that are not stored yet: a value that exports print alike is the same one.
    async fn not_stored(&self, names: &Names, mut samples: Vec<Sample>) -> Result<Vec<Sample>, ApiError> {
        let times = || samples.iter().map(|sample| sample.source_time);
        let (Some(from), Some(to)) = (times().min(), times().max()) else { return Ok(samples) };
        let mut points: Vec<PointNo> = samples.iter().map(|sample| sample.point).collect();
        points.sort_unstable();
        points.dedup();
        let tolerances: HashMap<PointNo, f64> =
            points.iter().filter_map(|no| Some((*no, values_csv::tolerance(names.point(*no)?)))).collect();
        let wanted: HashSet<(PointNo, Timestamp)> =
            samples.iter().map(|sample| (sample.point, sample.source_time)).collect();
        let mut stored: HashMap<(PointNo, Timestamp), Option<f64>> = HashMap::new();
        let mut chunks = self.shared.screens.scan(points, from, to + Duration::from_micros(1));
        while let Some(chunk) = chunks.recv().await {
            let known = chunk.map_err(store_error)?.into_iter().map(|of| ((of.point, of.source_time), of.value));
            stored.extend(known.filter(|(key, _)| wanted.contains(key)));
        }
        samples.retain(|sample| {
            let tolerance = tolerances.get(&sample.point).copied().unwrap_or_default();
            match (stored.get(&(sample.point, sample.source_time)), sample.value) {
                (Some(Some(stored)), Some(value)) => (stored - value).abs() > tolerance,
                (Some(None), None) => false,
                _ => true,
            }
        });
        Ok(samples)
    }

    fn points(&self, ids: &[PointId], most: usize) -> Result<Vec<Point>, ApiError> {
        if ids.is_empty() || ids.len() > most {
            return Err(ApiError::invalid(format!("name 1 to {most} points")));
        }
        let register = self.shared.register.lock();
        let find = |id: &PointId| {
            let gone = || ApiError::new(Code::NotFound, format!("there is no point {id}: load the register again"));
            register.point(*id).cloned().ok_or_else(gone)
        };
        ids.iter().map(find).collect()
    }
}

/// How long a stored value stands: where samples are left out, a recorded one stands for those up to the next, however
/// soon it would be stale. A point that sends changes alone is never stale.
pub(super) fn stands(point: &Point) -> Duration {
    let every = point.recording.map(|recording| recording.at_least_every()).unwrap_or_default();
    if point.stale_after.is_zero() { Duration::ZERO } else { point.stale_after.max(every) }
}

fn checked_range(from: Timestamp, to: Timestamp) -> Result<(Timestamp, Timestamp), ApiError> {
    let longest = Duration::from_secs(20 * 366 * 24 * 3_600);
    if from < to && to.since(from) <= longest {
        Ok((from, to))
    } else {
        Err(ApiError::invalid("the range must end after it begins and be at most 20 years"))
    }
}

/// The median distance between neighbours.
fn typical_step(times: &[Timestamp]) -> Duration {
    let mut steps: Vec<Duration> =
        times.windows(2).filter_map(|pair| Some(pair.get(1)?.since(*pair.first()?))).collect();
    let middle = steps.len() / 2;
    if steps.is_empty() {
        return Duration::ZERO;
    }
    *steps.select_nth_unstable(middle).1
}
