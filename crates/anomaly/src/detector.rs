//! One point's detector: the residual of each sample from the point's own adaptive expectation, which knows the last
//! values and the time of day. Must not know other points, or what an alarm is.
//!
//! A sample is looked at in four ways, each against a threshold from the point's own past (`tail`):
//!
//! - **step**: how far it lies from what the last values and the time of day predict (spikes, bursts);
//! - **slow**: how far the last hour lies from what is ordinary at this time of day (shifts, drifts, losses), once two
//!   days are known;
//! - **noise**: how much more the residuals scatter than they use to;
//! - **run**: how long the very same value stands.
//!
//! The score is that of the way that stands out the most. What is flagged is not learned from, and a suspect sample is
//! replaced by its prediction among the last values for two samples, so that a spike leaves no echo; a lasting step is
//! followed from the third on. Steps that lasted and come again are known after a few. When nearly everything has been
//! flagged for as long as there was to learn from (at most a day), that is the new ordinary.

use std::time::Duration;

use penstock_model::{Band, Point, Quantity, Sample, Timestamp};
use serde::{Deserialize, Serialize};

use crate::autoregression::{Autoregression, LAGS};
use crate::jumps::Jumps;
use crate::profile::Profile;
use crate::run::Run;
use crate::tail::Tail;
use crate::{Reason, State, Verdict};

/// How a detector is set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Samples to learn from before it judges.
    pub warm_up: u32,
    /// How many times a day chance alone may reach the threshold.
    pub false_alarms_per_day: f64,
}

/// The detector of one point. Its state is of fixed size and is all that a snapshot keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detector {
    config: Config,
    newest: Option<Timestamp>,
    /// Samples learned from since the start or the last new baseline.
    learned: u32,
    /// Samples learned from since the start.
    learned_ever: u32,
    interval_secs: f64,
    rarity: Rarity,
    /// Smallest step between two different values of late: the instrument's resolution.
    resolution: f64,
    last_value: f64,
    /// All values inside are relative to the first one, which keeps their digits.
    origin: f64,
    level: f64,
    /// Mean absolute deviation from level and profile.
    level_scatter: f64,
    profile: Profile,
    /// How far the profile counts, 0 to 1.
    profile_share: f64,
    autoregression: Autoregression,
    lags: [f64; LAGS],
    lags_known: u8,
    /// Mean absolute residual of the step prediction.
    step_scatter: f64,
    step_tail: Tail,
    slow: f64,
    slow_tail: Tail,
    noise: f64,
    noise_mean: f64,
    noise_scatter: f64,
    noise_tail: Tail,
    run: Run,
    run_since: Option<Timestamp>,
    jumps: Jumps,
    /// Suspect samples in a row, and the residual of the first one.
    suspects: u8,
    suspect_step: f64,
    flagged_share: f64,
}

/// A deviation with the threshold it is held against, both in standard units.
#[derive(Debug, Clone, Copy)]
struct Evidence {
    ratio: f64,
    reason: Reason,
}

/// How far beyond the tail's quantile each way to look at a sample must lie, in mean excesses. Kept, because logarithms
/// are what a reading would otherwise cost the most.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Rarity {
    interval_secs: f64,
    step: f64,
    slow: f64,
    noise: f64,
}

/// What was expected of one sample.
#[derive(Debug, Clone, Copy)]
struct Expectation {
    /// Offset of the time of day, as far as the profile counts.
    offset: f64,
    /// Mean absolute deviation ordinary at this time of day.
    scatter: f64,
    /// Predicted deviation from level and offset; none without enough last values.
    deviation: Option<f64>,
    /// Standard deviation of the step residual.
    step_sigma: f64,
}

/// Values beyond this are no measurements; cutting them keeps every sum finite.
const LARGEST: f64 = 1e30;
/// Samples that a suspect one is held back for.
const HELD: u8 = 2;
/// Like steps seen before a further one is no surprise.
const KNOWN: usize = 2;
/// No step below so many standard deviations is flagged, whatever the tail says.
const STEP_FLOOR: f64 = 5.0;
const SLOW_FLOOR: f64 = 3.0;
const NOISE_FLOOR: f64 = 5.0;
/// Mean absolute to standard deviation, of a normal distribution.
const SIGMA: f64 = 1.2533;
const DAY_SECS: f64 = 86_400.0;
/// Days seen before the profile counts, and over which it comes to count fully.
const PROFILE_DAYS: f64 = 2.0;
const PROFILE_BLEND_DAYS: f64 = 0.5;
const SLOW_SECS: f64 = 3_600.0;
const LEVEL_DAYS: f64 = 2.0;

impl Default for Config {
    fn default() -> Self {
        Self { warm_up: 300, false_alarms_per_day: 0.1 }
    }
}

impl Config {
    /// How a point is judged; none for states and counters, which have no ordinary value to lie off from.
    pub fn of(point: &Point) -> Option<Self> {
        match point.quantity {
            Quantity::State | Quantity::Energy => None,
            _ => Some(Self::default()),
        }
    }
}

impl Detector {
    /// A detector that knows nothing yet.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            newest: None,
            learned: 0,
            learned_ever: 0,
            interval_secs: 0.0,
            rarity: Rarity::default(),
            resolution: 0.0,
            last_value: 0.0,
            origin: 0.0,
            level: 0.0,
            level_scatter: 0.0,
            profile: Profile::new(),
            profile_share: 0.0,
            autoregression: Autoregression::default(),
            lags: [0.0; LAGS],
            lags_known: 0,
            step_scatter: 0.0,
            step_tail: Tail::new(),
            slow: 0.0,
            slow_tail: Tail::new(),
            noise: 0.8,
            noise_mean: 0.8,
            noise_scatter: 0.1,
            noise_tail: Tail::new(),
            run: Run::default(),
            run_since: None,
            jumps: Jumps::default(),
            suspects: 0,
            suspect_step: 0.0,
            flagged_share: 0.0,
        }
    }

    /// Judges a sample by what came before it, then learns from it. Samples come in received order; one that is not
    /// newer than the newest, or not good, changes nothing.
    pub fn observe(&mut self, sample: &Sample) -> Verdict {
        let at = sample.source_time;
        let value = sample.trusted().filter(|value| value.is_finite());
        let Some(value) = value.filter(|_| self.newest.is_none_or(|newest| at > newest)) else {
            return Verdict::silent(State::NotEnoughToSay, self.confidence());
        };
        let given = value.clamp(-LARGEST, LARGEST);
        if self.newest.is_none() {
            self.origin = given;
        }
        let value = given - self.origin;
        self.step_to(at, value);
        let expectation = self.expectation(at);
        let deviation = value - self.level - expectation.offset;
        self.take_run(at, given);

        let is_warm = self.learned >= self.config.warm_up;
        let evidence = if is_warm { self.evidence(at, deviation, &expectation) } else { Evidence::NONE };
        let is_flagged = evidence.ratio >= 1.0;
        let verdict = self.verdict(&evidence, &expectation);
        if !is_flagged {
            self.learn(at, value, deviation, &expectation);
        }
        self.follow(deviation, &expectation, is_warm);
        self.count_flagged(if is_flagged { 1.0 } else { 0.0 });
        verdict
    }

    /// Where the point's value is expected at a time, past or to come, from what is known now: the ordinary of that time
    /// of day, joined to where the value stands. None while it warms up.
    pub fn expected_at(&self, at: Timestamp) -> Option<Band> {
        if self.learned_ever < self.config.warm_up {
            return None;
        }
        let ordinary = self.profile.at(at);
        let offset = ordinary.map_or(0.0, |ordinary| ordinary.offset) * self.profile_share;
        let scatter = ordinary.map_or(self.level_scatter, |ordinary| self.mixed_scatter(ordinary.scatter));
        let ahead_secs = at.micros_since(self.newest?) as f64 / 1e6;
        // What the value is off by now fades over the hour that the slow deviation looks at.
        let now_off = if ahead_secs >= 0.0 { self.slow * (-ahead_secs / SLOW_SECS).exp() } else { 0.0 };
        let half = 3.0 * SIGMA * scatter.max(self.step_scatter).max(self.resolution / 2.0);
        let centre = self.origin + self.level + offset + now_off;
        Band::new(centre - half, centre + half).ok()
    }

    /// Whether every number is one; a restored detector that is not is made anew.
    pub(crate) fn is_sound(&self) -> bool {
        [
            self.interval_secs,
            self.resolution,
            self.last_value,
            self.origin,
            self.level,
            self.level_scatter,
            self.profile_share,
            self.step_scatter,
            self.slow,
            self.noise,
            self.noise_mean,
            self.noise_scatter,
            self.flagged_share,
        ]
        .into_iter()
        .chain(self.lags)
        .all(f64::is_finite)
            && self.profile.is_sound()
    }

    /// Time goes on to a new sample: its distance, and the step from the last value.
    fn step_to(&mut self, at: Timestamp, value: f64) {
        let Some(newest) = self.newest.replace(at) else {
            self.last_value = value;
            return;
        };
        let apart_secs = at.micros_since(newest) as f64 / 1e6;
        if self.interval_secs <= 0.0 {
            self.interval_secs = apart_secs;
        } else {
            let bounded = apart_secs.clamp(self.interval_secs / 2.0, self.interval_secs * 2.0);
            self.interval_secs += 0.1 * (bounded - self.interval_secs);
        }
        if (self.interval_secs - self.rarity.interval_secs).abs() > 0.01 * self.interval_secs {
            self.rarity = Rarity::of(self.interval_secs, self.config.false_alarms_per_day);
        }
        if apart_secs > 8.0 * self.interval_secs {
            // After a gap the last values say nothing about the next.
            self.lags_known = 0;
            self.suspects = 0;
            self.slow = 0.0;
        }
        let step = (value - self.last_value).abs();
        self.last_value = value;
        if step > 0.0 {
            self.resolution = if self.resolution > 0.0 { step.min(self.resolution * 1.01) } else { step };
        }
    }

    fn take_run(&mut self, at: Timestamp, value: f64) {
        let is_learning = self.learned < self.config.warm_up;
        self.run.take(value, is_learning);
        if self.run.share_of_bearable().0 <= 1 {
            self.run_since = Some(at);
        }
    }

    fn expectation(&self, at: Timestamp) -> Expectation {
        let ordinary = if self.profile_share > 0.0 { self.profile.at(at) } else { None };
        // Demand scatters more by day than by night.
        let step = ordinary.map_or(self.step_scatter, |ordinary| {
            self.step_scatter + (0.6 * (ordinary.step - self.step_scatter)) * self.profile_share
        });
        let sigma = (SIGMA * step).max(self.resolution / 2.0);
        // Double precision itself has a resolution; values of 1e9 with a scatter of 1e-9 must not divide by nothing.
        let tiny = (self.origin.abs() + self.last_value.abs()) * 1e-12 + f64::MIN_POSITIVE;
        Expectation {
            offset: ordinary.map_or(0.0, |ordinary| ordinary.offset) * self.profile_share,
            scatter: ordinary.map_or(self.level_scatter, |ordinary| self.mixed_scatter(ordinary.scatter)),
            deviation: (usize::from(self.lags_known) >= LAGS).then(|| self.autoregression.predict(&self.lags)),
            step_sigma: sigma.max(tiny),
        }
    }

    /// A half hour is seen once a day: its own scatter is little known, so that of the whole day has a say.
    fn mixed_scatter(&self, here: f64) -> f64 {
        0.6 * here + 0.4 * self.level_scatter
    }

    /// The strongest of the four ways to look at it.
    fn evidence(&self, at: Timestamp, deviation: f64, expected: &Expectation) -> Evidence {
        let mut strongest = Evidence::NONE;
        if let Some(predicted) = expected.deviation {
            let residual = deviation - predicted;
            let by = residual.abs();
            let ratio = by / expected.step_sigma / self.step_threshold();
            if ratio < 1.0 || self.jumps.like(residual) < KNOWN {
                strongest.put(ratio, if residual > 0.0 { Reason::JumpUp { by } } else { Reason::JumpDown { by } });
            }
            let noise = self.next_noise(residual, expected);
            let sigmas = (noise - self.noise_mean) / (SIGMA * self.noise_scatter).max(0.05);
            let ratio = sigmas / self.noise_tail.threshold(self.rarity.noise, NOISE_FLOOR);
            if self.suspects == 0 {
                strongest.put(ratio, Reason::Noisy { times: noise / self.noise_mean.max(1e-3) });
            }
        }
        if self.profile_share >= 1.0 {
            let slow = self.next_slow(deviation, expected);
            let by = slow.abs();
            let ratio = by / self.slow_sigma(expected) / self.slow_tail.threshold(self.rarity.slow, SLOW_FLOOR);
            strongest.put(ratio, if slow > 0.0 { Reason::Above { by } } else { Reason::Below { by } });
        }
        let (_, share) = self.run.share_of_bearable();
        if share > 1.0 || share > strongest.ratio {
            let lasting = self.run_since.map_or(Duration::ZERO, |since| at.since(since));
            // A run within what is bearable is no sign at all: only one beyond it counts.
            strongest.put(if share > 1.0 { share } else { 0.0 }, Reason::Stuck { lasting });
        }
        strongest
    }

    fn verdict(&self, evidence: &Evidence, expected: &Expectation) -> Verdict {
        let confidence = self.confidence();
        if self.learned < self.config.warm_up {
            return Verdict::silent(State::WarmingUp, confidence);
        }
        if !self.run.has_moved() {
            return Verdict::silent(State::NotEnoughToSay, confidence);
        }
        let square = evidence.ratio * evidence.ratio;
        // A quarter puts the threshold itself at ALARM_SCORE.
        let score = if square.is_finite() { square / (square + 0.25) } else { 1.0 };
        let band = expected.deviation.and_then(|deviation| {
            let centre = self.origin + self.level + expected.offset + deviation;
            let half = expected.step_sigma * self.step_threshold();
            Band::new(centre - half, centre + half).ok()
        });
        Verdict { score: score as f32, confidence, expected: band, state: State::Scoring, reason: evidence.reason }
    }

    fn step_threshold(&self) -> f64 {
        self.step_tail.threshold(self.rarity.step, STEP_FLOOR)
    }

    /// Grows with the number of samples, and by the ordinary day being known.
    fn confidence(&self) -> f32 {
        let samples = f64::from(self.learned) / (f64::from(self.learned) + 300.0);
        (samples * (0.6 + 0.4 * self.profile_share)) as f32
    }

    /// Moves what follows every sample, judged or not: last values, slow mean, noise.
    fn follow(&mut self, deviation: f64, expected: &Expectation, is_warm: bool) {
        let mut lag = deviation;
        if let Some(predicted) = expected.deviation {
            let residual = deviation - predicted;
            let is_suspect = is_warm
                && residual.abs() > STEP_FLOOR * expected.step_sigma
                && residual.abs() > self.step_tail.threshold(1.0, STEP_FLOOR) * expected.step_sigma;
            if !is_suspect {
                self.suspects = 0;
                self.noise = self.next_noise(residual, expected);
            } else if self.suspects < HELD {
                if self.suspects == 0 {
                    self.suspect_step = residual;
                }
                self.suspects += 1;
                lag = predicted;
            } else {
                // The third in a row: the step lasts, so follow it, and know it when it comes again.
                if self.suspects == HELD && (residual - self.suspect_step).abs() <= self.suspect_step.abs() / 3.0 {
                    self.take_step(residual);
                }
                self.suspects = HELD + 1;
            }
        }
        if lag == deviation {
            self.slow = self.next_slow(deviation, expected);
        }
        let [newest, older, _] = self.lags;
        self.lags = [lag, newest, older];
        self.lags_known = self.lags_known.saturating_add(1).min(LAGS as u8);
    }

    /// Goes along with a step that lasts: the last values are lifted with it, so that it leaves no echo either.
    fn take_step(&mut self, step: f64) {
        self.jumps.keep(step);
        self.lags = self.lags.map(|lag| lag + step);
    }

    /// Learns from a sample that was not flagged; none moves anything by more than a bounded amount.
    fn learn(&mut self, at: Timestamp, value: f64, deviation: f64, expected: &Expectation) {
        self.learned = self.learned.saturating_add(1);
        self.learned_ever = self.learned_ever.saturating_add(1);
        let seen = f64::from(self.learned_ever);
        let day = (DAY_SECS / self.interval_secs.max(1e-3)).max(24.0);
        let bounded = bound(deviation, 4.0 * expected.scatter.max(self.step_scatter), self.learned_ever < 30);
        let mut step = self.step_scatter;

        if let Some(predicted) = expected.deviation {
            let residual = deviation - predicted;
            let bounded = bound(residual, 3.0 * expected.step_sigma, self.learned < 10);
            // Long enough to span a pump's rest, in which nothing scatters.
            let gain = (1.0 / f64::from(self.learned)).max((2.0 / day).min(0.005));
            self.step_scatter += gain * (bounded.abs() - self.step_scatter);
            step = bounded.abs();
            self.autoregression.learn(&self.lags, predicted + bounded);
            if self.learned > 50 && self.suspects == 0 {
                self.step_tail.learn(residual.abs() / expected.step_sigma);
                let off = self.noise - self.noise_mean;
                let gain = (1.0 / f64::from(self.learned - 50)).max((1.0 / day).min(0.002));
                self.noise_tail.learn(off / (SIGMA * self.noise_scatter).max(0.05));
                self.noise_mean += gain * off;
                self.noise_scatter += gain * (off.abs().min(1.0) - self.noise_scatter);
            }
        }
        if self.profile_share >= 1.0 {
            let slow = self.slow.abs() / self.slow_sigma(expected);
            self.slow_tail.learn(slow);
            if slow > self.slow_tail.threshold(0.0, 1.0) {
                // Perhaps the beginning of a drift: following it now would keep it from ever being seen.
                return;
            }
        }
        self.level += bounded * (1.0 / seen).max(1.0 / (LEVEL_DAYS * day));
        self.level_scatter += (1.0 / seen).max(1.0 / (LEVEL_DAYS * day)) * (bounded.abs() - self.level_scatter);
        self.learn_profile(at, value - (deviation - bounded), step, day);
    }

    fn learn_profile(&mut self, at: Timestamp, value: f64, step: f64, day: f64) {
        let off = self.profile.at(at).map_or(0.0, |ordinary| value - self.level - ordinary.offset);
        self.profile.learn(at, value, off, step, self.interval_secs);
        if self.profile_share > 0.0 {
            self.profile_share = (self.profile_share + 1.0 / (PROFILE_BLEND_DAYS * day)).min(1.0);
        } else if self.learned_ever.is_multiple_of(32) && self.profile.is_known(PROFILE_DAYS, self.interval_secs) {
            self.profile_share = f64::MIN_POSITIVE;
        }
    }

    /// Counts towards a new baseline.
    fn count_flagged(&mut self, flagged: f64) {
        let day = DAY_SECS / self.interval_secs.max(1e-3);
        // 0.9 is reached after 2.3 of these.
        let memory = f64::from(self.learned).clamp(100.0, day.max(100.0)) / 2.3;
        self.flagged_share += (flagged - self.flagged_share) / memory;
        if self.flagged_share > 0.9 {
            self.level += self.slow;
            self.slow = 0.0;
            self.flagged_share = 0.0;
            self.learned = 0;
            self.lags_known = 0;
            self.suspects = 0;
            self.step_tail = Tail::new();
            self.slow_tail = Tail::new();
            self.noise_tail = Tail::new();
            self.run.accept();
        }
    }

    fn next_slow(&self, deviation: f64, expected: &Expectation) -> f64 {
        let gain = (self.interval_secs / SLOW_SECS).clamp(1e-6, 0.3);
        let bounded = bound(deviation, 8.0 * expected.scatter.max(self.step_scatter), self.learned_ever < 30);
        self.slow + gain * (bounded - self.slow)
    }

    fn slow_sigma(&self, expected: &Expectation) -> f64 {
        (SIGMA * expected.scatter).max(self.resolution / 2.0).max(expected.step_sigma * 1e-3)
    }

    fn next_noise(&self, residual: f64, expected: &Expectation) -> f64 {
        self.noise + ((residual.abs() / expected.step_sigma).min(4.0) - self.noise) / 12.0
    }
}

impl Rarity {
    /// Three ways may each err a third of the times; what lasts for hours errs once, not with each sample.
    fn of(interval_secs: f64, false_alarms_per_day: f64) -> Self {
        let beyond = |lasting_secs: f64| {
            let probability = false_alarms_per_day * lasting_secs / DAY_SECS / 3.0;
            Tail::beyond(probability.clamp(1e-9, 1e-2))
        };
        Self {
            interval_secs,
            step: beyond(interval_secs),
            slow: beyond(2.0 * SLOW_SECS),
            noise: beyond(12.0 * interval_secs),
        }
    }
}

impl Evidence {
    const NONE: Self = Self { ratio: 0.0, reason: Reason::Nothing };

    fn put(&mut self, ratio: f64, reason: Reason) {
        if ratio > self.ratio {
            *self = Self { ratio, reason };
        }
    }
}

/// Cuts to plus or minus a bound, unless all is still too new for one.
fn bound(value: f64, most: f64, is_new: bool) -> f64 {
    if is_new || most <= 0.0 { value } else { value.clamp(-most, most) }
}
