//! One record on disk, and the walk over many that steps around damage. Knows bytes, not files.

use crc32fast::Hasher;

/// The largest payload a record may have, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 16 << 20;

/// Bytes ahead of each payload.
pub(crate) const HEADER_BYTES: usize = 20;

/// What a frame of `payload_bytes` takes on disk.
pub(crate) const fn size(payload_bytes: usize) -> u64 {
    (HEADER_BYTES + payload_bytes) as u64
}

/// Appends one frame. The payload is at most [`MAX_PAYLOAD_BYTES`] long; the caller has checked.
pub(crate) fn encode(into: &mut Vec<u8>, salt: u32, seq: u64, payload: &[u8]) {
    let len = payload.len() as u32;
    into.extend_from_slice(&len.to_le_bytes());
    into.extend_from_slice(&seq.to_le_bytes());
    into.extend_from_slice(&header_checksum(salt, len, seq).to_le_bytes());
    into.extend_from_slice(&payload_checksum(salt, seq, payload).to_le_bytes());
    into.extend_from_slice(payload);
}

/// A frame, or bytes that are none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    Frame {
        seq: u64,
        payload: &'a [u8],
    },
    /// Bytes that hold no good frame, up to where the next one is looked for. They may be one whose end is not in
    /// sight yet, where `end` is the end of all bytes.
    Damage {
        start: usize,
        end: usize,
    },
}

/// Walks over the frames in `bytes`, which begin at a frame's start.
pub(crate) struct Walk<'a> {
    bytes: &'a [u8],
    offset: usize,
    salt: u32,
    /// The least sequence number that may come next.
    next: u64,
    /// The first one that may not.
    limit: u64,
}

impl<'a> Walk<'a> {
    /// A walk that takes sequence numbers from `next` to below `limit`, ascending.
    pub(crate) fn new(bytes: &'a [u8], salt: u32, next: u64, limit: u64) -> Self {
        Self { bytes, offset: 0, salt, next, limit }
    }

    /// Where the next step begins.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    fn header_at(&self, offset: usize) -> Option<Header> {
        let header = Header::read(self.bytes.get(offset..)?)?;
        let expected = (self.next..self.limit).contains(&header.seq) && header.len as usize <= MAX_PAYLOAD_BYTES;
        (expected && header.checksum == header_checksum(self.salt, header.len, header.seq)).then_some(header)
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Step<'a>;

    fn next(&mut self) -> Option<Step<'a>> {
        let start = self.offset;
        if start >= self.bytes.len() {
            return None;
        }
        if let Some(header) = self.header_at(start) {
            let body = start + HEADER_BYTES;
            let end = body + header.len as usize;
            let payload = self.bytes.get(body..end);
            // A good header vouches for the length: the step lands on the next frame even where the payload is bad.
            self.offset = end.min(self.bytes.len());
            return Some(match payload {
                Some(payload) if header.payload_checksum == payload_checksum(self.salt, header.seq, payload) => {
                    self.next = header.seq + 1;
                    Step::Frame { seq: header.seq, payload }
                }
                _ => Step::Damage { start, end: self.offset },
            });
        }
        let next = (start + 1..self.bytes.len()).find(|&offset| self.header_at(offset).is_some());
        self.offset = next.unwrap_or(self.bytes.len());
        Some(Step::Damage { start, end: self.offset })
    }
}

struct Header {
    len: u32,
    seq: u64,
    checksum: u32,
    payload_checksum: u32,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (len, rest) = bytes.split_first_chunk()?;
        let (seq, rest) = rest.split_first_chunk()?;
        let (checksum, rest) = rest.split_first_chunk()?;
        let (payload_checksum, _) = rest.split_first_chunk()?;
        Some(Self {
            len: u32::from_le_bytes(*len),
            seq: u64::from_le_bytes(*seq),
            checksum: u32::from_le_bytes(*checksum),
            payload_checksum: u32::from_le_bytes(*payload_checksum),
        })
    }
}

fn header_checksum(salt: u32, len: u32, seq: u64) -> u32 {
    let mut hasher = Hasher::new_with_initial(salt);
    hasher.update(&len.to_le_bytes());
    hasher.update(&seq.to_le_bytes());
    hasher.finalize()
}

fn payload_checksum(salt: u32, seq: u64, payload: &[u8]) -> u32 {
    let mut hasher = Hasher::new_with_initial(salt);
    hasher.update(&seq.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> (Vec<u8>, [usize; 4]) {
        let mut bytes = Vec::new();
        let mut starts = [0; 4];
        for (no, payload) in [&b"one"[..], b"", b"three"].into_iter().enumerate() {
            encode(&mut bytes, 7, 10 + no as u64, payload);
            starts[no + 1] = bytes.len();
        }
        (bytes, starts)
    }

    fn seqs(bytes: &[u8]) -> Vec<u64> {
        Walk::new(bytes, 7, 10, u64::MAX)
            .filter_map(|step| match step {
                Step::Frame { seq, .. } => Some(seq),
                Step::Damage { .. } => None,
            })
            .collect()
    }

    #[test]
    fn reads_back_what_was_written() {
        let (bytes, _) = three();
        let steps: Vec<_> = Walk::new(&bytes, 7, 10, u64::MAX).collect();
        let expected = [
            Step::Frame { seq: 10, payload: b"one" },
            Step::Frame { seq: 11, payload: b"" },
            Step::Frame { seq: 12, payload: b"three" },
        ];
        assert_eq!(steps, expected);
        assert!(seqs(&bytes[..0]).is_empty());
    }

    #[test]
    fn one_bad_byte_costs_one_frame() {
        let (bytes, starts) = three();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x40;
            let hit = starts.iter().rposition(|&start| start <= at).expect("the first starts at 0");
            let expected: Vec<u64> = (10..13).filter(|&seq| seq != 10 + hit as u64).collect();
            assert_eq!(seqs(&damaged), expected, "byte {at}");
        }
    }

    #[test]
    fn another_salt_or_an_unexpected_number_is_no_frame() {
        let (bytes, _) = three();
        assert_eq!(Walk::new(&bytes, 8, 10, u64::MAX).filter(|s| matches!(s, Step::Frame { .. })).count(), 0);
        assert_eq!(Walk::new(&bytes, 7, 11, u64::MAX).filter(|s| matches!(s, Step::Frame { .. })).count(), 2);
        assert_eq!(Walk::new(&bytes, 7, 10, 12).filter(|s| matches!(s, Step::Frame { .. })).count(), 2);
    }
}
