//! The floods, newest first: when, for how long, how many calls, the alarm that called first, and what may have begun
//! them: the groups of alarms that belong together, each with its likeliest cause.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{Flood, FloodSpan, ListFloodGroups, PastGroup, PastGroups};
use penstock_model::Timestamp;

use super::super::causes;
use super::{Told, title};
use crate::components::Panel;
use crate::format;
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::{PlantView, use_app};

/// The longest stretch whose groups are asked for.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// The stretches of the newest floods, the newest first, as many as are told at once. One that goes on lasts until `to`.
fn spans(floods: &[Flood], to: Timestamp) -> Vec<FloodSpan> {
    let span = |flood: &Flood| {
        let from = flood.first_at;
        let until = flood.until.unwrap_or(to).max(from);
        FloodSpan { from, to: until.min(from + LONGEST) }
    };
    floods.iter().rev().take(PastGroups::MOST_SPANS).map(span).collect()
}

/// What is told of the groups of the floods, the newest first.
type Groups = RwSignal<Option<Result<Arc<Vec<PastGroups>>, String>>>;

#[component]
pub(super) fn Floods(told: Arc<Told>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let locale = i18n.get_locale_untracked();
    let plant = app.plant.get_untracked();
    let (count, to) = (told.figures.flood_count, told.figures.to);
    let groups: Groups = RwSignal::new(None);
    let asked = spans(&told.figures.floods, to);
    if !asked.is_empty() {
        spawn_local(async move {
            let reply = app.call(ListFloodGroups { spans: asked }).await;
            groups.try_set(Some(reply.map(Arc::new).map_err(|error| error.message)));
        });
    }
    let row = |(place, flood): (usize, &Flood)| {
        let (at, full) = app.zone.with_untracked(|zone| {
            (zone.moment(flood.first_at, app.now.get_untracked(), locale), zone.full(flood.first_at, locale))
        });
        let age = format::age(flood.until.unwrap_or(to).since(flood.first_at), locale);
        let lasted = match flood.until {
            Some(_) => age,
            None => td_string!(locale, analysis.goes_on, age = age),
        };
        let first = plant.as_ref().map(|plant| title(&flood.first, plant, locale)).unwrap_or_default();
        let path = format!("/alarms?alarm={}", flood.first.rule);
        let plant = plant.clone();
        let cause = move || match (groups.get(), &plant) {
            (None, _) => Some(td_string!(locale, floods.looking).into_any()),
            (Some(Err(why)), _) => Some(why.into_any()),
            (Some(Ok(told)), Some(plant)) => told.get(place).map(|past| causes_of(past, plant, locale)),
            (Some(Ok(_)), None) => None,
        };
        view! {
            <tr data-testid="flood-row">
                <td class="state" title=full>{at}</td>
                <td class="state">{lasted}</td>
                <td class="end">{flood.calls}</td>
                <td class="end">{flood.most}</td>
                <td class="end">{format::number(flood.first_ten_minutes.value, 0, locale)}</td>
                <td class="wraps"><a href=path>{first}</a></td>
                <td class="wraps" data-testid="flood-cause">{cause}</td>
            </tr>
        }
    };
    let rows = told.figures.floods.iter().rev().enumerate().map(row).collect_view();
    let body = match told.figures.floods.is_empty() {
        true => view! { <p class="panel-calm">{t!(i18n, analysis.no_floods)}</p> }.into_any(),
        false => view! {
            <div class="sheet tall" tabindex="0">
                <table class="data" data-testid="floods">
                    <thead><tr>
                        <th>{t!(i18n, analysis.began)}</th>
                        <th>{t!(i18n, analysis.lasted)}</th>
                        <th class="end">{t!(i18n, analysis.calls)}</th>
                        <th class="end">{t!(i18n, analysis.peak)}</th>
                        <th class="end">{t!(i18n, analysis.first_ten)}</th>
                        <th>{t!(i18n, analysis.first_alarm)}</th>
                        <th>{t!(i18n, floods.cause)}</th>
                    </tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
        .into_any(),
    };
    view! {
        <Panel
            title=Signal::derive(move || t_string!(i18n, analysis.floods).to_owned())
            aside=ViewFn::from(move || view! { <span>{t!(i18n, analysis.floods_n, n = count)}</span> })
        >
            {body}
        </Panel>
    }
    .into_any()
}

/// The groups of a flood, each under its likeliest cause; all but the first are opened by hand.
fn causes_of(past: &PastGroups, plant: &PlantView, locale: Locale) -> AnyView {
    let group = |group: &PastGroup| {
        let cause = group.causes.first()?;
        let text = td_string!(locale, floods.group_of_n, cause = causes::title(cause, plant, locale), n = group.alarms);
        let first = group.first.as_ref().map(|first| title(first, plant, locale));
        let why: Vec<String> = first.into_iter().chain(causes::reasons(cause, plant, locale)).collect();
        Some(view! { <div title=why.join("\n")>{text}</div> })
    };
    let mut lines = past.groups.iter().filter_map(group);
    let Some(first) = lines.next() else {
        return td_string!(locale, floods.no_groups).into_any();
    };
    let others: Vec<_> = lines.collect();
    let more = match others.len() {
        0 => None,
        n => Some(
            view! { <details><summary>{td_string!(locale, floods.groups_more, n = n)}</summary>{others}</details> },
        ),
    };
    let single = (past.others > 0).then(|| view! { <div>{td_string!(locale, floods.others_n, n = past.others)}</div> });
    let cut = past.is_cut.then(|| view! { <div>{td_string!(locale, floods.cut)}</div> });
    view! { {first} {more} {single} {cut} }.into_any()
}

#[cfg(test)]
mod tests {
    use penstock_api::{Figure, FigureUnit, NamedAlarm};
    use penstock_model::{Condition, Priority, RuleId, SiteId, Subject};

    use super::*;

    fn secs(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn flood(first_at: i64, until: Option<i64>) -> Flood {
        Flood {
            first: NamedAlarm {
                rule: RuleId::made(secs(1), [1; 10]),
                subject: Subject::Site(SiteId::made(secs(1), [1; 10])),
                condition: Condition::Anomaly { score: 0.9 },
                name: String::new(),
                priority: Priority::P2,
            },
            first_at: secs(first_at),
            from: secs(first_at + 60),
            until: until.map(secs),
            calls: 12,
            most: 12,
            first_ten_minutes: Figure { value: 12.0, unit: FigureUnit::Count, target: None, verdict: None },
        }
    }

    #[test]
    fn groups_are_asked_for_the_newest_floods_within_bounds() {
        let to = secs(1_000_000);
        let floods = [flood(0, Some(600)), flood(1_000, Some(900_000)), flood(999_000, None)];
        let asked: Vec<(Timestamp, Timestamp)> = spans(&floods, to).iter().map(|span| (span.from, span.to)).collect();
        assert_eq!(asked, [(secs(999_000), to), (secs(1_000), secs(1_000 + 86_400)), (secs(0), secs(600))]);
        let many: Vec<Flood> = std::iter::repeat_n(flood(0, Some(600)), 80).collect();
        assert_eq!(spans(&many, to).len(), PastGroups::MOST_SPANS);
        // A range that ends before its flood's first call was known is no stretch that runs backwards.
        assert_eq!(spans(&[flood(500, None)], secs(400)), [FloodSpan { from: secs(500), to: secs(500) }]);
    }
}
