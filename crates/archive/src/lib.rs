//! Samples in files: Parquet and CSV, out and in, and the archive of old ones in a folder or an S3-compatible store.
//!
//! Three forms, each streamed in bounded memory:
//!
//! - *samples* ([`SampleWriter`], [`SampleReader`]): Parquet with every sample as it is stored, sorted by point and
//!   time, with statistics that let one point's range be found without reading the rest. What the archive keeps.
//! - *rows for people* ([`CsvWriter`], [`TableWriter`]): the same rows as CSV or Parquet, with the point's name, the
//!   value in a [`Column`]'s unit and the quality as a word.
//! - *rows from people* ([`Rows`]): CSV of historic values, each row checked, each [`Fault`] with line, column, cure.
//!
//! [`Archive`] keeps a month of samples as one file, and tells that it is kept only after it has looked.
//!
//! Must not know SQL, MQTT or screens, nor the settings file; whoever calls resolves names to points and units.

mod archive;
mod error;
mod export;
mod import;
mod samples;
mod time;

pub use archive::{Archive, ArchiveSettings, ArchivedFile, Footer, Key, Month, Samples, StoredFile};
pub use error::Error;
pub use export::{Column, CsvWriter, RowFormat, RowWriter, TableWriter, guarded, plain};
pub use import::{Fault, Row, Rows};
pub use samples::{Extent, SampleReader, SampleWriter, Selection};
