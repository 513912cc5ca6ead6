//! What lies over the map: scale and diameters, buttons for the zoom, what has no place, what is under the pointer.

use leptos::prelude::*;
use penstock_map::{Hit, Key};

use super::Room;
use crate::components::{Glyph, Icon};
use crate::format;
use crate::i18n::{t, t_string, use_i18n};
use crate::page;

/// Longest scale bar in px.
const BAR: f64 = 110.0;
/// Diameters that the legend shows, in mm.
const DIAMETERS: [f64; 5] = [450.0, 300.0, 200.0, 160.0, 110.0];

#[component]
pub(super) fn Tools(room: Room) -> impl IntoView {
    view! {
        <Legend room=room/>
        <Zoom room=room/>
        <NotPlaced room=room/>
        <Tip room=room/>
    }
    .into_any()
}

/// A round length of at most `most` metres.
fn round_length(most: f64) -> f64 {
    let magnitude = 10_f64.powf(most.max(1.0).log10().floor());
    [5.0, 2.0, 1.0].into_iter().map(|factor| factor * magnitude).find(|length| *length <= most).unwrap_or(magnitude)
}

#[component]
fn Legend(room: Room) -> impl IntoView {
    let i18n = use_i18n();
    let scale = Memo::new(move |_| {
        let metres_per_px = room.handle.view.get().map(|view| view.metres_per_px()).filter(|metres| *metres > 0.0)?;
        let length = round_length(BAR * metres_per_px);
        Some((length, length / metres_per_px))
    });
    let bar = move || {
        let (length, px) = scale.get()?;
        let locale = i18n.get_locale();
        let text = if length < 1_000.0 {
            format!("{}\u{a0}m", format::number(length, 0, locale))
        } else {
            format!("{}\u{a0}km", format::number(length / 1_000.0, 0, locale))
        };
        Some(view! {
            <span class="scale" style:width=format!("{:.0}px", px * page::enlargement()) data-testid="scale">{text}</span>
        })
    };
    let sizes = &penstock_theme::tokens().map;
    let mains = DIAMETERS.into_iter().map(|diameter| {
        let width = sizes.main_width(diameter);
        let is_widest = diameter == DIAMETERS[0];
        let is_last = diameter == DIAMETERS[DIAMETERS.len() - 1];
        let text = move || {
            let number = format::number(diameter, 0, i18n.get_locale());
            if is_widest {
                t_string!(i18n, map.and_up, n = number)
            } else if is_last {
                format!("{number}\u{a0}{}", t_string!(i18n, map.mm))
            } else {
                number
            }
        };
        view! {
            <span class="legend-main">
                <svg width="20" height="8" viewBox="0 0 20 8" aria-hidden="true">
                    <line x1="0" x2="20" y1="4" y2="4" stroke-width=width/>
                </svg>
                {text}
            </span>
        }
    });
    let mains = mains.collect_view();
    let source = move || {
        let has_tiles = room.app.plant.with(|plant| plant.as_ref().is_some_and(|plant| plant.register.tiles));
        if has_tiles { t_string!(i18n, map.osm) } else { t_string!(i18n, map.built_in) }
    };
    view! {
        <div class="map-legend">
            {bar}
            <span class="legend-mains" role="group" aria-label=move || t_string!(i18n, map.diameters)>{mains}</span>
            <span class="quiet legend-source">{source}</span>
        </div>
    }
    .into_any()
}

#[component]
fn Zoom(room: Room) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <div class="map-zoom" role="group">
            <button
                aria-label=move || t_string!(i18n, map.zoom_in)
                title=move || t_string!(i18n, map.zoom_in)
                data-testid="zoom-in"
                on:click=move |_| room.handle.zoom(1.0)
            >
                <Icon glyph=Glyph::Plus size=18/>
            </button>
            <button
                aria-label=move || t_string!(i18n, map.zoom_out)
                title=move || t_string!(i18n, map.zoom_out)
                data-testid="zoom-out"
                on:click=move |_| room.handle.zoom(-1.0)
            >
                <svg class="icon" width="18" height="18" viewBox="0 0 24 24" aria-hidden="true"><path d="M5 12h14"/></svg>
            </button>
            <button
                aria-label=move || t_string!(i18n, map.whole)
                title=move || t_string!(i18n, map.whole)
                data-testid="zoom-all"
                on:click=move |_| room.handle.fit_all()
            >
                <svg class="icon" width="18" height="18" viewBox="0 0 24 24" aria-hidden="true">
                    <path d="M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5"/>
                </svg>
            </button>
        </div>
    }
    .into_any()
}

/// What has no place on the map, with the way to give it one.
#[component]
fn NotPlaced(room: Room) -> impl IntoView {
    let i18n = use_i18n();
    let is_open = RwSignal::new(false);
    let list = move || {
        is_open.get().then(|| {
            let rows = room.not_placed.get().into_iter().map(|(key, name)| {
                let place = match key {
                    Key::Point(point) => Some(view! {
                        <a href=format!("/map?pick={point}")>{t!(i18n, map.place)}</a>
                    }),
                    _ => None,
                };
                view! { <li><b class="cut">{name}</b>{place}</li> }
            });
            view! {
                <div class="not-placed-list">
                    <p class="quiet">{t!(i18n, map.not_placed_why)}</p>
                    <ul>{rows.collect_view()}</ul>
                </div>
            }
        })
    };
    move || {
        let count = room.not_placed.with(Vec::len);
        (count > 0).then(|| {
            view! {
                <div class="not-placed">
                    <button
                        aria-expanded=move || is_open.get().to_string()
                        data-testid="not-placed"
                        on:click=move |_| is_open.update(|is_open| *is_open = !*is_open)
                    >
                        <b class="bang" aria-hidden="true">"!"</b>
                        {t!(i18n, map.not_placed_n, n = count)}
                    </button>
                    {list}
                </div>
            }
        })
    }
}

/// What is under the pointer: its name and value.
#[component]
fn Tip(room: Room) -> impl IntoView {
    move || {
        let pointed = room.handle.hovered.get()?;
        let Some(Hit::One(key)) = pointed.hit else { return None };
        let (name, value) = room.handle.with(|model| match key {
            Key::Area(id) => {
                model.areas.iter().find(|area| area.id == id).map(|area| (area.name.clone(), area.note.clone()))
            }
            Key::Pipe(id) => model
                .pipes
                .iter()
                .find(|pipe| pipe.id == id)
                .map(|pipe| (pipe.name.clone(), Some(format!("{:.0}\u{a0}mm", pipe.diameter_mm)))),
            _ => model.marks.iter().find(|mark| mark.key == key).map(|mark| (mark.name.clone(), mark.value.clone())),
        })??;
        let width = room.handle.view.with_untracked(|view| view.map_or(0.0, |view| view.width));
        let class = if f64::from(pointed.at[0]) > width - 220.0 { "map-tip left" } else { "map-tip" };
        let by = page::enlargement() as f32;
        let (left, top) = (format!("{:.0}px", pointed.at[0] * by), format!("{:.0}px", pointed.at[1] * by));
        Some(view! {
            <div class=class style:left=left style:top=top aria-hidden="true">
                <b>{name}</b>
                {value.map(|value| view! { <span>{value}</span> })}
            </div>
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_bar_is_round_and_fits() {
        let check = |most: f64, expect: f64| assert_eq!(round_length(most), expect, "{most}");
        check(540.0, 500.0);
        check(499.0, 200.0);
        check(199.0, 100.0);
        check(5_000.0, 5_000.0);
        check(12.0, 10.0);
    }
}
