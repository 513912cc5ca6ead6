//! The leak layer of a zone: whether more water goes into it than is ordinary, over days, since when, how much and why.
//! Must not know where samples come from, or what becomes of a verdict.
//!
//! What a zone takes is the sum of its inflows less its outflows less what its tanks gain. It is looked at by the hour:
//!
//! - **night flow** (`night`): what is taken in the quietest hours, against earlier nights;
//! - **same hours** (`same_hours`): each hour of the week against the same hours of earlier days (`ordinary`);
//! - **balance**: the same of what the zone takes less what its customers' meters tell, where there are any;
//! - **fresh**: what began within hours (`fresh`).
//!
//! Each adds up in a sum of its own (`cusum`), and the score is that of the largest against its threshold.
//! Pressure is a second witness: it falls where water is really lost, and stays where only a flow meter drifts.
//!
//! While a sum stands the ordinary is not learned, only followed as slowly as seasons pass; when what is seen falls back
//! by half, the sum is cleared. What has been told for four weeks, and less than ordinary for one, is the new ordinary.

mod cusum;
mod fresh;
mod hours;
mod night;
mod ordinary;
mod same_hours;

use penstock_model::{Band, PointNo, Timestamp};
use serde::{Deserialize, Serialize};

use crate::State;
use cusum::{Cusum, threshold};
use fresh::Fresh;
use hours::{HOUR_MICROS, Hours, hour_of, start_of};
use night::Nights;
use ordinary::{HOURS, Place};
use same_hours::{SameHours, Use};

/// What bounds a zone, and how it is judged. A point that is named twice counts where it is named first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZoneConfig {
    /// Flow meters into the zone, m³/s.
    pub inflows: Vec<PointNo>,
    /// Flow meters out of it, m³/s.
    pub outflows: Vec<PointNo>,
    /// Levels of the tanks inside it.
    pub levels: Vec<Storage>,
    /// Flow meters of its customers, m³/s, where all of them are metered by the hour.
    pub meters: Vec<PointNo>,
    /// Pressures inside it, Pa.
    pub pressures: Vec<PointNo>,
    /// Days of rest, Monday first.
    pub rest_days: [bool; 7],
    /// What local time is ahead of UTC, in seconds.
    pub utc_offset_secs: i32,
    /// How many times a year chance alone may raise an alarm.
    pub false_alarms_per_year: f64,
}

/// A tank.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Storage {
    /// Its level, m.
    pub level: PointNo,
    /// Its area, m².
    pub area_m2: f64,
}

/// What is said of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ZoneVerdict {
    /// 0 ordinary to 1 certainly not, [`ALARM_SCORE`](crate::ALARM_SCORE) is the threshold. 0 unless the state is
    /// [`State::Scoring`].
    pub score: f32,
    /// How much the score rests on, 0 to 1: it grows with the days learned from, and falls with hours that are missing,
    /// where the night does not bear out the day, and where pressure contradicts.
    pub confidence: f32,
    /// Whether it can judge. It learns for a week.
    pub state: State,
    /// What may be lost, also where it is less than an alarm; none where nothing adds up.
    pub leak: Option<Leak>,
}

/// What may be lost, and why.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Leak {
    /// Since when, as told by the sign.
    pub since: Timestamp,
    /// How much more than ordinary is taken, on average over the last day, of what is fresh over the last hour, m³/s.
    pub rate_m3_per_sec: f64,
    /// How much more than ordinary has been taken since then, m³: 1,000 litres each.
    pub lost_m3: f64,
    /// Which evidence stands out the most; of a fresh one that has lasted, the same hours.
    pub sign: Sign,
    /// The quietest hours against earlier nights.
    pub night: Finding,
    /// All hours against the same hours of earlier days.
    pub same_hours: Finding,
    /// What the meters do not tell of; none in a zone without.
    pub balance: Option<Finding>,
    /// What began within hours.
    pub fresh: Finding,
    /// What pressure says to it.
    pub pressure: Witness,
}

/// A kind of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// The night flow.
    Night,
    /// The same hours of earlier days.
    SameHours,
    /// What the meters do not tell of.
    Balance,
    /// What began within hours.
    Fresh,
}

/// What one kind of evidence says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Evidence as a share of that which alarms.
    pub ratio: f64,
    /// How much more than ordinary, m³/s.
    pub excess_m3_per_sec: f64,
    /// What is ordinary, on average over the hours that it looks at, m³/s.
    pub ordinary_m3_per_sec: f64,
    /// Since when; none where nothing adds up.
    pub since: Option<Timestamp>,
}

/// What pressure says to a loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Witness {
    /// Nothing: there is none, or it is as it was.
    Silent,
    /// It fell, as it does where water is lost.
    Agrees {
        /// Where it fell the most for its scatter.
        point: PointNo,
        /// By how much below the same hours of earlier days, Pa.
        below_pa: f64,
    },
    /// It rose: more is taken because more is given.
    Contradicts {
        /// Where it rose the most for its scatter.
        point: PointNo,
        /// By how much above the same hours of earlier days, Pa.
        above_pa: f64,
    },
}

/// The leak detector of a zone. Its state is of a size that only the number of points sets, and is all that a snapshot
/// needs to keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZoneDetector {
    config: ZoneConfig,
    /// Sorted by point.
    inputs: Vec<Input>,
    /// The oldest hour that is not closed yet.
    next: Option<i64>,
    /// Hours learned from.
    learned: u32,
    /// Share of the hours of late that were known.
    coverage: f64,
    net: SameHours,
    nights: Nights,
    fresh: Fresh,
    balance: Option<SameHours>,
    /// Since when it has been under alarm, and since when less than ordinary.
    alarmed_since: Option<Timestamp>,
    low_since: Option<Timestamp>,
    latest: ZoneVerdict,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Input {
    point: PointNo,
    role: Role,
    hours: Hours,
    /// Pressures only.
    same: Option<Box<SameHours>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Role {
    Inflow,
    Outflow,
    Level { area_m2: f64 },
    Meter,
    Pressure,
}

/// What a zone took in an hour, m³/s.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Taken {
    net: f64,
    /// Less what the meters tell; none where there are none or one of them is missing.
    unmetered: Option<f64>,
}

/// Hours of a week, but for a few that may be missing.
const WEEK: u32 = 160;
/// Hours to learn anew after a long time without anything.
const AGAIN: u32 = 48;
const LONG_GAP_HOURS: i64 = 14 * HOURS as i64;
/// A point that is late by more than this is not waited for.
const GRACE_MICROS: i64 = HOUR_MICROS;
/// What has been told for so long is the new ordinary; less than ordinary is no danger, and sooner.
const ACCEPTED_SECS: f64 = 28.0 * 86_400.0;
const ACCEPTED_LOW_SECS: f64 = 7.0 * 86_400.0;
/// More than so many times of what is ordinary, for three days, is another unit or another network.
const FOREIGN: f64 = 2.0;
const FOREIGN_SECS: f64 = 3.0 * 86_400.0;
/// Less than this share of what is ordinary is known.
const COVERED: f64 = 0.2;
/// Standard deviations of a day's pressure from which on it says something, and what evidence counts against its word.
const AGREES: f64 = 1.0;
const CONTRADICTS: f64 = 2.0;
const AGAINST: f64 = 0.8;
/// Share of the evidence that alarms from which on an alarm stands.
const STANDING: f64 = 0.5;
/// Share of the evidence that alarms from which on a leak is told of.
const TOLD: f64 = 0.25;
const YEAR_DAYS: f64 = 365.25;
/// No tank in a zone is larger, m².
const LARGEST_AREA: f64 = 1e9;
const LARGEST: f64 = 1e30;

impl Default for ZoneConfig {
    /// Without points, Saturday and Sunday at rest, UTC, one false alarm a year.
    fn default() -> Self {
        Self {
            inflows: Vec::new(),
            outflows: Vec::new(),
            levels: Vec::new(),
            meters: Vec::new(),
            pressures: Vec::new(),
            rest_days: [false, false, false, false, false, true, true],
            utc_offset_secs: 0,
            false_alarms_per_year: 1.0,
        }
    }
}

impl ZoneVerdict {
    const fn silent(state: State, confidence: f32) -> Self {
        Self { score: 0.0, confidence, state, leak: None }
    }

    /// Whether it reaches the zone's own threshold.
    pub fn is_anomalous(&self) -> bool {
        self.score >= crate::ALARM_SCORE
    }
}

impl ZoneDetector {
    /// A detector that knows nothing yet.
    pub fn new(config: ZoneConfig) -> Self {
        let inputs = Input::all_of(&config);
        let balance = inputs.iter().any(|input| input.role == Role::Meter).then(SameHours::default);
        Self {
            config,
            inputs,
            next: None,
            learned: 0,
            coverage: 0.0,
            net: SameHours::default(),
            nights: Nights::default(),
            fresh: Fresh::default(),
            balance,
            alarmed_since: None,
            low_since: None,
            latest: ZoneVerdict::silent(State::WarmingUp, 0.0),
        }
    }

    /// How it is set.
    pub const fn config(&self) -> &ZoneConfig {
        &self.config
    }

    /// Takes a trusted value of one of the zone's points, and says what is known by then. The verdict changes when an
    /// hour is over. A value that is no number, not newer than the point's newest, or of another point changes nothing.
    ///
    /// While work is planned in a zone its values are not given: hours that are missing are neither judged nor learned
    /// from.
    pub fn observe(&mut self, at: Timestamp, point: PointNo, value: f64) -> ZoneVerdict {
        let Ok(index) = self.inputs.binary_search_by_key(&point, |input| input.point) else { return self.latest };
        let hour = hour_of(at);
        let next = *self.next.get_or_insert(hour);
        if hour > next {
            // Before it is taken: it may need the room of an hour that waits.
            self.close_late(at);
        }
        let is_new = self.inputs.get_mut(index).is_some_and(|input| input.hours.take(at, value));
        if is_new && hour > next {
            while let Some(next) = self.next.filter(|next| self.inputs.iter().all(|input| input.hours.is_past(*next))) {
                self.close(next);
            }
        }
        self.latest
    }

    /// Clocks change to or from summer time, and people with them.
    pub const fn set_utc_offset(&mut self, secs: i32) {
        self.config.utc_offset_secs = secs;
    }

    /// What was said last.
    pub const fn latest(&self) -> &ZoneVerdict {
        &self.latest
    }

    /// What the zone is expected to take at a time, past or to come, m³/s. None while it warms up.
    pub fn expected_at(&self, at: Timestamp) -> Option<Band> {
        if self.learned < WEEK {
            return None;
        }
        let place = self.place(hour_of(at));
        let (centre, _) = self.net.ordinary().expected(&place)?;
        let half = 3.0 * self.net.ordinary().sigma(place.hour);
        Band::new(centre - half, centre + half).ok()
    }

    /// A person says that what is taken now is the new ordinary: a new customer, or a leak that stays.
    pub fn accept(&mut self) {
        self.net.accept();
        if let Some(balance) = &mut self.balance {
            balance.accept();
        }
        self.clear();
        self.latest = self.verdict();
    }

    /// Whether every number in it is one; a restored detector that is not is made anew.
    pub fn is_sound(&self) -> bool {
        self.coverage.is_finite()
            && self.net.is_sound()
            && self.nights.is_sound()
            && self.fresh.is_sound()
            && self.balance.as_ref().is_none_or(SameHours::is_sound)
            && self.inputs.is_sorted_by_key(|input| input.point)
            && self
                .inputs
                .iter()
                .all(|input| input.hours.is_sound() && input.same.as_ref().is_none_or(|same| same.is_sound()))
    }

    /// Closes the hours that nobody may be waited for any longer.
    fn close_late(&mut self, at: Timestamp) {
        let is_due = |next: i64| at.micros_since(start_of(next.saturating_add(1))) >= GRACE_MICROS;
        // What comes after a gap ends at most two hours that had begun before it.
        for _ in 0..3 {
            let Some(next) = self.next.filter(|next| is_due(*next)) else { return };
            self.close(next);
        }
        let Some(next) = self.next.filter(|next| is_due(*next)) else { return };
        let newest = hour_of(at).saturating_sub(1);
        let missing = newest.saturating_sub(next);
        self.next = Some(newest);
        self.coverage *= (-(missing as f64) / HOURS as f64).exp();
        if missing > LONG_GAP_HOURS {
            self.learned = self.learned.min(WEEK - AGAIN);
            self.net.doubt();
            self.balance.iter_mut().for_each(SameHours::doubt);
            self.inputs.iter_mut().filter_map(|input| input.same.as_mut()).for_each(|same| same.doubt());
            self.clear();
        }
        self.latest = self.verdict();
    }

    /// An hour is over.
    fn close(&mut self, hour: i64) {
        self.next = Some(hour.saturating_add(1));
        let place = self.place(hour);
        let using = if self.learned < WEEK { Use::Learn } else { Use::Judge };
        let taken = self.close_inputs(hour, &place, using);
        self.coverage += (if taken.is_some() { 1.0 } else { 0.0 } - self.coverage) / HOURS as f64;
        if let Some(taken) = taken {
            self.take(hour, &place, taken, using);
        }
        self.latest = self.verdict();
        self.age(start_of(hour.saturating_add(1)));
    }

    /// Closes the hour of every point; gives what the zone took, where all of them are known.
    fn close_inputs(&mut self, hour: i64, place: &Place, using: Use) -> Option<Taken> {
        let is_held = self.is_held();
        let (mut net, mut metered) = (Some(0.0), Some(0.0));
        for input in &mut self.inputs {
            let closed = input.hours.close(hour);
            let mean = closed.map(|closed| closed.mean);
            let add = |sum: Option<f64>, value: Option<f64>, sign: f64| Some(sum? + sign * value?);
            match input.role {
                Role::Inflow => net = add(net, mean, 1.0),
                Role::Outflow => net = add(net, mean, -1.0),
                Role::Level { area_m2 } => {
                    net = add(net, closed.and_then(|closed| closed.change), -area_m2 / 3_600.0);
                }
                Role::Meter => metered = add(metered, mean, 1.0),
                Role::Pressure => {
                    if let Some((same, mean)) = input.same.as_mut().zip(mean) {
                        let heard = same.hear(hour, place, mean, using);
                        same.learn(hour, place, mean, heard.as_ref(), is_held);
                    }
                }
            }
        }
        let net = net.filter(|_| self.inputs.iter().any(|input| input.role.bounds()))?;
        let unmetered = metered.filter(|_| self.balance.is_some()).map(|metered| net - metered);
        let bound = |value: f64| value.clamp(-LARGEST, LARGEST);
        Some(Taken { net: bound(net), unmetered: unmetered.map(bound) })
    }

    /// Hears an hour's evidence, and learns from it where nothing speaks against it.
    fn take(&mut self, hour: i64, place: &Place, taken: Taken, using: Use) {
        let heard = self.net.hear(hour, place, taken.net, using);
        if let Some(heard) = &heard {
            self.nights.hear(hour, place, &heard.look, self.net.ordinary(), using);
            if heard.ended.is_some() {
                self.nights.clear();
            }
            if using == Use::Judge {
                self.fresh.hear(hour, &heard.look, self.net.ordinary().alike());
            }
        }
        let metered = self.balance.as_mut().zip(taken.unmetered);
        let unmetered = metered.map(|(balance, value)| (value, balance.hear(hour, place, value, using)));
        let is_held = using == Use::Judge && self.is_held();
        let lifted = self.net.learn(hour, place, taken.net, heard.as_ref(), is_held);
        self.nights.lift(lifted);
        if let Some((balance, (value, heard))) = self.balance.as_mut().zip(unmetered) {
            balance.learn(hour, place, value, heard.as_ref(), is_held);
        }
        self.learned = self.learned.saturating_add(1);
    }

    fn is_held(&self) -> bool {
        self.net.is_off() || self.nights.is_off() || self.balance.as_ref().is_some_and(SameHours::is_off)
    }

    /// Lets what has been told for long become the ordinary.
    fn age(&mut self, now: Timestamp) {
        let lasting = |since: Option<Timestamp>| since.map_or(0.0, |since| now.since(since).as_secs_f64());
        let is_low = self.net.down().sum() > self.threshold(self.net.days(), 1.0);
        self.low_since = if is_low { self.low_since.or(Some(now)) } else { None };
        self.alarmed_since = if self.latest.is_anomalous() { self.alarmed_since.or(Some(now)) } else { None };
        if self.alarmed_since.is_some() || is_low {
            self.net.disregard();
            self.nights.disregard();
            self.balance.iter_mut().for_each(SameHours::disregard);
        }
        let (high, low) = (lasting(self.alarmed_since), lasting(self.low_since));
        let size = self.net.ordinary().size();
        let above = self.net.up().run().map_or(0.0, |run| run.rate);
        let below = self.net.down().run().map_or(0.0, |run| run.rate);
        if (high >= FOREIGN_SECS && above > FOREIGN * size) || (low >= ACCEPTED_LOW_SECS && below > 0.5 * size) {
            *self =
                Self { inputs: std::mem::take(&mut self.inputs), next: self.next, ..Self::new(self.config.clone()) };
        } else if high >= ACCEPTED_SECS || low >= ACCEPTED_LOW_SECS {
            self.accept();
        }
    }

    fn clear(&mut self) {
        self.net.clear();
        self.nights.clear();
        self.fresh.clear();
        self.balance.iter_mut().for_each(SameHours::clear);
        self.alarmed_since = None;
        self.low_since = None;
    }

    fn verdict(&self) -> ZoneVerdict {
        let learned = f64::from(self.learned) / f64::from(HOURS as u32);
        let known = learned / (learned + 7.0) * self.coverage;
        if self.learned < WEEK {
            return ZoneVerdict::silent(State::WarmingUp, known as f32);
        }
        if self.coverage < COVERED {
            return ZoneVerdict::silent(State::NotEnoughToSay, known as f32);
        }
        let days = self.net.days();
        let same_hours = finding(self.net.up(), self.threshold(days, 1.0), self.net.expected_of_late());
        let night = finding(self.nights.up(), self.threshold(self.nights.days(), 1.0), self.nights.expected_of_late());
        let fresh = finding(self.fresh.up(), self.threshold(days, HOURS as f64), self.net.expected_of_late());
        let balance = self
            .balance
            .as_ref()
            .map(|balance| finding(balance.up(), self.threshold(balance.days(), 1.0), balance.expected_of_late()));
        let pressure = self.witness();
        let leading = [
            (Sign::SameHours, Some(same_hours)),
            (Sign::Night, Some(night)),
            (Sign::Balance, balance),
            (Sign::Fresh, Some(fresh)),
        ];
        let leading = leading
            .into_iter()
            .filter_map(|(sign, finding)| Some((sign, finding?)))
            .max_by(|(_, one), (_, other)| one.ratio.total_cmp(&other.ratio));
        let Some((sign, finding)) = leading else { return ZoneVerdict::silent(State::NotEnoughToSay, 0.0) };
        // What has lasted for days is told of by the days.
        let is_lasting = sign == Sign::Fresh && same_hours.ratio >= 1.0;
        let (told, telling) = if is_lasting { (Sign::SameHours, same_hours) } else { (sign, finding) };
        // More demand lowers the pressure too: that it falls proves no leak, but that it rises speaks against one.
        let ratio =
            if matches!(pressure, Witness::Contradicts { .. }) { AGAINST * finding.ratio } else { finding.ratio };
        // An alarm does not come and go with every hour.
        let ratio = if self.alarmed_since.is_some() && ratio >= STANDING { ratio.max(1.0) } else { ratio };
        // A quarter puts the threshold itself at the alarm score.
        let score = ratio * ratio / (ratio * ratio + 0.25);
        let score = if score.is_finite() { score } else { 1.0 };
        // Demand that grew shows by day; what leaks shows by night as much.
        let borne_out = if told == Sign::SameHours && telling.excess_m3_per_sec > 0.0 {
            (night.excess_m3_per_sec / telling.excess_m3_per_sec).clamp(0.5, 1.0)
        } else {
            1.0
        };
        let leak = telling.since.filter(|_| telling.ratio >= TOLD).map(|since| Leak {
            since,
            rate_m3_per_sec: telling.excess_m3_per_sec.max(0.0),
            lost_m3: self.lost_m3(told),
            sign: told,
            night,
            same_hours,
            balance,
            fresh,
            pressure,
        });
        let word = match pressure {
            Witness::Agrees { .. } => 1.0,
            Witness::Silent => 0.8,
            Witness::Contradicts { .. } => 0.5,
        };
        let confidence = if leak.is_some() { known * borne_out * word } else { known };
        ZoneVerdict { score: score as f32, confidence: confidence as f32, state: State::Scoring, leak }
    }

    fn lost_m3(&self, sign: Sign) -> f64 {
        let up = match sign {
            Sign::Night => self.nights.up(),
            Sign::SameHours => self.net.up(),
            Sign::Fresh => self.fresh.up(),
            Sign::Balance => match &self.balance {
                Some(balance) => balance.up(),
                None => return 0.0,
            },
        };
        up.run().map_or(0.0, |run| run.excess_hours * 3_600.0).max(0.0)
    }

    /// The sum that alarms, of evidence that comes so many times a day. What it is held against is itself known from so
    /// many days only: the fewer, the higher.
    fn threshold(&self, days: f64, a_day: f64) -> f64 {
        let rate = self.config.false_alarms_per_year;
        let rate = if rate.is_finite() { rate.clamp(1e-3, 1e3) } else { 1.0 };
        let signs = if self.balance.is_some() { 4.0 } else { 3.0 };
        threshold(signs * YEAR_DAYS * a_day / rate) * (1.0 + 2.0 / days.max(1.0).sqrt())
    }

    /// The pressure that lies off the most for its scatter.
    fn witness(&self) -> Witness {
        let pressures = self.inputs.iter().filter_map(|input| Some((input.point, input.same.as_ref()?)));
        let strongest =
            pressures.max_by(|(_, one), (_, other)| one.trend_sigmas().abs().total_cmp(&other.trend_sigmas().abs()));
        match strongest {
            Some((point, same)) if same.trend_sigmas() < -AGREES => Witness::Agrees { point, below_pa: -same.trend() },
            Some((point, same)) if same.trend_sigmas() > CONTRADICTS => {
                Witness::Contradicts { point, above_pa: same.trend() }
            }
            _ => Witness::Silent,
        }
    }

    fn place(&self, hour: i64) -> Place {
        Place::of(hour, self.config.utc_offset_secs, &self.config.rest_days)
    }
}

fn finding(up: &Cusum, threshold: f64, ordinary_m3_per_sec: f64) -> Finding {
    Finding {
        ratio: up.sum() / threshold,
        excess_m3_per_sec: up.run().map_or(0.0, |run| run.rate + run.lifted),
        ordinary_m3_per_sec,
        since: up.run().map(|run| run.since),
    }
}

impl Input {
    fn all_of(config: &ZoneConfig) -> Vec<Self> {
        let flows = |points: &[PointNo], role: Role| points.iter().map(|point| (*point, role)).collect::<Vec<_>>();
        let levels = config.levels.iter().map(|storage| {
            let area_m2 = if storage.area_m2.is_finite() { storage.area_m2.clamp(0.0, LARGEST_AREA) } else { 0.0 };
            (storage.level, Role::Level { area_m2 })
        });
        let mut inputs: Vec<Self> = flows(&config.inflows, Role::Inflow)
            .into_iter()
            .chain(flows(&config.outflows, Role::Outflow))
            .chain(levels)
            .chain(flows(&config.meters, Role::Meter))
            .chain(flows(&config.pressures, Role::Pressure))
            .map(|(point, role)| Self {
                point,
                role,
                hours: Hours::default(),
                same: (role == Role::Pressure).then(Box::default),
            })
            .collect();
        // Stable: of a point that is named twice the first stays.
        inputs.sort_by_key(|input| input.point);
        inputs.dedup_by_key(|input| input.point);
        inputs
    }
}

impl Role {
    /// Whether what passes there is part of what the zone takes.
    const fn bounds(self) -> bool {
        matches!(self, Self::Inflow | Self::Outflow | Self::Level { .. })
    }
}
