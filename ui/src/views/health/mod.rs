//! Station health: what wants a look with its cure, the ways in, the pipeline, spool, database, what could not be read,
//! what devices say, the log; for admins a whole command that publishes a reading.

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{
    DatabaseState, DeviceAlertRow, GetHealth, GetPublishExample, Health as HealthReply, ListDeviceAlerts, ListRejects,
    PublishExample, RejectRow, SourceHealth,
};
use penstock_model::{Permission, Timestamp};

use crate::app::Head;
use crate::components::{Empty, Fact, Facts, Glyph, Icon, Loading, Panel};
use crate::format;
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::page;
use crate::state::{App, use_app};

/// How often all is asked for anew, in s.
const EVERY_SECS: i64 = 2;
/// Rejects and device alerts asked for.
const ROWS: u32 = 100;
/// From here on records that wait to be stored stand out.
const MANY_WAITING: u64 = 10_000;

#[component]
pub(crate) fn Health() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let health = RwSignal::new(None::<Result<HealthReply, String>>);
    let rejects = RwSignal::new(Vec::<RejectRow>::new());
    let alerts = RwSignal::new(Vec::<DeviceAlertRow>::new());
    let due = Memo::new(move |_| app.now.get().as_micros() / 1_000_000 / EVERY_SECS);
    Effect::new(move || {
        due.with(|_| ());
        spawn_local(async move {
            let reply = app.call(GetHealth {}).await.map_err(|error| error.message);
            // While the station does not answer, what it said last stays.
            let is_known = health.try_with_untracked(|health| matches!(health, Some(Ok(_)))).unwrap_or_default();
            if reply.is_ok() || !is_known {
                health.try_set(Some(reply));
            }
            if let Ok(rows) = app.call(ListRejects { limit: ROWS }).await {
                rejects.try_set(rows);
            }
            if let Ok(rows) = app.call(ListDeviceAlerts { limit: ROWS }).await {
                alerts.try_set(rows);
            }
        });
    });
    let state = Memo::new(move |_| health.with(|health| health.as_ref().map(|health| health.as_ref().err().cloned())));
    let good =
        Signal::derive(move || health.with(|health| health.as_ref().and_then(|health| health.as_ref().ok().cloned())));
    let body = move || match state.get() {
        None => view! { <Loading/> }.into_any(),
        Some(Some(why)) => view! { <Empty why=why/> }.into_any(),
        Some(None) => view! { <Body health=good rejects=rejects alerts=alerts/> }.into_any(),
    };
    let scope = move || {
        good.with(|health| {
            let since = health.as_ref()?.since;
            let age = format::age(app.now.get().since(since), i18n.get_locale());
            Some(t_string!(i18n, health.runs_for, age = age))
        })
    };
    view! {
        <Head
            title=Signal::derive(move || t_string!(i18n, health.title).to_owned())
            scope=ViewFn::from(move || view! { <span>{scope}</span> })
        />
        <div class="content scrolls padded" data-testid="health">{body}</div>
    }
    .into_any()
}

#[component]
fn Body(
    health: Signal<Option<HealthReply>>,
    rejects: RwSignal<Vec<RejectRow>>,
    alerts: RwSignal<Vec<DeviceAlertRow>>,
) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let title = move |get: fn(Locale) -> &'static str| Signal::derive(move || get(i18n.get_locale()).to_owned());
    let may_publish = Memo::new(move |_| app.may(Permission::AdministerStation));
    view! {
        <div class="health">
            <Notices health=health/>
            {move || may_publish.get().then(|| view! { <Publish/> })}
            <Panel title=title(|l| td_string!(l, health.sources)) class="span-all">
                <div class="sheet"><table class="data">
                    <thead><tr>
                        <th>{t!(i18n, health.source)}</th>
                        <th>{t!(i18n, health.state)}</th>
                        <th>{t!(i18n, health.address)}</th>
                        <th class="end">{t!(i18n, health.rate)}</th>
                        <th class="end">{t!(i18n, health.messages)}</th>
                        <th class="end">{t!(i18n, health.reconnects)}</th>
                        <th class="end">{t!(i18n, health.dropped)}</th>
                        <th>{t!(i18n, health.last_error)}</th>
                    </tr></thead>
                    <tbody>{move || sources(app, health)}</tbody>
                </table></div>
            </Panel>
            <Panel title=title(|l| td_string!(l, health.pipeline))><Pipeline health=health/></Panel>
            <Panel title=title(|l| td_string!(l, health.storing))><Storing health=health/></Panel>
            <Panel
                title=title(|l| td_string!(l, health.rejects))
                aside=ViewFn::from(move || view! { <span>{t!(i18n, health.newest_n, n = ROWS)}</span> })
                class="span-all"
            >
                {move || if rejects.with(Vec::is_empty) {
                    view! { <p class="panel-calm">{t!(i18n, health.no_rejects)}</p> }.into_any()
                } else {
                    view! {
                        <div class="sheet tall"><table class="data" data-testid="rejects">
                            <thead><tr>
                                <th>{t!(i18n, health.when)}</th><th>{t!(i18n, health.source)}</th><th>{t!(i18n, health.topic)}</th>
                                <th>{t!(i18n, health.reason)}</th><th>{t!(i18n, health.payload)}</th>
                            </tr></thead>
                            <tbody>{reject_rows(app, rejects)}</tbody>
                        </table></div>
                    }.into_any()
                }}
            </Panel>
            <Panel title=title(|l| td_string!(l, health.alerts))>
                {move || if alerts.with(Vec::is_empty) {
                    view! { <p class="panel-calm">{t!(i18n, health.no_alerts)}</p> }.into_any()
                } else {
                    view! { <div class="sheet tall"><table class="data"><tbody>{alert_rows(app, alerts)}</tbody></table></div> }.into_any()
                }}
            </Panel>
            <Panel title=title(|l| td_string!(l, health.log))>
                {move || if health.with(|health| health.as_ref().is_none_or(|health| health.log.is_empty())) {
                    view! { <p class="panel-calm">{t!(i18n, health.no_log)}</p> }.into_any()
                } else {
                    view! { <div class="sheet tall"><table class="data"><tbody>{log_rows(app, health)}</tbody></table></div> }.into_any()
                }}
            </Panel>
        </div>
    }
    .into_any()
}

fn at(app: App, at: Timestamp) -> String {
    let now = app.now.get_untracked();
    app.zone.with(|zone| zone.moment(at, now, app.locale()))
}

#[component]
fn Notices(health: Signal<Option<HealthReply>>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let notices = Memo::new(move |_| {
        health.with(|health| health.as_ref().map(|health| health.notices.clone())).unwrap_or_default()
    });
    let rows = move || {
        let rows = notices.get().into_iter().map(|notice| {
            let since = at(app, notice.since);
            view! {
                <div class="health-notice" data-testid="health-notice">
                    <b class="bang" aria-hidden="true">"!"</b>
                    <div>
                        <p><b>{notice.part}": "{notice.what}</b> " " <span class="quiet">{t!(i18n, health.since, at = since.clone())}</span></p>
                        <p>{notice.cure}</p>
                    </div>
                </div>
            }
        });
        rows.collect_view()
    };
    view! {
        <Panel title=Signal::derive(move || t_string!(i18n, health.notices).to_owned()) class="span-all">
            {move || if notices.with(Vec::is_empty) {
                view! { <p class="panel-calm">{t!(i18n, health.no_notices)}</p> }.into_any()
            } else {
                view! { <div class="health-notices">{rows}</div> }.into_any()
            }}
        </Panel>
    }
    .into_any()
}

/// A command that publishes a reading to this station, whole.
#[component]
fn Publish() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let example = RwSignal::new(None::<PublishExample>);
    let is_copied = RwSignal::new(false);
    spawn_local(async move {
        // Where there is no broker of the station's own there is no example either.
        if let Ok(found) = app.call(GetPublishExample {}).await {
            example.try_set(Some(found));
        }
    });
    let copy = move |_| {
        let Some(example) = example.get_untracked() else { return };
        spawn_local(async move {
            if page::copy(&example.command).await {
                is_copied.try_set(true);
                gloo_timers::future::TimeoutFuture::new(2_000).await;
                is_copied.try_set(false);
            }
        });
    };
    move || {
        example.get().map(|example| view! {
            <Panel
                title=Signal::derive(move || t_string!(i18n, health.publish).to_owned())
                aside=ViewFn::from(move || view! {
                    <button class="small" data-testid="copy-command" on:click=copy>
                        <Icon glyph=Glyph::Copy size=14/>
                        {move || if is_copied.get() { t_string!(i18n, health.copied) } else { t_string!(i18n, health.copy) }}
                    </button>
                })
                class="span-all"
            >
                <pre class="command" data-testid="publish-command">{example.command.clone()}</pre>
            </Panel>
        })
    }
}

fn sources(app: App, health: Signal<Option<HealthReply>>) -> AnyView {
    let i18n = app.i18n;
    let locale = i18n.get_locale();
    let sources = health.with(|health| health.as_ref().map(|health| health.sources.clone())).unwrap_or_default();
    let row = |source: SourceHealth| {
        let age = format::age(app.now.get_untracked().since(source.since), locale);
        let state = if source.connected {
            t_string!(i18n, health.connected, age = age)
        } else {
            t_string!(i18n, health.away, age = age)
        };
        let own = source.private.then(|| t_string!(i18n, health.own_broker));
        let error = source.last_error.clone().unwrap_or_default();
        view! {
            <tr data-testid="source" data-source=source.name.clone() data-connected=source.connected.to_string()>
                <td><b>{source.name.clone()}</b> " " <span class="quiet">{own}</span></td>
                <td class="state" class:firm=!source.connected>{(!source.connected).then_some("! ")} {state}</td>
                <td><span class="nobreak">{source.address}</span> <span class="quiet nobreak">" "{source.protocol}</span></td>
                <td class="end">{format::number(source.messages_per_sec, 1, locale)}</td>
                <td class="end">{format::count(source.messages, locale)}</td>
                <td class="end">{format::count(source.reconnects, locale)}</td>
                <td class="end">{source.dropped.map_or_else(|| format::NO_VALUE.to_owned(), |count| format::count(count, locale))}</td>
                <td class="wraps">{error}</td>
            </tr>
        }
    };
    sources.into_iter().map(row).collect_view().into_any()
}

#[component]
fn Pipeline(health: Signal<Option<HealthReply>>) -> impl IntoView {
    let i18n = use_i18n();
    move || {
        let locale = i18n.get_locale();
        let pipeline = health.with(|health| health.as_ref().map(|health| health.pipeline)).unwrap_or_default();
        let count = |count: u64| format::count(count, locale);
        let of =
            t_string!(i18n, health.n_of, n = count(pipeline.queue.into()), all = count(pipeline.queue_bound.into()));
        let facts = vec![
            Fact::new(t_string!(i18n, health.messages_in), count(pipeline.messages)),
            Fact::new(t_string!(i18n, health.samples), count(pipeline.samples)),
            Fact::new(t_string!(i18n, health.stored), count(pipeline.stored)),
            Fact::new(t_string!(i18n, health.left_out), count(pipeline.left_out)),
            Fact::new(t_string!(i18n, health.duplicates), count(pipeline.duplicates)),
            Fact::new(t_string!(i18n, health.rejected), count(pipeline.rejected)).firm(pipeline.rejected != 0),
            Fact::new(t_string!(i18n, health.queue), of),
            Fact::new(t_string!(i18n, health.feeds), count(pipeline.feeds.into())),
        ];
        view! { <Facts facts=facts class="right panel-facts"/> }
    }
}

#[component]
fn Storing(health: Signal<Option<HealthReply>>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    move || {
        let locale = i18n.get_locale();
        let health = health.get()?;
        let (spool, database) = (health.spool, health.database);
        // Of the stored ones, recording settings may have removed as many as they left out.
        let stored = health.pipeline.stored.saturating_sub(health.pipeline.left_out);
        let used = t_string!(
            i18n,
            health.n_of,
            n = format::bytes(spool.bytes, locale),
            all = format::bytes(spool.bound_bytes, locale)
        );
        let (state, is_up) = match database.state {
            DatabaseState::Up { commit_ms } => {
                (t_string!(i18n, health.database_up, ms = format::number(commit_ms, 1, locale)), true)
            }
            DatabaseState::Away { since } => {
                let age = format::age(app.now.get_untracked().since(since), locale);
                (t_string!(i18n, health.away, age = age), false)
            }
        };
        let state = if is_up { state } else { format!("! {state}") };
        let facts = vec![
            Fact::new(t_string!(i18n, health.database), state).firm(!is_up),
            Fact::new("PostgreSQL", database.version),
            Fact::new(t_string!(i18n, health.size), format::bytes(database.size_bytes, locale)),
            Fact::new(t_string!(i18n, health.samples_held), held_text(database.samples, stored, locale)),
            Fact::new(t_string!(i18n, health.spool), used),
            Fact::new(t_string!(i18n, health.waiting), format::count(spool.waiting, locale))
                .firm(spool.waiting > MANY_WAITING),
            Fact::new(t_string!(i18n, health.secrets), health.secrets),
        ];
        Some(view! { <Facts facts=facts class="right panel-facts"/> })
    }
}

/// How many samples the database holds: its own estimate, or, while that is behind, what this station has seen stored.
fn held_text(estimate: u64, stored: u64, locale: Locale) -> String {
    match (estimate, stored) {
        (0, 0) => td_string!(locale, health.not_counted).to_owned(),
        (estimate, stored) if estimate < stored => {
            td_string!(locale, health.at_least, n = format::count(stored, locale))
        }
        (estimate, _) => td_string!(locale, health.about, n = format::count(estimate, locale)),
    }
}

fn reject_rows(app: App, rejects: RwSignal<Vec<RejectRow>>) -> impl Fn() -> AnyView + Send + Sync + 'static {
    move || {
        let rows = rejects.get().into_iter().map(|row| {
            let payload = row.payload.clone();
            view! {
                <tr>
                    <td class="nobreak">{at(app, row.at)}</td>
                    <td>{row.source}</td>
                    <td class="wraps">{row.topic}</td>
                    <td class="wraps"><b>{row.reason}</b></td>
                    <td class="payload"><code title=payload>{row.payload}</code></td>
                </tr>
            }
        });
        rows.collect_view().into_any()
    }
}

fn alert_rows(app: App, alerts: RwSignal<Vec<DeviceAlertRow>>) -> impl Fn() -> AnyView + Send + Sync + 'static {
    move || {
        let rows = alerts.get().into_iter().map(|row| {
            view! {
                <tr>
                    <td class="nobreak">{at(app, row.at)}</td>
                    <td><b>{row.device}</b></td>
                    <td>{row.severity}</td>
                    <td class="wraps">{row.text}</td>
                </tr>
            }
        });
        rows.collect_view().into_any()
    }
}

fn log_rows(app: App, health: Signal<Option<HealthReply>>) -> impl Fn() -> AnyView + Send + Sync + 'static {
    let log =
        Memo::new(move |_| health.with(|health| health.as_ref().map(|health| health.log.clone())).unwrap_or_default());
    move || {
        let rows = log.get().into_iter().map(|line| {
            let is_error = line.level == "ERROR";
            view! {
                <tr>
                    <td class="nobreak">{at(app, line.at)}</td>
                    <td class:firm=is_error>{line.level}</td>
                    <td class="wraps">{line.text}</td>
                </tr>
            }
        });
        rows.collect_view().into_any()
    }
}
