//! The number of the session that the broker keeps for this station.

use std::path::{Path, PathBuf};

/// Numbers the broker's session, so that a message delivered again is known across reconnects and restarts.
pub(super) struct Session {
    number: u64,
    /// Whether the broker should know it: false before the first connection of a new station.
    was_known: bool,
    /// Where the number is kept; without, it is a new one at each start.
    file: Option<PathBuf>,
}

impl Session {
    /// Takes up the number that `file` remembers, else a new one.
    pub(super) async fn recall(file: Option<PathBuf>) -> Self {
        let kept = match &file {
            Some(path) => tokio::fs::read_to_string(path).await.ok().and_then(|text| text.trim().parse().ok()),
            None => None,
        };
        Self { number: kept.unwrap_or_else(fresh), was_known: kept.is_some(), file }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn was_known(&self) -> bool {
        self.was_known
    }

    /// The broker knows the session.
    pub(super) fn confirm(&mut self) {
        self.was_known = true;
    }

    /// The broker has begun a new session: packet ids start over.
    pub(super) async fn renew(&mut self) {
        self.number = fresh();
        if let Some(path) = &self.file
            && let Err(cause) = write(path, self.number).await
        {
            // Readings are not at stake: without the number, one delivered twice across a restart may count twice.
            tracing::warn!(path = %path.display(), %cause, "session number not kept: make the folder writable");
        }
    }
}

async fn write(path: &Path, number: u64) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    let beside = path.with_extension("new");
    tokio::fs::write(&beside, format!("{number}\n")).await?;
    tokio::fs::rename(&beside, path).await
}

fn fresh() -> u64 {
    // Without random numbers every session is the same one: re-delivery is still told by packet id and payload.
    getrandom::u64().unwrap_or_default()
}
