//! The made pumping asset: flow, pressure, level and chlorine every five minutes, labelled point by point, in three
//! kinds. Everything that goes wrong; slow leaks alone; isolated outliers alone. Fitted on the first 2,000 rows.
//!
//! An event counts as found where one of the points it is labelled on raises an alarm during it. Days are those of
//! single points: a day of four points is four. A leak lasts so long that a stray alarm hits many: the share of their
//! readings in alarm tells whether they were seen.

use std::collections::BTreeMap;
use std::path::Path;

use penstock_model::{PointRole, Quantity};

use super::stem;
use crate::report::{Figure, Reach};
use crate::score::{Tally, first_alarm, share};
use crate::table::{Column, Outcome, Sheet, Times, files};
use crate::trial::{Event, Scored, Trial};

pub(crate) const SET: &str = "synth";

const FIT_ROWS: usize = 2_000;
const ROWS_FILE: &str = "_wide.csv";
const EVENTS_FILE: &str = "_events.csv";
const TIME: &str = "timestamp";
const LABEL: &str = "label";
/// Leaks that last so long must be found.
const LONG_LEAK_SECS: f64 = 3.0 * 86_400.0;

/// The three kinds, by the word in the file's name that tells them.
const LEAKS: &str = "leaks";
const ISOLATED: &str = "isolated";

pub(crate) fn read(folder: &Path) -> Outcome<Vec<Trial>> {
    let mut trials = Vec::new();
    for (name, path) in files(folder, ROWS_FILE)? {
        let sheet = Sheet::read(&path)?;
        let table = sheet.table(Times::Column(TIME), column)?;
        let mut sensor_labels = Vec::new();
        for column in &table.columns {
            let labels = sheet.marks(&format!("{LABEL}_{}", column.name))?;
            sensor_labels.push(labels.into_iter().skip(FIT_ROWS).collect());
        }
        let events_path = path.with_file_name(format!("{}{EVENTS_FILE}", of_file(&path)));
        let events = read_events(&Sheet::read(&events_path)?, &table.columns)?;
        let mut trial = Trial::of_one(stem(&name).to_owned(), table, 0..FIT_ROWS, &sheet.marks(LABEL)?);
        trial.sensor_labels = sensor_labels;
        trial.events = events;
        trials.push(trial);
    }
    Ok(trials)
}

/// What a recording's files have in common.
fn of_file(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.strip_suffix(ROWS_FILE).map_or(name.clone(), str::to_owned)
}

fn column(name: &str) -> Option<Column> {
    let (quantity, role) = match name {
        "flow" => (Quantity::Flow, Some(PointRole::AreaInflow)),
        "pressure" => (Quantity::Pressure, Some(PointRole::CriticalPressure)),
        "level" => (Quantity::Level, Some(PointRole::TankLevel)),
        "chlorine" => (Quantity::Chlorine, Some(PointRole::AreaChlorine)),
        _ => return None,
    };
    Some(Column { name: name.to_owned(), quantity, role })
}

fn read_events(sheet: &Sheet, columns: &[Column]) -> Outcome<Vec<Event>> {
    let mut events = Vec::new();
    let rows = sheet.texts("row_start")?.zip(sheet.texts("row_end_excl")?);
    for ((kind, sensors), (start, end)) in sheet.texts("kind")?.zip(sheet.texts("sensors")?).zip(rows) {
        let index_of = |sensor: &str| columns.iter().position(|column| column.name == sensor);
        let sensors =
            sensors.split('+').map(|name| index_of(name).ok_or_else(|| format!("no column is called {name}")));
        let sensors = sensors.collect::<Result<_, _>>()?;
        events.push(Event { kind: kind.to_owned(), sensors, rows: start.parse()?..end.parse()? });
    }
    events.sort_by_key(|event| event.rows.start);
    Ok(events)
}

pub(crate) fn figures(all: &[Scored<'_>]) -> Vec<Figure> {
    let is_of = |scored: &&Scored<'_>, word: &str| {
        let name = scored.trial.name.rsplit('/').next().unwrap_or_default();
        name.split('_').any(|part| part == word)
    };
    let leaks: Vec<&Scored<'_>> = all.iter().filter(|scored| is_of(scored, LEAKS)).collect();
    let isolated: Vec<&Scored<'_>> = all.iter().filter(|scored| is_of(scored, ISOLATED)).collect();
    let others: Vec<&Scored<'_>> =
        all.iter().filter(|scored| !is_of(scored, LEAKS) && !is_of(scored, ISOLATED)).collect();
    let mut figures = Vec::new();
    if !others.is_empty() {
        figures.extend(of_everything(&others));
    }
    if !leaks.is_empty() {
        figures.extend(of_leaks(&leaks));
    }
    if !isolated.is_empty() {
        figures.extend(of_isolated(&isolated));
    }
    figures
}

fn of_everything(all: &[&Scored<'_>]) -> Vec<Figure> {
    let (tally, kinds) = (by_point(all), by_kind(all));
    let mut figures = vec![
        Figure::number(SET, "event recall", share(tally.found, tally.events))
            .reach(Reach::AtLeast(0.96))
            .best_known("0.96 tried, at 0.55 false alarms"),
        Figure::number(SET, "false alarms a point's day", tally.false_episodes_a_day())
            .reach(Reach::AtMost(0.5))
            .best_known("0.55 tried; reference design 3.69"),
        Figure::number(SET, "  of them far from any event", tally.unfounded_episodes_a_day()),
    ];
    figures.extend(kinds.into_iter().map(|(kind, (found, all))| Figure::found(SET, format!("  {kind}"), found, all)));
    figures.extend([
        Figure::number(SET, "precision of readings", tally.rows.precision()).best_known("0.562 tried"),
        Figure::number(SET, "recall of readings", tally.rows.recall()).best_known("0.476 tried"),
        Figure::number(SET, "F1 of readings", tally.rows.f1()).best_known("0.515 tried; reference design 0.305"),
        Figure::number(SET, "median delay of those found", tally.median_delay_secs()).unit(" s"),
        Figure::number(SET, "first contributor is a labelled point", named_rightly(all)),
    ]);
    figures
}

fn of_leaks(all: &[&Scored<'_>]) -> Vec<Figure> {
    let tally = by_point(all);
    let (mut found, mut long) = (0, 0);
    for scored in all {
        let interval_secs = scored.trial.judged.interval_secs();
        for event in &scored.trial.events {
            let lasting_secs = event.rows.len() as f64 * interval_secs;
            if lasting_secs < LONG_LEAK_SECS {
                continue;
            }
            long += 1;
            found += usize::from(told(scored, event).is_some());
        }
    }
    vec![
        Figure::found(SET, "leaks of 3 days and more found", found, long)
            .reach(Reach::AtLeast(0.8))
            .best_known("0.25 to 0.45 tried"),
        Figure::number(SET, "  share of the leaks' readings in alarm", tally.rows.recall()),
        Figure::number(SET, "  median delay", tally.median_delay_secs().map(|secs| secs / 3_600.0)).unit(" h"),
        Figure::number(SET, "  false alarms a point's day", tally.false_episodes_a_day()),
    ]
}

fn of_isolated(all: &[&Scored<'_>]) -> Vec<Figure> {
    let tally = by_point(all);
    vec![
        Figure::number(SET, "isolated outliers, precision", tally.rows.precision())
            .reach(Reach::AtLeast(0.95))
            .best_known("0.943 tried"),
        Figure::number(SET, "isolated outliers, recall", tally.rows.recall())
            .reach(Reach::AtLeast(0.95))
            .best_known("1.00 tried"),
        Figure::number(SET, "  F1", tally.rows.f1()).best_known("0.971 tried; reference design 0.828 in-sample"),
    ]
}

/// Rows, episodes and days of single points; events by the points they are labelled on.
fn by_point(all: &[&Scored<'_>]) -> Tally {
    let mut tally = Tally::default();
    for scored in all {
        let trial = scored.trial;
        let interval_secs = trial.judged.interval_secs();
        for (findings, labels) in scored.sensors.iter().zip(&trial.sensor_labels) {
            tally.add_rows(findings, labels, interval_secs);
        }
        for event in &trial.events {
            tally.events += 1;
            if let Some(row) = told(scored, event) {
                tally.found += 1;
                let rows = row - trial.judged_rows(event).start;
                tally.delays_secs.push(rows as f64 * interval_secs);
            }
        }
    }
    tally
}

/// Events found and events, by kind.
fn by_kind(all: &[&Scored<'_>]) -> BTreeMap<String, (usize, usize)> {
    let mut kinds: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (scored, event) in all.iter().flat_map(|scored| scored.trial.events.iter().map(move |event| (scored, event))) {
        let (found, all) = kinds.entry(event.kind.clone()).or_default();
        *found += usize::from(told(scored, event).is_some());
        *all += 1;
    }
    kinds
}

/// The judged row in which one of an event's own points first raised an alarm during it.
fn told(scored: &Scored<'_>, event: &Event) -> Option<usize> {
    let rows = scored.trial.judged_rows(event);
    let own = event.sensors.iter().filter_map(|sensor| scored.sensors.get(*sensor));
    own.filter_map(|findings| first_alarm(findings, rows.clone())).min()
}

/// Of the rows that are labelled and in which the asset is in alarm, the share whose first contributor is labelled.
fn named_rightly(all: &[&Scored<'_>]) -> Option<f64> {
    let (mut right, mut of) = (0, 0);
    for scored in all {
        let trial = scored.trial;
        for (row, finding) in scored.asset.iter().enumerate() {
            if !finding.is_alarm || trial.labels.get(row) != Some(&true) {
                continue;
            }
            of += 1;
            let labels = finding.contributor.and_then(|sensor| trial.sensor_labels.get(sensor));
            right += usize::from(labels.is_some_and(|labels| labels.get(row) == Some(&true)));
        }
    }
    share(right, of)
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use penstock_model::Timestamp;

    use super::*;
    use crate::contender::Finding;
    use crate::table::Table;

    /// Two points, a row an hour, judged from row 10: an event of both in rows 20 to 23, one of the second in row 40.
    fn trial(name: &str) -> Trial {
        let times = (0..110).map(|row| Timestamp::from_secs(row * 3_600)).collect();
        let columns = ["flow", "level"].map(|name| column(name).expect("known")).to_vec();
        let table = Table::new(columns, times, vec![0.0; 220]).expect("full rows");
        let event = |kind: &str, sensors: &[usize], rows: Range<usize>| Event {
            kind: kind.to_owned(),
            sensors: sensors.to_vec(),
            rows,
        };
        let events = vec![event("leak", &[0, 1], 20..24), event("spike", &[1], 40..41)];
        let labelled = |sensor: usize| -> Vec<bool> {
            let is_labelled = |row: usize| events.iter().any(|e| e.sensors.contains(&sensor) && e.rows.contains(&row));
            (0..110).map(is_labelled).collect()
        };
        let any: Vec<bool> = labelled(0).into_iter().zip(labelled(1)).map(|(a, b)| a || b).collect();
        let mut trial = Trial::of_one(name.to_owned(), table, 0..10, &any);
        trial.sensor_labels = [0, 1].map(|sensor| labelled(sensor).split_off(10)).to_vec();
        trial.events = events;
        trial
    }

    /// Alarms of the two points in rows of the input.
    fn scored<'a>(trial: &'a Trial, flow: &[usize], level: &[usize]) -> Scored<'a> {
        let finding = |rows: &[usize], row: usize, sensor: usize| match rows.contains(&row) {
            true => Finding { score: 0.9, is_alarm: true, contributor: Some(sensor) },
            false => Finding::default(),
        };
        let findings = |rows: &[usize], sensor: usize| (10..110).map(|row| finding(rows, row, sensor)).collect();
        let sensors: Vec<Vec<Finding>> = vec![findings(flow, 0), findings(level, 1)];
        let worse = |(a, b): (&Finding, &Finding)| if a.score >= b.score { *a } else { *b };
        Scored { trial, asset: sensors[0].iter().zip(&sensors[1]).map(worse).collect(), sensors }
    }

    #[test]
    fn an_event_is_found_by_its_own_points_alone() {
        let trial = trial("synth_1_wide");
        // The level tells of the leak in its third row; the flow cannot tell of the level's spike.
        let scored = scored(&trial, &[40], &[22]);
        assert_eq!(by_kind(&[&scored]), BTreeMap::from([("leak".to_owned(), (1, 1)), ("spike".to_owned(), (0, 1))]));
        let tally = by_point(&[&scored]);
        assert_eq!((tally.found, tally.events, tally.false_episodes), (1, 2, 1));
        assert_eq!(tally.delays_secs, [7_200.0]);
        // A hundred hours of two points, less four and five that are labelled.
        assert!((tally.normal_days - 191.0 / 24.0).abs() < 1e-9, "{}", tally.normal_days);
        assert_eq!((tally.rows.hits, tally.rows.misses, tally.rows.false_alarms), (1, 8, 1));
        // In row 22 the labelled level is named; in row 40 the flow, which is not.
        assert_eq!(named_rightly(&[&scored]), Some(0.5));
    }

    #[test]
    fn kinds_are_told_by_the_files_name() {
        let sets = ["synth_7_wide", "synth_leaks_7_wide", "synth_isolated_7_wide"].map(trial);
        let told = |trial: &Trial| -> String { figures(&[scored(trial, &[], &[])]).remove(0).what };
        assert_eq!(
            sets.each_ref().map(told),
            ["event recall", "leaks of 3 days and more found", "isolated outliers, precision"]
        );
    }

    #[test]
    fn leaks_shorter_than_three_days_are_not_asked_for() {
        let mut trial = trial("synth_leaks_7_wide");
        assert_eq!(of_leaks(&[&scored(&trial, &[21], &[])])[0].is_met(), None);
        trial.events[0].rows = 20..92;
        assert_eq!(of_leaks(&[&scored(&trial, &[21], &[])])[0].is_met(), Some(true));
    }
}
