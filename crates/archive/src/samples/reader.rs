//! Reads Parquet of samples from what is at hand: an open file or bytes in memory.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int32Type, TimestampMicrosecondType, UInt8Type};
use arrow_array::{Array as _, RecordBatch};
use arrow_schema::Schema;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::reader::ChunkReader;
use penstock_model::{PointNo, Quality, Sample, Timestamp};

use super::{BATCH_ROWS, NAMES, POINT, Plan, QUALITY, RECEIVED_TIME, SOURCE_TIME, Selection, VALUE, schema};
use crate::Error;

/// The wanted samples of a file in chunks of at most 8,192, by point, then source time. Ends with the first error.
/// Blocking.
#[derive(Debug)]
pub struct SampleReader {
    /// None once it is known to be damaged.
    batches: Option<ParquetRecordBatchReader>,
    selection: Selection,
    file: String,
}

impl SampleReader {
    /// Opens a file; `file` is what errors call it.
    ///
    /// # Errors
    /// [`Error::Damaged`] where it is cut, changed or no file of samples.
    pub fn new(input: impl ChunkReader + 'static, file: &str, selection: Selection) -> Result<Self, Error> {
        let open = || {
            let metadata = ArrowReaderMetadata::load(&input, options()).map_err(|error| error.to_string())?;
            check_schema(metadata.schema())?;
            let plan = Plan::new(metadata.metadata(), &selection)?;
            let batches = ParquetRecordBatchReaderBuilder::new_with_metadata(input, metadata)
                .with_batch_size(BATCH_ROWS)
                .with_row_groups(plan.groups)
                .with_row_selection(plan.rows);
            batches.build().map_err(|error| error.to_string())
        };
        let batches = without_panic(open).map_err(|reason| Error::damaged(file, reason))?;
        Ok(Self { batches: Some(batches), selection, file: file.to_owned() })
    }
}

impl Iterator for SampleReader {
    type Item = Result<Vec<Sample>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let batches = self.batches.as_mut()?;
            let next = || match batches.next() {
                Some(Ok(batch)) => samples_of(&batch, &self.selection).map(Some),
                Some(Err(error)) => Err(error.to_string()),
                None => Ok(None),
            };
            match without_panic(next) {
                Ok(None) => return None,
                Ok(Some(samples)) if samples.is_empty() => {}
                Ok(Some(samples)) => return Some(Ok(samples)),
                Err(reason) => {
                    self.batches = None;
                    return Some(Err(Error::damaged(&self.file, reason)));
                }
            }
        }
    }
}

/// The decoder trusts some numbers of a file, and panics where a changed byte makes them absurd. To whoever reads, that
/// is one more way to be damaged.
fn without_panic<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|_panic| Err(ABSURD.to_owned()))
}

/// What is said of a file that the decoder cannot make sense of.
pub(crate) const ABSURD: &str = "its numbers contradict one another";

/// How files of samples are opened.
pub(crate) fn options() -> ArrowReaderOptions {
    ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_page_index_policy(PageIndexPolicy::Optional)
}

/// The reason where a file has other columns than samples have.
pub(crate) fn check_schema(found: &Schema) -> Result<(), String> {
    let expected = schema();
    let same = expected.fields().len() == found.fields().len()
        && expected
            .fields()
            .iter()
            .zip(found.fields())
            .all(|(expected, found)| expected.name() == found.name() && expected.data_type() == found.data_type());
    let names = || found.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ");
    if same { Ok(()) } else { Err(format!("its columns are {}, not {}", names(), NAMES.join(", "))) }
}

/// The wanted samples among some rows; the reason where they are none.
pub(crate) fn samples_of(batch: &RecordBatch, selection: &Selection) -> Result<Vec<Sample>, String> {
    let column = |at: usize| batch.columns().get(at);
    let micros = |at: usize| column(at).and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    let (Some(points), Some(source_times), Some(received_times), Some(values), Some(qualities)) = (
        column(POINT).and_then(|column| column.as_primitive_opt::<Int32Type>()),
        micros(SOURCE_TIME),
        micros(RECEIVED_TIME),
        column(VALUE).and_then(|column| column.as_primitive_opt::<Float64Type>()),
        column(QUALITY).and_then(|column| column.as_primitive_opt::<UInt8Type>()),
    ) else {
        return Err("its columns are not those of samples".to_owned());
    };
    if [points.null_count(), source_times.null_count(), received_times.null_count(), qualities.null_count()] != [0; 4] {
        return Err("a sample lacks its point, its times or its quality".to_owned());
    }
    let times = source_times.values().iter().zip(received_times.values());
    let rows = points.values().iter().zip(times).zip(values.iter()).zip(qualities.values());
    let samples = rows.map(|(((point, (source, received)), value), quality)| Sample {
        point: PointNo(*point),
        source_time: Timestamp::from_micros(*source),
        received_time: Timestamp::from_micros(*received),
        value,
        quality: Quality::from_code(*quality),
    });
    Ok(samples.filter(|sample| selection.takes(sample)).collect())
}
