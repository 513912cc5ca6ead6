//! What is fitted from a stretch of history: the frame that values are brought into, the model, and the limits of every
//! score. The limits come from rows that the model they are scored by was not fitted on: the stretch is cut into parts,
//! and each part is scored by a model of the others. A way of looking whose scores grow on rows not seen thereby gets a
//! wider limit, and so less of a say. Must not know time.

use serde::{Deserialize, Serialize};

use crate::history::History;
use crate::limits::Limit;
use crate::model::Model;
use crate::moments::Moments;
use crate::scorer::{Scorer, WAYS};
use crate::window::Shape;

/// Everything fitted, and the sums that it is refitted from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Baseline {
    pub(crate) frame: Frame,
    pub(crate) model: Model,
    pub(crate) moments: Moments,
    /// One for each score, in their order.
    pub(crate) limits: Vec<Limit>,
    /// Of the largest score of any point, in parts of its limit.
    pub(crate) worst: Limit,
    pub(crate) scorer: Scorer,
    /// Rows fitted from.
    pub(crate) rows: usize,
    /// Share of each target's scatter that the model explains on rows not seen, 0 to 1.
    pub(crate) explained: Vec<f32>,
    /// How many times larger the scores were on rows not seen.
    pub(crate) inflation: f32,
}

/// How values are brought to a common size. It stays while a model is refitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Frame {
    pub(crate) targets: Vec<Scale>,
    pub(crate) statuses: Vec<Scale>,
}

/// A point's mean and spread, in its own unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scale {
    pub(crate) mean: f64,
    /// Zero where the point did not move.
    pub(crate) spread: f64,
    /// Smallest difference between two values: the instrument's resolution.
    pub(crate) resolution: f64,
    low: f64,
    high: f64,
}

/// Parts that a stretch is cut into.
const FOLDS: usize = 5;
/// Part of the stretch after which a row counts half.
const HALF_STRETCH: f64 = 0.25;
/// Rows without which nothing can be fitted.
const LEAST_ROWS: usize = 30;
/// Values further out than this many spreads are brought in to it.
const FURTHEST: f64 = 30.0;
/// Deviations up to which a row is ordinary before there is a limit.
const FIRST_BOUND: f64 = 5.0;

impl Scale {
    /// In spreads; NaN where the value is missing, nothing where the point did not move.
    pub(crate) fn apply(&self, value: f64) -> f64 {
        if self.spread > 0.0 {
            ((value - self.mean) / self.spread).clamp(-FURTHEST, FURTHEST)
        } else if value.is_finite() {
            0.0
        } else {
            value
        }
    }

    /// Whether it stood at one value.
    pub(crate) fn never_moved(&self) -> bool {
        self.resolution <= 0.0
    }

    pub(crate) fn value_of(&self, applied: f64) -> f64 {
        self.mean + applied * self.spread
    }

    /// The least and the greatest value that was seen, in spreads.
    fn range(&self) -> (f64, f64) {
        (self.apply(self.low), self.apply(self.high))
    }

    /// Variance that the resolution alone makes, in spreads.
    fn floor(&self) -> f64 {
        if self.spread > 0.0 { (self.resolution / self.spread).powi(2) / 12.0 } else { 0.0 }
    }

    fn is_sound(&self) -> bool {
        self.mean.is_finite()
            && self.spread.is_finite()
            && self.spread >= 0.0
            && [self.resolution, self.low, self.high].iter().all(|value| value.is_finite())
    }
}

impl Frame {
    /// Of a history whose first columns are the targets.
    fn of(history: &History, shape: Shape) -> Self {
        let mut columns = vec![Column::default(); shape.targets + shape.statuses];
        history.each(|_, row| columns.iter_mut().zip(row).for_each(|(column, value)| column.take(*value)));
        let mut scales = columns.iter().map(|column| column.scale(history.kept()));
        Self { targets: scales.by_ref().take(shape.targets).collect(), statuses: scales.collect() }
    }

    pub(crate) fn floors(&self) -> Vec<f64> {
        self.targets.iter().map(Scale::floor).collect()
    }

    pub(crate) fn is_sound(&self, shape: Shape) -> bool {
        self.targets.len() == shape.targets
            && self.statuses.len() == shape.statuses
            && self.targets.iter().chain(&self.statuses).all(Scale::is_sound)
    }

    /// Brings a row into the frame, targets first.
    pub(crate) fn apply(&self, row: &[f64], applied: &mut [f64]) {
        let scales = self.targets.iter().chain(&self.statuses);
        for ((applied, value), scale) in applied.iter_mut().zip(row).zip(scales) {
            *applied = scale.apply(*value);
        }
    }
}

/// One column of a history.
#[derive(Debug, Clone, Copy, Default)]
struct Column {
    seen: usize,
    mean: f64,
    squares: f64,
    last: Option<f64>,
    resolution: f64,
    low: f64,
    high: f64,
}

impl Column {
    fn take(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.seen += 1;
        let off = value - self.mean;
        self.mean += off / self.seen as f64;
        self.squares += off * (value - self.mean);
        self.low = if self.seen == 1 { value } else { self.low.min(value) };
        self.high = if self.seen == 1 { value } else { self.high.max(value) };
        let step = (value - self.last.replace(value).unwrap_or(value)).abs();
        if step > 0.0 && (step < self.resolution || self.resolution <= 0.0) {
            self.resolution = step;
        }
    }

    /// A point that is hardly ever there cannot be judged.
    fn scale(&self, rows: usize) -> Scale {
        let spread = (self.squares / (self.seen.max(1)) as f64).max(0.0).sqrt();
        let is_there = self.seen * 2 > rows;
        let moves = is_there && spread.is_finite() && spread > self.mean.abs() * 1e-9 + f64::MIN_POSITIVE;
        let Self { mean, resolution, low, high, .. } = *self;
        Scale { mean, spread: if moves { spread } else { 0.0 }, resolution, low, high }
    }
}

impl Baseline {
    /// Fits from a history whose first columns are the targets; none where too few rows are complete.
    pub(crate) fn fit(history: &History, shape: Shape) -> Option<Self> {
        let frame = Frame::of(history, shape);
        let rows: usize = history.kept();
        let fold_of = |row: usize| (row * FOLDS / rows.max(1)).min(FOLDS - 1);
        let mut folds = vec![Moments::new(shape.columns()); FOLDS];
        let mut complete = 0;
        replay(history, shape, &frame, |row, window| {
            if let Some(fold) = folds.get_mut(fold_of(row)) {
                fold.take_part(window, part_of(row, rows));
                complete += 1;
            }
        });
        let mut moments = Moments::new(shape.columns());
        folds.iter().for_each(|fold| moments.add(fold));
        if complete < LEAST_ROWS {
            return None;
        }
        let floors = frame.floors();
        let model = Model::fit(shape, &moments, &floors)?;
        let others: Vec<Model> =
            folds.iter().filter_map(|fold| Model::fit(shape, &moments.without(fold), &floors)).collect();
        let seen = Scores::of(history, shape, &frame, |_| Some(&model));
        let unseen = Scores::of(history, shape, &frame, |row| others.get(fold_of(row)));
        if unseen.rows == 0 {
            return None;
        }
        let limits = unseen.limits();
        let worst = unseen.worst(&limits, shape);
        let inflation = seen.inflation(&limits);
        Some(Self {
            frame,
            model,
            moments,
            limits,
            worst,
            scorer: unseen.scorer,
            rows: complete,
            explained: unseen.explained,
            inflation,
        })
    }

    /// Fits the model again from what was learned since.
    pub(crate) fn refit(&mut self) {
        if let Some(model) = Model::fit(self.model.shape, &self.moments, &self.frame.floors()) {
            self.model = model;
        }
    }

    /// T2 and Q of the newest rows, in parts of their limits.
    pub(crate) fn distances(&self) -> (f64, f64) {
        let (within, beside) = self.scorer.distances();
        match self.limits.as_slice() {
            [.., of_within, of_beside] => (within / of_within.threshold(), beside / of_beside.threshold()),
            _ => (0.0, 0.0),
        }
    }

    /// Grows with the rows learned from, and shrinks by as much as scores grew on rows not seen.
    pub(crate) fn confidence(&self, learned: usize) -> f32 {
        let (rows, columns) = (learned as f64, self.model.shape.columns() as f64);
        ((rows / (rows + 5.0 * columns)) as f32 / self.inflation.max(1.0)).clamp(0.0, 1.0)
    }

    pub(crate) fn is_sound(&self, shape: Shape) -> bool {
        self.frame.is_sound(shape)
            && self.model.is_sound(shape)
            && self.moments.is_sound(shape.columns())
            && self.limits.len() == shape.targets * WAYS + 2
            && self.limits.iter().chain([&self.worst]).all(Limit::is_sound)
            && self.scorer.is_sound(shape)
            && self.explained.len() == shape.targets
            && self.explained.iter().all(|share| share.is_finite())
            && self.inflation.is_finite()
    }
}

/// How much a row of a stretch counts: what was last is nearest to what comes.
fn part_of(row: usize, rows: usize) -> f64 {
    (-(rows.saturating_sub(row) as f64) / (rows.max(1) as f64 * HALF_STRETCH)).exp2()
}

/// Calls with every complete window of a history.
fn replay(history: &History, shape: Shape, frame: &Frame, mut call: impl FnMut(usize, &[f64])) {
    let mut window = crate::window::Window::new(shape);
    let mut applied = vec![0.0; shape.targets + shape.statuses];
    let mut last = vec![0.0; shape.statuses];
    history.each(|row, values| {
        frame.apply(values, &mut applied);
        let (targets, statuses) = applied.split_at(shape.targets.min(applied.len()));
        hold(&mut last, statuses);
        window.advance(last.iter().copied());
        if targets.iter().all(|value| value.is_finite()) {
            window.set_targets(targets);
        } else {
            window.break_off();
        }
        if window.is_full() {
            call(row, window.columns());
        }
    });
}

/// A status that is missing is as it was.
pub(crate) fn hold(last: &mut [f64], statuses: &[f64]) {
    for (last, status) in last.iter_mut().zip(statuses) {
        if status.is_finite() {
            *last = *status;
        }
    }
}

/// The scores of a stretch of history, row by row.
struct Scores {
    scorer: Scorer,
    width: usize,
    rows: usize,
    values: Vec<f32>,
    explained: Vec<f32>,
}

impl Scores {
    fn of<'a>(history: &History, shape: Shape, frame: &Frame, model_of: impl Fn(usize) -> Option<&'a Model>) -> Self {
        let mut scorer = Scorer::new(shape, frame.targets.iter().map(Scale::range));
        let mut applied = vec![0.0; shape.targets + shape.statuses];
        let mut last = vec![0.0; shape.statuses];
        let width = shape.targets * WAYS + 2;
        let mut values = Vec::with_capacity(history.kept() * width);
        let (mut rows, mut missed) = (0, vec![0.0; shape.targets]);
        history.each(|row, given| {
            let Some(model) = model_of(row) else { return };
            frame.apply(given, &mut applied);
            let (targets, statuses) = applied.split_at(shape.targets.min(applied.len()));
            hold(&mut last, statuses);
            if targets.iter().all(|value| !value.is_finite()) {
                scorer.break_off();
            } else if scorer.take(model, targets, &last, |_, way| if way == 0 { FIRST_BOUND } else { f64::MAX }) {
                rows += 1;
                values.extend(scorer.scores().map(|score| score as f32));
                for ((missed, value), trace) in missed.iter_mut().zip(targets).zip(&scorer.traces) {
                    let off = value - trace.expected;
                    *missed += if off.is_finite() { off * off } else { 0.0 };
                }
            }
        });
        let explained =
            missed.iter().map(|missed| (1.0 - missed / f64::from(rows.max(1))).clamp(0.0, 1.0) as f32).collect();
        Self { scorer, width, rows: rows as usize, values, explained }
    }

    fn column(&self, index: usize) -> Vec<f64> {
        self.values.iter().skip(index).step_by(self.width.max(1)).map(|score| f64::from(*score)).collect()
    }

    fn limits(&self) -> Vec<Limit> {
        (0..self.width).map(|index| limit_of(&mut self.column(index))).collect()
    }

    /// Of the largest score of any point in a row.
    fn worst(&self, limits: &[Limit], shape: Shape) -> Limit {
        let thresholds: Vec<f64> = limits.iter().take(shape.targets * WAYS).map(Limit::threshold).collect();
        let worst_of = |row: &[f32]| {
            let ratios = row.iter().zip(&thresholds).map(|(score, threshold)| f64::from(*score) / threshold);
            ratios.fold(0.0, f64::max)
        };
        limit_of(&mut self.values.chunks_exact(self.width.max(1)).map(worst_of).collect::<Vec<_>>())
    }

    /// How many times larger the limits of scores on rows not seen are than those on rows seen.
    fn inflation(&self, unseen: &[Limit]) -> f32 {
        let seen = self.limits();
        let ratios = unseen.iter().zip(&seen).map(|(unseen, seen)| unseen.threshold() / seen.threshold());
        let sum: f64 = ratios.map(f64::ln).sum();
        (sum / unseen.len().max(1) as f64).exp() as f32
    }
}

/// The middle one of the limits of each part: a start-up in one of them must not blind the detector to all that is
/// less.
fn limit_of(scores: &mut [f64]) -> Limit {
    let part = scores.len().div_ceil(FOLDS).max(1);
    let mut limits: Vec<Limit> = scores.chunks_mut(part).map(Limit::of).collect();
    limits.sort_by(|a, b| a.threshold().total_cmp(&b.threshold()));
    limits.get(limits.len() / 2).copied().unwrap_or_default()
}
