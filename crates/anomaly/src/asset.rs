//! One asset's detector: each row of its points against what the points lead one to expect of each other. Must not know
//! how rows are made, or what an alarm is.
//!
//! It gathers rows until it can be fitted (`baseline`), judges every row after that (`scorer`) against limits from its
//! own ordinary scores (`limits`), and learns from rows that are not in alarm: the sums that the model is fitted from
//! forget, the model is fitted anew from them now and then, and the limits follow. When nearly all has been in alarm
//! for as long as it was fitted from, that is the new ordinary, and it is fitted from what was gathered meanwhile.

use std::time::Duration;

use penstock_model::{Band, Timestamp};
use serde::{Deserialize, Serialize};

use crate::asset_verdict::{AssetVerdict, Contribution, PointFault, PointVerdict};
use crate::baseline::{Baseline, hold};
use crate::history::History;
use crate::limits::Limit;
use crate::run::Run;
use crate::scorer::WAYS;
use crate::window::Shape;
use crate::{Error, Reason, State};

/// How an asset is judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssetConfig {
    /// Its points, in the order of the values of a row.
    pub points: Vec<AssetPoint>,
    /// Rows to fit from. More see more of what is ordinary; a day or a week is a good stretch.
    pub fit_rows: usize,
}

/// A point of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AssetPoint {
    /// What part it plays.
    pub part: Part,
    /// What is physically possible, in SI.
    pub range: Option<Band>,
}

/// What part a point plays in its asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// It is measured, and judged.
    Target,
    /// A state or setting: it explains the others and is never judged.
    Status,
}

/// What a model rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    /// Complete rows of the stretch it was fitted from at first.
    pub rows: usize,
    /// Rows it rests on now, older ones counting less.
    pub effective_rows: f64,
    /// Numbers that were fitted.
    pub coefficients: usize,
    /// Ways in which the points move together.
    pub components: usize,
    /// Share of each point's variance that was foretold on rows not fitted on, 0 to 1, in the order of the
    /// configuration; none for a point that is not judged.
    pub explained: Vec<Option<f32>>,
    /// How many times larger scores were on rows not fitted on; 1 is a model that can be trusted.
    pub inflation: f32,
    /// Times it was fitted again from what was learned.
    pub refits: u32,
    /// Times it was fitted from a new stretch.
    pub baselines: u32,
}

/// The detector of one asset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssetDetector {
    config: AssetConfig,
    shape: Shape,
    /// Places of the targets, then of the statuses, in the configuration.
    order: Vec<usize>,
    newest: Option<Timestamp>,
    interval_secs: f64,
    /// As it was when the model was fitted.
    fitted_interval_secs: f64,
    /// Rows to fit from: at first, and while nearly all is in alarm or a point has begun to move.
    history: Option<Box<History>>,
    baseline: Option<Box<Baseline>>,
    stands: Vec<Stand>,
    episode: Episode,
    alarmed_share: f64,
    /// The largest score of any point in the newest three rows, in parts of its limit.
    worst: [f64; 3],
    learned: usize,
    learned_since_fit: usize,
    refits: u32,
    baselines: u32,
    /// The last good value of each status, in the frame.
    statuses: Vec<f64>,
    verdict: AssetVerdict,
    #[serde(skip)]
    scratch: Scratch,
}

/// All that an asset's detector has learned, to be kept over a restart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssetSnapshot {
    /// [`ASSET_SNAPSHOT_VERSION`] of the writer.
    pub version: u16,
    /// The detector.
    pub detector: AssetDetector,
}

/// The version that snapshots of assets are written in. Changes with every change to what a detector keeps.
pub const ASSET_SNAPSHOT_VERSION: u16 = 1;

/// How long a target has stood at one value.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Stand {
    run: Run,
    since: Option<Timestamp>,
}

/// An alarm from its first row to its last.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Episode {
    since: Option<Timestamp>,
    /// Share of the last rows that were over the limit.
    density: f64,
}

#[derive(Debug, Clone, Default)]
struct Scratch {
    /// Targets, then statuses, NaN where not good.
    row: Vec<f64>,
    applied: Vec<f64>,
    /// Of each target, its score in parts of its limit.
    ratios: Vec<f64>,
    /// Of each target, what it adds to the asset's score.
    pushes: Vec<f64>,
}

/// From this share of rows in alarm on, over as long as the model was fitted from, the plant is another one.
const ELSEWHERE: f64 = 0.9;
/// Below this one it is the same.
const MOSTLY_QUIET: f64 = 0.1;
/// A model of few rows must not take one event for another plant.
const LEAST_MEMORY_ROWS: f64 = 2_000.0;
const LEAST_REFIT_ROWS: f64 = 1_000.0;
/// Rows that many intervals apart do not follow on each other.
const GAP_INTERVALS: f64 = 8.0;
/// Half-life of what is learned, in stretches that the model was fitted from.
const HALF_LIFE: f64 = 2.0;
/// Limits move by at most so many of their spreads in a stretch, and a stretch has at least so many rows here.
const PACE: f64 = 50.0;
const LEAST_LIMIT_ROWS: f64 = 5_000.0;
/// How much a row over its limit moves the limits: a point's own, and the asset's. It bounds the share of time that can
/// be spent in alarm.
const FLAGGED_PART: f64 = 0.4;
const ALARMED_PART: f64 = 0.25;
/// No single deviation below so many standard deviations stands out.
const STEP_FLOOR: f64 = 4.0;
/// What a score counts of in one row alone.
const LONE_PART: f64 = 0.6;
/// An alarm goes on while more than this share of the last rows were over the limit.
const DENSE: f64 = 0.15;
/// More points than these are several assets.
const MOST_POINTS: usize = 128;
/// Rows so many times as far apart, or as close, are another rate.
const OTHER_RATE: f64 = 3.0;
/// Values beyond this are no measurements; cutting them keeps every sum finite.
const LARGEST: f64 = 1e30;

impl Default for AssetConfig {
    fn default() -> Self {
        Self { points: Vec::new(), fit_rows: 1_440 }
    }
}

impl AssetPoint {
    /// A point that is measured, and judged.
    pub const fn target() -> Self {
        Self { part: Part::Target, range: None }
    }

    /// A state or setting.
    pub const fn status() -> Self {
        Self { part: Part::Status, range: None }
    }
}

impl AssetDetector {
    /// A detector that knows nothing yet.
    ///
    /// # Errors
    /// [`Error::Points`] where there is no target, or more points than one asset can have.
    pub fn new(config: AssetConfig) -> Result<Self, Error> {
        let count = config.points.len();
        let places = |part| config.points.iter().enumerate().filter(move |(_, point)| point.part == part);
        let mut order: Vec<usize> = places(Part::Target).map(|(place, _)| place).collect();
        let targets = order.len();
        order.extend(places(Part::Status).map(|(place, _)| place));
        if targets == 0 || count > MOST_POINTS {
            return Err(Error::Points { targets, points: count, most: MOST_POINTS });
        }
        let fit_rows = config.fit_rows.max(1);
        Ok(Self {
            shape: Shape::new(targets, count - targets),
            order,
            newest: None,
            interval_secs: 0.0,
            fitted_interval_secs: 0.0,
            history: Some(Box::new(History::new(count, fit_rows))),
            baseline: None,
            stands: vec![Stand::default(); targets],
            episode: Episode::default(),
            alarmed_share: 0.0,
            worst: [0.0; 3],
            learned: 0,
            learned_since_fit: 0,
            refits: 0,
            baselines: 0,
            statuses: vec![0.0; count - targets],
            verdict: AssetVerdict::silent(count, State::WarmingUp, 0.0),
            scratch: Scratch::default(),
            config,
        })
    }

    /// Judges a row by what came before it, then learns from it. `values` are those of the points in the order of the
    /// configuration, in SI, NaN where missing. A row that is not newer than the newest, or not of this many values,
    /// changes nothing.
    pub fn observe(&mut self, at: Timestamp, values: &[f64]) -> &AssetVerdict {
        if values.len() != self.config.points.len() || self.newest.is_some_and(|newest| at <= newest) {
            self.verdict.silence(State::NotEnoughToSay);
            return &self.verdict;
        }
        self.step_to(at);
        self.take_row(at, values);
        let Some(mut baseline) = self.baseline.take() else {
            self.gather();
            self.verdict.silence(State::WarmingUp);
            return &self.verdict;
        };
        self.judge(at, &mut baseline);
        self.baseline = Some(baseline);
        if self.baselines > 0 {
            self.renew();
        }
        &self.verdict
    }

    /// Takes a row of planned work: neither judges it nor learns from it, and what comes after it is not taken to
    /// follow on what came before.
    pub fn pass(&mut self, at: Timestamp, values: &[f64]) -> &AssetVerdict {
        self.verdict.silence(State::NotEnoughToSay);
        if values.len() == self.config.points.len() && self.newest.is_none_or(|newest| at > newest) {
            self.step_to(at);
            self.episode = Episode::default();
            if let Some(baseline) = &mut self.baseline {
                baseline.scorer.break_off();
            }
            if let Some(history) = &mut self.history {
                history.break_off();
            }
        }
        &self.verdict
    }

    /// What the model rests on; none while it warms up.
    pub fn fitted(&self) -> Option<Fitted> {
        let baseline = self.baseline.as_deref()?;
        let mut explained = vec![None; self.config.points.len()];
        for ((place, share), scale) in self.order.iter().zip(&baseline.explained).zip(&baseline.frame.targets) {
            if let Some(slot) = explained.get_mut(*place).filter(|_| scale.spread > 0.0) {
                *slot = Some(*share);
            }
        }
        Some(Fitted {
            rows: baseline.rows,
            effective_rows: baseline.moments.rows(),
            coefficients: baseline.model.coefficients(),
            components: baseline.model.component_count(),
            explained,
            inflation: baseline.inflation,
            refits: self.refits,
            baselines: self.baselines,
        })
    }

    /// All that was learned, to be kept over a restart.
    pub fn snapshot(&self) -> AssetSnapshot {
        AssetSnapshot { version: ASSET_SNAPSHOT_VERSION, detector: self.clone() }
    }

    /// Goes on from a snapshot.
    ///
    /// # Errors
    /// [`Error::Version`] where another version wrote it, [`Error::Damaged`] where its parts do not fit together.
    pub fn restore(snapshot: AssetSnapshot) -> Result<Self, Error> {
        let AssetSnapshot { version, detector } = snapshot;
        if version != ASSET_SNAPSHOT_VERSION {
            return Err(Error::Version { found: version, expected: ASSET_SNAPSHOT_VERSION });
        }
        if detector.is_sound() { Ok(detector) } else { Err(Error::Damaged) }
    }

    /// The newest verdict.
    pub fn verdict(&self) -> &AssetVerdict {
        &self.verdict
    }

    /// How it was set.
    pub fn config(&self) -> &AssetConfig {
        &self.config
    }

    /// Whether its parts fit each other and its configuration, and every number is one.
    fn is_sound(&self) -> bool {
        let Ok(new) = Self::new(self.config.clone()) else { return false };
        let places = |detector: &Self| {
            let verdict = &detector.verdict;
            (verdict.points.len(), verdict.contributions.len(), detector.stands.len(), detector.statuses.len())
        };
        self.shape == new.shape
            && self.order == new.order
            && places(self) == places(&new)
            && self.interval_secs.is_finite()
            && self.fitted_interval_secs.is_finite()
            && self.alarmed_share.is_finite()
            && self.statuses.iter().all(|status| status.is_finite())
            && self.history.as_ref().is_none_or(|history| history.is_sound(self.order.len()))
            && self.baseline.as_ref().is_none_or(|baseline| baseline.is_sound(self.shape))
            && (self.history.is_some() || self.baseline.is_some())
    }

    fn step_to(&mut self, at: Timestamp) {
        let Some(newest) = self.newest.replace(at) else { return };
        let apart_secs = at.micros_since(newest) as f64 / 1e6;
        if self.interval_secs <= 0.0 {
            self.interval_secs = apart_secs;
            return;
        }
        if apart_secs > GAP_INTERVALS * self.interval_secs {
            // After a gap the last rows say nothing about the next.
            if let Some(baseline) = &mut self.baseline {
                baseline.scorer.break_off();
            }
            if let Some(history) = &mut self.history {
                history.break_off();
            }
        }
        let bounded = apart_secs.clamp(self.interval_secs / 2.0, self.interval_secs * 2.0);
        self.interval_secs += 0.1 * (bounded - self.interval_secs);
        let times = self.interval_secs / self.fitted_interval_secs.max(f64::MIN_POSITIVE);
        if self.baseline.is_some() && !(1.0 / OTHER_RATE..OTHER_RATE).contains(&times) {
            // Rows at another rate follow on each other in another way: nothing that was learned holds.
            self.baseline = None;
            self.history = Some(Box::new(History::new(self.order.len(), self.config.fit_rows.max(1))));
        }
    }

    /// Sorts out what is no value, and how long each target has stood still.
    fn take_row(&mut self, at: Timestamp, values: &[f64]) {
        let is_learning = self.baseline.is_none();
        self.scratch.row.clear();
        for place in &self.order {
            let (value, point) = (values.get(*place).copied(), self.config.points.get(*place));
            let range = point.and_then(|point| point.range);
            let good = value.filter(|value| value.is_finite()).map(|value| value.clamp(-LARGEST, LARGEST));
            let good = good.filter(|value| range.is_none_or(|range| (range.low..=range.high).contains(value)));
            self.scratch.row.push(good.unwrap_or(f64::NAN));
        }
        for (stand, value) in self.stands.iter_mut().zip(&self.scratch.row) {
            if !value.is_finite() {
                continue;
            }
            stand.run.take(*value, is_learning);
            if stand.run.share_of_bearable().0 <= 1 {
                stand.since = Some(at);
            }
        }
        let is_there = self.scratch.row.iter().any(|value| value.is_finite());
        for (place, good) in self.order.iter().zip(&self.scratch.row) {
            let Some(point) = self.verdict.points.get_mut(*place) else { continue };
            let is_given = values.get(*place).is_some_and(|value| value.is_finite());
            *point = PointVerdict::silent(State::NotEnoughToSay);
            point.fault = match good.is_finite() {
                true => None,
                false if is_given => Some(PointFault::OutOfRange),
                false => is_there.then_some(PointFault::Missing),
            };
        }
    }

    /// Gathers the row; fits once there are enough.
    fn gather(&mut self) {
        let Some(history) = &mut self.history else { return };
        history.take(&self.scratch.row);
        let fit_rows = self.config.fit_rows.max(1);
        if history.taken() < fit_rows || !(history.taken() - fit_rows).is_multiple_of(fit_rows.div_ceil(4)) {
            return;
        }
        self.found();
    }

    /// Fits from the rows gathered. Where too few are complete, they are kept at first, until there are more.
    fn found(&mut self) {
        let fitted = self.history.as_ref().and_then(|history| Baseline::fit(history, self.shape));
        let Some(mut baseline) = fitted else {
            self.history.take_if(|_| self.baseline.is_some());
            return;
        };
        baseline.moments.forget(HALF_LIFE * self.config.fit_rows as f64);
        self.learned = baseline.rows;
        self.learned_since_fit = 0;
        self.alarmed_share = 0.0;
        self.episode = Episode::default();
        self.baselines = self.baselines.saturating_add(1);
        self.fitted_interval_secs = self.interval_secs;
        self.baseline = Some(Box::new(baseline));
        self.history = None;
        self.stands.iter_mut().filter(|_| self.baselines > 1).for_each(|stand| stand.run.accept());
    }

    /// Gathers rows anew while nearly all is in alarm, or since a point moves that never did before; fits from them
    /// when that has lasted.
    fn renew(&mut self) {
        let is_elsewhere = self.alarmed_share > ELSEWHERE / 2.0;
        if !is_elsewhere && !self.has_begun_to_move() {
            self.history = None;
            return;
        }
        let (width, fit_rows) = (self.order.len(), self.config.fit_rows.max(1));
        let history = self.history.get_or_insert_with(|| Box::new(History::new(width, fit_rows)));
        history.take(&self.scratch.row);
        if history.taken() >= fit_rows && (self.alarmed_share > ELSEWHERE || self.alarmed_share < MOSTLY_QUIET) {
            self.found();
        }
    }

    /// Whether a point that had stood at one value when the model was fitted has left it.
    fn has_begun_to_move(&self) -> bool {
        let scales = self.baseline.iter().flat_map(|baseline| &baseline.frame.targets);
        scales.zip(&self.stands).any(|(scale, stand)| scale.never_moved() && stand.run.has_moved())
    }

    /// Judges the row that was taken, then learns from it.
    fn judge(&mut self, at: Timestamp, baseline: &mut Baseline) {
        if !self.score(baseline) {
            self.verdict.keep_quiet();
            self.verdict.is_alarm = self.episode.since.is_some();
            self.verdict.since = self.episode.since;
            return;
        }
        let (worst, stuck) = self.judge_points(at, baseline);
        let newest = worst / baseline.worst.threshold().max(1.0);
        let [last, one_before, _] = self.worst;
        self.worst = [newest, last, one_before];
        // One row alone is a matter of the point rather than of the asset: it must stand out further.
        let points = median_of(self.worst).max(newest * LONE_PART);
        let (together, apart) = baseline.distances();
        let unlike = points.max(apart);
        let ratio = unlike.max(stuck);

        self.episode.take(at, ratio >= 1.0);
        let verdict = &mut self.verdict;
        verdict.state = State::Scoring;
        verdict.score = score_of(ratio);
        verdict.is_alarm = self.episode.since.is_some();
        verdict.since = self.episode.since;
        verdict.together = score_of(together);
        verdict.apart = score_of(apart);
        verdict.confidence = baseline.confidence(self.learned);
        if apart > stuck && self.worst.iter().all(|worst| apart > *worst) {
            baseline.scorer.parts(&baseline.model, &mut self.scratch.pushes);
        }
        self.explain();
        self.learn(baseline, worst, unlike >= 1.0);
    }

    /// Scores the row that was taken; not where there is too little to go by.
    fn score(&mut self, baseline: &mut Baseline) -> bool {
        let targets = self.shape.targets;
        self.scratch.applied.resize(self.order.len(), 0.0);
        baseline.frame.apply(&self.scratch.row, &mut self.scratch.applied);
        let (values, statuses) = self.scratch.applied.split_at(targets.min(self.scratch.applied.len()));
        hold(&mut self.statuses, statuses);
        let Baseline { model, scorer, limits, .. } = baseline;
        if values.iter().all(|value| !value.is_finite()) {
            scorer.break_off();
            return false;
        }
        scorer.take(model, values, &self.statuses, |index, way| bound(limits, index, way))
    }

    /// Judges each point by itself: the largest score of any, in parts of its limit, and how long the most stuck one
    /// has stood, in parts of what is bearable.
    fn judge_points(&mut self, at: Timestamp, baseline: &Baseline) -> (f64, f64) {
        let Scratch { row, ratios, pushes, .. } = &mut self.scratch;
        ratios.clear();
        pushes.clear();
        let (mut worst, mut stuck) = (0.0_f64, 0.0_f64);
        let parts = baseline.frame.targets.iter().zip(&baseline.scorer.traces).zip(&baseline.model.innovation().sigmas);
        let taken = self.order.iter().zip(&*row).zip(&self.stands);
        for (index, (((place, value), stand), ((scale, trace), sigma))) in taken.zip(parts).enumerate() {
            let Some(point) = self.verdict.points.get_mut(*place).filter(|_| value.is_finite() && scale.spread > 0.0)
            else {
                ratios.push(0.0);
                // What is missing while others are there is the first thing to look at.
                pushes.push(if value.is_finite() { 0.0 } else { 1.0 });
                continue;
            };
            let of_limits = (0..)
                .zip(trace.ways())
                .map(|(way, score)| (score.abs() / bound(&baseline.limits, index, way), way, score));
            let (mut ratio, way, score) =
                of_limits.fold((0.0, 0, 0.0), |most, next| if next.0 > most.0 { next } else { most });
            worst = worst.max(ratio);
            ratios.push(ratio);

            let middle = scale.value_of(trace.expected);
            let half = bound(&baseline.limits, index, 0) * sigma * scale.spread;
            let by = (score * sigma * scale.spread).abs();
            point.state = State::Scoring;
            point.residual = value - middle;
            point.expected = Band::new(middle - half, middle + half).ok();
            point.reason = match (way, score > 0.0) {
                (0, true) => Reason::JumpUp { by },
                (0, false) => Reason::JumpDown { by },
                (_, true) => Reason::Above { by },
                (_, false) => Reason::Below { by },
            };
            let (_, share) = stand.run.share_of_bearable();
            if share > 1.0 && share > ratio {
                ratio = share;
                stuck = stuck.max(share);
                point.reason = Reason::Stuck { lasting: stand.since.map_or(Duration::ZERO, |since| at.since(since)) };
            }
            point.score = score_of(ratio);
            pushes.push(ratio * ratio);
        }
        (worst, stuck)
    }

    fn learn(&mut self, baseline: &mut Baseline, worst: f64, is_over: bool) {
        let fit_rows = self.config.fit_rows as f64;
        self.alarmed_share +=
            (f64::from(u8::from(is_over)) - self.alarmed_share) / (fit_rows.max(LEAST_MEMORY_ROWS) / 2.3);
        let gain = PACE / fit_rows.max(LEAST_LIMIT_ROWS);
        let Baseline { limits, scorer, .. } = baseline;
        let mut scored = limits.iter_mut().zip(scorer.scores());
        for ratio in &self.scratch.ratios {
            let gain = if *ratio >= 1.0 { FLAGGED_PART * gain } else { gain };
            scored.by_ref().take(WAYS).for_each(|(limit, score)| limit.take(score, gain));
        }
        let gain = if is_over { ALARMED_PART * gain } else { gain };
        scored.for_each(|(limit, score)| limit.take(score, gain));
        baseline.worst.take(worst, gain);

        let is_whole = self.scratch.row.iter().take(self.shape.targets).all(|value| value.is_finite());
        if is_over || !is_whole {
            return;
        }
        for (trace, value) in baseline.scorer.traces.iter_mut().zip(&self.scratch.applied) {
            trace.widen(*value);
        }
        baseline.moments.take(baseline.scorer.window().columns());
        self.learned = self.learned.saturating_add(1);
        self.learned_since_fit += 1;
        if self.learned_since_fit as f64 >= (fit_rows / 4.0).max(LEAST_REFIT_ROWS) {
            self.learned_since_fit = 0;
            self.refits = self.refits.saturating_add(1);
            baseline.refit();
        }
    }

    /// Shares of what each point pushes.
    fn explain(&mut self) {
        let total: f64 = self.scratch.pushes.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let places = self.order.iter().enumerate();
        for (slot, (index, place)) in self.verdict.contributions.iter_mut().zip(places) {
            let push = self.scratch.pushes.get(index).copied().unwrap_or_default();
            *slot = Contribution { point: *place, share: (push / total) as f32 };
        }
        self.verdict.contributions.sort_unstable_by(|a, b| b.share.total_cmp(&a.share).then(a.point.cmp(&b.point)));
    }
}

/// A quarter puts the threshold itself at the alarm score.
fn score_of(ratio: f64) -> f32 {
    let square = ratio * ratio;
    if square.is_finite() { (square / (square + 0.25)) as f32 } else { 1.0 }
}

/// How much a target may score, seen in one of the ways.
fn bound(limits: &[Limit], index: usize, way: usize) -> f64 {
    let floor = if way == 0 { STEP_FLOOR } else { 0.0 };
    limits.get(index * WAYS + way).map_or(f64::MAX, |limit| limit.threshold().max(floor))
}

fn median_of([a, b, c]: [f64; 3]) -> f64 {
    a.min(b).max(a.max(b).min(c))
}

impl Episode {
    /// Begins where a row is over the limit, and goes on while as many of the last ones were.
    fn take(&mut self, at: Timestamp, is_over: bool) {
        self.density += 0.1 * (f64::from(u8::from(is_over)) - self.density);
        if is_over {
            self.since.get_or_insert(at);
        } else if self.density < DENSE {
            self.since = None;
        }
    }
}

impl PartialEq for Scratch {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
