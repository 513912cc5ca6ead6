//! Historic values from CSV to samples of points that the register knows. Must not know where they go.

use std::collections::{BTreeSet, HashMap};

use penstock_api::{ImportFault, ImportReport};
use penstock_archive::{Column, Fault, Row, Rows};
use penstock_model::{Point, PointId, PointNo, PointState, Quality, Sample, Timestamp, Unit};

use crate::pipeline::within;
use crate::register::Inner;

/// Points as files name them: by id, else by address, else by name where one alone has it.
pub(crate) struct Names {
    points: Vec<Point>,
    by_id: HashMap<PointId, usize>,
    by_path: HashMap<String, usize>,
    /// None where several have it.
    by_name: HashMap<String, Option<usize>>,
}

impl Names {
    /// Of all points that are not ignored.
    pub(crate) fn of(register: &Inner) -> Self {
        let kept = register.points.values().filter(|point| point.state != PointState::Ignored);
        let points: Vec<Point> = kept.cloned().collect();
        let mut names = Self { points, by_id: HashMap::new(), by_path: HashMap::new(), by_name: HashMap::new() };
        for (at, point) in names.points.iter().enumerate() {
            names.by_id.insert(point.id, at);
            names.by_path.entry(point.address.path.clone()).or_insert(at);
            names.by_name.entry(point.name.clone()).and_modify(|several| *several = None).or_insert(Some(at));
        }
        names
    }

    /// The point of this number.
    pub(crate) fn point(&self, no: PointNo) -> Option<&Point> {
        self.points.iter().find(|point| point.no == no)
    }

    /// What finds a point again: its name where that does, else its address, else its id.
    pub(crate) fn name_of(&self, point: &Point) -> String {
        let finds = |text: &&str| self.find(text).is_ok_and(|found| found.id == point.id);
        let found = [point.name.as_str(), point.address.path.as_str()].into_iter().find(finds);
        found.map_or_else(|| point.id.to_string(), str::to_owned)
    }

    /// The point that a text names.
    ///
    /// # Errors
    /// That there is none, or that there are several, in words that name the cure.
    pub(crate) fn find(&self, text: &str) -> Result<&Point, String> {
        let by_id = text.parse().ok().and_then(|id| self.by_id.get(&id));
        let at = match (by_id.or_else(|| self.by_path.get(text)), self.by_name.get(text)) {
            (Some(at), _) | (None, Some(Some(at))) => *at,
            (None, Some(None)) => {
                return Err(format!("several points are called {text:?}: give the address or the id"));
            }
            (None, None) => {
                return Err(format!(
                    "no point is called {text:?}: give its name, address or id as the register has it"
                ));
            }
        };
        self.points.get(at).ok_or_else(|| format!("no point is called {text:?}"))
    }
}

/// The samples of a file, received `now`, and what was wrong with it. Values without a unit are in the one that screens
/// show the point in, as exports are.
pub(crate) fn read(text: &str, names: &Names, now: Timestamp) -> (Vec<Sample>, ImportReport) {
    let mut report = ImportReport::default();
    let mut samples = Vec::new();
    let rows = match Rows::new(text.as_bytes()) {
        Ok(rows) => rows,
        Err(fault) => {
            report.faults.push(told(fault));
            return (samples, report);
        }
    };
    for row in rows {
        report.read = report.read.saturating_add(1);
        let sample = row.map_err(told).and_then(|row| {
            let fault = |field: &str, message: String| ImportFault {
                line: u32::try_from(row.line).unwrap_or(u32::MAX),
                field: field.to_owned(),
                message,
            };
            let point = names.find(&row.point).map_err(|message| fault("point", message))?;
            sample_of(&row, point, now).map_err(|message| fault("unit", message))
        });
        match sample {
            Ok(sample) => samples.push(sample),
            Err(fault) if report.faults.len() < ImportReport::MOST_FAULTS => report.faults.push(fault),
            Err(_) => {}
        }
    }
    report.added = u32::try_from(samples.len()).unwrap_or(u32::MAX);
    (samples, report)
}

/// How many points samples are of.
pub(crate) fn points_of(samples: &[Sample]) -> usize {
    samples.iter().map(|sample| sample.point).collect::<BTreeSet<PointNo>>().len()
}

fn told(fault: Fault) -> ImportFault {
    ImportFault { line: u32::try_from(fault.line).unwrap_or(u32::MAX), field: fault.column, message: fault.message }
}

/// How far apart two values of a point may be that its exports print alike.
pub(crate) fn tolerance(point: &Point) -> f64 {
    let decimals = i32::from(Column::of(point).decimals);
    point.display_unit().difference_to_si(0.51 * 0.1_f64.powi(decimals)).abs()
}

fn sample_of(row: &Row, point: &Point, now: Timestamp) -> Result<Sample, String> {
    let unit = match &row.unit {
        None => point.display_unit(),
        Some(text) => Unit::parse(text).map_err(|error| error.to_string())?,
    };
    if unit.quantity() != point.quantity {
        let (unit, quantity) = (unit.symbol(), point.quantity.name());
        return Err(format!("{unit:?} is no unit of {quantity}, which {:?} measures", point.name));
    }
    let value = row.value.map(|value| unit.to_si(value)).filter(|value| value.is_finite());
    let quality: Quality = within(point.span, value, row.quality);
    Ok(Sample { point: point.no, source_time: row.time, received_time: now, value, quality })
}
