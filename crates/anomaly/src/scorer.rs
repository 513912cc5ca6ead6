//! How far each row of an asset lies from what its model expects, seen in several ways at once: each point in this row,
//! and over about twenty against its peers alone; all points by T2 and Q. A row is first taken apart: a point that does
//! not fit is put where the others expect it before the others are judged, so that one odd point does not make its
//! neighbours look odd, and it stays out of its own past for two rows, so that a spike leaves no echo, and longer where
//! it lies where none ever lay. Must not know units or thresholds other than the bounds that it is given.

use serde::{Deserialize, Serialize};

use crate::model::Model;
use crate::window::{Shape, Window};

/// The state that scoring keeps between rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scorer {
    window: Window,
    pub(crate) traces: Vec<Trace>,
    within: Recent,
    beside: Recent,
    #[serde(skip)]
    scratch: Scratch,
}

/// What is known of one target, in standard deviations unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Trace {
    /// Of this row.
    pub(crate) step: f64,
    /// From the peers alone, over about twenty rows.
    pub(crate) level: f64,
    /// Where the value was expected, in the model's units.
    pub(crate) expected: f64,
    suspects: u8,
    is_held_back: bool,
    /// Least and greatest ordinary value.
    low: f64,
    high: f64,
}

/// The newest five of a distance.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Recent {
    newest: [f64; 5],
    next: u8,
}

/// Room to work in, kept so that a row allocates nothing.
#[derive(Debug, Clone, Default)]
struct Scratch {
    predicted: Vec<f64>,
    deviations: Vec<f64>,
    pulls: Vec<f64>,
    is_held: Vec<bool>,
    targets: Vec<f64>,
    components: Vec<f64>,
}

/// Ways to see one target.
pub(crate) const WAYS: usize = 2;
/// Rows that a suspect value is kept out of its own past for.
const HELD_ROWS: u8 = 2;
/// The same for a value that lies this part of the ordinary range outside of it.
const FAR_OUT_ROWS: u8 = 24;
const FAR_OUT: f64 = 0.25;
/// A deviation counts no more than this in what is looked at over many rows.
const MOST: f64 = 8.0;
/// Share of the newest row in what is looked at over some.
const LEVEL: f64 = 0.1;
/// What lasts counts up to so many times its bound: it must be over soon after its cause.
const SATURATED: f64 = 2.0;
const SWEEPS: usize = 3;

impl Scorer {
    /// For targets that ordinarily lie between these values, in the model's units.
    pub(crate) fn new(shape: Shape, ranges: impl Iterator<Item = (f64, f64)>) -> Self {
        Self {
            window: Window::new(shape),
            traces: ranges.map(|(low, high)| Trace { low, high, ..Trace::default() }).collect(),
            within: Recent::default(),
            beside: Recent::default(),
            scratch: Scratch::default(),
        }
    }

    /// Takes a row: targets with NaN where missing, statuses, and how many standard deviations each target may be off.
    /// Says whether there was past enough to judge it.
    pub(crate) fn take(
        &mut self,
        model: &Model,
        targets: &[f64],
        statuses: &[f64],
        bounds: impl Fn(usize, usize) -> f64,
    ) -> bool {
        let width = model.shape.targets;
        self.scratch.resize(width, model.component_columns());
        self.window.advance(statuses.iter().copied());
        if !self.window.is_full() {
            for (place, value) in self.scratch.targets.iter_mut().zip(targets) {
                *place = if value.is_finite() { *value } else { 0.0 };
            }
            self.window.set_targets(&self.scratch.targets);
            return false;
        }
        self.take_apart(model, targets, &bounds);
        let Scratch { deviations, predicted, targets: seen, components, .. } = &mut self.scratch;
        for (((seen, value), predicted), deviation) in seen.iter_mut().zip(targets).zip(&*predicted).zip(&*deviations) {
            *seen = if value.is_finite() { *value } else { predicted + deviation };
        }
        self.window.set_targets(seen);
        let (within, beside) = model.distances(self.window.columns(), components);
        self.within.take(within);
        self.beside.take(beside);
        self.follow(model, targets, &bounds);
        true
    }

    /// The newest rows, as they go into the model.
    pub(crate) fn window(&self) -> &Window {
        &self.window
    }

    pub(crate) fn break_off(&mut self) {
        self.window.break_off();
    }

    /// All scores: the ways of each target, then T2 and Q.
    pub(crate) fn scores(&self) -> impl Iterator<Item = f64> + '_ {
        let of_targets = self.traces.iter().flat_map(|trace| trace.ways());
        let (within, beside) = self.distances();
        of_targets.chain([within, beside]).map(f64::abs)
    }

    /// T2 and Q, the medians of five rows.
    pub(crate) fn distances(&self) -> (f64, f64) {
        (self.within.median(), self.beside.median())
    }

    /// What each target adds to the square of Q.
    pub(crate) fn parts(&mut self, model: &Model, parts: &mut Vec<f64>) {
        parts.clear();
        parts.resize(model.shape.targets, 0.0);
        model.parts(self.window.columns(), &mut self.scratch.components, parts);
    }

    /// Finds which targets do not fit, worst first, and where each is expected given those that do.
    fn take_apart(&mut self, model: &Model, targets: &[f64], bounds: &impl Fn(usize, usize) -> f64) {
        let Scratch { predicted, deviations, pulls, is_held, .. } = &mut self.scratch;
        model.predict(self.window.regressors(), predicted);
        let innovation = model.innovation();
        for (((deviation, held), value), predicted) in
            deviations.iter_mut().zip(is_held.iter_mut()).zip(targets).zip(&*predicted)
        {
            *held = !value.is_finite();
            *deviation = if *held { 0.0 } else { value - predicted };
        }
        innovation.pulls(deviations, pulls);
        let mut settle = |is_held: &[bool], pulls: &mut [f64]| {
            let held = is_held.iter().filter(|held| **held).count();
            for _ in 0..if held > 1 { SWEEPS } else { held } {
                for (index, _) in is_held.iter().enumerate().filter(|(_, held)| **held) {
                    innovation.settle(index, deviations, pulls);
                }
            }
        };
        settle(&*is_held, pulls);
        // More than half that do not fit is no odd point but another plant.
        for _ in 0..targets.len() / 2 {
            let mut worst = (1.0, None);
            for (index, ((pull, sigma), held)) in pulls.iter().zip(&innovation.sigmas).zip(&*is_held).enumerate() {
                let ratio = (pull * sigma).abs() / bounds(index, 0);
                if !held && ratio > worst.0 {
                    worst = (ratio, Some(index));
                }
            }
            let Some(held) = worst.1.and_then(|index| is_held.get_mut(index)) else { break };
            *held = true;
            settle(&*is_held, pulls);
        }
        let parts = self.traces.iter_mut().zip(targets).zip(deviations.iter().zip(&*predicted));
        for (((trace, value), (deviation, predicted)), ((pull, sigma), held)) in
            parts.zip(pulls.iter().zip(&innovation.sigmas).zip(&*is_held))
        {
            trace.step = if !value.is_finite() {
                0.0
            } else if *held {
                (value - predicted - deviation) / sigma
            } else {
                pull * sigma
            };
            trace.expected = if value.is_finite() { value - trace.step * sigma } else { predicted + deviation };
        }
    }

    /// Moves what is looked at over many rows, and the window's newest row, without what is suspect.
    fn follow(&mut self, model: &Model, targets: &[f64], bounds: &impl Fn(usize, usize) -> f64) {
        let Scratch { deviations, pulls: levels, targets: seen, .. } = &mut self.scratch;
        for (index, (trace, seen)) in self.traces.iter_mut().zip(seen.iter_mut()).enumerate() {
            let is_suspect = trace.step.abs() > bounds(index, 0);
            trace.suspects = if is_suspect { trace.suspects.saturating_add(1) } else { 0 };
            trace.is_held_back = is_suspect && trace.suspects <= trace.held_rows(*seen);
            if trace.is_held_back {
                *seen = trace.expected;
            }
        }
        model.levels(seen, deviations, levels);
        for (index, ((trace, value), level)) in self.traces.iter_mut().zip(targets).zip(&*levels).enumerate() {
            let most = SATURATED * bounds(index, 1);
            trace.level = trace.level.clamp(-most, most);
            if value.is_finite() && !trace.is_held_back {
                trace.level += LEVEL * (level.clamp(-MOST, MOST) - trace.level);
            }
        }
        self.window.set_targets(seen);
    }

    pub(crate) fn is_sound(&self, shape: Shape) -> bool {
        self.window.is_sound(shape)
            && self.traces.len() == shape.targets
            && self
                .traces
                .iter()
                .flat_map(|trace| trace.ways().into_iter().chain([trace.expected, trace.low, trace.high]))
                .all(f64::is_finite)
            && [self.within, self.beside].iter().all(|recent| recent.newest.iter().all(|value| value.is_finite()))
    }
}

/// What is worked in is no part of the state.
impl PartialEq for Scratch {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Scratch {
    fn resize(&mut self, targets: usize, components: usize) {
        if self.predicted.len() != targets || self.components.len() != components {
            for values in [&mut self.predicted, &mut self.deviations, &mut self.pulls, &mut self.targets] {
                values.resize(targets, 0.0);
            }
            self.is_held.resize(targets, false);
            self.components.resize(components, 0.0);
        }
    }
}

impl Trace {
    /// For how many rows a suspect value is kept out of its own past: one that lies where none ever lay is more likely
    /// no value at all than a new course to follow.
    fn held_rows(&self, value: f64) -> u8 {
        let margin = FAR_OUT * (self.high - self.low);
        if value < self.low - margin || value > self.high + margin { FAR_OUT_ROWS } else { HELD_ROWS }
    }

    /// The value was an ordinary one.
    pub(crate) fn widen(&mut self, value: f64) {
        if value.is_finite() {
            self.low = self.low.min(value);
            self.high = self.high.max(value);
        }
    }

    pub(crate) fn ways(&self) -> [f64; WAYS] {
        [self.step, self.level]
    }
}

impl Recent {
    fn take(&mut self, value: f64) {
        if let Some(slot) = self.newest.get_mut(usize::from(self.next)) {
            *slot = value.min(1e9);
        }
        self.next = (self.next + 1) % 5;
    }

    fn median(&self) -> f64 {
        let mut sorted = self.newest;
        sorted.sort_unstable_by(f64::total_cmp);
        let [_, _, median, _, _] = sorted;
        median
    }
}
