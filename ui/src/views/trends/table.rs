//! The pens as a table: ink, key, name, place, and figures at the cursor, over the range and now.

use leptos::prelude::*;
use penstock_model::Subject;
use penstock_theme::tokens;

use super::data::{PenState, Room};
use crate::components::{Badge, Glyph, Icon, TrustTag, fill_of};
use crate::format;
use crate::i18n::{t, t_string, use_i18n};

#[component]
pub(super) fn Table(room: Room) -> impl IntoView {
    let i18n = use_i18n();
    let rows = move || {
        let plant = room.app.plant.get();
        let pens = room.pens.get();
        let rows = pens.into_iter().enumerate().filter_map(|(index, pen)| {
            let point = plant.as_ref()?.point(pen.point)?.clone();
            let place = plant.as_ref()?.place_of(&point).to_owned();
            let about = [place, point.description.clone()].into_iter().filter(|part| !part.is_empty());
            let about = about.collect::<Vec<_>>().join(", ");
            Some(view! { <Row room=room pen=pen index=index point=point about=about/> })
        });
        rows.collect_view()
    };
    let at_head = move || match room.pinned_at() {
        Some(at) => t_string!(i18n, trends.at_time, at = room.app.zone.with(|zone| zone.clock(at))),
        None => t_string!(i18n, trends.at_cursor).to_owned(),
    };
    let at_tip = move || match room.pinned_at() {
        Some(at) => {
            let full = room.app.zone.with(|zone| zone.full(at, i18n.get_locale()));
            t_string!(i18n, trends.at_time_tip, at = full)
        }
        None => t_string!(i18n, trends.at_cursor_tip).to_owned(),
    };
    view! {
        <div class="panel trend-pens" data-testid="trend-pens">
            <table>
                <thead>
                    <tr>
                        <th class="pen-tick"><span class="unseen">{t!(i18n, trends.pens)}</span></th>
                        <th class="pen-key">{t!(i18n, trends.key)}</th>
                        <th class="pen-name">{t!(i18n, trends.pen)}</th>
                        <th class="pen-unit">{t!(i18n, trends.unit)}</th>
                        <th>{t!(i18n, trends.place)}</th>
                        <th class="pen-figure" class:pinned=move || room.is_pinned.get() title=at_tip>{at_head}</th>
                        <th class="pen-figure">{t!(i18n, trends.min)}</th>
                        <th class="pen-figure">{t!(i18n, trends.mean)}</th>
                        <th class="pen-figure">{t!(i18n, trends.max)}</th>
                        <th class="pen-figure pen-now">{t!(i18n, trends.now)}</th>
                        <th class="pen-remove"></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

#[component]
fn Row(room: Room, pen: PenState, index: usize, point: penstock_model::Point, about: String) -> impl IntoView {
    let app = room.app;
    let i18n = use_i18n();
    let PenState { point: id, name, ink, is_shown, is_selected } = pen;
    let quantity = point.quantity;
    let figure = move |si: Option<f64>| format::value_or_none(si, quantity, i18n.get_locale());
    let statistics = Memo::new(move |_| room.statistics(id));
    let signal = app.points.signal(point.no);
    let now = move || signal.get().and_then(|view| view.value);
    let of_cursor = point.clone();
    let of_trust = point.clone();
    let trust = Memo::new(move |_| app.trust(&of_trust));
    let badge = move || {
        let alarm = app.alarms.worst_of(Subject::Point(id))?;
        Some(view! { <Badge priority=alarm.priority fill=fill_of(&alarm.state) size=16/> })
    };
    let dash: Vec<String> = tokens().pen_dash.get(ink).into_iter().flatten().map(f64::to_string).collect();
    let dash = dash.join(" ");
    let show_label = {
        let name = name.clone();
        move || t_string!(i18n, trends.show, name = name.clone())
    };
    let remove_label = {
        let name = name.clone();
        move || t_string!(i18n, trends.remove, name = name.clone())
    };
    view! {
        <tr class:selected=is_selected class:off=!is_shown data-testid="trend-pen">
            <td class="pen-tick">
                <input
                    type="checkbox"
                    class=format!("ink-{}", ink + 1)
                    prop:checked=is_shown
                    aria-label=show_label
                    on:change=move |_| room.toggle(index)
                />
            </td>
            <td class="pen-key"><kbd>{(index + 1).to_string()}</kbd></td>
            <td class="pen-name">
                <button class="plain" aria-pressed=is_selected.to_string() on:click=move |_| room.select(id)>
                    <svg class=format!("pen-line ink-{}", ink + 1) width="22" height="6" viewBox="0 0 22 6" aria-hidden="true">
                        <line x1="0" x2="22" y1="3" y2="3" stroke-dasharray=dash/>
                    </svg>
                    <b>{name}</b>
                </button>
            </td>
            <td class="pen-unit">{format::unit(quantity)}</td>
            <td><span class="cut" title=about.clone()>{about.clone()}</span></td>
            <td class="pen-figure firm">{move || figure(room.at_cursor(&of_cursor))}</td>
            <td class="pen-figure">{move || figure(statistics.get().map(|figures| figures.min))}</td>
            <td class="pen-figure">{move || figure(statistics.get().map(|figures| figures.mean))}</td>
            <td class="pen-figure">{move || figure(statistics.get().map(|figures| figures.max))}</td>
            <td class="pen-figure pen-now">
                <TrustTag trust=trust/>
                {badge}
                <b class:quiet=move || !trust.get().is_firm()>{move || figure(now())}</b>
            </td>
            <td class="pen-remove">
                <button class="plain" aria-label=remove_label on:click=move |_| room.remove(id)>
                    <Icon glyph=Glyph::Close size=14/>
                </button>
            </td>
        </tr>
    }
    .into_any()
}
