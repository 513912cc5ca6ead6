//! Settings that admins of the station edit here: brokers and the map's tiles. The rest is in the file that is named.

mod broker;

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{BrokerForm, GetSettings, SaveTiles, SettingsView};
use penstock_model::Permission;

use crate::app::Head;
use crate::components::{Empty, Glyph, Icon, Loading, Panel};
use crate::i18n::{t, t_string, use_i18n};
use crate::state::use_app;

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
    let may = Memo::new(move |_| app.may(Permission::AdministerStation));
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
    let edited = RwSignal::new(None::<BrokerForm>);
    Effect::new(move || {
        asked.track();
        spawn_local(async move {
            let reply = app.call(GetSettings {}).await.map_err(|error| error.message);
            settings.try_set(Some(reply));
        });
    });
    let again = Callback::new(move |()| asked.update(|asked| *asked += 1));
    let i18n = use_i18n();
    let page = move || match (settings.get(), i18n.get_locale()) {
        (None, _) => view! { <Loading/> }.into_any(),
        (Some(Err(why)), _) => view! { <Empty why=why/> }.into_any(),
        (Some(Ok(settings)), _) => view! { <Page settings=settings edited=edited again=again/> }.into_any(),
    };
    let drawer = move || {
        edited.get().map(|broker| {
            let on_close = Callback::new(move |is_changed: bool| {
                edited.set(None);
                if is_changed {
                    again.run(());
                }
            });
            view! { <broker::BrokerDrawer broker=broker on_close=on_close/> }
        })
    };
    view! {
        <div class="with-drawer">
            <div class="settings">{page}</div>
            {drawer}
        </div>
    }
    .into_any()
}

#[component]
fn Page(settings: SettingsView, edited: RwSignal<Option<BrokerForm>>, again: Callback<()>) -> impl IntoView {
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
                    <button class="small" data-testid="edit-broker" on:click=move |_| edited.set(Some(own.clone()))>
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
                <button class="small" data-testid="add-broker" on:click=move |_| edited.set(Some(new_broker()))>
                    <Icon glyph=Glyph::Plus size=14/> {t!(i18n, settings.add)}
                </button>
            })
        >
            {list}
        </Panel>
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
