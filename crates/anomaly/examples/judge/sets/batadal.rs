//! BATADAL: the simulated town C with its tanks, pumps and valves, attacked. Fitted on dataset03, which has no attack
//! and, unlike the others, nine decimals: all are rounded to two. Each other recording is judged by itself.
//!
//! The competition's score (Taormina et al., 2018) is S = (S_TTD + S_CM) / 2, where S_TTD is 1 less the mean time to
//! detection, in lengths of the attack and 1 for one that is missed, and S_CM the mean of the shares of attacked hours
//! in alarm and of safe hours without.

use std::path::Path;
use std::rc::Rc;

use penstock_model::Quantity;

use super::{besides, events, stem};
use crate::report::{Figure, Reach};
use crate::score::{Tally, first_alarm};
use crate::table::{Column, Outcome, Sheet, Times, files};
use crate::trial::{Scored, Trial};

pub(crate) const SET: &str = "batadal";

const FIT: &str = "dataset03.csv";
const TIME: &str = "DATETIME";
const LABEL: &str = "attack";

pub(crate) fn read(folder: &Path) -> Outcome<Vec<Trial>> {
    let mut trials = Vec::new();
    let mut fit = None;
    for (name, path) in files(folder, ".csv")? {
        let sheet = Sheet::read(&path)?;
        // The list of attacks is no recording.
        if !sheet.has(TIME) || !sheet.has(LABEL) {
            continue;
        }
        let table = sheet.table(Times::Column(TIME), column)?.rounded(2);
        if name == FIT {
            fit = Some(Rc::new(table));
        } else {
            trials.push((stem(&name).to_owned(), table, sheet.marks(LABEL)?));
        }
    }
    if trials.is_empty() {
        return Ok(Vec::new());
    }
    let fit = fit.ok_or_else(|| format!("{} has no {FIT} to fit on", folder.display()))?;
    let trial = |(name, table, labels)| Trial::new(name, Rc::clone(&fit), table, 0, labels);
    Ok(trials.into_iter().map(trial).collect())
}

fn column(name: &str) -> Option<Column> {
    let quantity = match name.split_once('_')?.0 {
        "L" => Quantity::Level,
        "F" => Quantity::Flow,
        "S" => Quantity::State,
        "P" => Quantity::Pressure,
        _ => return None,
    };
    Some(Column::new(name, quantity))
}

pub(crate) fn figures(all: &[Scored<'_>]) -> Vec<Figure> {
    let mut figures: Vec<Figure> = all
        .iter()
        .map(|scored| {
            let best_known = match scored.trial.name.as_str() {
                "dataset04" => "0.915 tried",
                _ => "0.970 with the hydraulic model; 0.935 tried",
            };
            Figure::number(SET, format!("S {}", scored.trial.name), competition_score(scored))
                .reach(Reach::AtLeast(0.95))
                .best_known(best_known)
        })
        .collect();
    let tally = Tally::of(all);
    figures.extend([
        events(SET, &tally, "all"),
        Figure::number(SET, "F1", tally.rows.f1()).best_known("0.863 tried"),
        Figure::number(SET, "false-alarm rate", tally.rows.false_alarm_rate()).best_known("0.013 tried"),
    ]);
    figures.extend(besides(SET, &tally));
    figures
}

/// S of one recording; none where it has no attack, or nothing else.
fn competition_score(scored: &Scored<'_>) -> Option<f64> {
    let trial = scored.trial;
    let delays = trial.events.iter().map(|event| {
        let rows = trial.judged_rows(event);
        let length = rows.len();
        let until_told = first_alarm(&scored.asset, rows.clone()).map_or(length, |told| told - rows.start);
        until_told as f64 / length.max(1) as f64
    });
    let detection = 1.0 - delays.sum::<f64>() / trial.events.len() as f64;
    let rows = Tally::of([scored]).rows;
    let classification = f64::midpoint(rows.recall()?, 1.0 - rows.false_alarm_rate()?);
    Some(f64::midpoint(detection, classification))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::tests::{counted, scored};

    /// A hundred hours, attacked in 20 to 29 and 50 to 69.
    fn labels() -> Vec<bool> {
        (0..100).map(|row| (20..30).contains(&row) || (50..70).contains(&row)).collect()
    }

    #[test]
    fn the_score_weighs_how_soon_and_how_fully() {
        let trial = counted(100, 0..0, &labels());
        // The first attack is told after 5 of its 10 hours and then stays told, the second is missed; two safe hours of
        // 70 are in alarm. S_TTD = 1 - (0.5 + 1) / 2 = 0.25; TPR = 5 / 30, TNR = 68 / 70.
        let some = scored(&trial, &[0, 1, 25, 26, 27, 28, 29]);
        let expected = (0.25 + (5.0 / 30.0 + 68.0 / 70.0) / 2.0) / 2.0;
        assert!((competition_score(&some).expect("both kinds of hours") - expected).abs() < 1e-12);
    }

    #[test]
    fn all_at_once_and_nothing_else_is_one_and_silence_is_a_quarter() {
        let trial = counted(100, 0..0, &labels());
        let told: Vec<usize> = (20..30).chain(50..70).collect();
        assert_eq!(competition_score(&scored(&trial, &told)), Some(1.0));
        assert_eq!(competition_score(&scored(&trial, &[])), Some(0.25));
        let always: Vec<usize> = (0..100).collect();
        assert_eq!(competition_score(&scored(&trial, &always)), Some(0.75));
        assert_eq!(competition_score(&scored(&counted(9, 0..0, &[false; 9]), &[])), None);
    }

    #[test]
    fn states_are_told_from_measurements_and_flags_are_neither() {
        let quantity = |name: &str| column(name).map(|column| column.quantity);
        assert_eq!(quantity("S_PU1"), Some(Quantity::State));
        assert_eq!(quantity("F_PU1"), Some(Quantity::Flow));
        assert_eq!(["ATT_FLAG_source", "DATETIME", "attack"].map(quantity), [None; 3]);
    }
}
