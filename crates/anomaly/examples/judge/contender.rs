//! What is judged: detectors behind one trait, shown one asset row by row in the order of time. Must not know labels,
//! sets or scores.

use penstock_anomaly::{AssetConfig, AssetDetector, AssetPoint, Config, Detector};
use penstock_model::{Fault, PointNo, Quality, Quantity, Sample, Timestamp};

use crate::table::Column;

/// What is said of one reading, or of a whole asset at one time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Finding {
    /// 0 ordinary to 1 certainly not.
    pub(crate) score: f32,
    /// Whether that is enough to call somebody.
    pub(crate) is_alarm: bool,
    /// The column that pushed it the most.
    pub(crate) contributor: Option<usize>,
}

/// The detectors of one asset. They see each row once, none before its time, and never a label.
pub(crate) trait Judged {
    /// Shows a row of the stretch to fit on. A missing reading is NaN.
    fn learn(&mut self, at: Timestamp, values: &[f64]);

    /// The stretch to fit on is over.
    fn fit(&mut self) {}

    /// Judges a row by what came before it, then may learn from it: a finding for each column into `sensors`, and that
    /// of the asset.
    fn judge(&mut self, at: Timestamp, values: &[f64], sensors: &mut [Finding]) -> Finding;
}

/// A way to detect, set as it ships: nothing of it is chosen per data set.
#[derive(Clone, Copy)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// Makes the detectors of an asset with these points, which are to be fitted on so many rows.
    pub(crate) make: fn(&[Column], usize) -> Box<dyn Judged>,
}

/// Who is judged; the scores that are written out are the first one's.
pub(crate) const CONTENDERS: &[Contender] =
    &[Contender { name: "asset", make: Asset::of }, Contender { name: "points", make: Points::of }];

/// The detector of an asset: its points by each other and by the last rows.
struct Asset {
    points: Vec<AssetPoint>,
    rows: Vec<(Timestamp, Vec<f64>)>,
    detector: Option<AssetDetector>,
}

impl Asset {
    fn of(columns: &[Column], fit_rows: usize) -> Box<dyn Judged> {
        let point = |column: &Column| match column.quantity {
            Quantity::State | Quantity::Energy => AssetPoint::status(),
            _ => AssetPoint::target(),
        };
        let points = columns.iter().map(point).collect();
        Box::new(Self { points, rows: Vec::with_capacity(fit_rows), detector: None })
    }
}

impl Judged for Asset {
    fn learn(&mut self, at: Timestamp, values: &[f64]) {
        self.rows.push((at, values.to_vec()));
    }

    fn fit(&mut self) {
        let config = AssetConfig { points: self.points.clone(), fit_rows: self.rows.len() };
        self.detector = AssetDetector::new(config).ok();
        if let Some(detector) = &mut self.detector {
            for (at, values) in self.rows.drain(..) {
                detector.observe(at, &values);
            }
        }
    }

    fn judge(&mut self, at: Timestamp, values: &[f64], sensors: &mut [Finding]) -> Finding {
        let Some(verdict) = self.detector.as_mut().map(|detector| detector.observe(at, values)) else {
            return Finding::default();
        };
        for (index, (finding, point)) in sensors.iter_mut().zip(&verdict.points).enumerate() {
            let score = if point.fault.is_some() { 1.0 } else { point.score };
            *finding = Finding { score, is_alarm: point.is_anomalous(), contributor: Some(index) };
        }
        let contributor = verdict.contributions.first().map(|contribution| contribution.point);
        Finding { score: verdict.score, is_alarm: verdict.is_alarm, contributor }
    }
}

/// A detector for each point by itself; the asset's finding is the worst of them.
struct Points {
    detectors: Vec<Option<Detector>>,
}

impl Points {
    /// They learn on, so that it is nothing to them how long the stretch to fit on is.
    fn of(columns: &[Column], _fit_rows: usize) -> Box<dyn Judged> {
        let detector = |column: &Column| match column.quantity {
            Quantity::State | Quantity::Energy => None,
            _ => Some(Detector::new(Config::default())),
        };
        Box::new(Self { detectors: columns.iter().map(detector).collect() })
    }
}

impl Judged for Points {
    fn learn(&mut self, at: Timestamp, values: &[f64]) {
        for (number, (detector, value)) in (0..).zip(self.detectors.iter_mut().zip(values)) {
            if let Some(detector) = detector {
                detector.observe(&sample(number, at, *value));
            }
        }
    }

    fn judge(&mut self, at: Timestamp, values: &[f64], sensors: &mut [Finding]) -> Finding {
        let mut worst = Finding::default();
        for (index, ((detector, value), finding)) in self.detectors.iter_mut().zip(values).zip(sensors).enumerate() {
            let number = i32::try_from(index).unwrap_or(i32::MAX);
            let verdict = detector.as_mut().map(|detector| detector.observe(&sample(number, at, *value)));
            *finding = match verdict {
                // A reading that is not there is told by its quality, not by a score.
                _ if value.is_nan() => Finding { score: 1.0, is_alarm: true, contributor: Some(index) },
                Some(verdict) => {
                    Finding { score: verdict.score, is_alarm: verdict.is_anomalous(), contributor: Some(index) }
                }
                None => Finding::default(),
            };
            if finding.score > worst.score {
                worst = *finding;
            }
        }
        // Where all are silent, so is their gateway: that raises an alarm of its own, and says nothing of the asset.
        if values.iter().all(|value| value.is_nan()) { Finding::default() } else { worst }
    }
}

fn sample(number: i32, at: Timestamp, value: f64) -> Sample {
    let is_missing = value.is_nan();
    Sample {
        point: PointNo(number),
        source_time: at,
        received_time: at,
        value: (!is_missing).then_some(value),
        quality: if is_missing { Quality::Bad(Fault::NotANumber) } else { Quality::Good },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Two points that scatter a little around 10, row after row.
    fn quiet(row: u32) -> [f64; 2] {
        [10.0 + f64::from(row * 7 % 11) * 0.01, 10.0 + f64::from(row * 5 % 13) * 0.01]
    }

    fn fitted() -> (Box<dyn Judged>, impl Fn(u32) -> Timestamp) {
        let columns = [Column::new("a", Quantity::Plain), Column::new("b", Quantity::Plain)];
        let mut points = Points::of(&columns, 600);
        let at = |row: u32| Timestamp::of_date(2026, 1, 1) + Duration::from_secs(60) * row;
        (0..600).for_each(|row| points.learn(at(row), &quiet(row)));
        points.fit();
        (points, at)
    }

    #[test]
    fn the_assets_finding_is_that_of_its_worst_point() {
        let (mut points, at) = fitted();
        let mut sensors = [Finding::default(); 2];
        assert!(!points.judge(at(600), &quiet(600), &mut sensors).is_alarm);
        let asset = points.judge(at(601), &[quiet(601)[0], 20.0], &mut sensors);
        assert!(asset.is_alarm && asset.contributor == Some(1), "{asset:?}");
        assert!(sensors[1].is_alarm && !sensors[0].is_alarm, "{sensors:?}");
    }

    #[test]
    fn one_silent_point_is_the_assets_trouble_and_all_of_them_are_the_gateways() {
        let (mut points, at) = fitted();
        let mut sensors = [Finding::default(); 2];
        let asset = points.judge(at(600), &[f64::NAN, quiet(600)[1]], &mut sensors);
        assert!(asset.is_alarm && asset.contributor == Some(0), "{asset:?}");
        let asset = points.judge(at(601), &[f64::NAN, f64::NAN], &mut sensors);
        assert!(!asset.is_alarm && sensors.iter().all(|sensor| sensor.is_alarm), "{asset:?} {sensors:?}");
    }
}
