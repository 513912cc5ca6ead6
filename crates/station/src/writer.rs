//! Copies the spool into the database: batch by batch, each with its watermark in one transaction, so that a crash
//! between any two steps neither loses nor doubles anything.
//!
//! Waits while the database is away, and says so. Must not know sources or screens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use penstock_api::DatabaseState;
use penstock_model::{Clock, TenantId, Timestamp};
use penstock_spool::{Seq, Spool};
use penstock_store::{Batch, Store, Writer};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::notices::Notices;
use crate::pipeline::Counters;
use crate::record::Record;
use crate::register::{RecordingVersion, Register};

/// Bytes of the spool that go into one transaction at most: about 5,000 samples.
const BATCH_BYTES: usize = 128 << 10;
/// A smaller transaction than this is followed by a moment in which more can gather.
const SMALL_BYTES: usize = BATCH_BYTES / 4;
const GATHER: Duration = Duration::from_millis(2);
/// How often the spool is told what it may forget, while there is more to copy.
const TRIM_EVERY: Duration = Duration::from_millis(200);
/// How long the database may be away before people are told.
const TOLD_AFTER: Duration = Duration::from_secs(2);
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(2);
/// How long there must be nothing to copy before the newest samples are looked up for good.
const SETTLES_AFTER: Duration = Duration::from_secs(10);
/// How long people are told of a record that cannot be read; the log keeps it.
const UNREADABLE_STANDS: Duration = Duration::from_secs(3_600);
/// What becomes of data while the database is away.
const AWAY_CURE: &str = "the station brings it back by itself; meanwhile everything is kept in the spool";

/// Since when the database does not answer: to measure, and to show.
type AwaySince = Option<(Instant, Timestamp)>;

/// How the database fares, shared with those who show it.
#[derive(Clone)]
pub(crate) struct DatabaseWatch {
    state: Arc<watch::Sender<DatabaseState>>,
    written: Arc<AtomicU64>,
    progress: Arc<Notify>,
}

impl DatabaseWatch {
    /// A database that answers, with everything up to `seq` written.
    pub(crate) fn new(seq: u64) -> Self {
        Self {
            state: Arc::new(watch::Sender::new(DatabaseState::Up { commit_ms: 0.0 })),
            written: Arc::new(AtomicU64::new(seq)),
            progress: Arc::default(),
        }
    }

    /// How it is.
    pub(crate) fn state(&self) -> DatabaseState {
        *self.state.borrow()
    }

    /// Waits until it is away; at once where it is.
    pub(crate) async fn away(&self) {
        let mut state = self.state.subscribe();
        // The other end is `self`: it does not close.
        drop(state.wait_for(|state| matches!(state, DatabaseState::Away { .. })).await);
    }

    /// Waits until everything in the spool up to `seq` is in the database.
    pub(crate) async fn reached(&self, seq: Seq) {
        loop {
            let progress = self.progress.notified();
            if self.written.load(Ordering::Acquire) >= seq.0 {
                return;
            }
            progress.await;
        }
    }

    /// Says how it is.
    pub(crate) fn set(&self, state: DatabaseState) {
        self.state.send_replace(state);
    }
}

/// The task that copies.
pub(crate) struct Copier {
    /// Present time.
    pub clock: Clock,
    /// From where.
    pub spool: Arc<Spool>,
    /// Told of every append.
    pub appended: Arc<Notify>,
    /// Whereto.
    pub store: Store,
    /// Whose.
    pub tenant: TenantId,
    /// What is recorded of which points; none while what a former run left is copied, which is stored whole.
    pub register: Option<Arc<Register>>,
    /// What wants a look.
    pub notices: Notices,
    /// Counters to count in.
    pub counters: Arc<Counters>,
    /// Where to say how the database fares.
    pub watch: DatabaseWatch,
}

impl Copier {
    /// Copies until `stop`, then what is left, until `cut`.
    ///
    /// # Errors
    /// What the database says where it does not take what is left; the next run goes on from there.
    pub(crate) async fn run(self, stop: CancellationToken, cut: CancellationToken) -> penstock_store::Result<()> {
        // With the version of the recording settings that it knows.
        let mut writer: Option<(Writer, RecordingVersion)> = None;
        let mut reader = self.spool.reader();
        let mut away_since: AwaySince = None;
        let mut unreadable_at: Option<Instant> = None;
        let mut retry = FIRST_RETRY;
        let mut after = Seq(self.watch.written.load(Ordering::Acquire));
        let mut trimmed = (after, Instant::now());
        let mut copied_at = Instant::now();
        // What may or may not have been written: the same again, so that the database can tell.
        let mut unsure: Option<Vec<penstock_spool::Record>> = None;
        loop {
            if cut.is_cancelled() {
                return Ok(());
            }
            let known = unsure.take();
            let read = tokio::task::spawn_blocking(move || {
                let records = known.map_or_else(|| reader.read(after, BATCH_BYTES), Ok);
                (reader, records)
            })
            .await;
            let records = match read {
                Ok((back, Ok(records))) => {
                    reader = back;
                    self.notices.clear("spool", "read");
                    records
                }
                Ok((back, Err(error))) => {
                    reader = back;
                    self.notices.set("spool", "read", error.to_string(), "look at the disk that the spool is on");
                    tokio::time::sleep(LONGEST_RETRY).await;
                    continue;
                }
                Err(error) => {
                    tracing::error!(%error, "the spool's reader failed");
                    return Ok(());
                }
            };
            if unreadable_at.is_some_and(|at| at.elapsed() >= UNREADABLE_STANDS) {
                unreadable_at = None;
                self.notices.clear("spool", "unreadable");
            }
            let bytes: usize = records.iter().map(|record| record.payload.len()).sum();
            if after > trimmed.0 && (records.is_empty() || trimmed.1.elapsed() >= TRIM_EVERY) {
                self.trim(after).await;
                trimmed = (after, Instant::now());
            }
            let Some(last) = records.last().map(|record| record.seq) else {
                if stop.is_cancelled() {
                    self.settle(&mut writer, &cut).await;
                    return Ok(());
                }
                if copied_at.elapsed() >= SETTLES_AFTER {
                    self.settle(&mut writer, &stop).await;
                    copied_at = Instant::now();
                }
                tokio::select! {
                    () = self.appended.notified() => {}
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(Duration::from_secs(1)) => {}
                }
                continue;
            };
            let (batch, is_whole) = self.batch(&records);
            if !is_whole {
                unreadable_at = Some(Instant::now());
            }
            let began = Instant::now();
            let opened = writer.take();
            let apply = async {
                let (mut open, known) = match opened {
                    Some(writer) => writer,
                    None => (Writer::open(&self.store).await?, RecordingVersion::default()),
                };
                let version = self.set_recording(&mut open, known);
                let applied = open.apply(&batch, last.0).await?;
                Ok::<_, penstock_store::Error>(((open, version), applied))
            };
            let outcome = self.outlast(apply, &mut away_since).await;
            match outcome {
                Ok((open, applied)) => {
                    writer = Some(open);
                    self.counters.stored.fetch_add(applied.stored, Ordering::Relaxed);
                    self.counters.duplicates.fetch_add(applied.duplicates, Ordering::Relaxed);
                    self.counters.left_out.fetch_add(applied.left_out, Ordering::Relaxed);
                    self.watch.set(DatabaseState::Up { commit_ms: began.elapsed().as_secs_f64() * 1e3 });
                    if away_since.take().is_some() {
                        tracing::info!("the database answers again");
                    }
                    // A run before this one may have told of it.
                    self.notices.clear("database", "away");
                    self.notices.clear("database", "refused");
                    retry = FIRST_RETRY;
                    after = last;
                    copied_at = Instant::now();
                    self.watch.written.store(last.0, Ordering::Release);
                    self.watch.progress.notify_waiters();
                    if bytes < SMALL_BYTES && !stop.is_cancelled() {
                        tokio::time::sleep(GATHER).await;
                    }
                }
                Err(error) if error.is_transient() => {
                    let (since, at) = *away_since.get_or_insert_with(|| (Instant::now(), self.clock.now()));
                    if since.elapsed() >= TOLD_AFTER {
                        self.watch.set(DatabaseState::Away { since: at });
                        self.notices.set("database", "away", error.to_string(), AWAY_CURE);
                    }
                    if stop.is_cancelled() {
                        return Err(error);
                    }
                    unsure = Some(records);
                    tokio::time::sleep(retry).await;
                    retry = (retry * 2).min(LONGEST_RETRY);
                }
                Err(error) => {
                    // One that refuses does answer.
                    if away_since.take().is_some() {
                        self.watch.set(DatabaseState::Up { commit_ms: began.elapsed().as_secs_f64() * 1e3 });
                        self.notices.clear("database", "away");
                    }
                    // Nothing is skipped: what the database refuses stays in the spool until somebody looks.
                    self.notices.set(
                        "database",
                        "refused",
                        format!("the database refuses what the spool holds: {error}"),
                        "see the log; nothing is lost, recording into the spool goes on",
                    );
                    if stop.is_cancelled() {
                        return Err(error);
                    }
                    tokio::time::sleep(LONGEST_RETRY).await;
                }
            }
        }
    }

    /// Has the newest samples looked up, part by part, until `stop` or something comes to be copied. That is a matter of
    /// speed alone: where it fails they stay to be looked up.
    async fn settle(&self, writer: &mut Option<(Writer, RecordingVersion)>, stop: &CancellationToken) {
        let settle = async {
            let (open, _) = match writer {
                Some(writer) => writer,
                None => writer.insert((Writer::open(&self.store).await?, RecordingVersion::default())),
            };
            let copied = self.watch.written.load(Ordering::Acquire);
            while !open.is_settled() && !stop.is_cancelled() && self.spool.stats().last.0 <= copied {
                open.settle_some().await?;
            }
            Ok::<_, penstock_store::Error>(())
        };
        if let Err(error) = settle.await {
            tracing::debug!(%error, "the newest samples are not looked up yet");
        }
    }

    /// Tells the writer what is recorded of which points, where it knows an earlier version of it; gives the version
    /// that it knows then.
    fn set_recording(&self, writer: &mut Writer, known: RecordingVersion) -> RecordingVersion {
        let Some(register) = &self.register else { return known };
        let register = register.lock();
        let version = register.recording_version;
        if version.rescales != known.rescales {
            // What the writer remembers of stored values is not so any more: it begins anew.
            writer.set_recording(BTreeMap::new());
        }
        if version != known {
            writer.set_recording(register.recording());
        }
        version
    }

    /// Lets the spool forget what the database has. Forgetting late is harmless: the watermark in the database counts.
    async fn trim(&self, up_to: Seq) {
        let spool = Arc::clone(&self.spool);
        let trimmed = tokio::task::spawn_blocking(move || spool.trim(up_to)).await;
        if let Ok(Err(error)) = trimmed {
            tracing::warn!(%error, "the spool could not forget what the database has");
        }
    }

    /// Awaits `work` to its end, however long that takes, since it may have been committed; tells of a database that lets
    /// it wait.
    async fn outlast<T>(&self, work: impl Future<Output = T>, away_since: &mut AwaySince) -> T {
        let began = (Instant::now(), self.clock.now());
        let mut work = std::pin::pin!(work);
        if let Ok(done) = tokio::time::timeout(TOLD_AFTER, work.as_mut()).await {
            return done;
        }
        let (_, since) = *away_since.get_or_insert(began);
        self.watch.set(DatabaseState::Away { since });
        self.notices.set("database", "away", "the database does not answer", AWAY_CURE);
        work.await
    }

    /// Decodes records, and says whether that was all of them: one that cannot be decoded is told and left out, since no
    /// retry would mend it.
    fn batch(&self, records: &[penstock_spool::Record]) -> (Batch, bool) {
        let mut batch = Batch::new(self.tenant);
        let mut is_whole = true;
        for record in records {
            match Record::from_bytes(&record.payload) {
                Ok(record) => record.put_into(&mut batch),
                Err(error) => {
                    is_whole = false;
                    tracing::error!(seq = record.seq.0, %error, "a spool record cannot be read and is left out");
                    self.notices.set(
                        "spool",
                        "unreadable",
                        format!("record {} cannot be read: {error}", record.seq.0),
                        "report this with the log; all other records are stored",
                    );
                }
            }
        }
        (batch, is_whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_waits_for_the_database_learns_that_it_is_away() {
        let database = DatabaseWatch::new(7);
        database.reached(Seq(7)).await;
        let waits = async {
            tokio::select! {
                () = database.reached(Seq(8)) => panic!("nothing more is written"),
                () = database.away() => {}
            }
        };
        let goes = async { database.set(DatabaseState::Away { since: Timestamp::from_secs(1) }) };
        tokio::join!(waits, goes);
        // And those who come later.
        database.away().await;
        database.set(DatabaseState::Up { commit_ms: 1.0 });
        assert_eq!(database.state(), DatabaseState::Up { commit_ms: 1.0 });
    }
}
