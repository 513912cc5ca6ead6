//! The chart as a table: one line a step of time, the newest first, and the pens in their order. Every figure is a real
//! sample, the one nearest to the step.

use std::sync::Arc;
use std::time::Duration;

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use penstock_model::{PointId, Quantity, Timestamp};
use penstock_plot::{Chart, Range};

use super::data::Room;
use crate::components::{Empty, VirtualTable, focused_when_shown};
use crate::format;
use crate::i18n::{t, t_string, use_i18n};
use crate::views::step;

/// Steps of time to choose from, in s.
const STEPS: [u64; 14] = [1, 5, 10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 86_400];
/// As many lines at most, but for ranges longer than any.
const LINES: u64 = 250;

/// A pen's column.
#[derive(Debug, Clone, PartialEq)]
struct Column {
    name: String,
    quantity: Quantity,
}

/// A line: its step of time, and each pen's sample in the unit it is shown in.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    at: Timestamp,
    values: Vec<Option<f64>>,
}

/// The step that shows `length` in lines that can be gone through.
fn step_of(length: Duration) -> Duration {
    let secs = STEPS.into_iter().find(|secs| length.as_secs() / secs <= LINES);
    Duration::from_secs(secs.unwrap_or(86_400))
}

/// The lines of a chart for the pens so called, the newest first; a step without any sample has none.
fn lines(chart: &Chart, names: &[&str], range: Range) -> Vec<Line> {
    let step = step_of(range.length()).as_micros() as i64;
    let pens = || chart.lanes.iter().flat_map(|lane| &lane.pens);
    let tracks: Vec<_> = names.iter().map(|name| pens().find(|pen| pen.name == *name).map(|pen| &pen.track)).collect();
    let (first, last) = (range.from.as_micros().div_euclid(step) + 1, range.to.as_micros().div_euclid(step));
    let line = |number: i64| {
        let at = Timestamp::from_micros(number * step);
        let near = |found: &(Timestamp, f64)| found.0.micros_since(at).abs() <= step / 2;
        let values: Vec<Option<f64>> = tracks
            .iter()
            .map(|track| track.and_then(|track| track.nearest(at)).filter(near).map(|(_, value)| value))
            .collect();
        values.iter().any(Option::is_some).then_some(Line { at, values })
    };
    (first..=last).rev().filter_map(line).collect()
}

/// The table in the chart's place.
#[component]
pub(super) fn Twin(room: Room) -> impl IntoView {
    let app = room.app;
    let i18n = use_i18n();
    let columns = Memo::new(move |_| -> Vec<Column> {
        let shown = room.pens.get().into_iter().filter(|pen| pen.is_shown);
        let plant = app.plant.get();
        let quantity = |point: PointId| plant.as_ref()?.point(point).map(|point| point.quantity);
        shown.filter_map(|pen| Some(Column { quantity: quantity(pen.point)?, name: pen.name })).collect()
    });
    let rows = Memo::new(move |_| {
        let range = room.range.get();
        let lines = room.handle.chart.with(|chart| {
            let names = columns.get();
            let names: Vec<&str> = names.iter().map(|column| column.name.as_str()).collect();
            chart.as_ref().map(|chart| lines(chart, &names, range))
        });
        Arc::new(lines.unwrap_or_default())
    });
    let chosen = RwSignal::new(None::<Timestamp>);
    let cursor = Memo::new(move |_| {
        let chosen = chosen.get()?;
        rows.with(|rows| rows.iter().position(|line| line.at == chosen))
    });
    let on_key = move |event: KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let key = event.key();
        let count = rows.with_untracked(|rows| rows.len());
        if let Some(to) = step(&key, cursor.get_untracked(), count) {
            chosen.set(rows.with_untracked(|rows| rows.get(to).map(|line| line.at)));
            return event.prevent_default();
        }
        match key.as_str() {
            "t" | "T" if event.shift_key() => room.toggle_table(),
            "l" | "L" => room.toggle_live(),
            "Escape" => room.toggle_table(),
            _ => return,
        }
        event.prevent_default();
    };
    let list = focused_when_shown();
    let grid = move || format!("11em repeat({}, minmax(6em, 1fr))", columns.with(Vec::len));
    let head = move || {
        let columns = columns.get().into_iter().map(|Column { name, quantity }| {
            let tip = name.clone();
            view! { <span class="end" title=tip>{name} " " <span class="quiet">{format::unit(quantity)}</span></span> }
        });
        columns.collect_view()
    };
    let row = move |_: usize, line: Line| {
        let at = line.at;
        let (locale, now) = (i18n.get_locale_untracked(), app.now.get_untracked());
        let moment = app.zone.with(|zone| zone.moment(at, now, locale));
        let full = app.zone.with(|zone| zone.full(at, locale));
        let cells = columns.get_untracked().into_iter().zip(line.values).map(|(column, value)| {
            let unit = column.quantity.display_unit();
            let text = format::value_or_none(value.map(|shown| unit.to_si(shown)), column.quantity, locale);
            view! { <span class="end">{text}</span> }
        });
        view! {
            <div
                class="table-row"
                class:is-selected=move || chosen.get() == Some(at)
                role="row"
                data-testid="trend-twin-row"
                style:grid-template-columns=grid
                on:click=move |_| chosen.set(Some(at))
            >
                <span title=full>{moment}</span>
                {cells.collect_view()}
            </div>
        }
        .into_any()
    };
    let is_empty = Memo::new(move |_| rows.with(|rows| rows.is_empty()));
    let names = Memo::new(move |_| columns.with(|columns| format!("{columns:?}")));
    let table = move || {
        names.with(|_| ());
        if is_empty.get() {
            let why = Signal::derive(move || t_string!(i18n, trends.no_data).to_owned());
            return view! { <Empty why=why/> }.into_any();
        }
        view! {
            <VirtualTable
                rows=rows
                key=|line: &Line| (line.at, format!("{:?}", line.values))
                row=row
                row_px=28
                cursor=cursor
                edition=Signal::derive(move || app.edition())
                label=Signal::derive(move || t_string!(i18n, frame.trends).to_owned())
            />
        }
        .into_any()
    };
    view! {
        <div
            class="panel trend-panel table-list trend-twin"
            tabindex="0"
            role="grid"
            node_ref=list
            aria-label=move || t_string!(i18n, frame.trends)
            data-testid="trend-twin"
            on:keydown=on_key
        >
            <div class="table-head" role="row" style:grid-template-columns=grid>
                <span>{t!(i18n, trends.time)}</span>
                {head}
            </div>
            {table}
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_lines_are_few() {
        let check = |hours: u64, secs: u64| assert_eq!(step_of(Duration::from_secs(hours * 3_600)).as_secs(), secs);
        check(1, 30);
        check(4, 60);
        check(24, 600);
        check(168, 3_600);
        check(720, 21_600);
        check(24 * 400, 86_400);
    }
}
