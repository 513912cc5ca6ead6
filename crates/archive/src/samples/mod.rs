//! Parquet of samples as they are stored: `point_no`, `source_time`, `received_time`, `value` (SI, empty where there is
//! none), `quality` (its code), sorted by point and source time.
//!
//! Rows are grouped by 131,072 and paged by 8,192, each with the range of points and times it spans, so that a reader
//! fetches little more than it asked for.

mod reader;
mod selection;
mod writer;

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};

pub use reader::SampleReader;
pub(crate) use reader::{ABSURD, check_schema, options, samples_of};
pub(crate) use selection::Plan;
pub use selection::Selection;
pub use writer::{Extent, SampleWriter};

/// Rows that go through the encoder together, and those of a page: what is decoded for a single sample at least.
pub(crate) const BATCH_ROWS: usize = 8_192;
/// Rows of a group: what is held in memory, encoded, until it is written.
const GROUP_ROWS: usize = 131_072;
/// The zone of every time column.
pub(crate) const UTC: &str = "UTC";

const POINT: usize = 0;
pub(crate) const SOURCE_TIME: usize = 1;
const RECEIVED_TIME: usize = 2;
const VALUE: usize = 3;
const QUALITY: usize = 4;
/// The columns' names, by the places above.
const NAMES: [&str; 5] = ["point_no", "source_time", "received_time", "value", "quality"];

/// Under this word a file tells its mark, where it has one.
pub(crate) const MARK: &str = "penstock.mark";

/// Microseconds since 1970 in UTC.
pub(crate) fn instants() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))
}

fn schema() -> SchemaRef {
    let kinds = [DataType::Int32, instants(), instants(), DataType::Float64, DataType::UInt8];
    let fields: Vec<Field> =
        NAMES.into_iter().zip(kinds).map(|(name, kind)| Field::new(name, kind, name == "value")).collect();
    Arc::new(Schema::new(fields))
}

/// What every Parquet file has in common.
pub(crate) fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_created_by(concat!("penstock ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_data_page_row_count_limit(BATCH_ROWS)
        .set_write_batch_size(BATCH_ROWS)
        .set_statistics_enabled(EnabledStatistics::Chunk)
}

#[cfg(test)]
mod tests;
