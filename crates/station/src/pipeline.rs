//! The road of a reading: decoded, resolved to its point, shown, scored, judged, and handed to the spool, which
//! acknowledges it to its source.
//!
//! One task does this in received order, and takes in what people do to alarms in the same order. Must not know
//! transport, SQL or screens.

mod acts;
mod directory;
mod history;
mod redelivery;
pub(crate) mod resume;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use penstock_alarm::{Engine, Evaluated, PointFacts, Topology};
use penstock_anomaly::{Config, Fleet, Snapshot};
use penstock_api::{AlarmView, PointValue};
use penstock_codec::{Decoded, Format, Route, Routes};
use penstock_model::{
    AlarmRule, AlarmState, Band, Clock, Doubt, Point, PointNo, PointState, Quality, RuleId, Sample, TenantId,
    Timestamp, Transition, TransitionKind, UserId,
};
use penstock_sources::Received;
use penstock_spool::Room;
use penstock_store::{AuditEntry, Delivery, DeviceAlert, JournalEntry, Reject, UnitReturn, UnitSwitch};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::{Broke, SleepWatch, Zone};
use crate::floods::Floods;
use crate::live::Live;
use crate::notices::Notices;
use crate::record::Record;
use crate::register::Register;
use crate::settings::AlarmComments;
use crate::spooler::{Job, Spooler};
pub(crate) use acts::{Act, Refusal};
use directory::{Directory, Entry};
use history::LateRaises;
use redelivery::Redeliveries;
use resume::{Moment, Resumed};

/// Messages that wait for the pipeline; when there are more, sources wait and so slow their brokers.
pub(crate) const QUEUE: usize = 2_048;
/// Messages that are worked on at once.
const BATCH: usize = 1_024;
/// Samples and bytes of messages that are handed on at once.
const ROUND: usize = 8_192;
const ROUND_BYTES: usize = 1 << 20;
/// Rejects that are kept of one round: no more than storage keeps in all.
const MOST_REJECTS: usize = 1_000;
/// Discovered points that are kept waiting for adoption; more are refused and counted.
const MAX_DISCOVERED: usize = 20_000;
/// Bytes of a message that could not be read, kept for a look.
const REJECT_BYTES: usize = 4_096;
/// A sample that comes this long after it was measured is history.
const LATE: Duration = Duration::from_secs(600);
/// Messages wait for less in the queue.
const SET_BACK: Duration = Duration::from_secs(60);
/// Rejects are told in the log at most once in this time.
const REJECTS_TOLD: Duration = Duration::from_secs(10);
/// How often delays and silence are looked at.
const TICK: Duration = Duration::from_millis(500);
/// How often what the alarm engine is about to do is kept.
const KEEP_EVERY: Duration = Duration::from_secs(5);

/// Counters since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Messages taken in.
    pub messages: AtomicU64,
    /// Samples read from them.
    pub samples: AtomicU64,
    /// Messages or parts of them that could not be read.
    pub rejected: AtomicU64,
    /// Samples that were stored already.
    pub duplicates: AtomicU64,
    /// Samples stored.
    pub stored: AtomicU64,
    /// Samples that recording settings left out.
    pub left_out: AtomicU64,
    /// Messages waiting.
    pub queue: AtomicU32,
}

/// What is asked of the pipeline beside messages.
pub(crate) enum Order {
    /// What a person does to alarms.
    Act {
        /// What.
        act: Act,
        /// Rule and, where the act is about one, occurrence.
        alarms: Vec<(RuleId, u64)>,
        /// Who.
        by: UserId,
        /// For the audit, without subject.
        audit: AuditEntry,
        /// What became of each, once it is durable.
        reply: oneshot::Sender<Vec<(RuleId, Result<(), Refusal>)>>,
    },
    /// Store samples of the past; they are neither shown nor judged.
    Keep {
        /// The samples.
        samples: Vec<Sample>,
        /// Who brought them.
        audits: Vec<AuditEntry>,
        /// Whether they are durable.
        reply: oneshot::Sender<Result<(), String>>,
    },
    /// Points and rules are others: judge by them from now on.
    Adopt {
        /// New and changed points.
        points: Vec<Point>,
        /// Points that are not to be after all; their addresses are unknown again.
        gone: Vec<Point>,
        /// New and changed rules.
        rules: Vec<AlarmRule>,
        /// Rules that are gone.
        removed: Vec<RuleId>,
        /// What it means for the units that samples are read by.
        units: Units,
        /// The time from which samples are read by them: those received before were read as before.
        reply: oneshot::Sender<Timestamp>,
    },
    /// How a source's topics map to points.
    Routes {
        /// The source's name.
        source: String,
        /// Its routes.
        routes: Arc<Routes>,
    },
    /// Where an alarm stands.
    State {
        /// Its rule.
        rule: RuleId,
        /// The state, where it was ever raised.
        reply: oneshot::Sender<Option<AlarmState>>,
    },
    /// Where the detector expects a point at each of these times.
    Expected {
        /// Whose.
        point: PointNo,
        /// When.
        times: Vec<Timestamp>,
        /// The bands, with their times.
        reply: oneshot::Sender<Vec<(Timestamp, Band)>>,
    },
    /// The detectors' state, to keep.
    Snapshot {
        /// What each has learnt.
        reply: oneshot::Sender<Snapshot>,
    },
}

/// What a change means for the units that samples are read by.
#[derive(Debug)]
pub(crate) enum Units {
    /// They stay.
    Same,
    /// Some become others.
    Others {
        /// Id of the audit entry that the change will be stored with.
        proof: uuid::Uuid,
        /// Of each point: new SI value = old SI value × factor + offset.
        points: Vec<(PointNo, f64, f64)>,
    },
    /// They are what they were before the switch of that proof.
    FormerAgain {
        /// The switch's.
        proof: uuid::Uuid,
    },
}

/// What the pipeline starts with.
pub(crate) struct Start {
    /// Present time.
    pub clock: Clock,
    /// Whose points these are.
    pub tenant: TenantId,
    /// Plant, points, rules.
    pub register: Arc<Register>,
    /// What is true now.
    pub live: Arc<Live>,
    /// What wants a look.
    pub notices: Notices,
    /// Counters to count in.
    pub counters: Arc<Counters>,
    /// Where records go.
    pub spooler: Spooler,
    /// The alarm engine where a former run left it.
    pub alarms: Resumed,
    /// Where to put what the engine is about to do, as bytes.
    pub moments: watch::Sender<Vec<u8>>,
    /// Where every alarm lies and how the water gets there.
    pub topology: Topology,
    /// The same after changes of plant, points or mains.
    pub topologies: mpsc::Receiver<Topology>,
    /// Newest stored sample of each point.
    pub latest: Vec<Sample>,
    /// Which alarms are acknowledged with a comment only.
    pub comments: AlarmComments,
    /// Messages with values without a time that a former run has taken in, the oldest first.
    pub deliveries: Vec<Delivery>,
    /// Detectors that a former run left.
    pub fleet: Fleet,
    /// Number of the newest entry in the alarm journal.
    pub journal_seq: u64,
}

/// The pipeline's task.
pub(crate) struct Pipeline {
    clock: Clock,
    register: Arc<Register>,
    live: Arc<Live>,
    notices: Notices,
    counters: Arc<Counters>,
    spooler: Spooler,
    tenant: TenantId,
    directory: Directory,
    routes: HashMap<String, Arc<Routes>>,
    standard: Arc<Routes>,
    engine: Engine,
    /// What the engine did before the start and nobody journalled.
    missed: Vec<Transition>,
    late_raises: LateRaises,
    comments: AlarmComments,
    floods: Floods,
    topologies: mpsc::Receiver<Topology>,
    moments: watch::Sender<Vec<u8>>,
    /// When the engine's moment was last kept, and whether it is on its way.
    kept_at: Timestamp,
    is_keeping: Arc<AtomicBool>,
    fleet: Fleet,
    redeliveries: Redeliveries,
    /// Jobs that wait for room in the spool.
    backlog: VecDeque<Job>,
    journal_seq: u64,
    /// The newest received time given out.
    newest_received: Timestamp,
    discovered: usize,
    decoded: Decoded,
    sleep: SleepWatch,
    /// The plant's.
    zone: Zone,
    /// Rejects since the log told of one, and when it did.
    untold: u64,
    told_of_rejects: Option<Instant>,
}

/// What one round of work brings to the spool.
#[derive(Default)]
struct Yield {
    discovered: Vec<Point>,
    samples: Vec<Sample>,
    transitions: Vec<Transition>,
    audits: Vec<AuditEntry>,
    rejects: Vec<Reject>,
    deliveries: Vec<Delivery>,
    /// All that could not be read, also what is not kept.
    rejected: u64,
    device_alerts: Vec<DeviceAlert>,
    shown: BTreeMap<PointNo, PointValue>,
}

impl Pipeline {
    /// A pipeline that goes on where storage says the last one stopped.
    pub(crate) fn new(start: Start) -> Self {
        let now = start.clock.now();
        let inner = start.register.lock();
        let Resumed { mut engine, missed, grouped } = start.alarms;
        let mut zone = Zone::new(&inner.plant.time_zone);
        engine.set_utc_offset(zone.offset_of(&inner.plant.time_zone, now));
        // The station heard nothing while it did not run: that is no site's silence.
        engine.listen_from(now);
        let mut directory = Directory::new(inner.points.values());
        for sample in &start.latest {
            directory.is_newest(sample);
        }
        directory.clock_was_set(now);
        let mut fleet = start.fleet;
        for (point, config) in inner.points.values().filter_map(|point| Some((point.no, scoring_of(point)?))) {
            fleet.watch(point, config);
        }
        let discovered = inner.points.values().filter(|point| point.state == PointState::Discovered).count();
        drop(inner);
        let floods = Floods::new(start.topology, &engine, &grouped, now);
        let mut pipeline = Self {
            clock: start.clock,
            register: start.register,
            live: start.live,
            notices: start.notices,
            counters: start.counters,
            spooler: start.spooler,
            tenant: start.tenant,
            directory,
            routes: HashMap::new(),
            standard: Arc::new(Routes::standard()),
            engine,
            missed,
            late_raises: LateRaises::default(),
            comments: start.comments,
            floods,
            topologies: start.topologies,
            moments: start.moments,
            kept_at: now,
            is_keeping: Arc::default(),
            fleet,
            redeliveries: Redeliveries::new(start.deliveries),
            backlog: VecDeque::new(),
            journal_seq: start.journal_seq,
            newest_received: now,
            discovered,
            decoded: Decoded::default(),
            sleep: SleepWatch::new(now),
            zone,
            untold: 0,
            told_of_rejects: None,
        };
        pipeline.live.set_values(start.latest.iter().map(|sample| PointValue {
            point: sample.point,
            source_time: sample.source_time,
            received_time: sample.received_time,
            value: sample.value,
            quality: sample.quality,
            expected: None,
            score: None,
        }));
        pipeline.show_alarms(pipeline.engine.states().map(|state| state.rule).collect());
        pipeline.tell_of_floods(now);
        pipeline.live.begin_metrics(pipeline.engine.states());
        pipeline
    }

    /// Works until `shutdown`, then on what is still waiting.
    pub(crate) async fn run(
        mut self,
        mut messages: mpsc::Receiver<Received>,
        mut orders: mpsc::Receiver<Order>,
        shutdown: CancellationToken,
    ) {
        if !self.missed.is_empty() {
            let out = Yield { transitions: std::mem::take(&mut self.missed), ..Yield::default() };
            let job = self.settle(out, Vec::new());
            self.put(job);
        }
        // That the station heard nothing meanwhile is no site's silence at the next start either.
        self.keep_moment();
        let mut batch = Vec::with_capacity(BATCH);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut stopping = false;
        loop {
            tokio::select! {
                biased;
                Some(order) = orders.recv() => self.carry_out(order).await,
                _ = tick.tick() => self.tick(),
                // Nothing new is taken in while the spool has no room; people and delays go on.
                room = self.spooler.room(), if !self.backlog.is_empty() => match (room, self.backlog.pop_front()) {
                    (Some(room), Some(oldest)) => drop(room.send(oldest)),
                    _ => {
                        tracing::error!("the spool's task has ended; messages stay unacknowledged");
                        self.backlog.clear();
                    }
                },
                count = messages.recv_many(&mut batch, BATCH), if self.backlog.is_empty() => {
                    if count == 0 {
                        break; // every source has ended
                    }
                    let waiting = u32::try_from(messages.len()).unwrap_or(u32::MAX);
                    self.counters.queue.store(waiting, Ordering::Relaxed);
                    self.take_in(&mut batch);
                }
                () = shutdown.cancelled(), if !stopping => {
                    // Sources stop on the same signal; what they still hand over is worked on first.
                    stopping = true;
                    messages.close();
                }
            }
        }
        self.put_all().await;
        while let Ok(order) = orders.try_recv() {
            self.carry_out(order).await;
        }
        self.put_all().await;
        self.is_keeping.store(false, Ordering::Relaxed);
        self.keep_moment();
        self.put_all().await;
    }

    /// Takes a batch of messages down the road.
    fn take_in(&mut self, batch: &mut Vec<Received>) {
        let mut out = Yield::default();
        let mut acks = Vec::new();
        let mut bytes = 0;
        let now = self.clock.now();
        self.look_for_sleep(now);
        self.counters.messages.fetch_add(batch.len() as u64, Ordering::Relaxed);
        for message in batch.drain(..) {
            self.take_in_one(&message, now, &mut out);
            bytes += message.payload.len();
            acks.push(message.ack);
            if out.samples.len() >= ROUND || bytes >= ROUND_BYTES {
                bytes = 0;
                self.hand_on(std::mem::take(&mut out), std::mem::take(&mut acks));
            }
        }
        if !acks.is_empty() {
            self.hand_on(out, acks);
        }
    }

    fn hand_on(&mut self, out: Yield, acks: Vec<penstock_sources::AckToken>) {
        self.counters.samples.fetch_add(out.samples.len() as u64, Ordering::Relaxed);
        self.counters.rejected.fetch_add(out.rejected, Ordering::Relaxed);
        self.tell_of_rejects(&out);
        let job = self.settle(out, acks);
        self.put(job);
    }

    /// Hands a job to the spool, behind those that wait for room.
    fn put(&mut self, job: Job) {
        self.backlog.push_back(job);
        while let Some(oldest) = self.backlog.pop_front() {
            if let Err(back) = self.spooler.try_put(oldest) {
                self.backlog.push_front(back);
                return;
            }
        }
    }

    /// Hands on everything that waits, however long the spool takes.
    async fn put_all(&mut self) {
        while let Some(job) = self.backlog.pop_front() {
            match self.spooler.room().await {
                Some(room) => drop(room.send(job)),
                None => tracing::error!("the spool's task has ended; messages stay unacknowledged"),
            }
        }
    }

    fn take_in_one(&mut self, message: &Received, now: Timestamp, out: &mut Yield) {
        let source: &str = &message.source;
        if let Some(bytes) = message.over_limit {
            let reason = format!("{bytes} bytes are more than this source takes at once: send several messages");
            return self.reject(message, &reason, out);
        }
        if message.has_broken_topic {
            return self.reject(message, "its topic is not UTF-8: correct the device that sends it", out);
        }
        let routes = Arc::clone(self.routes.get(source).unwrap_or(&self.standard));
        let Some(target) = routes.find(&message.topic) else { return };
        // What waited while the clock was set back has come by now.
        let came = message.received.min(now);
        // Every message has a received time of its own, so that values without another one do not meet; one that is far
        // behind says that the clock was set back.
        if self.newest_received.since(came) > SET_BACK {
            self.newest_received = came;
        }
        let given = self.redeliveries.given(message);
        let received = given.unwrap_or(came.max(self.newest_received + Duration::from_micros(1)));
        let mut untimed = 0;
        let mut decoded = std::mem::take(&mut self.decoded);
        decoded.clear();
        penstock_codec::decode(&target, &message.payload, received, &mut decoded);
        for reading in &decoded.readings {
            let Some(entry) = self.resolve(source, &reading.address, reading, out) else {
                self.reject(message, "too many unknown points wait to be adopted: adopt or ignore some", out);
                continue;
            };
            if entry.state == PointState::Ignored {
                continue;
            }
            // Values of one message follow each other by a microsecond, the same again when it is delivered again.
            let received = received + Duration::from_micros(untimed);
            untimed += u64::from(reading.source_time.is_none());
            let mut sample = entry.sample(reading, received);
            // What a broker kept for whoever comes is of some earlier time; a state is kept because it still holds.
            let is_old = message.retained && reading.source_time.is_none() && target.format != Format::Status;
            if is_old && sample.quality.is_good() {
                sample.quality = Quality::Uncertain(Doubt::ClockBroken);
            }
            // A last will is the broker's word, too.
            let is_by_broker = message.retained || (target.format == Format::Status && sample.value == Some(0.0));
            self.judge(&entry, &sample, is_by_broker, out);
            out.samples.push(sample);
        }
        if untimed > 0 && given.is_none() {
            out.deliveries.extend(self.redeliveries.remember(message, received));
        }
        self.newest_received = self.newest_received.max(received + Duration::from_micros(untimed));
        for reject in &decoded.rejects {
            self.reject(message, &reject.to_string(), out);
        }
        out.device_alerts.extend(decoded.alerts.iter().map(|alert| DeviceAlert {
            at: message.received,
            source: source.to_owned(),
            device: alert.device.clone(),
            severity: alert.severity.clone(),
            message: alert.text.clone(),
        }));
        self.decoded = decoded;
    }

    /// The point behind an address; one that nobody knows is discovered. None where no more can be.
    fn resolve(
        &mut self,
        source: &str,
        address: &str,
        reading: &penstock_codec::Reading,
        out: &mut Yield,
    ) -> Option<Entry> {
        if let Some(entry) = self.directory.get(source, address) {
            return Some(entry);
        }
        if self.discovered >= MAX_DISCOVERED {
            self.notices.set(
                "points",
                "too-many",
                format!("{MAX_DISCOVERED} unknown points wait; further ones are refused"),
                "adopt or ignore discovered points, or narrow the topics of the source",
            );
            return None;
        }
        let mut register = self.register.lock();
        let no = register.take_no();
        let point = directory::discovered(self.tenant, no, source, address, reading);
        register.put(vec![point.clone()]);
        self.live.set_register(register.version);
        drop(register);
        self.discovered += 1;
        self.engine.set_points([facts_of(&point, None)]);
        if let Some(config) = scoring_of(&point) {
            self.fleet.watch(point.no, config);
        }
        let entry = self.directory.put(&point);
        out.discovered.push(point);
        Some(entry)
    }

    /// Scores a sample and judges it by the alarm rules.
    fn judge(&mut self, entry: &Entry, sample: &Sample, is_by_broker: bool, out: &mut Yield) {
        let (score, expected) = if entry.scored {
            let verdict = self.fleet.observe(sample);
            ((verdict.state == penstock_anomaly::State::Scoring).then_some(verdict.score), verdict.expected)
        } else {
            (None, None)
        };
        if entry.state == PointState::Adopted {
            let evaluated = Evaluated { point: entry.id, site: entry.site, sample, score };
            let before = out.transitions.len();
            if is_by_broker {
                self.engine.sample_by_broker(&evaluated, &mut out.transitions);
            } else {
                self.engine.sample(&evaluated, &mut out.transitions);
            }
            if sample.received_time.since(sample.source_time) > LATE {
                self.close_history(before, sample.received_time, out);
            }
        }
        let value = PointValue {
            point: sample.point,
            source_time: sample.source_time,
            received_time: sample.received_time,
            value: sample.value,
            quality: sample.quality,
            expected,
            score,
        };
        // A sample older than the newest is history, not the present.
        if self.directory.is_newest(sample) {
            out.shown.insert(sample.point, value);
        }
    }

    /// An alarm that was over before anybody here could hear of it goes into the journal and asks nobody for an answer.
    fn close_history(&mut self, from: usize, received: Timestamp, out: &mut Yield) {
        let over = self.late_raises.over(out.transitions.get(from..).unwrap_or_default(), received).into_iter();
        let closing: Vec<Transition> = over
            .filter(|entry| self.engine.state(entry.rule).is_some_and(|state| !state.acknowledged))
            .map(|entry| Transition { kind: TransitionKind::Acknowledged, by: None, ..entry.clone() })
            .collect();
        for entry in closing {
            self.engine.apply(&entry);
            out.transitions.push(entry);
        }
    }

    fn reject(&self, message: &Received, reason: &str, out: &mut Yield) {
        out.rejected += 1;
        if out.rejects.len() >= MOST_REJECTS {
            return;
        }
        out.rejects.push(Reject {
            at: message.received,
            source: message.source.to_string(),
            topic: message.topic.chars().take(1_024).collect(),
            payload: message.payload.get(..REJECT_BYTES).unwrap_or(&message.payload).to_vec(),
            reason: reason.to_owned(),
        });
    }

    /// The log tells of one, and how many there were; the rest is listed under Station health.
    fn tell_of_rejects(&mut self, out: &Yield) {
        self.untold += out.rejected;
        let Some(reject) = out.rejects.first() else { return };
        if self.told_of_rejects.is_none_or(|at| at.elapsed() >= REJECTS_TOLD) {
            let Reject { source, topic, reason, .. } = reject;
            tracing::warn!(rejected = self.untold, source, topic, reason, "messages could not be read");
            self.untold = 0;
            self.told_of_rejects = Some(Instant::now());
        }
    }

    /// While the machine slept nobody could be heard: that is no site's silence. Where its clock was set, what it had
    /// timed moves along.
    fn look_for_sleep(&mut self, now: Timestamp) {
        let Some(broke) = self.sleep.look(now) else { return };
        let mut out = Yield::default();
        if let Broke::Set(by_micros) = broke {
            self.engine.clock_was_set(by_micros, now, &mut out.transitions);
            self.floods.clock_was_set(by_micros);
            self.live.clock_was_set(by_micros, now);
            self.directory.clock_was_set(now);
            self.newest_received = self.newest_received.min(now);
        }
        self.engine.listen_from(now);
        // What the clock said before is not what it says now.
        self.kept_at = Timestamp::MIN;
        if !out.transitions.is_empty() {
            let job = self.settle(out, Vec::new());
            self.put(job);
        }
    }

    fn tick(&mut self) {
        let now = self.clock.now();
        self.look_for_sleep(now);
        let offset = self.zone.offset_of(&self.register.lock().plant.time_zone, now);
        self.engine.set_utc_offset(offset);
        if now.since(self.kept_at) >= KEEP_EVERY || now < self.kept_at {
            self.kept_at = now;
            self.keep_moment();
        }
        self.catch_up(now);
    }

    /// Takes in what time alone has brought by now.
    fn catch_up(&mut self, now: Timestamp) {
        let mut out = Yield::default();
        self.engine.tick(now, &mut out.transitions);
        if !out.transitions.is_empty() {
            let job = self.settle(out, Vec::new());
            self.put(job);
        }
        while let Ok(topology) = self.topologies.try_recv() {
            self.floods.lay(topology, &self.engine);
        }
        self.floods.tick(now);
        self.tell_of_floods(now);
    }

    /// Keeps what the engine is about to do, once everything before is durable.
    fn keep_moment(&mut self) {
        // While nothing gets through, the moment before stands, and no further ones gather.
        if !self.backlog.is_empty() || self.is_keeping.swap(true, Ordering::Relaxed) {
            return;
        }
        let moment = Moment {
            journal_seq: self.journal_seq,
            received: self.newest_received,
            states: self.engine.states().cloned().collect(),
            engine: self.engine.snapshot(),
            grouped: self.floods.grouped(),
        };
        match moment.to_bytes() {
            Ok(bytes) => {
                let (moments, is_keeping) = (self.moments.clone(), Arc::clone(&self.is_keeping));
                let done = move |outcome: Result<(), String>| {
                    is_keeping.store(false, Ordering::Relaxed);
                    if outcome.is_ok() {
                        // Nobody listens any more where the station is about to stop without it.
                        drop(moments.send(bytes));
                    }
                };
                self.put(Job { done: Some(Box::new(done)), closes: true, ..Job::default() });
            }
            Err(error) => tracing::error!(%error, "what alarms are about to do cannot be kept"),
        }
    }

    /// Shows what a round brought, and puts it into records.
    fn settle(&mut self, out: Yield, acks: Vec<penstock_sources::AckToken>) -> Job {
        self.live.set_values(out.shown.into_values());
        if !out.transitions.is_empty() {
            self.live.count_calls(&out.transitions);
            let mut rules: Vec<RuleId> = out.transitions.iter().map(|transition| transition.rule).collect();
            rules.sort();
            rules.dedup();
            let now = self.clock.now();
            self.floods.hear(&self.engine, &rules, now);
            self.show_alarms(rules);
            self.tell_of_floods(now);
        }
        let mut job = Job { acks, ..Job::default() };
        if !out.discovered.is_empty() {
            job.push(Room::Samples, Record::Discovered(out.discovered));
        }
        // Ahead of their samples: a sample that is kept and not known would be kept again.
        if !out.deliveries.is_empty() {
            job.push(Room::Samples, Record::Deliveries(out.deliveries));
        }
        if !out.samples.is_empty() {
            job.push(Room::Samples, Record::Samples(out.samples));
        }
        if !out.rejects.is_empty() {
            job.push(Room::Samples, Record::Rejects(out.rejects));
        }
        if !out.device_alerts.is_empty() {
            job.push(Room::Samples, Record::DeviceAlerts(out.device_alerts));
        }
        if !out.transitions.is_empty() || !out.audits.is_empty() {
            let transitions = out
                .transitions
                .into_iter()
                .map(|transition| {
                    self.journal_seq += 1;
                    JournalEntry { seq: self.journal_seq, transition }
                })
                .collect();
            job.push(Room::Actions, Record::Alarms { transitions, audits: out.audits });
        }
        job
    }

    fn show_alarms(&self, rules: Vec<RuleId>) {
        let views = rules.into_iter().map(|rule| (rule, self.view(rule)));
        self.live.set_alarms(views);
    }

    /// Tells screens which alarms belong together, where it is time to.
    fn tell_of_floods(&mut self, now: Timestamp) {
        if let Some(news) = self.floods.news(now) {
            self.live.set_floods(news);
        }
    }

    /// An alarm as screens see it; none where it is neither listed nor kept from it.
    fn view(&self, rule: RuleId) -> Option<AlarmView> {
        let state = self.engine.state(rule).filter(|state| state.is_listed() || state.kept_by().is_some())?;
        let rule = self.engine.rule(rule)?;
        Some(AlarmView {
            state: state.clone(),
            subject: rule.subject,
            condition: rule.condition.clone(),
            priority: rule.priority,
            class: rule.class,
            name: rule.name.clone(),
            acknowledgement: rule.acknowledgement,
            longest_shelf: rule.longest_shelf,
            asks_for_comment: self.comments.demand(rule.class, rule.priority),
        })
    }

    async fn carry_out(&mut self, order: Order) {
        match order {
            Order::Act { act, alarms, by, audit, reply } => self.act(&act, alarms, by, &audit, reply).await,
            Order::Adopt { points, gone, rules, removed, units, reply } => {
                self.adopt(points, &gone, rules, removed, units, reply);
            }
            Order::Keep { samples, audits, reply } => {
                let out = Yield { samples, audits, ..Yield::default() };
                let job = self.settle(out, Vec::new());
                let done = Some(Box::new(move |done| answer(reply, done)) as crate::spooler::Done);
                self.put(Job { done, ..job });
            }
            Order::Routes { source, routes } => {
                self.routes.insert(source, routes);
            }
            Order::State { rule, reply } => answer(reply, self.engine.state(rule).cloned()),
            Order::Expected { point, times, reply } => {
                let bands = times.into_iter().filter_map(|at| Some((at, self.fleet.expected_at(point, at)?))).collect();
                answer(reply, bands);
            }
            Order::Snapshot { reply } => answer(reply, self.fleet.snapshot()),
        }
    }

    async fn act(
        &mut self,
        act: &Act,
        alarms: Vec<(RuleId, u64)>,
        by: UserId,
        audit: &AuditEntry,
        reply: oneshot::Sender<Vec<(RuleId, Result<(), Refusal>)>>,
    ) {
        let now = self.clock.now();
        let mut out = Yield::default();
        // What time has brought by now comes first, as it does where a start goes through the journal again.
        self.look_for_sleep(now);
        self.catch_up(now);
        // What the engine has taken must be written: while earlier acts still wait for room, it takes none.
        if let Some(problem) = self.spooler.no_room_for_acts() {
            let refused = |(rule, _)| (rule, Err(Refusal::NotKept(problem.clone())));
            return answer(reply, alarms.into_iter().map(refused).collect());
        }
        let mut results = Vec::with_capacity(alarms.len());
        let demanding = act.demanding(&self.engine, self.comments, &alarms);
        for (rule, occurrence) in alarms {
            match act.perform(&mut self.engine, self.comments, (rule, occurrence), by, now) {
                Ok(transition) => {
                    let detail = transition.detail.or_else(|| demanding.clone());
                    out.transitions.push(Transition { detail, ..transition });
                    let entry =
                        AuditEntry::new(self.tenant, now, Some(by), &audit.action, act.subject(rule, occurrence));
                    out.audits.push(AuditEntry { new: act.said(), from_where: audit.from_where.clone(), ..entry });
                    results.push((rule, Ok(())));
                }
                Err(refusal) => results.push((rule, Err(refusal))),
            }
        }
        let job = self.settle(out, Vec::new());
        self.spooler
            .act(job, move |done: Result<(), String>| {
                if let Err(problem) = done {
                    for result in results.iter_mut().filter(|(_, result)| result.is_ok()) {
                        result.1 = Err(Refusal::NotYetKept(problem.clone()));
                    }
                }
                answer(reply, results);
            })
            .await;
    }

    fn adopt(
        &mut self,
        points: Vec<Point>,
        gone: &[Point],
        rules: Vec<AlarmRule>,
        removed: Vec<RuleId>,
        units: Units,
        reply: oneshot::Sender<Timestamp>,
    ) {
        let now = self.clock.now().max(self.newest_received + Duration::from_micros(1));
        self.newest_received = now;
        let mut out = Yield::default();
        for point in &points {
            let scoring = scoring_of(point);
            if self.directory.put(point).rescaled || scoring.is_none() {
                // What it has learnt is in another unit, or not wanted any more.
                self.fleet.forget(point.no);
            }
            if let Some(config) = scoring {
                self.fleet.watch(point.no, config);
            }
        }
        for point in gone {
            self.directory.remove(point);
            self.fleet.forget(point.no);
        }
        self.engine.set_points(points.iter().map(|point| facts_of(point, None)));
        // No site is silent because of them.
        self.engine.set_points(gone.iter().map(|point| PointFacts { site: None, ..facts_of(point, None) }));
        let touched: Vec<RuleId> = rules.iter().map(|rule| rule.id).chain(removed.iter().copied()).collect();
        self.engine.set_rules(rules, now, &mut out.transitions);
        self.engine.remove(&removed, now, &mut out.transitions);
        self.late_raises.forget(&removed);
        self.discovered = count_discovered(&self.register, &points);
        if self.discovered < MAX_DISCOVERED {
            self.notices.clear("points", "too-many");
        }
        let mut job = self.settle(out, Vec::new());
        match units {
            Units::Same => {}
            Units::Others { proof, points } => {
                job.push(Room::Samples, Record::Switched(UnitSwitch { proof, at: now, points }));
            }
            Units::FormerAgain { proof } => {
                job.push(Room::Samples, Record::SwitchedBack(UnitReturn { proof, at: now }));
            }
        }
        self.floods.hear(&self.engine, &touched, now);
        self.show_alarms(touched);
        self.put(Job { done: Some(Box::new(move |_| answer(reply, now))), ..job });
    }
}

/// Points that wait to be adopted once `changed` are in the register, which they are later.
fn count_discovered(register: &Register, changed: &[Point]) -> usize {
    let waits = |point: &&Point| point.state == PointState::Discovered;
    let changed: BTreeMap<PointNo, &Point> = changed.iter().map(|point| (point.no, point)).collect();
    let inner = register.lock();
    let same = inner.points.values().filter(|point| !changed.contains_key(&point.no));
    same.filter(waits).count() + changed.values().copied().filter(waits).count()
}

pub(crate) fn facts_of(point: &Point, evaluated_until: Option<Timestamp>) -> PointFacts {
    PointFacts { id: point.id, site: point.site, asset: point.asset, stale_after: point.stale_after, evaluated_until }
}

/// Answers; the one who asked may have gone.
fn answer<T>(reply: oneshot::Sender<T>, value: T) {
    drop(reply.send(value));
}

/// The routes of a broker's settings ahead of the standard ones.
///
/// # Errors
/// The pattern that is wrong, and what is wrong with it.
pub(crate) fn compile_routes(forms: &[penstock_api::RouteForm]) -> Result<Routes, String> {
    let mut routes = Vec::with_capacity(forms.len());
    for form in forms {
        let format = serde_json::from_value(form.format.as_str().into())
            .map_err(|error| format!("{}: format {:?}: {error}", form.pattern, form.format))?;
        routes.push(Route { pattern: form.pattern.clone(), format, address: form.address.clone() });
    }
    routes.extend(Routes::standard_routes());
    Routes::compile(&routes).map_err(|error| error.to_string())
}

/// How a point is scored; none where it is not.
pub(crate) fn scoring_of(point: &Point) -> Option<Config> {
    Config::of(point).filter(|_| point.state != PointState::Ignored)
}

/// The quality of a value against the instrument's span.
pub(crate) fn within(span: Option<Band>, value: Option<f64>, quality: Quality) -> Quality {
    match (span, value) {
        (Some(span), Some(value)) if quality.is_good() && !(span.low..=span.high).contains(&value) => {
            Quality::Uncertain(penstock_model::Doubt::OutOfRange)
        }
        _ => quality,
    }
}
