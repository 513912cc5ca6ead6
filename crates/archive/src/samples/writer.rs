//! Writes samples as Parquet.

use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int32Array, RecordBatch, TimestampMicrosecondArray, UInt8Array};
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Encoding;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::EnabledStatistics;
use parquet::schema::types::ColumnPath;
use penstock_model::{PointNo, Sample, Timestamp};

use super::{BATCH_ROWS, MARK, NAMES, POINT, RECEIVED_TIME, SOURCE_TIME, UTC, VALUE, properties, schema};
use crate::Error;

/// How much a file holds and which time it spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Samples.
    pub rows: u64,
    /// The earliest source time; none without samples.
    pub first: Option<Timestamp>,
    /// The latest source time; none without samples.
    pub last: Option<Timestamp>,
}

impl Extent {
    pub(crate) const NOTHING: Self = Self { rows: 0, first: None, last: None };

    /// Both together.
    pub(crate) fn with(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            first: [self.first, other.first].into_iter().flatten().min(),
            last: self.last.max(other.last),
        }
    }
}

/// Writes samples into anything that takes bytes. Holds at most one group of rows, a few megabytes.
#[derive(Debug)]
pub struct SampleWriter<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: SchemaRef,
    newest: Option<(PointNo, Timestamp)>,
    extent: Extent,
}

impl<W: Write + Send> SampleWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// [`Error::Write`] where the bytes are not taken.
    pub fn new(into: W) -> Result<Self, Error> {
        Self::begin(into, None)
    }

    /// Begins a file that carries a mark, by which whoever asked for it knows it again.
    ///
    /// # Errors
    /// As [`SampleWriter::new`].
    pub fn marked(into: W, mark: &str) -> Result<Self, Error> {
        Self::begin(into, Some(vec![KeyValue::new(MARK.to_owned(), mark.to_owned())]))
    }

    fn begin(into: W, words: Option<Vec<KeyValue>>) -> Result<Self, Error> {
        let schema = schema();
        let path = |column: usize| ColumnPath::from(NAMES.get(column).copied().unwrap_or_default());
        let ascending = |column: usize| SortingColumn {
            column_idx: i32::try_from(column).unwrap_or_default(),
            descending: false,
            nulls_first: false,
        };
        let mut properties = properties()
            .set_key_value_metadata(words)
            .set_sorting_columns(Some(vec![ascending(POINT), ascending(SOURCE_TIME)]));
        for sorted in [POINT, SOURCE_TIME] {
            properties = properties.set_column_statistics_enabled(path(sorted), EnabledStatistics::Page);
        }
        for time in [SOURCE_TIME, RECEIVED_TIME] {
            properties = properties
                .set_column_dictionary_enabled(path(time), false)
                .set_column_encoding(path(time), Encoding::DELTA_BINARY_PACKED);
        }
        // Instruments give steps, which a dictionary holds; beyond its bound the bytes of values are sorted by place.
        let properties = properties.set_column_encoding(path(VALUE), Encoding::BYTE_STREAM_SPLIT).build();
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(into, Arc::clone(&schema), options).map_err(Error::write)?;
        Ok(Self { writer, schema, newest: None, extent: Extent::NOTHING })
    }

    /// Appends samples, which follow one another and those before by point, then source time, none twice.
    ///
    /// # Errors
    /// [`Error::Order`] where they do not; nothing of the chunk is written then. [`Error::Write`] where the bytes are
    /// not taken; the file is then not to be used.
    pub fn write(&mut self, chunk: &[Sample]) -> Result<(), Error> {
        let mut newest = self.newest;
        for sample in chunk {
            let key = (sample.point, sample.source_time);
            if let Some((after, after_at)) = newest.filter(|newest| *newest >= key) {
                return Err(Error::Order { point: sample.point, at: sample.source_time, after, after_at });
            }
            newest = Some(key);
        }
        for part in chunk.chunks(BATCH_ROWS) {
            self.writer.write(&batch(&self.schema, part)?).map_err(Error::write)?;
        }
        self.newest = newest;
        let times = || chunk.iter().map(|sample| sample.source_time);
        let rows = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        self.extent = self.extent.with(Extent { rows, first: times().min(), last: times().max() });
        Ok(())
    }

    /// What has been written so far.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// Where the file goes. Whoever takes bytes away there leaves the rest as it is.
    pub(crate) fn inner_mut(&mut self) -> &mut W {
        self.writer.inner_mut()
    }

    /// Ends the file and gives back where it went.
    ///
    /// # Errors
    /// [`Error::Write`] where the last bytes are not taken.
    pub fn finish(self) -> Result<W, Error> {
        self.writer.into_inner().map_err(Error::write)
    }
}

fn batch(schema: &SchemaRef, samples: &[Sample]) -> Result<RecordBatch, Error> {
    let times = |of: fn(&Sample) -> Timestamp| {
        let micros = samples.iter().map(|sample| of(sample).as_micros());
        Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone(UTC)) as ArrayRef
    };
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from_iter_values(samples.iter().map(|sample| sample.point.0))),
        times(|sample| sample.source_time),
        times(|sample| sample.received_time),
        Arc::new(samples.iter().map(|sample| sample.value).collect::<Float64Array>()),
        Arc::new(UInt8Array::from_iter_values(samples.iter().map(|sample| sample.quality.code()))),
    ];
    RecordBatch::try_new(Arc::clone(schema), arrays).map_err(Error::write)
}
