//! Reading what was appended, from any thread. Takes the spool's index for moments and then reads files on its own, so
//! that it never holds up the appender.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Duration;

use crate::frame::{Step, Walk};
use crate::segment;
use crate::spool::{Damage, Index, Shared};
use crate::{Error, Seq};

/// Read at once at least, so that small records do not cost a read each.
const CHUNK_BYTES: u64 = 64 << 10;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number.
    pub seq: Seq,
    /// What was appended.
    pub payload: Vec<u8>,
}

/// Reads a spool's records in order. Remembers where it stopped, so that going on from there costs no search.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    /// The segment's first number.
    segment: u64,
    file: File,
    /// Where the frame after `after` begins.
    offset: u64,
    after: u64,
}

/// What may be read of one segment.
struct Stretch {
    first: u64,
    last: u64,
    len: u64,
    salt: u32,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, place: None }
    }

    /// The records after `after`, as many as fit `max_bytes` of payload, at least one where any waits. Forgotten ones
    /// and those in damaged places are stepped over.
    ///
    /// # Errors
    /// [`Error::Io`] where a segment cannot be read.
    pub fn read(&mut self, after: Seq, max_bytes: usize) -> Result<Vec<Record>, Error> {
        let mut records = Vec::new();
        let mut room = max_bytes;
        let mut after = after.0;
        while let Some(stretch) = self.stretch_after(&mut after) {
            let Some(mut place) = self.place_in(&stretch, after)? else {
                // Trimmed between looking and opening.
                continue;
            };
            let full = self.read_stretch(&stretch, &mut place, after, &mut room, &mut records)?;
            after = if full { place.after } else { stretch.last };
            self.place = Some(place);
            if full {
                break;
            }
        }
        Ok(records)
    }

    /// Waits until a record after `after` can be read, at most `timeout`; tells whether there is one.
    pub fn wait(&self, after: Seq, timeout: Duration) -> bool {
        let has_none = |index: &Index| {
            let after = after.0.max(index.trimmed);
            !index.segments.iter().rev().any(|segment| segment.waiting(after) > 0)
        };
        let index = self.shared.wait(self.shared.index(), timeout, has_none);
        !has_none(&index)
    }

    /// The first segment with records after `after`, which is moved up to the trimmed ones.
    fn stretch_after(&self, after: &mut u64) -> Option<Stretch> {
        let index = self.shared.index();
        *after = index.trimmed.max(*after);
        index.segments.iter().find_map(|segment| {
            let salt = segment.salt.filter(|_| segment.last > *after)?;
            Some(Stretch { first: segment.first, last: segment.last, len: segment.len, salt })
        })
    }

    /// Where to read from: where the last read stopped, or the segment's start. None where the segment is gone.
    fn place_in(&mut self, stretch: &Stretch, after: u64) -> Result<Option<Place>, Error> {
        match self.place.take() {
            Some(place) if place.segment == stretch.first && place.after <= after => return Ok(Some(place)),
            _ => {}
        }
        let path = segment::path(&self.shared.dir, stretch.first);
        match File::open(&path) {
            Ok(file) => {
                let (segment, after) = (stretch.first, stretch.first - 1);
                Ok(Some(Place { segment, file, offset: segment::HEADER_BYTES, after }))
            }
            Err(source) if source.kind() == ErrorKind::NotFound && !self.is_listed(stretch.first) => Ok(None),
            Err(source) => Err(Error::Io { action: "open", path, source }),
        }
    }

    fn is_listed(&self, first: u64) -> bool {
        self.shared.index().segments.iter().any(|segment| segment.first == first)
    }

    /// Reads on from `place`; tells whether `room` ended before the stretch did.
    fn read_stretch(
        &self,
        stretch: &Stretch,
        place: &mut Place,
        after: u64,
        room: &mut usize,
        records: &mut Vec<Record>,
    ) -> Result<bool, Error> {
        let path = segment::path(&self.shared.dir, stretch.first);
        let chunk = (*room as u64).clamp(CHUNK_BYTES, 16 * CHUNK_BYTES);
        let mut wanted = chunk;
        let mut bytes = Vec::new();
        while place.offset < stretch.len {
            let size = wanted.min(stretch.len - place.offset);
            bytes.resize(usize::try_from(size).unwrap_or(usize::MAX), 0);
            let got = read_up_to(&place.file, &mut bytes, place.offset).map_err(Error::io("read", &path))?;
            bytes.truncate(got);
            let is_end = place.offset + got as u64 >= stretch.len || (got as u64) < size;
            let mut walk = Walk::new(&bytes, stretch.salt, place.after + 1, stretch.last + 1);
            let start = place.offset;
            while let Some(step) = walk.next() {
                match step {
                    Step::Frame { seq, payload } => {
                        if seq > after {
                            if !records.is_empty() && payload.len() > *room {
                                return Ok(true);
                            }
                            *room = room.saturating_sub(payload.len());
                            records.push(Record { seq: Seq(seq), payload: payload.to_vec() });
                        }
                        self.note_lost(place.after + 1, seq, &path, place.offset);
                        place.after = seq;
                    }
                    // Perhaps a frame whose end is beyond the chunk.
                    Step::Damage { end, .. } if end == bytes.len() && !is_end => break,
                    Step::Damage { .. } => {}
                }
                place.offset = start + walk.offset() as u64;
            }
            if is_end {
                self.note_lost(place.after + 1, stretch.last + 1, &path, place.offset);
                break;
            }
            // A chunk without one whole frame is read again with more behind it.
            wanted = if place.offset == start { wanted.saturating_mul(4) } else { chunk };
        }
        Ok(false)
    }

    /// Notes damage that was not there on opening: the records from `from` to before `to` are gone.
    fn note_lost(&self, from: u64, to: u64, path: &std::path::Path, offset: u64) {
        if from >= to {
            return;
        }
        let mut index = self.shared.index();
        let Some(segment) = index.segments.iter_mut().find(|segment| (segment.first..=segment.last).contains(&from))
        else {
            return;
        };
        if segment.lost.iter().any(|&(first, last)| first <= from && to - 1 <= last) {
            return;
        }
        segment.lost.push((from, to - 1));
        segment.lost.sort_unstable();
        let damage = Damage::new(path, offset, 0, Some((from, to - 1)));
        tracing::error!(%damage, "a spool segment was damaged while the station ran");
        index.note(damage);
    }
}

impl Clone for Reader {
    /// Another reader of the same spool, which finds its place anew.
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.shared))
    }
}

fn read_up_to(file: &File, bytes: &mut [u8], offset: u64) -> std::io::Result<usize> {
    let mut got = 0;
    while let Some(rest) = bytes.get_mut(got..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + got as u64) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(source) if source.kind() == ErrorKind::Interrupted => {}
            Err(source) => return Err(source),
        }
    }
    Ok(got)
}
