//! MQTT 3.1.1 and 5: one persistent session with one broker, acknowledged by hand once the station says so.
//!
//! Must not know what a topic or a payload means, but for the broker's own figure of dropped messages.

mod acks;
mod backoff;
mod dial;
mod failure;
mod mend;
mod session;
mod settings;
mod wire;

use std::collections::{HashSet, VecDeque};
use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use penstock_model::Clock;
use tokio::select;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, interval_at, sleep, timeout};
use tokio_util::sync::{CancellationToken, PollSender};

pub(crate) use backoff::Backoff;
pub use settings::{MqttSettings, Protocol, TlsSettings};

use crate::{AckLane, AckToken, Delivery, Link, Problem, ProblemKind, Received, Secret, Source, SourceState};
use acks::{Lane, Outstanding};
use dial::Reading;
use failure::Failure;
use session::Session;
use wire::{Handle, Happening, Message, Wire};

/// One MQTT broker as a source.
pub struct MqttSource {
    settings: MqttSettings,
    password: Option<Secret>,
    clock: Clock,
    session_file: Option<PathBuf>,
    port: Option<watch::Receiver<u16>>,
}

impl MqttSource {
    /// A source for `settings`, which are checked. The password comes from the keyring.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) names the setting and the cure.
    pub fn new(settings: MqttSettings, password: Option<Secret>, clock: Clock) -> Result<Self, crate::Error> {
        settings.check()?;
        Ok(Self { settings, password, clock, session_file: None, port: None })
    }

    /// Keeps the session's number in `file`, so that [`Delivery`] tells a re-delivery across restarts of the station.
    pub fn remembering(mut self, file: impl Into<PathBuf>) -> Self {
        self.session_file = Some(file.into());
        self
    }

    /// Connects to the port that `port` says at the time, for a broker that can move.
    pub fn following(mut self, port: watch::Receiver<u16>) -> Self {
        self.port = Some(port);
        self
    }
}

impl Source for MqttSource {
    fn first_state(&self) -> SourceState {
        SourceState::new(&self.settings.name, self.settings.address(), self.clock.now())
    }

    async fn run(self, out: mpsc::Sender<Received>, state: watch::Sender<SourceState>, shutdown: CancellationToken) {
        let first_state = self.first_state();
        let mut receiver = Receiver {
            name: Arc::from(self.settings.name.as_str()),
            session: Session::recall(self.session_file).await,
            settings: self.settings,
            password: self.password,
            clock: self.clock,
            port: self.port,
            out: PollSender::new(out),
            held: VecDeque::new(),
            held_bytes: 0,
            topics: HashSet::new(),
            now: first_state,
            state,
            read_bytes: dial::READ_BYTES,
            mends: false,
            asks_for_drops: true,
            drops_told: None,
            connections: 0,
            messages_at_tick: (Instant::now(), 0),
        };
        receiver.run(&shutdown).await;
        receiver.now.link = Link::Stopped;
        receiver.tell();
    }
}

/// How much is read ahead of a busy station before reading pauses: messages, and payload bytes.
const HELD_MESSAGES: usize = 20_000;
const HELD_BYTES: usize = 32 * 1024 * 1024;

/// Bytes of a message over the limit that are handed on for a look.
const BEGINNING_BYTES: usize = 4_096;

/// How often counters are told.
const TICK: Duration = Duration::from_millis(500);

/// A connection that lasted this long was a success: the next failure starts the waiting anew.
const LASTING: Duration = Duration::from_secs(5);

/// So many connections closed without a word, none older than this: two clients of one name take turns.
const TURNS: u32 = 3;
const TURN: Duration = Duration::from_secs(60);

/// How long a stopping source waits for the acknowledgements of what it handed on.
const LAST_ACKS: Duration = Duration::from_secs(2);

/// Distinct topics kept as shared text; more are a sign of topics that carry data, so the table starts over.
const SHARED_TOPICS: usize = 16_384;

/// The broker's count of messages dropped for slow clients. Mosquitto's name; others do not know it and do no harm.
const DROPPED_TOPIC: &str = "$SYS/broker/publish/messages/dropped";

/// A running source. What is received goes to `out` when there is room, else to `held`, in order.
struct Receiver {
    name: Arc<str>,
    settings: MqttSettings,
    password: Option<Secret>,
    clock: Clock,
    port: Option<watch::Receiver<u16>>,
    session: Session,
    out: PollSender<Received>,
    held: VecDeque<Received>,
    held_bytes: usize,
    topics: HashSet<Arc<str>>,
    now: SourceState,
    state: watch::Sender<SourceState>,
    /// Packets up to this size are read on the next connection.
    read_bytes: u32,
    /// Text that is not UTF-8 is mended on the next connection.
    mends: bool,
    /// Some brokers end a connection that asks for what it may not read: then this is not asked again.
    asks_for_drops: bool,
    /// The broker's own count of dropped messages, as last told.
    drops_told: Option<u64>,
    connections: u64,
    messages_at_tick: (Instant, u64),
}

/// Why a connection is over.
enum End {
    /// The source was told to stop.
    Shutdown,
    /// Nobody takes messages any more.
    Unwanted,
    /// It failed.
    Failed(Failure),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A topic as it is handed on.
struct Text {
    topic: Arc<str>,
    has_broken_topic: bool,
}

/// One connection, from its ConnAck to its end.
struct Connection {
    handle: Handle,
    wire: Wire,
    lane: Arc<Lane>,
    outstanding: Outstanding,
    /// Subscriptions not yet answered, oldest first.
    unanswered: VecDeque<Subscription>,
    /// Ids on their way from the lane, kept to save allocations.
    ids: Vec<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Subscription {
    Topics,
    Drops,
}

impl Receiver {
    async fn run(&mut self, shutdown: &CancellationToken) {
        let mut backoff = Backoff::new();
        let mut turns = 0;
        loop {
            self.now.link = Link::Connecting { since: self.clock.now() };
            self.tell();
            let begun = Instant::now();
            let (failure, was_connected) = match self.connect(shutdown).await {
                Ok(mut connection) => match self.receive(&mut connection, shutdown).await {
                    End::Shutdown => return self.leave(connection).await,
                    End::Unwanted => return,
                    End::Failed(failure) => {
                        self.take_leftovers(&mut connection);
                        (failure, true)
                    }
                },
                Err(End::Failed(failure)) => (failure, false),
                Err(End::Shutdown | End::Unwanted) => return,
            };
            if was_connected && begun.elapsed() >= LASTING {
                backoff.reset();
            }
            // Brokers of 3.1.1 have no word for it, and Mosquitto's in version 5 is one that rumqttc cannot read.
            let was_turned_out = was_connected && matches!(failure, Failure::Closed) && begun.elapsed() < TURN;
            turns = if was_turned_out { turns + 1 } else { 0 };
            let failure = if turns >= TURNS { Failure::ClosedAgain(turns) } else { failure };
            let wait = backoff.next();
            self.fell(&failure, was_connected, wait);
            if self.wait(wait, shutdown).await.is_err() {
                return;
            }
        }
    }

    async fn connect(&mut self, shutdown: &CancellationToken) -> Result<Connection, End> {
        let port = self.port.as_ref().map_or(self.settings.port, |port| *port.borrow());
        if port != self.settings.port {
            self.settings.port = port;
            self.now.address = self.settings.address();
        }
        let connecting = async {
            let reading = Reading { most_bytes: self.read_bytes, mends: self.mends };
            let (handle, mut wire) = dial::dial(&self.settings, self.password.as_ref(), port, reading).await?;
            match wire.next().await? {
                Happening::Connected { session_present } => Ok((handle, wire, session_present)),
                _ => Err(Failure::Gibberish("its first word is no acknowledgement".to_owned())),
            }
        };
        let (handle, wire, session_present) = select! {
            () = shutdown.cancelled() => return Err(End::Shutdown),
            connected = connecting => connected?,
        };
        (self.read_bytes, self.mends) = (dial::READ_BYTES, false);
        if !session_present {
            self.session.renew().await;
        }
        let mut connection = Connection {
            handle,
            wire,
            lane: Arc::new(Lane::open()),
            outstanding: Outstanding::new(),
            unanswered: VecDeque::new(),
            ids: Vec::new(),
        };
        connection.subscribe(&self.settings, self.asks_for_drops);
        self.rose(session_present);
        Ok(connection)
    }

    async fn receive(&mut self, connection: &mut Connection, shutdown: &CancellationToken) -> End {
        let mut ticks = ticks();
        loop {
            connection.forward_acks();
            let happening = {
                let Connection { handle, wire, lane, outstanding, ids, .. } = &mut *connection;
                // Polled to its end, never dropped midway: see `Wire::next`.
                let mut next = pin!(wire.next());
                loop {
                    select! {
                        () = shutdown.cancelled() => return End::Shutdown,
                        happening = &mut next => break happening,
                        () = lane.filled() => forward_acks(handle, lane, outstanding, ids),
                        room = room(&mut self.out), if !self.held.is_empty() => {
                            if room.and_then(|()| self.hand_on_held()).is_none() {
                                return End::Unwanted;
                            }
                        }
                        _ = ticks.tick() => {
                            self.now.unacknowledged = outstanding.count();
                            self.count();
                        }
                    }
                }
            };
            let result = match happening {
                Ok(happening) => self.handle(connection, happening),
                Err(failure) => return End::Failed(failure),
            };
            if result.is_none() {
                return End::Unwanted;
            }
            if self.is_full()
                && let Err(end) = self.pause(connection, &mut ticks, shutdown).await
            {
                return end;
            }
        }
    }

    fn handle(&mut self, connection: &mut Connection, happening: Happening) -> Option<()> {
        match happening {
            Happening::Message(message) => self.take(connection, message),
            Happening::Subscribed(accepted) => {
                self.subscribed(connection.unanswered.pop_front(), &accepted);
                Some(())
            }
            Happening::Connected { .. } | Happening::Sent | Happening::Other => Some(()),
        }
    }

    /// Hands a message on, or keeps it until there is room; none when nobody takes messages any more.
    fn take(&mut self, connection: &mut Connection, mut message: Message) -> Option<()> {
        let (topic, has_broken_topic) = {
            let (topic, is_broken) = message.topic.text();
            if topic.starts_with("$SYS/") {
                if topic == DROPPED_TOPIC {
                    self.broker_dropped(&message.payload);
                }
                return Some(());
            }
            (self.shared(&topic), is_broken)
        };
        let size = topic.len() + message.payload.len();
        let over_limit = (size > self.settings.packet_limit_bytes as usize).then_some(size);
        if has_broken_topic {
            let (kind, text, cure) = failure::broken_topic(&self.settings, &topic);
            self.now.broken_topics += 1;
            self.complain(Problem { at: self.clock.now(), kind, message: text, cure });
        }
        if over_limit.is_some() {
            let (kind, text, cure) = failure::over_limit(&self.settings, Some(&topic), size);
            self.now.over_limit += 1;
            self.complain(Problem { at: self.clock.now(), kind, message: text, cure });
            let beginning = message.payload.get(..BEGINNING_BYTES).unwrap_or(&message.payload);
            message.payload = Bytes::copy_from_slice(beginning);
        }
        let (delivery, ack) = match message.packet_id {
            0 => (None, AckToken::none()),
            packet_id => {
                connection.outstanding.insert(packet_id);
                let lane: Arc<dyn AckLane> = Arc::clone(&connection.lane) as _;
                (Some(self.delivery(&message)), AckToken::new(lane, packet_id.into()))
            }
        };
        self.hand_on(Text { topic, has_broken_topic }, message, over_limit, delivery, ack)
    }

    /// What was read before the connection broke: its acknowledgements have nowhere to go, but a message without
    /// guarantee would be lost if it were not handed on.
    fn take_leftovers(&mut self, connection: &mut Connection) {
        connection.lane.close();
        if connection.unanswered.front() == Some(&Subscription::Drops) {
            self.asks_for_drops = false;
        }
        for message in connection.wire.leftovers() {
            let fits = message.payload.len() <= self.settings.packet_limit_bytes as usize;
            let text = {
                let (topic, has_broken_topic) = message.topic.text();
                let is_ours = fits && !topic.starts_with("$SYS/");
                is_ours.then(|| Text { topic: self.shared(&topic), has_broken_topic })
            };
            if let Some(text) = text {
                let delivery = (message.packet_id != 0).then(|| self.delivery(&message));
                if self.hand_on(text, message, None, delivery, AckToken::none()).is_none() {
                    return;
                }
            }
        }
    }

    fn delivery(&self, message: &Message) -> Delivery {
        Delivery { session: self.session.number(), packet_id: message.packet_id, redelivered: message.is_redelivered }
    }

    fn hand_on(
        &mut self,
        Text { topic, has_broken_topic }: Text,
        message: Message,
        over_limit: Option<usize>,
        delivery: Option<Delivery>,
        ack: AckToken,
    ) -> Option<()> {
        self.now.messages += 1;
        self.now.bytes += message.payload.len() as u64;
        self.now.redelivered += u64::from(message.is_redelivered);
        let received = Received {
            source: Arc::clone(&self.name),
            topic,
            payload: message.payload,
            received: self.clock.now(),
            retained: message.is_retained,
            over_limit,
            has_broken_topic,
            delivery,
            ack,
        };
        let received = if self.held.is_empty() {
            match self.out.get_ref()?.try_send(received) {
                Ok(()) => return Some(()),
                Err(mpsc::error::TrySendError::Full(received)) => received,
                Err(mpsc::error::TrySendError::Closed(_)) => return None,
            }
        } else {
            received
        };
        self.held_bytes += received.payload.len();
        self.held.push_back(received);
        Some(())
    }

    /// Sends the oldest held message into the room that was just reserved, and after it what else fits.
    fn hand_on_held(&mut self) -> Option<()> {
        let Some(received) = self.take_held() else {
            self.out.abort_send();
            return Some(());
        };
        self.out.send_item(received).ok()?;
        while let Some(received) = self.take_held() {
            match self.out.get_ref()?.try_send(received) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(received)) => {
                    self.held_bytes += received.payload.len();
                    self.held.push_front(received);
                    break;
                }
                Err(mpsc::error::TrySendError::Closed(_)) => return None,
            }
        }
        Some(())
    }

    fn take_held(&mut self) -> Option<Received> {
        let received = self.held.pop_front()?;
        self.held_bytes = self.held_bytes.saturating_sub(received.payload.len());
        Some(received)
    }

    fn is_full(&self) -> bool {
        self.held.len() >= HELD_MESSAGES || self.held_bytes >= HELD_BYTES
    }

    /// Leaves messages unread until the station has taken half of what is held, while the broker is kept assured that
    /// this client lives. What it sends meanwhile stays in its own bounded queue.
    async fn pause(
        &mut self,
        connection: &mut Connection,
        ticks: &mut Interval,
        shutdown: &CancellationToken,
    ) -> Result<(), End> {
        let pace = Duration::from_secs(self.settings.keep_alive_secs.into()) / 2;
        let mut stirs = interval_at(Instant::now() + pace, pace);
        stirs.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.held.len() > HELD_MESSAGES / 2 || self.held_bytes > HELD_BYTES / 2 {
            select! {
                () = shutdown.cancelled() => return Err(End::Shutdown),
                room = room(&mut self.out) => room.and_then(|()| self.hand_on_held()).ok_or(End::Unwanted)?,
                _ = ticks.tick() => {
                    self.now.unacknowledged = connection.outstanding.count();
                    self.count();
                }
                _ = stirs.tick() => self.stir(connection).await?,
            }
        }
        connection.wire.forgive_silence();
        Ok(())
    }

    /// One sign of life. A few messages may come in on the way, because rumqttc reads and writes as it likes.
    async fn stir(&mut self, connection: &mut Connection) -> Result<(), End> {
        connection.handle.stir();
        loop {
            connection.wire.forgive_silence();
            match connection.wire.next().await? {
                Happening::Sent => return Ok(()),
                happening => self.handle(connection, happening).ok_or(End::Unwanted)?,
            }
        }
    }

    /// Stops in order: nothing more is handed on, the last acknowledgements are sent, then goodbye is said.
    async fn leave(&mut self, mut connection: Connection) {
        while let Some(received) = self.held.pop_front() {
            // What does not fit is not acknowledged, and so comes again at the next start.
            if self.out.get_ref().is_none_or(|out| out.try_send(received).is_err()) {
                break;
            }
        }
        self.out.close();
        let deadline = Instant::now() + LAST_ACKS;
        loop {
            connection.forward_acks();
            if connection.outstanding.count() == 0 {
                break;
            }
            let Connection { wire, lane, .. } = &mut connection;
            select! {
                happening = wire.next() => if happening.is_err() { return },
                () = lane.filled() => {}
                () = tokio::time::sleep_until(deadline) => break,
            }
        }
        connection.lane.close();
        connection.handle.disconnect();
        // Until the broker hangs up: closing first, with something of its own still unread, would reset the connection
        // and take along acknowledgements that the broker has not read yet.
        let goodbye = async { while connection.wire.next().await.is_ok() {} };
        if timeout(Duration::from_secs(1), goodbye).await.is_err() {
            tracing::debug!(source = %self.name, "the broker did not take the goodbye in time");
        }
    }

    /// Waits before the next try; messages still held go on meanwhile.
    async fn wait(&mut self, wait: Duration, shutdown: &CancellationToken) -> Result<(), End> {
        let mut over = pin!(sleep(wait));
        loop {
            select! {
                () = shutdown.cancelled() => return Err(End::Shutdown),
                () = &mut over => return Ok(()),
                room = room(&mut self.out), if !self.held.is_empty() => {
                    room.and_then(|()| self.hand_on_held()).ok_or(End::Unwanted)?;
                }
            }
        }
    }

    /// The topic as shared text: plants have few topics and many messages.
    fn shared(&mut self, topic: &str) -> Arc<str> {
        if let Some(topic) = self.topics.get(topic) {
            return Arc::clone(topic);
        }
        if self.topics.len() >= SHARED_TOPICS {
            self.topics.clear();
        }
        let topic: Arc<str> = Arc::from(topic);
        self.topics.insert(Arc::clone(&topic));
        topic
    }

    fn subscribed(&mut self, subscription: Option<Subscription>, accepted: &[bool]) {
        if subscription != Some(Subscription::Topics) {
            return;
        }
        let refused: Vec<&str> = self
            .settings
            .topics
            .iter()
            .zip(accepted)
            .filter_map(|(topic, accepted)| (!accepted).then_some(topic.as_str()))
            .collect();
        if !refused.is_empty() {
            let message = format!("the broker at {} refuses to send topics {}", self.now.address, refused.join(", "));
            self.complain(Problem {
                at: self.clock.now(),
                kind: ProblemKind::SubscriptionRefused,
                message,
                cure: "let this user read them in the broker's access list, or correct topics".to_owned(),
            });
        }
    }

    fn broker_dropped(&mut self, payload: &[u8]) {
        let Some(told) = std::str::from_utf8(payload).ok().and_then(|text| text.trim().parse::<u64>().ok()) else {
            return;
        };
        // A smaller count than before is that of a broker started anew.
        let more = match self.drops_told.replace(told) {
            None => 0,
            Some(before) => told.checked_sub(before).unwrap_or(told),
        };
        self.now.dropped_by_broker = Some(self.now.dropped_by_broker.unwrap_or(0) + more);
        if more > 0 {
            self.complain(Problem {
                at: self.clock.now(),
                kind: ProblemKind::DroppedByBroker,
                message: format!("the broker at {} dropped {more} messages for slow clients", self.now.address),
                cure: "raise max_queued_messages and max_inflight_messages in the broker's configuration".to_owned(),
            });
        }
    }

    fn rose(&mut self, session_present: bool) {
        self.connections += 1;
        self.now.reconnects = self.connections - 1;
        self.now.lost_sessions += u64::from(!session_present && self.session.was_known());
        self.session.confirm();
        self.now.link = Link::Connected { since: self.clock.now() };
        tracing::info!(source = %self.name, address = %self.now.address, session_present, "connected");
        self.tell();
    }

    fn fell(&mut self, failure: &Failure, was_connected: bool, wait: Duration) {
        let since = self.clock.now();
        if let Failure::TooLarge(bytes) = failure {
            // Read once in full, it can be refused; else it would come again and again.
            self.read_bytes = u32::try_from(*bytes).unwrap_or(u32::MAX).saturating_add(1024);
        }
        // The same.
        self.mends |= matches!(failure, Failure::BrokenText);
        self.now.link = Link::Down { since, retry: since + wait };
        self.now.unacknowledged = 0;
        self.now.messages_per_sec = 0.0;
        self.complain(failure.problem(&self.settings, was_connected, since));
    }

    fn complain(&mut self, problem: Problem) {
        tracing::warn!(source = %self.name, kind = ?problem.kind, cure = problem.cure, "{}", problem.message);
        self.now.last_problem = Some(problem);
        self.tell();
    }

    /// Brings the counters up to date.
    fn count(&mut self) {
        let (before, messages) = std::mem::replace(&mut self.messages_at_tick, (Instant::now(), self.now.messages));
        let secs = before.elapsed().as_secs_f64();
        if secs > 0.0 {
            self.now.messages_per_sec = (self.now.messages - messages) as f64 / secs;
        }
        self.tell();
    }

    fn tell(&mut self) {
        self.now.waiting = self.held.len() as u64;
        self.state.send_if_modified(|told| {
            let is_news = *told != self.now;
            if is_news {
                told.clone_from(&self.now);
            }
            is_news
        });
    }
}

impl Connection {
    /// Subscribes at every connection: a broker may have forgotten, or its access list may have changed.
    fn subscribe(&mut self, settings: &MqttSettings, asks_for_drops: bool) {
        if self.handle.subscribe(&settings.topics, settings.qos) {
            self.unanswered.push_back(Subscription::Topics);
        }
        if asks_for_drops && self.handle.subscribe(&[DROPPED_TOPIC.to_owned()], 0) {
            self.unanswered.push_back(Subscription::Drops);
        }
    }

    fn forward_acks(&mut self) {
        forward_acks(&self.handle, &self.lane, &mut self.outstanding, &mut self.ids);
    }
}

/// Moves acknowledgements from the lane to the client. It happens in the polling task and nowhere else: only here it is
/// certain that the connection they belong to is still the one they are sent on.
fn forward_acks(handle: &Handle, lane: &Lane, outstanding: &mut Outstanding, ids: &mut Vec<u64>) {
    lane.take(ids);
    for packet_id in ids.drain(..).filter_map(|id| u16::try_from(id).ok()) {
        if outstanding.remove(packet_id) && !handle.acknowledge(packet_id) {
            tracing::debug!(packet_id, "no room for an acknowledgement: the message will be delivered again");
        }
    }
}

/// Waits for room in the queue without losing its place there; none when nobody takes from it any more.
async fn room(out: &mut PollSender<Received>) -> Option<()> {
    poll_fn(|context| out.poll_reserve(context)).await.ok()
}

fn ticks() -> Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
