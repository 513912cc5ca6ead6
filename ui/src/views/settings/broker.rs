//! One broker as a form: where it is, who we are to it, what we listen to, how topics become points. Can be tried before
//! it is kept.

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{BrokerForm, BrokerTest, MqttVersion, RemoveBroker, RouteForm, SaveBroker, TestBroker, TlsForm};

use super::drawer::{FormDrawer, RowWithBin};
use crate::components::{Choice, Glyph, Icon, Notice, Select, TextField};
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::page;
use crate::state::use_app;

/// The version's name.
pub(super) const fn protocol_word(version: MqttVersion) -> &'static str {
    match version {
        MqttVersion::V311 => "MQTT 3.1.1",
        MqttVersion::V5 => "MQTT 5",
    }
}

/// What a route's values can be.
const FORMATS: [&str; 5] = ["auto", "json", "plain", "status", "alert"];

fn format_word(format: &'static str, locale: Locale) -> &'static str {
    match format {
        "auto" => td_string!(locale, settings.format_auto),
        "json" => td_string!(locale, settings.format_json),
        "plain" => td_string!(locale, settings.format_plain),
        "status" => td_string!(locale, settings.format_status),
        "alert" => td_string!(locale, settings.format_alert),
        other => other,
    }
}

/// A route's fields.
#[derive(Clone, Copy)]
struct Route {
    pattern: RwSignal<String>,
    format: RwSignal<String>,
    address: RwSignal<String>,
}

impl Route {
    fn of(route: RouteForm) -> Self {
        Self {
            pattern: RwSignal::new(route.pattern),
            format: RwSignal::new(route.format),
            address: RwSignal::new(route.address),
        }
    }
}

/// A text that is none where nothing stands in it.
fn some(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Topic filters, one a line.
fn lines(text: &str) -> Vec<String> {
    text.lines().filter_map(some).collect()
}

#[component]
pub(super) fn BrokerDrawer(
    broker: BrokerForm,
    /// Told whether anything was changed.
    on_close: Callback<bool>,
) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let is_new = broker.name.is_empty();
    let is_demo = app.card.with_untracked(|card| card.as_ref().is_some_and(|card| !card.demo_people.is_empty()));
    let former_name = broker.name.clone();
    let (name, host) = (RwSignal::new(broker.name.clone()), RwSignal::new(broker.host));
    let port = RwSignal::new(broker.port.to_string());
    let protocol = RwSignal::new(if broker.protocol == MqttVersion::V5 { "5" } else { "3.1.1" }.to_owned());
    let topics = RwSignal::new(broker.topics.join("\n"));
    let routes = RwSignal::new(broker.routes.into_iter().map(Route::of).collect::<Vec<_>>());
    let username = RwSignal::new(broker.username.unwrap_or_default());
    let (password, has_password) = (RwSignal::new(String::new()), broker.has_password);
    let uses_tls = RwSignal::new(broker.tls.is_some());
    let tls = broker.tls.unwrap_or_default();
    let ca = RwSignal::new(tls.ca_file.unwrap_or_default());
    let cert = RwSignal::new(tls.cert_file.unwrap_or_default());
    let key = RwSignal::new(tls.key_file.unwrap_or_default());
    let (fault, is_busy) = (RwSignal::new(None::<String>), RwSignal::new(false));
    let tested = RwSignal::new(None::<BrokerTest>);

    let form = move || {
        let port = port.get_untracked().trim().parse::<u16>().ok().filter(|port| *port > 0)?;
        Some(BrokerForm {
            name: name.get_untracked().trim().to_owned(),
            host: host.get_untracked().trim().to_owned(),
            port,
            protocol: if protocol.get_untracked() == "5" { MqttVersion::V5 } else { MqttVersion::V311 },
            topics: lines(&topics.get_untracked()),
            routes: routes.with_untracked(|routes| {
                let routes = routes.iter().map(|route| RouteForm {
                    pattern: route.pattern.get_untracked().trim().to_owned(),
                    format: route.format.get_untracked(),
                    address: route.address.get_untracked().trim().to_owned(),
                });
                routes.filter(|route| !route.pattern.is_empty()).collect()
            }),
            username: some(&username.get_untracked()),
            password: some(&password.get_untracked()),
            has_password,
            tls: uses_tls.get_untracked().then(|| TlsForm {
                ca_file: some(&ca.get_untracked()),
                cert_file: some(&cert.get_untracked()),
                key_file: some(&key.get_untracked()),
            }),
        })
    };
    let is_port_wrong = RwSignal::new(false);
    let whole_form = move || {
        let form = form();
        is_port_wrong.set(form.is_none());
        if form.is_none() {
            page::focus("#broker-port");
        }
        fault.set(None);
        tested.set(None);
        form
    };
    let port_fault =
        Signal::derive(move || is_port_wrong.get().then(|| t_string!(i18n, settings.port_rule).to_owned()));
    let submit = Callback::new(move |()| {
        let Some(broker) = whole_form().filter(|_| !is_busy.get_untracked()) else { return };
        is_busy.set(true);
        spawn_local(async move {
            match app.call(SaveBroker { broker }).await {
                Ok(_) => on_close.run(true),
                Err(error) => {
                    fault.try_set(Some(error.message));
                    is_busy.try_set(false);
                }
            }
        });
    });
    let test = move |_| {
        let Some(broker) = whole_form().filter(|_| !is_busy.get_untracked()) else { return };
        is_busy.set(true);
        spawn_local(async move {
            match app.call(TestBroker { broker }).await {
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
    let asks_removal = RwSignal::new(false);
    let own_name = StoredValue::new(former_name.clone());
    let remove = move |_| {
        if !asks_removal.get_untracked() {
            asks_removal.set(true);
            return;
        }
        is_busy.set(true);
        spawn_local(async move {
            match app.call(RemoveBroker { name: own_name.get_value() }).await {
                Ok(_) => on_close.run(true),
                Err(error) => {
                    fault.try_set(Some(error.message));
                    is_busy.try_set(false);
                }
            }
        });
    };
    let word = move |get: fn(Locale) -> &'static str| Signal::derive(move || get(i18n.get_locale()).to_owned());
    let protocols = Signal::derive(|| vec![Choice::new("5", "MQTT 5"), Choice::new("3.1.1", "MQTT 3.1.1")]);
    let formats = Signal::derive(move || {
        let locale = i18n.get_locale();
        FORMATS.map(|format| Choice::new(format, format_word(format, locale))).to_vec()
    });
    let route_rows = move || {
        let rows = routes.get().into_iter().enumerate().map(|(at, route)| {
            view! {
                <RowWithBin
                    class="route"
                    label=word(|l| td_string!(l, settings.remove_route))
                    on_remove=Callback::new(move |()| routes.update(|routes| {
                        routes.remove(at);
                    }))
                >
                    <TextField id="route-pattern" label=word(|l| td_string!(l, settings.pattern)) value=route.pattern/>
                    <Select id="route-format" is_labelled=true label=word(|l| td_string!(l, settings.format)) value=route.format choices=formats/>
                    <TextField id="route-address" label=word(|l| td_string!(l, settings.point_address)) value=route.address/>
                </RowWithBin>
            }
        });
        rows.collect_view()
    };
    let add_route = move |_| {
        let route = RouteForm { pattern: String::new(), format: "auto".to_owned(), address: String::new() };
        routes.update(|routes| routes.push(Route::of(route)));
    };
    let title =
        Signal::derive(
            move || {
                if is_new { t_string!(i18n, settings.new_broker).to_owned() } else { former_name.clone() }
            },
        );
    let password_hint =
        Signal::derive(
            move || {
                if has_password { t_string!(i18n, settings.password_kept).to_owned() } else { String::new() }
            },
        );
    let actions = view! {
        <button type="submit" class="accent" data-testid="save-broker" disabled=move || is_busy.get()>{t!(i18n, words.save)}</button>
        <button type="button" data-testid="test-broker" disabled=move || is_busy.get() on:click=test>{t!(i18n, settings.test)}</button>
        {(!is_new).then(|| view! {
            <button type="button" data-testid="remove-broker" disabled=move || is_busy.get() on:click=remove>
                {move || if asks_removal.get() { t_string!(i18n, settings.remove_really) } else { t_string!(i18n, settings.remove) }}
            </button>
        })}
    }
    .into_any();
    view! {
        <FormDrawer
            title=title
            testid="broker-form"
            on_submit=submit
            on_close=on_close
            fault=fault
            actions=actions
        >
            {is_demo.then(|| view! {
                <Notice text=Signal::derive(move || t_string!(i18n, settings.demo_note).to_owned())/>
            })}
            <TextField
                id="broker-name"
                label=word(|l| td_string!(l, settings.name))
                hint=word(|l| td_string!(l, settings.name_hint))
                value=name
                disabled=!is_new
            />
            <div class="host">
                <TextField id="broker-host" label=word(|l| td_string!(l, settings.host)) value=host/>
                <TextField id="broker-port" label=word(|l| td_string!(l, settings.port)) value=port fault=port_fault/>
            </div>
            <Select id="broker-protocol" is_labelled=true label=word(|l| td_string!(l, settings.protocol)) value=protocol choices=protocols/>
            <div class="two">
                <TextField id="broker-user" label=word(|l| td_string!(l, settings.user)) value=username/>
                <TextField
                    id="broker-password"
                    kind="password"
                    label=word(|l| td_string!(l, settings.password))
                    hint=password_hint
                    value=password
                    autocomplete="new-password"
                />
            </div>
            <label class="checked-line">
                <input
                    type="checkbox"
                    data-testid="broker-tls"
                    prop:checked=move || uses_tls.get()
                    on:change=move |_| {
                        uses_tls.update(|uses| *uses = !*uses);
                        // The usual port goes with it, unless somebody chose another.
                        port.update(|port| match (port.as_str(), uses_tls.get_untracked()) {
                            ("1883", true) => *port = "8883".to_owned(),
                            ("8883", false) => *port = "1883".to_owned(),
                            _ => {}
                        });
                    }
                />
                <span>{t!(i18n, settings.tls)}</span>
            </label>
            {move || uses_tls.get().then(|| view! {
                <TextField
                    id="broker-ca"
                    label=word(|l| td_string!(l, settings.ca_file))
                    hint=word(|l| td_string!(l, settings.ca_hint))
                    value=ca
                />
                <TextField id="broker-cert" label=word(|l| td_string!(l, settings.cert_file)) value=cert/>
                <TextField id="broker-key" label=word(|l| td_string!(l, settings.key_file)) value=key/>
            })}
            <div class="field">
                <label for="broker-topics">{t!(i18n, settings.topics)}</label>
                <textarea
                    id="broker-topics"
                    data-testid="broker-topics"
                    spellcheck="false"
                    prop:value=move || topics.get()
                    on:input=move |event| topics.set(event_target_value(&event))
                ></textarea>
                <span class="field-hint">{t!(i18n, settings.topics_hint)}</span>
            </div>
            <h3>{t!(i18n, settings.routes)}</h3>
            <p class="quiet">{t!(i18n, settings.routes_note)}</p>
            {route_rows}
            <button type="button" data-testid="add-route" on:click=add_route><Icon glyph=Glyph::Plus/> {t!(i18n, settings.add_route)}</button>
            {move || tested.get().map(|found| view! { <Notice text=found.message is_fault=!found.ok/> })}
        </FormDrawer>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_stand_one_a_line() {
        assert_eq!(lines(" plant/# \n\n jjm/+/data"), ["plant/#", "jjm/+/data"]);
        assert_eq!(some("  "), None);
    }
}
