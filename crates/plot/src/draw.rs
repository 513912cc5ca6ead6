//! Draws a chart, from the back to the front.

use std::time::Duration;

use penstock_model::{Priority, Timestamp};
use penstock_theme::{Rgba, Theme, text_width, tokens};
use plotters::prelude::DrawingBackend;

use crate::axis::{clock_text, day_text, time_ticks};
use crate::label::{label_places, spread};
use crate::pencil::{At, Ink, Pencil, Place};
use crate::{
    Alarm, AlarmLook, Chart, Error, FlagKind, Lane, LaneBox, Layout, Paper, Pen, Range, Stretch, format_value, gaps,
    reduce,
};

/// Least width of a time label's place.
const TIME_LABEL: f64 = 84.0;
/// From a limit's label to the next at least.
const LIMIT_LABEL: f64 = 14.0;
/// Size of scales and ticks, and of labels.
const SMALL: f64 = 11.0;
const NORMAL: f64 = 12.0;
/// Height of a box with a pen's name.
const NAME_BOX: f64 = 20.0;
/// A gap narrower than this is left empty without words, and one narrower than the other without edges.
const GAP_WORDS: f64 = 64.0;
const GAP_EDGES: f64 = 6.0;

/// Draws `chart` as `layout` has it.
///
/// # Errors
/// [`Error::Surface`] where the backend refuses.
pub fn draw<DB: DrawingBackend>(backend: &mut DB, chart: &Chart, layout: &Layout, paper: Paper) -> Result<(), Error> {
    let theme = chart.mode.theme();
    let mut drawing = Drawing { pencil: Pencil::new(backend, paper), chart, layout, theme };
    let ground = theme.surface.chart;
    drawing.pencil.rectangle((0.0, 0.0), (layout.width, layout.height), ground, None)?;
    drawing.time_axis()?;
    let lanes = || chart.lanes.iter().zip(&layout.lanes);
    for (lane, place) in lanes() {
        drawing.scale(lane, place)?;
        drawing.expected(lane, place)?;
        drawing.limits(lane, place)?;
    }
    for stretch in &chart.stretches {
        drawing.stretch(stretch)?;
    }
    drawing.flag_lines()?;
    for (lane, place) in lanes() {
        drawing.gaps(lane, place)?;
        drawing.pens(lane, place)?;
        drawing.limit_labels(lane, place)?;
    }
    drawing.flags()?;
    drawing.names()?;
    drawing.selection()?;
    drawing.cursor()
}

struct Drawing<'a, DB: DrawingBackend> {
    pencil: Pencil<'a, DB>,
    chart: &'a Chart,
    layout: &'a Layout,
    theme: &'a Theme,
}

impl<DB: DrawingBackend> Drawing<'_, DB> {
    fn time_axis(&mut self) -> Result<(), Error> {
        let (layout, plot) = (self.layout, self.layout.plot);
        let most = ((plot.right - plot.left) / TIME_LABEL).floor().max(2.0) as usize;
        let grid = Ink::solid(self.theme.line.subtle, 1.0);
        let now_x = self.chart.now.filter(|now| self.chart.range.holds(*now)).map(|now| layout.x_of(now));
        let y = layout.bottom() + 36.0;
        for tick in time_ticks(self.chart.range, self.chart.offset, most, &self.chart.words) {
            let x = layout.x_of(tick.at);
            for lane in &layout.lanes {
                self.pencil.line(&[(x, lane.top), (x, lane.bottom)], grid)?;
            }
            let ink = if tick.is_day { self.theme.text.secondary } else { self.theme.text.tertiary };
            let beside_now = now_x.is_some_and(|now| (now - x).abs() < 48.0);
            let inside = x > plot.left - 4.0 && x < plot.right + 4.0;
            if inside && !beside_now {
                self.pencil.text(&tick.text, (x, y), At::Middle, (SMALL, tick.is_day), ink)?;
            }
        }
        if let (Some(now), Some(x)) = (self.chart.now, now_x) {
            let text = clock_text(now, self.chart.offset, false);
            self.pencil.text(&text, (x, y), At::Middle, (SMALL, true), self.theme.text.primary)?;
        }
        Ok(())
    }

    fn scale(&mut self, lane: &Lane, place: &LaneBox) -> Result<(), Error> {
        let plot = self.layout.plot;
        let title = lane.title.as_str();
        let y = place.top - 12.0;
        let wide = text_width(title, NORMAL, true);
        self.pencil.text(title, (plot.left, y), At::Left, (NORMAL, true), self.theme.text.secondary)?;
        let unit_at = (plot.left + wide + 5.0, y);
        self.pencil.text(&lane.unit, unit_at, At::Left, (NORMAL, false), self.theme.text.tertiary)?;
        let ticks = place.axis.ticks();
        for (index, (value, text)) in ticks.iter().enumerate() {
            let y = place.y_of(*value);
            let colour = if index == 0 { self.theme.line.strong } else { self.theme.line.subtle };
            self.pencil.line(&[(plot.left, y), (plot.right, y)], Ink::solid(colour, 1.0))?;
            self.pencil.text(text, (plot.left - 8.0, y), At::Right, (SMALL, false), self.theme.text.tertiary)?;
        }
        Ok(())
    }

    fn expected(&mut self, lane: &Lane, place: &LaneBox) -> Result<(), Error> {
        let anomaly = self.theme.anomaly;
        for pen in lane.pens.iter().filter(|pen| pen.shown && pen.expected.len() > 1) {
            let colour = self.colour_of(pen);
            let clamp = |value: f64| value.clamp(place.axis.low, place.axis.high);
            let inside = || {
                let start = pen.expected.partition_point(|(at, _, _)| *at < self.chart.range.from).saturating_sub(1);
                let end = pen.expected.partition_point(|(at, _, _)| *at <= self.chart.range.to) + 1;
                pen.expected.iter().skip(start).take(end.saturating_sub(start))
            };
            let x = |at: Timestamp| self.layout.x_of(at).clamp(self.layout.plot.left, self.layout.plot.right);
            let upper: Vec<Place> = inside().map(|(at, _, high)| (x(*at), place.y_of(clamp(*high)))).collect();
            let lower: Vec<Place> = inside().map(|(at, low, _)| (x(*at), place.y_of(clamp(*low)))).collect();
            let outline: Vec<Place> = upper.iter().chain(lower.iter().rev()).copied().collect();
            self.pencil.fill(&outline, colour.with_opacity(anomaly.band_alpha))?;
            let edge = Ink::solid(colour.with_opacity(anomaly.band_edge_alpha * 0.5), 1.0);
            self.pencil.line(&upper, edge)?;
            self.pencil.line(&lower, edge)?;
        }
        Ok(())
    }

    fn limits(&mut self, lane: &Lane, place: &LaneBox) -> Result<(), Error> {
        let plot = self.layout.plot;
        for limit in self.seen_limits(lane, place) {
            let dash: &[f64] = if is_outer(limit.level) { &[6.0, 3.0] } else { &[2.0, 3.0] };
            let ink = Ink { colour: self.theme.indicator.limit, width: 1.25, dash };
            let y = place.y_of(limit.value);
            self.pencil.line(&[(plot.left, y), (plot.right, y)], ink)?;
        }
        Ok(())
    }

    fn limit_labels(&mut self, lane: &Lane, place: &LaneBox) -> Result<(), Error> {
        let left = self.layout.plot.left + 6.0;
        let limits = self.seen_limits(lane, place);
        // Above its line; under the lane's title all move down together, so that the order stays that of the lines.
        let wanted: Vec<f64> = limits.iter().map(|limit| place.y_of(limit.value) - 8.0).collect();
        let places = label_places(&wanted, LIMIT_LABEL, place.top + 3.0, place.bottom.max(place.top + 8.0));
        for (limit, y) in limits.into_iter().zip(places) {
            let whole = lane.decimals == 1 && limit.value.fract() == 0.0;
            let decimals = if whole { 0 } else { lane.decimals };
            let text = format!("{} {}", limit_name(limit.level), format_value(limit.value, decimals));
            let wide = text_width(&text, SMALL, false);
            let ground = self.theme.surface.chart.with_opacity(0.7);
            self.pencil.rectangle((left - 2.0, y - 7.0), (left + wide + 2.0, y + 6.5), ground, None)?;
            self.pencil.text(&text, (left, y), At::Left, (SMALL, false), self.theme.text.secondary)?;
        }
        Ok(())
    }

    fn seen_limits(&self, lane: &Lane, place: &LaneBox) -> Vec<crate::Limit> {
        let seen = |limit: &&crate::Limit| limit.value >= place.axis.low && limit.value <= place.axis.high;
        lane.limits.iter().filter(seen).copied().collect()
    }

    fn stretch(&mut self, stretch: &Stretch) -> Result<(), Error> {
        let Some(place) = self.layout.lanes.get(stretch.lane) else { return Ok(()) };
        let plot = self.layout.plot;
        let x = |at| self.layout.x_of(at).clamp(plot.left, plot.right);
        let (left, right) = (x(stretch.range.from), x(stretch.range.to));
        if right - left < 1.0 {
            return Ok(());
        }
        let ink = self.theme.anomaly.stretch_ink;
        let alpha = self.theme.anomaly.stretch_alpha;
        self.pencil.rectangle((left, place.top), (right, place.bottom), ink.with_opacity(alpha * 0.45), None)?;
        let hatch = Ink::solid(ink.with_opacity(alpha * 2.0), 1.0);
        let tall = place.bottom - place.top;
        let mut start = left - tall;
        while start < right {
            // From the lower left to the upper right at 45°, cut at the stretch's sides.
            let (enter, leave) = (start.max(left), (start + tall).min(right));
            if enter < leave {
                let y = |x: f64| place.bottom - (x - start);
                self.pencil.line(&[(enter, y(enter)), (leave, y(leave))], hatch)?;
            }
            start += 7.0;
        }
        let bracket = Ink::solid(self.theme.text.secondary, 1.25);
        self.pencil.line(
            &[(left, place.top + 5.0), (left, place.top), (right, place.top), (right, place.top + 5.0)],
            bracket,
        )?;
        let what = stretch.what.as_deref().unwrap_or_default();
        let (bold, plain) =
            (text_width("A ", SMALL, true), text_width(&format!("{:.2} {what}", stretch.score), SMALL, false));
        let wide = bold + plain + 14.0;
        let middle = ((left + right) / 2.0).clamp(plot.left + wide / 2.0, plot.right - wide / 2.0);
        let y = place.top - 10.0;
        let edge = Some(Ink::solid(self.theme.line.strong, 1.0));
        let (from, to) = ((middle - wide / 2.0, y - 9.0), (middle + wide / 2.0, y + 9.0));
        self.pencil.rectangle(from, to, self.theme.surface.raised, edge)?;
        self.pencil.text("A", (from.0 + 7.0, y), At::Left, (SMALL, true), self.theme.text.primary)?;
        let rest = format!("{:.2} {what}", stretch.score);
        let rest_at = (from.0 + 7.0 + bold, y);
        self.pencil.text(rest.trim_end(), rest_at, At::Left, (SMALL, false), self.theme.text.primary)
    }

    fn gaps(&mut self, lane: &Lane, place: &LaneBox) -> Result<(), Error> {
        let tracks: Vec<_> = lane.pens.iter().filter(|pen| pen.shown).map(|pen| &pen.track).collect();
        if !tracks.is_empty() && tracks.iter().all(|track| track.times.is_empty()) {
            let plot = self.layout.plot;
            let middle = ((plot.left + plot.right) / 2.0, (place.top + place.bottom) / 2.0);
            let (words, ink) = (&self.chart.words.no_data, self.theme.text.secondary);
            return self.pencil.text(words, middle, At::Middle, (NORMAL, false), ink);
        }
        for gap in gaps(&tracks, self.chart.range, Duration::ZERO) {
            let (left, right) = (self.layout.x_of(gap.from), self.layout.x_of(gap.to));
            if right - left < GAP_EDGES {
                continue;
            }
            let ground = self.theme.surface.chart.with_opacity(0.78);
            self.pencil.rectangle((left, place.top + 1.0), (right, place.bottom - 1.0), ground, None)?;
            let edge = Ink { colour: self.theme.text.tertiary, width: 1.25, dash: &[2.0, 3.0] };
            for (x, at) in [(left, gap.from), (right, gap.to)] {
                if at > self.chart.range.from && at < self.chart.range.to {
                    self.pencil.line(&[(x, place.top), (x, place.bottom)], edge)?;
                }
            }
            let (middle, y) = ((left + right) / 2.0, (place.top + place.bottom) / 2.0);
            let words = &self.chart.words.no_data;
            if right - left > GAP_WORDS.max(text_width(words, NORMAL, false) + 12.0) {
                self.pencil.text(words, (middle, y - 8.0), At::Middle, (NORMAL, false), self.theme.text.secondary)?;
                let clock = |at: Timestamp| self.moment(at, self.chart.range.length() < Duration::from_secs(1_800));
                let span = format!("{}\u{2013}{}", clock(gap.from), clock(gap.to));
                if right - left > text_width(&span, SMALL, false) + 8.0 {
                    let ink = self.theme.text.tertiary;
                    self.pencil.text(&span, (middle, y + 8.0), At::Middle, (SMALL, false), ink)?;
                }
            }
        }
        Ok(())
    }

    fn pens(&mut self, lane: &Lane, place: &LaneBox) -> Result<(), Error> {
        let widths = tokens().pen_width;
        let plot = self.layout.plot;
        let one_selected = self.chart.lanes.iter().flat_map(|lane| &lane.pens).any(|pen| pen.selected && pen.shown);
        let columns = ((plot.right - plot.left).ceil() as usize).max(1);
        for pen in lane.pens.iter().filter(|pen| pen.shown) {
            let width = match (pen.selected, one_selected) {
                (true, _) => widths.selected,
                (false, true) => widths.dimmed,
                (false, false) => widths.normal,
            };
            let dash = tokens().pen_dash.get(pen.ink % tokens().pen_dash.len().max(1));
            let ink = Ink { colour: self.colour_of(pen), width, dash: dash.map_or(&[], Vec::as_slice) };
            for dots in reduce(&pen.track, self.chart.range, columns) {
                let places: Vec<Place> =
                    dots.iter().map(|(at, value)| (self.layout.x_of(*at), place.y_of(*value))).collect();
                for part in clip(&places, (plot.left, place.top - 1.0), (plot.right, place.bottom + 1.0)) {
                    self.pencil.line(&part, ink)?;
                }
                if let [single] = places.as_slice()
                    && self.layout.is_in_plot(single.0)
                {
                    self.pencil.circle(*single, width * 0.75, ink.colour, Ink::solid(ink.colour, 0.5))?;
                }
            }
            self.stale_end(pen, place, ink)?;
        }
        Ok(())
    }

    /// Carries the last value on to the present as dots, where it is older than a gap.
    fn stale_end(&mut self, pen: &Pen, place: &LaneBox, ink: Ink<'_>) -> Result<(), Error> {
        let Some(((at, value), now)) = pen.track.last().zip(self.chart.now) else { return Ok(()) };
        let end = now.min(self.chart.range.to);
        if now.since(at) <= pen.track.gap_after || at >= end {
            return Ok(());
        }
        let y = place.y_of(value);
        let (left, right) = (self.layout.x_of(at).max(self.layout.plot.left), self.layout.x_of(end));
        let dots = Ink { colour: ink.colour.with_opacity(0.8), width: 1.5, dash: &[1.5, 4.0] };
        self.pencil.line(&[(left, y), (right, y)], dots)
    }

    fn flag_lines(&mut self) -> Result<(), Error> {
        let ink = Ink::solid(self.theme.text.tertiary.with_opacity(0.6), 1.0);
        for flag in self.chart.flags.iter().filter(|flag| matches!(flag.kind, FlagKind::Alarm(_))) {
            let x = self.layout.x_of(flag.at);
            if let (true, Some(first)) = (self.layout.is_in_plot(x), self.layout.lanes.first()) {
                self.pencil.line(&[(x, first.top), (x, self.layout.bottom() + 4.0)], ink)?;
            }
        }
        Ok(())
    }

    fn flags(&mut self) -> Result<(), Error> {
        let y = self.layout.bottom() + 13.0;
        for flag in &self.chart.flags {
            let x = self.layout.x_of(flag.at);
            if !self.layout.is_in_plot(x) {
                continue;
            }
            match flag.kind {
                FlagKind::Alarm(alarm) => self.badge(alarm, (x, y), 16.0)?,
                FlagKind::Comment => {
                    let edge = Some(Ink::solid(self.theme.line.control, 1.0));
                    self.pencil.rectangle((x - 8.0, y - 8.0), (x + 8.0, y + 8.0), self.theme.surface.chart, edge)?;
                    self.pencil.text("C", (x, y), At::Middle, (10.0, false), self.theme.text.primary)?;
                }
            }
        }
        Ok(())
    }

    fn badge(&mut self, alarm: Alarm, at: Place, size: f64) -> Result<(), Error> {
        let index = usize::from(alarm.priority.digit()).saturating_sub(1);
        let Some(colours) = self.theme.alarm.get(index) else { return Ok(()) };
        let unit = size / 20.0;
        let filled = alarm.look == AlarmLook::Unacknowledged;
        let corners =
            penstock_theme::Shape::of_priority(alarm.priority.digit()).outline(if filled { 0.0 } else { 1.0 });
        let outline: Vec<Place> = corners.into_iter().map(|(x, y)| (at.0 + x * unit, at.1 + y * unit)).collect();
        let ground = if filled { colours.fill } else { self.theme.surface.chart };
        self.pencil.fill(&outline, ground)?;
        let closed: Vec<Place> = outline.iter().chain(outline.first()).copied().collect();
        self.pencil.line(&closed, Ink::solid(colours.edge, if filled { 1.0 } else { 1.5 }))?;
        let drop = if alarm.priority == Priority::P2 { 2.6 * unit } else { 0.0 };
        let mark = if filled { colours.mark } else { self.theme.text.primary };
        let digit = alarm.priority.digit().to_string();
        self.pencil.text(&digit, (at.0, at.1 + drop), At::Middle, (10.0, true), mark)
    }

    /// Each pen's name and last value at the right end, moved apart where they would cover each other.
    fn names(&mut self) -> Result<(), Error> {
        let (layout, right) = (self.layout, self.layout.plot.right);
        if layout.width - right < 60.0 {
            return Ok(());
        }
        let mut names: Vec<(f64, String, Rgba)> = Vec::new();
        for (lane, place) in self.chart.lanes.iter().zip(&layout.lanes) {
            for pen in lane.pens.iter().filter(|pen| pen.shown) {
                let last = pen.track.samples().rev().find_map(|(at, value)| {
                    let value = value?;
                    (at <= self.chart.range.to).then_some(value)
                });
                let Some(value) = last else { continue };
                let y = place.y_of(value).clamp(place.top, place.bottom);
                names.push((y, format!("{} {}", pen.name, format_value(value, lane.decimals)), self.colour_of(pen)));
            }
        }
        names.sort_by(|a, b| a.0.total_cmp(&b.0));
        let wanted: Vec<f64> = names.iter().map(|(y, _, _)| *y).collect();
        let placed = spread(&wanted, NAME_BOX + 3.0, NAME_BOX / 2.0 + 1.0, layout.bottom());
        let (left, far) = (right + 9.0, layout.width - 8.0);
        for ((wanted, text, colour), y) in names.iter().zip(placed) {
            let lead = [(right + 1.0, *wanted), (left, y)];
            self.pencil.line(&lead, Ink::solid(colour.with_opacity(0.8), 1.0))?;
            let (top, bottom) = (y - NAME_BOX / 2.0, y + NAME_BOX / 2.0);
            let edge = Some(Ink::solid(*colour, 1.25));
            self.pencil.rectangle((left, top), (far, bottom), self.theme.surface.raised, edge)?;
            let text = shorten(text, far - left - 12.0);
            self.pencil.text(&text, (left + 6.0, y), At::Left, (NORMAL, false), self.theme.text.primary)?;
        }
        Ok(())
    }

    fn selection(&mut self) -> Result<(), Error> {
        let (Some(range), Some(first)) = (self.chart.selection, self.layout.lanes.first()) else { return Ok(()) };
        let plot = self.layout.plot;
        let x = |at| self.layout.x_of(at).clamp(plot.left, plot.right);
        let edge = Some(Ink::solid(self.theme.selection.edge, 1.0));
        let fill = self.theme.selection.edge.with_opacity(0.14);
        self.pencil.rectangle((x(range.from), first.top), (x(range.to), self.layout.bottom()), fill, edge)
    }

    fn cursor(&mut self) -> Result<(), Error> {
        let (Some(at), Some(first)) = (self.chart.cursor, self.layout.lanes.first()) else { return Ok(()) };
        let x = self.layout.x_of(at);
        if !self.layout.is_in_plot(x) {
            return Ok(());
        }
        let ink = self.theme.text.primary;
        self.pencil.line(&[(x, first.top), (x, self.layout.bottom() + 4.0)], Ink::solid(ink, 1.25))?;
        for snap in self.layout.snaps(self.chart, at) {
            let lane = self.chart.lanes.get(snap.lane).zip(self.layout.lanes.get(snap.lane));
            let Some((pen, place)) = lane.and_then(|(lane, place)| Some((lane.pens.get(snap.pen)?, place))) else {
                continue;
            };
            let edge = Ink::solid(self.colour_of(pen), 2.0);
            let y = place.y_of(snap.value);
            if y > place.top - 2.0 && y < place.bottom + 2.0 {
                self.pencil.circle((self.layout.x_of(snap.at), y), 4.0, self.theme.surface.chart, edge)?;
            }
        }
        let seconds = self.chart.range.length() <= Duration::from_secs(86_400);
        let text = format!("{} {}", self.moment(at, seconds), self.chart.words.zone);
        let half = text_width(&text, SMALL, true) / 2.0 + 10.0;
        let plot = self.layout.plot;
        let middle = x.clamp(plot.left + half, plot.right - half);
        let y = self.layout.bottom() + 36.0;
        self.pencil.rectangle((middle - half, y - 10.0), (middle + half, y + 10.0), ink, None)?;
        self.pencil.text(&text, (middle, y), At::Middle, (SMALL, true), self.theme.surface.chart)
    }

    /// A moment in words: with its day where the chart spans more than one.
    fn moment(&self, at: Timestamp, seconds: bool) -> String {
        let clock = clock_text(at, self.chart.offset, seconds);
        let Range { from, to } = self.chart.range;
        let day = |at| day_text(at, self.chart.offset, &self.chart.words);
        if day(from) == day(to) { clock } else { format!("{} {clock}", day(at)) }
    }

    fn colour_of(&self, pen: &Pen) -> Rgba {
        let pens = &self.theme.pens;
        pens.get(pen.ink % pens.len()).copied().unwrap_or(self.theme.text.primary)
    }
}

fn is_outer(level: penstock_model::LimitLevel) -> bool {
    use penstock_model::LimitLevel::{HighHigh, LowLow};
    matches!(level, HighHigh | LowLow)
}

fn limit_name(level: penstock_model::LimitLevel) -> &'static str {
    use penstock_model::LimitLevel::{High, HighHigh, Low, LowLow};
    match level {
        LowLow => "LL",
        Low => "L",
        High => "H",
        HighHigh => "HH",
    }
}

/// The text, cut with an ellipsis where it is wider than `room`.
fn shorten(text: &str, room: f64) -> String {
    if text_width(text, NORMAL, false) <= room {
        return text.to_owned();
    }
    let mut short: String = text.to_owned();
    while !short.is_empty() && text_width(&short, NORMAL, false) + text_width("\u{2026}", NORMAL, false) > room {
        short.pop();
    }
    short + "\u{2026}"
}

/// The parts of a line that lie in a rectangle (Liang and Barsky 1984).
fn clip(points: &[Place], min: Place, max: Place) -> Vec<Vec<Place>> {
    let mut parts: Vec<Vec<Place>> = Vec::new();
    let mut open: Vec<Place> = Vec::new();
    for (from, to) in points.iter().zip(points.iter().skip(1)) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
        let sides = [(-dx, from.0 - min.0), (dx, max.0 - from.0), (-dy, from.1 - min.1), (dy, max.1 - from.1)];
        let mut outside = false;
        for (towards, room) in sides {
            if towards == 0.0 {
                outside |= room < 0.0;
            } else if towards < 0.0 {
                enter = enter.max(room / towards);
            } else {
                leave = leave.min(room / towards);
            }
        }
        if outside || enter > leave {
            if open.len() > 1 {
                parts.push(std::mem::take(&mut open));
            }
            open.clear();
            continue;
        }
        let along = |share: f64| (from.0 + dx * share, from.1 + dy * share);
        if enter > 0.0 || open.is_empty() {
            if open.len() > 1 {
                parts.push(std::mem::take(&mut open));
            }
            open = vec![along(enter)];
        }
        open.push(along(leave));
        if leave < 1.0 {
            parts.push(std::mem::take(&mut open));
        }
    }
    if open.len() > 1 {
        parts.push(open);
    }
    parts
}

#[cfg(test)]
mod tests;
