//! A run: the past first where it is wanted, then the present at any speed, until told to stop. Must not know
//! what a station makes of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use penstock_model::{Clock, Timestamp};
use tokio::sync::{mpsc, oneshot};

use crate::control::{Ask, Reply};
use crate::events::{EventKind, Request, Truth};
use crate::feed::{Backlog, READINGS_A_MESSAGE, data_topic, live_payload, status_topic};
use crate::link::{Broker, Carrier, Gateway};
use crate::script::Step;
use crate::simulator::{Reading, Simulator, State};
use crate::{Error, control};

/// How often due readings are looked for.
const TICK: Duration = Duration::from_millis(100);
/// The shortest step that the town is moved on by at full speed.
const LIVE_STEP: Duration = Duration::from_secs(1);
/// How often the state is kept.
const KEEP_EVERY: Duration = Duration::from_secs(30);
/// The longest time that is caught up with after a pause; beyond it the town begins anew.
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 86_400);

/// How a run goes.
#[derive(Debug, Clone)]
pub struct Run {
    /// The broker.
    pub broker: Broker,
    /// Seed of its days and noises.
    pub seed: u64,
    /// Seconds of the plant in a second of the clock, 1 to 100.
    pub speed: f64,
    /// How much of the past is published first.
    pub history: Option<Duration>,
    /// How often each instrument speaks.
    pub interval: Duration,
    /// Events to come, and past ones.
    pub script: Vec<Step>,
    /// Where to listen for events on demand.
    pub control: Option<PathBuf>,
    /// Where the truth about events is written, a line of JSON each.
    pub truth: Option<PathBuf>,
    /// Where the state is kept, so that a next run goes on from it without a past.
    pub state: Option<PathBuf>,
    /// Where the present comes from.
    pub clock: Clock,
}

/// What a run has published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Published {
    /// Readings of the past.
    pub past: u64,
    /// Messages that they came in.
    pub past_messages: u64,
    /// Live readings.
    pub live: u64,
    /// Live readings that no gateway had room for.
    pub lost: u64,
}

impl Run {
    /// Runs until `stop` completes.
    ///
    /// # Errors
    /// [`Error::Broker`] where the broker refuses us, [`Error::File`] where a file cannot be read or written.
    pub async fn until(self, stop: impl Future<Output = ()> + Send) -> Result<Published, Error> {
        let mut published = Published::default();
        let asks = match &self.control {
            Some(path) => Some(control::listen(path)?),
            None => None,
        };
        tokio::pin!(stop);
        let simulator = tokio::select! {
            begun = self.begin(&mut published) => begun?,
            () = &mut stop => return Ok(published),
        };
        let mut live = Live::new(&self, simulator)?;
        let (unused, no_asks) = mpsc::channel(1);
        let (_socket, mut asks) = match asks {
            Some((socket, asks)) => (Some(socket), asks),
            None => (None, no_asks),
        };
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = &mut stop => break,
                _ = ticks.tick() => live.tick(&mut published)?,
                Some((ask, reply)) = asks.recv() => live.answer(ask, reply)?,
            }
        }
        drop(unused);
        live.leave().await?;
        Ok(published)
    }

    /// The town as it stands now: gone on with where a state was kept, else new, with its past told.
    async fn begin(&self, published: &mut Published) -> Result<Simulator, Error> {
        let now = self.clock.now();
        if let Some(state) = self.state.as_deref().map(read_state).transpose()?.flatten() {
            let mut simulator = Simulator::from_state(state)?;
            if now.since(simulator.now()) < LONGEST_PAUSE {
                // What happened meanwhile was measured by nobody who listened: real devices do not tell it later.
                simulator.advance(now);
                return Ok(simulator);
            }
        }
        let Some(history) = self.history else {
            let mut simulator = Simulator::new(self.seed, now)?;
            self.schedule_script(&mut simulator, now)?;
            return Ok(simulator);
        };
        let minute = 60_000_000;
        let from = Timestamp::from_micros((now - history).as_micros().div_euclid(minute) * minute);
        let mut simulator = Simulator::new(self.seed, from)?;
        for step in crate::script::past(now, history) {
            simulator.schedule(&step.request, step.at(now))?;
        }
        self.schedule_script(&mut simulator, now)?;
        let simulator = tell_past(&self.broker, simulator, now, published).await?;
        if let Some(path) = &self.state {
            keep_state(path, simulator.state())?;
        }
        Ok(simulator)
    }

    fn schedule_script(&self, simulator: &mut Simulator, now: Timestamp) -> Result<(), Error> {
        for step in &self.script {
            simulator.schedule(&step.request, step.at(now))?;
        }
        Ok(())
    }
}

/// Publishes what every instrument measured each minute from the simulator's present up to `until`, in the order of
/// time.
async fn tell_past(
    broker: &Broker,
    simulator: Simulator,
    until: Timestamp,
    published: &mut Published,
) -> Result<Simulator, Error> {
    let topics: Vec<String> = simulator.sensor_ids().map(|id| data_topic(&broker.topic_prefix, id)).collect();
    let mut carrier = Carrier::connect(broker, "past").await?;
    let (blocks, mut ready) = mpsc::channel(2);
    let measuring = tokio::task::spawn_blocking(move || measure_past(simulator, until, &blocks));
    while let Some(block) = ready.recv().await {
        let block: Vec<Backlog> = block;
        for (topic, mut backlog) in topics.iter().zip(block) {
            let count = backlog.len();
            let Some(payload) = backlog.take() else { continue };
            carrier.say(topic, false, payload).await?;
            published.past += count as u64;
            published.past_messages += 1;
        }
    }
    carrier.finish().await?;
    tracing::info!(readings = published.past, messages = published.past_messages, "the past is told");
    match measuring.await {
        Ok(simulator) => Ok(simulator),
        Err(error) => Err(Error::Refused(format!("measuring the past ended early: {error}"))),
    }
}

/// Measures a block of minutes after the other until the listener is gone.
fn measure_past(mut simulator: Simulator, until: Timestamp, blocks: &mpsc::Sender<Vec<Backlog>>) -> Simulator {
    let minute = Duration::from_secs(60);
    let sensors = simulator.sensors().len();
    while simulator.now() + minute <= until {
        let mut block = vec![Backlog::default(); sensors];
        for _ in 0..READINGS_A_MESSAGE {
            if simulator.now() + minute > until {
                break;
            }
            for reading in simulator.read_all() {
                if let Some(backlog) = block.get_mut(reading.sensor) {
                    backlog.push(&reading, reading.at);
                }
            }
            simulator.step(minute);
        }
        if blocks.blocking_send(block).is_err() {
            break;
        }
    }
    simulator
}

/// The present of a run.
struct Live<'a> {
    run: &'a Run,
    simulator: Simulator,
    /// When the present began, by the clock and in the plant.
    origin: (Timestamp, Timestamp),
    /// When each instrument speaks next, by the clock.
    due: Vec<Timestamp>,
    gateways: BTreeMap<String, Option<Gateway>>,
    told: BTreeMap<u32, Truth>,
    kept: Timestamp,
}

impl<'a> Live<'a> {
    fn new(run: &'a Run, simulator: Simulator) -> Result<Self, Error> {
        let now = run.clock.now();
        let count = simulator.sensors().len().max(1);
        let spread = run.interval.div_f64(count as f64);
        let due = (0..count).map(|sensor| now + spread.mul_f64(sensor as f64)).collect();
        let mut live = Self {
            run,
            origin: (now, simulator.now().max(now)),
            simulator,
            due,
            gateways: BTreeMap::new(),
            told: BTreeMap::new(),
            kept: now,
        };
        live.mind_gateways();
        live.tell_truth()?;
        Ok(live)
    }

    /// Moves the town on to the present and publishes the readings that are due.
    fn tick(&mut self, published: &mut Published) -> Result<(), Error> {
        let now = self.run.clock.now();
        let present = self.origin.1 + now.since(self.origin.0).mul_f64(self.run.speed);
        if present.since(self.simulator.now()) >= LIVE_STEP {
            self.simulator.advance(present);
            self.mind_gateways();
        }
        for sensor in 0..self.due.len() {
            let Some(due) = self.due.get(sensor).copied().filter(|due| *due <= now) else { continue };
            // After a pause of this process the missed readings are gone, as with real devices.
            let next = due + self.run.interval;
            if let Some(slot) = self.due.get_mut(sensor) {
                *slot = if next < now { now + self.run.interval } else { next };
            }
            if let Some(reading) = self.simulator.read(sensor) {
                self.publish(&reading, due, published);
            }
        }
        if now.since(self.kept) >= KEEP_EVERY {
            self.kept = now;
            self.keep()?;
        }
        Ok(())
    }

    fn publish(&mut self, reading: &Reading, at: Timestamp, published: &mut Published) {
        let Some(sensor) = self.simulator.sensors().get(reading.sensor) else { return };
        let millis = Timestamp::from_millis(at.as_micros().div_euclid(1_000));
        let payload = live_payload(sensor, reading.value, millis);
        let topic = data_topic(&self.run.broker.topic_prefix, &sensor.id);
        let gateway = self.gateways.get(&sensor.site.gateway()).and_then(Option::as_ref);
        if gateway.is_some_and(|gateway| gateway.say(&topic, payload)) {
            published.live += 1;
        } else {
            published.lost += 1;
        }
    }

    /// Connects gateways that should be online and breaks the connection of those that should not.
    fn mind_gateways(&mut self) {
        for (tag, online) in self.simulator.gateways() {
            let held = self.gateways.entry(tag.clone()).or_default();
            if online && held.is_none() {
                *held = Some(Gateway::connect(&self.run.broker, &tag));
            } else if !online && held.is_some() {
                *held = None;
            }
        }
    }

    fn answer(&mut self, ask: Ask, reply: oneshot::Sender<Reply>) -> Result<(), Error> {
        let answer = match ask {
            Ask::Event(request) => self.start(&request),
            Ask::End { number } if self.simulator.end(number) => Reply::Events(self.truths()),
            Ask::End { number } => Reply::Refused(format!("there is no event {number} that goes on")),
            Ask::Events => Reply::Events(self.truths()),
            Ask::Kinds => Reply::Kinds(EventKind::ALL.to_vec()),
        };
        // Whoever asked may have gone; the event has begun all the same.
        if reply.send(answer).is_err() {
            tracing::debug!("nobody waited for the answer");
        }
        self.mind_gateways();
        self.tell_truth()?;
        self.keep()
    }

    fn start(&mut self, request: &Request) -> Reply {
        let now = self.simulator.now();
        match self.simulator.schedule(request, now) {
            Ok(truth) => {
                tracing::info!(kind = %truth.kind, at = %truth.at, "event begins");
                Reply::Begun(self.by_the_clock(truth))
            }
            Err(error) => Reply::Refused(error.to_string()),
        }
    }

    fn truths(&self) -> Vec<Truth> {
        self.simulator.truths().into_iter().map(|truth| self.by_the_clock(truth)).collect()
    }

    /// A truth in the time that devices stamp their readings with.
    fn by_the_clock(&self, mut truth: Truth) -> Truth {
        let (clock, plant) = self.origin;
        for text in [&mut truth.from, &mut truth.until] {
            let Ok(at) = Timestamp::parse(text) else { continue };
            if at > plant {
                *text = (clock + at.since(plant).div_f64(self.run.speed)).to_string();
            }
        }
        truth
    }

    /// Writes the truth about events that are new or have changed.
    fn tell_truth(&mut self) -> Result<(), Error> {
        for truth in self.truths() {
            if self.told.get(&truth.event) == Some(&truth) {
                continue;
            }
            if let Some(path) = &self.run.truth {
                append_line(path, &serde_json::to_string(&truth)?)?;
            }
            self.told.insert(truth.event, truth);
        }
        Ok(())
    }

    fn keep(&self) -> Result<(), Error> {
        match &self.run.state {
            Some(path) => keep_state(path, self.simulator.state()),
            None => Ok(()),
        }
    }

    async fn leave(self) -> Result<(), Error> {
        self.keep()?;
        let leaving = self.gateways.into_iter().filter_map(|(tag, gateway)| {
            let topic = status_topic(&self.run.broker.topic_prefix, &tag);
            gateway.map(|gateway| async move { gateway.leave(&topic).await })
        });
        let mut tasks = tokio::task::JoinSet::new();
        for left in leaving {
            tasks.spawn(left);
        }
        while tasks.join_next().await.is_some() {}
        Ok(())
    }
}

fn read_state(path: &Path) -> Result<Option<State>, Error> {
    match std::fs::read(path) {
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(state) => Ok(Some(state)),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "kept state is not readable: the town begins anew");
                Ok(None)
            }
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::File { what: "cannot read", path: path.to_owned(), source }),
    }
}

/// Replaces the kept state in one go, so that a crash leaves the old or the new one.
fn keep_state(path: &Path, state: &State) -> Result<(), Error> {
    let file = |source| Error::File { what: "cannot write", path: path.to_owned(), source };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(file)?;
    }
    let beside = path.with_extension("new");
    std::fs::write(&beside, serde_json::to_vec(state)?).map_err(file)?;
    std::fs::rename(&beside, path).map_err(file)
}

fn append_line(path: &Path, line: &str) -> Result<(), Error> {
    use std::io::Write as _;
    let file = |source| Error::File { what: "cannot write", path: path.to_owned(), source };
    let mut out = std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(file)?;
    writeln!(out, "{line}").map_err(file)
}
