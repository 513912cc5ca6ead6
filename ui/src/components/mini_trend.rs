//! A small chart of one series: limits, expected band, perhaps a moment marked, perhaps strips of time below. Drawn as
//! SVG, no canvas.

use std::fmt::Write as _;

use leptos::prelude::*;
use penstock_api::Series;
use penstock_model::{Limits, Priority, Quantity, Timestamp};
use penstock_plot::label_places;

use super::sparkline::gap_secs;
use super::{Badge, BadgeFill};
use crate::format::{self, Zone};
use crate::i18n::Locale;

const WIDTH: f64 = 392.0;
const HEIGHT: f64 = 140.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 24.0;
/// Height of a strip with the space below it, and the least width of what is in it.
const STRIP: f64 = 12.0;
const LEAST_STRIP: f64 = 1.5;
const DAY_SECS: f64 = 86_400.0;
/// A limit's word stands so far above its line, and so far from the next word.
const WORD_ABOVE: f64 = 4.0;
const WORD_APART: f64 = 12.0;

/// Stretches of time below the chart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Strip {
    /// Its class beside `mini-strip`.
    pub(crate) class: &'static str,
    /// From when until when.
    pub(crate) spans: Vec<(Timestamp, Timestamp)>,
}

/// A value from which the alarm in question holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OwnLimit {
    /// In SI.
    pub(crate) value: f64,
    /// What it is called.
    pub(crate) word: String,
}

/// A line across the chart with its word; values are as shown.
#[derive(Debug, Clone, PartialEq)]
struct Mark {
    value: f64,
    word: String,
    class: &'static str,
}

/// The lines of a point's limits and of an alarm's own; one that is both is drawn once, as the alarm's.
fn marks(limits: Limits, own: &[OwnLimit], shown: impl Fn(f64) -> f64) -> Vec<Mark> {
    let is_own = |value: f64| own.iter().any(|own| (own.value - value).abs() <= value.abs() * 1e-9);
    let of_point =
        [(limits.hh, "HH", true), (limits.h, "H", false), (limits.l, "L", false), (limits.ll, "LL", true)].into_iter();
    let of_point = of_point.filter_map(|(limit, word, is_outer)| {
        let limit = limit?;
        let class = match (is_own(limit), is_outer) {
            (true, _) => "mini-limit own",
            (false, true) => "mini-limit outer",
            (false, false) => "mini-limit",
        };
        Some((limit, Mark { value: shown(limit), word: word.to_owned(), class }))
    });
    let of_point: Vec<(f64, Mark)> = of_point.collect();
    let is_there = |own: &&OwnLimit| of_point.iter().any(|(limit, _)| (own.value - limit).abs() <= limit.abs() * 1e-9);
    let more = own.iter().filter(|own| !is_there(own));
    let more: Vec<Mark> =
        more.map(|own| Mark { value: shown(own.value), word: own.word.clone(), class: "mini-limit own" }).collect();
    of_point.into_iter().map(|(_, mark)| mark).chain(more).collect()
}

/// A round step that cuts `reach` into about `count` parts.
pub(crate) fn round_step(reach: f64, count: f64) -> f64 {
    if reach <= 0.0 || !reach.is_finite() {
        return 1.0;
    }
    let rough = reach / count;
    let magnitude = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|factor| factor * magnitude >= rough).unwrap_or(10.0);
    factor * magnitude
}

/// A step between time ticks in s that gives at most six of them.
fn time_step(span_secs: f64) -> f64 {
    let steps = [60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 21_600.0, 43_200.0];
    let days = [1.0, 2.0, 4.0, 7.0].map(|days| days * DAY_SECS);
    steps.into_iter().chain(days).find(|step| span_secs / step <= 5.0).unwrap_or(14.0 * DAY_SECS)
}

/// Where values and times lie.
#[derive(Debug, Clone, Copy)]
struct Scale {
    from: f64,
    to: f64,
    low: f64,
    high: f64,
}

impl Scale {
    fn x(&self, secs: f64) -> f64 {
        LEFT + (secs - self.from) / (self.to - self.from).max(1e-9) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - (value - self.low) / (self.high - self.low).max(1e-12) * (HEIGHT - TOP - BOTTOM)
    }
}

/// Where stretches of time lie from left to right; those that touch on the screen are one.
fn laid_out(spans: &[(Timestamp, Timestamp)], scale: Scale) -> Vec<(f64, f64)> {
    let end = WIDTH - RIGHT;
    let place = |(from, to): &(Timestamp, Timestamp)| {
        let left = scale.x(from.as_secs_f64()).max(LEFT).min(end - LEAST_STRIP);
        (left, scale.x(to.as_secs_f64()).min(end).max(left + LEAST_STRIP))
    };
    let mut places: Vec<(f64, f64)> = spans.iter().map(place).collect();
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut joined: Vec<(f64, f64)> = Vec::new();
    for (left, right) in places {
        match joined.last_mut() {
            Some(last) if left <= last.1 + 0.5 => last.1 = last.1.max(right),
            _ => joined.push((left, right)),
        }
    }
    joined
}

/// The chart. All values in `series` and `limits` are SI of `quantity`.
#[component]
pub(crate) fn MiniTrend(
    series: Series,
    quantity: Quantity,
    limits: Limits,
    /// From where the alarm in question holds.
    #[prop(optional)]
    own: Vec<OwnLimit>,
    from: Timestamp,
    to: Timestamp,
    /// The moment in question, marked where the priority of its alarm is given too.
    #[prop(optional)]
    moment: Option<Timestamp>,
    #[prop(optional)] priority: Option<Priority>,
    zone: Zone,
    locale: Locale,
    /// What stands below it, from the top down.
    #[prop(optional)]
    strips: Vec<Strip>,
) -> impl IntoView {
    let unit = quantity.display_unit();
    let shown = |si: f64| unit.from_si(si);
    let values: Vec<(f64, Option<f64>)> =
        series.times.iter().zip(&series.values).map(|(at, value)| (at.as_secs_f64(), value.map(shown))).collect();
    let bands: Vec<(f64, f64, f64)> =
        series.expected.iter().map(|(at, band)| (at.as_secs_f64(), shown(band.low), shown(band.high))).collect();
    let heights = values.iter().filter_map(|(_, value)| *value).chain(bands.iter().flat_map(|band| [band.1, band.2]));
    let (low, high) = heights.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let (low, high) = if low.is_finite() { (low, high) } else { (0.0, 1.0) };
    let marks = marks(limits, &own, shown);
    // Limits near the line belong to the picture; far ones would only press it flat.
    let reach = (high - low).max(high.abs() * 0.04).max(1e-9);
    let near = |limit: &f64| (low - reach..=high + reach).contains(limit);
    let (low, high) =
        marks.iter().map(|mark| mark.value).filter(near).fold((low, high), |(low, high), v| (low.min(v), high.max(v)));
    let step = round_step((high - low).max(reach * 0.2), 4.0);
    let scale = Scale {
        from: from.as_secs_f64(),
        to: to.as_secs_f64(),
        low: (low / step - 0.2).floor() * step,
        high: (high / step + 0.2).ceil() * step,
    };
    let decimals = (-step.log10().floor()).max(0.0) as usize;

    let lines = ((scale.high - scale.low) / step).round() as usize;
    let grid = (0..=lines).map(|at| {
        let value = scale.low + step * at as f64;
        let y = scale.y(value);
        view! {
            <line class="mini-grid" x1=LEFT x2=WIDTH - RIGHT y1=y y2=y/>
            <text class="mini-axis" x=LEFT - 6.0 y=y + 4.0 text-anchor="end">{format::number(value, decimals, locale)}</text>
        }
    });
    let tick = time_step(scale.to - scale.from);
    let offset = f64::from(zone.offset_secs_at(from));
    let first = ((scale.from + offset) / tick).ceil() * tick - offset;
    let count = ((scale.to - first) / tick).floor().max(-1.0) as i64 + 1;
    let times = (0..count).map(|at| {
        let secs = first + tick * at as f64;
        let half = if tick < DAY_SECS { 14.0 } else { 30.0 };
        let x = scale.x(secs).clamp(LEFT + half, WIDTH - RIGHT - half);
        let at = Timestamp::from_micros((secs * 1e6) as i64);
        let text = if tick < DAY_SECS { zone.minute(at) } else { zone.day(at, locale) };
        view! { <text class="mini-axis" x=x y=HEIGHT - 6.0 text-anchor="middle">{text}</text> }
    });
    let seen: Vec<Mark> = marks.into_iter().filter(|mark| (scale.low..=scale.high).contains(&mark.value)).collect();
    let wanted: Vec<f64> = seen.iter().map(|mark| scale.y(mark.value) - WORD_ABOVE).collect();
    let places = label_places(&wanted, WORD_APART, TOP, HEIGHT - BOTTOM - 2.0);
    // Words over lines: no line strikes one out.
    let words: Vec<_> = seen
        .iter()
        .zip(places)
        .map(|(mark, place)| {
            let figure = format::number(mark.value, usize::from(quantity.decimals()), locale);
            view! { <text class="mini-limit-word" x=LEFT + 4.0 y=place>{format!("{} {figure}", mark.word)}</text> }
        })
        .collect();
    let limit_lines = seen.into_iter().map(|mark| {
        let y = scale.y(mark.value);
        view! { <line class=mark.class x1=LEFT x2=WIDTH - RIGHT y1=y y2=y/> }
    });
    let mut line = String::new();
    let gap = gap_secs(&series);
    let mut former: Option<f64> = None;
    for (at, value) in &values {
        let Some(value) = value else {
            former = None;
            continue;
        };
        let verb = if former.is_some_and(|former| gap <= 0.0 || at - former <= gap) { 'L' } else { 'M' };
        let _always_ok = write!(line, "{verb}{:.1} {:.1}", scale.x(*at), scale.y(*value));
        former = Some(*at);
    }
    let above: Vec<String> =
        bands.iter().map(|band| format!("{:.1} {:.1}", scale.x(band.0), scale.y(band.2))).collect();
    let below: Vec<String> =
        bands.iter().rev().map(|band| format!("{:.1} {:.1}", scale.x(band.0), scale.y(band.1))).collect();
    let expected = (above.len() > 1).then(|| format!("M{}L{}Z", above.join("L"), below.join("L")));
    let marked = moment.zip(priority).map(|(moment, priority)| (scale.x(moment.as_secs_f64()), priority));
    let height = HEIGHT + STRIP * strips.len() as f64;
    let strips = strips.into_iter().enumerate().map(|(row, strip)| {
        let y = HEIGHT + STRIP * row as f64;
        let bars = laid_out(&strip.spans, scale).into_iter().map(|(left, right)| {
            let (class, width, height) = (format!("mini-strip {}", strip.class), right - left, STRIP - 4.0);
            view! { <rect class=class x=left y=y width=width height=height/> }
        });
        bars.collect_view()
    });
    view! {
        <div class="mini-trend" role="img">
            <svg viewBox=format!("0 0 {WIDTH} {height}") width="100%" aria-hidden="true">
                {grid.collect_view()}
                <path class="mini-expected" d=expected/>
                {limit_lines.collect_view()}
                {marked.map(|(x, _)| view! { <line class="mini-moment" x1=x x2=x y1=TOP y2=HEIGHT - BOTTOM/> })}
                <path class="mini-line" d=line/>
                {words}
                {times.collect_view()}
                {marked.map(|(x, priority)| view! {
                    <g transform=format!("translate({:.1} 0)", x - 8.0)>
                        <Badge priority=priority fill=BadgeFill::Still size=16/>
                    </g>
                })}
                {strips.collect_view()}
            </svg>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        let check = |reach: f64, step: f64| assert!((round_step(reach, 4.0) - step).abs() < step * 1e-9, "{reach}");
        check(80.0, 20.0);
        check(1.0, 0.25);
        check(7.0, 2.0);
        check(0.0, 1.0);
        assert_eq!(time_step(40.0 * 60.0), 600.0);
        assert_eq!(time_step(30.0 * DAY_SECS), 7.0 * DAY_SECS);
    }

    #[test]
    fn the_alarms_own_limit_is_drawn_once() {
        let limits = Limits { hh: Some(3.0), h: Some(2.0), l: None, ll: None };
        let own = |value: f64| OwnLimit { value, word: "calls".into() };
        let told = |own: &[OwnLimit]| {
            let marks = marks(limits, own, |si| si * 10.0).into_iter();
            marks.map(|mark| format!("{} {} {}", mark.word, mark.value, mark.class)).collect::<Vec<_>>()
        };
        assert_eq!(told(&[]), ["HH 30 mini-limit outer", "H 20 mini-limit"]);
        assert_eq!(told(&[own(2.0)]), ["HH 30 mini-limit outer", "H 20 mini-limit own"]);
        assert_eq!(told(&[own(2.5)]), ["HH 30 mini-limit outer", "H 20 mini-limit", "calls 25 mini-limit own"]);
    }

    #[test]
    fn strips_that_touch_are_one_and_none_is_too_thin_to_see() {
        let scale = Scale { from: 0.0, to: 34_400.0, low: 0.0, high: 1.0 };
        let span = |from: i64, to: i64| (Timestamp::from_secs(from), Timestamp::from_secs(to));
        let laid = laid_out(&[span(20_000, 20_001), span(-500, 1_000), span(900, 2_000), span(34_400, 90_000)], scale);
        let rounded: Vec<(i64, i64)> =
            laid.iter().map(|(left, right)| ((left * 10.0).round() as i64, (right * 10.0).round() as i64)).collect();
        assert_eq!(rounded, [(400, 600), (2_400, 2_415), (3_825, 3_840)]);
    }
}
