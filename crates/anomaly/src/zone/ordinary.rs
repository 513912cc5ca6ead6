//! What is ordinary at each hour of the week: the mean of its hour on working or rest days, the weekday's own deviation
//! as far as it is known, and a level that follows the season; with how far hours lie off it. Must not know what is
//! measured, or why an hour may not be learned from.

use serde::{Deserialize, Serialize};

use super::hours::HOUR_MICROS;

pub(super) const HOURS: usize = 24;
/// Visits that a mean remembers: of an hour on working days, on rest days, and on one weekday.
const REMEMBERED: (f64, f64, f64) = (15.0, 6.0, 6.0);
/// Visits of an hour of one weekday after which its own deviation counts half.
const WEEKDAY_HALF: f64 = 4.0;
/// Hours that the level remembers: a season moves it, a day's weather hardly.
const LEVEL_HOURS: f64 = 120.0;
/// Hours in which it is found anew after a long time without anything.
const DOUBT_HOURS: f64 = 24.0;
/// Hours that its slope remembers.
const SLOPE_HOURS: f64 = 240.0;
/// No hour is learned from, or claims, more than so many standard deviations.
const BOUND: f64 = 4.0;
/// No meter tells less than this share of what it measures.
const RESOLVED: f64 = 0.003;
/// No flow meter and no gauge tells less than this, in SI.
const LEAST: f64 = 1e-9;
/// Mean absolute to standard deviation, of a normal distribution.
const SIGMA: f64 = 1.2533;

/// An hour's place in the week of the place where it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Days since the epoch.
    pub(super) day: i64,
    pub(super) hour: usize,
    /// 0 is Monday.
    pub(super) weekday: usize,
    pub(super) is_rest: bool,
}

/// The ordinary week, and how far from it hours lie.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Ordinary {
    working: [Cell; HOURS],
    rest: [Cell; HOURS],
    weekdays: [[Cell; HOURS]; 7],
    level: f64,
    /// 1 right after a long time without anything, 0 long after: how much faster the level is followed.
    doubt: f64,
    /// What the level gains in an hour: a season that comes.
    slope: f64,
    /// Mean absolute deviation by hour of the day, and of all.
    spread: [Cell; HOURS],
    spread_of_all: Cell,
    /// Mean absolute value.
    size: Cell,
    /// How far one hour's deviation tells the next one's.
    last: Option<(i64, f64)>,
    product: f64,
    square: f64,
}

/// A mean with the number of values that it is of.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Cell {
    mean: f64,
    visits: f64,
}

/// An hour, held against the ordinary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look {
    pub(super) expected: f64,
    /// Seen less expected.
    pub(super) excess: f64,
    /// Standard deviation of an hour at this time of day.
    pub(super) sigma: f64,
    /// How many times wider than that the excess scatters because the ordinary itself is little known, 1 and up.
    pub(super) caution: f64,
}

impl Place {
    /// The place of an hour counted from the epoch.
    pub(super) fn of(hour: i64, utc_offset_secs: i32, rest_days: &[bool; 7]) -> Self {
        let offset_micros = i64::from(utc_offset_secs).saturating_mul(1_000_000);
        let local = hour.saturating_mul(HOUR_MICROS).saturating_add(offset_micros).div_euclid(HOUR_MICROS);
        let day = local.div_euclid(HOURS as i64);
        // The epoch was a Thursday.
        let weekday = usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0);
        Self {
            day,
            hour: usize::try_from(local.rem_euclid(HOURS as i64)).unwrap_or(0),
            weekday,
            is_rest: rest_days.get(weekday).copied().unwrap_or(false),
        }
    }
}

impl Ordinary {
    /// What is expected at a place of the week, and of how many visits that is known.
    pub(super) fn expected(&self, place: &Place) -> Option<(f64, f64)> {
        let class = if place.is_rest { &self.rest } else { &self.working };
        let cell = class.get(place.hour).filter(|cell| cell.visits > 0.0)?;
        Some((cell.mean + self.own_of_weekday(place) + self.level, cell.visits))
    }

    /// Holds a value against the ordinary; none where this hour was never seen.
    pub(super) fn look(&self, place: &Place, value: f64) -> Option<Look> {
        let (expected, visits) = self.expected(place)?;
        let caution = (1.0 + 1.0 / visits).sqrt();
        Some(Look { expected, excess: value - expected, sigma: self.sigma(place.hour), caution })
    }

    /// Standard deviation of an hour at this time of day. An hour is seen once a day: its own is little known at first,
    /// so that of the whole day has a say.
    pub(super) fn sigma(&self, hour: usize) -> f64 {
        let here = self.spread.get(hour).copied().unwrap_or_default();
        let share = 0.7 * here.visits / (here.visits + 3.0);
        let mixed = share * here.mean + (1.0 - share) * self.spread_of_all.mean;
        (SIGMA * mixed).max(self.resolved())
    }

    /// What no meter tells apart.
    pub(super) fn resolved(&self) -> f64 {
        (RESOLVED * self.size.mean).max(LEAST)
    }

    /// Mean absolute value.
    pub(super) const fn size(&self) -> f64 {
        self.size.mean
    }

    /// Shares of a day's evidence that its hours make up: the more, the less they scatter.
    pub(super) fn shares(&self) -> [f64; HOURS] {
        let all = self.sigma_of_all();
        let mut shares = [0.0; HOURS];
        for (hour, share) in shares.iter_mut().enumerate() {
            *share = (all / self.sigma(hour)).powi(2).clamp(0.05, 20.0);
        }
        let sum: f64 = shares.iter().sum();
        shares.map(|share| share / sum)
    }

    /// Standard deviation of a mean over hours with these shares, were all that hours have in common what one tells of
    /// the next.
    pub(super) fn predicted(&self, shares: impl Iterator<Item = (usize, f64)>) -> f64 {
        let square: f64 = shares.map(|(hour, share)| (share * self.sigma(hour)).powi(2)).sum();
        let alike = self.alike();
        (square * (1.0 + alike) / (1.0 - alike)).sqrt().max(self.resolved())
    }

    /// How much one hour's deviation says of the next.
    pub(super) fn alike(&self) -> f64 {
        if self.square > 0.0 { (self.product / self.square).clamp(-0.6, 0.9) } else { 0.0 }
    }

    /// Where the five hours in a row begin in which the least is ordinary: the night.
    pub(super) fn quietest(&self, length: usize) -> usize {
        let of = |hour: usize| self.working.get(hour % HOURS).map_or(0.0, |cell| cell.mean);
        let sum = |from: usize| (from..from + length).map(of).sum::<f64>();
        (0..HOURS).min_by(|a, b| sum(*a).total_cmp(&sum(*b))).unwrap_or(0)
    }

    /// Learns from an hour.
    pub(super) fn learn(&mut self, hour: i64, place: &Place, value: f64, look: Option<&Look>) {
        self.size.take(value.abs().min(10.0 * self.size.mean.max(LEAST)), value.abs(), 500.0);
        let is_new = look.is_none_or(|_| self.spread_of_all.visits < 24.0);
        let bounded = look.map_or(0.0, |look| bound(look.excess, BOUND * look.sigma, is_new));
        let own = self.own_of_weekday(place);
        let (class, most) =
            if place.is_rest { (&mut self.rest, REMEMBERED.1) } else { (&mut self.working, REMEMBERED.0) };
        if let Some(cell) = class.get_mut(place.hour) {
            cell.take(cell.mean + bounded, value - self.level, most);
        }
        if let Some(cell) = self.weekdays.get_mut(place.weekday).and_then(|hours| hours.get_mut(place.hour)) {
            cell.take(own + bounded, 0.0, REMEMBERED.2);
        }
        let Some(look) = look else { return };
        self.learn_spread(hour, place, look, is_new);
        let gain = (1.0 / LEVEL_HOURS).max(self.doubt / DOUBT_HOURS);
        let by = bound(look.excess, 2.0 * look.sigma, false) * gain;
        if self.spread_of_all.visits >= LEVEL_HOURS {
            self.slope += by / SLOPE_HOURS * (1.0 - self.doubt);
        }
        self.doubt -= self.doubt / DOUBT_HOURS;
        self.level += by + self.slope;
    }

    /// An hour passes that is not learned from: the season goes on, as far as it was seen coming.
    pub(super) fn pass(&mut self) {
        self.level += self.slope;
        self.slope -= self.slope / SLOPE_HOURS;
    }

    /// Moves the level.
    pub(super) fn lift(&mut self, by: f64) {
        self.level += by;
    }

    /// After a long time without anything, the level is found anew.
    pub(super) const fn doubt_level(&mut self) {
        self.doubt = 1.0;
        self.slope = 0.0;
    }

    /// Whether every number is one.
    pub(super) fn is_sound(&self) -> bool {
        let cells = self.working.iter().chain(&self.rest).chain(self.weekdays.iter().flatten()).chain(&self.spread);
        cells.chain([&self.spread_of_all, &self.size]).all(|cell| cell.mean.is_finite() && cell.visits.is_finite())
            && [self.level, self.doubt, self.slope, self.product, self.square].into_iter().all(f64::is_finite)
            && self.last.is_none_or(|(_, deviation)| deviation.is_finite())
    }

    fn sigma_of_all(&self) -> f64 {
        (SIGMA * self.spread_of_all.mean).max(self.resolved())
    }

    /// The weekday's own deviation from its class, as far as it is known.
    fn own_of_weekday(&self, place: &Place) -> f64 {
        let cell = self.weekdays.get(place.weekday).and_then(|hours| hours.get(place.hour));
        cell.map_or(0.0, |cell| cell.mean * cell.visits / (cell.visits + WEEKDAY_HALF))
    }

    fn learn_spread(&mut self, hour: i64, place: &Place, look: &Look, is_new: bool) {
        let deviation = bound(look.excess, BOUND * look.sigma * look.caution, is_new).abs() / look.caution;
        if let Some(cell) = self.spread.get_mut(place.hour) {
            cell.take(deviation, deviation, 20.0);
        }
        self.spread_of_all.take(deviation, deviation, 20.0 * HOURS as f64);
        let now = (look.excess / (look.sigma * look.caution)).clamp(-3.0, 3.0);
        if let Some((_, before)) = self.last.replace((hour, now)).filter(|(last, _)| last.saturating_add(1) == hour) {
            let gain = (1.0 / self.spread_of_all.visits.max(1.0)).max(1.0 / 500.0);
            self.product += gain * (now * before - self.product);
            self.square += gain * (now * now - self.square);
        }
    }
}

impl Cell {
    /// Takes a value, the first one as `first`; remembers about `most` of them.
    fn take(&mut self, value: f64, first: f64, most: f64) {
        if self.visits <= 0.0 {
            *self = Self { mean: first, visits: 1.0 };
            return;
        }
        self.visits = (self.visits + 1.0).min(most);
        self.mean += (value - self.mean) / self.visits;
    }
}

/// Cuts to plus or minus a bound, unless all is still too new for one.
fn bound(value: f64, most: f64, is_new: bool) -> f64 {
    if is_new { value } else { value.clamp(-most, most) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEEKEND: [bool; 7] = [false, false, false, false, false, true, true];

    #[test]
    fn the_week_begins_on_monday_where_it_is_measured() {
        // 2025-01-06 was a Monday.
        let monday = 482_256;
        assert_eq!(Place::of(monday, 0, &WEEKEND), Place { day: 20_094, hour: 0, weekday: 0, is_rest: false });
        let before = Place::of(monday, -3_600, &WEEKEND);
        assert_eq!((before.hour, before.weekday, before.is_rest), (23, 6, true));
        assert_eq!(Place::of(monday, 19_800, &WEEKEND).hour, 5);
    }

    #[test]
    fn learns_working_days_and_rest_days_apart() {
        let value = |place: &Place| place.hour as f64 + if place.is_rest { 100.0 } else { 0.0 };
        let mut ordinary = Ordinary::default();
        for hour in 0..24 * 21 {
            let place = Place::of(hour, 0, &WEEKEND);
            let look = ordinary.look(&place, value(&place));
            ordinary.learn(hour, &place, value(&place), look.as_ref());
        }
        for hour in 0..24 * 7 {
            let place = Place::of(hour, 0, &WEEKEND);
            let (expected, _) = ordinary.expected(&place).expect("seen");
            assert!((expected - value(&place)).abs() < 1e-6, "{place:?}: {expected}");
        }
        assert_eq!(ordinary.quietest(5), 0);
    }

    #[test]
    fn one_wild_hour_hardly_moves_it() {
        let mut ordinary = Ordinary::default();
        for hour in 0..24 * 14 {
            let place = Place::of(hour, 0, &[false; 7]);
            let value = if hour == 300 { 1e30 } else { 10.0 + (hour % 7) as f64 };
            let look = ordinary.look(&place, value);
            ordinary.learn(hour, &place, value, look.as_ref());
        }
        let (expected, _) = ordinary.expected(&Place::of(300, 0, &[false; 7])).expect("seen");
        assert!((8.0..20.0).contains(&expected), "{expected}");
        assert!(ordinary.is_sound() && ordinary.sigma(12) < 10.0);
    }
}
