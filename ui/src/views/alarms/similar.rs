//! Earlier episodes that resemble an alarm's present one: when, how long, what came with it, what people did about it.

use std::time::Duration;

use leptos::prelude::*;
use penstock_api::{ListSimilarEpisodes, SimilarEpisode};
use penstock_model::{Kinship, RuleId, Subject, Timestamp};

use crate::components::{Badge, BadgeFill};
use crate::format;
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::{PlantView, use_app};
use crate::words;

/// Episodes shown.
const SHOWN: u32 = 5;

/// What became of an episode, in a line: how long it lasted, who acknowledged it.
fn course(episode: &SimilarEpisode, locale: Locale) -> String {
    let lasted = match episode.cleared_at {
        Some(cleared_at) => {
            td_string!(locale, alarms.lasted, age = format::age(cleared_at.since(episode.raised_at), locale))
        }
        None => td_string!(locale, alarms.not_over).to_owned(),
    };
    let by = match (&episode.acknowledged_by, episode.acknowledged_at) {
        (Some(who), _) => Some(td_string!(locale, alarms.acknowledged_by, who = who.clone())),
        (None, Some(_)) => None,
        (None, None) => Some(td_string!(locale, alarms.nobody_acknowledged).to_owned()),
    };
    std::iter::once(lasted).chain(by).collect::<Vec<_>>().join(" · ")
}

/// Why it is thought alike, in a line.
fn likeness(episode: &SimilarEpisode, locale: Locale) -> String {
    let kinship = match episode.kinship {
        Kinship::Same => td_string!(locale, alarms.same_alarm),
        Kinship::SameThing => td_string!(locale, alarms.same_thing),
        Kinship::SameKind => td_string!(locale, alarms.same_kind),
    };
    let company = match (episode.shared, episode.company) {
        (_, None) => td_string!(locale, alarms.company_unknown).to_owned(),
        (_, Some(0)) => td_string!(locale, alarms.came_alone).to_owned(),
        (shared, Some(company)) => td_string!(locale, alarms.came_with, shared = shared, company = company),
    };
    format!("{kinship} · {company}")
}

/// Where its trend is shown; none for what is no point.
fn trend_path(episode: &SimilarEpisode) -> Option<String> {
    match episode.subject {
        Subject::Point(point) => Some(format!("/trends?points={point}&at={}", episode.raised_at.as_micros())),
        Subject::Site(_) | Subject::Asset(_) => None,
    }
}

fn title(episode: &SimilarEpisode, plant: &PlantView, locale: Locale) -> String {
    match episode.name.is_empty() {
        true => words::title(episode.subject, &episode.condition, plant, locale),
        false => episode.name.clone(),
    }
}

/// The section; nothing where no episode resembles it.
#[component]
pub(super) fn SimilarEpisodes(rule: RuleId, raised_at: Timestamp) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let found = RwSignal::new(Vec::<SimilarEpisode>::new());
    // What came with the alarm is known only when the time for it is over.
    let is_company_known = Memo::new(move |_| app.now.get() > raised_at + Duration::from_secs(10 * 60));
    Effect::new(move || {
        is_company_known.with(|_| ());
        leptos::task::spawn_local(async move {
            // Where it cannot be had, the rest of the detail says why.
            if let Ok(episodes) = app.call(ListSimilarEpisodes { rule, raised_at, limit: SHOWN }).await {
                found.try_set(episodes);
            }
        });
    });
    let rows = move || {
        let (locale, plant) = (i18n.get_locale(), app.plant.get()?);
        let now = app.now.get_untracked();
        let rows = found.get().into_iter().map(|episode| {
            let at = app.zone.with(|zone| zone.moment(episode.raised_at, now, locale));
            let full = app.zone.with(|zone| zone.full(episode.raised_at, locale));
            let other =
                (episode.rule != rule).then(|| view! { <div class="cut">{title(&episode, &plant, locale)}</div> });
            let said = episode.said.iter().map(|said| view! { <div class="similar-said">{said.clone()}</div> });
            let said: Vec<_> = said.collect();
            let trend = trend_path(&episode).map(|path| {
                view! { <a class="button small" href=path data-testid="similar-trend">{t!(i18n, alarms.trend)}</a> }
            });
            view! {
                <li class="similar-row" data-testid="similar-row">
                    <Badge priority=episode.priority fill=BadgeFill::Outlined size=16/>
                    <div class="similar-text">
                        <div><b title=full>{at}</b> " " {course(&episode, locale)}</div>
                        {other}
                        <div class="quiet">{likeness(&episode, locale)}</div>
                        {said}
                    </div>
                    {trend}
                </li>
            }
        });
        Some(rows.collect_view())
    };
    let is_empty = Memo::new(move |_| found.with(Vec::is_empty));
    move || {
        (!is_empty.get()).then(|| {
            view! {
                <div class="drawer-section" data-testid="similar-episodes">
                    <h3>{t!(i18n, alarms.similar)}</h3>
                    <ul class="similar" aria-label=move || t_string!(i18n, alarms.similar)>{rows}</ul>
                </div>
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use penstock_model::{Condition, PointId, Priority};

    use super::*;

    fn episode() -> SimilarEpisode {
        let at = Timestamp::from_secs(1_000);
        SimilarEpisode {
            rule: RuleId::made(at, [1; 10]),
            subject: Subject::Point(PointId::made(at, [2; 10])),
            condition: Condition::Anomaly { score: 0.9 },
            priority: Priority::P2,
            name: String::new(),
            raised_at: at,
            value: None,
            cleared_at: Some(at + Duration::from_secs(25 * 60)),
            acknowledged_at: Some(at),
            acknowledged_by: Some("Asha Verma".into()),
            said: vec![],
            kinship: Kinship::Same,
            company: Some(4),
            shared: 3,
        }
    }

    #[test]
    fn an_episode_is_told_in_a_line() {
        let own = episode();
        let told = course(&own, Locale::en);
        assert!(told.contains("25") && told.ends_with("Acknowledged by Asha Verma"), "{told}");
        let open = SimilarEpisode { cleared_at: None, acknowledged_at: None, acknowledged_by: None, ..own.clone() };
        assert_eq!(course(&open, Locale::en), "not over yet · nobody acknowledged it");
        let by_station = SimilarEpisode { acknowledged_by: None, ..own };
        assert!(!course(&by_station, Locale::en).contains('·'));
    }

    #[test]
    fn it_says_why_it_is_alike() {
        assert_eq!(likeness(&episode(), Locale::en), "this alarm · 3 of the 4 alarms that came with it came now too");
        let alone = SimilarEpisode { company: Some(0), shared: 0, kinship: Kinship::SameThing, ..episode() };
        assert_eq!(likeness(&alone, Locale::en), "another alarm of the same · came alone");
        let unknown = SimilarEpisode { company: None, shared: 0, ..episode() };
        assert_eq!(likeness(&unknown, Locale::en), "this alarm · what came with it is not known");
    }
}
