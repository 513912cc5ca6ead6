//! Takes a file's bytes while it is encoded and parts them into pieces of one size, with a running checksum.

use std::io::Write;

use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};

/// Size of each piece but the last: stores want at least 5 MiB, and 10,000 of these are more than any month.
const PART_BYTES: usize = 8 << 20;

#[derive(Debug, Default)]
pub(super) struct Parts {
    waiting: BytesMut,
    checksum: Sha256,
    bytes: u64,
}

impl Parts {
    /// The pieces that are full.
    pub(super) fn full(&mut self) -> Vec<Bytes> {
        let mut parts = Vec::new();
        while self.waiting.len() >= PART_BYTES {
            parts.push(self.waiting.split_to(PART_BYTES).freeze());
        }
        parts
    }

    /// The last piece, all bytes there were, and their SHA-256 in hexadecimal digits.
    pub(super) fn end(self) -> (Bytes, u64, String) {
        let digits =
            |byte: u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        let checksum = self.checksum.finalize().into_iter().flat_map(digits).collect();
        (self.waiting.freeze(), self.bytes, checksum)
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        self.checksum.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_of_one_size_and_nothing_is_left_out() {
        let mut parts = Parts::default();
        let chunk = vec![7_u8; 3 << 20];
        let mut taken = Vec::new();
        for _ in 0..6 {
            parts.write_all(&chunk).expect("memory");
            taken.extend(parts.full());
        }
        assert!(taken.iter().all(|part| part.len() == PART_BYTES) && taken.len() == 2);
        let (last, bytes, _) = parts.end();
        assert_eq!((last.len(), bytes), (2 << 20, 18 << 20));
    }

    #[test]
    fn the_checksum_is_that_of_the_bytes() {
        let mut parts = Parts::default();
        parts.write_all(b"a").expect("memory");
        parts.write_all(b"bc").expect("memory");
        let (_, _, checksum) = parts.end();
        assert_eq!(checksum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
