//! Messages that a broker delivers again: what in them has no time of its own keeps the time that it was given at first,
//! so that it is stored once, also over a restart. Must not know where this is kept.

use std::collections::{HashMap, VecDeque};

use penstock_model::Timestamp;
use penstock_sources::Received;
use penstock_store::Delivery;

/// Messages remembered: more than a broker keeps in flight.
const REMEMBERED: usize = 20_000;

/// Session, packet id and content.
type Key = (u64, u16, u64);

/// Messages lately received that hold values without a time of their own.
#[derive(Debug, Default)]
pub(super) struct Redeliveries {
    /// The time given, and the place in `order` that counts.
    given: HashMap<Key, (Timestamp, u64)>,
    order: VecDeque<(Key, u64)>,
    place: u64,
}

impl Redeliveries {
    /// As a former run left them, the oldest first.
    pub(super) fn new(kept: Vec<Delivery>) -> Self {
        let mut redeliveries = Self::default();
        for delivery in kept {
            redeliveries.put(&delivery);
        }
        redeliveries
    }

    /// The time that was given to the values of this message, where it was delivered before.
    pub(super) fn given(&self, message: &Received) -> Option<Timestamp> {
        let delivery = message.delivery.filter(|delivery| delivery.redelivered)?;
        self.given.get(&(delivery.session, delivery.packet_id, content(message))).map(|(given, _)| *given)
    }

    /// Remembers that values of this message were given `received`; what is to be kept of that, where its source may
    /// deliver it again.
    pub(super) fn remember(&mut self, message: &Received, received: Timestamp) -> Option<Delivery> {
        let delivery = message.delivery?;
        let (session, packet_id) = (delivery.session, delivery.packet_id);
        let delivery = Delivery { session, packet_id, content: content(message), received };
        self.put(&delivery);
        Some(delivery)
    }

    fn put(&mut self, delivery: &Delivery) {
        let key = (delivery.session, delivery.packet_id, delivery.content);
        self.place += 1;
        self.given.insert(key, (delivery.received, self.place));
        self.order.push_back((key, self.place));
        if self.order.len() > REMEMBERED
            && let Some((oldest, place)) = self.order.pop_front()
            && self.given.get(&oldest).is_some_and(|(_, newest)| *newest == place)
        {
            self.given.remove(&oldest);
        }
    }
}

/// What tells messages apart: FNV-1a over topic and payload (Fowler, Noll, Vo: 64 bits), the same in every version.
fn content(message: &Received) -> u64 {
    let bytes = message.topic.bytes().chain(std::iter::once(0)).chain(message.payload.iter().copied());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
