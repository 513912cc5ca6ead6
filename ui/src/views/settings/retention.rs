//! How long what is measured is kept: what is in force, and a drawer that changes it. Shortening asks twice, as it takes
//! away for good.

use std::collections::BTreeMap;

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{RetentionForm, SaveRetention};
use penstock_model::Quantity;

use super::drawer::{FormDrawer, RowWithBin};
use crate::components::{Choice, Fact, Facts, Glyph, Icon, Notice, Select, TextField};
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::use_app;
use crate::{format, words};

/// As many days at most.
const MOST_DAYS: u32 = 36_600;
/// As many years at most.
const MOST_YEARS: u32 = 100;
/// Days of a year, as the station counts them when it holds samples against roll-ups.
const YEAR_DAYS: u32 = 366;

/// What is wrong with what was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// Days are not such a number.
    Days,
    /// Years are not such a number.
    Years,
    /// A quantity stands there twice.
    Twice(Quantity),
    /// Roll-ups would go before samples.
    RollUps,
}

fn wrong_text(wrong: Wrong, locale: Locale) -> String {
    match wrong {
        Wrong::Days => td_string!(locale, settings.days_rule).to_owned(),
        Wrong::Years => td_string!(locale, settings.years_rule).to_owned(),
        Wrong::Twice(quantity) => td_string!(locale, settings.twice_rule, what = words::quantity(quantity, locale)),
        Wrong::RollUps => td_string!(locale, settings.roll_ups_rule).to_owned(),
    }
}

/// A whole number from 1 to `most`.
fn whole(text: &str, most: u32) -> Option<u32> {
    text.trim().parse().ok().filter(|number| (1..=most).contains(number))
}

/// What was typed as a form: days, years, and days by quantity, each as its name and a number.
fn read(days: &str, years: &str, days_of: &[(String, String)]) -> Result<RetentionForm, Wrong> {
    let samples_days = whole(days, MOST_DAYS).ok_or(Wrong::Days)?;
    let roll_ups_years = whole(years, MOST_YEARS).ok_or(Wrong::Years)?;
    let mut samples_days_of = BTreeMap::new();
    for (quantity, days) in days_of {
        let quantity: Quantity = quantity.parse().map_err(|_unknown| Wrong::Days)?;
        if samples_days_of.insert(quantity, whole(days, MOST_DAYS).ok_or(Wrong::Days)?).is_some() {
            return Err(Wrong::Twice(quantity));
        }
    }
    let longest = samples_days_of.values().copied().fold(samples_days, u32::max);
    if longest > roll_ups_years * YEAR_DAYS {
        return Err(Wrong::RollUps);
    }
    Ok(RetentionForm { samples_days, samples_days_of, roll_ups_years })
}

/// Whether `new` takes away something that `old` keeps.
fn is_shorter(old: &RetentionForm, new: &RetentionForm) -> bool {
    new.roll_ups_years < old.roll_ups_years
        || Quantity::ALL.into_iter().any(|quantity| new.days_of(quantity) < old.days_of(quantity))
}

/// What is in force.
pub(super) fn facts(retention: &RetentionForm, locale: Locale) -> AnyView {
    let days = |days: u32| td_string!(locale, settings.days_n, n = format::count(u64::from(days), locale));
    let mut facts = vec![Fact::new(td_string!(locale, settings.samples_kept), days(retention.samples_days))];
    for (quantity, kept) in &retention.samples_days_of {
        let name = td_string!(locale, settings.samples_kept_of, what = words::quantity(*quantity, locale));
        facts.push(Fact::new(name, days(*kept)));
    }
    let years = format::count(u64::from(retention.roll_ups_years), locale);
    facts.push(Fact::new(td_string!(locale, settings.roll_ups_kept), td_string!(locale, settings.years_n, n = years)));
    view! { <Facts facts=facts class="panel-facts"/> }.into_any()
}

/// A quantity that is kept for another time.
#[derive(Clone, Copy)]
struct Row {
    quantity: RwSignal<String>,
    days: RwSignal<String>,
}

impl Row {
    fn of(quantity: Quantity, days: u32) -> Self {
        Self { quantity: RwSignal::new(quantity.name().to_owned()), days: RwSignal::new(days.to_string()) }
    }
}

#[component]
pub(super) fn RetentionDrawer(
    retention: RetentionForm,
    /// Whether samples go into an archive before they are taken away.
    has_archive: bool,
    /// Told whether anything was changed.
    on_close: Callback<bool>,
) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let days = RwSignal::new(retention.samples_days.to_string());
    let years = RwSignal::new(retention.roll_ups_years.to_string());
    let rows = RwSignal::new(
        retention.samples_days_of.iter().map(|(quantity, days)| Row::of(*quantity, *days)).collect::<Vec<_>>(),
    );
    let former = StoredValue::new(retention);
    let (fault, is_busy) = (RwSignal::new(None::<String>), RwSignal::new(false));
    // What was asked about once: only that goes the second time.
    let asked = RwSignal::new(None::<RetentionForm>);
    let form = Memo::new(move |_| {
        let days_of: Vec<(String, String)> =
            rows.with(|rows| rows.iter().map(|row| (row.quantity.get(), row.days.get())).collect());
        days.with(|days| years.with(|years| read(days, years, &days_of)))
    });
    let is_asked = Memo::new(move |_| {
        form.with(|form| asked.with(|asked| asked.is_some() && form.as_ref().ok() == asked.as_ref()))
    });
    let submit = Callback::new(move |()| {
        if is_busy.get_untracked() {
            return;
        }
        let retention = match form.get_untracked() {
            Ok(retention) => retention,
            Err(wrong) => return fault.set(Some(wrong_text(wrong, i18n.get_locale_untracked()))),
        };
        fault.set(None);
        if former.with_value(|former| is_shorter(former, &retention)) && !is_asked.get_untracked() {
            return asked.set(Some(retention));
        }
        is_busy.set(true);
        spawn_local(async move {
            match app.call(SaveRetention { retention }).await {
                Ok(_) => on_close.run(true),
                Err(error) => {
                    fault.try_set(Some(error.message));
                    is_busy.try_set(false);
                }
            }
        });
    });
    let word = move |get: fn(Locale) -> &'static str| Signal::derive(move || get(i18n.get_locale()).to_owned());
    let quantities = Signal::derive(move || {
        let locale = i18n.get_locale();
        Quantity::ALL.map(|quantity| Choice::new(quantity.name(), words::quantity(quantity, locale))).to_vec()
    });
    let row_views = move || {
        let rows_now = rows.get().into_iter().enumerate().map(|(at, row)| {
            view! {
                <RowWithBin
                    class="retention-row"
                    label=word(|l| td_string!(l, settings.remove_quantity))
                    on_remove=Callback::new(move |()| rows.update(|rows| {
                        rows.remove(at);
                    }))
                >
                    <Select
                        id="retention-quantity"
                        is_labelled=true
                        label=word(|l| td_string!(l, settings.quantity))
                        value=row.quantity
                        choices=quantities
                    />
                    <TextField id="retention-days-of" label=word(|l| td_string!(l, settings.days)) value=row.days/>
                </RowWithBin>
            }
        });
        rows_now.collect_view()
    };
    let add_row = move |_| {
        let taken = rows.with_untracked(|rows| rows.iter().map(|row| row.quantity.get_untracked()).collect::<Vec<_>>());
        let free = Quantity::ALL.into_iter().find(|quantity| taken.iter().all(|name| name != quantity.name()));
        if let Some(quantity) = free {
            let days = whole(&days.get_untracked(), MOST_DAYS).unwrap_or(1);
            rows.update(|rows| rows.push(Row::of(quantity, days)));
        }
    };
    let warning = Signal::derive(move || {
        let text = if has_archive {
            t_string!(i18n, settings.shorter_archived)
        } else {
            t_string!(i18n, settings.shorter_gone)
        };
        text.to_owned()
    });
    let actions = view! {
        <button type="submit" class="accent" data-testid="save-retention" disabled=move || is_busy.get()>
            {move || if is_asked.get() { t_string!(i18n, settings.shorten_really) } else { t_string!(i18n, words.save) }}
        </button>
    }
    .into_any();
    view! {
        <FormDrawer
            title=word(|l| td_string!(l, settings.kept))
            testid="retention-form"
            on_submit=submit
            on_close=on_close
            fault=fault
            actions=actions
        >
            <p class="quiet">{t!(i18n, settings.kept_note)}</p>
            <TextField
                id="retention-days"
                label=word(|l| td_string!(l, settings.samples_kept))
                hint=word(|l| td_string!(l, settings.days_hint))
                value=days
            />
            <h3>{t!(i18n, settings.days_by_quantity)}</h3>
            {row_views}
            <button type="button" data-testid="add-retention" on:click=add_row>
                <Icon glyph=Glyph::Plus/> {t!(i18n, settings.add_quantity)}
            </button>
            <TextField
                id="retention-years"
                label=word(|l| td_string!(l, settings.roll_ups_kept))
                hint=word(|l| td_string!(l, settings.years_hint))
                value=years
            />
            {move || is_asked.get().then(|| view! { <Notice text=warning/> })}
        </FormDrawer>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(days: u32, days_of: &[(Quantity, u32)], years: u32) -> RetentionForm {
        RetentionForm { samples_days: days, samples_days_of: days_of.iter().copied().collect(), roll_ups_years: years }
    }

    #[test]
    fn what_is_typed_becomes_a_form_or_is_refused() {
        let check = |days: &str, years: &str, of: &[(&str, &str)], expect: Result<RetentionForm, Wrong>| {
            let of: Vec<(String, String)> = of.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            assert_eq!(read(days, years, &of), expect, "{days} {years} {of:?}");
        };
        check(" 90 ", "10", &[], Ok(form(90, &[], 10)));
        check("90", "10", &[("pressure", "365")], Ok(form(90, &[(Quantity::Pressure, 365)], 10)));
        check("0", "10", &[], Err(Wrong::Days));
        check("ninety", "10", &[], Err(Wrong::Days));
        check("36601", "10", &[], Err(Wrong::Days));
        check("90", "101", &[], Err(Wrong::Years));
        check("90", "10", &[("flow", "")], Err(Wrong::Days));
        check("90", "10", &[("flow", "5"), ("flow", "6")], Err(Wrong::Twice(Quantity::Flow)));
        check("367", "1", &[], Err(Wrong::RollUps));
        check("90", "1", &[("flow", "400")], Err(Wrong::RollUps));
    }

    #[test]
    fn shorter_is_what_takes_something_away() {
        let old = form(90, &[(Quantity::Pressure, 365)], 10);
        let check = |new: RetentionForm, expect: bool| assert_eq!(is_shorter(&old, &new), expect, "{new:?}");
        check(old.clone(), false);
        check(form(91, &[(Quantity::Pressure, 365)], 10), false);
        check(form(89, &[(Quantity::Pressure, 365)], 10), true);
        check(form(90, &[(Quantity::Pressure, 364)], 10), true);
        check(form(90, &[], 10), true);
        check(form(400, &[], 10), false);
        check(form(90, &[(Quantity::Pressure, 365), (Quantity::Power, 30)], 10), true);
        check(form(90, &[(Quantity::Pressure, 365)], 9), true);
    }
}
