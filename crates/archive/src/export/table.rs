//! Rows as Parquet, for pandas, DuckDB and their like. Names, units and quality are dictionaries: a text is kept once
//! for each 131,072 rows.

use std::io::Write;
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, TimestampMicrosecondBuilder};
use arrow_array::types::UInt32Type;
use arrow_array::{ArrayRef, DictionaryArray, RecordBatch, StringArray, UInt32Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::Encoding;
use parquet::schema::types::ColumnPath;
use penstock_model::{Quality, Sample};

use super::{Column, NAMES, quality_word};
use crate::Error;
use crate::samples::{BATCH_ROWS, UTC, instants, properties};

/// The words of qualities, in the order of [`word_key`].
const WORDS: [Quality; 3] =
    [Quality::Good, Quality::Uncertain(penstock_model::Doubt::Device), Quality::Bad(penstock_model::Fault::Device)];

/// Writes rows as Parquet into anything that takes bytes: `time` (UTC), `point`, `description`, `value` (in the
/// column's unit, empty where there is none), `unit`, `quality`.
#[derive(Debug)]
pub struct TableWriter<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: SchemaRef,
    columns: Vec<Column>,
    texts: Texts,
    rows: Batch,
}

/// Each dictionary's texts, by key.
#[derive(Debug)]
struct Texts {
    names: ArrayRef,
    descriptions: ArrayRef,
    units: ArrayRef,
    words: ArrayRef,
}

/// Rows that wait to be handed on together.
#[derive(Debug, Default)]
struct Batch {
    times: TimestampMicrosecondBuilder,
    values: Float64Builder,
    columns: Vec<u32>,
    words: Vec<u32>,
}

impl<W: Write + Send> TableWriter<W> {
    /// Begins a file. Rows name one of `columns` by its index.
    ///
    /// # Errors
    /// [`Error::Write`] where the bytes are not taken.
    pub fn new(into: W, columns: Vec<Column>) -> Result<Self, Error> {
        let text = || DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8));
        let kinds = [instants(), text(), text(), DataType::Float64, text(), text()];
        let fields: Vec<Field> =
            NAMES.into_iter().zip(kinds).map(|(name, kind)| Field::new(name, kind, name == "value")).collect();
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let properties = properties()
            .set_column_dictionary_enabled(ColumnPath::from("time"), false)
            .set_column_encoding(ColumnPath::from("time"), Encoding::DELTA_BINARY_PACKED)
            .build();
        let writer = ArrowWriter::try_new(into, Arc::clone(&schema), Some(properties)).map_err(Error::write)?;
        let all = |of: fn(&Column) -> &str| Arc::new(StringArray::from_iter_values(columns.iter().map(of))) as ArrayRef;
        let texts = Texts {
            names: all(|column| &column.name),
            descriptions: all(|column| &column.description),
            units: all(|column| column.unit.symbol()),
            words: Arc::new(StringArray::from_iter_values(WORDS.map(quality_word))),
        };
        Ok(Self { writer, schema, columns, texts, rows: Batch::default() })
    }

    /// Appends rows: each a sample and the index of its column.
    ///
    /// # Errors
    /// [`Error::NoColumn`] for an index that is none, [`Error::Write`] where the bytes are not taken. The file is then
    /// not to be used.
    pub fn write<'a>(&mut self, rows: impl IntoIterator<Item = (usize, &'a Sample)>) -> Result<(), Error> {
        let known = self.columns.len();
        for (index, sample) in rows {
            let no_column = Error::NoColumn { index, known };
            let (Some(column), Ok(key)) = (self.columns.get(index), u32::try_from(index)) else {
                return Err(no_column);
            };
            self.rows.times.append_value(sample.source_time.as_micros());
            self.rows.values.append_option(sample.value.map(|si| column.unit.from_si(si)));
            self.rows.columns.push(key);
            self.rows.words.push(word_key(sample.quality));
            if self.rows.columns.len() >= BATCH_ROWS {
                self.hand_on()?;
            }
        }
        Ok(())
    }

    /// Ends the file and gives back where it went.
    ///
    /// # Errors
    /// [`Error::Write`] where the last bytes are not taken.
    pub fn finish(mut self) -> Result<W, Error> {
        self.hand_on()?;
        self.writer.into_inner().map_err(Error::write)
    }

    fn hand_on(&mut self) -> Result<(), Error> {
        let keys = UInt32Array::from(std::mem::take(&mut self.rows.columns));
        let words = UInt32Array::from(std::mem::take(&mut self.rows.words));
        let text = |keys: &UInt32Array, texts: &ArrayRef| -> Result<ArrayRef, Error> {
            let array = DictionaryArray::<UInt32Type>::try_new(keys.clone(), Arc::clone(texts));
            Ok(Arc::new(array.map_err(Error::write)?))
        };
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(self.rows.times.finish().with_timezone(UTC)),
            text(&keys, &self.texts.names)?,
            text(&keys, &self.texts.descriptions)?,
            Arc::new(self.rows.values.finish()),
            text(&keys, &self.texts.units)?,
            text(&words, &self.texts.words)?,
        ];
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(Error::write)?;
        self.writer.write(&batch).map_err(Error::write)
    }
}

/// Where a quality's word is in [`WORDS`].
const fn word_key(quality: Quality) -> u32 {
    match quality {
        Quality::Good => 0,
        Quality::Uncertain(_) => 1,
        Quality::Bad(_) => 2,
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray as _;
    use arrow_array::types::{Float64Type, TimestampMicrosecondType};
    use bytes::Bytes;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use penstock_model::{Doubt, Fault, PointNo, Timestamp, Unit};

    use super::*;

    #[test]
    fn rows_of_two_points_come_back() {
        let column = |name: &str, description: &str, unit: &str| Column {
            name: name.into(),
            description: description.into(),
            unit: Unit::parse(unit).expect(unit),
            decimals: 2,
        };
        let columns = vec![column("FT-01", "Inflow", "L/s"), column("TT-01", "", "°C")];
        let at = Timestamp::parse("2026-11-21T12:00:00Z").expect("a time");
        let sample = |value, quality| Sample { point: PointNo(1), source_time: at, received_time: at, value, quality };
        let samples = [
            sample(Some(0.25), Quality::Good),
            sample(None, Quality::Bad(Fault::Disconnected)),
            sample(Some(300.0), Quality::Uncertain(Doubt::Conflict)),
        ];
        let mut writer = TableWriter::new(Vec::new(), columns).expect("memory");
        // More than one batch, so that the dictionaries are seen to go on.
        for _ in 0..BATCH_ROWS {
            writer.write([0, 0, 1].into_iter().zip(&samples)).expect("known columns");
        }
        assert!(matches!(writer.write([(2, &samples[0])]), Err(Error::NoColumn { index: 2, known: 2 })));
        let file = Bytes::from(writer.finish().expect("memory"));

        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
        let names: Vec<String> = reader.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, NAMES);
        let mut rows = Vec::new();
        for batch in reader.with_batch_size(4_096).build().expect("readable") {
            let batch = batch.expect("readable");
            let times = batch.column(0).as_primitive::<TimestampMicrosecondType>();
            assert_eq!(times.timezone(), Some(UTC));
            let values = batch.column(3).as_primitive::<Float64Type>();
            let texts: Vec<_> = [1, 2, 4, 5]
                .map(|column| {
                    let keyed = batch.column(column).as_dictionary::<UInt32Type>();
                    keyed.downcast_dict::<StringArray>().expect("texts")
                })
                .into_iter()
                .collect();
            for row in 0..batch.num_rows() {
                use arrow_array::{Array as _, ArrayAccessor as _};
                assert_eq!(times.value(row), at.as_micros());
                let value = values.is_valid(row).then(|| format!("{:.2}", values.value(row)));
                rows.push((value, texts.iter().map(|text| text.value(row).to_owned()).collect::<Vec<_>>()));
            }
        }
        let row = |value: Option<&str>, texts: [&str; 4]| (value.map(str::to_owned), texts.map(str::to_owned).to_vec());
        let expected = [
            row(Some("250.00"), ["FT-01", "Inflow", "L/s", "good"]),
            row(None, ["FT-01", "Inflow", "L/s", "bad"]),
            row(Some("26.85"), ["TT-01", "", "°C", "uncertain"]),
        ];
        assert_eq!(rows.len(), 3 * BATCH_ROWS);
        assert!(rows.chunks(3).all(|three| three == expected));
    }
}
