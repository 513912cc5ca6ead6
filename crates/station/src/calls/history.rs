//! Stored values for trends and files.

use std::time::Duration;

use penstock_api::{
    ApiError, Code, Export, ExportFormat, ExportHistory, GetHistory, GetValuesAt, ImportHistory, ImportReport, Series,
    Statistics, ValueAt,
};
use penstock_model::{Point, PointId, Timestamp};
use penstock_store::{AuditEntry, Interpolation};

use super::Context;
use crate::configuration::store_error;
use crate::exports::Prepared;
use crate::pipeline::Order;
use crate::values_csv;

/// Pens of one chart at most.
const MAX_PENS: usize = 16;
/// Points of one file or question at most.
const MAX_NAMED: usize = 1_000;
/// The expected band is drawn through so many places.
const BAND_PLACES: i64 = 240;

impl Context<'_> {
    pub(super) async fn history(&self, call: GetHistory) -> Result<Vec<Series>, ApiError> {
        let (from, to) = checked_range(call.from, call.to)?;
        let max_points = call.max_points.clamp(2, 10_000);
        let mut all = Vec::new();
        for point in self.points(&call.points, MAX_PENS)? {
            all.push(self.series(&point, from, to, max_points).await?);
        }
        Ok(all)
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
        let prepared = Prepared { points, from, to, format: call.format, file_name: file_name.clone() };
        Ok(Export { ticket: self.shared.exports.put(prepared), file_name })
    }

    pub(super) async fn values_at(&self, call: GetValuesAt) -> Result<Vec<Option<ValueAt>>, ApiError> {
        let by = if call.sloped { Interpolation::Sloped } else { Interpolation::Stepped };
        let mut values = Vec::with_capacity(call.points.len());
        for point in self.points(&call.points, MAX_NAMED)? {
            let found = self.shared.screens.value_at(point.no, call.at, by, stands(&point)).await;
            values.push(found.map_err(store_error)?.map(|of| ValueAt {
                value: of.value,
                quality: of.quality.code(),
                since: of.since,
            }));
        }
        Ok(values)
    }

    /// Takes historic values in, all rows or none, a change of its own in the audit.
    pub(super) async fn import_history(&self, call: ImportHistory) -> Result<ImportReport, ApiError> {
        let now = self.shared.clock.now();
        let (samples, mut report) = {
            let register = self.shared.register.lock();
            values_csv::read(&call.csv, &register, now)
        };
        if !report.faults.is_empty() {
            report.added = 0;
        }
        if call.dry_run || report.added == 0 {
            return Ok(report);
        }
        let subject = format!("values of {} points", values_csv::points_of(&samples));
        let audit = AuditEntry { reason: Some("CSV import".to_owned()), ..self.audit(subject) };
        let durable = self.shared.ask(|reply| Order::Keep { samples, audit, reply }).await?;
        durable.map_err(|problem| ApiError::new(Code::Away, problem))?;
        Ok(report)
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
fn stands(point: &Point) -> Duration {
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
