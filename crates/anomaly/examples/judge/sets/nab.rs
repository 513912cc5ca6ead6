//! The Numenta Anomaly Benchmark: single series with windows around what is known to have gone wrong. Fitted on the
//! first 15 % of the rows, at most 750, which are not scored.
//!
//! The standard score follows Numenta's own (Lavin and Ahmad, 2015). The earliest detection within a window earns up
//! to 1, by a sigmoid of how much of the window is still to come; a window without one costs 1; a detection outside
//! costs up to 0.11, less close behind a window. The sum over all series is brought onto a scale on which 0 is no
//! detection at all and 100 one in the first row of each window and none elsewhere. What Numenta takes for a detection
//! is each row at or above a threshold; here an alarm that lasts is one detection, at the first row of its episode:
//! people are called once.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use penstock_model::Quantity;

use super::{besides, stem};
use crate::report::{Figure, Reach};
use crate::score::{Tally, alarms, episodes};
use crate::table::{Column, Outcome, Sheet, Table, Times, files, parse_time};
use crate::trial::{Event, Scored, Trial};

pub(crate) const SET: &str = "nab";

const WINDOWS: &str = "combined_windows.json";
const TIME: &str = "timestamp";
const VALUE: &str = "value";
const MOST_FIT_ROWS: usize = 750;
/// What a detection outside of any window costs.
const FALSE_ALARM: f64 = 0.11;
/// Window lengths behind a window from which on a false alarm costs in full.
const FAR_BEHIND: f64 = 3.0;

pub(crate) fn read(folder: &Path) -> Outcome<Vec<Trial>> {
    let files = files(folder, ".csv")?;
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let path = folder.join(WINDOWS);
    let text = std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let windows: BTreeMap<String, Vec<(String, String)>> = serde_json::from_str(&text)?;
    let mut trials = Vec::new();
    for (name, path) in files {
        let sheet = Sheet::read(&path)?;
        if !sheet.has(TIME) || !sheet.has(VALUE) {
            continue;
        }
        let table = sheet.table(Times::Column(TIME), column)?;
        let fit = 0..(sheet.len() * 15 / 100).min(MOST_FIT_ROWS);
        let mut rows = Vec::new();
        for (first, last) in windows.get(&name).into_iter().flatten() {
            rows.push(rows_between(&table, first, last)?);
        }
        trials.push(trial(stem(&name), table, fit, rows));
    }
    Ok(trials)
}

fn trial(name: &str, table: Table, fit: Range<usize>, windows: Vec<Range<usize>>) -> Trial {
    let labels: Vec<bool> = (0..table.times.len()).map(|row| windows.iter().any(|rows| rows.contains(&row))).collect();
    let mut trial = Trial::of_one(name.to_owned(), table, fit, &labels);
    // Windows may touch, and one that began among the rows to fit on keeps its length.
    let event = |rows| Event { kind: "window".to_owned(), sensors: Vec::new(), rows };
    trial.events = windows.into_iter().map(event).collect();
    trial
}

fn column(name: &str) -> Option<Column> {
    (name == VALUE).then(|| Column::new(name, Quantity::Plain))
}

fn rows_between(table: &Table, first: &str, last: &str) -> Outcome<Range<usize>> {
    let (first, last) = (parse_time(first)?, parse_time(last)?);
    let start = table.times.iter().position(|at| *at >= first).unwrap_or(table.times.len());
    let end = table.times.iter().rposition(|at| *at <= last).map_or(0, |row| row + 1);
    Ok(start..end.max(start))
}

pub(crate) fn figures(all: &[Scored<'_>]) -> Vec<Figure> {
    let tally = Tally::of(all);
    let called = |scored: &Scored<'_>| episodes(&alarms(&scored.asset));
    let begun = |scored: &Scored<'_>| {
        let alarms = alarms(&scored.asset);
        let before = [false].into_iter().chain(alarms.iter().copied());
        let rises = alarms.iter().zip(before).enumerate().filter(|(_, (is_alarm, was))| **is_alarm && !was);
        rises.map(|(row, _)| row).collect()
    };
    let mut figures = vec![
        Figure::number(SET, "standard score, one detection an episode", standard_score(all, called))
            .reach(Reach::AtLeast(50.0))
            .best_known("HTM 56.6, random cut forest 44.5, 43.5 tried, on 7 series"),
        Figure::number(SET, "  one wherever the alarm begins anew", standard_score(all, begun)),
        Figure::number(SET, "  one each row in alarm", standard_score(all, alarmed_rows)),
        Figure::found(SET, "windows found", tally.found, tally.events).best_known("14 of 19 tried"),
    ];
    for scored in all {
        let score = standard_score(std::slice::from_ref(scored), called);
        let name = scored.trial.name.rsplit('/').next().unwrap_or_default();
        figures.push(Figure::number(SET, format!("  {name}"), score));
    }
    figures.extend(besides(SET, &tally));
    figures
}

fn alarmed_rows(scored: &Scored<'_>) -> Vec<usize> {
    let rows = scored.asset.iter().enumerate().filter(|(_, finding)| finding.is_alarm);
    rows.map(|(row, _)| row).collect()
}

/// The standard score over all series; none where they have no window. `detections` names judged rows.
fn standard_score(all: &[Scored<'_>], detections: impl Fn(&Scored<'_>) -> Vec<usize>) -> Option<f64> {
    let (mut sum, mut windows) = (0.0, 0);
    for scored in all {
        let trial = scored.trial;
        let counting: Vec<Range<usize>> = trial
            .events
            .iter()
            .filter(|event| !trial.judged_rows(event).is_empty())
            .map(|event| event.rows.clone())
            .collect();
        let rows = detections(scored).into_iter().map(|row| row + trial.first_row);
        sum += raw_score(rows, &counting);
        windows += counting.len();
    }
    (windows > 0).then(|| 100.0 * (sum + windows as f64) / (2.0 * windows as f64))
}

/// What detections in these rows earn and cost, with those windows missed that none is in.
fn raw_score(rows: impl Iterator<Item = usize>, windows: &[Range<usize>]) -> f64 {
    let mut earned: Vec<f64> = vec![-1.0; windows.len()];
    let mut costs = 0.0;
    for row in rows {
        let inside = windows.iter().zip(&mut earned).find(|(window, _)| window.contains(&row));
        if let Some((window, best)) = inside {
            let position = -((window.end - row) as f64) / window.len() as f64;
            *best = best.max(worth(position) / worth(-1.0));
            continue;
        }
        let before = windows.iter().filter(|window| window.end <= row).max_by_key(|window| window.end);
        let position =
            before.map_or(FAR_BEHIND, |window| (row + 1 - window.end) as f64 / window.len().saturating_sub(1) as f64);
        costs += FALSE_ALARM * worth(position);
    }
    costs + earned.iter().sum::<f64>()
}

/// 1 at the beginning of a window (-1), 0 at its end (0), -1 far behind it.
fn worth(position: f64) -> f64 {
    if position >= FAR_BEHIND { -1.0 } else { 2.0 / (1.0 + (5.0 * position).exp()) - 1.0 }
}

#[cfg(test)]
mod tests {
    use penstock_model::Timestamp;

    use super::*;
    use crate::trial::tests::scored;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-5, "{found}, not {expected}");
    }

    /// The values that Numenta's own scorer states.
    #[test]
    fn a_detection_is_worth_less_the_later_it_comes() {
        near(worth(-1.0), 0.98661);
        near(worth(-0.5), 0.84828);
        near(worth(0.0), 0.0);
        near(worth(1.0), -0.98661);
        near(worth(2.99), -1.0);
        near(worth(3.0), -1.0);
    }

    #[test]
    fn the_earliest_detection_of_a_window_counts_once() {
        let window = 100..200;
        let raw_score = |rows: &[usize]| raw_score(rows.iter().copied(), std::slice::from_ref(&window));
        near(raw_score(&[100]), 1.0);
        near(raw_score(&[150, 160, 199]), 0.848_283_6 / 0.986_614_3);
        // The last row of a window of 100 still has a hundredth of it to come: 2 / (1 + e^-0.05) - 1 = 0.02499.
        near(raw_score(&[199]), 0.024_994_8 / 0.986_614_3);
        near(raw_score(&[]), -1.0);
    }

    #[test]
    fn a_false_alarm_costs_in_full_before_any_window_and_less_close_behind_one() {
        let window = 100..200;
        let raw_score = |rows: &[usize]| raw_score(rows.iter().copied(), std::slice::from_ref(&window));
        near(raw_score(&[50]), -1.0 - 0.11);
        // 99 rows of the window lie between its first and last: one row behind it is 1 / 99 of that.
        near(raw_score(&[200]), -1.0 - 0.11 * 0.025_247);
        near(raw_score(&[199 + 99]), -1.0 - 0.11 * 0.98661);
        near(raw_score(&[900]), -1.0 - 0.11);
    }

    fn series(windows: Vec<Range<usize>>) -> Trial {
        let times = (0..1_000).map(Timestamp::from_secs).collect();
        let table = Table::new(vec![Column::new(VALUE, Quantity::Plain)], times, vec![0.0; 1_000]).expect("full rows");
        trial("a", table, 0..150, windows)
    }

    #[test]
    fn the_scale_reaches_from_silence_to_perfection() {
        let series = series(vec![200..300, 500..600]);
        let score = |alarms: &[usize]| standard_score(&[scored(&series, alarms)], alarmed_rows).expect("windows");
        near(score(&[]), 0.0);
        near(score(&[50, 350]), 100.0);
        // One found at once, one missed, one false alarm in full ahead of both: (1 - 1 - 0.11 + 2) / 4.
        near(score(&[0, 50]), 100.0 * 1.89 / 4.0);
    }

    #[test]
    fn windows_among_the_rows_to_fit_on_do_not_count_and_one_that_reaches_out_keeps_its_length() {
        let series = series(vec![20..50, 100..200]);
        let score = |alarms: &[usize]| standard_score(&[scored(&series, alarms)], alarmed_rows).expect("windows");
        near(score(&[]), 0.0);
        // Row 150 is half way through.
        near(score(&[0]), 100.0 * (0.848_283_64 / 0.986_614_30 + 1.0) / 2.0);
    }

    #[test]
    fn a_window_is_from_its_first_time_to_its_last() {
        let times = (0..10).map(|row| Timestamp::from_secs(row * 60)).collect();
        let table = Table::new(vec![Column::new(VALUE, Quantity::Plain)], times, vec![0.0; 10]).expect("full rows");
        let rows = rows_between(&table, "1970-01-01 00:02:00.000000", "1970-01-01 00:05:00.000000");
        assert_eq!(rows.expect("times"), 2..6);
    }
}
