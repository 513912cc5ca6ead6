//! How well alarms and scores fit labels: rows, events, episodes, rankings. Must not know which set or contender they
//! are of.

use std::ops::{AddAssign, Range};

use crate::contender::Finding;
use crate::table::median;
use crate::trial::Scored;

/// Alarmed rows this close together are one episode.
const MERGED_ROWS: usize = 10;

/// Rows by label and alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Confusion {
    pub(crate) hits: usize,
    pub(crate) false_alarms: usize,
    pub(crate) misses: usize,
    pub(crate) quiet: usize,
}

/// What is counted over any number of recordings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) rows: Confusion,
    pub(crate) events: usize,
    pub(crate) found: usize,
    /// Of each event found, from its first row to its first alarm.
    pub(crate) delays_secs: Vec<f64>,
    /// Episodes among rows without a label: one that goes on behind an event counts again.
    pub(crate) false_episodes: usize,
    /// Those of them that are no part of an episode with a labelled row in it.
    pub(crate) unfounded_episodes: usize,
    /// Time without a label.
    pub(crate) normal_days: f64,
    /// Every row's score with its label.
    pub(crate) ranking: Vec<(f32, bool)>,
}

impl Confusion {
    /// Counts rows.
    pub(crate) fn of(alarms: &[bool], labels: &[bool]) -> Self {
        let mut rows = Self::default();
        for (is_alarm, is_labelled) in alarms.iter().zip(labels) {
            *match (is_alarm, is_labelled) {
                (true, true) => &mut rows.hits,
                (true, false) => &mut rows.false_alarms,
                (false, true) => &mut rows.misses,
                (false, false) => &mut rows.quiet,
            } += 1;
        }
        rows
    }

    pub(crate) fn precision(&self) -> Option<f64> {
        share(self.hits, self.hits + self.false_alarms)
    }

    pub(crate) fn recall(&self) -> Option<f64> {
        share(self.hits, self.hits + self.misses)
    }

    /// Harmonic mean of precision and recall; none where nothing is labelled.
    pub(crate) fn f1(&self) -> Option<f64> {
        self.recall()?;
        share(2 * self.hits, 2 * self.hits + self.false_alarms + self.misses)
    }

    /// Share of the rows without a label that are alarmed.
    pub(crate) fn false_alarm_rate(&self) -> Option<f64> {
        share(self.false_alarms, self.false_alarms + self.quiet)
    }

    /// Share of the labelled rows that are not alarmed.
    pub(crate) fn missed_rate(&self) -> Option<f64> {
        share(self.misses, self.hits + self.misses)
    }

    /// What it were if every row were alarmed.
    pub(crate) const fn all_alarmed(&self) -> Self {
        Self { hits: self.hits + self.misses, false_alarms: self.false_alarms + self.quiet, misses: 0, quiet: 0 }
    }
}

impl AddAssign for Confusion {
    fn add_assign(&mut self, other: Self) {
        self.hits += other.hits;
        self.false_alarms += other.false_alarms;
        self.misses += other.misses;
        self.quiet += other.quiet;
    }
}

impl Tally {
    /// Counts what was said of assets.
    pub(crate) fn of<'a>(all: impl IntoIterator<Item = &'a Scored<'a>>) -> Self {
        let mut tally = Self::default();
        for scored in all {
            let trial = scored.trial;
            tally.add_rows(&scored.asset, &trial.labels, trial.judged.interval_secs());
            for event in &trial.events {
                let rows = trial.judged_rows(event);
                if rows.is_empty() {
                    continue;
                }
                tally.events += 1;
                let Some(row) = first_alarm(&scored.asset, rows.clone()) else { continue };
                tally.found += 1;
                let times = &trial.judged.times;
                if let (Some(began), Some(told)) = (times.get(rows.start), times.get(row)) {
                    tally.delays_secs.push(told.micros_since(*began) as f64 / 1e6);
                }
            }
        }
        tally
    }

    /// Counts rows and episodes of one series of findings, whoever's they are.
    pub(crate) fn add_rows(&mut self, findings: &[Finding], labels: &[bool], interval_secs: f64) {
        let alarms = alarms(findings);
        self.rows += Confusion::of(&alarms, labels);
        self.false_episodes += false_episodes(&alarms, labels);
        self.unfounded_episodes += unfounded_episodes(&alarms, labels);
        let normal = labels.iter().filter(|is_labelled| !**is_labelled).count();
        self.normal_days += normal as f64 * interval_secs / 86_400.0;
        self.ranking.extend(findings.iter().map(|finding| finding.score).zip(labels.iter().copied()));
    }

    /// Episodes of false alarms a day without a label.
    pub(crate) fn false_episodes_a_day(&self) -> Option<f64> {
        (self.normal_days > 0.0).then(|| self.false_episodes as f64 / self.normal_days)
    }

    /// The same of those that belong to no event.
    pub(crate) fn unfounded_episodes_a_day(&self) -> Option<f64> {
        (self.normal_days > 0.0).then(|| self.unfounded_episodes as f64 / self.normal_days)
    }

    pub(crate) fn median_delay_secs(&self) -> Option<f64> {
        median(self.delays_secs.clone())
    }

    /// How often a labelled row scores higher than one without a label, ties counting half: the area under the curve of
    /// hits over false alarms.
    pub(crate) fn ranking_quality(&self) -> Option<f64> {
        let mut ranking = self.ranking.clone();
        ranking.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut below, mut pairs, mut labelled) = (0.0, 0.0, 0.0);
        for tie in ranking.chunk_by(|a, b| a.0 == b.0) {
            let up = tie.iter().filter(|(_, is_labelled)| *is_labelled).count() as f64;
            let down = tie.len() as f64 - up;
            pairs += up * (below + down / 2.0);
            below += down;
            labelled += up;
        }
        (labelled > 0.0 && below > 0.0).then(|| pairs / labelled / below)
    }

    /// The best F1 that any one threshold reaches: chosen by the labels, so an upper bound for the ranking.
    pub(crate) fn best_f1(&self) -> Option<f64> {
        let mut ranking = self.ranking.clone();
        ranking.sort_by(|a, b| b.0.total_cmp(&a.0));
        let labelled = ranking.iter().filter(|(_, is_labelled)| *is_labelled).count();
        let (mut hits, mut alarmed) = (0, 0);
        let mut best: Option<f64> = None;
        for tie in ranking.chunk_by(|a, b| a.0 == b.0) {
            hits += tie.iter().filter(|(_, is_labelled)| *is_labelled).count();
            alarmed += tie.len();
            let f1 = share(2 * hits, alarmed + labelled).filter(|_| labelled > 0);
            best = best.into_iter().chain(f1).reduce(f64::max);
        }
        best
    }
}

/// The alarms among findings.
pub(crate) fn alarms(findings: &[Finding]) -> Vec<bool> {
    findings.iter().map(|finding| finding.is_alarm).collect()
}

/// The first alarm within some rows.
pub(crate) fn first_alarm(findings: &[Finding], rows: Range<usize>) -> Option<usize> {
    let start = rows.start;
    findings.get(rows)?.iter().position(|finding| finding.is_alarm).map(|row| start + row)
}

/// The first row of every episode: an alarm with none in the ten rows before it.
pub(crate) fn episodes(alarms: &[bool]) -> Vec<usize> {
    let mut last: Option<usize> = None;
    let mut firsts = Vec::new();
    for (row, _) in alarms.iter().enumerate().filter(|(_, is_alarm)| **is_alarm) {
        if last.is_none_or(|last| row - last > MERGED_ROWS) {
            firsts.push(row);
        }
        last = Some(row);
    }
    firsts
}

/// Episodes among the rows without a label.
fn false_episodes(alarms: &[bool], labels: &[bool]) -> usize {
    let outside: Vec<bool> = alarms.iter().zip(labels).map(|(is_alarm, label)| *is_alarm && !label).collect();
    episodes(&outside).len()
}

/// Episodes without a labelled row among their alarms.
fn unfounded_episodes(alarms: &[bool], labels: &[bool]) -> usize {
    let inside: Vec<bool> = alarms.iter().zip(labels).map(|(is_alarm, label)| *is_alarm && *label).collect();
    let firsts = episodes(alarms);
    let ends = firsts.iter().skip(1).copied().chain([alarms.len()]);
    let is_founded = |first: usize, end: usize| inside.get(first..end).is_some_and(|rows| rows.contains(&true));
    firsts.iter().zip(ends).filter(|(first, end)| !is_founded(**first, *end)).count()
}

/// A share of a whole that there is.
pub(crate) fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::tests::{counted, scored};

    fn marks(rows: &[usize], length: usize) -> Vec<bool> {
        (0..length).map(|row| rows.contains(&row)).collect()
    }

    #[test]
    fn rows_are_counted_by_label_and_alarm() {
        // Labelled 2 to 5, alarmed 4 to 6: two hits, one false alarm, two misses, five quiet rows.
        let rows = Confusion::of(&marks(&[4, 5, 6], 10), &marks(&[2, 3, 4, 5], 10));
        assert_eq!(rows, Confusion { hits: 2, false_alarms: 1, misses: 2, quiet: 5 });
        assert_eq!(rows.precision(), Some(2.0 / 3.0));
        assert_eq!(rows.recall(), Some(0.5));
        assert_eq!(rows.missed_rate(), Some(0.5));
        assert_eq!(rows.false_alarm_rate(), Some(1.0 / 6.0));
        // 2 × 2/3 × 1/2 / (2/3 + 1/2) = 4/7.
        assert_eq!(rows.f1(), Some(4.0 / 7.0));
        // Four of ten rows labelled: precision 0.4, recall 1, so 0.8 / 1.4.
        assert_eq!(rows.all_alarmed().f1(), Some(8.0 / 14.0));
    }

    #[test]
    fn what_cannot_be_said_is_none() {
        assert_eq!(Confusion::of(&marks(&[1], 3), &marks(&[], 3)).f1(), None);
        assert_eq!(Confusion::of(&marks(&[], 3), &marks(&[1], 3)).f1(), Some(0.0));
        assert_eq!(Confusion::default().precision(), None);
        assert_eq!(Tally::default().ranking_quality(), None);
        assert_eq!(Tally::default().false_episodes_a_day(), None);
    }

    /// As counted by hand on the 16 files of the first valve, of which 11,760 rows are judged and 6,309 labelled.
    #[test]
    fn always_alarm_is_no_bad_answer_where_half_of_the_rows_are_labelled() {
        let rows = Confusion { hits: 0, false_alarms: 0, misses: 6_309, quiet: 11_760 - 6_309 };
        let f1 = rows.all_alarmed().f1().expect("labels");
        assert!((f1 - 0.698).abs() < 5e-4, "{f1}");
    }

    #[test]
    fn alarms_ten_rows_apart_are_one_episode() {
        assert_eq!(episodes(&marks(&[3, 13, 24, 30], 40)), [3, 24]);
        assert!(episodes(&marks(&[], 5)).is_empty());
    }

    #[test]
    fn an_episode_that_outlasts_its_event_is_false_but_not_unfounded() {
        // An event in rows 10 to 19; alarms 15 to 22, then 60 and 65.
        let alarms = marks(&[15, 16, 17, 18, 19, 20, 21, 22, 60, 65], 80);
        let labels = marks(&(10..20).collect::<Vec<_>>(), 80);
        assert_eq!(false_episodes(&alarms, &labels), 2);
        assert_eq!(unfounded_episodes(&alarms, &labels), 1);
    }

    #[test]
    fn events_are_found_by_their_first_alarm_and_days_are_those_without_label() {
        let labels = marks(&[20, 21, 22, 23, 40, 41], 100);
        let trial = counted(100, 0..10, &labels);
        // Judged rows begin at row 10 of the input: the alarms are in its rows 23 and 70.
        let scored = scored(&trial, &[13, 60]);
        let tally = Tally::of([&scored]);
        assert_eq!((tally.found, tally.events), (1, 2));
        assert_eq!(tally.delays_secs, [3.0]);
        assert_eq!(tally.false_episodes, 1);
        assert_eq!(tally.normal_days, 84.0 / 86_400.0);
        assert_eq!(tally.rows, Confusion { hits: 1, false_alarms: 1, misses: 5, quiet: 83 });
    }

    #[test]
    fn a_ranking_is_as_good_as_its_pairs() {
        let ranking = vec![(0.9, true), (0.8, false), (0.8, true), (0.2, false)];
        let tally = Tally { ranking, ..Tally::default() };
        // Pairs won: 0.9 over both, 0.8 over one and half of the tie: 3.5 of 4.
        assert_eq!(tally.ranking_quality(), Some(3.5 / 4.0));
        // Down to 0.8: two hits among three alarms, none missed: 4/5.
        assert_eq!(tally.best_f1(), Some(0.8));
    }
}
