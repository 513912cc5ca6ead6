//! One segment file: its name, its header, and what is found in it on opening. Knows one file, not the spool.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher as _, Hasher as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::frame::{self, Step, Walk};
use crate::spool::Damage;

const MAGIC: &[u8; 8] = b"PENSPL\x00\x01";
const COPY_BYTES: usize = 32;

/// What a disk takes at once, so that of a batch that is cut off any of its pages may be there and any not.
const PAGE_BYTES: usize = 4_096;

/// Bytes ahead of the first frame: the header twice, so that one bad byte does not cost the segment its salt.
pub(crate) const HEADER_BYTES: u64 = 2 * COPY_BYTES as u64;

/// A segment as the spool knows it.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    /// Sequence number of its first record, present or not.
    pub(crate) first: u64,
    /// The last one given out before it was begun: `first - 1` unless numbers were skipped on purpose.
    pub(crate) previous: u64,
    /// That of its last good one; `first - 1` where there is none.
    pub(crate) last: u64,
    /// Records between the two that are lost, as inclusive ranges.
    pub(crate) lost: Vec<(u64, u64)>,
    /// Durable bytes.
    pub(crate) len: u64,
    /// Goes into every checksum; none where both headers are gone and so nothing can be read.
    pub(crate) salt: Option<u32>,
}

impl Segment {
    /// Good records after `after`.
    pub(crate) fn waiting(&self, after: u64) -> u64 {
        let beyond = |first: u64, last: u64| (last + 1).saturating_sub(first.max(after.saturating_add(1)));
        let lost: u64 = self.lost.iter().map(|&(first, last)| beyond(first, last)).sum();
        beyond(self.first, self.last).saturating_sub(lost)
    }
}

/// Where the segment that begins with `first` is.
pub(crate) fn path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.seg"))
}

/// The first sequence number, from a segment's file name.
pub(crate) fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg").filter(|digits| digits.len() == 20)?;
    digits.parse().ok().filter(|first| (1..u64::MAX / 2).contains(first))
}

/// Makes an empty segment on disk, name and header durable. Nothing is left behind where that fails.
pub(crate) fn create(dir: &Path, first: u64, previous: u64) -> Result<(File, Segment), Error> {
    let path = path(dir, first);
    let made = write_new(dir, &path, first, previous);
    if made.is_err()
        && let Err(source) = fs::remove_file(&path)
        && source.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %source, "cannot remove a half-made spool segment; the next start will");
    }
    made
}

fn write_new(dir: &Path, path: &Path, first: u64, previous: u64) -> Result<(File, Segment), Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true).mode(0o600);
    let file = options.open(path).map_err(Error::io("create", path))?;
    let segment = begin(&file, path, first, previous)?;
    sync_dir(dir)?;
    Ok((file, segment))
}

/// Makes an empty segment on disk out of a file of zeros, name and header durable. Nothing is left behind where that
/// fails.
pub(crate) fn adopt(dir: &Path, spare: &Path, first: u64, previous: u64) -> Result<(File, Segment), Error> {
    let path = path(dir, first);
    let adopted = (|| {
        let file = OpenOptions::new().read(true).write(true).open(spare).map_err(Error::io("open", spare))?;
        // The header first: a segment that has its name has all of it.
        let segment = begin(&file, spare, first, previous)?;
        fs::rename(spare, &path).map_err(Error::io("rename", spare))?;
        sync_dir(dir)?;
        Ok((file, segment))
    })();
    if adopted.is_err() {
        for left in [spare, &path] {
            if let Err(source) = fs::remove_file(left)
                && source.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(path = %left.display(), %source, "cannot remove a half-made spool segment");
            }
        }
    }
    adopted
}

/// Writes the header of an empty segment into its file.
fn begin(file: &File, path: &Path, first: u64, previous: u64) -> Result<Segment, Error> {
    // The standard library's hash seed is random for each process and each use: enough to make it unguessable by a device.
    let salt = std::hash::RandomState::new().build_hasher().finish() as u32;
    let mut header = header(first, previous, salt).to_vec();
    header.extend_from_within(..);
    write_at(file, &header, 0).map_err(Error::io("write", path))?;
    file.sync_all().map_err(Error::io("flush", path))?;
    Ok(Segment { first, previous, last: first - 1, lost: Vec::new(), len: HEADER_BYTES, salt: Some(salt) })
}

/// Makes names in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io("flush", dir))
}

/// What was found in a segment's file.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) segment: Segment,
    pub(crate) damage: Vec<Damage>,
    /// Bytes behind the last good frame of the last segment: a batch whose writing was cut off.
    pub(crate) torn_bytes: u64,
}

/// Reads a segment and checks every frame. `limit` is the number after its last one as the next segment has it, none for
/// the last segment.
/// Answers none for a last segment whose making was cut off before anything could be in it.
pub(crate) fn scan(dir: &Path, first: u64, limit: Option<u64>) -> Result<Option<Found>, Error> {
    let path = path(dir, first);
    let bytes = fs::read(&path).map_err(Error::io("read", &path))?;
    let len = bytes.len() as u64;
    let (head, frames) = bytes.split_at_checked(HEADER_BYTES as usize).unwrap_or((&bytes, &[]));
    let copies =
        [head.get(..COPY_BYTES), head.get(COPY_BYTES..)].map(|copy| copy.and_then(|copy| fields_in(copy, first)));
    // Both headers are on the disk before the first frame is written: half of them means that none was.
    if limit.is_none() && frames.is_empty() && copies.contains(&None) {
        return Ok(None);
    }
    let Some((previous, salt)) = copies.into_iter().flatten().next() else {
        // How many were in it is not known: never more than empty frames would have fitted.
        let fitting = frames.len() as u64 / frame::size(0);
        let end = limit.unwrap_or(first + fitting).max(first);
        let lost = (end > first).then_some((first, end - 1));
        let segment = Segment { first, previous: first - 1, last: first - 1, lost: Vec::new(), len, salt: None };
        let damage = vec![Damage::new(&path, 0, len, lost)];
        return Ok(Some(Found { segment, damage, torn_bytes: 0 }));
    };

    let mut segment = Segment { first, previous, last: first - 1, lost: Vec::new(), len, salt: Some(salt) };
    let mut damage = Vec::new();
    for (no, _) in copies.iter().enumerate().filter(|(_, copy)| copy.is_none()) {
        damage.push(Damage::new(&path, (no * COPY_BYTES) as u64, COPY_BYTES as u64, None));
    }
    let mut good_end = HEADER_BYTES;
    // Bytes since the last good frame: the one hole they make, however many steps it took.
    let mut hole: Option<u64> = None;
    let mut walk = Walk::new(frames, salt, first, limit.unwrap_or(u64::MAX));
    while let Some(step) = walk.next() {
        match step {
            Step::Frame { seq, .. } => {
                let lost = (seq > segment.last + 1).then_some((segment.last + 1, seq - 1));
                let start = walk.offset() as u64 + HEADER_BYTES - frame_bytes(&step);
                if let Some(from) = hole.take() {
                    damage.push(Damage::new(&path, from, start - from, lost));
                }
                segment.lost.extend(lost);
                segment.last = seq;
                good_end = walk.offset() as u64 + HEADER_BYTES;
            }
            Step::Damage { start, end } => {
                let from = *hole.get_or_insert(start as u64 + HEADER_BYTES);
                // A page of zeros was never written: with what follows it belongs to a batch that was cut off.
                if limit.is_none() && has_empty_page(&bytes, from as usize, end + HEADER_BYTES as usize) {
                    break;
                }
            }
        }
    }
    let mut torn_bytes = 0;
    match limit {
        // What follows the last good frame of the last segment was never acknowledged, or cannot be told from it. Zeros
        // were there before anything was written.
        None => {
            let tail = bytes.get(good_end as usize..).unwrap_or_default();
            torn_bytes = tail.iter().rposition(|byte| *byte != 0).map_or(0, |at| at as u64 + 1);
            segment.len = good_end.min(len);
        }
        // In an earlier one it is damage where numbers are missing, and otherwise left over from a refused write.
        Some(limit) if segment.last + 1 < limit => {
            damage.push(Damage::new(&path, good_end, len - good_end, Some((segment.last + 1, limit - 1))));
        }
        Some(_) => {}
    }
    Ok(Some(Found { segment, damage, torn_bytes }))
}

/// Whether a whole page between two places of a file is zeros.
fn has_empty_page(bytes: &[u8], from: usize, to: usize) -> bool {
    let pages = from.div_ceil(PAGE_BYTES)..to / PAGE_BYTES;
    pages.into_iter().any(|page| {
        let page = bytes.get(page * PAGE_BYTES..(page + 1) * PAGE_BYTES);
        page.is_some_and(|page| page.iter().all(|byte| *byte == 0))
    })
}

fn frame_bytes(step: &Step<'_>) -> u64 {
    match step {
        Step::Frame { payload, .. } => frame::size(payload.len()),
        Step::Damage { start, end } => (end - start) as u64,
    }
}

fn header(first: u64, previous: u64, salt: u32) -> [u8; COPY_BYTES] {
    let mut bytes = [0; COPY_BYTES];
    let (body, checksum) = bytes.split_at_mut(COPY_BYTES - 4);
    let numbers = first.to_le_bytes().into_iter().chain(previous.to_le_bytes()).chain(salt.to_le_bytes());
    for (place, byte) in body.iter_mut().zip(MAGIC.iter().copied().chain(numbers)) {
        *place = byte;
    }
    checksum.copy_from_slice(&crc32fast::hash(body).to_le_bytes());
    bytes
}

/// The previous number and the salt, where the header is good and belongs to the segment that begins with `first`.
fn fields_in(copy: &[u8], first: u64) -> Option<(u64, u32)> {
    let previous = u64::from_le_bytes(*copy.get(16..)?.first_chunk()?);
    let salt = u32::from_le_bytes(*copy.get(24..)?.first_chunk()?);
    (copy == header(first, previous, salt)).then_some((previous, salt))
}

/// Writes all of `bytes` at `offset`.
#[cfg(not(test))]
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
    file.write_all_at(bytes, offset)
}

#[cfg(test)]
pub(crate) use full_disk::write_at;

/// A disk that has room for so many more bytes.
#[cfg(test)]
pub(crate) mod full_disk {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        static ROOM_BYTES: Cell<Option<usize>> = const { Cell::new(None) };
    }

    /// Leaves this thread's disk `room` more bytes, or as many as it really has.
    pub(crate) fn leave(room: Option<usize>) {
        ROOM_BYTES.set(room);
    }

    pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> std::io::Result<()> {
        let Some(room) = ROOM_BYTES.get() else {
            return file.write_all_at(bytes, offset);
        };
        let fits = room.min(bytes.len());
        file.write_all_at(&bytes[..fits], offset)?;
        ROOM_BYTES.set(Some(room - fits));
        if fits < bytes.len() { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}
