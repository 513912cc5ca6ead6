//! Judges the detectors on labelled data: event recall and false alarms.
//!
//! `cargo run --release -p penstock-anomaly --example judge -- --data DIR [--set NAME]` reads `NAME_wide.csv` (timestamp,
//! values, `label_*` columns) and `NAME_events.csv` (id, kind, sensors, first row, row after the last) from DIR; the
//! first 2,000 rows are taken to be ordinary and are not judged. NAME is `synth_7` where none is given.

#![expect(clippy::print_stdout, reason = "what it finds is what it is for")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use penstock_anomaly::{ALARM_SCORE, Config, Detector, Reason, State};
use penstock_model::{Fault, PointNo, Quality, Sample, Timestamp};

const FIT_ROWS: usize = 2_000;
/// Flagged samples this close together are one alarm.
const MERGE_ROWS: usize = 10;

struct Series {
    name: String,
    samples: Vec<Sample>,
    labels: Vec<bool>,
}

struct Event {
    kind: String,
    sensors: Vec<String>,
    rows: std::ops::Range<usize>,
}

type Anyhow<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Anyhow<()> {
    let mut arguments = std::env::args().skip(1);
    let (mut folder, mut set) = (None, "synth_7".to_owned());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--data" => folder = arguments.next().map(PathBuf::from),
            "--set" => set = arguments.next().ok_or("--set needs a name")?,
            other => return Err(format!("{other} is not known: use --data DIR and --set NAME").into()),
        }
    }
    let folder = folder.ok_or("say where the data is: --data DIR")?;
    let series = read_series(&std::fs::read_to_string(folder.join(format!("{set}_wide.csv")))?)?;
    let events = read_events(&std::fs::read_to_string(folder.join(format!("{set}_events.csv")))?)?;

    let mut flags: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    let (mut false_alarms, mut days) = (0, 0.0);
    let (mut hits, mut flagged, mut labelled) = (0, 0, 0);
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for series in &series {
        let mut detector = Detector::new(Config::default());
        let mut found = Vec::with_capacity(series.samples.len());
        let mut why = Vec::with_capacity(series.samples.len());
        for sample in &series.samples {
            let verdict = detector.observe(sample);
            // A dead sensor is told by its quality, not by a score.
            let is_lost = sample.quality.is_bad();
            found.push(is_lost || (verdict.state == State::Scoring && verdict.score >= ALARM_SCORE));
            why.push(name_of(verdict.reason));
        }
        let judged = series.labels.iter().skip(FIT_ROWS).filter(|label| !**label).count();
        days += judged as f64 * 300.0 / 86_400.0;
        let mut last: Option<usize> = None;
        let mut own = 0;
        for row in FIT_ROWS..found.len() {
            labelled += usize::from(series.labels[row]);
            flagged += usize::from(found[row]);
            hits += usize::from(found[row] && series.labels[row]);
            if !found[row] {
                continue;
            }
            if !series.labels[row] && last.is_none_or(|last| row - last > MERGE_ROWS) {
                own += 1;
                *reasons.entry(why[row]).or_default() += 1;
            }
            last = Some(row);
        }
        println!("{:<10} {own:>4} false alarms, {:.3} a day", series.name, own as f64 / (judged as f64 / 288.0));
        false_alarms += own;
        flags.insert(series.name.clone(), found);
    }

    let mut kinds: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for event in &events {
        let found = event
            .sensors
            .iter()
            .any(|sensor| flags.get(sensor).is_some_and(|flags| flags[event.rows.clone()].iter().any(|flag| *flag)));
        let kind = kinds.entry(event.kind.clone()).or_default();
        kind.0 += usize::from(found);
        kind.1 += 1;
    }
    for (kind, (found, all)) in &kinds {
        println!("{kind:<12} {found:>4} of {all:>4} found");
    }
    let found: usize = kinds.values().map(|kind| kind.0).sum();
    let (precision, recall) = (hits as f64 / flagged.max(1) as f64, hits as f64 / labelled.max(1) as f64);
    println!("reasons of false alarms: {reasons:?}");
    println!("readings     precision {precision:.3}  recall {recall:.3}");
    println!("events       recall {:.3} ({found} of {})", found as f64 / events.len().max(1) as f64, events.len());
    println!(
        "false alarms {:.3} per sensor and day ({false_alarms} in {days:.0} days)",
        f64::from(false_alarms) / days
    );
    Ok(())
}

fn name_of(reason: Reason) -> &'static str {
    match reason {
        Reason::Nothing => "nothing",
        Reason::JumpUp { .. } | Reason::JumpDown { .. } => "jump",
        Reason::Above { .. } | Reason::Below { .. } => "shift",
        Reason::Stuck { .. } => "stuck",
        Reason::Noisy { .. } => "noisy",
    }
}

fn read_series(text: &str) -> Anyhow<Vec<Series>> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().ok_or("no header")?.split(',').collect();
    let names: Vec<&str> = header.iter().skip(1).copied().take_while(|name| !name.starts_with("label")).collect();
    let mut series: Vec<Series> =
        names.iter().map(|name| Series { name: (*name).to_owned(), samples: Vec::new(), labels: Vec::new() }).collect();
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let at = Timestamp::parse(&format!("{}Z", fields.first().ok_or("no time")?.replace(' ', "T")))?;
        for (index, series) in series.iter_mut().enumerate() {
            let value: Option<f64> =
                fields.get(1 + index).and_then(|field| field.parse().ok()).filter(|v: &f64| v.is_finite());
            let label =
                header.iter().position(|column| *column == format!("label_{}", series.name)).ok_or("no label")?;
            series.labels.push(fields.get(label) == Some(&"1"));
            series.samples.push(Sample {
                point: PointNo(i32::try_from(index)?),
                source_time: at,
                received_time: at + Duration::from_secs(1),
                value,
                quality: if value.is_some() { Quality::Good } else { Quality::Bad(Fault::NotANumber) },
            });
        }
    }
    Ok(series)
}

fn read_events(text: &str) -> Anyhow<Vec<Event>> {
    text.lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let [_, kind, sensors, from, to, ..] = fields.as_slice() else { return Err(line.to_owned().into()) };
            Ok(Event {
                kind: (*kind).to_owned(),
                sensors: sensors.split('+').map(str::to_owned).collect(),
                rows: from.parse()?..to.parse()?,
            })
        })
        .collect()
}
