//! One value of one point at one time.

use serde::{Deserialize, Serialize};

use crate::{PointNo, Quality, Timestamp};

/// One value of one point at one time. Its key is point and source time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Whose value it is.
    pub point: PointNo,
    /// When the device says it was measured; the received time where it says nothing.
    pub source_time: Timestamp,
    /// When it reached this station.
    pub received_time: Timestamp,
    /// The value in the SI unit of the point's quantity, always finite; none where the device is disconnected or said
    /// nothing usable.
    pub value: Option<f64>,
    /// How far the value can be trusted.
    pub quality: Quality,
}

impl Sample {
    /// The value where a process alarm may look at it.
    pub fn trusted(&self) -> Option<f64> {
        self.value.filter(|_| self.quality.is_good())
    }
}
