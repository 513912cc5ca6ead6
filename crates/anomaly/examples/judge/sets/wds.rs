//! WDSEventDB: a water distribution test bed with leaks, failing sensors and attacks. Set points differ from file to
//! file, so each is fitted on a clean stretch of its own, and the rows before that are not judged. Its rows have no
//! times.

use std::ops::Range;
use std::path::Path;

use penstock_model::Quantity;

use super::{besides, events, stem};
use crate::report::{Figure, Reach};
use crate::score::Tally;
use crate::table::{Column, Outcome, Sheet, Times, files};
use crate::trial::{Scored, Trial};

pub(crate) const SET: &str = "wdseventdb";

const LABEL: &str = "Labels";

/// The clean stretch of each file, by what its name ends with.
const CLEAN: [(&str, Range<usize>); 5] = [
    ("_SensorEvent1", 0..500),
    ("_SensorEvent23", 150..650),
    ("_SensorEvent45", 0..280),
    ("_SensorEvent67", 0..500),
    ("_CyberEvent1-4", 200..1_700),
];

/// That of the leaks' files, and of any other.
const USUALLY_CLEAN: Range<usize> = 0..500;

pub(crate) fn read(folder: &Path) -> Outcome<Vec<Trial>> {
    let mut trials = Vec::new();
    for (name, path) in files(folder, ".csv")? {
        let name = stem(&name);
        let sheet = Sheet::read(&path)?;
        let labels = if sheet.has(LABEL) { sheet.marks(LABEL)? } else { Vec::new() };
        // Of a file without an event, no stretch is agreed to be judged.
        if labels.contains(&true) {
            let table = sheet.table(Times::EverySecond, column)?;
            trials.push(Trial::of_one(name.to_owned(), table, clean(name), &labels));
        }
    }
    Ok(trials)
}

fn clean(name: &str) -> Range<usize> {
    let known = CLEAN.iter().find(|(ending, _)| name.ends_with(ending));
    known.map_or(USUALLY_CLEAN, |(_, rows)| rows.clone())
}

fn column(name: &str) -> Option<Column> {
    let quantity = match name.split_once(' ').map_or(name, |(first, _)| first) {
        LABEL => return None,
        "Pressure" => Quantity::Pressure,
        "Water" => Quantity::Flow,
        "VFD" => Quantity::Frequency,
        "Analog" => Quantity::Ratio,
        _ => Quantity::Plain,
    };
    Some(Column::new(name, quantity))
}

pub(crate) fn figures(all: &[Scored<'_>]) -> Vec<Figure> {
    let tally = Tally::of(all);
    let mut figures = vec![
        Figure::number(SET, "F1, pooled", tally.rows.f1()).reach(Reach::AtLeast(0.83)).best_known("0.826 tried"),
        events(SET, &tally, "10 of 12 tried"),
        Figure::number(SET, "false-alarm rate", tally.rows.false_alarm_rate()).best_known("0.052 tried"),
        Figure::number(SET, "missed rate", tally.rows.missed_rate()).best_known("0.215 tried"),
    ];
    figures.extend(besides(SET, &tally));
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_fitted_on_its_own_clean_stretch() {
        assert_eq!(clean("Leakage_LeakEvent2"), 0..500);
        assert_eq!(clean("SensorFailure_SensorEvent1"), 0..500);
        assert_eq!(clean("SensorFailure_SensorEvent23"), 150..650);
        assert_eq!(clean("SensorFailure_SensorEvent45"), 0..280);
        assert_eq!(clean("Cyberattack_CyberEvent1-4"), 200..1_700);
    }
}
