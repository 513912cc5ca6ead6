//! What goes into a file comes out again, and little more is read than was asked for.

use bytes::Bytes;
use penstock_model::{Doubt, Fault, PointNo, Quality, Sample, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::Error;

const START: Timestamp = Timestamp::from_secs(1_795_262_400);

fn sample(point: i32, second: i64) -> Sample {
    let source_time = Timestamp::from_micros(START.as_micros() + second * 1_000_000);
    let value = (second % 7 != 0).then(|| f64::from(point) + second as f64 / 10.0);
    let quality = match second % 5 {
        0 => Quality::Uncertain(Doubt::OutOfRange),
        1 if value.is_none() => Quality::Bad(Fault::Disconnected),
        _ => Quality::Good,
    };
    let received_time = Timestamp::from_micros(source_time.as_micros() + 12_345);
    Sample { point: PointNo(point), source_time, received_time, value, quality }
}

fn file(samples: &[Sample], chunk: usize) -> Bytes {
    let mut writer = SampleWriter::new(Vec::new()).expect("memory");
    for chunk in samples.chunks(chunk) {
        writer.write(chunk).expect("sorted");
    }
    assert_eq!(writer.extent().rows, samples.len() as u64);
    writer.finish().expect("memory").into()
}

fn read(file: &Bytes, selection: Selection) -> Result<Vec<Sample>, Error> {
    let chunks: Vec<Vec<Sample>> =
        SampleReader::new(file.clone(), "test.parquet", selection)?.collect::<Result<_, _>>()?;
    assert!(chunks.iter().all(|chunk| !chunk.is_empty()));
    Ok(chunks.concat())
}

/// Forty points, ten thousand samples each: several groups, with points that begin in one and end in the next.
fn month() -> Vec<Sample> {
    (0..40).flat_map(|point| (0..10_000).map(move |second| sample(point, second))).collect()
}

#[test]
fn a_month_comes_back() {
    let samples = month();
    let file = file(&samples, 5_000);
    assert_eq!(read(&file, Selection::ALL).expect("whole"), samples);
}

#[test]
fn one_point_s_hour_touches_one_group_and_a_page_or_two() {
    let samples = month();
    let file = file(&samples, 100_000);
    let (from, to) = (sample(0, 4_000).source_time, sample(0, 7_600).source_time);
    let selection = Selection::of(&[PointNo(23), PointNo(99)], from, to);
    let expected: Vec<Sample> = (4_000..7_600).map(|second| sample(23, second)).collect();
    assert_eq!(read(&file, selection.clone()).expect("whole"), expected);

    let options = super::options();
    let metadata =
        parquet::arrow::arrow_reader::ArrowReaderMetadata::load(&file, options).expect("whole").metadata().clone();
    assert_eq!(metadata.num_row_groups(), 4);
    let plan = Plan::new(&metadata, &selection).expect("whole");
    assert_eq!(plan.groups, [1]);
    assert!(plan.rows.row_count() <= 2 * BATCH_ROWS, "{} rows", plan.rows.row_count());
    let nothing = Plan::new(&metadata, &Selection::of(&[PointNo(99)], from, to)).expect("whole");
    assert!(nothing.groups.is_empty());
    let later = Selection::between(sample(0, 20_000).source_time, Timestamp::MAX);
    assert_eq!(read(&file, later).expect("whole"), []);
}

#[test]
fn samples_out_of_order_are_refused() {
    let check = |first: Sample, then: Sample| {
        let mut writer = SampleWriter::new(Vec::new()).expect("memory");
        writer.write(&[first]).expect("the first");
        assert!(matches!(writer.write(&[sample(9, 0), then]), Err(Error::Order { .. })));
        assert!(matches!(writer.write(&[first]), Err(Error::Order { .. })));
        assert_eq!(writer.extent().rows, 1, "nothing of the chunk is written");
        writer.write(&[sample(9, 0)]).expect("it goes on");
    };
    check(sample(1, 5), sample(1, 4));
    check(sample(1, 5), sample(9, 0));
    check(sample(2, 5), sample(1, 6));
}

#[test]
fn a_file_without_samples() {
    let file = file(&[], 1);
    assert_eq!(read(&file, Selection::ALL).expect("whole"), []);
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let samples: Vec<Sample> = (0..3).flat_map(|point| (0..500).map(move |second| sample(point, second))).collect();
    let file = file(&samples, 1_000);
    for len in 0..file.len() {
        let error = read(&file.slice(..len), Selection::ALL).expect_err("cut");
        assert!(matches!(&error, Error::Damaged { file, .. } if file == "test.parquet"), "{len}: {error}");
    }
}

#[test]
fn a_file_of_something_else_is_refused() {
    let table = crate::TableWriter::new(Vec::new(), Vec::new()).expect("memory").finish().expect("memory");
    let error = read(&table.into(), Selection::ALL).expect_err("no samples");
    assert!(error.to_string().contains("its columns are time, point"), "{error}");
    let error = read(&Bytes::from_static(b"time,point,value\n"), Selection::ALL).expect_err("no Parquet");
    assert!(error.to_string().starts_with("test.parquet is not a whole file of samples"), "{error}");
}

fn any_sample() -> impl Strategy<Value = Sample> {
    let finite = any::<f64>().prop_filter("finite", |value| value.is_finite());
    (0..4_i32, 0..50_i64, any::<i64>(), proptest::option::of(finite), any::<u8>()).prop_map(
        |(point, second, received, value, code)| Sample {
            received_time: Timestamp::from_micros(received),
            value,
            quality: Quality::from_code(code),
            ..sample(point, second)
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        samples in proptest::collection::vec(any_sample(), 0..200),
        chunk in 1_usize..100,
        points in proptest::collection::vec(-1..5_i32, 0..4),
        from in 0..60_i64,
        to in 0..60_i64,
    ) {
        let mut samples = samples;
        samples.sort_by_key(|sample| (sample.point, sample.source_time));
        samples.dedup_by_key(|sample| (sample.point, sample.source_time));
        let file = file(&samples, chunk);
        prop_assert_eq!(read(&file, Selection::ALL).expect("whole"), samples.clone());
        let points: Vec<PointNo> = points.into_iter().map(PointNo).collect();
        let (from, to) = (sample(0, from).source_time, sample(0, to).source_time);
        let in_time = |sample: &Sample| from <= sample.source_time && sample.source_time < to;
        let wanted: Vec<Sample> = samples.iter().copied().filter(in_time).collect();
        prop_assert_eq!(read(&file, Selection::between(from, to)).expect("whole"), wanted.clone());
        let wanted: Vec<Sample> = wanted.into_iter().filter(|sample| points.contains(&sample.point)).collect();
        prop_assert_eq!(read(&file, Selection::of(&points, from, to)).expect("whole"), wanted);
    }

    /// A byte changed on the disk may go unseen where it is a value's; it never brings the station down.
    #[test]
    fn a_changed_byte_is_no_panic(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let samples: Vec<Sample> = (0..300).map(|second| sample(1, second)).collect();
        let mut bytes = file(&samples, 1_000).to_vec();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(found) = read(&bytes.into(), Selection::ALL) {
            prop_assert!(found.len() <= samples.len());
        }
    }
}
