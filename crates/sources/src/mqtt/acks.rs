//! Acknowledgements on their way back to the connection whose messages they are for.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::AckLane;

/// Takes acknowledgements from the station without waiting; closed with its connection, and void from then on.
pub(super) struct Lane {
    waiting: Mutex<Waiting>,
    wake: Notify,
}

struct Waiting {
    is_open: bool,
    /// At most one entry for each packet id: a token acknowledges once, and an id is free again only afterwards.
    ids: Vec<u64>,
}

impl Lane {
    pub(super) fn open() -> Self {
        Self { waiting: Mutex::new(Waiting { is_open: true, ids: Vec::new() }), wake: Notify::new() }
    }

    /// Waits until there is something to take.
    pub(super) async fn filled(&self) {
        self.wake.notified().await;
    }

    /// Moves what waits into `ids`, which must be empty.
    pub(super) fn take(&self, ids: &mut Vec<u64>) {
        std::mem::swap(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner).ids, ids);
    }

    pub(super) fn close(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.is_open = false;
        waiting.ids = Vec::new();
    }
}

impl AckLane for Lane {
    fn acknowledge(&self, ids: &[u64]) {
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if !waiting.is_open {
                return;
            }
            waiting.ids.extend_from_slice(ids);
        }
        self.wake.notify_one();
    }
}

/// The packet ids handed on and not yet acknowledged, one bit each.
pub(super) struct Outstanding {
    bits: Vec<u64>,
    count: u64,
}

impl Outstanding {
    pub(super) fn new() -> Self {
        Self { bits: vec![0; (usize::from(u16::MAX) + 1) / 64], count: 0 }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn insert(&mut self, packet_id: u16) {
        if let Some(word) = self.bits.get_mut(usize::from(packet_id) / 64) {
            let bit = 1 << (packet_id % 64);
            self.count += u64::from(*word & bit == 0);
            *word |= bit;
        }
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, packet_id: u16) -> bool {
        let Some(word) = self.bits.get_mut(usize::from(packet_id) / 64) else { return false };
        let bit = 1 << (packet_id % 64);
        let was_there = *word & bit != 0;
        *word &= !bit;
        self.count -= u64::from(was_there);
        was_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_lane_takes_nothing() {
        let lane = Lane::open();
        let mut ids = Vec::new();
        lane.acknowledge(&[1, 2]);
        lane.take(&mut ids);
        assert_eq!(ids, [1, 2]);
        ids.clear();
        lane.acknowledge(&[3]);
        lane.close();
        lane.acknowledge(&[4]);
        lane.take(&mut ids);
        assert_eq!(ids, [0_u64; 0]);
    }

    #[test]
    fn outstanding_ids_count_once() {
        let mut outstanding = Outstanding::new();
        for packet_id in [1, 64, 65535, 64] {
            outstanding.insert(packet_id);
        }
        assert_eq!(outstanding.count(), 3);
        assert!(outstanding.remove(64) && !outstanding.remove(64) && !outstanding.remove(2));
        assert_eq!(outstanding.count(), 2);
    }
}
