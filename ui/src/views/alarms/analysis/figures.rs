//! The figures as a calm table: each with its target and what comes of the two, as a shape and a word.

use std::sync::Arc;

use leptos::prelude::*;
use penstock_api::{Bound, Figure, FigureKind, FigureUnit, LoadClass, Verdict};

use super::Told;
use crate::components::{Glyph, Icon, Panel};
use crate::format;
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::words;

#[component]
pub(super) fn Figures(told: Arc<Told>) -> impl IntoView {
    let i18n = use_i18n();
    let locale = i18n.get_locale_untracked();
    let figures = &told.figures;
    let single = figures.figures.iter().map(|(kind, figure)| row(word(*kind, locale).to_owned(), figure, locale));
    let shares = figures.priorities.iter().map(|of| {
        let name = td_string!(locale, analysis.share_of, priority = words::priority(of.priority, locale));
        row(name, &of.share, locale)
    });
    let rows = single.chain(shares).collect_view();
    let load = load_word(figures.load, locale);
    let waits = figures.time_to_acknowledge.map(|time| {
        t_string!(
            i18n,
            analysis.time_to_acknowledge,
            n = format::count(u64::from(time.count), locale),
            median = format::age(time.median, locale),
            ninetieth = format::age(time.ninetieth, locale)
        )
    });
    view! {
        <Panel
            title=Signal::derive(move || t_string!(i18n, analysis.figures).to_owned())
            aside=ViewFn::from(move || {
                view! { <span data-testid="analysis-class">{t!(i18n, analysis.class, load = load)}</span> }
            })
        >
            <table class="data analysis-figures" data-testid="analysis-figures">
                <thead><tr>
                    <th>{t!(i18n, analysis.figure)}</th>
                    <th class="end">{t!(i18n, analysis.value)}</th>
                    <th class="end">{t!(i18n, analysis.target)}</th>
                    <th class="end">{t!(i18n, analysis.up_to)}</th>
                    <th>{t!(i18n, analysis.verdict)}</th>
                </tr></thead>
                <tbody>{rows}</tbody>
            </table>
            {waits.map(|waits| view! { <p class="panel-calm">{waits}</p> })}
        </Panel>
    }
    .into_any()
}

fn row(name: String, figure: &Figure, locale: Locale) -> AnyView {
    let unit = figure.unit;
    let bound = |bound: Option<Bound>| bound.map(|bound| bound_text(bound, unit, locale)).unwrap_or_default();
    let target = bound(figure.target.map(|target| target.met));
    let up_to = bound(figure.target.and_then(|target| target.manageable));
    view! {
        <tr>
            <td>{name}</td>
            <td class="end"><b>{value_text(figure.value, unit, locale)}</b></td>
            <td class="end">{target}</td>
            <td class="end">{up_to}</td>
            <td class="state">{figure.verdict.map(|verdict| verdict_mark(verdict, locale))}</td>
        </tr>
    }
    .into_any()
}

fn verdict_mark(verdict: Verdict, locale: Locale) -> AnyView {
    match verdict {
        Verdict::Met => view! {
            <span class="verdict"><Icon glyph=Glyph::Check size=14/> {td_string!(locale, analysis.met)}</span>
        }
        .into_any(),
        Verdict::Manageable => view! {
            <span class="verdict"><Icon glyph=Glyph::Dot size=14/> {td_string!(locale, analysis.manageable)}</span>
        }
        .into_any(),
        Verdict::NotMet => view! {
            <b class="verdict not-met">
                <span class="bang" aria-hidden="true">"!"</span>
                {td_string!(locale, analysis.not_met)}
            </b>
        }
        .into_any(),
    }
}

/// A figure as it is read: whole counts whole, shares as a percentage.
fn value_text(value: f64, unit: FigureUnit, locale: Locale) -> String {
    match unit {
        FigureUnit::Share => share_text(value, locale),
        FigureUnit::Count if value.fract() == 0.0 => format::number(value, 0, locale),
        FigureUnit::Count => format::number(value, if value < 10.0 { 2 } else { 1 }, locale),
    }
}

/// A share, finer where the targets are near.
pub(super) fn share_text(share: f64, locale: Locale) -> String {
    let percent = (share * 1e6).round() / 1e4;
    let decimals = match percent {
        whole if whole.fract() == 0.0 => 0,
        small if small < 2.0 => 2,
        _ => 1,
    };
    format!("{}\u{a0}%", format::number(percent, decimals, locale))
}

fn bound_text(bound: Bound, unit: FigureUnit, locale: Locale) -> String {
    let (sign, value) = match bound {
        Bound::Below(value) => ("<", value),
        Bound::AtMost(value) => ("≤", value),
        Bound::AtLeast(value) => ("≥", value),
    };
    format!("{sign}\u{a0}{}", value_text(value, unit, locale))
}

fn load_word(load: LoadClass, locale: Locale) -> &'static str {
    match load {
        LoadClass::Acceptable => td_string!(locale, analysis.acceptable),
        LoadClass::Manageable => td_string!(locale, analysis.manageable),
        LoadClass::OverDemanding => td_string!(locale, analysis.over_demanding),
        LoadClass::Unacceptable => td_string!(locale, analysis.unacceptable),
    }
}

fn word(kind: FigureKind, locale: Locale) -> &'static str {
    match kind {
        FigureKind::PerDay => td_string!(locale, analysis.per_day),
        FigureKind::MostInDay => td_string!(locale, analysis.most_in_day),
        FigureKind::PerHour => td_string!(locale, analysis.per_hour),
        FigureKind::MostInHour => td_string!(locale, analysis.most_in_hour),
        FigureKind::PerTenMinutes => td_string!(locale, analysis.per_ten_minutes),
        FigureKind::MostInTenMinutes => td_string!(locale, analysis.most_in_ten_minutes),
        FigureKind::MostInMinute => td_string!(locale, analysis.most_in_minute),
        FigureKind::BusyTenMinutes => td_string!(locale, analysis.busy_ten_minutes),
        FigureKind::BusyHours => td_string!(locale, analysis.busy_hours),
        FigureKind::InFlood => td_string!(locale, analysis.in_flood),
        FigureKind::TopTen => td_string!(locale, analysis.top_ten),
        FigureKind::Chattering => td_string!(locale, analysis.chattering_raises),
        FigureKind::Fleeting => td_string!(locale, analysis.fleeting_raises),
        FigureKind::Stale => td_string!(locale, analysis.stale_a_day),
        FigureKind::Standing => td_string!(locale, analysis.most_standing),
        FigureKind::Shelved => td_string!(locale, analysis.most_shelved),
        FigureKind::Suppressed => td_string!(locale, analysis.most_suppressed),
        FigureKind::OutOfService => td_string!(locale, analysis.most_out_of_service),
        FigureKind::Unauthorised => td_string!(locale, analysis.unauthorised),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_as_fine_as_their_targets() {
        let check = |value: f64, unit: FigureUnit, text: &str| {
            assert_eq!(value_text(value, unit, Locale::en).replace('\u{a0}', " "), text, "{value}");
        };
        check(12.0, FigureUnit::Count, "12");
        check(0.083_33, FigureUnit::Count, "0.08");
        check(1_234.56, FigureUnit::Count, "1,234.6");
        check(0.0, FigureUnit::Share, "0 %");
        check(0.009_96, FigureUnit::Share, "1.00 %");
        check(0.003_01, FigureUnit::Share, "0.30 %");
        check(0.796, FigureUnit::Share, "79.6 %");
        check(0.15, FigureUnit::Share, "15 %");
    }

    #[test]
    fn bounds_say_which_side_they_are_on() {
        let check = |bound: Bound, unit: FigureUnit, text: &str| {
            assert_eq!(bound_text(bound, unit, Locale::en).replace('\u{a0}', " "), text);
        };
        check(Bound::Below(0.01), FigureUnit::Share, "< 1 %");
        check(Bound::AtMost(150.0), FigureUnit::Count, "≤ 150");
        check(Bound::AtLeast(0.8), FigureUnit::Share, "≥ 80 %");
    }
}
