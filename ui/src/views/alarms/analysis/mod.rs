//! The analysis: how much alarms asked of people over a range, beside the field's targets; the load by the hour or the
//! day; the floods; the alarms to work on, asked for anew with each choice. Beside it how much they ask at present, what
//! keeps them from calling unauthorised, and what of their rules is not as it was approved.

mod baseline;
mod cure;
mod decide;
mod drift;
mod figures;
mod floods;
mod live;
mod load;
mod queue;
mod range;
mod suppressions;

pub(crate) use decide::Decide;

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{AlarmFigures, GetAlarmFigures, NamedAlarm};
use penstock_model::{AreaId, OperatorPositionId, Priority, RuleId, Timestamp};

use super::active::PriorityChoice;
use super::scope::PositionChoice;
use crate::components::{Choice, Empty, Loading, Notice, Segmented, Select};
use crate::i18n::{Locale, t, t_string, use_i18n};
use crate::state::{PlantView, use_app};
use crate::words;
use baseline::BaselinePanel;
use figures::Figures;
use floods::Floods;
use live::Live;
use load::Load;
use queue::Queue;
use suppressions::Suppressions;

/// Which figures are wanted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    days: i64,
    area: Option<AreaId>,
    /// None where all are.
    priorities: Vec<Priority>,
    position: Option<OperatorPositionId>,
}

/// What the station told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    asked: Asked,
    /// The beginning that was asked for.
    from: Timestamp,
    figures: AlarmFigures,
}

/// The priorities that are asked for; none where each of them is, or none.
fn wanted(priorities: [bool; 4]) -> Vec<Priority> {
    let chosen = Priority::ALL.into_iter().zip(priorities).filter(|(_, is_on)| *is_on);
    let chosen: Vec<Priority> = chosen.map(|(priority, _)| priority).collect();
    if chosen.len() == Priority::ALL.len() { Vec::new() } else { chosen }
}

/// What an alarm is called: its own name, else what it says.
fn title(alarm: &NamedAlarm, plant: &PlantView, locale: Locale) -> String {
    match alarm.name.is_empty() {
        true => words::title(alarm.subject, &alarm.condition, plant, locale),
        false => alarm.name.clone(),
    }
}

#[component]
pub(super) fn Analysis(on_rule: Callback<RuleId>, remark: RwSignal<String>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let (days, area) = (RwSignal::new("7".to_owned()), RwSignal::new(String::new()));
    let priorities = RwSignal::new([true; 4]);
    let position = RwSignal::new(String::new());
    let again = RwSignal::new(0_u32);
    let found = RwSignal::new(None::<Result<Arc<Told>, String>>);
    // The alarm that is worked on, also where what is told of all is drawn anew.
    let chosen = RwSignal::new(None::<RuleId>);
    let asked = Memo::new(move |_| Asked {
        days: days.with(|days| days.parse().unwrap_or(7)),
        area: area.with(|area| area.parse().ok()),
        priorities: wanted(priorities.get()),
        position: position.with(|position| position.parse().ok()),
    });
    Effect::new(move || {
        again.track();
        let own = asked.get();
        found.set(None);
        let now = app.now.get_untracked();
        let from = app.zone.with_untracked(|zone| range::beginning(own.days, now, zone.offset_secs_at(now)));
        let call = GetAlarmFigures {
            from,
            to: now,
            areas: own.area.into_iter().collect(),
            priorities: own.priorities.clone(),
            position: own.position,
        };
        spawn_local(async move {
            let reply = app.call(call).await;
            // What was chosen meanwhile is on its way.
            if asked.try_get_untracked().is_some_and(|asked| asked == own) {
                let told = reply.map(|figures| Arc::new(Told { asked: own, from, figures }));
                found.try_set(Some(told.map_err(|error| error.message)));
            }
        });
    });
    Effect::new(move || {
        let calls = found.with(|found| match found {
            Some(Ok(told)) => Some(told.figures.calls),
            _ => None,
        });
        remark.set(calls.map(|calls| t_string!(i18n, analysis.calls_n, n = calls)).unwrap_or_default());
    });
    let ranges = Signal::derive(move || {
        vec![
            Choice::new("1", t_string!(i18n, alarms.hours_24)),
            Choice::new("7", t_string!(i18n, alarms.days_7)),
            Choice::new("30", t_string!(i18n, alarms.days_30)),
            Choice::new("90", t_string!(i18n, analysis.days_90)),
        ]
    });
    let areas = Signal::derive(move || {
        let all = Choice::new("", t_string!(i18n, analysis.all_areas));
        let areas = app.plant.with(|plant| {
            let areas = plant.as_ref().map(|plant| plant.register.plant.areas.as_slice()).unwrap_or_default();
            areas.iter().map(|area| Choice::new(area.id.to_string(), area.name.clone())).collect::<Vec<_>>()
        });
        std::iter::once(all).chain(areas).collect::<Vec<_>>()
    });
    let edition = Memo::new(move |_| app.edition());
    let body = move || {
        // Names and words are those of the register and the language then.
        edition.track();
        match found.get() {
            None => view! { <Loading/> }.into_any(),
            Some(Err(why)) => view! {
                <Empty why=why>
                    <button on:click=move |_| again.update(|again| *again += 1)>{t!(i18n, analysis.again)}</button>
                </Empty>
            }
            .into_any(),
            Some(Ok(told)) if told.figures.offenders.is_empty() => {
                let why = Signal::derive(move || t_string!(i18n, analysis.none).to_owned());
                let next = Signal::derive(move || t_string!(i18n, analysis.none_next).to_owned());
                view! { <Empty why=why next=next/> }.into_any()
            }
            Some(Ok(told)) => view! { <Body told=told on_rule=on_rule chosen=chosen/> }.into_any(),
        }
    };
    view! {
        <div class="table full-height">
            <div class="toolbar wraps">
                <Segmented
                    label=Signal::derive(move || t_string!(i18n, alarms.range).to_owned())
                    value=days
                    choices=ranges
                    on_choose=Callback::new(move |value| days.set(value))
                />
                <Select
                    id="analysis-area"
                    label=Signal::derive(move || t_string!(i18n, analysis.area).to_owned())
                    value=area
                    choices=areas
                />
                <PriorityChoice priorities=priorities/>
                <PositionChoice position=position/>
            </div>
            <div class="analysis" data-testid="analysis">
                <Live/>
                {body}
                <Suppressions/>
                <BaselinePanel/>
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn Body(told: Arc<Told>, on_rule: Callback<RuleId>, chosen: RwSignal<Option<RuleId>>) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let locale = i18n.get_locale_untracked();
    let (from, is_indicative) = (told.figures.from, told.figures.indicative);
    let begins_later = (from > told.from).then(|| {
        let at = app.zone.with_untracked(|zone| zone.full(from, locale));
        let text = t_string!(i18n, analysis.begins_later, at = at);
        view! { <Notice text=text/> }
    });
    let indicative = is_indicative.then(|| {
        let text = Signal::derive(move || t_string!(i18n, analysis.indicative).to_owned());
        view! { <Notice text=text/> }
    });
    view! {
        {begins_later}
        {indicative}
        <Figures told=Arc::clone(&told)/>
        <div class="analysis-side">
            <Load told=Arc::clone(&told)/>
            <Floods told=Arc::clone(&told)/>
        </div>
        <Queue told=told on_rule=on_rule chosen=chosen/>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_priorities_are_no_choice() {
        assert_eq!(wanted([true; 4]), []);
        assert_eq!(wanted([true, false, false, true]), [Priority::P1, Priority::P4]);
    }
}
