//! Where samples go before they are taken away: what is set, and a drawer that changes it and tries it first.

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{ArchiveForm, ArchiveTest, SaveArchive, TestArchive};

use super::drawer::FormDrawer;
use crate::components::{Fact, Facts, Notice, TextField};
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::use_app;

/// A text that is none where nothing stands in it.
fn some(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Whether a place is a store on the network, which asks for a key.
fn is_store(place: &str) -> bool {
    place.trim().starts_with("s3://")
}

/// What is set.
pub(super) fn facts(archive: &ArchiveForm, locale: Locale) -> AnyView {
    let Some(place) = archive.place.clone() else {
        return view! { <p class="panel-calm">{td_string!(locale, settings.no_archive)}</p> }.into_any();
    };
    let mut facts = vec![Fact::new(td_string!(locale, settings.archive_place), view! { <code>{place}</code> })];
    if let Some(endpoint) = archive.endpoint.clone() {
        facts.push(Fact::new(td_string!(locale, settings.endpoint), endpoint));
    }
    if let Some(region) = archive.region.clone() {
        facts.push(Fact::new(td_string!(locale, settings.region), region));
    }
    if let Some(access_key) = archive.access_key.clone() {
        facts.push(Fact::new(td_string!(locale, settings.access_key), access_key));
        let kept = if archive.has_secret {
            td_string!(locale, settings.secret_is_kept)
        } else {
            td_string!(locale, settings.secret_is_missing)
        };
        facts.push(Fact::new(td_string!(locale, settings.secret), kept).firm(!archive.has_secret));
    }
    view! { <Facts facts=facts class="panel-facts"/> }.into_any()
}

#[component]
pub(super) fn ArchiveDrawer(
    archive: ArchiveForm,
    /// Told whether anything was changed.
    on_close: Callback<bool>,
) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let has_secret = archive.has_secret;
    let had_place = archive.place.is_some();
    let place = RwSignal::new(archive.place.unwrap_or_default());
    let endpoint = RwSignal::new(archive.endpoint.unwrap_or_default());
    let region = RwSignal::new(archive.region.unwrap_or_default());
    let access_key = RwSignal::new(archive.access_key.unwrap_or_default());
    let secret = RwSignal::new(String::new());
    let (fault, is_busy) = (RwSignal::new(None::<String>), RwSignal::new(false));
    let tested = RwSignal::new(None::<ArchiveTest>);
    let is_on_network = Memo::new(move |_| place.with(|place| is_store(place)));
    let has_place = Memo::new(move |_| place.with(|place| some(place).is_some()));
    // What is not shown is not sent either: a folder has no key.
    let form = move || {
        let of_store = |text: RwSignal<String>| some(&text.get_untracked()).filter(|_| is_on_network.get_untracked());
        ArchiveForm {
            place: some(&place.get_untracked()),
            endpoint: of_store(endpoint),
            region: of_store(region),
            access_key: of_store(access_key),
            secret: of_store(secret),
            has_secret,
        }
    };
    let submit = Callback::new(move |()| {
        if is_busy.get_untracked() {
            return;
        }
        let archive = form();
        fault.set(None);
        tested.set(None);
        is_busy.set(true);
        spawn_local(async move {
            match app.call(SaveArchive { archive }).await {
                Ok(_) => on_close.run(true),
                Err(error) => {
                    fault.try_set(Some(error.message));
                    is_busy.try_set(false);
                }
            }
        });
    });
    let test = move |_| {
        if is_busy.get_untracked() {
            return;
        }
        let archive = form();
        fault.set(None);
        tested.set(None);
        is_busy.set(true);
        spawn_local(async move {
            match app.call(TestArchive { archive }).await {
                Ok(found) => {
                    tested.try_set(Some(found));
                }
                Err(error) => {
                    fault.try_set(Some(error.message));
                }
            }
            is_busy.try_set(false);
        });
    };
    let word = move |get: fn(Locale) -> &'static str| Signal::derive(move || get(i18n.get_locale()).to_owned());
    let secret_hint =
        Signal::derive(
            move || {
                if has_secret { t_string!(i18n, settings.secret_kept).to_owned() } else { String::new() }
            },
        );
    let actions = view! {
        <button type="submit" class="accent" data-testid="save-archive" disabled=move || is_busy.get()>{t!(i18n, words.save)}</button>
        <button
            type="button"
            data-testid="test-archive"
            disabled=move || is_busy.get() || !has_place.get()
            on:click=test
        >
            {t!(i18n, settings.check)}
        </button>
    }
    .into_any();
    view! {
        <FormDrawer
            title=word(|l| td_string!(l, settings.archive))
            testid="archive-form"
            on_submit=submit
            on_close=on_close
            fault=fault
            actions=actions
        >
            <p class="quiet">{t!(i18n, settings.archive_note)}</p>
            <TextField
                id="archive-place"
                label=word(|l| td_string!(l, settings.archive_place))
                hint=word(|l| td_string!(l, settings.archive_place_hint))
                value=place
            />
            {move || is_on_network.get().then(|| view! {
                <TextField
                    id="archive-endpoint"
                    label=word(|l| td_string!(l, settings.endpoint))
                    hint=word(|l| td_string!(l, settings.endpoint_hint))
                    value=endpoint
                />
                <TextField id="archive-region" label=word(|l| td_string!(l, settings.region)) value=region/>
                <div class="two">
                    <TextField id="archive-key" label=word(|l| td_string!(l, settings.access_key)) value=access_key/>
                    <TextField
                        id="archive-secret"
                        kind="password"
                        label=word(|l| td_string!(l, settings.secret))
                        hint=secret_hint
                        value=secret
                        autocomplete="new-password"
                    />
                </div>
            })}
            {had_place.then(|| view! { <Notice text=word(|l| td_string!(l, settings.archive_moves))/> })}
            {move || (!has_place.get()).then(|| view! { <p class="quiet">{t!(i18n, settings.no_archive)}</p> })}
            {move || tested.get().map(|found| view! { <Notice text=found.message is_fault=!found.ok/> })}
        </FormDrawer>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_store_asks_for_a_key() {
        assert!(is_store(" s3://water/samples"));
        assert!(!is_store("/mnt/archive"));
        assert!(!is_store(""));
        assert_eq!(some("  "), None);
        assert_eq!(some(" /mnt "), Some("/mnt".to_owned()));
    }
}
