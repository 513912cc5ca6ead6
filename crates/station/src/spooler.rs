//! Makes records durable and only then acknowledges them: one task, one flush for all that waits.
//!
//! What people do has room of its own and goes ahead while samples wait for room. Must not know what a record means.

use std::sync::Arc;
use std::time::Duration;

use penstock_sources::AckToken;
use penstock_spool::{Error, Room, Spool};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::notices::Notices;
use crate::record::Record;

/// Jobs that wait for the spool; then the pipeline waits.
const WAITING: usize = 64;
/// Jobs that are flushed at once.
const AT_ONCE: usize = 64;
/// How long to wait before a full or failing spool is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// Called once a job is durable, or with the reason why it will not be.
pub(crate) type Done = Box<dyn FnOnce(Result<(), String>) + Send>;

/// Records that belong together, and who is told when they are durable.
#[derive(Default)]
pub(crate) struct Job {
    /// Encoded records, each with the room it may take.
    pub(crate) frames: Vec<(Room, Vec<u8>)>,
    /// Messages that are acknowledged then.
    pub acks: Vec<AckToken>,
    /// Who else is told.
    pub done: Option<Done>,
}

impl Job {
    /// Adds a record.
    pub(crate) fn push(&mut self, room: Room, record: &Record) {
        match record.to_bytes() {
            Ok(bytes) => self.frames.push((room, bytes)),
            Err(error) => tracing::error!(%error, "a record could not be encoded and is lost"),
        }
    }

    fn finish(self, outcome: Result<(), String>) {
        if outcome.is_ok() {
            penstock_sources::acknowledge(self.acks);
        }
        if let Some(done) = self.done {
            done(outcome);
        }
    }
}

/// The way to the spool.
#[derive(Clone)]
pub(crate) struct Spooler {
    samples: mpsc::Sender<Job>,
    actions: mpsc::Sender<Job>,
}

/// The spool's task.
pub(crate) struct SpoolerTask {
    spool: Arc<Spool>,
    samples: mpsc::Receiver<Job>,
    actions: mpsc::Receiver<Job>,
    notices: Notices,
    appended: Arc<Notify>,
}

/// A way to `spool` and the task that serves it; `appended` is told of every flush.
pub(crate) fn spooler(spool: Arc<Spool>, notices: Notices, appended: Arc<Notify>) -> (Spooler, SpoolerTask) {
    let (samples_in, samples) = mpsc::channel(WAITING);
    let (actions_in, actions) = mpsc::channel(WAITING);
    (Spooler { samples: samples_in, actions: actions_in }, SpoolerTask { spool, samples, actions, notices, appended })
}

impl Spooler {
    /// Hands a job on; waits while too many wait, and so slows the sources.
    pub(crate) async fn put(&self, job: Job) {
        if self.samples.send(job).await.is_err() {
            tracing::error!("the spool's task has ended; messages stay unacknowledged");
        }
    }

    /// Hands on what a person did; it does not wait behind samples that have no room.
    pub(crate) async fn act(&self, mut job: Job, done: impl FnOnce(Result<(), String>) + Send + 'static) {
        job.done = Some(Box::new(done));
        if let Err(refused) = self.actions.send(job).await {
            refused.0.finish(Err("the station is stopping: do it again after its restart".into()));
        }
    }
}

impl SpoolerTask {
    /// Serves until nobody hands anything on any more, or until `cut` where the spool never takes what is left.
    pub(crate) async fn run(mut self, cut: CancellationToken) {
        let mut held: Vec<Job> = Vec::new();
        loop {
            if held.is_empty() {
                let Some(first) = self.next(&cut).await else { return };
                let mut batch = vec![first];
                while batch.len() < AT_ONCE {
                    let Ok(job) = self.actions.try_recv().or_else(|_none| self.samples.try_recv()) else { break };
                    batch.push(job);
                }
                held = self.append(batch).await;
            } else {
                tokio::select! {
                    biased;
                    () = cut.cancelled() => return,
                    Some(job) = self.actions.recv() => {
                        // With room of its own; what fails here too is refused, so that the person knows.
                        for job in self.append(vec![job]).await {
                            job.finish(Err("the spool is full: free space on its disk and try again".into()));
                        }
                    }
                    () = tokio::time::sleep(RETRY) => held = self.append(std::mem::take(&mut held)).await,
                }
            }
        }
    }

    /// The next job, what people do first; none once everybody has gone or it is cut.
    async fn next(&mut self, cut: &CancellationToken) -> Option<Job> {
        tokio::select! {
            biased;
            () = cut.cancelled() => None,
            Some(job) = self.actions.recv() => Some(job),
            // Both ways close together.
            job = self.samples.recv() => job,
        }
    }

    /// Appends jobs in order with one flush for each run of the same room; gives back those that found no room.
    async fn append(&self, jobs: Vec<Job>) -> Vec<Job> {
        let spool = Arc::clone(&self.spool);
        let outcome = tokio::task::spawn_blocking(move || append_all(&spool, jobs)).await;
        let (done, left, error) = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::error!(%error, "the spool's writer failed");
                return Vec::new();
            }
        };
        if !done.is_empty() {
            self.appended.notify_one();
            for job in done {
                job.finish(Ok(()));
            }
        }
        match error {
            None => {
                self.notices.clear("spool", "full");
            }
            Some(error) => self.notices.set(
                "spool",
                "full",
                format!("{error}; reading from the sources has stopped"),
                "bring the database back or free space on the spool's disk; reading goes on by itself",
            ),
        }
        left
    }
}

fn append_all(spool: &Spool, jobs: Vec<Job>) -> (Vec<Job>, Vec<Job>, Option<Error>) {
    // One append for all frames of a room: one flush. Frames of a job keep their order; transitions follow samples.
    let frames_of = |room: Room| -> Vec<&[u8]> {
        jobs.iter()
            .flat_map(|job| &job.frames)
            .filter(|(of, _)| *of == room)
            .map(|(_, bytes)| bytes.as_slice())
            .collect()
    };
    for room in [Room::Samples, Room::Actions] {
        let frames = frames_of(room);
        if frames.is_empty() {
            continue;
        }
        if let Err(error) = spool.append(room, &frames) {
            return (Vec::new(), jobs, Some(error));
        }
    }
    (jobs, Vec::new(), None)
}
