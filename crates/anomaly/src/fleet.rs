//! The detectors of a station, by point number, and their snapshots. Must not know where a snapshot is kept.

use penstock_model::{Band, PointNo, Sample, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Config, Detector, Error, State, Verdict};

/// The version that snapshots are written in. Changes with every change to what a detector keeps.
pub const SNAPSHOT_VERSION: u16 = 1;

/// Point numbers are handed out in sequence; one beyond this is a mistake, not a reason to fill the memory.
const MOST_POINTS: usize = 1 << 20;

/// The detectors of a station.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fleet {
    detectors: Vec<Option<Box<Detector>>>,
}

/// All that the detectors of a station have learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`SNAPSHOT_VERSION`] of the writer.
    pub version: u16,
    /// The detectors, by ascending point number.
    pub detectors: Vec<(PointNo, Detector)>,
}

impl Fleet {
    /// No point is watched yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Watches a point; one that is watched already keeps what it has learned.
    pub fn watch(&mut self, point: PointNo, config: Config) {
        let Some(index) = index(point) else { return };
        if self.detectors.len() <= index {
            self.detectors.resize_with(index + 1, || None);
        }
        if let Some(slot) = self.detectors.get_mut(index) {
            slot.get_or_insert_with(|| Box::new(Detector::new(config)));
        }
    }

    /// Forgets a point.
    pub fn forget(&mut self, point: PointNo) {
        if let Some(slot) = index(point).and_then(|index| self.detectors.get_mut(index)) {
            *slot = None;
        }
    }

    /// Judges a sample and learns from it; of a point that is not watched there is nothing to say.
    pub fn observe(&mut self, sample: &Sample) -> Verdict {
        match index(sample.point).and_then(|index| self.detectors.get_mut(index)) {
            Some(Some(detector)) => detector.observe(sample),
            _ => Verdict::silent(State::NotEnoughToSay, 0.0),
        }
    }

    /// A point's detector.
    pub fn detector(&self, point: PointNo) -> Option<&Detector> {
        self.detectors.get(index(point)?)?.as_deref()
    }

    /// See [`Detector::expected_at`].
    pub fn expected_at(&self, point: PointNo, at: Timestamp) -> Option<Band> {
        self.detector(point)?.expected_at(at)
    }

    /// All that was learned, to be kept over a restart.
    pub fn snapshot(&self) -> Snapshot {
        let numbered = (0_i32..).zip(&self.detectors);
        let detectors =
            numbered.filter_map(|(number, detector)| Some((PointNo(number), detector.as_deref()?.clone()))).collect();
        Snapshot { version: SNAPSHOT_VERSION, detectors }
    }

    /// Goes on from a snapshot. A detector in it that is damaged is left out; watching its point again starts anew.
    ///
    /// # Errors
    /// [`Error::Version`] where another version wrote it.
    pub fn restore(snapshot: Snapshot) -> Result<Self, Error> {
        if snapshot.version != SNAPSHOT_VERSION {
            return Err(Error::Version { found: snapshot.version, expected: SNAPSHOT_VERSION });
        }
        let mut fleet = Self::new();
        for (point, detector) in snapshot.detectors {
            if !detector.is_sound() {
                continue;
            }
            let Some(index) = index(point) else { continue };
            if fleet.detectors.len() <= index {
                fleet.detectors.resize_with(index + 1, || None);
            }
            if let Some(slot) = fleet.detectors.get_mut(index) {
                *slot = Some(Box::new(detector));
            }
        }
        Ok(fleet)
    }
}

fn index(point: PointNo) -> Option<usize> {
    usize::try_from(point.0).ok().filter(|index| *index < MOST_POINTS)
}
