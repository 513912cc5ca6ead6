//! The spool: opening, appending, trimming and its figures. Knows segments, not what a record means.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::Read as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::segment::{self, Segment};
use crate::spare::Spare;
use crate::watermark::Watermark;
use crate::{Error, MAX_PAYLOAD_BYTES, Reader, frame};

/// Places of damage kept for [`Spool::damage`]; further ones are only counted.
const DAMAGE_KEPT: usize = 64;

/// The number of a record: 1 for the first one ever, then one more for each, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(pub u64);

impl Seq {
    /// Before every record.
    pub const START: Self = Self(0);
}

impl std::fmt::Display for Seq {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Whose room a batch may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Samples: the bound less what is reserved.
    Samples,
    /// What people do: the whole bound.
    Actions,
}

/// How large the spool may grow.
#[derive(Debug, Clone)]
pub struct Options {
    /// A new segment is begun once the present one has this many bytes. Room comes free in whole segments.
    pub segment_bytes: u64,
    /// The most that the spool takes on disk, in bytes.
    pub max_bytes: u64,
    /// The part of `max_bytes` that only [`Room::Actions`] may use.
    pub reserved_bytes: u64,
    /// Whether the next segment is made ahead, full of zeros, where the bound has room for it: flushes are quicker then,
    /// and everything is written twice.
    pub makes_ahead: bool,
}

impl Options {
    fn check(&self) -> Result<(), Error> {
        if self.segment_bytes < segment::HEADER_BYTES {
            return Err(Error::Options("segment_bytes must be 64 or more"));
        }
        if self.max_bytes.saturating_sub(self.reserved_bytes) < self.segment_bytes.saturating_mul(2) {
            return Err(Error::Options(
                "max_bytes less reserved_bytes must have room for two segments of segment_bytes",
            ));
        }
        Ok(())
    }

    fn bound(&self, room: Room) -> u64 {
        match room {
            Room::Samples => self.max_bytes - self.reserved_bytes,
            Room::Actions => self.max_bytes,
        }
    }
}

/// A stretch of bytes that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub segment: PathBuf,
    /// Where in it the damage begins, in bytes.
    pub offset: u64,
    /// How many bytes are affected; 0 where the file ends too early.
    pub bytes: u64,
    /// The first and last number of the records lost by it; none where a spare copy stood in. Where a whole segment
    /// cannot be read and is the last one, the most that can have been in it.
    pub lost: Option<(Seq, Seq)>,
}

impl Damage {
    pub(crate) fn new(segment: &Path, offset: u64, bytes: u64, lost: Option<(u64, u64)>) -> Self {
        Self { segment: segment.to_owned(), offset, bytes, lost: lost.map(|(first, last)| (Seq(first), Seq(last))) }
    }
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes at {} of {} cannot be read", self.bytes, self.offset, self.segment.display())?;
        match self.lost {
            Some((first, last)) => write!(f, ", records {first} to {last} are lost"),
            None => f.write_str(", nothing is lost"),
        }
    }
}

/// A spool with what was found on opening it.
#[derive(Debug)]
pub struct Opened {
    /// The spool, ready to append and read.
    pub spool: Spool,
    /// Bytes cut off the end: a batch whose writing was interrupted, and which was not acknowledged.
    pub torn_bytes: u64,
    /// What cannot be read; everything else can.
    pub damage: Vec<Damage>,
}

/// How full the spool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Bytes on disk, aside from what is made ahead.
    pub disk_bytes: u64,
    /// The bound for people's actions, in bytes.
    pub max_bytes: u64,
    /// The bound for samples, in bytes.
    pub samples_bytes: u64,
    /// Segments on disk.
    pub segments: usize,
    /// Readable records not yet forgotten.
    pub waiting: u64,
    /// The first record not yet forgotten, where there is any.
    pub first: Option<Seq>,
    /// The last record given out.
    pub last: Seq,
    /// Up to here records are forgotten.
    pub trimmed: Seq,
    /// Places of damage met since opening, on opening included.
    pub damaged: u64,
}

/// The append-only journal in one directory. Share it in an [`Arc`]: every method takes `&self`.
#[derive(Debug)]
pub struct Spool {
    options: Options,
    shared: Arc<Shared>,
    writer: Mutex<Writer>,
    watermark: Mutex<Watermark>,
    /// The next segment, where it is made ahead.
    spare: Option<Spare>,
    /// Held as long as the spool is.
    _lock: File,
}

/// What the appender, the trimmer and the readers share. Its lock is held for moments only, never over disk access.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    index: Mutex<Index>,
    pub(crate) grown: Condvar,
}

#[derive(Debug)]
pub(crate) struct Index {
    /// In order; the last one is the one appended to, where the writer has it open.
    pub(crate) segments: Vec<Segment>,
    pub(crate) trimmed: u64,
    /// The last number given out.
    pub(crate) last: u64,
    pub(crate) damage: Vec<Damage>,
    pub(crate) damaged: u64,
}

#[derive(Debug)]
struct Writer {
    /// The last segment's file; none where the next append begins a new one.
    file: Option<File>,
    /// Bytes behind the durable end may be left from a write that failed.
    untidy: bool,
    buffer: Vec<u8>,
}

impl Spool {
    /// Opens the spool in `dir`, making the directory where there is none; takes it for this process alone.
    ///
    /// Reads all that waits, once. A torn end is cut off and damage stepped around; both are reported.
    ///
    /// # Errors
    /// [`Error::Locked`] where another holds it, [`Error::Options`] where these contradict, [`Error::Io`].
    pub fn open(dir: &Path, options: Options) -> Result<Opened, Error> {
        options.check()?;
        make_dir(dir)?;
        let lock = lock(dir)?;
        let mut watermark = Watermark::open(&dir.join("trimmed"))?;
        let mut firsts = list(dir)?;
        if let Some(&oldest) = firsts.first() {
            watermark.seq = watermark.seq.max(oldest - 1);
        }
        forget(dir, &mut firsts, watermark.seq)?;

        // From the last to the first: each tells where the one before it ended.
        let mut segments = Vec::new();
        let mut damage = Vec::new();
        let mut torn_bytes = 0;
        let mut limit = None;
        let mut last = watermark.seq;
        for &first in firsts.iter().rev() {
            let path = segment::path(dir, first);
            let Some(found) = segment::scan(dir, first, limit)? else {
                torn_bytes += fs::metadata(&path).map_err(Error::io("read", &path))?.len();
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
                last = last.max(first - 1);
                continue;
            };
            if found.torn_bytes > 0 {
                cut(&path, found.segment.len)?;
                torn_bytes += found.torn_bytes;
            }
            last = last.max(found.segment.last);
            last = found.damage.iter().filter_map(|damage| damage.lost).fold(last, |last, (_, lost)| last.max(lost.0));
            limit = Some(found.segment.previous.min(first - 1) + 1);
            damage.extend(found.damage.into_iter().rev());
            segments.push(found.segment);
        }
        segments.reverse();
        damage.reverse();

        let file = match segments.last() {
            Some(open) if open.salt.is_some() && open.last == last && open.len < options.segment_bytes => {
                let path = segment::path(dir, open.first);
                Some(OpenOptions::new().write(true).open(&path).map_err(Error::io("open", &path))?)
            }
            _ => None,
        };
        let index = Index {
            segments,
            trimmed: watermark.seq,
            last,
            damaged: damage.len() as u64,
            damage: damage.iter().take(DAMAGE_KEPT).cloned().collect(),
        };
        // Also where none is made: an earlier run may have left one.
        let spare = Some(Spare::new(dir, options.segment_bytes)?).filter(|_| options.makes_ahead);
        let shared = Arc::new(Shared { dir: dir.to_owned(), index: Mutex::new(index), grown: Condvar::new() });
        let spool = Self {
            options,
            shared,
            writer: Mutex::new(Writer { file, untidy: false, buffer: Vec::new() }),
            watermark: Mutex::new(watermark),
            spare,
            _lock: lock,
        };
        spool.make_ahead();
        Ok(Opened { spool, torn_bytes, damage })
    }

    /// Appends `frames` as one batch and answers the number of the last; they are on the disk when it returns. A crash
    /// meanwhile may keep a first part of the batch, never half a record.
    ///
    /// # Errors
    /// [`Error::Full`] at the bound of `room`, [`Error::TooLarge`] for what can never fit, [`Error::Io`] where the disk
    /// refuses. Nothing of the batch is kept then, and the next append may work.
    pub fn append(&self, room: Room, frames: &[&[u8]]) -> Result<Seq, Error> {
        let mut writer = locked(&self.writer);
        if frames.is_empty() {
            return Ok(Seq(self.shared.index().last));
        }
        let bytes = self.batch_bytes(room, frames)?;
        self.make_room(&mut writer, room, bytes)?;
        self.tidy(&mut writer);
        if writer.file.is_none() || self.open_segment_len() >= self.options.segment_bytes {
            self.begin_segment(&mut writer)?;
        }
        self.write(&mut writer, frames)
    }

    /// A reader of what was appended, for any thread; reading holds up neither appending nor trimming.
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.shared))
    }

    /// Forgets the records up to `up_to`, and deletes the segments in which none is left. A number beyond the last one
    /// counts as the last.
    ///
    /// # Errors
    /// [`Error::Io`] where the watermark cannot be kept or a file not removed; the records are forgotten all the same
    /// until the next start, which tries again.
    pub fn trim(&self, up_to: Seq) -> Result<(), Error> {
        let mut watermark = locked(&self.watermark);
        let trimmed = {
            let mut index = self.shared.index();
            index.trimmed = index.trimmed.max(up_to.0.min(index.last));
            index.trimmed
        };
        // Deleting comes first: it makes room for the watermark where the disk is full, and the names of the segments
        // that are left carry nearly the same knowledge.
        let deleted = self.delete_forgotten();
        if trimmed > watermark.seq {
            watermark.set(trimmed)?;
        }
        deleted
    }

    /// Makes sure that the next record gets a number above `seq`. To be called on start with the watermark that the
    /// database keeps: a spool that lost records or its directory must not give out their numbers again, since the
    /// database would take the new records for old ones.
    ///
    /// # Errors
    /// [`Error::Io`] where the new segment that this takes cannot be made.
    pub fn continue_after(&self, seq: Seq) -> Result<(), Error> {
        let mut writer = locked(&self.writer);
        if self.shared.index().last >= seq.0 {
            return Ok(());
        }
        self.tidy(&mut writer);
        let previous = std::mem::replace(&mut self.shared.index().last, seq.0);
        self.begin_segment_after(&mut writer, previous)
    }

    /// How full it is.
    pub fn stats(&self) -> Stats {
        let index = self.shared.index();
        Stats {
            disk_bytes: index.disk_bytes(),
            max_bytes: self.options.max_bytes,
            samples_bytes: self.options.bound(Room::Samples),
            segments: index.segments.len(),
            waiting: index.segments.iter().map(|segment| segment.waiting(index.trimmed)).sum(),
            first: index.first_waiting().map(Seq),
            last: Seq(index.last),
            trimmed: Seq(index.trimmed),
            damaged: index.damaged,
        }
    }

    /// The damage met since opening, on opening included; the first 64 places of [`Stats::damaged`].
    pub fn damage(&self) -> Vec<Damage> {
        self.shared.index().damage.clone()
    }

    fn batch_bytes(&self, room: Room, frames: &[&[u8]]) -> Result<u64, Error> {
        if let Some(frame) = frames.iter().find(|frame| frame.len() > MAX_PAYLOAD_BYTES) {
            return Err(Error::TooLarge { bytes: frame.len() as u64, limit_bytes: MAX_PAYLOAD_BYTES as u64 });
        }
        let bytes = frames.iter().map(|frame| frame::size(frame.len())).sum();
        let limit_bytes = self.options.bound(room) - segment::HEADER_BYTES;
        if bytes > limit_bytes { Err(Error::TooLarge { bytes, limit_bytes }) } else { Ok(bytes) }
    }

    /// Checks the bound. Where the open segment is all that is in the way and nothing waits in it, it makes place.
    fn make_room(&self, writer: &mut Writer, room: Room, bytes: u64) -> Result<(), Error> {
        let bound_bytes = self.options.bound(room);
        let (used_bytes, begins_new, idle) = {
            let index = self.shared.index();
            let begins_new = writer.file.is_none() || index.open_len() >= self.options.segment_bytes;
            (index.disk_bytes(), begins_new, index.last <= index.trimmed && index.open_len() > segment::HEADER_BYTES)
        };
        let wanted_bytes = bytes + if begins_new { segment::HEADER_BYTES } else { 0 };
        if used_bytes.saturating_add(wanted_bytes) <= bound_bytes {
            return Ok(());
        }
        if !idle {
            return Err(Error::Full { used_bytes, bound_bytes, wanted_bytes });
        }
        self.begin_segment(writer)?;
        self.delete_forgotten()?;
        let used_bytes = self.shared.index().disk_bytes();
        if used_bytes.saturating_add(bytes) <= bound_bytes {
            Ok(())
        } else {
            Err(Error::Full { used_bytes, bound_bytes, wanted_bytes: bytes })
        }
    }

    /// Cuts off what a failed write left. Where even that fails, the segment is left as it is: its leftovers carry
    /// numbers that the next segment claims, and so are told apart.
    fn tidy(&self, writer: &mut Writer) {
        if !writer.untidy {
            return;
        }
        let len = self.open_segment_len();
        if let Some(file) = &writer.file
            && let Err(source) = file.set_len(len).and_then(|()| file.sync_all())
        {
            tracing::warn!(%source, "cannot cut off what a failed write left in the spool; going on in a new segment");
            writer.file = None;
        }
        writer.untidy = false;
    }

    fn open_segment_len(&self) -> u64 {
        self.shared.index().open_len()
    }

    fn begin_segment(&self, writer: &mut Writer) -> Result<(), Error> {
        let previous = self.shared.index().last;
        self.begin_segment_after(writer, previous)
    }

    /// Begins a segment for the number after the last one given out. `previous` is the last one that a record had.
    fn begin_segment_after(&self, writer: &mut Writer, previous: u64) -> Result<(), Error> {
        self.cut_ahead(writer);
        writer.file = None;
        let first = self.shared.index().last + 1;
        let dir = &self.shared.dir;
        let adopted =
            self.spare.as_ref().and_then(Spare::take).map(|spare| segment::adopt(dir, &spare, first, previous));
        let (file, segment) = match adopted {
            Some(Ok(adopted)) => adopted,
            _ => segment::create(dir, first, previous)?,
        };
        let mut index = self.shared.index();
        // An empty one that began with the same number has just been written over.
        index.segments.retain(|old| old.first < first);
        index.segments.push(segment);
        drop(index);
        writer.file = Some(file);
        self.make_ahead();
        Ok(())
    }

    /// Has the next segment made ahead, where that and the rest of the open one stay within the bound.
    fn make_ahead(&self) {
        let Some(spare) = &self.spare else { return };
        let ahead_bytes = self.options.segment_bytes.saturating_mul(2);
        if self.shared.index().disk_bytes().saturating_add(ahead_bytes) <= self.options.bound(Room::Samples) {
            spare.make();
        }
    }

    /// Cuts off the zeros ahead in a segment that ends before it is full.
    fn cut_ahead(&self, writer: &Writer) {
        let (Some(file), len) = (&writer.file, self.open_segment_len()) else { return };
        let is_cut = file.metadata().and_then(|of| if of.len() > len { file.set_len(len) } else { Ok(()) });
        if let Err(source) = is_cut {
            // They are zeros and read as nothing.
            tracing::debug!(%source, "cannot cut off what lies ahead in a segment of the spool");
        }
    }

    fn write(&self, writer: &mut Writer, frames: &[&[u8]]) -> Result<Seq, Error> {
        let (first, offset, salt) = {
            let index = self.shared.index();
            let open = index.segments.last();
            (index.last + 1, index.open_len(), open.and_then(|open| open.salt).unwrap_or_default())
        };
        let Writer { file, untidy, buffer } = writer;
        buffer.clear();
        for (seq, frame) in (first..).zip(frames) {
            frame::encode(buffer, salt, seq, frame);
        }
        let written = match file {
            Some(file) => segment::write_at(file, buffer, offset)
                .map_err(|source| ("write", source))
                .and_then(|()| file.sync_data().map_err(|source| ("flush", source))),
            None => Err(("write", std::io::ErrorKind::NotFound.into())),
        };
        let len = buffer.len() as u64;
        // One large batch must not hold its memory for ever.
        buffer.shrink_to(1 << 20);
        if let Err((action, source)) = written {
            let path = self.shared.open_path();
            *untidy = true;
            self.tidy(writer);
            if action == "flush" {
                // After a failed flush the system may have dropped pages and call the next flush good: never go on here.
                writer.file = None;
            }
            return Err(Error::Io { action, path, source });
        }
        let mut index = self.shared.index();
        index.last += frames.len() as u64;
        let last = index.last;
        if let Some(open) = index.segments.last_mut() {
            open.len += len;
            open.last = last;
        }
        drop(index);
        self.shared.grown.notify_all();
        Ok(Seq(last))
    }

    /// Deletes the segments in which no record waits, except the last.
    fn delete_forgotten(&self) -> Result<(), Error> {
        loop {
            let oldest = {
                let index = self.shared.index();
                match index.segments.as_slice() {
                    [oldest, next, ..] if next.first <= index.trimmed + 1 || oldest.waiting(index.trimmed) == 0 => {
                        oldest.first
                    }
                    _ => return Ok(()),
                }
            };
            let path = segment::path(&self.shared.dir, oldest);
            match fs::remove_file(&path) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::Io { action: "remove", path, source });
                }
                _ => self.shared.index().segments.retain(|segment| segment.first != oldest),
            }
        }
    }
}

impl Shared {
    pub(crate) fn index(&self) -> MutexGuard<'_, Index> {
        locked(&self.index)
    }

    /// Waits for the index to change, at most `timeout`.
    pub(crate) fn wait<'a>(
        &self,
        index: MutexGuard<'a, Index>,
        timeout: std::time::Duration,
        unchanged: impl Fn(&Index) -> bool,
    ) -> MutexGuard<'a, Index> {
        let waited = self.grown.wait_timeout_while(index, timeout, |index| unchanged(index));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn open_path(&self) -> PathBuf {
        self.index().segments.last().map_or_else(|| self.dir.clone(), |open| segment::path(&self.dir, open.first))
    }
}

impl Index {
    pub(crate) fn note(&mut self, damage: Damage) {
        self.damaged += 1;
        if self.damage.len() < DAMAGE_KEPT {
            self.damage.push(damage);
        }
    }

    fn disk_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.len).sum()
    }

    fn open_len(&self) -> u64 {
        self.segments.last().map_or(0, |open| open.len)
    }

    fn first_waiting(&self) -> Option<u64> {
        let segment = self.segments.iter().find(|segment| segment.waiting(self.trimmed) > 0)?;
        let first = segment.first.max(self.trimmed + 1);
        // Ranges ascend, so one pass steps over all that lie at the front.
        let past = |at: u64, &(from, to): &(u64, u64)| if (from..=to).contains(&at) { to + 1 } else { at };
        Some(segment.lost.iter().fold(first, past))
    }
}

/// A lock is poisoned where its holder panicked; what it guards is only changed by single steps that leave it whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn make_dir(dir: &Path) -> Result<(), Error> {
    if dir.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(Error::io("create", dir))?;
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => segment::sync_dir(parent),
        _ => Ok(()),
    }
}

fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("lock");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(&path).map_err(Error::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            if file.by_ref().take(20).read_to_string(&mut holder).is_err() || holder.trim().is_empty() {
                holder = "unknown".to_owned();
            }
            return Err(Error::Locked { dir: dir.to_owned(), holder: holder.trim().to_owned() });
        }
        Err(TryLockError::Error(source)) => return Err(Error::Io { action: "lock", path, source }),
    }
    let holder = format!("{}\n", std::process::id());
    // Only a hint for the message above: a full disk must not keep the spool from opening.
    if let Err(source) = file.set_len(0).and_then(|()| segment::write_at(&file, holder.as_bytes(), 0)) {
        tracing::debug!(%source, "cannot write the holder into the spool's lock file");
    }
    Ok(file)
}

/// The first numbers of the segments in `dir`, ascending.
fn list(dir: &Path) -> Result<Vec<u64>, Error> {
    let mut firsts = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let entry = entry.map_err(Error::io("list", dir))?;
        firsts.extend(entry.file_name().to_str().and_then(segment::first_of));
    }
    firsts.sort_unstable();
    Ok(firsts)
}

/// Deletes the segments that lie wholly before the watermark; the last one stays, since its name carries the count on.
fn forget(dir: &Path, firsts: &mut Vec<u64>, trimmed: u64) -> Result<(), Error> {
    while let [oldest, next, ..] = firsts.as_slice()
        && *next <= trimmed + 1
    {
        let path = segment::path(dir, *oldest);
        fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        firsts.remove(0);
    }
    Ok(())
}

fn cut(path: &Path, len: u64) -> Result<(), Error> {
    let file = OpenOptions::new().write(true).open(path).map_err(Error::io("open", path))?;
    file.set_len(len).and_then(|()| file.sync_all()).map_err(Error::io("cut the torn end of", path))
}
