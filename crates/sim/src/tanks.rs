//! The tanks: what flows in less what flows out is what they hold more of. Must not know pumps or valves.

use crate::town::{TANKS, TankSpec};

/// What a tank holds.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Tank {
    pub(crate) volume_m3: f64,
    /// What runs over at present, m³/s.
    pub(crate) overflow_m3s: f64,
}

impl Tank {
    /// As full as its specification says at the beginning.
    pub(crate) fn first(spec: &TankSpec) -> Self {
        Self { volume_m3: spec.capacity_m3 * spec.first_filling, overflow_m3s: 0.0 }
    }

    /// Share of its capacity that it holds, 0 to 1.
    pub(crate) fn filling(&self, spec: &TankSpec) -> f64 {
        self.volume_m3 / spec.capacity_m3
    }

    /// Level above its floor in m.
    pub(crate) fn level_m(&self, spec: &TankSpec) -> f64 {
        self.filling(spec) * spec.height_m
    }

    /// Lets `inflow` and `outflow` in m³/s run for `secs`; what it cannot hold runs over.
    pub(crate) fn pass(&mut self, spec: &TankSpec, inflow: f64, outflow: f64, secs: f64) {
        let volume = self.volume_m3 + (inflow - outflow) * secs;
        let over = (volume - spec.capacity_m3).max(0.0);
        self.overflow_m3s = if secs > 0.0 { over / secs } else { 0.0 };
        self.volume_m3 = volume - over;
    }
}

/// How far a tank's outlet is open, 0 to 1: it draws air below a hand's breadth and so cannot run below its floor.
pub(crate) fn outlet_opening(level_m: f64) -> f64 {
    ((level_m - 0.02) / 0.25).clamp(0.0, 1.0)
}

/// How far a tank's inlet valve is open, 0 to 1: it begins to shut below the top and is shut before the overflow.
pub(crate) fn inlet_opening(filling: f64) -> f64 {
    ((0.93 - filling) / 0.12).clamp(0.0, 1.0)
}

/// Every tank at the beginning.
pub(crate) fn all() -> Vec<Tank> {
    TANKS.iter().map(Tank::first).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_and_does_not_go_out_stays_or_runs_over() {
        let spec = &TANKS[1];
        let mut tank = Tank { volume_m3: 1_099.0, overflow_m3s: 0.0 };
        tank.pass(spec, 0.1, 0.04, 60.0);
        assert!((tank.volume_m3 - 1_100.0).abs() < 1e-9);
        assert!((tank.overflow_m3s * 60.0 - 2.6).abs() < 1e-9);
        tank.pass(spec, 0.0, 0.05, 60.0);
        assert!((tank.volume_m3 - 1_097.0).abs() < 1e-9);
        assert_eq!(tank.overflow_m3s, 0.0);
    }

    #[test]
    fn valves_shut_before_the_ends() {
        assert_eq!(inlet_opening(0.5), 1.0);
        assert_eq!(inlet_opening(0.94), 0.0);
        assert_eq!(outlet_opening(0.01), 0.0);
        assert_eq!(outlet_opening(1.0), 1.0);
    }
}
