//! Leaves out samples that say no more than the kept ones, as each point's recording settings have it. Pure: must not
//! know the database, and looks at nothing but the samples in the order of their source times.
//!
//! **Exception.** A sample within the deadband of the last reported one is not reported. When a value leaves the
//! deadband, the sample just before is reported too, so that a step stays a step.
//!
//! **Swinging door.** Of what is reported, a sample is recorded where no line from the last recorded one to the next can
//! pass all that lies between within the deviation. Other than in Bristol's two doors, whose line ends beside the last sample,
//! a line always ends in a sample and is checked against all that it passes, so that the deviation is the bound of the
//! error and not half of it.
//!
//! **Bound.** A left-out sample is within the deadband of the recorded value before it where there is a deadband alone,
//! and within `deviation + 2 × deadband` of the line through its recorded neighbours in any case. The two are of its
//! own quality, and no further apart than the settings allow. Samples of one quality make a run; where quality changes, or
//! whether there is a value at all, both sides of the change are recorded.
//!
//! **Nothing is held in memory alone.** The newest sample of a point is always stored, for the time being; when a later
//! batch shows that it is not needed, it is removed in the transaction that stores the later ones. So a crash loses
//! nothing: the next writer asks which sample is the newest, and begins with the first one after it, which stays.
//!
//! **Late samples**, those not newer than the newest of their point, are stored and change nothing here. Lines that
//! are drawn through them too may pass further from samples that had been left out before. A sample that was left out
//! comes back by itself when it is delivered again: it is late then. It is a true value within the bound of the line
//! that had stood for it, so that lines which go through it stay within twice the bound. Samples of a clock that is
//! ahead are stored likewise: as the newest they would make all others late.

use std::collections::{BTreeMap, BTreeSet};

use penstock_model::{Doubt, PointNo, Quality, Recording, Sample, Timestamp};

/// Knows where each point's recording stands.
#[derive(Debug, Default)]
pub(super) struct Thinner {
    settings: BTreeMap<PointNo, Recording>,
    standing: BTreeMap<PointNo, Standing>,
}

/// Where the recording of a point stands.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Standing {
    /// It begins with the first sample after this time; up to here there are others.
    After(Timestamp),
    /// It goes on.
    On(Trace),
}

impl Standing {
    /// The same, begun anew with the next sample.
    fn anew(self) -> Self {
        match self {
            Self::After(_) => self,
            Self::On(trace) => Self::After(trace.newest().at),
        }
    }
}

/// What becomes of a batch. Nothing has changed until it is accepted.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Plan {
    /// Samples stored by earlier batches that are not needed any more, by point and source time.
    pub(super) removed: Vec<(PointNo, Timestamp)>,
    /// Samples left out, those that are removed among them.
    pub(super) left_out: u64,
    standing: Vec<(PointNo, Standing)>,
}

impl Thinner {
    /// Takes settings up; a point without any is recorded whole. Where they change, recording begins anew.
    pub(super) fn set(&mut self, settings: BTreeMap<PointNo, Recording>) {
        self.standing.retain(|point, _| settings.contains_key(point));
        for (point, standing) in &mut self.standing {
            if self.settings.get(point) != settings.get(point) {
                *standing = standing.anew();
            }
        }
        self.settings = settings;
    }

    /// Forgets what was stored: to be called where that is not certain, as after a failed transaction.
    pub(super) fn begin_anew(&mut self) {
        self.standing.clear();
    }

    /// The points of `samples`, which are in the order of points, that have settings, and of which nobody has said yet
    /// which stored sample is the newest.
    pub(super) fn unknown(&self, samples: &[Sample]) -> Vec<PointNo> {
        if self.settings.is_empty() {
            return Vec::new();
        }
        let points = samples.chunk_by(|one, other| one.point == other.point).filter_map(<[Sample]>::first);
        let is_unknown = |point: &PointNo| self.settings.contains_key(point) && !self.standing.contains_key(point);
        points.map(|sample| sample.point).filter(is_unknown).collect()
    }

    /// Says which stored sample of a point is the newest, clocks that are ahead aside; none where there is none.
    pub(super) fn learn(&mut self, point: PointNo, newest: Option<Timestamp>) {
        self.standing.insert(point, Standing::After(newest.unwrap_or(Timestamp::MIN)));
    }

    /// Takes out of `samples`, which are in the order of point and source time with no key twice, those that are not to
    /// be stored. One whose key is among the `contested` stays, so that it is seen that two values came for it. Those
    /// of [`Self::unknown`] points stay.
    pub(super) fn plan(&self, samples: &mut Vec<Sample>, contested: &[Sample]) -> Plan {
        let mut plan = Plan::default();
        if self.settings.is_empty() {
            return plan;
        }
        let contested: BTreeSet<(PointNo, Timestamp)> =
            contested.iter().map(|sample| (sample.point, sample.source_time)).collect();
        let mut keeps = vec![true; samples.len()];
        let mut next_row = 0;
        for of_point in samples.chunk_by(|one, other| one.point == other.point) {
            let first_row = next_row;
            next_row += of_point.len();
            let Some((point, recording)) =
                of_point.first().and_then(|sample| self.settings.get_key_value(&sample.point))
            else {
                continue;
            };
            let Some(mut standing) = self.standing.get(point).copied() else { continue };
            let mut redundant = Vec::new();
            for (row, sample) in (first_row..).zip(of_point) {
                if sample.quality == Quality::Uncertain(Doubt::ClockAhead) {
                    continue;
                }
                match &mut standing {
                    Standing::After(newest) if sample.source_time <= *newest => {}
                    Standing::After(_) => standing = Standing::On(Trace::new(sample, row)),
                    Standing::On(trace) => {
                        let newest = trace.newest().at;
                        if sample.source_time > newest {
                            trace.take(sample, row, recording, &mut redundant);
                        }
                        // The newest again, or another value for its time: it must be there to be compared with.
                        if sample.source_time == newest || contested.contains(&(*point, sample.source_time)) {
                            trace.settle();
                        }
                    }
                }
            }
            for knot in redundant {
                match knot.row.and_then(|row| keeps.get_mut(row)) {
                    Some(keep) => *keep = false,
                    None => plan.removed.push((*point, knot.at)),
                }
                plan.left_out += 1;
            }
            plan.standing.push((*point, standing));
        }
        let mut keeps = keeps.into_iter();
        samples.retain(|_| keeps.next().unwrap_or(true));
        plan
    }

    /// Goes on from what `plan` made, once it is stored. Where not all of its samples were new to the database, as
    /// `is_fresh` says, what stands there already may need the newest ones: they stay, and recording begins anew.
    pub(super) fn accept(&mut self, plan: Plan, is_fresh: bool) {
        for (point, mut standing) in plan.standing {
            if let Standing::On(trace) = &mut standing {
                trace.mark_stored();
            }
            self.standing.insert(point, if is_fresh { standing } else { standing.anew() });
        }
    }
}

/// One sample as a place on a line.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Knot {
    at: Timestamp,
    /// 0 where it has none: a run without values is a level line.
    value: f64,
    /// Its place in the batch; none where an earlier batch stored it.
    row: Option<usize>,
}

impl Knot {
    fn of(sample: &Sample, row: usize) -> Self {
        Self { at: sample.source_time, value: sample.value.unwrap_or_default(), row: Some(row) }
    }

    fn is_near(self, earlier: Self, recording: &Recording) -> bool {
        self.at.since(earlier.at) <= recording.at_least_every()
    }

    fn is_within(self, deadband: f64, of: Self) -> bool {
        (self.value - of.value).abs() <= deadband
    }

    /// Rise a microsecond of the line from here to `later`, whose value is moved `by` so much.
    fn slope(self, later: Self, by: f64) -> f64 {
        (later.value + by - self.value) / later.at.micros_since(self.at) as f64
    }
}

/// The slopes that a line from the pivot may have to pass all that lies behind it within the deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Door {
    low: f64,
    high: f64,
}

impl Door {
    const OPEN: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };

    fn narrowed(self, pivot: Knot, passed: Knot, deviation: f64) -> Self {
        Self { low: self.low.max(pivot.slope(passed, -deviation)), high: self.high.min(pivot.slope(passed, deviation)) }
    }

    fn lets(self, slope: f64) -> bool {
        slope.is_finite() && self.low <= slope && slope <= self.high
    }
}

/// The line of a point. All of its knots are stored, or are to be with the batch.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Trace {
    /// The last sample that stays, whatever comes.
    pivot: Knot,
    /// The door from the pivot, past all that was left out since.
    door: Door,
    /// The last reported sample behind the pivot: the line's end for the time being.
    end: Option<Knot>,
    /// The newest sample where it was not reported.
    held: Option<Knot>,
    quality: Quality,
    has_value: bool,
}

impl Trace {
    fn new(sample: &Sample, row: usize) -> Self {
        Self {
            pivot: Knot::of(sample, row),
            door: Door::OPEN,
            end: None,
            held: None,
            quality: sample.quality,
            has_value: sample.value.is_some(),
        }
    }

    fn newest(&self) -> Knot {
        self.held.or(self.end).unwrap_or(self.pivot)
    }

    /// Makes the newest sample one that stays, with all that is stored before it.
    fn settle(&mut self) {
        (self.pivot, self.door) = (self.newest(), Door::OPEN);
        (self.end, self.held) = (None, None);
    }

    fn mark_stored(&mut self) {
        for knot in [Some(&mut self.pivot), self.end.as_mut(), self.held.as_mut()].into_iter().flatten() {
            knot.row = None;
        }
    }

    /// Takes a sample that is newer than all before it.
    fn take(&mut self, sample: &Sample, row: usize, recording: &Recording, redundant: &mut Vec<Knot>) {
        if sample.quality != self.quality || sample.value.is_some() != self.has_value {
            *self = Self::new(sample, row);
            return;
        }
        let next = Knot::of(sample, row);
        if let Some(deadband) = recording.deadband() {
            let last = self.end.unwrap_or(self.pivot);
            let is_within = next.is_within(deadband, last);
            if is_within && next.is_near(last, recording) {
                redundant.extend(self.held.replace(next));
                return;
            }
            if let Some(held) = self.held.take() {
                self.report(held, recording, redundant);
                // Where no more than the time has run out, the one just before is enough.
                if is_within && next.is_within(deadband, held) && next.is_near(held, recording) {
                    self.held = Some(next);
                    return;
                }
            }
        }
        self.report(next, recording, redundant);
    }

    /// Makes `knot` the end of the line, which goes through the end there was before where it cannot pass it.
    fn report(&mut self, knot: Knot, recording: &Recording, redundant: &mut Vec<Knot>) {
        let Some(deviation) = recording.deviation() else {
            self.pivot = knot;
            return;
        };
        let Some(end) = self.end.replace(knot) else { return };
        let door = self.door.narrowed(self.pivot, end, deviation);
        if knot.is_near(self.pivot, recording) && door.lets(self.pivot.slope(knot, 0.0)) {
            self.door = door;
            redundant.push(end);
        } else {
            (self.pivot, self.door) = (end, Door::OPEN);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use penstock_model::Fault;
    use proptest::prelude::*;

    use super::*;

    const POINT: PointNo = PointNo(7);

    fn recording(deadband: Option<f64>, deviation: Option<f64>, at_least_every_secs: u64) -> Recording {
        Recording::new(deadband, deviation, Duration::from_secs(at_least_every_secs)).expect("right")
    }

    fn sample(secs: i64, value: f64) -> Sample {
        let at = Timestamp::from_secs(secs);
        Sample { point: POINT, source_time: at, received_time: at, value: Some(value), quality: Quality::Good }
    }

    fn samples(values: &[f64]) -> Vec<Sample> {
        (0..).zip(values).map(|(secs, value)| sample(secs, *value)).collect()
    }

    /// A table of samples behind a thinner.
    struct Table {
        thinner: Thinner,
        rows: BTreeMap<Timestamp, Sample>,
    }

    impl Table {
        fn new(recording: Recording) -> Self {
            let mut thinner = Thinner::default();
            thinner.set(BTreeMap::from([(POINT, recording)]));
            Self { thinner, rows: BTreeMap::new() }
        }

        /// Stores a batch as the writer does, and says how many samples were left out.
        fn write(&mut self, batch: &[Sample]) -> u64 {
            let mut stored = batch.to_vec();
            stored.sort_by_key(|sample| sample.source_time);
            for point in self.thinner.unknown(&stored) {
                let ahead = Quality::Uncertain(Doubt::ClockAhead);
                let newest = self.rows.values().rfind(|row| row.point == point && row.quality != ahead);
                self.thinner.learn(point, newest.map(|row| row.source_time));
            }
            let plan = self.thinner.plan(&mut stored, &[]);
            for (point, at) in &plan.removed {
                assert_eq!(*point, POINT);
                assert!(self.rows.remove(at).is_some(), "{at} is not stored");
            }
            let mut is_fresh = true;
            for sample in stored {
                is_fresh &= !self.rows.contains_key(&sample.source_time);
                self.rows.entry(sample.source_time).or_insert(sample);
            }
            let left_out = plan.left_out;
            self.thinner.accept(plan, is_fresh);
            left_out
        }

        fn secs(&self) -> Vec<i64> {
            self.rows.keys().map(|at| at.as_micros() / 1_000_000).collect()
        }
    }

    /// Checks the seconds that are stored of a batch, and that one sample at a time leaves the same.
    fn check(recording: Recording, given: &[Sample], expect: &[i64]) {
        let mut at_once = Table::new(recording);
        let left_out = at_once.write(given);
        assert_eq!(at_once.secs(), expect);
        assert_eq!(left_out as usize, given.len() - expect.len());
        let mut singly = Table::new(recording);
        let left_out: u64 = given.iter().map(|sample| singly.write(std::slice::from_ref(sample))).sum();
        assert_eq!(singly.secs(), expect);
        assert_eq!(left_out as usize, given.len() - expect.len());
    }

    #[test]
    fn within_the_deadband_only_the_newest_joins_the_first() {
        check(recording(Some(0.5), None, 3_600), &samples(&[1.0, 1.5, 0.5, 1.2, 0.8]), &[0, 4]);
    }

    #[test]
    fn a_step_stays_a_step() {
        check(recording(Some(0.5), None, 3_600), &samples(&[1.0, 1.1, 0.9, 9.0, 9.1, 9.2]), &[0, 2, 3, 5]);
        check(recording(None, Some(0.5), 3_600), &samples(&[1.0, 1.1, 0.9, 9.0, 9.1, 9.2]), &[0, 2, 3, 5]);
        check(recording(Some(0.2), Some(0.5), 3_600), &samples(&[1.0, 1.1, 0.9, 9.0, 9.1, 9.2]), &[0, 2, 3, 5]);
    }

    #[test]
    fn a_ramp_is_its_two_ends() {
        let ramp: Vec<f64> = (0..100).map(|step| f64::from(step) * 0.25).collect();
        check(recording(None, Some(0.1), 3_600), &samples(&ramp), &[0, 99]);
        let roof: Vec<f64> = (-50_i32..50).map(|step| f64::from(-step.abs()) * 0.25).collect();
        check(recording(None, Some(0.001), 3_600), &samples(&roof), &[0, 50, 99]);
    }

    #[test]
    fn a_spike_stays() {
        check(recording(None, Some(0.5), 3_600), &samples(&[1.0, 1.0, 1.0, 5.0, 1.0, 1.0, 1.0]), &[0, 2, 3, 4, 6]);
        check(recording(Some(0.5), None, 3_600), &samples(&[1.0, 1.0, 1.0, 5.0, 1.0, 1.0, 1.0]), &[0, 2, 3, 4, 6]);
    }

    #[test]
    fn something_is_recorded_at_least_so_often() {
        let level = samples(&[1.0; 35]);
        check(recording(Some(0.5), None, 10), &level, &[0, 10, 20, 30, 34]);
        check(recording(None, Some(0.5), 10), &level, &[0, 10, 20, 30, 34]);
        // Samples further apart than that all stay.
        let rare: Vec<Sample> = (0..5).map(|step| sample(step * 60, 1.0)).collect();
        check(recording(Some(0.5), Some(0.5), 10), &rare, &[0, 60, 120, 180, 240]);
    }

    #[test]
    fn a_change_of_quality_or_of_there_being_a_value_stays() {
        let doubtful = |secs, quality| Sample { quality, ..sample(secs, 1.0) };
        let silent = |secs| Sample { value: None, ..doubtful(secs, Quality::Bad(Fault::Disconnected)) };
        let bad = |secs| doubtful(secs, Quality::Bad(Fault::Disconnected));
        let unsure = |secs| doubtful(secs, Quality::Uncertain(Doubt::Device));
        let mut given = vec![sample(0, 1.0), sample(1, 1.0), sample(2, 1.0)];
        given.extend([unsure(3), unsure(4), unsure(5), silent(6), silent(7), silent(8), bad(9), sample(10, 1.0)]);
        for settings in [(Some(0.5), None), (None, Some(0.5)), (Some(0.5), Some(0.5))] {
            check(recording(settings.0, settings.1, 3_600), &given, &[0, 2, 3, 5, 6, 8, 9, 10]);
        }
    }

    #[test]
    fn a_point_without_settings_and_a_clock_that_is_ahead_lose_nothing() {
        let mut table = Table::new(recording(Some(0.5), None, 3_600));
        let other: Vec<Sample> =
            samples(&[1.0; 9]).into_iter().map(|sample| Sample { point: PointNo(8), ..sample }).collect();
        let ahead = |secs| Sample { quality: Quality::Uncertain(Doubt::ClockAhead), ..sample(secs, 1.0) };
        assert_eq!(table.write(&other), 0);
        assert_eq!(table.write(&[ahead(1_000), ahead(1_001), ahead(1_002)]), 0);
        assert_eq!(table.write(&[sample(20, 1.0), sample(21, 1.0), sample(22, 1.0)]), 1);
    }

    #[test]
    fn late_samples_are_stored_and_disturb_nothing() {
        let mut table = Table::new(recording(None, Some(0.5), 3_600));
        table.write(&[sample(0, 1.0), sample(10, 1.0)]);
        assert_eq!(table.write(&[sample(5, 9.0), sample(-5, 9.0)]), 0);
        assert_eq!(table.write(&[sample(20, 1.0)]), 1);
        assert_eq!(table.secs(), [-5, 0, 5, 20]);
    }

    #[test]
    fn what_was_left_out_comes_back_when_it_is_delivered_again() {
        let mut table = Table::new(recording(Some(0.5), None, 3_600));
        let given = samples(&[1.0, 1.1, 1.2, 1.3]);
        table.write(&given);
        assert_eq!(table.secs(), [0, 3]);
        assert_eq!(table.write(&given[1..]), 0);
        assert_eq!(table.secs(), [0, 1, 2, 3]);
        // The newest came again, so that it is not known who else needs it: it stays, and the next is a first one.
        assert_eq!(table.write(&[sample(4, 1.1), sample(5, 1.1), sample(6, 1.1)]), 1);
        assert_eq!(table.secs(), [0, 1, 2, 3, 4, 6]);
    }

    #[test]
    fn a_plan_that_is_not_accepted_changes_nothing() {
        let mut table = Table::new(recording(None, Some(0.1), 3_600));
        table.write(&samples(&[1.0, 1.0, 1.0]));
        let next = [sample(3, 1.05), sample(4, 1.1), sample(5, 7.0)];
        let (mut first, mut second) = (next.to_vec(), next.to_vec());
        let failed = table.thinner.plan(&mut first, &[]);
        assert_eq!(failed.removed, [(POINT, Timestamp::from_secs(2))]);
        assert_eq!(table.thinner.plan(&mut second, &[]), failed);
        assert_eq!(first, second);
    }

    #[test]
    fn begun_anew_it_removes_nothing_and_knows_what_is_late() {
        let mut table = Table::new(recording(None, Some(0.1), 3_600));
        table.write(&samples(&[1.0, 1.0, 1.0, 1.0]));
        assert_eq!(table.secs(), [0, 3]);
        table.thinner.begin_anew();
        assert_eq!(table.thinner.unknown(&[sample(4, 1.0)]), [POINT]);
        assert_eq!(table.write(&[sample(1, 1.0)]), 0);
        assert_eq!(table.write(&[sample(4, 1.0), sample(5, 1.0), sample(6, 1.0)]), 1);
        assert_eq!(table.secs(), [0, 1, 3, 4, 6]);
        assert!(table.thinner.unknown(&[sample(7, 1.0)]).is_empty());
    }

    #[test]
    fn changed_settings_begin_anew_and_others_go_on() {
        let mut table = Table::new(recording(Some(0.5), None, 3_600));
        table.write(&samples(&[1.0, 1.0]));
        table.thinner.set(BTreeMap::from([(POINT, recording(Some(0.5), None, 3_600))]));
        assert_eq!(table.write(&[sample(2, 1.0)]), 1);
        table.thinner.set(BTreeMap::from([(POINT, recording(Some(0.6), None, 3_600))]));
        assert_eq!(table.write(&[sample(3, 1.0)]), 0);
        table.thinner.set(BTreeMap::new());
        assert_eq!(table.write(&[sample(4, 1.0), sample(5, 1.0), sample(6, 1.0)]), 0);
    }

    #[test]
    fn a_key_that_another_value_came_for_is_kept() {
        let mut thinner = Table::new(recording(Some(0.5), Some(0.5), 3_600)).thinner;
        thinner.learn(POINT, None);
        let mut stored = samples(&[1.0, 1.0, 1.0, 1.0, 1.0]);
        let plan = thinner.plan(&mut stored, &[sample(2, 4.0)]);
        assert_eq!(stored, [sample(0, 1.0), sample(2, 1.0), sample(4, 1.0)]);
        assert_eq!(plan.left_out, 2);
    }

    #[test]
    fn values_at_the_end_of_what_there_is_do_no_harm() {
        let most = [f64::MAX, f64::MIN, 0.0, f64::MIN, f64::MAX, f64::MAX];
        let mut table = Table::new(recording(None, Some(1.0), 3_600));
        table.write(&samples(&most));
        assert_eq!(table.secs(), [0, 1, 2, 3, 4, 5]);
    }

    /// What a signal does from one sample to the next.
    #[derive(Debug, Clone, Copy)]
    enum Turn {
        Walk,
        Stay,
        Ramp,
        Step,
        Spike,
        Noise,
        Doubt,
        Silence,
    }

    /// Walks, noise, ramps, steps, spikes, and qualities of all kinds, at uneven times.
    fn signal() -> impl Strategy<Value = Vec<Sample>> {
        let turn = prop_oneof![
            4 => Just(Turn::Walk), 6 => Just(Turn::Stay), 2 => Just(Turn::Ramp), 1 => Just(Turn::Step),
            1 => Just(Turn::Spike), 6 => Just(Turn::Noise), 1 => Just(Turn::Doubt), 1 => Just(Turn::Silence),
        ];
        let turns = prop::collection::vec((turn, 1_000_i64..90_000_000, -1.0..1.0_f64), 1..150);
        turns.prop_map(|turns| {
            let (mut at, mut level, mut slope) = (0, 10.0, 0.0);
            let place = |(turn, gap, by): (Turn, i64, f64)| {
                at += gap;
                level += slope * gap as f64;
                let (mut value, mut quality) = (0.0, Quality::Good);
                match turn {
                    Turn::Walk => level += by,
                    Turn::Stay => {}
                    Turn::Ramp => slope = by / 30e6,
                    Turn::Step => level += by * 50.0,
                    Turn::Spike => value = by * 100.0,
                    Turn::Noise => value = by,
                    Turn::Doubt => quality = Quality::Uncertain(Doubt::OutOfRange),
                    Turn::Silence => quality = Quality::Bad(Fault::Disconnected),
                }
                let at = Timestamp::from_micros(at);
                Sample {
                    source_time: at,
                    received_time: at,
                    value: (!matches!(turn, Turn::Silence)).then_some(level + value),
                    quality,
                    ..sample(0, 0.0)
                }
            };
            turns.into_iter().map(place).collect()
        })
    }

    fn settings() -> impl Strategy<Value = Recording> {
        let by = || 0.05..3.0_f64;
        let both = prop_oneof![
            by().prop_map(|deadband| (Some(deadband), None::<f64>)),
            by().prop_map(|deviation| (None::<f64>, Some(deviation))),
            (by(), by()).prop_map(|(deadband, deviation)| (Some(deadband), Some(deviation))),
        ];
        (both, 1_u64..2_000).prop_map(|((deadband, deviation), secs)| recording(deadband, deviation, secs))
    }

    /// What happens to a batch.
    #[derive(Debug, Clone, Copy)]
    enum Fate {
        Stored,
        Failed,
        Restarted,
    }

    /// Batches of a signal, cut anywhere.
    fn cuts() -> impl Strategy<Value = Vec<(usize, Fate)>> {
        let fate = prop_oneof![8 => Just(Fate::Stored), 1 => Just(Fate::Failed), 1 => Just(Fate::Restarted)];
        prop::collection::vec((1_usize..40, fate), 150)
    }

    /// Checks that what is stored stands for all that was given.
    fn within_bound(table: &Table, given: &[Sample], recording: &Recording) -> Result<(), TestCaseError> {
        let stored = &table.rows;
        let ends = [given.first(), given.last()];
        for end in ends.into_iter().flatten() {
            prop_assert_eq!(stored.get(&end.source_time), Some(end), "the first and the newest are stored");
        }
        for sample in given {
            if let Some(kept) = stored.get(&sample.source_time) {
                prop_assert_eq!(kept, sample);
                continue;
            }
            let before = stored.range(..sample.source_time).next_back().map(|(_, sample)| *sample);
            let after = stored.range(sample.source_time..).next().map(|(_, sample)| *sample);
            let (Some(before), Some(after)) = (before, after) else {
                return Err(TestCaseError::fail(format!("nothing on one side of {sample:?}")));
            };
            prop_assert_eq!((before.quality, after.quality), (sample.quality, sample.quality));
            prop_assert!(after.source_time.since(before.source_time) <= recording.at_least_every());
            let (Some(value), Some(from), Some(to)) = (sample.value, before.value, after.value) else {
                prop_assert_eq!((sample.value, before.value, after.value), (None, None, None));
                continue;
            };
            let share = sample.source_time.micros_since(before.source_time) as f64
                / after.source_time.micros_since(before.source_time) as f64;
            let line = from + (to - from) * share;
            let (deadband, deviation) =
                (recording.deadband().unwrap_or_default(), recording.deviation().unwrap_or_default());
            let bound = deviation + 2.0 * deadband;
            prop_assert!((line - value).abs() <= bound + 1e-9, "{} from {} at {:?}", line, value, sample.source_time);
            if recording.deviation().is_none() {
                prop_assert!((from - value).abs() <= deadband + 1e-9);
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_error_is_bound_however_batches_are_cut(signal in signal(), settings in settings(), cuts in cuts()) {
            let mut table = Table::new(settings);
            let mut from = 0;
            for (size, fate) in cuts {
                let to = signal.len().min(from + size);
                let batch = &signal[from..to];
                match fate {
                    Fate::Stored => {}
                    Fate::Failed => {
                        let mut lost = batch.to_vec();
                        table.thinner.plan(&mut lost, &[]);
                    }
                    Fate::Restarted => table.thinner.begin_anew(),
                }
                table.write(batch);
                within_bound(&table, &signal[..to], &settings)?;
                from = to;
                if from == signal.len() {
                    break;
                }
            }
        }

        #[test]
        fn what_comes_again_stays_within_twice_the_bound(
            signal in signal(), settings in settings(), again in prop::collection::vec(0_usize..150, 1..20),
        ) {
            let mut table = Table::new(settings);
            for (number, sample) in signal.iter().enumerate() {
                if number % 11 == 5 {
                    table.thinner.begin_anew();
                }
                table.write(std::slice::from_ref(sample));
                for back in again.iter().filter(|back| **back <= number && (number - **back) % 7 == 3) {
                    table.write(std::slice::from_ref(&signal[*back]));
                }
            }
            let twice = Recording::new(
                settings.deadband().map(|deadband| 2.0 * deadband),
                settings.deviation().map(|deviation| 2.0 * deviation),
                settings.at_least_every(),
            );
            within_bound(&table, &signal, &twice.expect("right"))?;
        }
    }
}
