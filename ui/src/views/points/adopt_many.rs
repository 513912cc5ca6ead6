//! Many discovered points adopted at once: each keeps its own name and quantity, all get one place.

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::SavePoints;
use penstock_model::{Point, PointId, PointState};

use crate::components::{Choice, Dialog, Kbd, Notice, Select, TextField};
use crate::i18n::{t, t_string, use_i18n};
use crate::state::use_app;
use crate::words;

#[component]
pub(crate) fn AdoptMany(points: Vec<PointId>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let mut points: Vec<Point> = app.plant.with_untracked(|plant| {
        plant
            .as_ref()
            .map(|plant| points.iter().filter_map(|id| plant.point(*id).cloned()).collect())
            .unwrap_or_default()
    });
    points.sort_by(|a, b| a.name.cmp(&b.name));
    let count = points.len();
    let (site, area, reason) =
        (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let (fault, is_busy) = (RwSignal::new(None::<String>), RwSignal::new(false));
    let close = Callback::new(move |()| app.overlay.set(None));
    let locale = i18n.get_locale();
    let rows = points.iter().map(|point| {
        view! {
            <div class="adopt-row">
                <b class="cut">{point.name.clone()}</b>
                <span class="cut">{words::quantity(point.quantity, locale)}</span>
                <span class="cut quiet">{point.address.path.clone()}</span>
            </div>
        }
    });
    let rows = rows.collect_view();
    let points = StoredValue::new(points);
    let commit = Callback::new(move |()| {
        if is_busy.get_untracked() {
            return;
        }
        is_busy.set(true);
        fault.set(None);
        let (site, area) = (site.get_untracked().parse().ok(), area.get_untracked().parse().ok());
        let adopted = |point: Point| Point {
            state: PointState::Adopted,
            site: site.or(point.site),
            area: area.or(point.area),
            ..point
        };
        let said = reason.get_untracked().trim().to_owned();
        let reason = if said.is_empty() { t_string!(i18n, points.adopted_word).to_owned() } else { said };
        let call = SavePoints { points: points.get_value().into_iter().map(adopted).collect(), reason };
        spawn_local(async move {
            match app.call(call).await {
                Ok(report) if report.faults.is_empty() => {
                    app.overlay.set(None);
                    app.fetch_register().await;
                }
                Ok(report) => {
                    fault.try_set(report.faults.first().map(|fault| format!("{}: {}", fault.field, fault.message)));
                }
                Err(error) => {
                    fault.try_set(Some(error.message));
                }
            }
            is_busy.try_set(false);
        });
    });
    let keep = move || Choice::new("", t_string!(i18n, points.as_it_is));
    let sites = Signal::derive(move || {
        let sites = app.plant.with(|plant| {
            let sites = plant.as_ref().map(|plant| plant.register.plant.sites.as_slice()).unwrap_or_default();
            sites.iter().map(|site| Choice::new(site.id.to_string(), site.name.clone())).collect::<Vec<_>>()
        });
        std::iter::once(keep()).chain(sites).collect::<Vec<_>>()
    });
    let areas = Signal::derive(move || {
        let areas = app.plant.with(|plant| {
            let areas = plant.as_ref().map(|plant| plant.register.plant.areas.as_slice()).unwrap_or_default();
            areas.iter().map(|area| Choice::new(area.id.to_string(), area.name.clone())).collect::<Vec<_>>()
        });
        std::iter::once(keep()).chain(areas).collect::<Vec<_>>()
    });
    view! {
        <Dialog
            title=Signal::derive(move || t_string!(i18n, points.adopt_n_title, n = count))
            on_close=close
            on_commit=commit
            testid="adopt-dialog"
        >
            <div class="dialog-body">
                <div class="touched">{rows}</div>
                <p class="quiet">{t!(i18n, points.adopt_many_note)}</p>
                <div class="two">
                    <Select
                        id="adopt-site"
                        is_labelled=true
                        label=Signal::derive(move || t_string!(i18n, points.site).to_owned())
                        value=site
                        choices=sites
                    />
                    <Select
                        id="adopt-area"
                        is_labelled=true
                        label=Signal::derive(move || t_string!(i18n, points.area).to_owned())
                        value=area
                        choices=areas
                    />
                </div>
                <TextField id="adopt-reason" label=Signal::derive(move || t_string!(i18n, points.reason).to_owned()) value=reason/>
                {move || fault.get().map(|fault| view! { <Notice text=fault is_fault=true/> })}
            </div>
            <div class="dialog-foot">
                <span></span>
                <button on:click=move |_| close.run(())>{t!(i18n, words.cancel)}</button>
                <button class="accent" data-testid="adopt-commit" disabled=move || is_busy.get() on:click=move |_| commit.run(())>
                    {t!(i18n, points.adopt_n, n = count)} <Kbd keys="Ctrl Enter"/>
                </button>
            </div>
        </Dialog>
    }
    .into_any()
}
