//! Earlier episodes that resemble one: of the same alarm or its kin, the more alike the more of the same other alarms
//! came with both. Must not know names, or who asks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use penstock_model::{Kinship, RuleId, Timestamp, Transition, TransitionKind, UserId};

/// What was raised so shortly before or after an alarm came with it.
pub const COMPANY_WITHIN: Duration = Duration::from_secs(10 * 60);

/// An alarm from its raise on, as people look back on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Episode {
    /// Whose alarm.
    pub rule: RuleId,
    /// Which occurrence of it.
    pub occurrence: u64,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// The value that raised it, in SI.
    pub value: Option<f64>,
    /// When it returned to normal; none where it had not yet.
    pub cleared_at: Option<Timestamp>,
    /// When it was first acknowledged, and by whom; none where the station closed it.
    pub acknowledged: Option<(Timestamp, Option<UserId>)>,
    /// What people said of it, in that order.
    pub said: Vec<String>,
}

/// An episode that resembles the one in question.
#[derive(Debug, Clone, PartialEq)]
pub struct Similar {
    /// It.
    pub episode: Episode,
    /// How its alarm is related.
    pub kinship: Kinship,
    /// How many other alarms came with it; none where that is not known.
    pub company: Option<usize>,
    /// How many of these came with the one in question too; 0 where that is not known.
    pub shared: usize,
}

/// The episodes that journal entries tell of, by the time they were raised. Entries are in the order of the journal; what
/// belongs to no raise among them is left out.
pub fn episodes<'a>(journal: impl IntoIterator<Item = &'a Transition>) -> Vec<Episode> {
    let mut found: BTreeMap<(RuleId, u64), Episode> = BTreeMap::new();
    for entry in journal {
        let key = (entry.rule, entry.occurrence);
        if entry.kind == TransitionKind::Raised {
            found.entry(key).or_insert_with(|| Episode {
                rule: entry.rule,
                occurrence: entry.occurrence,
                raised_at: entry.at,
                value: entry.value,
                cleared_at: None,
                acknowledged: None,
                said: Vec::new(),
            });
            continue;
        }
        let Some(episode) = found.get_mut(&key) else { continue };
        match entry.kind {
            TransitionKind::Cleared => {
                episode.cleared_at.get_or_insert(entry.at);
            }
            TransitionKind::Acknowledged => {
                episode.acknowledged.get_or_insert((entry.at, entry.by));
            }
            _ => {}
        }
        episode.said.extend(entry.comment.clone().filter(|comment| !comment.trim().is_empty()));
    }
    let mut episodes: Vec<Episode> = found.into_values().collect();
    episodes.sort_by_key(|episode| (episode.raised_at, episode.rule));
    episodes
}

/// The alarms that came with one: raised at most [`COMPANY_WITHIN`] before or after it. None where raises of that time
/// may be missing: all from `since` on are given.
fn company(
    (raises, since): (&[(Timestamp, RuleId)], Timestamp),
    rule: RuleId,
    at: Timestamp,
) -> Option<BTreeSet<RuleId>> {
    let (from, to) = (at - COMPANY_WITHIN, at + COMPANY_WITHIN);
    if from < since {
        return None;
    }
    let first = raises.partition_point(|(raised_at, _)| *raised_at < from);
    let near = raises.iter().skip(first).take_while(|(raised_at, _)| *raised_at <= to);
    Some(near.map(|(_, other)| *other).filter(|other| *other != rule).collect())
}

/// The `most` of these episodes that resemble that of `rule` raised at `raised_at`, the most alike first, then the newest:
/// by how their alarms are related, and by the share of the alarms that came with either and came with both (Jaccard
/// 1901). What is as near in time as company is part of the same episode, and what came later is none to learn from.
///
/// `raises` are by time and all that there were from `since` on. Where the company of an episode is not known for that,
/// it makes none more alike.
pub fn similar(
    (rule, raised_at): (RuleId, Timestamp),
    episodes: Vec<Episode>,
    (raises, since): (&[(Timestamp, RuleId)], Timestamp),
    kinship: impl Fn(RuleId) -> Option<Kinship>,
    most: usize,
) -> Vec<Similar> {
    let own = company((raises, since), rule, raised_at);
    let earlier = episodes.into_iter().filter(|episode| raised_at > episode.raised_at + COMPANY_WITHIN);
    let mut found: Vec<(f64, Similar)> = earlier
        .filter_map(|episode| {
            let kinship = kinship(episode.rule)?;
            let theirs = company((raises, since), episode.rule, episode.raised_at);
            let (shared, share) = match (&own, &theirs) {
                (Some(own), Some(theirs)) => {
                    let (shared, either) = (own.intersection(theirs).count(), own.union(theirs).count());
                    // To come alone is alike too.
                    (shared, if either == 0 { 1.0 } else { shared as f64 / either as f64 })
                }
                _ => (0, 0.0),
            };
            let related = match kinship {
                Kinship::Same => 1.0,
                Kinship::SameThing => 0.6,
                Kinship::SameKind => 0.4,
            };
            Some((related + share, Similar { company: theirs.map(|theirs| theirs.len()), shared, kinship, episode }))
        })
        .collect();
    found.sort_by(|(a_alike, a), (b_alike, b)| {
        let newest = (b.episode.raised_at, b.episode.rule).cmp(&(a.episode.raised_at, a.episode.rule));
        b_alike.total_cmp(a_alike).then(newest)
    });
    found.truncate(most);
    found.into_iter().map(|(_, similar)| similar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: u8) -> RuleId {
        RuleId::made(Timestamp::from_secs(1), [id; 10])
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_secs(60 * minute)
    }

    fn entry(id: u8, occurrence: u64, kind: TransitionKind, minute: i64, comment: Option<&str>) -> Transition {
        Transition {
            rule: rule(id),
            occurrence,
            kind,
            at: at(minute),
            value: (kind == TransitionKind::Raised).then_some(2.5),
            by: None,
            comment: comment.map(str::to_owned),
            rule_version: 1,
            detail: None,
        }
    }

    fn episode(id: u8, occurrence: u64, minute: i64) -> Episode {
        episodes(&[entry(id, occurrence, TransitionKind::Raised, minute, None)]).remove(0)
    }

    #[test]
    fn an_episode_is_what_happened_and_what_was_said() {
        use TransitionKind::{Acknowledged, Cleared, Commented, Raised};
        let found = episodes(&[
            entry(1, 6, Cleared, 1, None),
            entry(1, 7, Raised, 2, None),
            entry(1, 7, Acknowledged, 3, Some("valve stuck")),
            entry(2, 1, Raised, 3, None),
            entry(1, 7, Commented, 4, Some("greased it")),
            entry(1, 7, Acknowledged, 5, Some(" ")),
            entry(1, 7, Cleared, 6, None),
        ]);
        let expect = Episode {
            rule: rule(1),
            occurrence: 7,
            raised_at: at(2),
            value: Some(2.5),
            cleared_at: Some(at(6)),
            acknowledged: Some((at(3), None)),
            said: vec!["valve stuck".into(), "greased it".into()],
        };
        assert_eq!(found, [expect, episode(2, 1, 3)]);
    }

    #[test]
    fn what_came_in_the_same_company_is_most_alike() {
        // The alarm in question is 1 at minute 10,000, together with 8 and 9.
        let raises =
            [(100, 1), (101, 8), (102, 9), (3_000, 1), (6_000, 2), (6_003, 8), (10_000, 1), (10_001, 9), (10_004, 8)];
        let raises: Vec<(Timestamp, RuleId)> = raises.map(|(minute, id)| (at(minute), rule(id))).to_vec();
        let past = vec![
            episode(1, 1, 100),
            episode(1, 2, 3_000),
            episode(2, 1, 6_000),
            episode(5, 1, 7_000),
            episode(1, 3, 9_995),
            episode(1, 4, 10_000),
            episode(1, 5, 20_000),
        ];
        let kin = |other: RuleId| match other {
            other if other == rule(1) => Some(Kinship::Same),
            other if other == rule(2) => Some(Kinship::SameThing),
            _ => None,
        };
        let found = similar((rule(1), at(10_000)), past.clone(), (&raises, at(0)), kin, 5);
        let told: Vec<_> =
            found.iter().map(|one| (one.episode.raised_at, one.kinship, one.company, one.shared)).collect();
        let expect = [
            (at(100), Kinship::Same, Some(2), 2),
            (at(6_000), Kinship::SameThing, Some(1), 1),
            (at(3_000), Kinship::Same, Some(0), 0),
        ];
        assert_eq!(told, expect);
        assert_eq!(similar((rule(1), at(10_000)), past, (&raises, at(0)), kin, 1).len(), 1);
    }

    #[test]
    fn nothing_came_alone_where_raises_are_missing() {
        // All raises from minute 2,990 on are given: ten minutes before the second episode, no more.
        let raises = [(2_999, 9), (3_000, 1), (10_000, 1)];
        let raises: Vec<(Timestamp, RuleId)> = raises.map(|(minute, id)| (at(minute), rule(id))).to_vec();
        let told = |since: Timestamp| {
            let past = vec![episode(1, 1, 100), episode(1, 2, 3_000)];
            let found = similar((rule(1), at(10_000)), past, (&raises, since), |_| Some(Kinship::Same), 5);
            found.into_iter().map(|one| (one.episode.raised_at, one.company)).collect::<Vec<_>>()
        };
        assert_eq!(told(at(0)), [(at(100), Some(0)), (at(3_000), Some(1))], "to come alone is alike");
        assert_eq!(told(at(2_990)), [(at(3_000), Some(1)), (at(100), None)]);
        let later = at(2_990) + Duration::from_micros(1);
        assert_eq!(told(later), [(at(3_000), None), (at(100), None)]);
    }

    #[test]
    fn of_two_alike_the_newer_comes_first() {
        let past = vec![episode(1, 1, 100), episode(1, 2, 500)];
        let found = similar((rule(1), at(10_000)), past, (&[], at(0)), |_| Some(Kinship::Same), 5);
        let raised: Vec<_> = found.iter().map(|one| one.episode.raised_at).collect();
        assert_eq!(raised, [at(500), at(100)]);
    }
}
