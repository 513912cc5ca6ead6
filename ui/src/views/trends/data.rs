//! Which pens are shown over which time, their values fetched and kept up to date, and the chart made of them. Must not
//! know how anything is drawn.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
// The chart's `Track` hides the trait of that name.
use leptos::prelude::Track as _;
use penstock_api::{
    Code, GetHistory, GetValuesAt, JournalFilter, JournalRow, ListJournal, SavePreferences, Series, Statistics, ValueAt,
};
use penstock_model::{LimitLevel, Point, PointId, PointRole, Quality, Quantity, Subject, Timestamp, TransitionKind};
use penstock_plot::{Alarm, AlarmLook, Chart, Flag, FlagKind, Lane, Limit, Offset, Pen, Range, Stretch, Track, Words};

use super::LONGEST;
use crate::canvas::TrendHandle;
use crate::format;
use crate::i18n::{Locale, td_string};
use crate::page;
use crate::state::{App, PlantView};
use crate::words;

/// As many pens as there are inks.
pub(super) const PENS: usize = 8;
/// What is shown where nobody asked for anything else.
const USUAL: Duration = Duration::from_secs(4 * 3_600);
/// How long a range must hold still before its values are fetched.
const SETTLE: Duration = Duration::from_millis(220);
/// Values for each px of width: first, least, greatest and last of two.
const VALUES_PER_PX: f64 = 2.0;
/// A live chart is fetched anew when the present has moved on by this share of the range.
const LIVE_SHARE: f64 = 0.05;
/// From this score on a value is marked as unusual.
const UNUSUAL: f32 = 0.75;
/// The word that its series are kept under.
const KEPT: &str = "trends";
/// As many entries of the journal at most.
const FLAGS: u32 = 400;

/// A pen: one point's line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PenState {
    /// Whose.
    pub(super) point: PointId,
    /// The tag people know it by.
    pub(super) name: String,
    /// Its ink, from 0.
    pub(super) ink: usize,
    /// Whether it is drawn.
    pub(super) is_shown: bool,
    /// Whether it is the one in hand.
    pub(super) is_selected: bool,
}

/// What has been fetched of a pen, in the units it is shown in, with what has come since.
#[derive(Debug, Clone, Default)]
struct Held {
    track: Track,
    expected: Vec<(Timestamp, f64, f64)>,
    statistics: Option<Statistics>,
}

/// What the pens measured at one moment, by the samples around it, as the station told it.
#[derive(Debug, Clone, Default)]
struct Moment {
    at: Timestamp,
    /// In SI; none where nothing stood.
    values: BTreeMap<PointId, Option<f64>>,
}

impl Moment {
    /// What `point` measured at `at`, where that is this moment and the point was asked about.
    fn value(&self, point: PointId, at: Timestamp) -> Option<Option<f64>> {
        self.values.get(&point).copied().filter(|_| self.at == at)
    }
}

/// What the parts of the screen share.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub(super) app: App,
    pub(super) handle: TrendHandle,
    /// The pens, in the order of their keys.
    pub(super) pens: RwSignal<Vec<PenState>>,
    /// The time that is shown.
    pub(super) range: RwSignal<Range>,
    /// Whether the present is followed.
    pub(super) is_live: RwSignal<bool>,
    /// Where the cursor stands, on a real sample.
    pub(super) cursor: RwSignal<Option<Timestamp>>,
    /// Whether the cursor stays where it is, wherever the pointer goes.
    pub(super) is_pinned: RwSignal<bool>,
    /// The stretch that is being picked.
    pub(super) selection: RwSignal<Option<Range>>,
    /// Whether the chart is shown as a table.
    pub(super) is_table: RwSignal<bool>,
    /// Whether values are on their way.
    pub(super) is_fetching: RwSignal<bool>,
    held: RwSignal<Arc<BTreeMap<PointId, Held>>>,
    /// What the station told of where the cursor is pinned.
    moment: RwSignal<Arc<Moment>>,
    flags: RwSignal<Arc<Vec<JournalRow>>>,
    fetched: StoredValue<Option<Fetched>>,
    turn: StoredValue<u64>,
    moment_turn: StoredValue<u64>,
}

/// What the values at hand were fetched for.
#[derive(Debug, Clone, PartialEq)]
struct Fetched {
    points: Vec<PointId>,
    range: Range,
    /// How often values had been imported by then.
    imported: u32,
}

impl Room {
    pub(super) fn new(app: App) -> Self {
        let now = app.now.get_untracked();
        Self {
            app,
            handle: TrendHandle::new(),
            pens: RwSignal::new(Vec::new()),
            range: RwSignal::new(Range { from: now - USUAL, to: now }),
            is_live: RwSignal::new(true),
            cursor: RwSignal::new(None),
            is_pinned: RwSignal::new(false),
            selection: RwSignal::new(None),
            is_table: RwSignal::new(false),
            is_fetching: RwSignal::new(false),
            held: RwSignal::new(Arc::default()),
            moment: RwSignal::new(Arc::default()),
            flags: RwSignal::new(Arc::default()),
            fetched: StoredValue::new(None),
            turn: StoredValue::new(0),
            moment_turn: StoredValue::new(0),
        }
    }

    /// Keeps everything going for as long as the screen is there.
    pub(super) fn follow(self) {
        let app = self.app;
        // The pens shown last, or those of the first area, where the address names none.
        Effect::new(move || {
            let Some(plant) = app.plant.get() else { return };
            if self.pens.with_untracked(Vec::is_empty) {
                let kept = app.session.with_untracked(|session| {
                    session.as_ref().map(|session| session.preferences.trend_pens.clone()).unwrap_or_default()
                });
                let known: Vec<PointId> = kept.into_iter().filter(|id| plant.point(*id).is_some()).collect();
                let points = if known.is_empty() { first_set(&plant) } else { known };
                self.set_pens(&points);
            } else {
                // Names may have come only now, or changed.
                self.name_pens(&plant);
            }
        });
        Effect::new(move || {
            let now = app.now.get();
            if self.is_live.get() {
                let length = self.range.get_untracked().length();
                self.range.set(Range { from: now - length, to: now });
            }
        });
        Effect::new(move || {
            app.frames.track();
            self.take_live();
        });
        Effect::new(move || {
            self.range.track();
            self.pens.track();
            app.plant.track();
            app.link.track();
            app.imported.track();
            if self.is_stale() {
                let turn = self.turn.get_value() + 1;
                self.turn.set_value(turn);
                let later = set_timeout_with_handle(
                    move || {
                        if self.turn.try_get_value() == Some(turn) {
                            self.fetch();
                        }
                    },
                    SETTLE,
                );
                drop(later);
            }
        });
        Effect::new(move || {
            self.pens.track();
            app.imported.track();
            let pinned = self.pinned_at();
            let turn = self.moment_turn.get_value() + 1;
            self.moment_turn.set_value(turn);
            let Some(at) = pinned else { return };
            let later = set_timeout_with_handle(
                move || {
                    if self.moment_turn.try_get_value() == Some(turn) {
                        self.fetch_moment(at);
                    }
                },
                SETTLE,
            );
            drop(later);
        });
        Effect::new(move || {
            let chart = self.chart();
            self.handle.chart.set(chart.map(Arc::new));
        });
    }

    /// The points of all pens, not tracked.
    pub(super) fn points_untracked(self) -> Vec<PointId> {
        self.pens.with_untracked(|pens| pens.iter().map(|pen| pen.point).collect())
    }

    /// Shows these pens and no others, and remembers them.
    pub(super) fn show(self, points: &[PointId]) {
        self.set_pens(points);
        self.remember();
    }

    fn set_pens(self, points: &[PointId]) {
        let plant = self.app.plant.get_untracked();
        let mut pens: Vec<PenState> = Vec::new();
        for point in points.iter().take(PENS) {
            if pens.iter().all(|pen| pen.point != *point) {
                pens.push(pen_of(*point, pens.len(), plant.as_deref()));
            }
        }
        self.pens.set(pens);
        self.take_kept();
    }

    /// Shows what was known of the pens before until it comes anew.
    fn take_kept(self) {
        let Some(plant) = self.app.plant.get_untracked() else { return };
        let held = self.held.get_untracked();
        let missing = self.points_untracked().into_iter().filter(|point| !held.contains_key(point));
        let kept: Vec<(PointId, Held)> = missing
            .filter_map(|point| Some((point, hold(&self.app.kept_series(KEPT, point)?, plant.point(point)?))))
            .collect();
        if !kept.is_empty() {
            self.held.update(|held| Arc::make_mut(held).extend(kept));
        }
    }

    fn name_pens(self, plant: &PlantView) {
        let named = |pen: &PenState| plant.point(pen.point).is_none_or(|point| point.name == pen.name);
        if !self.pens.with_untracked(|pens| pens.iter().all(named)) {
            self.pens.update(|pens| {
                for pen in pens {
                    if let Some(point) = plant.point(pen.point) {
                        pen.name.clone_from(&point.name);
                    }
                }
            });
        }
    }

    /// Adds a pen, with the first ink that is free.
    pub(super) fn add(self, point: PointId) {
        let plant = self.app.plant.get_untracked();
        self.pens.update(|pens| {
            if pens.len() < PENS && pens.iter().all(|pen| pen.point != point) {
                let ink = (0..PENS).find(|ink| pens.iter().all(|pen| pen.ink != *ink)).unwrap_or(0);
                pens.push(pen_of(point, ink, plant.as_deref()));
            }
        });
        self.remember();
    }

    /// Takes a pen away.
    pub(super) fn remove(self, point: PointId) {
        self.pens.update(|pens| pens.retain(|pen| pen.point != point));
        self.remember();
    }

    /// Draws a pen, or does not.
    pub(super) fn toggle(self, index: usize) {
        self.pens.update(|pens| {
            if let Some(pen) = pens.get_mut(index) {
                pen.is_shown = !pen.is_shown;
            }
        });
    }

    /// Takes a pen in hand; a second time lets it go.
    pub(super) fn select(self, point: PointId) {
        self.pens.update(|pens| {
            for pen in pens {
                pen.is_selected = pen.point == point && !pen.is_selected;
            }
        });
    }

    fn remember(self) {
        let trend_pens = self.points_untracked();
        let mut preferences = None;
        self.app.session.update_untracked(|session| {
            if let Some(session) = session
                && session.preferences.trend_pens != trend_pens
            {
                session.preferences.trend_pens = trend_pens;
                preferences = Some(session.preferences.clone());
            }
        });
        if let Some(preferences) = preferences {
            let app = self.app;
            leptos::task::spawn_local(async move {
                let _told = app.ask_for(SavePreferences { preferences }).await;
            });
        }
    }

    /// Shows so long a time, up to the present where it is followed, else around the middle.
    pub(super) fn set_length(self, length: Duration) {
        let range = self.range.get_untracked();
        if self.is_live.get_untracked() {
            self.range.set(Range { from: range.to - length, to: range.to });
        } else {
            let middle = range.from + range.length() / 2;
            self.range.set(Range { from: middle - length / 2, to: middle + length / 2 });
        }
    }

    /// Shows another range; the present is no longer followed.
    pub(super) fn set_range(self, range: Range) {
        self.is_live.set(false);
        self.range.set(range);
    }

    /// Shows the time around a moment.
    pub(super) fn look_around(self, at: Timestamp) {
        let now = self.app.now.get_untracked();
        let half = USUAL / 2;
        if now.since(at) < half {
            self.is_live.set(true);
            self.range.set(Range { from: now - USUAL, to: now });
        } else {
            self.set_range(Range { from: at - half, to: at + half });
        }
    }

    /// Moves by a share of the range; pauses the present.
    pub(super) fn pan(self, share: f64) {
        self.set_range(self.range.get_untracked().panned(share));
    }

    /// Moves by a time in µs; pauses the present.
    pub(super) fn pan_micros(self, micros: i64) {
        let by = |at: Timestamp| Timestamp::from_micros(at.as_micros().saturating_add(micros));
        let range = self.range.get_untracked();
        self.set_range(Range { from: by(range.from), to: by(range.to) });
    }

    /// Zooms around a moment. A live chart stays live and ends in the present.
    pub(super) fn zoom(self, factor: f64, held: Timestamp) {
        let range = self.range.get_untracked();
        if self.is_live.get_untracked() {
            let zoomed = range.zoomed(factor, range.to, LONGEST);
            self.range.set(Range { from: range.to - zoomed.length(), to: range.to });
        } else {
            self.range.set(range.zoomed(factor, held, LONGEST));
        }
    }

    /// Shows the chart as a table, or the chart again.
    pub(super) fn toggle_table(self) {
        let is_table = !self.is_table.get_untracked();
        self.is_table.set(is_table);
        if !is_table {
            // The chart takes no focus before it is there again.
            request_animation_frame(|| {
                page::focus(".trend-chart");
            });
        }
    }

    /// Follows the present, or stands still.
    pub(super) fn toggle_live(self) {
        let is_live = !self.is_live.get_untracked();
        self.is_live.set(is_live);
    }

    /// Puts the cursor on the sample nearest to a place on the chart, unless it is pinned.
    pub(super) fn point_at(self, x: f64, y: f64) {
        if self.is_pinned.get_untracked() {
            return;
        }
        let found = self.handle.layout().and_then(|layout| {
            let is_inside = layout.is_in_plot(x) && y <= layout.bottom() + 24.0;
            let chart = self.handle.chart.get_untracked().filter(|_| is_inside)?;
            layout.snap_time(&chart, layout.time_at(x)).or_else(|| Some(layout.time_at(x)))
        });
        if self.cursor.get_untracked() != found {
            self.cursor.set(found);
        }
    }

    /// Pins the cursor at a place on the chart, or lets a pinned one follow the pointer again.
    pub(super) fn pin_at(self, x: f64, y: f64) {
        let was_pinned = self.is_pinned.get_untracked();
        self.is_pinned.set(false);
        self.point_at(x, y);
        self.is_pinned.set(!was_pinned && self.cursor.with_untracked(Option::is_some));
    }

    /// Pins the cursor where it stands, or lets it go.
    pub(super) fn toggle_pin(self) {
        let is_pinned = !self.is_pinned.get_untracked() && self.cursor.with_untracked(Option::is_some);
        self.is_pinned.set(is_pinned);
    }

    /// Takes the cursor away when the pointer goes; a pinned one stays.
    pub(super) fn leave(self) {
        if !self.is_pinned.get_untracked() {
            self.cursor.set(None);
        }
    }

    /// Takes the cursor away, pinned or not.
    pub(super) fn clear_cursor(self) {
        self.is_pinned.set(false);
        self.cursor.set(None);
    }

    /// Where the cursor is pinned; tracked.
    pub(super) fn pinned_at(self) -> Option<Timestamp> {
        self.is_pinned.get().then(|| self.cursor.get()).flatten()
    }

    /// What a pen measured at the cursor, in SI: where that is pinned by the samples around it, else the nearest sample;
    /// tracked.
    pub(super) fn at_cursor(self, point: &Point) -> Option<f64> {
        let at = self.cursor.get()?;
        if self.is_pinned.get()
            && let Some(value) = self.moment.with(|moment| moment.value(point.id, at))
        {
            return value;
        }
        let name = self.pens.with(|pens| pens.iter().find(|pen| pen.point == point.id).map(|pen| pen.name.clone()))?;
        let nearest = self.handle.chart.with(|chart| {
            let pens = chart.as_ref()?.lanes.iter().flat_map(|lane| &lane.pens);
            let pen = pens.into_iter().find(|pen| pen.name == name)?;
            pen.track.nearest(at).map(|(_, value)| value)
        });
        nearest.map(|shown| point.display_unit().to_si(shown))
    }

    /// Moves the cursor on to the next sample.
    pub(super) fn step_cursor(self, step: i32) {
        let (Some(layout), Some(chart)) = (self.handle.layout(), self.handle.chart.get_untracked()) else { return };
        let Some(at) = self.cursor.get_untracked() else {
            let range = self.range.get_untracked();
            return self.cursor.set(layout.snap_time(&chart, range.from + range.length() / 2));
        };
        // A sample further on than half a px, so that a step is seen.
        let px = layout.time_at(1.0).micros_since(layout.time_at(0.0)) / 2;
        let shown = chart.lanes.iter().flat_map(|lane| lane.pens.iter().filter(|pen| pen.shown));
        let times = shown
            .flat_map(|pen| pen.track.times.iter().copied())
            .filter(|time| self.range.get_untracked().holds(*time));
        let next = if step < 0 {
            times.filter(|time| time.micros_since(at) < -px).max()
        } else {
            times.filter(|time| time.micros_since(at) > px).min()
        };
        if next.is_some() {
            self.cursor.set(next);
        }
    }

    /// Figures of a pen over the range, in SI.
    pub(super) fn statistics(self, point: PointId) -> Option<Statistics> {
        self.held.with(|held| held.get(&point)?.statistics)
    }

    /// Whether what is at hand is not what is shown.
    fn is_stale(self) -> bool {
        let points = self.points_untracked();
        let range = self.range.get_untracked();
        if points.is_empty() || self.app.plant.with_untracked(Option::is_none) {
            return false;
        }
        let is_live = self.is_live.get_untracked();
        let imported = self.app.imported.get_untracked();
        self.fetched.with_value(|fetched| match fetched {
            Some(fetched) if fetched.points == points && fetched.imported == imported => {
                let length = range.length().as_secs_f64().max(1.0);
                let moved = range.to.micros_since(fetched.range.to).unsigned_abs() as f64 / 1e6;
                let grown = (fetched.range.length().as_secs_f64() - length).abs();
                let allowed = if is_live { length * LIVE_SHARE } else { 0.0 };
                moved > allowed || grown > 0.5
            }
            _ => true,
        })
    }

    fn fetch(self) {
        let wanted = Fetched {
            points: self.points_untracked(),
            range: self.range.get_untracked(),
            imported: self.app.imported.get_untracked(),
        };
        let Fetched { points, range, .. } = wanted.clone();
        self.fetched.set_value(Some(wanted.clone()));
        self.is_fetching.set(true);
        let width = self.handle.size.get_untracked().map_or(1_200.0, |(width, _)| width);
        let max_points = (width * VALUES_PER_PX).clamp(200.0, 10_000.0) as u32;
        let app = self.app;
        leptos::task::spawn_local(async move {
            let history = app.call(GetHistory { points, from: range.from, to: range.to, max_points }).await;
            let history = match history {
                Ok(history) => Some(history),
                Err(error) => {
                    // That the station is away is said already.
                    if !matches!(error.code, Code::SignedOut | Code::Away) {
                        app.trouble.try_set(Some(error.message));
                    }
                    None
                }
            };
            let kinds = vec![TransitionKind::Raised, TransitionKind::Commented];
            let filter = JournalFilter { kinds, ..JournalFilter::within(range.from, range.to) };
            let call = ListJournal { filter, before: None, limit: FLAGS };
            let journal = app.call(call).await.ok();
            // A reply that has been overtaken is of no use.
            if self.fetched.try_with_value(|fetched| fetched.as_ref() == Some(&wanted)) != Some(true) {
                return;
            }
            if let Some(history) = history {
                app.keep_series(KEPT, &history);
                let plant = app.plant.get_untracked();
                let held = history.into_iter().filter_map(|series| {
                    let point = plant.as_ref()?.point(series.point)?;
                    Some((series.point, hold(&series, point)))
                });
                self.held.try_set(Arc::new(held.collect()));
                self.take_live();
            } else {
                self.fetched.try_set_value(None);
            }
            if let Some(journal) = journal {
                self.flags.try_set(Arc::new(journal.rows));
            }
            self.is_fetching.try_set(false);
        });
    }

    /// Asks what the pens measured at a moment. Until the answer is there, and where there is none, the nearest samples
    /// stand for it.
    fn fetch_moment(self, at: Timestamp) {
        let Some(plant) = self.app.plant.get_untracked() else { return };
        let points = self.points_untracked().into_iter().filter(|point| plant.point(*point).is_some());
        // Between two states there is nothing.
        let (states, measured): (Vec<PointId>, Vec<PointId>) =
            points.partition(|point| plant.point(*point).is_some_and(|point| point.quantity == Quantity::State));
        let app = self.app;
        leptos::task::spawn_local(async move {
            let mut values = BTreeMap::new();
            for (points, sloped) in [(measured, true), (states, false)] {
                if points.is_empty() {
                    continue;
                }
                let Ok(found) = app.call(GetValuesAt { points: points.clone(), at, sloped }).await else { return };
                values.extend(points.into_iter().zip(found.into_iter().map(|found| found.and_then(usable))));
            }
            self.moment.try_set(Arc::new(Moment { at, values }));
        });
    }

    /// Appends the newest values to what has been fetched.
    fn take_live(self) {
        let app = self.app;
        let Some(plant) = app.plant.get_untracked() else { return };
        let to = self.range.get_untracked().to;
        let mut news: Vec<(PointId, Timestamp, Option<f64>)> = Vec::new();
        self.held.with_untracked(|held| {
            for (id, held) in held.iter() {
                let Some(point) = plant.point(*id) else { continue };
                let Some(view) = app.points.peek(point.no) else { continue };
                let is_new = held.track.times.last().is_none_or(|last| view.source_time > *last);
                // While the chart stands still, what comes later is fetched when somebody looks there.
                if is_new && (self.is_live.get_untracked() || view.source_time <= to) {
                    let usable = view.value.filter(|_| !view.quality.is_bad());
                    news.push((*id, view.source_time, usable.map(|si| point.display_unit().from_si(si))));
                }
            }
        });
        if !news.is_empty() {
            self.held.update(|held| {
                let held = Arc::make_mut(held);
                for (id, at, value) in news {
                    if let Some(held) = held.get_mut(&id) {
                        held.track.times.push(at);
                        held.track.values.push(value);
                    }
                }
            });
        }
    }

    /// The chart as it is now; tracked.
    fn chart(self) -> Option<Chart> {
        let app = self.app;
        let plant = app.plant.get()?;
        let locale = app.locale();
        let (range, pens) = (self.range.get(), self.pens.get());
        if pens.is_empty() {
            return None;
        }
        let held = self.held.get();
        let mut lanes: Vec<(Quantity, Lane)> = Vec::new();
        for pen in &pens {
            let Some(point) = plant.point(pen.point) else { continue };
            let index = match lanes.iter().position(|(quantity, _)| *quantity == point.quantity) {
                Some(index) => index,
                None => {
                    lanes.push((point.quantity, lane_of(point.quantity, locale)));
                    lanes.len() - 1
                }
            };
            let Some((_, lane)) = lanes.get_mut(index) else { continue };
            if pen.is_shown && (lane.limits.is_empty() || pen.is_selected) {
                lane.limits = limits_of(point);
            }
            let held = held.get(&pen.point).cloned().unwrap_or_default();
            lane.pens.push(Pen {
                ink: pen.ink,
                name: pen.name.clone(),
                shown: pen.is_shown,
                selected: pen.is_selected,
                track: held.track,
                expected: held.expected,
            });
            lane.weight = 1.0 + 0.15 * (lane.pens.len() as f64 - 1.0);
        }
        // The first lane is what the eye reads first.
        if let (Some((_, first)), true) = (lanes.first_mut(), pens.len() > 1) {
            first.weight *= 1.25;
        }
        let stretches = stretches(app, &plant, &pens, &lanes, range);
        let offset = app.zone.with(|zone| zone.offset_secs_at(range.to));
        Some(Chart {
            mode: app.mode.get(),
            range,
            lanes: lanes.into_iter().map(|(_, lane)| lane).collect(),
            stretches,
            flags: self.flags.with(|rows| flags(rows, &pens, app)),
            cursor: self.cursor.get(),
            selection: self.selection.get(),
            now: self.is_live.get().then_some(range.to),
            offset: Offset::from_seconds(offset).unwrap_or(Offset::UTC),
            words: Words {
                // What is on its way is not missing.
                no_data: if self.is_fetching.get() && held.is_empty() {
                    String::new()
                } else {
                    td_string!(locale, trends.no_data).to_owned()
                },
                zone: app.zone.with(|zone| zone.short.clone()),
                months: months(locale),
            },
        })
    }
}

fn pen_of(point: PointId, ink: usize, plant: Option<&PlantView>) -> PenState {
    let name = plant.and_then(|plant| plant.point(point)).map(|point| point.name.clone()).unwrap_or_default();
    PenState { point, name, ink, is_shown: true, is_selected: false }
}

/// The pens that tell how an area fares: inflow, critical pressure, chlorine.
pub(super) fn set_of_area(plant: &PlantView, area: penstock_model::AreaId) -> Vec<PointId> {
    let roles = [PointRole::AreaInflow, PointRole::CriticalPressure, PointRole::AreaChlorine];
    let of_role = |role| plant.playing(role).filter(|point| point.area == Some(area)).map(|point| point.id);
    roles.into_iter().flat_map(of_role).take(PENS).collect()
}

fn first_set(plant: &PlantView) -> Vec<PointId> {
    let areas = plant.register.plant.areas.iter();
    let of_areas = areas.map(|area| set_of_area(plant, area.id)).find(|set| !set.is_empty());
    of_areas.unwrap_or_else(|| plant.adopted().take(3).map(|point| point.id).collect())
}

/// The value of what stood at a moment, unless it is bad.
fn usable(found: ValueAt) -> Option<f64> {
    found.value.filter(|_| !Quality::from_code(found.quality).is_bad())
}

fn hold(series: &Series, point: &Point) -> Held {
    let unit = point.display_unit();
    let values =
        series.values.iter().zip(&series.qualities).map(|(value, quality)| {
            value.filter(|_| !Quality::from_code(*quality).is_bad()).map(|si| unit.from_si(si))
        });
    let expected = series.expected.iter().map(|(at, band)| (*at, unit.from_si(band.low), unit.from_si(band.high)));
    Held {
        track: Track { times: series.times.clone(), values: values.collect(), gap_after: series.gap_after },
        expected: expected.collect(),
        statistics: series.statistics,
    }
}

fn lane_of(quantity: Quantity, locale: Locale) -> Lane {
    Lane {
        title: words::quantity(quantity, locale).to_owned(),
        unit: format::unit(quantity).to_owned(),
        decimals: quantity.decimals(),
        weight: 1.0,
        pens: Vec::new(),
        limits: Vec::new(),
    }
}

fn limits_of(point: &Point) -> Vec<Limit> {
    let unit = point.display_unit();
    let levels = [
        (LimitLevel::LowLow, point.limits.ll),
        (LimitLevel::Low, point.limits.l),
        (LimitLevel::High, point.limits.h),
        (LimitLevel::HighHigh, point.limits.hh),
    ];
    levels.into_iter().filter_map(|(level, limit)| Some(Limit { level, value: unit.from_si(limit?) })).collect()
}

/// The stretch up to now of each pen that the detectors find unusual at present.
fn stretches(app: App, plant: &PlantView, pens: &[PenState], lanes: &[(Quantity, Lane)], range: Range) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for pen in pens.iter().filter(|pen| pen.is_shown) {
        let Some(point) = plant.point(pen.point) else { continue };
        let Some(view) = app.points.peek(point.no) else { continue };
        let score = view.score.filter(|score| *score >= UNUSUAL && range.holds(view.source_time));
        let lane = lanes.iter().position(|(quantity, _)| *quantity == point.quantity);
        let (Some(score), Some(lane)) = (score, lane) else { continue };
        let shown = lanes.get(lane).and_then(|(_, lane)| lane.pens.iter().find(|other| other.name == pen.name));
        let Some(from) = shown.and_then(unusual_since) else { continue };
        let from = from.max(range.from);
        match stretches.iter_mut().find(|stretch| stretch.lane == lane) {
            Some(stretch) if stretch.score >= score => {}
            Some(stretch) => (stretch.score, stretch.range.from) = (score, from),
            None => {
                stretches.push(Stretch { lane, range: Range { from, to: range.to }, score, what: None });
            }
        }
    }
    stretches
}

/// Since when a pen's values have left where they were expected, up to its last one.
fn unusual_since(pen: &Pen) -> Option<Timestamp> {
    let expected = |at: Timestamp| {
        let next = pen.expected.partition_point(|(when, _, _)| *when < at);
        pen.expected.get(next).or(pen.expected.last()).map(|(_, low, high)| (*low, *high))
    };
    let outside = |at: Timestamp, value: f64| expected(at).is_some_and(|(low, high)| value < low || value > high);
    let samples = pen.track.samples().rev().filter_map(|(at, value)| Some((at, value?)));
    samples.take_while(|(at, value)| outside(*at, *value)).map(|(at, _)| at).last()
}

/// Alarms and comments about the pens.
fn flags(rows: &[JournalRow], pens: &[PenState], app: App) -> Vec<Flag> {
    let is_shown = |row: &&JournalRow| {
        let Subject::Point(point) = row.subject else { return false };
        pens.iter().any(|pen| pen.point == point && pen.is_shown)
    };
    let flag = |row: &JournalRow| {
        let transition = &row.transition;
        let kind = match transition.kind {
            TransitionKind::Raised => {
                let waits = app
                    .alarms
                    .peek(transition.rule)
                    .is_some_and(|view| view.state.occurrence == transition.occurrence && !view.state.acknowledged);
                let look = if waits { AlarmLook::Unacknowledged } else { AlarmLook::Acknowledged };
                FlagKind::Alarm(Alarm { priority: row.priority, look })
            }
            TransitionKind::Commented => FlagKind::Comment,
            _ => return None,
        };
        Some(Flag { at: transition.at, kind })
    };
    rows.iter().filter(is_shown).filter_map(flag).collect()
}

fn months(locale: Locale) -> [String; 12] {
    [
        td_string!(locale, words.jan),
        td_string!(locale, words.feb),
        td_string!(locale, words.mar),
        td_string!(locale, words.apr),
        td_string!(locale, words.may),
        td_string!(locale, words.jun),
        td_string!(locale, words.jul),
        td_string!(locale, words.aug),
        td_string!(locale, words.sep),
        td_string!(locale, words.oct),
        td_string!(locale, words.nov),
        td_string!(locale, words.dec),
    ]
    .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn a_moment_answers_for_itself_alone() {
        let point = |byte: u8| PointId::made(at(1), [byte; 10]);
        let moment = Moment { at: at(60), values: BTreeMap::from([(point(1), Some(2.5)), (point(2), None)]) };
        assert_eq!(moment.value(point(1), at(60)), Some(Some(2.5)));
        assert_eq!(moment.value(point(2), at(60)), Some(None), "nothing stood then");
        assert_eq!(moment.value(point(3), at(60)), None, "not asked about");
        assert_eq!(moment.value(point(1), at(61)), None, "another moment");
    }

    #[test]
    fn what_is_bad_is_no_value() {
        let found = |quality: Quality| ValueAt { value: Some(1.5), quality: quality.code(), since: at(0) };
        assert_eq!(usable(found(Quality::Good)), Some(1.5));
        let bad = (0..=u8::MAX).map(Quality::from_code).find(|quality| quality.is_bad()).expect("one is bad");
        assert_eq!(usable(found(bad)), None);
    }

    #[test]
    fn unusual_since_the_line_left_its_band() {
        let pen = |values: &[f64]| Pen {
            ink: 0,
            name: String::new(),
            shown: true,
            selected: false,
            track: Track {
                times: (0..values.len()).map(|n| at(n as i64 * 60)).collect(),
                values: values.iter().map(|value| Some(*value)).collect(),
                gap_after: Duration::from_secs(120),
            },
            expected: vec![(at(0), 1.0, 2.0), (at(600), 1.0, 2.0)],
        };
        assert_eq!(unusual_since(&pen(&[1.5, 3.0, 1.5, 3.0, 3.5])), Some(at(180)));
        assert_eq!(unusual_since(&pen(&[3.0, 1.5])), None);
        assert_eq!(unusual_since(&pen(&[])), None);
    }
}
