//! What is true now, and the feed of it: newest values, listed alarms and which of them belong together, handed to each
//! screen as what has changed since it last looked.
//!
//! A screen that looks seldom gets the newest of everything in one frame: nothing queues for it, so nothing overflows.
//! Must not know transport.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use penstock_alarm::{AlarmMetrics, Metrics};
use penstock_api::{
    AlarmCounts, AlarmGroup, AlarmView, FloodNews, FloodNow, Frame, PointValue, PositionView, StationStatus,
};
use penstock_model::{AlarmState, Clock, FloodId, KeptBy, PointNo, RuleId, Timestamp, Transition};
use tokio::time::Instant;

use crate::positions::Attendance;

/// What is active for longer than this is stale.
const STALE: Duration = Duration::from_secs(24 * 3_600);

/// What is true now, shared by the pipeline that writes it and the feeds that read it.
pub struct Live {
    clock: Clock,
    tick: Duration,
    now: Mutex<Now>,
    metrics: Mutex<AlarmMetrics>,
}

#[derive(Default)]
struct Now {
    /// Counts up with every change; each entry carries the count it last changed at.
    change: u64,
    /// By point number.
    values: Vec<Option<(u64, PointValue)>>,
    alarms: BTreeMap<RuleId, (u64, Option<AlarmView>)>,
    counts: (u64, AlarmCounts),
    positions: (u64, Vec<PositionView>),
    groups: BTreeMap<FloodId, (u64, AlarmGroup)>,
    /// When groups or flood last changed, and the flood that goes on.
    floods: (u64, Option<FloodNow>),
    status: (u64, Option<StationStatus>),
    register: u64,
    feeds: u32,
}

impl Live {
    /// Nothing known yet; feeds tick every `tick`.
    pub fn new(clock: Clock, tick: Duration) -> Arc<Self> {
        let metrics = Mutex::new(AlarmMetrics::new(clock.now(), []));
        Arc::new(Self { clock, tick, now: Mutex::default(), metrics })
    }

    /// Takes in a batch of newest values.
    pub fn set_values(&self, values: impl IntoIterator<Item = PointValue>) {
        let mut now = self.lock();
        now.change += 1;
        let change = now.change;
        for value in values {
            let Ok(index) = usize::try_from(value.point.0) else { continue };
            if now.values.len() <= index {
                now.values.resize(index + 1, None);
            }
            if let Some(slot) = now.values.get_mut(index) {
                *slot = Some((change, value));
            }
        }
    }

    /// The newest value of a point.
    pub fn value(&self, point: PointNo) -> Option<PointValue> {
        let index = usize::try_from(point.0).ok()?;
        self.lock().values.get(index).copied().flatten().map(|(_, value)| value)
    }

    /// Takes in how alarms stand now: a view of each that is listed or kept from it, none of each that is neither any
    /// more.
    pub fn set_alarms(&self, changed: impl IntoIterator<Item = (RuleId, Option<AlarmView>)>) {
        let mut now = self.lock();
        now.change += 1;
        let change = now.change;
        for (rule, view) in changed {
            now.alarms.insert(rule, (change, view));
        }
        let counts = count(now.alarms.values().filter_map(|(_, view)| view.as_ref()));
        if counts != now.counts.1 {
            now.counts = (change, counts);
        }
    }

    /// Takes in which alarms belong together, and whether there is a flood.
    pub fn set_floods(&self, news: FloodNews) {
        let mut now = self.lock();
        now.change += 1;
        let change = now.change;
        now.groups.extend(news.changed.into_iter().map(|group| (group.id, (change, group))));
        let standing: BTreeSet<FloodId> = news.standing.into_iter().collect();
        now.groups.retain(|id, _| standing.contains(id));
        now.floods = (change, news.flooding);
    }

    /// How many alarms there are.
    pub fn counts(&self) -> AlarmCounts {
        self.lock().counts.1
    }

    /// Takes in the operator positions and who attends them.
    pub fn set_positions(&self, positions: Vec<PositionView>) {
        let mut now = self.lock();
        if positions != now.positions.1 {
            now.change += 1;
            now.positions = (now.change, positions);
        }
    }

    /// Counts calls from now on, of alarms that stand as they do.
    pub fn begin_metrics<'a>(&self, states: impl IntoIterator<Item = &'a AlarmState>) {
        *self.metrics.lock().unwrap_or_else(PoisonError::into_inner) = AlarmMetrics::new(self.clock.now(), states);
    }

    /// Counts the calls among entries of the journal, which come in its order.
    pub fn count_calls<'a>(&self, entries: impl IntoIterator<Item = &'a Transition>) {
        let mut metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        entries.into_iter().for_each(|entry| metrics.take(entry));
    }

    /// Says that the station's clock was set by so many microseconds, back where they are negative, and says `now`.
    pub fn clock_was_set(&self, by_micros: i64, now: Timestamp) {
        self.metrics.lock().unwrap_or_else(PoisonError::into_inner).clock_was_set(by_micros, now);
    }

    /// Counts calls anew from now on; alarms stay as they stand.
    pub fn reset_metrics(&self) {
        self.metrics.lock().unwrap_or_else(PoisonError::into_inner).reset(self.clock.now());
    }

    /// How much alarms have asked of people since calls are counted, and the moment that it is told of.
    pub fn metrics(&self) -> (Timestamp, Metrics) {
        let now = self.clock.now();
        (now, self.metrics.lock().unwrap_or_else(PoisonError::into_inner).at(now))
    }

    /// How many alarms are active and on the list, and how many of them have been for more than a day.
    pub fn standing(&self) -> (usize, usize) {
        let at = self.clock.now();
        let now = self.lock();
        let views = now.alarms.values().filter_map(|(_, view)| view.as_ref());
        let standing = views.filter(|view| view.state.active && view.state.kept_by().is_none());
        standing
            .fold((0, 0), |(all, stale), view| (all + 1, stale + usize::from(at.since(view.state.raised_at) > STALE)))
    }

    /// Alarms that are kept from the list: shelved, suppressed or out of service.
    pub fn kept(&self) -> Vec<AlarmView> {
        let now = self.lock();
        let views = now.alarms.values().filter_map(|(_, view)| view.as_ref());
        views.filter(|view| view.state.kept_by().is_some()).cloned().collect()
    }

    /// Takes in how the station is.
    pub fn set_status(&self, status: StationStatus) {
        let mut now = self.lock();
        now.change += 1;
        now.status = (now.change, Some(status));
    }

    /// How the station is.
    pub fn status(&self) -> Option<StationStatus> {
        self.lock().status.1.clone()
    }

    /// Tells screens that plant or points have changed.
    pub fn set_register(&self, version: u64) {
        let mut now = self.lock();
        now.change += 1;
        now.register = version;
    }

    /// Screens that follow.
    pub fn feeds(&self) -> u32 {
        self.lock().feeds
    }

    /// A feed that begins with everything.
    pub fn follow(self: &Arc<Self>) -> Feed {
        self.lock().feeds += 1;
        Feed { live: Arc::clone(self), seen: None, seq: 0, due: Instant::now(), _attendance: None }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One screen's view of what is true now.
pub struct Feed {
    live: Arc<Live>,
    /// The change up to which the screen has seen everything.
    seen: Option<u64>,
    seq: u64,
    due: Instant,
    /// Whose positions are attended as long as it is followed.
    _attendance: Option<Attendance>,
}

impl Feed {
    /// The same feed, by which the positions of a session are attended until it is dropped.
    pub(crate) fn attended(mut self, attendance: Attendance) -> Self {
        self._attendance = Some(attendance);
        self
    }

    /// The next frame: at once for the first, else at the next tick at which something has changed.
    pub async fn next(&mut self) -> Frame {
        loop {
            tokio::time::sleep_until(self.due).await;
            self.due = Instant::now() + self.live.tick;
            if let Some(frame) = self.take() {
                return frame;
            }
        }
    }

    /// What has changed since the last frame.
    fn take(&mut self) -> Option<Frame> {
        let at = self.live.clock.now();
        let now = self.live.lock();
        let full = self.seen.is_none();
        let seen = self.seen.unwrap_or(0);
        if !full && now.change == seen {
            return None;
        }
        let fresh = |change: u64| full || change > seen;
        let values =
            now.values.iter().flatten().filter(|(change, _)| fresh(*change)).map(|(_, value)| *value).collect();
        let changed = || now.alarms.iter().filter(|(_, (change, _))| fresh(*change));
        let frame = Frame {
            seq: self.seq,
            at,
            full,
            register: now.register,
            values,
            alarms: changed().filter_map(|(_, (_, view))| view.clone()).collect(),
            gone: changed().filter(|(_, (_, view))| view.is_none() && !full).map(|(rule, _)| *rule).collect(),
            counts: fresh(now.counts.0).then_some(now.counts.1),
            positions: fresh(now.positions.0).then(|| now.positions.1.clone()),
            floods: fresh(now.floods.0).then(|| FloodNews {
                changed: now
                    .groups
                    .values()
                    .filter(|(change, _)| fresh(*change))
                    .map(|(_, group)| group.clone())
                    .collect(),
                standing: now.groups.keys().copied().collect(),
                flooding: now.floods.1,
            }),
            status: now.status.1.clone().filter(|_| fresh(now.status.0)),
        };
        self.seen = Some(now.change);
        self.seq += 1;
        Some(frame)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let mut now = self.live.lock();
        now.feeds = now.feeds.saturating_sub(1);
    }
}

fn count<'a>(views: impl Iterator<Item = &'a AlarmView>) -> AlarmCounts {
    let mut counts = AlarmCounts::default();
    let mut oldest: Option<Timestamp> = None;
    for view in views {
        let kept = match view.state.kept_by() {
            Some(KeptBy::Shelved) => Some(&mut counts.shelved),
            Some(KeptBy::Suppressed) => Some(&mut counts.suppressed),
            Some(KeptBy::OutOfService) => Some(&mut counts.out_of_service),
            None => None,
        };
        if let Some(kept) = kept {
            *kept += 1;
            continue;
        }
        let index = usize::from(view.priority.digit() - 1);
        if view.state.active
            && let Some(active) = counts.active.get_mut(index)
        {
            *active += 1;
        }
        if !view.state.acknowledged {
            if let Some(unacknowledged) = counts.unacknowledged.get_mut(index) {
                *unacknowledged += 1;
            }
            oldest = Some(oldest.map_or(view.state.raised_at, |oldest| oldest.min(view.state.raised_at)));
        }
    }
    counts.oldest_unacknowledged = oldest;
    counts
}

#[cfg(test)]
mod tests {
    use penstock_model::{AlarmClass, Condition, Priority, Quality, SiteId, Subject, TransitionKind};

    use super::*;

    fn value(point: i32, value: f64) -> PointValue {
        let at = Timestamp::from_secs(1);
        PointValue {
            point: PointNo(point),
            source_time: at,
            received_time: at,
            value: Some(value),
            quality: Quality::Good,
            expected: None,
            score: None,
        }
    }

    fn alarm(rule: RuleId, acknowledged: bool) -> AlarmView {
        AlarmView {
            state: AlarmState {
                occurrence: 1,
                active: true,
                acknowledged,
                ..AlarmState::normal(rule, Timestamp::from_secs(5))
            },
            subject: Subject::Site(SiteId::made(Timestamp::from_secs(1), [1; 10])),
            condition: Condition::Silence { after: Duration::from_secs(60) },
            priority: Priority::P2,
            class: AlarmClass::Equipment,
            name: String::new(),
            acknowledgement: penstock_model::AcknowledgementModel::Required,
            longest_shelf: None,
            asks_for_comment: false,
        }
    }

    #[tokio::test]
    async fn the_first_frame_is_full_and_later_ones_hold_what_changed() {
        let live = Live::new(Clock::manual(Timestamp::from_secs(9)), Duration::from_millis(5));
        live.set_values([value(1, 1.0), value(7, 7.0)]);
        let mut feed = live.follow();
        assert_eq!(live.feeds(), 1);
        let first = feed.next().await;
        assert!(first.full);
        assert_eq!(first.values.len(), 2);
        live.set_values([value(7, 8.0)]);
        live.set_values([value(7, 9.0)]);
        let second = feed.next().await;
        assert_eq!((second.full, second.seq), (false, 1));
        assert_eq!(second.values, vec![value(7, 9.0)], "the newest only");
        drop(feed);
        assert_eq!(live.feeds(), 0);
    }

    #[tokio::test]
    async fn alarms_come_and_go_with_their_counts() {
        let live = Live::new(Clock::manual(Timestamp::from_secs(9)), Duration::from_millis(5));
        let rule = RuleId::made(Timestamp::from_secs(1), [2; 10]);
        let mut feed = live.follow();
        feed.next().await;
        live.set_alarms([(rule, Some(alarm(rule, false)))]);
        let raised = feed.next().await;
        assert_eq!(raised.alarms.len(), 1);
        assert_eq!(raised.counts.map(|c| c.unacknowledged), Some([0, 1, 0, 0]));
        live.set_alarms([(rule, None)]);
        let gone = feed.next().await;
        assert_eq!(gone.gone, vec![rule]);
        assert_eq!(gone.counts, Some(AlarmCounts::default()));
        let late = live.follow().next().await;
        assert!(late.alarms.is_empty() && late.gone.is_empty());
    }

    fn group(id: u8) -> AlarmGroup {
        AlarmGroup {
            id: FloodId::made(Timestamp::from_secs(1), [id; 10]),
            began_at: Timestamp::from_secs(1),
            newest_at: Timestamp::from_secs(2),
            ended_at: None,
            alarms: 3,
            causes: Vec::new(),
            members: Vec::new(),
        }
    }

    #[tokio::test]
    async fn groups_come_as_they_change_and_go_when_they_stand_no_more() {
        let live = Live::new(Clock::manual(Timestamp::from_secs(9)), Duration::from_millis(5));
        let mut feed = live.follow();
        assert_eq!(feed.next().await.floods, Some(FloodNews::default()));
        let (one, other) = (group(1), group(2));
        let news = |changed: &[&AlarmGroup], standing: &[&AlarmGroup]| FloodNews {
            changed: changed.iter().copied().cloned().collect(),
            standing: standing.iter().map(|group| group.id).collect(),
            flooding: None,
        };
        live.set_floods(news(&[&one, &other], &[&one, &other]));
        assert_eq!(feed.next().await.floods, Some(news(&[&one, &other], &[&one, &other])));
        live.set_values([value(1, 1.0)]);
        assert_eq!(feed.next().await.floods, None, "nothing about them has changed");
        let grown = AlarmGroup { alarms: 4, ..other.clone() };
        live.set_floods(news(&[&grown], &[&grown]));
        assert_eq!(feed.next().await.floods, Some(news(&[&grown], &[&grown])));
        assert_eq!(live.follow().next().await.floods, Some(news(&[&grown], &[&grown])));
    }

    #[test]
    fn calls_are_counted_and_what_stands_is_told_apart() {
        const DAY: i64 = 86_400;
        let clock = Clock::manual(Timestamp::from_secs(DAY + 6));
        let live = Live::new(clock, Duration::from_millis(5));
        let rules: [RuleId; 3] = [1, 2, 3].map(|id| RuleId::made(Timestamp::from_secs(1), [id; 10]));
        let kept = alarm(rules[1], true);
        let kept = AlarmView {
            state: AlarmState { out_of_service: Some(Timestamp::from_secs(9)), ..kept.state.clone() },
            ..kept
        };
        let young = alarm(rules[2], true);
        let young =
            AlarmView { state: AlarmState { raised_at: Timestamp::from_secs(DAY), ..young.state.clone() }, ..young };
        live.set_alarms([
            (rules[0], Some(alarm(rules[0], true))),
            (rules[1], Some(kept.clone())),
            (rules[2], Some(young)),
        ]);
        assert_eq!(live.standing(), (2, 1), "raised at 5 s, one is a day and a second old");
        assert_eq!(live.kept(), vec![kept]);

        live.begin_metrics([]);
        let raised = |rule: RuleId, secs: i64| Transition {
            rule,
            occurrence: 1,
            kind: TransitionKind::Raised,
            at: Timestamp::from_secs(secs),
            value: None,
            by: None,
            comment: None,
            rule_version: 1,
            detail: None,
        };
        // What was before calls are counted is no call of theirs.
        live.count_calls(&[raised(rules[0], DAY), raised(rules[1], DAY + 6), raised(rules[2], DAY + 6)]);
        let (at, metrics) = live.metrics();
        assert_eq!((at, metrics.start_time), (Timestamp::from_secs(DAY + 6), Timestamp::from_secs(DAY + 6)));
        assert_eq!((metrics.alarm_count, metrics.current_rate), (2, 2.0));

        live.reset_metrics();
        let (_, metrics) = live.metrics();
        assert_eq!((metrics.alarm_count, metrics.current_rate, metrics.maximum_rate), (0, 0.0, 0.0));
        assert_eq!(live.standing(), (2, 1), "alarms stand as they do");
    }

    #[tokio::test]
    async fn nothing_is_sent_while_nothing_changes() {
        let live = Live::new(Clock::manual(Timestamp::from_secs(9)), Duration::from_millis(5));
        let mut feed = live.follow();
        feed.next().await;
        assert!(tokio::time::timeout(Duration::from_millis(300), feed.next()).await.is_err());
    }
}
