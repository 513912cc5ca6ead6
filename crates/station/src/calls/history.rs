//! Stored values for trends and files.

use std::time::Duration;

use penstock_api::{ApiError, Code, Csv, ExportHistory, GetHistory, Series, Statistics};
use penstock_model::{Point, PointId, Sample, Timestamp};

use super::Context;
use crate::configuration::store_error;
use crate::pipeline::Order;

/// Pens of one chart at most.
const MAX_POINTS: usize = 16;
/// Values of one file at most: a file is made in memory.
const MAX_EXPORT: usize = 2_000_000;
/// The expected band is drawn through so many places.
const BAND_PLACES: i64 = 240;

impl Context<'_> {
    pub(super) async fn history(&self, call: GetHistory) -> Result<Vec<Series>, ApiError> {
        let (from, to) = checked_range(call.from, call.to)?;
        let max_points = call.max_points.clamp(2, 10_000);
        let mut all = Vec::new();
        for point in self.points(&call.points)? {
            all.push(self.series(&point, from, to, max_points).await?);
        }
        Ok(all)
    }

    async fn series(&self, point: &Point, from: Timestamp, to: Timestamp, max_points: u32) -> Result<Series, ApiError> {
        let shared = self.shared;
        // Where samples are left out, a recorded one stands for those up to the next, however soon it would be stale.
        let every = point.recording.map(|recording| recording.at_least_every()).unwrap_or_default();
        let stands = point.stale_after.max(every);
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

    pub(super) async fn export_history(&self, call: ExportHistory) -> Result<Csv, ApiError> {
        let (from, to) = checked_range(call.from, call.to)?;
        let mut writer = csv::Writer::from_writer(Vec::new());
        let failed = |error: csv::Error| ApiError::new(Code::Failed, error.to_string());
        writer.write_record(["time", "point", "description", "value", "unit", "quality"]).map_err(failed)?;
        let mut left = MAX_EXPORT;
        for point in self.points(&call.points)? {
            let samples = self.raw(&point, from, to, left + 1).await?;
            if samples.len() > left {
                return Err(ApiError::invalid(format!(
                    "more than {MAX_EXPORT} values: choose a shorter range or fewer pens"
                )));
            }
            left -= samples.len();
            let unit = point.display_unit();
            let decimals = usize::from(point.quantity.decimals()) + 2;
            for sample in samples {
                let value = sample.value.map(|si| format!("{:.decimals$}", unit.from_si(si))).unwrap_or_default();
                let (time, quality) = (sample.source_time.to_string(), quality_word(sample.quality));
                let row = [&time, &point.name, &point.description, &value, unit.symbol(), quality];
                writer.write_record(row).map_err(failed)?;
            }
        }
        let bytes = writer.into_inner().map_err(|error| ApiError::new(Code::Failed, error.to_string()))?;
        let day = from.to_string().chars().take(10).collect::<String>();
        Ok(Csv { file_name: format!("trend-{day}.csv"), text: String::from_utf8(bytes).unwrap_or_default() })
    }

    async fn raw(&self, point: &Point, from: Timestamp, to: Timestamp, limit: usize) -> Result<Vec<Sample>, ApiError> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        self.shared.screens.raw(point.no, from, to, limit).await.map_err(store_error)
    }

    fn points(&self, ids: &[PointId]) -> Result<Vec<Point>, ApiError> {
        if ids.is_empty() || ids.len() > MAX_POINTS {
            return Err(ApiError::invalid(format!("name 1 to {MAX_POINTS} points")));
        }
        let register = self.shared.register.lock();
        let find = |id: &PointId| {
            let gone = || ApiError::new(Code::NotFound, format!("there is no point {id}: load the register again"));
            register.point(*id).cloned().ok_or_else(gone)
        };
        ids.iter().map(find).collect()
    }
}

fn quality_word(quality: penstock_model::Quality) -> &'static str {
    match quality {
        penstock_model::Quality::Good => "good",
        penstock_model::Quality::Uncertain(_) => "uncertain",
        penstock_model::Quality::Bad(_) => "bad",
    }
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
