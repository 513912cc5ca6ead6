//! Rates, busy stretches and floods over the times of calls. Must not know what called.
//!
//! A window of so long that ends at a moment has all calls up to it that are not so long ago: two calls that are apart
//! by a window's length are in none together.

use std::time::Duration;

use penstock_model::Timestamp;

use super::period::Period;

/// 10 minutes.
pub(crate) const TEN_MINUTES: Duration = Duration::from_secs(600);
/// A flood begins with more calls than this in 10 minutes.
pub(crate) const FLOOD_ABOVE: usize = 10;
/// A flood is over with fewer calls than this in 10 minutes.
pub(crate) const FLOOD_OVER_BELOW: usize = 5;

/// A call, small: there may be a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Called {
    /// When.
    pub(super) at: Timestamp,
    /// Which alarm, by its place in a table.
    pub(super) alarm: u32,
}

/// A flood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Episode {
    /// The first call of the window that began it.
    pub(super) first: Called,
    /// When there were more than ten calls.
    pub(super) from: Timestamp,
    /// When there were fewer than five; none where there still were more when the period ended.
    pub(super) until: Option<Timestamp>,
    /// How many calls, from the first.
    pub(super) calls: usize,
    /// The most in any 10 minutes.
    pub(super) most: usize,
    /// How many in the 10 minutes from the first call.
    pub(super) in_first_ten_minutes: usize,
}

/// The most calls in any window of so long; calls in the order of time.
pub(super) fn most_within(calls: &[Called], window: Duration) -> usize {
    let mut oldest = 0;
    let counts = calls.iter().enumerate().map(|(index, call)| {
        oldest = oldest_within(calls, oldest, call.at, window);
        index + 1 - oldest
    });
    counts.max().unwrap_or(0)
}

/// How many stretches of a period have more than so many calls; calls in the order of time.
pub(super) fn busy(calls: &[Called], period: Period, stretch: Duration, above: usize) -> usize {
    loads(calls, period, stretch).into_iter().filter(|(_, calls)| *calls > above).count()
}

/// The stretches of a period that have calls, the first being 0, each with how many; calls in the order of time.
pub(super) fn loads(calls: &[Called], period: Period, stretch: Duration) -> Vec<(u64, usize)> {
    let stretch_of = |call: &Called| period.stretch_of(call.at, stretch);
    let stretches = calls.chunk_by(|a, b| stretch_of(a) == stretch_of(b));
    stretches.filter_map(|calls| Some((stretch_of(calls.first()?), calls.len()))).collect()
}

/// The floods among the calls, which are in the order of time, of a period that ends at `until`.
pub(super) fn floods(calls: &[Called], until: Timestamp) -> Vec<Episode> {
    let mut floods = Vec::new();
    let mut running: Option<(usize, Episode)> = None;
    let mut oldest = 0;
    // What belonged to one flood does not begin the next.
    let mut free_from = 0;
    for (index, call) in calls.iter().enumerate() {
        if let Some(over) = over_at(calls, index).filter(|over| *over < call.at)
            && let Some((begun, episode)) = running.take()
        {
            floods.push(Episode { until: Some(over), ..measured(calls, begun, index, episode) });
            free_from = index;
        }
        oldest = oldest_within(calls, oldest, call.at, TEN_MINUTES);
        let in_window = index + 1 - oldest;
        if let Some((_, episode)) = &mut running {
            episode.most = episode.most.max(in_window);
        } else if in_window > FLOOD_ABOVE {
            let begun = oldest.max(free_from);
            let first = calls.get(begun).copied().unwrap_or(*call);
            let (calls, in_first_ten_minutes) = (0, 0);
            let episode = Episode { first, from: call.at, until: None, calls, most: in_window, in_first_ten_minutes };
            running = Some((begun, episode));
        }
    }
    if let Some((begun, episode)) = running {
        let over = over_at(calls, calls.len()).filter(|over| *over < until);
        floods.push(Episode { until: over, ..measured(calls, begun, calls.len(), episode) });
    }
    floods
}

/// When too few of the calls before `index` are left in the window for a flood to go on, if no other comes.
fn over_at(calls: &[Called], index: usize) -> Option<Timestamp> {
    Some(calls.get(index.checked_sub(FLOOD_OVER_BELOW)?)?.at + TEN_MINUTES)
}

fn measured(calls: &[Called], begun: usize, end: usize, episode: Episode) -> Episode {
    let own = calls.get(begun..end).unwrap_or_default();
    let in_first_ten_minutes = own.partition_point(|call| call.at.since(episode.first.at) < TEN_MINUTES);
    Episode { calls: own.len(), in_first_ten_minutes, ..episode }
}

fn oldest_within(calls: &[Called], mut oldest: usize, at: Timestamp, window: Duration) -> usize {
    while calls.get(oldest).is_some_and(|call| at.since(call.at) >= window) {
        oldest += 1;
    }
    oldest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_no_two_that_are_its_length_apart() {
        let check =
            |secs: &[i64], expect: usize| assert_eq!(most_within(&calls(secs), TEN_MINUTES), expect, "{secs:?}");
        check(&[], 0);
        check(&[0, 599], 2);
        check(&[0, 600], 1);
        check(&[0, 300, 600, 899, 900], 3);
        check(&[5, 5, 5], 3);
    }

    #[test]
    fn stretches_are_busy_above_their_bound() {
        let period = Period::new(Timestamp::default(), Timestamp::from_secs(3_600)).expect("longer than nothing");
        let mut times = vec![0; 10];
        assert_eq!(busy(&calls(&times), period, TEN_MINUTES, 10), 0);
        times.push(599);
        assert_eq!(busy(&calls(&times), period, TEN_MINUTES, 10), 1);
        times.extend([600; 11]);
        assert_eq!(busy(&calls(&times), period, TEN_MINUTES, 10), 2);
        times.push(1_800);
        assert_eq!(loads(&calls(&times), period, TEN_MINUTES), [(0, 11), (1, 11), (3, 1)]);
    }

    #[test]
    fn a_flood_begins_with_the_eleventh_and_ends_below_five() {
        let ten: Vec<i64> = (0..10).collect();
        assert_eq!(floods(&calls(&ten), Timestamp::MAX), []);
        let eleven: Vec<i64> = (0..11).collect();
        let [flood] = floods(&calls(&eleven), Timestamp::MAX)[..] else { panic!("one flood") };
        assert_eq!((flood.first.at, flood.from), (Timestamp::from_secs(0), Timestamp::from_secs(10)));
        // 6, 7, 8, 9 and 10 are five until 6 leaves.
        assert_eq!(flood.until, Some(Timestamp::from_secs(606)));
        assert_eq!((flood.calls, flood.most, flood.in_first_ten_minutes), (11, 11, 11));
        // One that comes as 6 leaves makes it five again.
        let going_on: Vec<i64> = (0..11).chain([606]).collect();
        assert_eq!(floods(&calls(&going_on), Timestamp::MAX)[0].until, Some(Timestamp::from_secs(607)));
        let cut = floods(&calls(&eleven), Timestamp::from_secs(606));
        assert_eq!(cut[0].until, None, "it goes on beyond the period");
    }

    #[test]
    fn a_second_flood_has_calls_of_its_own() {
        // Three of the first are still in the window when the second begins.
        let times: Vec<i64> = (0..11).chain(std::iter::repeat_n(607, 8)).collect();
        let two = floods(&calls(&times), Timestamp::MAX);
        assert_eq!(two.len(), 2, "{two:?}");
        assert_eq!(two[1].first.at, Timestamp::from_secs(607));
        assert_eq!((two[1].calls, two[1].most), (8, 11));
    }

    fn calls(secs: &[i64]) -> Vec<Called> {
        secs.iter().map(|secs| Called { at: Timestamp::from_secs(*secs), alarm: 0 }).collect()
    }
}
