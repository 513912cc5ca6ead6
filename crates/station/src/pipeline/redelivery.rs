//! Messages that a broker delivers again: they keep the time they were first received at, so that one without a time of
//! its own is stored once.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use penstock_model::Timestamp;
use penstock_sources::Received;

/// Messages remembered: more than a broker keeps in flight.
const REMEMBERED: usize = 20_000;

/// Messages lately received, by session, packet id and content.
#[derive(Debug, Default)]
pub(super) struct Redeliveries {
    first: HashMap<(u64, u16, u64), Timestamp>,
    order: VecDeque<(u64, u16, u64)>,
}

impl Redeliveries {
    /// When the message was first received, where this is not the first time. Remembers it otherwise.
    pub(super) fn received_time(&mut self, message: &Received) -> Option<Timestamp> {
        let delivery = message.delivery?;
        let mut hasher = DefaultHasher::new();
        message.topic.hash(&mut hasher);
        message.payload.hash(&mut hasher);
        let key = (delivery.session, delivery.packet_id, hasher.finish());
        if delivery.redelivered
            && let Some(first) = self.first.get(&key)
        {
            return Some(*first);
        }
        if self.first.insert(key, message.received).is_none() {
            self.order.push_back(key);
            if self.order.len() > REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.first.remove(&oldest);
            }
        }
        None
    }
}
