//! What a source hands on, and how it learns that it became durable.

use std::sync::Arc;

use bytes::Bytes;
use penstock_model::Timestamp;

/// One message as it came in.
#[derive(Debug)]
pub struct Received {
    /// Name of the source.
    pub source: Arc<str>,
    /// Where the device put it: the MQTT topic.
    pub topic: Arc<str>,
    /// The bytes, undecoded. They may share a buffer with their neighbours: copy what is kept for long.
    pub payload: Bytes,
    /// When it came in, by the station's clock.
    pub received: Timestamp,
    /// Kept by the broker from earlier and sent because of a new subscription: the last word on its topic,
    /// of unknown age where the payload carries no time.
    pub retained: bool,
    /// How many bytes it had, where that is over the source's limit: then it is not for reading, and only its beginning
    /// is here, for a look.
    pub over_limit: Option<usize>,
    /// Its topic is not UTF-8, which MQTT asks for: then it is not for reading, and `topic` is for a look, with what is
    /// no text in it replaced.
    pub has_broken_topic: bool,
    /// How to know the same message when it is delivered again; none where the sender gives no guarantee (QoS 0).
    pub delivery: Option<Delivery>,
    /// To be given to [`acknowledge`] once the message is durable.
    pub ack: AckToken,
}

/// Tells a message that is delivered again from a new one with the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Delivery {
    /// The broker's session, the same across reconnects and restarts until the broker forgets it.
    pub session: u64,
    /// The packet id within the session. Free again after the acknowledgement, so compare the payload too.
    pub packet_id: u16,
    /// The broker says that it has sent this one before.
    pub redelivered: bool,
}

/// The right to acknowledge one message, once.
///
/// Dropping it leaves the message unacknowledged: the source's broker delivers it again after a reconnect.
#[must_use = "a message that is never acknowledged is delivered again after a reconnect"]
pub struct AckToken(Option<(Arc<dyn AckLane>, u64)>);

/// Takes acknowledgements back to the connection they belong to.
pub trait AckLane: Send + Sync {
    /// Notes that these messages are durable. Must return at once; void where the connection is gone.
    fn acknowledge(&self, ids: &[u64]);
}

impl AckToken {
    /// For a message that nobody waits for.
    pub fn none() -> Self {
        Self(None)
    }

    /// For message `id` of `lane`.
    pub fn new(lane: Arc<dyn AckLane>, id: u64) -> Self {
        Self(Some((lane, id)))
    }
}

impl std::fmt::Debug for AckToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some((_, id)) => write!(f, "AckToken({id})"),
            None => f.write_str("AckToken(none)"),
        }
    }
}

/// Acknowledges a batch that became durable, in order: one short lock for each run of messages of one connection.
pub fn acknowledge(tokens: impl IntoIterator<Item = AckToken>) {
    let mut run: Option<(Arc<dyn AckLane>, Vec<u64>)> = None;
    for (lane, id) in tokens.into_iter().filter_map(|token| token.0) {
        match &mut run {
            Some((same, ids)) if Arc::ptr_eq(same, &lane) => ids.push(id),
            _ => {
                if let Some((lane, ids)) = run.replace((lane, vec![id])) {
                    lane.acknowledge(&ids);
                }
            }
        }
    }
    if let Some((lane, ids)) = run {
        lane.acknowledge(&ids);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Calls(Mutex<Vec<Vec<u64>>>);

    impl AckLane for Calls {
        fn acknowledge(&self, ids: &[u64]) {
            self.0.lock().expect("not poisoned").push(ids.to_vec());
        }
    }

    #[test]
    fn a_batch_is_one_call_for_each_run_of_a_connection() {
        let (one, other) = (Arc::new(Calls::default()), Arc::new(Calls::default()));
        let token = |lane: &Arc<Calls>, id| AckToken::new(Arc::clone(lane) as Arc<dyn AckLane>, id);
        acknowledge([token(&one, 1), AckToken::none(), token(&one, 2), token(&other, 7), token(&one, 3)]);
        assert_eq!(*one.0.lock().expect("not poisoned"), [vec![1, 2], vec![3]]);
        assert_eq!(*other.0.lock().expect("not poisoned"), [vec![7]]);
    }
}
