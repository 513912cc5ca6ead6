//! Settings that admins of the station edit here: brokers, the map's tiles, how long things are kept, and the archive;
//! and operator positions, which supervisors edit too. The rest is in the file that is named.

mod archive;
mod broker;
mod drawer;
mod positions;
mod retention;

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{ArchiveForm, BrokerForm, GetSettings, RetentionForm, SaveTiles, SettingsView};
use penstock_model::{OperatorPosition, Permission};

use crate::app::Head;
use crate::components::{Empty, Glyph, Icon, Loading, Notice, Panel};
use crate::i18n::{t, t_string, use_i18n};
use crate::state::use_app;

/// What the drawer changes.
#[derive(Debug, Clone)]
pub(crate) enum Edited {
    Broker(BrokerForm),
    Retention {
        retention: RetentionForm,
        /// Whether samples are archived before they go.
        has_archive: bool,
    },
    Archive(ArchiveForm),
    Position(OperatorPosition),
}

/// The variables of the environment that decide a section of the settings, one after another; none where none does.
fn deciding(overridden: &[String], section: &str) -> Option<String> {
    let beginning = format!("PENSTOCK_{section}__").to_ascii_uppercase();
    let names: Vec<&str> = overridden
        .iter()
        .map(String::as_str)
        .filter(|name| name.to_ascii_uppercase().starts_with(&beginning))
        .collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// A broker that is not there yet.
fn new_broker() -> BrokerForm {
    BrokerForm {
        name: String::new(),
        host: String::new(),
        port: 1_883,
        protocol: penstock_api::MqttVersion::V5,
        topics: vec!["#".to_owned()],
        routes: Vec::new(),
        username: None,
        password: None,
        has_password: false,
        tls: None,
    }
}

#[component]
pub(crate) fn Settings() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let may = Memo::new(move |_| app.may(Permission::AdministerStation) || app.may(Permission::SetLimits));
    let body = move || {
        if may.get() {
            view! { <Body/> }.into_any()
        } else {
            view! { <Empty why=Signal::derive(move || t_string!(i18n, settings.for_admins).to_owned())/> }.into_any()
        }
    };
    view! {
        <Head title=Signal::derive(move || t_string!(i18n, frame.settings).to_owned())/>
        <div class="content scrolls" data-testid="settings">{body}</div>
    }
    .into_any()
}

#[component]
fn Body() -> impl IntoView {
    let app = use_app();
    let settings = RwSignal::new(None::<Result<SettingsView, String>>);
    let asked = RwSignal::new(0_u32);
    let edited = RwSignal::new(None::<Edited>);
    let is_admin = Memo::new(move |_| app.may(Permission::AdministerStation));
    Effect::new(move || {
        asked.track();
        if !is_admin.get() {
            return;
        }
        spawn_local(async move {
            let reply = app.call(GetSettings {}).await.map_err(|error| error.message);
            settings.try_set(Some(reply));
        });
    });
    let again = Callback::new(move |()| asked.update(|asked| *asked += 1));
    let i18n = use_i18n();
    let page = move || match (settings.get(), i18n.get_locale()) {
        _ if !is_admin.get() => ().into_any(),
        (None, _) => view! { <Loading/> }.into_any(),
        (Some(Err(why)), _) => view! { <Empty why=why/> }.into_any(),
        (Some(Ok(settings)), _) => view! { <Page settings=settings edited=edited again=again/> }.into_any(),
    };
    let drawer = move || {
        let on_close = Callback::new(move |is_changed: bool| {
            edited.set(None);
            if is_changed {
                again.run(());
            }
        });
        edited.get().map(|what| match what {
            Edited::Broker(broker) => view! { <broker::BrokerDrawer broker=broker on_close=on_close/> }.into_any(),
            Edited::Retention { retention, has_archive } => {
                view! { <retention::RetentionDrawer retention=retention has_archive=has_archive on_close=on_close/> }
                    .into_any()
            }
            Edited::Archive(archive) => {
                view! { <archive::ArchiveDrawer archive=archive on_close=on_close/> }.into_any()
            }
            Edited::Position(position) => {
                let on_close = Callback::new(move |()| edited.set(None));
                view! { <positions::PositionDrawer position=position on_close=on_close/> }.into_any()
            }
        })
    };
    view! {
        <div class="with-drawer">
            <div class="settings">{page} <positions::Positions edited=edited/></div>
            {drawer}
        </div>
    }
    .into_any()
}

#[component]
fn Page(settings: SettingsView, edited: RwSignal<Option<Edited>>, again: Callback<()>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let tiles = RwSignal::new(settings.tiles);
    let save_tiles = move |_| {
        let enabled = !tiles.get_untracked();
        tiles.set(enabled);
        spawn_local(async move {
            if app.ask_for(SaveTiles { enabled }).await.is_none() {
                tiles.try_set(!enabled);
            } else {
                app.fetch_register().await;
                again.run(());
            }
        });
    };
    let kept = settings.clone();
    let has_none = settings.brokers.is_empty();
    let rows = settings.brokers.into_iter().map(|broker| {
        let own = broker.clone();
        let security = match (&broker.tls, &broker.username) {
            (Some(_), Some(_)) => t_string!(i18n, settings.tls_and_password),
            (Some(_), None) => t_string!(i18n, settings.tls_only),
            (None, Some(_)) => t_string!(i18n, settings.password_only),
            (None, None) => t_string!(i18n, settings.open),
        };
        view! {
            <tr data-testid="broker" data-broker=broker.name.clone()>
                <td><b>{broker.name.clone()}</b></td>
                <td>{format!("{}:{}", broker.host, broker.port)}</td>
                <td>{broker::protocol_word(broker.protocol)}</td>
                <td>{security}</td>
                <td class="wraps">{broker.topics.join(", ")}</td>
                <td class="end">
                    <button class="small" data-testid="edit-broker" on:click=move |_| edited.set(Some(Edited::Broker(own.clone())))>
                        <Icon glyph=Glyph::Edit size=14/> {t!(i18n, settings.edit)}
                    </button>
                </td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    let list = if has_none {
        view! { <p class="panel-calm">{t!(i18n, settings.no_brokers)}</p> }.into_any()
    } else {
        view! {
            <div class="sheet"><table class="data">
                <thead><tr>
                    <th>{t!(i18n, settings.name)}</th><th>{t!(i18n, settings.address)}</th><th>{t!(i18n, settings.protocol)}</th>
                    <th>{t!(i18n, settings.security)}</th><th>{t!(i18n, settings.topics)}</th><th></th>
                </tr></thead>
                <tbody>{rows}</tbody>
            </table></div>
        }
        .into_any()
    };
    let overridden = settings.overridden.join(", ");
    view! {
        <Panel
            title=Signal::derive(move || t_string!(i18n, settings.brokers).to_owned())
            aside=ViewFn::from(move || view! {
                <button class="small" data-testid="add-broker" on:click=move |_| edited.set(Some(Edited::Broker(new_broker())))>
                    <Icon glyph=Glyph::Plus size=14/> {t!(i18n, settings.add)}
                </button>
            })
        >
            {list}
        </Panel>
        <Kept settings=kept edited=edited/>
        <Panel title=Signal::derive(move || t_string!(i18n, settings.map).to_owned())>
            <label class="checked-line setting">
                <input type="checkbox" data-testid="tiles" prop:checked=move || tiles.get() on:change=save_tiles/>
                <span>
                    <b>{t!(i18n, settings.tiles)}</b><br/>
                    <span class="quiet">{t!(i18n, settings.tiles_note)}</span>
                </span>
            </label>
        </Panel>
        <Panel title=Signal::derive(move || t_string!(i18n, settings.file).to_owned())>
            <div class="setting">
                <p><code>{settings.file}</code></p>
                <p class="quiet">{t!(i18n, settings.file_note)}</p>
                {(!overridden.is_empty()).then(|| view! {
                    <p><b class="bang">"! "</b>{t!(i18n, settings.overridden)} " " <code>{overridden.clone()}</code></p>
                })}
            </div>
        </Panel>
    }
    .into_any()
}

/// How long things are kept, and where they go then.
#[component]
fn Kept(settings: SettingsView, edited: RwSignal<Option<Edited>>) -> impl IntoView {
    let i18n = use_i18n();
    let locale = i18n.get_locale_untracked();
    let SettingsView { retention, archive, archive_waits, overridden, .. } = settings;
    let (of_retention, of_archive) = (deciding(&overridden, "retention"), deciding(&overridden, "archive"));
    let (retention_facts, archive_facts) = (retention::facts(&retention, locale), archive::facts(&archive, locale));
    let has_archive = archive.place.is_some();
    let edit_retention = edit_button("edit-retention", of_retention.is_some(), move || {
        edited.set(Some(Edited::Retention { retention: retention.clone(), has_archive }));
    });
    let edit_archive = edit_button("edit-archive", of_archive.is_some(), move || {
        edited.set(Some(Edited::Archive(archive.clone())));
    });
    let decided = move |names: Option<String>| {
        names.map(|names| {
            view! {
                <p class="setting"><b class="bang">"! "</b>{t!(i18n, settings.decided)} " " <code>{names}</code></p>
            }
        })
    };
    view! {
        <Panel title=Signal::derive(move || t_string!(i18n, settings.kept).to_owned()) aside=edit_retention>
            {retention_facts}
            {decided(of_retention)}
        </Panel>
        <Panel title=Signal::derive(move || t_string!(i18n, settings.archive).to_owned()) aside=edit_archive>
            {archive_facts}
            {archive_waits.then(|| view! {
                <Notice text=Signal::derive(move || t_string!(i18n, settings.archive_waits).to_owned())/>
            })}
            {decided(of_archive)}
        </Panel>
    }
    .into_any()
}

/// The button at a panel's head that opens its drawer; out of reach where the environment decides.
fn edit_button(testid: &'static str, is_decided: bool, edit: impl Fn() + Clone + Send + Sync + 'static) -> ViewFn {
    let i18n = use_i18n();
    ViewFn::from(move || {
        let edit = edit.clone();
        view! {
            <button class="small" data-testid=testid disabled=is_decided on:click=move |_| edit()>
                <Icon glyph=Glyph::Edit size=14/> {t!(i18n, settings.edit)}
            </button>
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides_by_section() {
        let names = ["PENSTOCK_RETENTION__SAMPLES_DAYS", "PENSTOCK_LOG__LEVEL", "PENSTOCK_RETENTION__ROLL_UPS_YEARS"];
        let names = names.map(str::to_owned);
        let both = "PENSTOCK_RETENTION__SAMPLES_DAYS, PENSTOCK_RETENTION__ROLL_UPS_YEARS";
        assert_eq!(deciding(&names, "retention").as_deref(), Some(both));
        assert_eq!(deciding(&names, "archive"), None);
    }
}
