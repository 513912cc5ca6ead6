//! The tanks: how full, how high, and where that leads.

use std::sync::Arc;

use leptos::prelude::*;
use penstock_api::Series;
use penstock_model::{AssetKind, Band, Point, PointRole, Timestamp};

use super::standing::{day_of, point_badge, series_of};
use crate::components::{LevelIndicator, Panel, Reading, TrustTag};
use crate::format;
use crate::i18n::{Locale, t_string, td_string, use_i18n};
use crate::state::{PlantView, use_app};
use crate::views::reading;

/// The stretch of history that a course is judged by.
const COURSE_SECS: f64 = 45.0 * 60.0;
/// Below this share of the tank an hour it counts as steady.
const STEADY_PER_HOUR: f64 = 0.01;
/// Courses longer than this are no news.
const FAR_HOURS: f64 = 24.0;

/// Where a level leads.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Course {
    Steady,
    Filling,
    Falling,
    /// Full in so many seconds.
    FullIn(f64),
    /// Empty in so many seconds.
    EmptyIn(f64),
}

/// Where `level` leads, by the slope of the last stretch of `series`.
fn course(series: &Series, level: f64, tank: Band) -> Option<Course> {
    let last = series.times.last()?.as_secs_f64();
    let recent: Vec<(f64, f64)> = series
        .times
        .iter()
        .zip(&series.values)
        .filter_map(|(at, value)| Some((at.as_secs_f64() - last, (*value)?)))
        .filter(|(at, _)| *at >= -COURSE_SECS)
        .collect();
    if recent.len() < 3 {
        return None;
    }
    // Least squares: a slope of two single values would follow the waves.
    let count = recent.len() as f64;
    let (mean_at, mean_level) =
        recent.iter().fold((0.0, 0.0), |(at, level), sample| (at + sample.0 / count, level + sample.1 / count));
    let spread: f64 = recent.iter().map(|(at, _)| (at - mean_at).powi(2)).sum();
    if spread <= 0.0 {
        return None;
    }
    let slope = recent.iter().map(|(at, level)| (at - mean_at) * (level - mean_level)).sum::<f64>() / spread;
    let per_hour = slope * 3_600.0 / (tank.high - tank.low);
    if per_hour.abs() < STEADY_PER_HOUR {
        return Some(Course::Steady);
    }
    let (target, near, far) = if slope > 0.0 {
        (tank.high, Course::FullIn as fn(f64) -> Course, Course::Filling)
    } else {
        (tank.low, Course::EmptyIn as fn(f64) -> Course, Course::Falling)
    };
    let secs = ((target - level) / slope).max(0.0);
    Some(if secs > FAR_HOURS * 3_600.0 { far } else { near(secs) })
}

fn course_text(course: Course, now: Timestamp, zone: &format::Zone, locale: Locale) -> String {
    match course {
        Course::Steady => td_string!(locale, overview.steady).to_owned(),
        Course::Filling => td_string!(locale, overview.filling).to_owned(),
        Course::Falling => td_string!(locale, overview.falling).to_owned(),
        Course::FullIn(secs) => {
            let at = zone.minute(now + std::time::Duration::from_secs_f64(secs));
            td_string!(locale, overview.full_at, at = at)
        }
        Course::EmptyIn(secs) => {
            let age = format::age(std::time::Duration::from_secs_f64(secs), locale);
            td_string!(locale, overview.empty_in, age = age)
        }
    }
}

#[component]
pub(super) fn Storage(plant: Arc<PlantView>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let points: Vec<Point> = plant.playing(PointRole::TankLevel).cloned().collect();
    let day = day_of(app, points.iter().map(|point| point.id).collect());
    let tanks = points.into_iter().map(|point| {
        let asset = point.asset.and_then(|id| plant.asset(id)).cloned();
        let name = asset.as_ref().map_or_else(|| plant.place_of(&point).to_owned(), |asset| asset.name.clone());
        let span = asset.as_ref().and_then(|asset| asset.level_span).or(point.span);
        let kind = asset.as_ref().and_then(|asset| Some((asset.kind, asset.capacity_m3?)));
        let kind = move || {
            let (kind, capacity) = kind?;
            let size = format::number(capacity / 1e3, 1, i18n.get_locale());
            Some(match kind {
                AssetKind::Tower => t_string!(i18n, overview.tower, size = size),
                _ => t_string!(i18n, overview.reservoir, size = size),
            })
        };
        let of_reading = point.clone();
        let reading = Memo::new(move |_| Reading { span, ..reading(app, &of_reading) });
        let of_trust = point.clone();
        let trust = Memo::new(move |_| app.trust(&of_trust));
        let signal = app.points.signal(point.no);
        let level = Memo::new(move |_| signal.get().and_then(|view| view.value));
        let share = move || {
            let (level, span) = (level.get()?, span?);
            Some(format::number((level - span.low) / (span.high - span.low) * 100.0, 0, i18n.get_locale()))
        };
        let series = series_of(day, point.id);
        let course = Memo::new(move |_| {
            let (level, span) = (level.get()?, span?);
            series.with(|series| course(series.as_ref()?, level, span))
        });
        let is_pressing = Memo::new(move |_| matches!(course.get(), Some(Course::EmptyIn(secs)) if secs < 6.0 * 3_600.0));
        let text = move || {
            let course = course.get()?;
            let now = app.now.get();
            Some(app.zone.with(|zone| course_text(course, now, zone, i18n.get_locale())))
        };
        let quantity = point.quantity;
        let badge = point_badge(app, point.id, 16);
        let (tip, tag) = (name.clone(), name.clone());
        view! {
            <a class="tank-card" href=format!("/trends?points={}", point.id) data-testid="tank" data-tank=tag>
                <LevelIndicator reading=reading/>
                <div class="tank-words">
                    <p class="tank-name" title=tip><b class="cut">{name}</b></p>
                    <p class="tank-line">{kind}</p>
                    <p class="tank-share" class:pale=move || !trust.get().is_firm()>
                        <b>{move || share().unwrap_or_else(|| format::NO_VALUE.to_owned())}</b>
                        <span class="unit">"%"</span>
                        {badge}
                        <TrustTag trust=trust/>
                    </p>
                    <p>{move || level.get().map(|level| format::value_with_unit(level, quantity, i18n.get_locale()))}</p>
                    <p class="tank-line" class:firm=move || is_pressing.get()>{text}</p>
                </div>
            </a>
        }
    });
    let tanks = tanks.collect_view();
    view! {
        <Panel title=Signal::derive(move || t_string!(i18n, overview.storage).to_owned()) class="storage">
            <div class="tanks">{tanks}</div>
        </Panel>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use penstock_model::PointId;

    use super::*;

    fn levels(level_at: impl Fn(f64) -> f64) -> Series {
        let times: Vec<Timestamp> = (0..10).map(|at| Timestamp::from_secs(at * 300)).collect();
        Series {
            point: PointId::made(Timestamp::from_secs(1), [1; 10]),
            reduced: false,
            gap_after: Duration::from_secs(900),
            values: times.iter().map(|at| Some(level_at(at.as_secs_f64()))).collect(),
            qualities: vec![0; times.len()],
            times,
            statistics: None,
            expected: Vec::new(),
        }
    }

    #[test]
    fn a_level_leads_somewhere() {
        let tank = Band { low: 0.0, high: 4.0 };
        let check = |series: &Series, level: f64, expect: Option<Course>| {
            let found = course(series, level, tank);
            let is_near = match (found, expect) {
                (Some(Course::EmptyIn(a)), Some(Course::EmptyIn(b)))
                | (Some(Course::FullIn(a)), Some(Course::FullIn(b))) => (a - b).abs() < 1.0,
                (found, expect) => found == expect,
            };
            assert!(is_near, "{found:?} {expect:?}");
        };
        let per_hour = |change: f64| levels(move |secs| 2.0 + change * secs / 3_600.0);
        check(&per_hour(0.0), 2.0, Some(Course::Steady));
        check(&per_hour(-1.0), 2.0, Some(Course::EmptyIn(7_200.0)));
        check(&per_hour(1.0), 2.0, Some(Course::FullIn(7_200.0)));
        check(&per_hour(0.05), 2.0, Some(Course::Filling));
        let mut short = per_hour(1.0);
        short.times.truncate(2);
        short.values.truncate(2);
        check(&short, 2.0, None);
    }
}
