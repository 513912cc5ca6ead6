//! Historic values from CSV to samples of points that the register knows. Must not know where they go.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use penstock_api::{ImportFault, ImportReport};
use penstock_archive::{Fault, Row, Rows};
use penstock_model::{Point, PointNo, PointState, Quality, Sample, Timestamp, Unit};

use crate::pipeline::within;
use crate::register::Inner;

/// Faults that are told; a file that fits nowhere would have one a line.
const MOST_FAULTS: usize = 200;

/// The samples of a file, received `now`, and what was wrong with it. Values without a unit are in the one that screens
/// show the point in, as exports are.
pub(crate) fn read(text: &str, register: &Inner, now: Timestamp) -> (Vec<Sample>, ImportReport) {
    let mut report = ImportReport::default();
    let mut samples = Vec::new();
    let mut found: HashMap<Arc<str>, Result<&Point, String>> = HashMap::new();
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
            let point = found.entry(Arc::clone(&row.point)).or_insert_with(|| find(register, &row.point));
            let fault = |field: &str, message: String| ImportFault {
                line: u32::try_from(row.line).unwrap_or(u32::MAX),
                field: field.to_owned(),
                message,
            };
            let point = point.clone().map_err(|message| fault("point", message))?;
            sample_of(&row, point, now).map_err(|message| fault("unit", message))
        });
        match sample {
            Ok(sample) => samples.push(sample),
            Err(fault) if report.faults.len() < MOST_FAULTS => report.faults.push(fault),
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

/// The point that a file means: by id, else by address, else by name where one alone has it.
fn find<'a>(register: &'a Inner, text: &str) -> Result<&'a Point, String> {
    let kept = || register.points.values().filter(|point| point.state != PointState::Ignored);
    if let Some(point) = text.parse().ok().and_then(|id| register.point(id)) {
        return Ok(point);
    }
    if let Some(point) = kept().find(|point| point.address.path == text) {
        return Ok(point);
    }
    let mut named = kept().filter(|point| point.name == text);
    match (named.next(), named.next()) {
        (Some(point), None) => Ok(point),
        (Some(_), Some(_)) => Err(format!("several points are called {text:?}: give the address or the id")),
        (None, _) => Err(format!("no point is called {text:?}: give its name, address or id as the register has it")),
    }
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
