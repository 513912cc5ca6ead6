//! What judging costs: time a reading, time to fit, memory. Must not know what is found.

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use penstock_model::{Quantity, Timestamp};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::contender::{Contender, Finding, Judged};
use crate::report::{Figure, Reach};
use crate::table::{Column, Outcome, Table};

pub(crate) const SET: &str = "cost";
/// How a process of this program is told to measure the memory of one contender alone.
pub(crate) const MEMORY_OF: &str = "--memory-of";

/// The best of so many: what else the machine does only adds.
const RUNS: usize = 5;
const ASSET_POINTS: usize = 8;
const FIT_ROWS: usize = 2_000;
const JUDGED_ROWS: usize = 20_000;
/// As many rows and points as the reference design is said to train on in 30 s.
const REFERENCE_FIT: (usize, usize) = (10_000, 11);
const RESIDENT_POINTS: usize = 10_000;

/// The costs of a contender.
pub(crate) fn figures(contender: &Contender) -> Outcome<Vec<Figure>> {
    let (rows, points) = REFERENCE_FIT;
    let reading_nanos = best(|| reading_secs(contender))? * 1e9;
    let fit_millis = best(|| fit_secs(contender))? * 1e3;
    let megabytes = memory_of(contender)?.map(|bytes| bytes as f64 / 1e6);
    Ok(vec![
        Figure::number(SET, format!("a reading, assets of {ASSET_POINTS} points"), Some(reading_nanos))
            .unit(" ns")
            .reach(Reach::AtMost(1_000.0))
            .best_known("reference design 4.6 to 8.9 ms"),
        Figure::number(SET, format!("fitting {rows} x {points}"), Some(fit_millis))
            .unit(" ms")
            .reach(Reach::AtMost(100.0))
            .best_known("reference design 150 to 600 ms"),
        Figure::number(SET, format!("{RESIDENT_POINTS} points resident"), megabytes)
            .unit(" MB")
            .reach(Reach::AtMost(100.0)),
    ])
}

fn best(measure: impl Fn() -> Outcome<f64>) -> Outcome<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        best = best.min(measure()?);
    }
    Ok(best)
}

fn reading_secs(contender: &Contender) -> Outcome<f64> {
    let table = made(FIT_ROWS + JUDGED_ROWS, ASSET_POINTS)?;
    let (fit, judged) = table.split_at(FIT_ROWS);
    let mut detectors = fitted(contender, &fit);
    let mut findings = vec![Finding::default(); ASSET_POINTS];
    let started = Instant::now();
    for (at, values) in judged.rows() {
        black_box(detectors.judge(at, values, &mut findings));
    }
    Ok(started.elapsed().as_secs_f64() / (JUDGED_ROWS * ASSET_POINTS) as f64)
}

fn fit_secs(contender: &Contender) -> Outcome<f64> {
    let (rows, points) = REFERENCE_FIT;
    let table = made(rows, points)?;
    let started = Instant::now();
    black_box(fitted(contender, &table));
    Ok(started.elapsed().as_secs_f64())
}

fn fitted(contender: &Contender, table: &Table) -> Box<dyn Judged> {
    let mut judged = (contender.make)(&table.columns, table.times.len());
    for (at, values) in table.rows() {
        judged.learn(at, values);
    }
    judged.fit();
    judged
}

/// Bytes that the detectors of ten thousand points keep, measured in a process of its own, whose memory nothing has
/// used and given back before. None where the system does not tell.
fn memory_of(contender: &Contender) -> Outcome<Option<u64>> {
    let output = Command::new(std::env::current_exe()?).args([MEMORY_OF, contender.name]).output()?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("the memory of {} cannot be measured: {complaint}", contender.name).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse().ok())
}

/// What that process measures.
pub(crate) fn resident_bytes(contender: &Contender) -> Outcome<Option<u64>> {
    let table = made(FIT_ROWS, ASSET_POINTS)?;
    let Some(before) = resident() else { return Ok(None) };
    let assets: Vec<Box<dyn Judged>> = (0..RESIDENT_POINTS / ASSET_POINTS).map(|_| fitted(contender, &table)).collect();
    let after = resident();
    black_box(assets);
    Ok(after.map(|after| after.saturating_sub(before)))
}

/// Resident memory of this process, as Linux tells it.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1_024)
}

/// Points that follow the day and each other, five minutes a row.
fn made(rows: usize, points: usize) -> Outcome<Table> {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let columns = (0..points).map(|point| Column::new(&format!("p{point}"), Quantity::Plain)).collect();
    let times: Vec<Timestamp> = (0..rows as i64).map(|row| Timestamp::from_secs(row * 300)).collect();
    let mut values = Vec::with_capacity(rows * points);
    let mut common = 0.0;
    for at in &times {
        let day = (at.as_secs_f64() / 86_400.0 * std::f64::consts::TAU).sin();
        common = 0.9 * common + random.random_range(-1.0..1.0);
        for point in 0..points {
            let own: f64 = random.random_range(-1.0..1.0);
            let value = 50.0 + 10.0 * day + common * (1.0 + point as f64 / 4.0) + own;
            // Instruments show steps, not all digits.
            values.push((value * 100.0).round() / 100.0);
        }
    }
    Table::new(columns, times, values)
}
