//! Judges the leak layer of a zone on labelled data: which leaks it finds, after how long, and what it tells of them.
//!
//! `cargo run --release -p penstock-anomaly --example leaks -- --data DIR [--sets PREFIX] [--each]` reads every
//! `PREFIX*_wide.csv` in DIR (timestamp, `flow` in m³/h, `pressure` in bar, `label_flow`) with its `_events.csv` (id, kind,
//! sensors, first row, row after the last, length, magnitude). PREFIX is `synth_leaks` where none is given; `--each` tells
//! of every leak and every false alarm.

#![expect(clippy::print_stdout, reason = "what it finds is what it is for")]

use std::path::{Path, PathBuf};

use penstock_anomaly::{Leak, State, ZoneConfig, ZoneDetector};
use penstock_model::{PointNo, Timestamp};

const FLOW: PointNo = PointNo(0);
const PRESSURE: PointNo = PointNo(1);
const HOUR_SECS: f64 = 3_600.0;

struct Row {
    at: Timestamp,
    flow: Option<f64>,
    pressure: Option<f64>,
    is_labelled: bool,
}

struct Event {
    kind: String,
    rows: std::ops::Range<usize>,
    magnitude: f64,
}

#[derive(Default)]
struct Sum {
    leaks: usize,
    found: usize,
    others: usize,
    others_found: usize,
    delays_hours: Vec<f64>,
    false_alarms: usize,
    ordinary_days: f64,
    lasting_hours: f64,
}

type Anyhow<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Anyhow<()> {
    let mut arguments = std::env::args().skip(1);
    let (mut folder, mut prefix, mut each) = (None, "synth_leaks".to_owned(), false);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--data" => folder = arguments.next().map(PathBuf::from),
            "--sets" => prefix = arguments.next().ok_or("--sets needs the beginning of a name")?,
            "--each" => each = true,
            other => return Err(format!("{other} is not known: use --data DIR, --sets PREFIX and --each").into()),
        }
    }
    let folder = folder.ok_or("say where the data is: --data DIR")?;
    let mut sets: Vec<String> = std::fs::read_dir(&folder)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.strip_suffix("_wide.csv").map(str::to_owned))
        .filter(|set| set.starts_with(&prefix))
        .collect();
    sets.sort();
    let mut sum = Sum::default();
    for set in &sets {
        judge(&folder, set, each, &mut sum)?;
    }
    sum.delays_hours.sort_by(f64::total_cmp);
    let median = sum.delays_hours.get(sum.delays_hours.len() / 2).copied().unwrap_or(f64::NAN);
    println!(
        "{} sets: {} of {} leaks found, {:.0} h after they began in the middle; {} of {} other events\n\
         {} false alarms in {:.0} ordinary days ({:.4} a day), alarms outlast leaks by {:.1} h on average",
        sets.len(),
        sum.found,
        sum.leaks,
        median,
        sum.others_found,
        sum.others,
        sum.false_alarms,
        sum.ordinary_days,
        sum.false_alarms as f64 / sum.ordinary_days.max(1.0),
        sum.lasting_hours / sum.found.max(1) as f64
    );
    Ok(())
}

fn judge(folder: &Path, set: &str, each: bool, sum: &mut Sum) -> Anyhow<()> {
    let rows = read_rows(&std::fs::read_to_string(folder.join(format!("{set}_wide.csv")))?)?;
    let events = read_events(&std::fs::read_to_string(folder.join(format!("{set}_events.csv")))?)?;
    let config = ZoneConfig { inflows: vec![FLOW], pressures: vec![PRESSURE], ..ZoneConfig::default() };
    let mut detector = ZoneDetector::new(config);
    let mut told: Vec<(bool, Option<Leak>)> = Vec::with_capacity(rows.len());
    let mut judged = 0;
    for row in &rows {
        if let Some(pressure) = row.pressure {
            detector.observe(row.at, PRESSURE, pressure);
        }
        if let Some(flow) = row.flow {
            detector.observe(row.at, FLOW, flow);
        }
        let verdict = detector.latest();
        judged += usize::from(verdict.state == State::Scoring);
        told.push((verdict.is_anomalous(), verdict.leak));
    }
    let at = |row: usize| rows.get(row).map_or(Timestamp::MAX, |row| row.at);
    for event in &events {
        let first = event.rows.clone().find(|row| told.get(*row).is_some_and(|(is_told, _)| *is_told));
        if event.kind != "leak" {
            sum.others += 1;
            sum.others_found += usize::from(first.is_some());
            continue;
        }
        sum.leaks += 1;
        sum.found += usize::from(first.is_some());
        let last = event.rows.end.saturating_sub(1);
        let Some((first, leak)) = first.zip(told.get(last)) else {
            if each {
                println!("{set} {:.1} m³/h over {:?}: missed", event.magnitude * 120.0, event.rows);
            }
            continue;
        };
        let delay = at(first).since(at(event.rows.start)).as_secs_f64() / HOUR_SECS;
        sum.delays_hours.push(delay);
        let lasting = told.iter().skip(event.rows.end).take_while(|(is_told, _)| *is_told).count();
        let after = at(event.rows.end + lasting).since(at(event.rows.end)).as_secs_f64() / HOUR_SECS;
        sum.lasting_hours += if event.rows.end + lasting < rows.len() { after } else { 0.0 };
        if each {
            let leak = leak.1.map(|leak| {
                let off = leak.since.micros_since(at(event.rows.start)) as f64 / 3.6e9;
                format!(
                    "told {:.1} m³/h, {:.0} m³, begin off by {off:.0} h, {:?} {:.2}, night {:.2}, {:?}",
                    leak.rate_m3_per_sec * HOUR_SECS,
                    leak.lost_m3,
                    leak.sign,
                    leak.same_hours.ratio,
                    leak.night.ratio,
                    leak.pressure
                )
            });
            println!(
                "{set} {:.1} m³/h: found after {delay:.0} h, ends {after:.0} h late; {}",
                event.magnitude * 120.0,
                leak.unwrap_or_else(|| "nothing at its end".to_owned())
            );
        }
    }
    let mut was_told = false;
    for (row, (is_told, leak)) in rows.iter().zip(&told) {
        sum.ordinary_days += if row.is_labelled { 0.0 } else { 300.0 / 86_400.0 };
        if *is_told && !was_told && !row.is_labelled {
            sum.false_alarms += 1;
            if each {
                println!("{set} false alarm at {}: {leak:?}", row.at);
            }
        }
        was_told = *is_told;
    }
    if each {
        println!("{set} judged from row {} of {} on", rows.len() - judged, rows.len());
    }
    Ok(())
}

fn read_rows(text: &str) -> Anyhow<Vec<Row>> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().ok_or("no header")?.split(',').collect();
    let column = |name: &str| header.iter().position(|other| *other == name).ok_or(format!("no column {name}"));
    let (flow, pressure, label) = (column("flow")?, column("pressure")?, column("label_flow")?);
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let number = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok());
            Ok(Row {
                at: Timestamp::parse(&format!("{}Z", fields.first().ok_or("no time")?.replace(' ', "T")))?,
                flow: number(flow).map(|flow| flow / HOUR_SECS),
                pressure: number(pressure).map(|pressure| pressure * 1e5),
                is_labelled: fields.get(label) == Some(&"1"),
            })
        })
        .collect()
}

fn read_events(text: &str) -> Anyhow<Vec<Event>> {
    text.lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let [_, kind, _, from, to, _, magnitude, ..] = fields.as_slice() else {
                return Err(line.to_owned().into());
            };
            Ok(Event { kind: (*kind).to_owned(), rows: from.parse()?..to.parse()?, magnitude: magnitude.parse()? })
        })
        .collect()
}
