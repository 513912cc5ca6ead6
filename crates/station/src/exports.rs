//! Files of stored values: made ready by a call, then taken away once by their ticket, streamed to whoever takes them.
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
use penstock_store::{Chunks, Reader};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::configuration::store_error;

/// How long a file waits to be taken.
const WAITS: Duration = Duration::from_secs(60);
/// Files that wait at most; the oldest gives way.
const MOST: usize = 100;

/// What is to be in a file.
pub(crate) struct Prepared {
    pub(crate) points: Vec<Point>,
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) format: ExportFormat,
    pub(crate) file_name: String,
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
    prepared: Prepared,
    chunks: Chunks,
    _room: OwnedSemaphorePermit,
}

impl Taken {
    pub(crate) fn new(exports: &Exports, screens: &Reader, ticket: &str) -> Result<Self, ApiError> {
        let busy = |_| ApiError::new(Code::Away, format!("{AT_ONCE} files are being written already: wait for one"));
        let room = Arc::clone(&exports.room).try_acquire_owned().map_err(busy)?;
        let prepared = exports.take(ticket)?;
        let points = prepared.points.iter().map(|point| point.no).collect();
        let chunks = screens.scan(points, prepared.from, prepared.to);
        Ok(Self { prepared, chunks, _room: room })
    }

    /// Its name.
    pub fn file_name(&self) -> &str {
        &self.prepared.file_name
    }

    /// Its media type.
    pub const fn media_type(&self) -> &'static str {
        match self.prepared.format {
            ExportFormat::Csv => "text/csv; charset=utf-8",
            ExportFormat::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// Writes the whole file into `into`, on a thread that may wait.
    ///
    /// # Errors
    /// What the database, the archive or `into` says; what was written until then is no whole file.
    pub fn write(mut self, into: impl Write + Send) -> Result<(), ApiError> {
        let columns = self.prepared.points.iter().map(Column::of).collect();
        let of_point: BTreeMap<PointNo, usize> =
            self.prepared.points.iter().enumerate().map(|(index, point)| (point.no, index)).collect();
        let failed = |error: penstock_archive::Error| ApiError::new(Code::Failed, error.to_string());
        let format = match self.prepared.format {
            ExportFormat::Csv => RowFormat::Csv,
            ExportFormat::Parquet => RowFormat::Parquet,
        };
        let mut writer = RowWriter::new(format, into, columns).map_err(failed)?;
        while let Some(chunk) = self.chunks.blocking_recv() {
            let chunk = chunk.map_err(store_error)?;
            let rows = chunk.iter().map(|sample| (of_point.get(&sample.point).copied().unwrap_or_default(), sample));
            writer.write(rows).map_err(failed)?;
        }
        writer.finish().map_err(failed)?.flush().map_err(|error| ApiError::new(Code::Failed, error.to_string()))
    }
}
