//! Points and assets: the register with search, adopting what was discovered, editing, import and export.

mod adopt_many;
mod entry;
mod form;
mod import;
mod table;

pub(crate) use adopt_many::AdoptMany;
pub(crate) use import::ImportPoints;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::use_query_map;
use penstock_api::ExportPoints;
use penstock_model::{Permission, PointId, PointState};

use crate::app::Head;
use crate::components::{Glyph, Icon};
use crate::format;
use crate::i18n::{t, t_string, use_i18n};
use crate::state::{Overlay, use_app};

/// The screen.
#[component]
pub(crate) fn Points() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let query = use_query_map();
    let chosen = RwSignal::new(None::<PointId>);
    let picked = RwSignal::new(None::<(String, String)>);
    let tab = RwSignal::new(PointState::Adopted);
    let quantity = RwSignal::new(String::new());
    Effect::new(move || {
        let asked: Option<PointId> = query.with(|query| query.get("point").and_then(|id| id.parse().ok()));
        let at = query.with(|query| query.get("at")).and_then(|at| {
            let (lat, lon) = at.split_once(',')?;
            Some((lat.trim().to_owned(), lon.trim().to_owned()))
        });
        if let Some(wanted) = query.with(|query| query.get("quantity")) {
            quantity.set(wanted);
        }
        picked.set(at);
        if asked.is_some() {
            let state = app.plant.with(|plant| Some(plant.as_ref()?.point(asked?)?.state));
            if let Some(state) = state {
                tab.set(state);
            }
            chosen.set(asked);
        }
    });
    let counts = Memo::new(move |_| {
        app.plant
            .with(|plant| plant.as_ref().map_or((0, 0), |plant| (plant.adopted().count(), plant.discovered().count())))
    });
    // A station that has only discovered points so far opens where there is something to do.
    Effect::new(move || {
        if let (0, 1..) = counts.get() {
            tab.set(PointState::Discovered);
        }
    });
    let may_edit = Memo::new(move |_| app.may(Permission::AdministerPoints));
    let export = move |_| {
        spawn_local(async move {
            if let Some(csv) = app.ask_for(ExportPoints {}).await {
                app.save_file(&csv.file_name, "text/csv", csv.text.as_bytes()).await;
            }
        });
    };
    let tabs = move || {
        let button = move |own: PointState, id: &'static str, word: AnyView| {
            view! {
                <button
                    role="tab"
                    data-testid=id
                    aria-selected=move || (tab.get() == own).to_string()
                    on:click=move |_| {
                        chosen.set(None);
                        tab.set(own);
                    }
                >
                    {word}
                </button>
            }
        };
        view! {
            <div class="tabs" role="tablist">
                {button(PointState::Adopted, "tab-adopted", t!(i18n, points.adopted_n, n = move || format::count(counts.get().0 as u64, i18n.get_locale())).into_any())}
                {button(PointState::Discovered, "tab-discovered", t!(i18n, points.discovered_n, n = move || format::count(counts.get().1 as u64, i18n.get_locale())).into_any())}
            </div>
        }
    };
    let actions = move || {
        view! {
            {move || may_edit.get().then(|| view! {
                <button data-testid="import" on:click=move |_| app.overlay.set(Some(Overlay::ImportPoints))>
                    <Icon glyph=Glyph::Upload/> {t!(i18n, points.import)}
                </button>
            })}
            <button data-testid="export" on:click=export><Icon glyph=Glyph::Download/> {t!(i18n, points.export)}</button>
        }
    };
    let drawer = move || {
        let id = chosen.get()?;
        // Only another point, not each new register, makes the form anew: what is being typed stays.
        let point = app.plant.with_untracked(|plant| plant.as_ref()?.point(id).cloned())?;
        let close = Callback::new(move |()| chosen.set(None));
        Some(view! { <form::PointDrawer point=point picked=picked.get() on_close=close/> })
    };
    let has_plant = Memo::new(move |_| app.plant.with(Option::is_some));
    view! {
        <Head
            title=Signal::derive(move || t_string!(i18n, points.title).to_owned())
            scope=ViewFn::from(tabs)
            actions=ViewFn::from(actions)
        />
        <div class="content">
            <div class="with-drawer">
                <table::PointTable tab=tab.read_only() chosen=chosen quantity=quantity/>
                {move || has_plant.get().then_some(drawer)}
            </div>
        </div>
    }
    .into_any()
}
