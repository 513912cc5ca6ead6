//! Flows and heads of the network at one moment: every main, pump and valve obeys its curve and every node its
//! balance (the gradient method of Todini and Pilati, 1988). Must not know demand patterns, control or time.

use crate::town::{LinkKind, NodeKind, Town};

/// Loss of a shut link in m per m³/s: some litres a day go through.
const SHUT: f64 = 1e8;
/// Least slope of a loss curve, so that a standing main can still be solved for.
const LEAST_SLOPE: f64 = 1.0;
/// Iterations at most; a step from a warm start needs three or four.
const ITERATIONS: usize = 60;

/// What holds at the moment that is solved for, beside the pipes themselves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Boundary {
    /// Head of each node that is not free, m; others are ignored.
    pub(crate) heads: Vec<f64>,
    /// What is used at each node, m³/s.
    pub(crate) demand: Vec<f64>,
    /// What leaks at each node for every metre of pressure, m²/s.
    pub(crate) leak: Vec<f64>,
    /// What a break at each node loses at 1 m of pressure, m^2.5/s; it grows with the root of the pressure.
    pub(crate) breaks: Vec<f64>,
    /// Each link's curve.
    pub(crate) curves: Vec<Curve>,
}

/// How a link loses head.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Curve {
    /// `r` × Q^1.852.
    Main(f64),
    /// `r` × Q².
    Local(f64),
    /// Gains `shutoff` − `slope` × Q².
    Pump { shutoff: f64, slope: f64 },
    /// Lets nothing through.
    Shut,
}

impl Curve {
    /// Loss in m at flow `q` in m³/s, and its slope.
    fn loss(self, q: f64) -> (f64, f64) {
        match self {
            Self::Main(r) => {
                let term = r * q.abs().powf(0.852);
                (term * q, (1.852 * term).max(LEAST_SLOPE))
            }
            Self::Local(r) => (r * q.abs() * q, (2.0 * r * q.abs()).max(LEAST_SLOPE)),
            Self::Pump { shutoff, slope } => {
                (slope * q.abs() * q - shutoff, (2.0 * slope * q.abs()).max(20.0 * LEAST_SLOPE))
            }
            Self::Shut => (SHUT * q, SHUT),
        }
    }
}

/// The network's flows and heads.
#[derive(Debug, Clone)]
pub(crate) struct Hydraulics {
    /// Head of every node above the sea, m.
    pub(crate) heads: Vec<f64>,
    /// Flow of every link in its direction, m³/s.
    pub(crate) flows: Vec<f64>,
    /// What leaks away at every node, m³/s.
    pub(crate) leaked: Vec<f64>,
    /// What a break loses at every node, m³/s.
    pub(crate) broken: Vec<f64>,
    ground: Vec<f64>,
    islands: Vec<Island>,
}

/// Free nodes that reach each other without passing a tank or the river: solved on their own.
#[derive(Debug, Clone)]
struct Island {
    nodes: Vec<usize>,
    links: Vec<Ends>,
}

/// A link of an island: its place among all links, its nodes, and their rows where they are free.
#[derive(Debug, Clone, Copy)]
struct Ends {
    link: usize,
    from: usize,
    to: usize,
    from_row: Option<usize>,
    to_row: Option<usize>,
}

impl Hydraulics {
    /// The town at rest.
    pub(crate) fn new(town: &Town) -> Self {
        let ground: Vec<f64> = town.nodes.iter().map(|node| node.ground_m).collect();
        Self {
            heads: ground.iter().map(|ground| ground + 30.0).collect(),
            flows: town
                .links
                .iter()
                .map(|link| if matches!(link.kind, LinkKind::Pumps(_)) { 0.05 } else { 0.01 })
                .collect(),
            leaked: vec![0.0; ground.len()],
            broken: vec![0.0; ground.len()],
            ground,
            islands: islands(town),
        }
    }

    /// Pressure at a node in m of water.
    pub(crate) fn pressure(&self, node: usize) -> f64 {
        get(&self.heads, node) - get(&self.ground, node)
    }

    /// Solves for what holds now, starting from the moment before.
    pub(crate) fn solve(&mut self, boundary: &Boundary) {
        for (node, head) in boundary.heads.iter().enumerate() {
            if head.is_finite() {
                set(&mut self.heads, node, *head);
            }
        }
        let islands = std::mem::take(&mut self.islands);
        for island in &islands {
            self.solve_island(island, boundary);
        }
        self.islands = islands;
    }

    fn solve_island(&mut self, island: &Island, boundary: &Boundary) {
        let size = island.nodes.len();
        let mut matrix = vec![0.0; size * size];
        let mut right = vec![0.0; size];
        for _ in 0..ITERATIONS {
            matrix.fill(0.0);
            right.fill(0.0);
            self.assemble(island, boundary, &mut matrix, &mut right);
            solve_in_place(&mut matrix, &mut right, size);
            for (row, node) in island.nodes.iter().enumerate() {
                set(&mut self.heads, *node, get(&right, row));
            }
            let (moved, total) = self.update_flows(island, boundary);
            if moved <= 1e-7 * total.max(1e-3) {
                break;
            }
        }
    }

    /// The balance of every free node, with each curve replaced by its tangent.
    fn assemble(&self, island: &Island, boundary: &Boundary, matrix: &mut [f64], right: &mut [f64]) {
        let size = island.nodes.len();
        for ends in &island.links {
            let flow = get(&self.flows, ends.link);
            let (loss, slope) = curve(boundary, ends.link).loss(flow);
            let gain = 1.0 / slope;
            let rest = flow - loss * gain;
            for (row, other_row, other, sign) in
                [(ends.from_row, ends.to_row, ends.to, -1.0), (ends.to_row, ends.from_row, ends.from, 1.0)]
            {
                let Some(row) = row else { continue };
                add(matrix, row * size + row, gain);
                add(right, row, sign * rest);
                match other_row {
                    Some(other_row) => add(matrix, row * size + other_row, -gain),
                    None => add(right, row, gain * get(&self.heads, other)),
                }
            }
        }
        for (row, node) in island.nodes.iter().enumerate() {
            add(right, row, -get(&boundary.demand, *node));
            let ground = get(&self.ground, *node);
            let leak = get(&boundary.leak, *node);
            if leak > 0.0 && get(&self.heads, *node) > ground {
                add(matrix, row * size + row, leak);
                add(right, row, leak * ground);
            }
            let size_of_break = get(&boundary.breaks, *node);
            if size_of_break > 0.0 {
                let (gain, rest) = tangent_of_break(size_of_break, get(&self.broken, *node));
                add(matrix, row * size + row, gain);
                add(right, row, gain * ground - rest);
            }
        }
    }

    /// Follows the tangents to the new heads; returns how much the flows moved and what they sum to.
    fn update_flows(&mut self, island: &Island, boundary: &Boundary) -> (f64, f64) {
        let (mut moved, mut total) = (0.0, 0.0);
        for ends in &island.links {
            let flow = get(&self.flows, ends.link);
            let (loss, slope) = curve(boundary, ends.link).loss(flow);
            let drop = get(&self.heads, ends.from) - get(&self.heads, ends.to);
            let next = flow - (loss - drop) / slope;
            set(&mut self.flows, ends.link, next);
            moved += (next - flow).abs();
            total += next.abs();
        }
        for node in &island.nodes {
            let pressure = self.pressure(*node);
            // Exactly what the solved equations took away, so that the balance closes to the last digit.
            let leak = get(&boundary.leak, *node);
            let leaked = if leak > 0.0 { leak * pressure } else { 0.0 };
            let before = get(&self.leaked, *node);
            let leaked = if leaked < 0.0 && before <= 0.0 { 0.0 } else { leaked };
            set(&mut self.leaked, *node, leaked);
            let size_of_break = get(&boundary.breaks, *node);
            let broken = get(&self.broken, *node);
            let next = if size_of_break > 0.0 {
                let (gain, rest) = tangent_of_break(size_of_break, broken);
                gain * pressure + rest
            } else {
                0.0
            };
            moved += (next - broken).abs();
            set(&mut self.broken, *node, next);
        }
        (moved, total)
    }
}

/// A break as a tangent: flow is `gain` × pressure + `rest`.
fn tangent_of_break(size: f64, flow: f64) -> (f64, f64) {
    let r = 1.0 / (size * size);
    let slope = (2.0 * r * flow.abs()).max(LEAST_SLOPE);
    (1.0 / slope, flow - r * flow.abs() * flow / slope)
}

fn curve(boundary: &Boundary, link: usize) -> Curve {
    boundary.curves.get(link).copied().unwrap_or(Curve::Shut)
}

/// Solves a symmetric positive definite system in place (Cholesky); the solution replaces `right`.
fn solve_in_place(matrix: &mut [f64], right: &mut [f64], size: usize) {
    for column in 0..size {
        let (done, rest) = matrix.split_at_mut(column * size);
        let Some(own) = rest.get_mut(..size) else { return };
        // Row `column` of the factor: each entry less what the rows above already explain.
        for row in 0..column {
            let Some(upper) = done.get(row * size..(row + 1) * size) else { return };
            let explained: f64 = upper.iter().zip(own.iter()).take(row).map(|(a, b)| a * b).sum();
            let value = (get(own, row) - explained) / get(upper, row).max(1e-12);
            set(own, row, value);
        }
        let explained: f64 = own.iter().take(column).map(|value| value * value).sum();
        let diagonal = (get(own, column) - explained).max(1e-12).sqrt();
        set(own, column, diagonal);
        let known: f64 = own.iter().zip(right.iter()).take(column).map(|(a, b)| a * b).sum();
        let value = (get(right, column) - known) / diagonal;
        set(right, column, value);
    }
    for row in (0..size).rev() {
        let mut value = get(right, row);
        for below in row + 1..size {
            value -= get(matrix, below * size + row) * get(right, below);
        }
        set(right, row, value / get(matrix, row * size + row).max(1e-12));
    }
}

fn islands(town: &Town) -> Vec<Island> {
    let free = |node: usize| town.nodes.get(node).is_some_and(|node| node.kind == NodeKind::Free);
    let mut island_of: Vec<Option<usize>> = vec![None; town.nodes.len()];
    let mut islands: Vec<Island> = Vec::new();
    for start in 0..town.nodes.len() {
        if !free(start) || island_of.get(start).copied().flatten().is_some() {
            continue;
        }
        let mut nodes = vec![start];
        let mut next = 0;
        while let Some(node) = nodes.get(next).copied() {
            next += 1;
            if let Some(slot) = island_of.get_mut(node) {
                *slot = Some(islands.len());
            }
            for link in &town.links {
                for (own, other) in [(link.from, link.to), (link.to, link.from)] {
                    if own == node && free(other) && !nodes.contains(&other) {
                        nodes.push(other);
                    }
                }
            }
        }
        let row = |node: usize| nodes.iter().position(|known| *known == node);
        let links = town
            .links
            .iter()
            .enumerate()
            .map(|(link, ends)| Ends {
                link,
                from: ends.from,
                to: ends.to,
                from_row: row(ends.from),
                to_row: row(ends.to),
            })
            .filter(|ends| ends.from_row.is_some() || ends.to_row.is_some())
            .collect();
        islands.push(Island { nodes, links });
    }
    islands
}

/// The value at `index`; 0 beyond the end.
pub(crate) fn get(values: &[f64], index: usize) -> f64 {
    values.get(index).copied().unwrap_or(0.0)
}

/// Sets the value at `index`, where there is one.
pub(crate) fn set(values: &mut [f64], index: usize, value: f64) {
    if let Some(slot) = values.get_mut(index) {
        *slot = value;
    }
}

/// Adds to the value at `index`, where there is one.
pub(crate) fn add(values: &mut [f64], index: usize, value: f64) {
    if let Some(slot) = values.get_mut(index) {
        *slot += value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_solved() {
        // 4 -1 0 / -1 4 -1 / 0 -1 4, solution 1 2 3.
        let mut matrix = vec![4.0, -1.0, 0.0, -1.0, 4.0, -1.0, 0.0, -1.0, 4.0];
        let mut right = vec![2.0, 4.0, 10.0];
        solve_in_place(&mut matrix, &mut right, 3);
        for (found, wanted) in right.iter().zip([1.0, 2.0, 3.0]) {
            assert!((found - wanted).abs() < 1e-12, "{found} {wanted}");
        }
    }

    #[test]
    fn slopes_are_the_derivatives_of_losses() {
        for curve in [Curve::Main(900.0), Curve::Local(6_000.0), Curve::Pump { shutoff: 40.0, slope: 4_000.0 }] {
            for q in [0.02, 0.08, -0.03] {
                let step = 1e-7;
                let measured = (curve.loss(q + step).0 - curve.loss(q - step).0) / (2.0 * step);
                let (_, slope) = curve.loss(q);
                assert!((measured - slope).abs() < 1e-3 * slope, "{curve:?} at {q}: {measured} {slope}");
            }
        }
    }

    #[test]
    fn tanks_and_the_river_part_the_town_into_islands() {
        let hydraulics = Hydraulics::new(&Town::nandipur());
        // Raw water, PS-2 with its trunk, PS-3's two sides joined by it, and one for each area.
        assert_eq!(hydraulics.islands.len(), 8);
        let nodes: usize = hydraulics.islands.iter().map(|island| island.nodes.len()).sum();
        let free = Town::nandipur().nodes.iter().filter(|node| node.kind == NodeKind::Free).count();
        assert_eq!(nodes, free);
    }
}
