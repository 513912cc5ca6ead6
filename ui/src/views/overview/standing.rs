//! How a part of the plant stands: its worst alarm, how many, in words. Must not know how it is drawn.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use leptos::prelude::*;
use penstock_api::{AlarmView, GetHistory, Series};
use penstock_model::{Point, PointId, Priority, Rank};

use crate::components::{Badge, fill_of};
use crate::i18n::{Locale, td_string};
use crate::state::{App, PlantView};
use crate::words;

/// The word that the last day's series are kept under.
const DAY_KEPT: &str = "day";

/// How a part stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Standing {
    /// Its worst listed alarm.
    pub(super) worst: Option<Arc<AlarmView>>,
    /// How many are listed.
    pub(super) count: usize,
}

impl Standing {
    /// Of each part that any listed alarm belongs to, in one pass over the list.
    pub(super) fn by_part<K: Eq + Hash>(
        listed: &[Arc<AlarmView>],
        part: impl Fn(&AlarmView) -> Option<K>,
    ) -> HashMap<K, Self> {
        let mut parts: HashMap<K, Self> = HashMap::new();
        for view in listed {
            let Some(part) = part(view) else { continue };
            let own = parts.entry(part).or_default();
            own.count += 1;
            if own.worst.is_none() {
                own.worst = Some(Arc::clone(view));
            }
        }
        parts
    }

    /// Where it stands among others, the worst first; what has no alarm comes last.
    pub(super) fn rank(&self) -> (bool, Option<Rank>) {
        (self.worst.is_none(), self.worst.as_ref().map(|view| view.rank()))
    }

    /// In a few words: `Pressure low, 6 alarms`.
    pub(super) fn text(&self, plant: &PlantView, locale: Locale) -> String {
        let Some(worst) = &self.worst else { return td_string!(locale, words.normal).to_owned() };
        let title = words::alarm_title(worst, plant, locale);
        match self.count {
            1 => title,
            n => td_string!(locale, overview.title_and_n, title = title, n = n),
        }
    }

    /// Its badge, or the room for one.
    pub(super) fn badge(&self, size: u32) -> AnyView {
        match &self.worst {
            Some(view) => view! { <Badge priority=view.priority fill=fill_of(&view.state) size=size/> }.into_any(),
            None => view! { <span></span> }.into_any(),
        }
    }

    /// Class of a row: tinted while something waits to be acknowledged.
    pub(super) fn row_class(&self) -> &'static str {
        match self.worst.as_deref().map(|view| (&view.state, view.priority)) {
            Some((state, priority)) if state.active && !state.acknowledged => match priority {
                Priority::P1 => "unacked p1",
                Priority::P2 => "unacked p2",
                Priority::P3 => "unacked p3",
                Priority::P4 => "unacked p4",
            },
            _ => "",
        }
    }
}

/// The worst listed alarm of one point; tracked.
pub(super) fn of_point(app: App, point: PointId) -> Option<Arc<AlarmView>> {
    app.alarms.worst_of(penstock_model::Subject::Point(point))
}

/// The badge of one point, or the room for one.
pub(super) fn point_badge(app: App, point: PointId, size: u32) -> impl Fn() -> AnyView + Copy + Send + Sync + 'static {
    let worst = Memo::new(move |_| of_point(app, point).map(|view| (view.priority, fill_of(&view.state))));
    move || match worst.get() {
        Some((priority, fill)) => view! { <Badge priority=priority fill=fill size=size/> }.into_any(),
        None => view! { <span class="no-badge"></span> }.into_any(),
    }
}

/// Priority of the worst active alarm of one point; tracked.
pub(super) fn active_priority(app: App, point: PointId) -> Option<Priority> {
    of_point(app, point).filter(|view| view.state.active).map(|view| view.priority)
}

/// The last 24 h of up to 16 points, asked for anew every five minutes.
pub(super) fn day_of(app: App, points: Vec<PointId>) -> RwSignal<Vec<Series>> {
    let kept = points.iter().filter_map(|point| app.kept_series(DAY_KEPT, *point));
    let series = RwSignal::new(kept.collect::<Vec<_>>());
    let due = Memo::new(move |_| app.now.get().as_micros() / 300_000_000);
    Effect::new(move || {
        due.with(|_| ());
        let to = app.now.get_untracked();
        let from = to - std::time::Duration::from_secs(86_400);
        for points in points.chunks(16).map(<[PointId]>::to_vec) {
            leptos::task::spawn_local(async move {
                let asked = points.clone();
                // Where history is away the line stays as it was; the status bar says why.
                if let Ok(found) = app.call(GetHistory { points, from, to, max_points: 200 }).await {
                    app.keep_series(DAY_KEPT, &found);
                    series.try_update(|series: &mut Vec<Series>| {
                        series.retain(|series| !asked.contains(&series.point));
                        series.extend(found);
                    });
                }
            });
        }
    });
    series
}

/// One point's series out of many.
pub(super) fn series_of(all: RwSignal<Vec<Series>>, point: PointId) -> Signal<Option<Series>> {
    Signal::derive(move || all.with(|all| all.iter().find(|series| series.point == point).cloned()))
}

/// The place's short name in front of the point's: `Riverside · PT-04`.
pub(super) fn where_is(plant: &PlantView, point: &Point) -> String {
    let place = point.area.and_then(|id| plant.area(id)).map(|area| area.name.as_str());
    let place = place.unwrap_or_else(|| plant.place_of(point));
    if place.is_empty() { point.name.clone() } else { format!("{place} · {}", point.name) }
}

#[cfg(test)]
mod tests {
    use penstock_model::{AlarmClass, AlarmState, Condition, RuleId, SiteId, Subject, Timestamp};

    use super::*;

    fn alarm(id: u8, priority: Priority, acknowledged: bool) -> Arc<AlarmView> {
        Arc::new(AlarmView {
            state: AlarmState {
                occurrence: 1,
                active: true,
                acknowledged,
                ..AlarmState::normal(RuleId::made(Timestamp::from_secs(1), [id; 10]), Timestamp::from_secs(1))
            },
            subject: Subject::Site(SiteId::made(Timestamp::from_secs(1), [id; 10])),
            condition: Condition::Anomaly { score: 0.9 },
            priority,
            class: AlarmClass::Supply,
            name: String::new(),
            acknowledgement: penstock_model::AcknowledgementModel::Required,
            longest_shelf: None,
            asks_for_comment: false,
        })
    }

    #[test]
    fn the_worst_part_stands_first() {
        let listed = [alarm(1, Priority::P2, false), alarm(2, Priority::P1, true)];
        let whole = |listed: &[Arc<AlarmView>]| {
            Standing::by_part(listed, |_| Some(())).remove(&()).expect("something is listed")
        };
        let (unacknowledged, critical, calm) = (whole(&listed[..1]), whole(&listed[1..]), Standing::default());
        assert!(unacknowledged.rank() < critical.rank() && critical.rank() < calm.rank());
        assert_eq!((calm.count, calm.row_class()), (0, ""));
        assert_eq!(unacknowledged.row_class(), "unacked p2");
        assert_eq!(whole(&listed).count, 2);
    }

    #[test]
    fn each_part_has_its_own() {
        let listed = [alarm(1, Priority::P1, false), alarm(2, Priority::P1, false), alarm(3, Priority::P2, false)];
        let odd = |view: &AlarmView| listed.iter().position(|own| **own == *view).map(|at| at % 2);
        let parts = Standing::by_part(&listed, odd);
        let told = |part: usize| parts.get(&part).map(|own| (own.worst.clone(), own.count));
        assert_eq!(told(0), Some((Some(listed[0].clone()), 2)));
        assert_eq!(told(1), Some((Some(listed[1].clone()), 1)));
        assert!(Standing::by_part(&listed, |_| None::<u8>).is_empty());
    }
}
