//! Keeps samples that are too old for the database: a file a month, in a folder or an S3-compatible store.
//!
//! A file is there whole or not at all: it is written beside its name, flushed and renamed, or sent in pieces that the
//! store puts together at the end. [`Archive::put`] tells that it is kept only after reading back what it holds.
//!
//! Whoever has to know a file again, also one that was put a moment before a crash, asks for a name, notes it together
//! with a mark, and puts the file under both ([`Archive::put_as`]); [`Archive::remove_marked`] then removes this file and
//! no other.

mod month;
mod object;
mod parts;
mod place;

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::{FutureExt as _, Stream, StreamExt as _, TryStreamExt as _};
use object_store::{
    Error as StoreError, MultipartUpload, ObjectStore as _, ObjectStoreExt as _, PutPayload, PutResult,
};
use parquet::arrow::ParquetRecordBatchStreamBuilder;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaData};
use parquet::file::statistics::Statistics;
use penstock_model::{Sample, Timestamp};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use crate::samples::{ABSURD, BATCH_ROWS, MARK, Plan, SOURCE_TIME, check_schema, options, samples_of};
use crate::{Error, Extent, SampleWriter, Selection};
use object::Object;
use parts::Parts;
use place::Place;

pub use month::Month;
pub use place::{ArchiveSettings, Key};

/// What [`Archive::check`] writes, and where. No file of samples is called so.
const PROBE: &str = "penstock-check";
const PROBE_BYTES: &[u8] = b"Penstock was here to see whether it may write, read and remove.\n";

/// Chunks of samples that wait for whoever reads; then reading waits.
const CHUNKS_AHEAD: usize = 4;

/// A file that was put into the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedFile {
    /// Its name in the archive.
    pub name: String,
    /// Samples in it.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes in hexadecimal digits.
    pub sha256: String,
    /// What the store calls this version of it.
    pub e_tag: Option<String>,
    /// The earliest source time.
    pub first: Timestamp,
    /// The latest source time.
    pub last: Timestamp,
}

/// A file that is in the archive, as its name and the place tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Its name in the archive.
    pub name: String,
    /// The month whose samples it holds.
    pub month: Month,
    /// Its size.
    pub bytes: u64,
}

/// What a file tells of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footer {
    /// How much it holds and which time it spans.
    pub extent: Extent,
    /// Its size.
    pub bytes: u64,
}

/// An archive. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Archive {
    place: Place,
    /// One permit: of two puts of a month the second looks for its name when the first has taken one.
    putting: Arc<Semaphore>,
}

impl Archive {
    /// Opens an archive, and looks into it, so that a wrong place or key shows here.
    ///
    /// # Errors
    /// [`Error::Settings`] where the place cannot be understood or is no folder, [`Error::Store`] where it refuses.
    pub async fn open(settings: &ArchiveSettings) -> Result<Self, Error> {
        let place = Place::open(settings)?;
        // Of a list only the text tells that the key is wrong; of a file the kind of error does.
        match place.store.head(&place.path("samples")).await {
            Ok(_) | Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(place.store_error("open", None, error)),
        }
        let first = place.store.list(place.prefix()).next().await;
        first.transpose().map_err(|error| place.store_error("open", None, error))?;
        Ok(Self { place, putting: Arc::new(Semaphore::new(1)) })
    }

    /// Writes, reads back and removes a small file, so that a place that may only be read shows before a month depends on
    /// it.
    ///
    /// # Errors
    /// [`Error::Store`] where the place refuses, [`Error::NotKept`] where it gives back something else.
    pub async fn check(&self) -> Result<(), Error> {
        let refused = |action: &'static str, error: StoreError| self.place.store_error(action, None, error);
        let (store, path) = (&self.place.store, self.place.path(PROBE));
        store.put(&path, PutPayload::from_static(PROBE_BYTES)).await.map_err(|error| refused("write to", error))?;
        let read = match store.get(&path).await {
            Ok(found) => found.bytes().await,
            Err(error) => Err(error),
        };
        // Whatever was read, nothing stays behind.
        let removed = store.delete(&path).await;
        let read = read.map_err(|error| refused("read from", error))?;
        removed.map_err(|error| refused("remove from", error))?;
        if *read == *PROBE_BYTES {
            return Ok(());
        }
        let difference = format!("{} bytes in place of {}", read.len(), PROBE_BYTES.len());
        Err(Error::NotKept { place: self.place.name.to_string(), file: PROBE.to_owned(), difference })
    }

    /// The files, by month, then in the order they were put. What else lies in the place is left out.
    ///
    /// # Errors
    /// [`Error::Store`] where the place refuses.
    pub async fn list(&self) -> Result<Vec<StoredFile>, Error> {
        let mut found = Vec::new();
        let mut listing = self.place.store.list(self.place.prefix());
        while let Some(meta) = listing.try_next().await.map_err(|error| self.place.store_error("list", None, error))? {
            let Some(name) = self.place.file_at(&meta.location) else { continue };
            if let Some((month, number)) = month::parse_name(&name) {
                found.push((month, number, StoredFile { name, month, bytes: meta.size }));
            }
        }
        found.sort_by_key(|(month, number, _)| (*month, *number));
        Ok(found.into_iter().map(|(.., file)| file).collect())
    }

    /// Puts the samples of a month into a new file: chunks that follow one another by point, then source time. A month
    /// that has a file already gets another one beside it; nothing is ever overwritten. Puts wait for one another; a
    /// second station needs a place of its own.
    ///
    /// Holds a few megabytes: the rows of one group and a piece on its way. Where it fails, nothing stays; a store may
    /// keep the pieces of a put that was broken off, unseen, until its own rules clear them.
    ///
    /// # Errors
    /// [`Error::Input`] from `chunks`, [`Error::Order`], [`Error::OtherMonth`] and [`Error::Empty`] where they are not
    /// what was asked for, [`Error::Store`] where the place refuses, [`Error::NotKept`] where it lost something.
    pub async fn put<S, E>(&self, month: Month, chunks: S) -> Result<ArchivedFile, Error>
    where
        S: Stream<Item = Result<Vec<Sample>, E>> + Send,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let turn = self.putting.acquire().await;
        let _turn = turn.map_err(|error| Error::BrokenOff { file: month.to_string(), reason: error.to_string() })?;
        let name = self.free_name(month, &[]).await?;
        self.write(name, month, None, chunks).await
    }

    /// The same under a name that [`Archive::free_name`] gave, with a mark that [`Archive::remove_marked`] knows it by.
    ///
    /// # Errors
    /// As [`Archive::put`]; [`Error::Taken`] where a file of this name is there by now, [`Error::Missing`] for a name that
    /// no file of the archive can have.
    pub async fn put_as<S, E>(&self, name: &str, mark: &str, chunks: S) -> Result<ArchivedFile, Error>
    where
        S: Stream<Item = Result<Vec<Sample>, E>> + Send,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (month, _) = month::parse_name(name).ok_or_else(|| self.missing(name))?;
        let turn = self.putting.acquire().await;
        let _turn = turn.map_err(|error| Error::BrokenOff { file: name.to_owned(), reason: error.to_string() })?;
        match self.place.store.head(&self.place.path(name)).await {
            Ok(_) => return Err(Error::Taken { file: name.to_owned(), place: self.place.name.to_string() }),
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(self.place.store_error("look for", Some(name), error)),
        }
        self.write(name.to_owned(), month, Some(mark), chunks).await
    }

    async fn write<S, E>(
        &self,
        name: String,
        month: Month,
        mark: Option<&str>,
        chunks: S,
    ) -> Result<ArchivedFile, Error>
    where
        S: Stream<Item = Result<Vec<Sample>, E>> + Send,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.place.sweep(&name).await?;
        let failed = |error| self.place.store_error("begin", Some(&name), error);
        let mut upload = self.place.store.put_multipart(&self.place.path(&name)).await.map_err(failed)?;
        let sent = match self.send(&name, month, mark, chunks, upload.as_mut()).await {
            Ok(sent) => sent,
            Err(error) => {
                // The first error tells more than a second one about clearing up.
                drop(upload.abort().await);
                return Err(error);
            }
        };
        match self.footer(&name).await {
            Ok(footer) if footer == sent.footer => {}
            other => {
                let difference = match other {
                    Ok(footer) => format!("{footer:?} in place of {:?}", sent.footer),
                    Err(error) => error.to_string(),
                };
                drop(self.place.store.delete(&self.place.path(&name)).await);
                return Err(Error::NotKept { place: self.place.name.to_string(), file: name, difference });
            }
        }
        let Footer { extent, bytes } = sent.footer;
        let (Some(first), Some(last)) = (extent.first, extent.last) else { return Err(Error::Empty { month }) };
        let (rows, sha256, e_tag) = (extent.rows, sent.sha256, sent.put.e_tag);
        Ok(ArchivedFile { name, rows, bytes, sha256, e_tag, first, last })
    }

    /// A name that no file of a month has yet, nor had one of those `given` before, which may be there no more.
    ///
    /// # Errors
    /// [`Error::Store`] where the place refuses.
    pub async fn free_name(&self, month: Month, given: &[String]) -> Result<String, Error> {
        let there = self.list().await?;
        let names = there.iter().map(|file| file.name.as_str()).chain(given.iter().map(String::as_str));
        let numbers = names.filter_map(month::parse_name).filter(|(of, _)| *of == month).map(|(_, number)| number);
        Ok(month::file_name(month, numbers.max().unwrap_or(0) + 1))
    }

    async fn send<S, E>(
        &self,
        name: &str,
        month: Month,
        mark: Option<&str>,
        chunks: S,
        upload: &mut dyn MultipartUpload,
    ) -> Result<Sent, Error>
    where
        S: Stream<Item = Result<Vec<Sample>, E>> + Send,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut chunks = std::pin::pin!(chunks);
        let mut writer = match mark {
            Some(mark) => SampleWriter::marked(Parts::default(), mark)?,
            None => SampleWriter::new(Parts::default())?,
        };
        let mut waiting: Vec<Sample> = Vec::new();
        loop {
            let next = chunks.next().await.transpose().map_err(|error| Error::Input(error.into()))?;
            let is_last = next.is_none();
            let chunk = next.unwrap_or_default();
            if let Some(other) = chunk.iter().find(|sample| !month.contains(sample.source_time)) {
                return Err(Error::OtherMonth { point: other.point, at: other.source_time, month });
            }
            waiting.extend(chunk);
            if is_last || waiting.len() >= BATCH_ROWS {
                let samples = std::mem::take(&mut waiting);
                let (back, parts) = aside(name, move || {
                    writer.write(&samples)?;
                    let parts = writer.inner_mut().full();
                    Ok((writer, parts))
                })
                .await?;
                writer = back;
                for part in parts {
                    self.send_part(name, part, upload).await?;
                }
            }
            if is_last {
                break;
            }
        }
        let extent = writer.extent();
        if extent.rows == 0 {
            return Err(Error::Empty { month });
        }
        let (full, (last, bytes, sha256)) = aside(name, move || {
            let mut parts = writer.finish()?;
            Ok((parts.full(), parts.end()))
        })
        .await?;
        for part in full.into_iter().chain([last]).filter(|part| !part.is_empty()) {
            self.send_part(name, part, upload).await?;
        }
        match upload.complete().await {
            Ok(put) => Ok(Sent { footer: Footer { extent, bytes }, sha256, put }),
            Err(error) => {
                // The answer may be what was lost, and the file be there: nobody would know of it.
                drop(self.place.store.delete(&self.place.path(name)).await);
                Err(self.place.store_error("finish", Some(name), error))
            }
        }
    }

    async fn send_part(&self, name: &str, part: bytes::Bytes, upload: &mut dyn MultipartUpload) -> Result<(), Error> {
        let sent = upload.put_part(PutPayload::from_bytes(part)).await;
        sent.map_err(|error| self.place.store_error("write", Some(name), error))
    }

    /// What a file tells of itself: its end is read, nothing else.
    ///
    /// # Errors
    /// [`Error::Missing`] and [`Error::Damaged`] where it is not there or not whole, [`Error::Store`] where the place
    /// refuses.
    pub async fn footer(&self, name: &str) -> Result<Footer, Error> {
        let (object, metadata) = self.look(name).await?;
        let extent = extent_of(metadata.metadata()).map_err(|reason| Error::damaged(name, reason))?;
        Ok(Footer { extent, bytes: object.bytes })
    }

    /// The wanted samples of a file, by point, then source time. Only the pages that may hold one are fetched.
    ///
    /// # Errors
    /// As [`Archive::footer`]; the stream gives [`Error::Damaged`] or [`Error::Store`] where it breaks later, and ends.
    pub async fn read(&self, name: &str, selection: &Selection) -> Result<Samples, Error> {
        let (object, metadata) = self.look(name).await?;
        let plan = Plan::new(metadata.metadata(), selection).map_err(|reason| Error::damaged(name, reason))?;
        let batches = ParquetRecordBatchStreamBuilder::new_with_metadata(object, metadata)
            .with_batch_size(BATCH_ROWS)
            .with_row_groups(plan.groups)
            .with_row_selection(plan.rows)
            .build();
        let mut batches = batches.map_err(|error| self.read_error(name, error))?;
        let (into, chunks) = mpsc::channel(CHUNKS_AHEAD);
        let (archive, selection, file) = (self.clone(), selection.clone(), name.to_owned());
        let runtime = tokio::runtime::Handle::current();
        // Decoding takes milliseconds at a time: it has a thread, and waits there.
        let work = tokio::task::spawn_blocking(move || {
            while let Some(batch) = runtime.block_on(batches.next()) {
                let samples = batch
                    .map_err(|error| archive.read_error(&file, error))
                    .and_then(|batch| samples_of(&batch, &selection).map_err(|reason| Error::damaged(&file, reason)));
                let is_over = samples.is_err();
                if samples.as_ref().is_ok_and(Vec::is_empty) {
                    continue;
                }
                // Nobody wants to know any more where the receiver is gone.
                if into.blocking_send(samples).is_err() || is_over {
                    return;
                }
            }
        });
        Ok(Samples { chunks, work: Some(work), file: name.to_owned() })
    }

    /// Removes a file for good.
    ///
    /// # Errors
    /// [`Error::Missing`] where it is not there, [`Error::Store`] where the place refuses.
    pub async fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.checked(name)?;
        // A store says nothing where there was nothing.
        let removed = match self.place.store.head(&path).await {
            Ok(_) => self.place.store.delete(&path).await,
            Err(error) => Err(error),
        };
        removed.map_err(|error| self.place.store_error("remove", Some(name), error))
    }

    /// Removes the file that was put with this mark, and says whether it did. A file that is not there, or that somebody
    /// else has put under this name, stays as it is.
    ///
    /// # Errors
    /// [`Error::Store`] where the place refuses.
    pub async fn remove_marked(&self, name: &str, mark: &str) -> Result<bool, Error> {
        let metadata = match self.look(name).await {
            Ok((_, metadata)) => metadata,
            Err(Error::Missing { .. } | Error::Damaged { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        let words = metadata.metadata().file_metadata().key_value_metadata();
        let is_marked = |word: &KeyValue| word.key == MARK && word.value.as_deref() == Some(mark);
        if !words.is_some_and(|words| words.iter().any(is_marked)) {
            return Ok(false);
        }
        self.remove(name).await?;
        Ok(true)
    }

    /// Only what [`Archive::put`] names is a file of the archive.
    fn checked(&self, name: &str) -> Result<object_store::path::Path, Error> {
        month::parse_name(name).ok_or_else(|| self.missing(name))?;
        Ok(self.place.path(name))
    }

    fn missing(&self, name: &str) -> Error {
        Error::Missing { file: name.to_owned(), place: self.place.name.to_string() }
    }

    async fn look(&self, name: &str) -> Result<(Object, ArrowReaderMetadata), Error> {
        let path = self.checked(name)?;
        let head = self.place.store.head(&path).await;
        let bytes = head.map_err(|error| self.place.store_error("read", Some(name), error))?.size;
        let mut object = Object { store: self.place.store.clone(), path, bytes };
        // The decoder panics over some changed bytes of a footer.
        let loading = AssertUnwindSafe(ArrowReaderMetadata::load_async(&mut object, options())).catch_unwind();
        let metadata = loading.await.map_err(|_panic| Error::damaged(name, ABSURD))?;
        let metadata = metadata.map_err(|error| self.read_error(name, error))?;
        check_schema(metadata.schema()).map_err(|reason| Error::damaged(name, reason))?;
        Ok((object, metadata))
    }

    /// Parts what the place refused from what the file does not hold.
    fn read_error(&self, name: &str, error: ParquetError) -> Error {
        match error {
            ParquetError::External(source) => match source.downcast::<StoreError>() {
                Ok(error) => self.place.store_error("read", Some(name), *error),
                Err(source) => Error::damaged(name, source),
            },
            other => Error::damaged(name, other),
        }
    }
}

/// What was sent, before anybody looked whether it is kept.
struct Sent {
    footer: Footer,
    sha256: String,
    put: PutResult,
}

/// Does what takes milliseconds on a thread for that.
async fn aside<T: Send + 'static>(
    file: &str,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::BrokenOff { file: file.to_owned(), reason: error.to_string() })?
}

/// What a file's groups tell together; the reason where they contradict themselves.
fn extent_of(metadata: &ParquetMetaData) -> Result<Extent, String> {
    let mut extent = Extent::NOTHING;
    for group in metadata.row_groups() {
        let rows = u64::try_from(group.num_rows()).map_err(|_negative| "rows below zero".to_owned())?;
        let times = match group.columns().get(SOURCE_TIME).and_then(|column| column.statistics()) {
            Some(Statistics::Int64(of)) => of,
            _ => return Err("a group does not tell which time it spans".to_owned()),
        };
        let (first, last) = (times.min_opt().copied(), times.max_opt().copied());
        let at = |micros: Option<i64>| micros.map(Timestamp::from_micros);
        extent = extent.with(Extent { rows, first: at(first), last: at(last) });
    }
    let told = metadata.file_metadata().num_rows();
    if u64::try_from(told) != Ok(extent.rows) {
        return Err(format!("it tells of {told} samples and its groups of {}", extent.rows));
    }
    Ok(extent)
}

/// Samples that come from a file of the archive, in chunks that are not empty. Dropped, it stops reading.
#[derive(Debug)]
pub struct Samples {
    chunks: mpsc::Receiver<Result<Vec<Sample>, Error>>,
    /// None once its end is known.
    work: Option<JoinHandle<()>>,
    file: String,
}

impl Stream for Samples {
    type Item = Result<Vec<Sample>, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(chunk) = std::task::ready!(this.chunks.poll_recv(context)) {
            return Poll::Ready(Some(chunk));
        }
        // Whether that was all, only the work itself knows.
        let Some(work) = &mut this.work else { return Poll::Ready(None) };
        let end = std::task::ready!(work.poll_unpin(context));
        this.work = None;
        Poll::Ready(end.err().map(|error| {
            Err(match error.is_panic() {
                true => Error::damaged(&this.file, ABSURD),
                false => Error::BrokenOff { file: this.file.clone(), reason: error.to_string() },
            })
        }))
    }
}
