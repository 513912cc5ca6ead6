//! The values under the cursor, beside it.

use leptos::prelude::*;

use super::data::Room;
use crate::format;
use crate::i18n::{t_string, use_i18n};
use crate::page;

/// Room that the tip takes, in px.
const WIDTH: f64 = 250.0;
/// From the cursor to the tip, in px.
const BESIDE: f64 = 14.0;

#[component]
pub(super) fn Tip(room: Room) -> impl IntoView {
    let app = room.app;
    let i18n = use_i18n();
    move || {
        let at = room.cursor.get().filter(|at| room.range.get().holds(*at))?;
        let (layout, plant) = (room.handle.layout()?, app.plant.get()?);
        let locale = i18n.get_locale();
        let x = layout.x_of(at);
        let left = if x + BESIDE + WIDTH > layout.plot.right { x - BESIDE - WIDTH } else { x + BESIDE };
        let left = format!("{:.0}px", left.max(4.0) * page::enlargement());
        let rows: Vec<_> = room.pens.with(|pens| {
            let shown = pens.iter().filter(|pen| pen.is_shown);
            let rows = shown.filter_map(|pen| {
                let point = plant.point(pen.point)?;
                let text = format::value_or_none(room.at_cursor(point), point.quantity, locale);
                Some((pen.ink, pen.name.clone(), text, format::unit(point.quantity)))
            });
            rows.collect()
        });
        let expected = {
            let snaps = room.handle.chart.with(|chart| chart.as_ref().map(|chart| layout.snaps(chart, at)));
            let mut snaps = snaps.unwrap_or_default().into_iter();
            snaps.find_map(|snap| {
                let (low, high) = snap.expected?;
                let name = room
                    .handle
                    .chart
                    .with(|chart| Some(chart.as_ref()?.lanes.get(snap.lane)?.pens.get(snap.pen)?.name.clone()))?;
                let pen = room.pens.with(|pens| pens.iter().find(|pen| pen.name == name).map(|pen| pen.point))?;
                let point = plant.point(pen)?;
                let middle = point.display_unit().to_si(f64::midpoint(low, high));
                let value = format::value(middle, point.quantity, locale);
                Some(t_string!(i18n, trends.expected, name = name, value = value))
            })
        };
        let (clock, full) = app.zone.with(|zone| (zone.clock(at), zone.full(at, locale)));
        let age = t_string!(i18n, trends.ago, age = format::age(app.now.get().since(at), locale));
        let rows = rows.into_iter().map(|(ink, name, text, unit)| {
            view! {
                <i class=format!("ink-{}", ink + 1)></i>
                <span class="cut">{name}</span>
                <b>{text}</b>
                <span class="quiet">{unit}</span>
            }
        });
        Some(view! {
            <div class="trend-tip" style:left=left data-testid="trend-tip">
                <p title=full><b>{clock}</b><span class="quiet">{age}</span></p>
                <div class="tip-rows">{rows.collect_view()}</div>
                {expected.map(|text| view! { <p class="tip-foot">{text}</p> })}
            </div>
        })
    }
}
