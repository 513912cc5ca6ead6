//! The sequence number up to which records are forgotten, kept over a restart.
//!
//! Two slots written in turn, each with its checksum: one torn write leaves the other. It is not flushed, since an old
//! watermark only means that records are read again.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::{Error, segment};

const SLOT_BYTES: usize = 16;

/// The kept watermark.
#[derive(Debug)]
pub(crate) struct Watermark {
    path: PathBuf,
    file: File,
    use_second: bool,
    pub(crate) seq: u64,
}

impl Watermark {
    /// Opens the watermark at `path`; a missing or unreadable one is 0.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(Error::io("open", path))?;
        let mut bytes = Vec::new();
        file.by_ref().take(2 * SLOT_BYTES as u64).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
        let first = slot(&bytes);
        let second = slot(bytes.get(SLOT_BYTES..).unwrap_or_default());
        let seq = first.max(second).unwrap_or(0);
        Ok(Self { path: path.to_owned(), file, use_second: first == Some(seq), seq })
    }

    /// Keeps `seq`.
    pub(crate) fn set(&mut self, seq: u64) -> Result<(), Error> {
        let mut bytes = [0; SLOT_BYTES];
        let (number, checksum) = bytes.split_at_mut(8);
        number.copy_from_slice(&seq.to_le_bytes());
        let crc = crc32fast::hash(number);
        if let Some(place) = checksum.first_chunk_mut() {
            *place = crc.to_le_bytes();
        }
        let offset = if self.use_second { SLOT_BYTES as u64 } else { 0 };
        segment::write_at(&self.file, &bytes, offset).map_err(Error::io("write", &self.path))?;
        self.use_second = !self.use_second;
        self.seq = seq;
        Ok(())
    }
}

fn slot(bytes: &[u8]) -> Option<u64> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    let (checksum, _) = rest.split_first_chunk::<4>()?;
    (crc32fast::hash(number) == u32::from_le_bytes(*checksum)).then(|| u64::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_and_a_torn_slot_falls_back_to_the_other() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("trimmed");
        assert_eq!(Watermark::open(&path).expect("open").seq, 0);
        for seq in 1..=9 {
            let mut watermark = Watermark::open(&path).expect("open");
            assert_eq!(watermark.seq, seq - 1);
            watermark.set(seq).expect("set");
        }
        let good = std::fs::read(&path).expect("read");
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, &bad).expect("write");
            let seq = Watermark::open(&path).expect("open").seq;
            assert!(seq == 9 || seq == 8, "byte {at}: {seq}");
        }
        std::fs::write(&path, b"short").expect("write");
        assert_eq!(Watermark::open(&path).expect("open").seq, 0);
    }
}
