//! What a source is doing, for the people who look after it.

use penstock_model::Timestamp;
use serde::{Deserialize, Serialize};

/// The state of one source; counters run from the start of the station.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceState {
    /// Name of the source.
    pub source: String,
    /// Where it connects to, without credentials, for example `mqtt://127.0.0.1:1883`.
    pub address: String,
    /// The connection.
    pub link: Link,
    /// What went wrong last, kept after it is over.
    pub last_problem: Option<Problem>,
    /// Messages handed on.
    pub messages: u64,
    /// Payload bytes handed on.
    pub bytes: u64,
    /// Messages in the last second or so, per second.
    pub messages_per_sec: f64,
    /// Messages that the broker said it had delivered before.
    pub redelivered: u64,
    /// Messages that were not for reading because they are over the packet limit.
    pub over_limit: u64,
    /// Messages that were not for reading because their topic is not UTF-8.
    pub broken_topics: u64,
    /// Connections after the first.
    pub reconnects: u64,
    /// Connections at which the broker had forgotten what it kept for this station.
    pub lost_sessions: u64,
    /// Messages handed on and not yet acknowledged.
    pub unacknowledged: u64,
    /// Messages received and waiting for the station to take them.
    pub waiting: u64,
    /// Messages that the broker says it dropped since this source first asked, for any of its clients; none where
    /// the broker does not tell.
    pub dropped_by_broker: Option<u64>,
}

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Link {
    /// A connection is being made.
    Connecting {
        /// Since when there is none.
        since: Timestamp,
    },
    /// Connected and subscribed.
    Connected {
        /// Since when.
        since: Timestamp,
    },
    /// No connection; the next try comes by itself.
    Down {
        /// Since when.
        since: Timestamp,
        /// When it is tried again.
        retry: Timestamp,
    },
    /// The source was told to stop.
    Stopped,
}

/// Something that went wrong, with the way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// When.
    pub at: Timestamp,
    /// What sort, for a screen that acts on it.
    pub kind: ProblemKind,
    /// What went wrong, naming the thing.
    pub message: String,
    /// What to do about it.
    pub cure: String,
}

/// The sorts of things that go wrong with a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// A setting or a file it names cannot be used.
    Setting,
    /// The host name is not known.
    HostUnknown,
    /// Nothing listens there, or no way leads there.
    Unreachable,
    /// Connected, and no answer in time.
    NoAnswer,
    /// User or password refused.
    CredentialsRefused,
    /// Certificates do not fit.
    TlsRefused,
    /// The other side speaks another protocol or version.
    ProtocolRefused,
    /// The client id is refused.
    ClientIdRefused,
    /// Another client came with the same client id.
    TakenOver,
    /// The broker cannot serve now.
    BrokerUnavailable,
    /// The connection is there, a subscription is refused.
    SubscriptionRefused,
    /// A message has a topic that is not UTF-8.
    BrokenTopic,
    /// A message is larger than allowed.
    OverLimit,
    /// The broker dropped messages for a slow client.
    DroppedByBroker,
    /// An established connection broke.
    ConnectionLost,
}

impl SourceState {
    /// The state of a source that has not tried yet.
    pub fn new(source: impl Into<String>, address: impl Into<String>, now: Timestamp) -> Self {
        Self {
            source: source.into(),
            address: address.into(),
            link: Link::Connecting { since: now },
            last_problem: None,
            messages: 0,
            bytes: 0,
            messages_per_sec: 0.0,
            redelivered: 0,
            over_limit: 0,
            broken_topics: 0,
            reconnects: 0,
            lost_sessions: 0,
            unacknowledged: 0,
            waiting: 0,
            dropped_by_broker: None,
        }
    }

    /// Whether messages can come in now.
    pub fn is_connected(&self) -> bool {
        matches!(self.link, Link::Connected { .. })
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.message, self.cure)
    }
}
