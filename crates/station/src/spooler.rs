//! Makes records durable and only then acknowledges them: one task, one flush for all that waits.
//!
//! What people do has room of its own and goes ahead while samples wait for room. Where that too is full, they are told
//! at once that it is not yet safe, it is written as soon as it can be, and nothing more is begun until then. Must not
//! know what a record means.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use penstock_sources::AckToken;
use penstock_spool::{Error, Room, Spool};
use tokio::sync::mpsc::OwnedPermit;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::notices::Notices;
use crate::record::Record;

/// Jobs that wait for the spool; then the pipeline takes no more messages.
const WAITING: usize = 64;
/// Jobs that are flushed at once, and their bytes.
const AT_ONCE: usize = 64;
const AT_ONCE_BYTES: usize = 4 << 20;
/// Flushes follow each other no quicker than this: what comes meanwhile is flushed together.
const GATHER: Duration = Duration::from_millis(2);
/// How long to wait before a full or failing spool is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// Called once a job is durable, or with the reason why it is not: what a person did is written later all the same,
/// once there is room.
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
    /// Whether it is done only where everything before it is, not by its own records alone.
    pub closes: bool,
    /// Whether a person did it.
    pub is_act: bool,
}

impl Job {
    /// Adds a record.
    pub(crate) fn push(&mut self, room: Room, record: Record) {
        match record.into_entries() {
            Ok(entries) => self.frames.extend(entries.into_iter().map(|bytes| (room, bytes))),
            Err(error) => tracing::error!(%error, "a record could not be encoded and is lost"),
        }
    }

    fn bytes(&self) -> usize {
        self.frames.iter().map(|(_, bytes)| bytes.len()).sum()
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
    no_room: NoRoom,
}

/// Why what people did before waits for room, where it does.
type NoRoom = Arc<Mutex<Option<String>>>;

/// The spool's task.
pub(crate) struct SpoolerTask {
    spool: Arc<Spool>,
    samples: mpsc::Receiver<Job>,
    actions: mpsc::Receiver<Job>,
    notices: Notices,
    appended: Arc<Notify>,
    no_room: NoRoom,
}

/// A way to `spool` and the task that serves it; `appended` is told of every flush.
pub(crate) fn spooler(spool: Arc<Spool>, notices: Notices, appended: Arc<Notify>) -> (Spooler, SpoolerTask) {
    let (samples_in, samples) = mpsc::channel(WAITING);
    let (actions_in, actions) = mpsc::channel(WAITING);
    let no_room = NoRoom::default();
    let way = Spooler { samples: samples_in, actions: actions_in, no_room: Arc::clone(&no_room) };
    (way, SpoolerTask { spool, samples, actions, notices, appended, no_room })
}

impl Spooler {
    /// Hands a job on, or gives it back where too many wait.
    pub(crate) fn try_put(&self, job: Job) -> Result<(), Job> {
        self.samples.try_send(job).map_err(TrySendError::into_inner)
    }

    /// Waits for room for a job; none where the spool's task has ended.
    pub(crate) fn room(&self) -> impl Future<Output = Option<OwnedPermit<Job>>> + use<> {
        let samples = self.samples.clone();
        async move { samples.reserve_owned().await.ok() }
    }

    /// Why nothing that people do is to be begun now; none where it can be made durable.
    pub(crate) fn no_room_for_acts(&self) -> Option<String> {
        self.no_room.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Hands on what a person did; it does not wait behind samples that have no room.
    pub(crate) async fn act(&self, mut job: Job, done: impl FnOnce(Result<(), String>) + Send + 'static) {
        job.done = Some(Box::new(done));
        job.is_act = true;
        if let Err(refused) = self.actions.send(job).await {
            refused.0.finish(Err("the station is stopping: do it again after its restart".into()));
        }
    }
}

impl SpoolerTask {
    /// Serves until nobody hands anything on any more, or until `cut` where the spool never takes what is left.
    pub(crate) async fn run(mut self, cut: CancellationToken) {
        let mut held: Vec<Job> = Vec::new();
        let mut flushed = Instant::now();
        loop {
            if held.is_empty() {
                let Some(first) = self.next(&cut).await else { return };
                if flushed.elapsed() < GATHER {
                    tokio::time::sleep(GATHER / 2).await;
                }
                let mut bytes = first.bytes();
                let mut batch = vec![first];
                while batch.len() < AT_ONCE && bytes < AT_ONCE_BYTES {
                    let Ok(job) = self.actions.try_recv().or_else(|_none| self.samples.try_recv()) else { break };
                    bytes += job.bytes();
                    batch.push(job);
                }
                put_in_order(&mut batch);
                held = self.append(batch).await;
                flushed = Instant::now();
            } else {
                tokio::select! {
                    biased;
                    () = cut.cancelled() => return,
                    // With room of its own, behind what people did before.
                    Some(job) = self.actions.recv() => {
                        held.push(job);
                        held = self.append(std::mem::take(&mut held)).await;
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
        let Appended { done, mut left, error, too_large } = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::error!(%error, "the spool's writer failed");
                return Vec::new();
            }
        };
        if let Some(error) = too_large {
            tracing::error!(%error, "an entry that the spool can never take is lost");
            self.notices.set(
                "spool",
                "too-large",
                format!("an entry was lost: {error}"),
                "give the spool more room under [spool] in penstock.toml, or send smaller messages",
            );
        }
        self.tell_people(&mut left, error.as_ref());
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

    /// What people did and what waits for their answer go the same way: while any of it is left, nothing more is to be
    /// begun. Who did what is left is told; it is written once there is room.
    fn tell_people(&self, left: &mut [Job], error: Option<&Error>) {
        let waits = left.iter().flat_map(|job| &job.frames).any(|(room, _)| *room == Room::Actions);
        let problem = error.filter(|_| waits).map(ToString::to_string);
        self.no_room.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&problem);
        for done in left.iter_mut().filter(|job| job.is_act).filter_map(|job| job.done.take()) {
            done(Err(problem.clone().unwrap_or_default()));
        }
    }
}

/// What became of jobs.
struct Appended {
    /// Durable in full.
    done: Vec<Job>,
    /// Not yet, or only in part; what of them is durable has left them.
    left: Vec<Job>,
    /// Why some are left.
    error: Option<Error>,
    /// Why something was passed over: it would never fit.
    too_large: Option<Error>,
}

fn append_all(spool: &Spool, mut jobs: Vec<Job>) -> Appended {
    let mut too_large = None;
    // What has room of its own does not wait behind samples that have none: an acknowledgement may follow it at once.
    for room in [Room::Actions, Room::Samples] {
        let mut most_bytes = AT_ONCE_BYTES;
        loop {
            let mut bytes = 0;
            let of_room = jobs.iter().flat_map(|job| &job.frames).filter(|(of, _)| *of == room);
            let frames: Vec<&[u8]> = of_room
                .map(|(_, frame)| frame.as_slice())
                .take_while(|frame| {
                    let is_first = bytes == 0;
                    bytes += frame.len();
                    is_first || bytes <= most_bytes
                })
                .collect();
            let count = frames.len();
            if count == 0 {
                break;
            }
            match spool.append(room, &frames) {
                Ok(_) => forget(&mut jobs, room, count),
                // Together they are more than the whole room: one by one.
                Err(Error::TooLarge { .. }) if count > 1 => most_bytes = 0,
                Err(error @ Error::TooLarge { .. }) => {
                    forget(&mut jobs, room, 1);
                    too_large = Some(error);
                }
                Err(error) => {
                    let (done, left) = parted(jobs);
                    return Appended { done, left, error: Some(error), too_large };
                }
            }
        }
    }
    Appended { done: jobs, left: Vec::new(), error: None, too_large }
}

/// What people did was taken out first, and may answer what waited: the journal has both as they happened. What closes
/// comes last.
fn put_in_order(batch: &mut [Job]) {
    batch.sort_by_key(|job| (job.closes, job.is_act));
}

/// The jobs that are done, and those that are left.
fn parted(jobs: Vec<Job>) -> (Vec<Job>, Vec<Job>) {
    let mut is_all_done = true;
    jobs.into_iter().partition(|job| {
        let is_done = job.frames.is_empty() && (is_all_done || !job.closes);
        is_all_done &= is_done;
        is_done
    })
}

/// Takes the first `count` frames of a room out of their jobs.
fn forget(jobs: &mut [Job], room: Room, mut count: usize) {
    for job in jobs {
        job.frames.retain(|(of, _)| {
            let goes = *of == room && count > 0;
            count -= usize::from(goes);
            !goes
        });
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::Clock;
    use penstock_spool::{Options, Seq};
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_people_did_is_written_once_there_is_room_and_they_are_told_meanwhile() {
        let folder = tempfile::tempdir().expect("folder");
        let options = Options { segment_bytes: 256, max_bytes: 8_192, reserved_bytes: 1_024, makes_ahead: false };
        let spool = Arc::new(Spool::open(folder.path(), options).expect("it opens").spool);
        let mut last = Seq(0);
        while let Ok(seq) = spool.append(Room::Actions, &[&[0; 64]]) {
            last = seq;
        }
        let notices = Notices::new(Clock::System);
        let (way, task) = spooler(Arc::clone(&spool), notices, Arc::new(Notify::new()));
        let cut = CancellationToken::new();
        let running = tokio::spawn(task.run(cut.clone()));
        let act = |byte: u8| {
            let (told, answer) = oneshot::channel();
            let job = Job { frames: vec![(Room::Actions, vec![byte; 64])], ..Job::default() };
            (way.act(job, move |done| drop(told.send(done))), answer)
        };
        for byte in [7, 8] {
            let (handed_on, answer) = act(byte);
            handed_on.await;
            let problem = answer.await.expect("told").expect_err("there is no room");
            assert!(problem.contains("full"), "{problem}");
            // Nothing more is begun until then.
            assert_eq!(way.no_room_for_acts(), Some(problem));
        }
        spool.trim(last).expect("forgotten");
        let (handed_on, answer) = act(9);
        handed_on.await;
        assert_eq!(answer.await.expect("told"), Ok(()), "there is room");
        assert_eq!(way.no_room_for_acts(), None);
        let written = spool.reader().read(last, 8_192).expect("readable");
        let first: Vec<Option<&u8>> = written.iter().map(|record| record.payload.first()).collect();
        assert_eq!(first, [Some(&7), Some(&8), Some(&9)], "each once, in order");
        cut.cancel();
        drop(way);
        running.await.expect("it ends");
    }

    #[test]
    fn what_people_did_follows_what_it_answers() {
        let job = |frame: u8| Job { frames: vec![(Room::Actions, vec![frame])], ..Job::default() };
        let mut batch = vec![
            Job { is_act: true, ..job(3) },
            job(1),
            Job { closes: true, ..job(5) },
            Job { is_act: true, ..job(4) },
            job(2),
        ];
        put_in_order(&mut batch);
        let frames: Vec<u8> = batch.iter().flat_map(|job| &job.frames).flat_map(|(_, frame)| frame.clone()).collect();
        assert_eq!(frames, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn what_closes_is_done_after_all_before_it() {
        let plain = |frames: usize| Job { frames: vec![(Room::Samples, vec![0]); frames], ..Job::default() };
        let closing = || Job { closes: true, ..plain(0) };
        let sizes = |jobs: &[Job]| jobs.iter().map(|job| (job.frames.len(), job.closes)).collect::<Vec<_>>();
        let (done, left) = parted(vec![plain(0), closing(), plain(1), plain(0), closing()]);
        assert_eq!(sizes(&done), [(0, false), (0, true), (0, false)]);
        assert_eq!(sizes(&left), [(1, false), (0, true)]);
    }
}
