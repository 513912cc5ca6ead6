//! Residual chlorine on its way: mixed at every node and in every tank, used up on the way. Must not know what draws
//! the water.

use crate::network::{Hydraulics, add, get, set};
use crate::tanks::Tank;
use crate::town::{LinkKind, NodeKind, Town};

/// Share of chlorine used up each second in tanks.
const DECAY_TANK: f64 = 0.50 / 86_400.0;
/// Share used up each second in mains: the water's own and the walls'.
const DECAY_MAIN: f64 = 2.6 / 86_400.0;
/// Sweeps from node to node in one step; a change passes a few mains in each.
const SWEEPS: usize = 3;

/// What carries and uses up chlorine in one step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passage<'a> {
    pub(crate) town: &'a Town,
    pub(crate) mixing: &'a Mixing,
    pub(crate) hydraulics: &'a Hydraulics,
    pub(crate) tanks: &'a [Tank],
    /// What leaves the works, mg/L.
    pub(crate) dose: f64,
    /// Share that each area uses up a second beside the usual.
    pub(crate) extra: [f64; 5],
    pub(crate) secs: f64,
}

/// Chlorine everywhere, mg/L.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Chlorine {
    /// At every node.
    pub(crate) nodes: Vec<f64>,
    /// In every tank.
    pub(crate) tanks: Vec<f64>,
}

/// What each node mixes: half of each main that ends there.
#[derive(Debug, Clone)]
pub(crate) struct Mixing {
    volumes_m3: Vec<f64>,
}

impl Mixing {
    pub(crate) fn new(town: &Town) -> Self {
        let mut volumes_m3 = vec![0.5; town.nodes.len()];
        for link in &town.links {
            if let LinkKind::Main { volume_m3, .. } = link.kind {
                add(&mut volumes_m3, link.from, volume_m3 / 2.0);
                add(&mut volumes_m3, link.to, volume_m3 / 2.0);
            }
        }
        Self { volumes_m3 }
    }
}

impl Chlorine {
    /// About what it is on an ordinary day.
    pub(crate) fn first(town: &Town) -> Self {
        Self { nodes: vec![0.5; town.nodes.len()], tanks: vec![0.60, 0.50, 0.46, 0.48] }
    }

    /// Lets a step's flows run.
    pub(crate) fn pass(&mut self, passage: &Passage<'_>) {
        let Passage { town, hydraulics, tanks, secs, .. } = *passage;
        for (node, spec) in town.nodes.iter().enumerate() {
            if let NodeKind::TankOutlet(tank) = spec.kind {
                set(&mut self.nodes, node, get(&self.tanks, tank));
            }
        }
        let before = self.nodes.clone();
        for _ in 0..SWEEPS {
            self.sweep(passage, &before);
        }
        for (node, spec) in town.nodes.iter().enumerate() {
            let NodeKind::TankInlet(tank) = spec.kind else { continue };
            let inflow: f64 = town
                .links
                .iter()
                .enumerate()
                .filter(|(_, link)| link.to == node)
                .map(|(link, _)| get(&hydraulics.flows, link).max(0.0))
                .sum();
            let held = tanks.get(tank).map_or(1.0, |tank| tank.volume_m3).max(1.0);
            let mixed =
                (held * get(&self.tanks, tank) + inflow * secs * get(&self.nodes, node)) / (held + inflow * secs);
            set(&mut self.tanks, tank, mixed / (1.0 + DECAY_TANK * secs));
        }
    }

    fn sweep(&mut self, passage: &Passage<'_>, before: &[f64]) {
        let Passage { town, mixing, hydraulics, dose, extra, secs, .. } = *passage;
        let mut inflow = vec![0.0; town.nodes.len()];
        let mut carried = vec![0.0; town.nodes.len()];
        for (link, ends) in town.links.iter().enumerate() {
            let flow = get(&hydraulics.flows, link);
            let (from, to) = if flow >= 0.0 { (ends.from, ends.to) } else { (ends.to, ends.from) };
            add(&mut inflow, to, flow.abs());
            add(&mut carried, to, flow.abs() * get(&self.nodes, from));
        }
        for (node, spec) in town.nodes.iter().enumerate() {
            let now = match spec.kind {
                NodeKind::River => 0.0,
                NodeKind::TankOutlet(_) => continue,
                _ if spec.key == "WOUT" => dose,
                _ => {
                    let volume = get(&mixing.volumes_m3, node);
                    let more = spec.area.and_then(|area| extra.get(area)).copied().unwrap_or(0.0);
                    let decay = (DECAY_MAIN + more) * secs;
                    (volume * get(before, node) + secs * get(&carried, node))
                        / (volume * (1.0 + decay) + secs * get(&inflow, node))
                }
            };
            set(&mut self.nodes, node, now);
        }
    }
}
