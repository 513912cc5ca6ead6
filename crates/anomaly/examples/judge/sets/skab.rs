//! SKAB: a water circulation's test bed, eight sensors a second, one fault a run. Each run is fitted on its own first
//! 400 rows; F1, false-alarm rate and missed rate are pooled over all runs.

use std::path::Path;

use penstock_model::Quantity;

use super::{besides, events, stem};
use crate::report::{Figure, Reach};
use crate::score::Tally;
use crate::table::{Column, Outcome, Sheet, Times, files};
use crate::trial::{Scored, Trial};

pub(crate) const SET: &str = "skab";

const FIT_ROWS: usize = 400;
const LABEL: &str = "anomaly";

pub(crate) fn read(folder: &Path) -> Outcome<Vec<Trial>> {
    let mut trials = Vec::new();
    for (name, path) in files(folder, ".csv")? {
        let sheet = Sheet::read(&path)?;
        // The run without a fault has no labels: it is no part of the judgement.
        if !sheet.has(LABEL) {
            continue;
        }
        let table = sheet.table(Times::Column("datetime"), column)?;
        trials.push(Trial::of_one(stem(&name).to_owned(), table, 0..FIT_ROWS, &sheet.marks(LABEL)?));
    }
    Ok(trials)
}

fn column(name: &str) -> Option<Column> {
    let quantity = match name {
        "datetime" | LABEL | "changepoint" => return None,
        "Accelerometer1RMS" | "Accelerometer2RMS" => Quantity::Vibration,
        "Pressure" => Quantity::Pressure,
        "Temperature" | "Thermocouple" => Quantity::Temperature,
        "Volume Flow RateRMS" => Quantity::Flow,
        _ => Quantity::Plain,
    };
    Some(Column::new(name, quantity))
}

pub(crate) fn figures(all: &[Scored<'_>]) -> Vec<Figure> {
    let tally = Tally::of(all);
    let rows = tally.rows;
    let mut figures = vec![
        Figure::number(SET, "F1, pooled", rows.f1())
            .reach(Reach::AtLeast(0.85))
            .best_known("0.835 tried; 0.78 published, looking ahead"),
        Figure::number(SET, "false-alarm rate", rows.false_alarm_rate())
            .reach(Reach::AtMost(0.25))
            .best_known("0.259 tried; 0.136 published"),
        Figure::number(SET, "missed rate", rows.missed_rate()).best_known("0.123 tried; 0.280 published"),
        events(SET, &tally, "all"),
        Figure::number(SET, "F1 if always in alarm", rows.all_alarmed().f1()).best_known("0.698"),
    ];
    figures.extend(besides(SET, &tally));
    figures
}
