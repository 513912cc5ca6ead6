//! Rows for people: time, point, description, value, unit, quality, as CSV or as Parquet.
//!
//! One file holds any number of points. Each row is a sample and the index of the [`Column`] that says what its values
//! are called and shown in.

mod csv;
mod table;

use std::io::Write;

use penstock_model::{Point, Quality, Sample, Unit};

use crate::Error;

pub use csv::{CsvWriter, guarded, plain};
pub use table::TableWriter;

/// What a row says about its point, in the order that rows are written in.
pub(crate) const NAMES: [&str; 6] = ["time", "point", "description", "value", "unit", "quality"];

/// What the rows of one point say besides time, value and quality.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The point's name.
    pub name: String,
    /// What it measures in words.
    pub description: String,
    /// The unit that values are written in; they come in its quantity's SI unit.
    pub unit: Unit,
    /// Decimals of a value in CSV.
    pub decimals: u8,
}

impl Column {
    /// How screens show a point, with two more decimals for those who go on calculating.
    pub fn of(point: &Point) -> Self {
        Self {
            name: point.name.clone(),
            description: point.description.clone(),
            unit: point.display_unit(),
            decimals: point.quantity.decimals() + 2,
        }
    }
}

/// What a file of rows is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFormat {
    /// Comma-separated text (RFC 4180).
    Csv,
    /// Apache Parquet.
    Parquet,
}

/// Writes rows in one format or the other.
pub enum RowWriter<W: Write + Send> {
    /// As CSV.
    Csv(CsvWriter<W>),
    /// As Parquet.
    Parquet(Box<TableWriter<W>>),
}

impl<W: Write + Send> RowWriter<W> {
    /// Begins a file. Rows name one of `columns` by its index.
    ///
    /// # Errors
    /// [`Error::Write`] where the bytes are not taken.
    pub fn new(format: RowFormat, into: W, columns: Vec<Column>) -> Result<Self, Error> {
        Ok(match format {
            RowFormat::Csv => Self::Csv(CsvWriter::new(into, columns)),
            RowFormat::Parquet => Self::Parquet(Box::new(TableWriter::new(into, columns)?)),
        })
    }

    /// Appends rows: each a sample and the index of its column.
    ///
    /// # Errors
    /// As [`CsvWriter::write`] and [`TableWriter::write`].
    pub fn write<'a>(&mut self, rows: impl IntoIterator<Item = (usize, &'a Sample)>) -> Result<(), Error> {
        match self {
            Self::Csv(writer) => writer.write(rows),
            Self::Parquet(writer) => writer.write(rows),
        }
    }

    /// Ends the file and gives back where it went.
    ///
    /// # Errors
    /// [`Error::Write`] where the last bytes are not taken.
    pub fn finish(self) -> Result<W, Error> {
        match self {
            Self::Csv(writer) => writer.finish(),
            Self::Parquet(writer) => writer.finish(),
        }
    }
}

/// The word that stands for a quality.
pub(crate) const fn quality_word(quality: Quality) -> &'static str {
    match quality {
        Quality::Good => "good",
        Quality::Uncertain(_) => "uncertain",
        Quality::Bad(_) => "bad",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use penstock_model::{Address, Limits, PointId, PointNo, PointState, Quantity, TenantId, Timestamp};

    use super::*;

    #[test]
    fn a_point_is_shown_as_on_screens() {
        let tenant = TenantId::made(Timestamp::from_secs(1), [1; 10]);
        let point = Point {
            id: PointId::discovered(tenant, "local", "PT-01"),
            no: PointNo(1),
            address: Address { source: "local".into(), path: "PT-01".into() },
            state: PointState::Adopted,
            name: "PT-01".into(),
            description: "Pressure, Ghat Road".into(),
            quantity: Quantity::Pressure,
            unit: Unit::parse("kPa").expect("known"),
            area: None,
            site: None,
            asset: None,
            position: None,
            role: None,
            normal: None,
            span: None,
            limits: Limits::default(),
            stale_after: Duration::from_secs(60),
            recording: None,
        };
        let column = Column::of(&point);
        assert_eq!((column.name.as_str(), column.unit.symbol(), column.decimals), ("PT-01", "bar", 4));
    }
}
