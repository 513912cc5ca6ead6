//! Samples each second on one core, each way: Parquet of samples, Parquet and CSV for people, CSV from people.
//!
//! `cargo run --release -p penstock-archive --example archive_speed [samples]`

#![expect(clippy::print_stdout, reason = "what it is for")]

use std::io::{BufWriter, Write};
use std::time::Instant;

use bytes::Bytes;
use penstock_archive::{Column, CsvWriter, Error, Rows, SampleReader, SampleWriter, Selection, TableWriter};
use penstock_model::{PointNo, Quality, Sample, Timestamp, Unit};

const POINTS: usize = 500;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: usize = std::env::args().nth(1).map_or(Ok(4_000_000), |text| text.parse())?;
    let samples = samples(count);
    let columns: Vec<Column> = (0..POINTS).map(column).collect::<Result<_, _>>()?;
    let rows = || samples.iter().map(|sample| (usize::try_from(sample.point.0).unwrap_or_default(), sample));

    let file = timed("samples to Parquet", count, || {
        let mut writer = SampleWriter::new(Vec::new())?;
        for chunk in samples.chunks(8_192) {
            writer.write(chunk)?;
        }
        writer.finish()
    })?;
    let bytes = Bytes::from(file);
    println!("{:>32}   {:.1} bytes each", "", bytes.len() as f64 / count as f64);
    timed("samples from Parquet", count, || {
        let reader = SampleReader::new(bytes.clone(), "memory", Selection::ALL)?;
        reader.map(|chunk| chunk.map(|chunk| chunk.len())).sum::<Result<usize, Error>>()
    })?;
    let point = PointNo(i32::try_from(POINTS / 2)?);
    let (from, to) = (Timestamp::MIN, Timestamp::MAX);
    let begun = Instant::now();
    let reader = SampleReader::new(bytes, "memory", Selection::of(&[point], from, to))?;
    let found = reader.map(|chunk| chunk.map(|chunk| chunk.len())).sum::<Result<usize, Error>>()?;
    println!("{:>32}   {found} of {count} samples in {:?}", "one point from Parquet", begun.elapsed());

    let table = timed("rows to Parquet", count, || {
        let mut writer = TableWriter::new(Vec::new(), columns.clone())?;
        writer.write(rows())?;
        writer.finish()
    })?;
    println!("{:>32}   {:.1} bytes each", "", table.len() as f64 / count as f64);
    let text = timed("rows to CSV", count, || {
        let mut writer = CsvWriter::new(BufWriter::new(Vec::new()), columns.clone());
        writer.write(rows())?;
        writer.finish()
    })?;
    let text = text.into_inner()?;
    println!("{:>32}   {:.1} bytes each", "", text.len() as f64 / count as f64);
    timed("rows from CSV", count, || Rows::new(text.as_slice())?.map(|row| row.map(|_| 1)).sum::<Result<usize, _>>())?;
    std::io::stdout().flush()?;
    Ok(())
}

fn timed<T, E>(what: &str, count: usize, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let begun = Instant::now();
    let done = work()?;
    println!("{what:>32}   {:.0} a second", count as f64 / begun.elapsed().as_secs_f64());
    Ok(done)
}

fn column(at: usize) -> Result<Column, penstock_model::Error> {
    let (name, description) = (format!("FT-{at:03}"), format!("Inflow, zone {at}"));
    Ok(Column { name, description, unit: Unit::parse("m³/h")?, decimals: 3 })
}

/// Each point once a few seconds, not quite evenly, with a value that wanders in steps as instruments give them.
fn samples(count: usize) -> Vec<Sample> {
    let each = count.div_ceil(POINTS);
    let mut noise = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = move |below: u64| {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        noise % below
    };
    let mut samples = Vec::with_capacity(count);
    for point in 0..POINTS {
        let mut at = Timestamp::from_secs(1_793_491_200).as_micros();
        let mut steps = 5_000_i64;
        for _ in 0..each.min(count - samples.len()) {
            at += 5_000_000 + random(1_000) as i64 * 1_000;
            steps += random(41) as i64 - 20;
            samples.push(Sample {
                point: PointNo(point as i32),
                source_time: Timestamp::from_micros(at),
                received_time: Timestamp::from_micros(at + 40_000 + random(60_000) as i64),
                value: (random(500) != 0).then_some(steps as f64 * 0.01 / 3_600.0),
                quality: if random(200) == 0 { Quality::from_code(67) } else { Quality::Good },
            });
        }
    }
    samples
}
