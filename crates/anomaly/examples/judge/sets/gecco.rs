//! GECCO 2018: drinking water's quality at a waterworks, nine channels a minute. Fitted on the first 10,000 rows; the
//! competition's score is F1 over the rows.

use std::path::Path;

use penstock_model::Quantity;

use super::{besides, events, stem};
use crate::report::{Figure, Reach};
use crate::score::Tally;
use crate::table::{Column, Outcome, Sheet, Times, files};
use crate::trial::{Scored, Trial};

pub(crate) const SET: &str = "gecco2018";

const FIT_ROWS: usize = 10_000;
const TIME: &str = "Time";
const LABEL: &str = "EVENT";

pub(crate) fn read(folder: &Path) -> Outcome<Vec<Trial>> {
    let mut trials = Vec::new();
    for (name, path) in files(folder, ".csv")? {
        let sheet = Sheet::read(&path)?;
        if sheet.has(TIME) && sheet.has(LABEL) {
            let table = sheet.table(Times::Column(TIME), column)?;
            trials.push(Trial::of_one(stem(&name).to_owned(), table, 0..FIT_ROWS, &sheet.marks(LABEL)?));
        }
    }
    Ok(trials)
}

fn column(name: &str) -> Option<Column> {
    let quantity = match name {
        "Tp" => Quantity::Temperature,
        "Cl" | "Cl_2" => Quantity::Chlorine,
        "pH" => Quantity::Ph,
        "Redox" => Quantity::Plain,
        "Leit" => Quantity::Conductivity,
        "Trueb" => Quantity::Turbidity,
        "Fm" | "Fm_2" => Quantity::Flow,
        _ => return None,
    };
    Some(Column::new(name, quantity))
}

pub(crate) fn figures(all: &[Scored<'_>]) -> Vec<Figure> {
    let tally = Tally::of(all);
    let mut figures = vec![
        events(SET, &tally, "51 of 51 tried"),
        Figure::number(SET, "false-alarm rate", tally.rows.false_alarm_rate())
            .reach(Reach::AtMost(0.05))
            .best_known("0.08 tried"),
        Figure::number(SET, "F1", tally.rows.f1()).reach(Reach::AtLeast(0.30)).best_known("0.22 tried"),
        Figure::number(SET, "precision", tally.rows.precision()).best_known("0.127 tried"),
        Figure::number(SET, "recall", tally.rows.recall()).best_known("0.857 tried"),
    ];
    figures.extend(besides(SET, &tally));
    figures
}
