//! The next segment, made ahead on a thread of its own: a file full of zeros. What is written into it later changes no
//! file's length and takes no new place on the disk, so that a flush need not wait for the file system's own journal,
//! which may be flushing what others have written. Must not know what a segment holds.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use crate::Error;

static CHUNK: [u8; 64 << 10] = [0; 64 << 10];

/// A segment's file that is not in use yet.
#[derive(Debug)]
pub(crate) struct Spare {
    path: PathBuf,
    bytes: u64,
    /// Makes it, or has made it.
    maker: Mutex<Option<JoinHandle<std::io::Result<()>>>>,
}

impl Spare {
    /// None is there yet; one that an earlier run has left is removed.
    pub(crate) fn new(dir: &Path, bytes: u64) -> Result<Self, Error> {
        let path = dir.join("spare");
        remove(&path).map_err(Error::io("remove", &path))?;
        Ok(Self { path, bytes, maker: Mutex::new(None) })
    }

    /// Begins to make it where none is made or there. Without it a segment grows as it is written.
    pub(crate) fn make(&self) {
        let mut maker = self.maker.lock().unwrap_or_else(PoisonError::into_inner);
        if maker.is_some() {
            return;
        }
        let (path, bytes) = (self.path.clone(), self.bytes);
        match Builder::new().name("spool-spare".to_owned()).spawn(move || fill(&path, bytes)) {
            Ok(thread) => *maker = Some(thread),
            Err(source) => tracing::debug!(%source, "no thread to make a segment of the spool ahead"),
        }
    }

    /// Where it is, if it is ready; whoever asks has it.
    pub(crate) fn take(&self) -> Option<PathBuf> {
        let mut maker = self.maker.lock().unwrap_or_else(PoisonError::into_inner);
        let made = maker.take_if(|maker| maker.is_finished())?.join();
        match made {
            Ok(Ok(())) => Some(self.path.clone()),
            Ok(Err(source)) => {
                tracing::debug!(path = %self.path.display(), %source, "no segment of the spool could be made ahead");
                None
            }
            Err(_panic) => None,
        }
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        // Nobody else may write into it once another spool takes the directory.
        if let Some(maker) = self.maker.get_mut().unwrap_or_else(PoisonError::into_inner).take()
            && maker.join().is_err()
        {
            tracing::debug!("making a segment of the spool ahead broke off");
        }
    }
}

fn fill(path: &Path, bytes: u64) -> std::io::Result<()> {
    let made = write_zeros(path, bytes);
    if made.is_err() {
        remove(path)?;
    }
    made
}

fn write_zeros(path: &Path, bytes: u64) -> std::io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let mut left = bytes;
    while left > 0 {
        let size = usize::try_from(left).unwrap_or(CHUNK.len()).min(CHUNK.len());
        file.write_all(CHUNK.get(..size).unwrap_or(&CHUNK))?;
        left -= size as u64;
    }
    file.sync_all()
}

fn remove(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => Err(source),
        _ => Ok(()),
    }
}
