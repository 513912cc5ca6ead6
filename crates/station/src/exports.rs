//! Files of stored values and of the journal: made ready by a call, then taken away once by their ticket, streamed to
//! whoever takes them.
//!
//! A browser follows a link to take a file, and a link carries no session: the ticket stands for the call that was
//! allowed. Must not know shells.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use penstock_api::{ApiError, Code, ExportFormat};
use penstock_archive::{Column, RowFormat, RowWriter};
use penstock_model::{Point, PointNo, Timestamp};
use penstock_store::{Chunks, JournalFilter, Reader, Records};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::configuration::store_error;
use crate::journal;
use crate::register::Register;

/// How long a file waits to be taken.
const WAITS: Duration = Duration::from_secs(60);
/// Files that wait at most; the oldest gives way.
const MOST: usize = 100;

/// A file that waits to be written.
pub(crate) struct Prepared {
    pub(crate) file_name: String,
    pub(crate) content: Content,
}

/// What is to be in a file.
pub(crate) enum Content {
    /// Every stored value of some points.
    Values { points: Vec<Point>, from: Timestamp, to: Timestamp, format: ExportFormat },
    /// Every entry of the alarm journal that a filter asks for, as CSV.
    Journal(Box<JournalFilter>),
}

/// Files that are written at once: each holds a connection to the database.
const AT_ONCE: usize = 4;

/// Files that wait to be taken, by ticket, and room for those that are being taken.
pub(crate) struct Exports {
    waiting: Mutex<BTreeMap<String, (Instant, Prepared)>>,
    room: Arc<Semaphore>,
}

impl Default for Exports {
    fn default() -> Self {
        Self { waiting: Mutex::default(), room: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Exports {
    /// Keeps a file ready; its ticket.
    pub(crate) fn put(&self, prepared: Prepared) -> String {
        let ticket = hex::encode(crate::secrets::random_bytes(24));
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, (since, _)| since.elapsed() < WAITS);
        if waiting.len() >= MOST
            && let Some(oldest) = waiting.iter().min_by_key(|(_, (since, _))| *since).map(|(of, _)| of.clone())
        {
            waiting.remove(&oldest);
        }
        waiting.insert(ticket.clone(), (Instant::now(), prepared));
        ticket
    }

    fn take(&self, ticket: &str) -> Result<Prepared, ApiError> {
        let found = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(ticket);
        let gone = || ApiError::new(Code::NotFound, "this file was taken already or waited too long: export it again");
        found.filter(|(since, _)| since.elapsed() < WAITS).map(|(_, prepared)| prepared).ok_or_else(gone)
    }
}

/// A file that is being taken: its name, and the work that writes it.
pub struct Taken {
    file_name: String,
    work: Work,
    _room: OwnedSemaphorePermit,
}

enum Work {
    Values { points: Vec<Point>, format: ExportFormat, chunks: Chunks },
    Journal(Box<Entries>),
}

impl Taken {
    /// The file of a ticket; inside a runtime.
    pub(crate) fn new(
        exports: &Exports,
        screens: &Reader,
        register: &Arc<Register>,
        ticket: &str,
    ) -> Result<Self, ApiError> {
        let busy = |_| ApiError::new(Code::Away, format!("{AT_ONCE} files are being written already: wait for one"));
        let room = Arc::clone(&exports.room).try_acquire_owned().map_err(busy)?;
        let Prepared { file_name, content } = exports.take(ticket)?;
        let work = match content {
            Content::Values { points, from, to, format } => {
                let chunks = screens.scan(points.iter().map(|point| point.no).collect(), from, to);
                Work::Values { points, format, chunks }
            }
            Content::Journal(filter) => Work::Journal(Box::new(Entries {
                records: screens.scan_journal(&filter).map_err(store_error)?,
                screens: screens.clone(),
                register: Arc::clone(register),
                runtime: Handle::current(),
            })),
        };
        Ok(Self { file_name, work, _room: room })
    }

    /// Its name.
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// Its media type.
    pub const fn media_type(&self) -> &'static str {
        match &self.work {
            Work::Values { format: ExportFormat::Parquet, .. } => "application/vnd.apache.parquet",
            Work::Values { format: ExportFormat::Csv, .. } | Work::Journal(_) => "text/csv; charset=utf-8",
        }
    }

    /// Writes the whole file into `into`, on a thread that may wait.
    ///
    /// # Errors
    /// What the database, the archive or `into` says; what was written until then is no whole file.
    pub fn write(self, into: impl Write + Send) -> Result<(), ApiError> {
        let Self { work, _room, .. } = self;
        match work {
            Work::Values { points, format, chunks } => write_values(&points, format, chunks, into),
            Work::Journal(entries) => entries.write_lines(into),
        }
    }
}

fn write_values(
    points: &[Point],
    format: ExportFormat,
    mut chunks: Chunks,
    into: impl Write + Send,
) -> Result<(), ApiError> {
    let columns = points.iter().map(Column::of).collect();
    let of_point: BTreeMap<PointNo, usize> =
        points.iter().enumerate().map(|(index, point)| (point.no, index)).collect();
    let failed = |error: penstock_archive::Error| ApiError::new(Code::Failed, error.to_string());
    let format = match format {
        ExportFormat::Csv => RowFormat::Csv,
        ExportFormat::Parquet => RowFormat::Parquet,
    };
    let mut writer = RowWriter::new(format, into, columns).map_err(failed)?;
    while let Some(chunk) = chunks.blocking_recv() {
        let chunk = chunk.map_err(store_error)?;
        let rows = chunk.iter().map(|sample| (of_point.get(&sample.point).copied().unwrap_or_default(), sample));
        writer.write(rows).map_err(failed)?;
    }
    writer.finish().map_err(failed)?.flush().map_err(|error| ApiError::new(Code::Failed, error.to_string()))
}

/// Entries of the journal on their way into a file.
struct Entries {
    records: Records,
    screens: Reader,
    register: Arc<Register>,
    /// Where names and removed rules are asked for.
    runtime: Handle,
}

impl Entries {
    fn write_lines(mut self, into: impl Write) -> Result<(), ApiError> {
        let failed = |error: csv::Error| ApiError::new(Code::Failed, error.to_string());
        let mut writer = csv::Writer::from_writer(into);
        writer.write_record(journal::COLUMNS).map_err(failed)?;
        while let Some(chunk) = self.records.blocking_recv() {
            let chunk = chunk.map_err(store_error)?;
            let rows = self.runtime.block_on(journal::rows(&self.register, &self.screens, chunk))?;
            // Whoever takes the file may be slow, and the register is wanted by all.
            let lines: Vec<_> = {
                let register = self.register.lock();
                rows.iter().map(|row| journal::cells(&register, row)).collect()
            };
            for line in &lines {
                writer.write_record(line).map_err(failed)?;
            }
        }
        writer.flush().map_err(|error| ApiError::new(Code::Failed, error.to_string()))
    }
}
