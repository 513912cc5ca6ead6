//! Floods on the page: the list as a person has it folded, the handle that folds a group, the switch for folding, the
//! flood that goes on, and in an alarm's detail what it belongs together with and why.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use leptos::prelude::*;
use penstock_model::{FloodId, GroupCause, RuleId};

use super::causes;
use super::fold::{Fold, Folding, Held, Laid, Place, Rows, Turn, lay, next_held};
use crate::components::{Fact, Facts, Glyph, Icon};
use crate::format;
use crate::i18n::{t, t_string, use_i18n};
use crate::page::{self, Store};
use crate::state::use_app;

/// Where it is kept on this machine that a person wants nothing folded.
const FOLDING_KEY: &str = "penstock.folding";
const OFF: &str = "off";

/// The list as a person has it folded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folds {
    laid: Memo<Laid>,
    is_on: RwSignal<bool>,
    open: RwSignal<BTreeSet<FloodId>>,
    chosen: RwSignal<Option<RuleId>>,
    ticks: RwSignal<BTreeMap<RuleId, u64>>,
}

impl Folds {
    /// Of what is `shown`, which `is_narrow` where somebody looks for something in particular. While the order `is_held`
    /// nothing goes from under the hand, but newcomers that were `taken` in; what is `chosen` is never folded away.
    pub(super) fn new(
        shown: Signal<Rows>,
        is_narrow: Signal<bool>,
        is_held: Signal<bool>,
        taken: RwSignal<u32>,
        chosen: RwSignal<Option<RuleId>>,
        ticks: RwSignal<BTreeMap<RuleId, u64>>,
    ) -> Self {
        let app = use_app();
        let is_on = RwSignal::new(page::kept(Store::Machine, FOLDING_KEY).as_deref() != Some(OFF));
        let open = RwSignal::new(BTreeSet::new());
        let held: Memo<Held> = Memo::new(move |former: Option<&Held>| {
            app.floods.groups.with(|groups| next_held(former, groups, is_held.get(), taken.get()))
        });
        let laid = Memo::new(move |_| {
            let groups = held.with(|held| Arc::clone(&held.groups));
            let folding = Folding { is_on: is_on.get(), open: open.get() };
            shown.with(|shown| lay(shown, &groups, &folding, is_narrow.get()))
        });
        // A link, or the next by rank, may lead under a fold.
        Effect::new(move || {
            let Some(rule) = chosen.get() else { return };
            if let Some(group) = laid.with(|laid| laid.folded_in(rule)) {
                open.update(|open| {
                    open.insert(group);
                });
            }
        });
        Self { laid, is_on, open, chosen, ticks }
    }

    /// The rows that are drawn.
    pub(super) fn rows(self) -> Signal<Rows> {
        Signal::derive(move || self.laid.with(|laid| Arc::clone(&laid.rows)))
    }

    /// How an alarm lies.
    pub(super) fn place(self, rule: RuleId) -> Memo<Place> {
        Memo::new(move |_| self.laid.with(|laid| laid.place(rule)))
    }

    /// Unfolds a group, or folds it.
    pub(super) fn toggle(self, group: FloodId) {
        if !self.open.with_untracked(|open| open.contains(&group)) {
            self.open.update(|open| {
                open.insert(group);
            });
            return;
        }
        // Neither the cursor nor a tick goes under the fold.
        let head_of = |rule: RuleId| self.laid.with_untracked(|laid| laid.head_in(rule, group));
        if let Some(head) = self.chosen.get_untracked().and_then(head_of) {
            self.chosen.set(Some(head));
        }
        let mut ticks = self.ticks.get_untracked();
        ticks.retain(|rule, _| head_of(*rule).is_none());
        self.ticks.set(ticks);
        self.open.update(|open| {
            open.remove(&group);
        });
    }

    /// Does what `key` does to the tree where the cursor is; whether that is anything.
    pub(super) fn turn(self, key: &str) -> bool {
        let turn = |rule: RuleId| self.laid.with_untracked(|laid| laid.turn(key, rule));
        match self.chosen.get_untracked().and_then(turn) {
            Some(Turn::Open(group) | Turn::Close(group)) => self.toggle(group),
            Some(Turn::To(rule)) => self.chosen.set(Some(rule)),
            None => return false,
        }
        true
    }
}

/// Switches folding on and off.
#[component]
pub(super) fn FoldingSwitch(folds: Folds) -> impl IntoView {
    let i18n = use_i18n();
    let is_on = folds.is_on;
    let switch = move |_| {
        let is_on_now = !is_on.get_untracked();
        page::keep(Store::Machine, FOLDING_KEY, (!is_on_now).then_some(OFF));
        is_on.set(is_on_now);
    };
    view! {
        <button
            data-testid="folding"
            aria-pressed=move || is_on.get().to_string()
            title=move || t_string!(i18n, floods.folding_tip)
            on:click=switch
        >
            {t!(i18n, floods.folding)}
        </button>
    }
    .into_any()
}

/// The flood that goes on; nothing while there is none.
#[component]
pub(super) fn FloodingNow() -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    move || {
        let flood = app.floods.flooding.get()?;
        let at = app.zone.with(|zone| zone.minute(flood.first_at));
        let text = t_string!(i18n, floods.flooding, at = at, n = flood.calls, most = flood.most);
        Some(view! { <b class="flooding-now" role="status" data-testid="flooding">{text}</b> })
    }
}

/// The handle of a group on the row of its cause: how many lie in it, and how many of them nobody has acknowledged.
#[component]
pub(super) fn FoldHandle(fold: Fold, on_fold: Callback<FloodId>) -> impl IntoView {
    let i18n = use_i18n();
    let (glyph, label) = match fold.is_open {
        true => (Glyph::Down, t_string!(i18n, floods.fold, n = fold.children)),
        false => {
            let label = t_string!(i18n, floods.unfold, n = fold.children, unacknowledged = fold.unacknowledged);
            (Glyph::Right, label)
        }
    };
    let more = t_string!(i18n, floods.more_n, n = fold.children);
    let unacknowledged =
        (fold.unacknowledged > 0).then(|| t_string!(i18n, floods.unacknowledged_n, n = fold.unacknowledged));
    view! {
        <button
            class="fold-handle"
            tabindex="-1"
            aria-label=label.clone()
            title=label
            data-testid="fold-handle"
            data-children=fold.children.to_string()
            on:click=move |event| {
                event.stop_propagation();
                on_fold.run(fold.id);
            }
        >
            <Icon glyph=glyph size=14/> " " {more} {unacknowledged.map(|text| format!(" · {text}"))}
        </button>
    }
    .into_any()
}

/// The cause that an alarm's group is put under, in words; nothing where it is in none.
pub(super) fn cause_of(rule: RuleId) -> impl Fn() -> Option<String> + Copy + Send + Sync + 'static {
    let app = use_app();
    move || {
        let group = app.floods.groups.with(|groups| groups.of(rule).cloned())?;
        let plant = app.plant.get()?;
        group.causes.first().map(|cause| causes::title(cause, &plant, app.locale()))
    }
}

/// In the detail of an alarm: the group that it belongs to, what may have begun that, and why it is thought.
#[component]
pub(super) fn Together(rule: RuleId) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let group = Memo::new(move |_| app.floods.groups.with(|groups| groups.of(rule).cloned()));
    move || {
        let (group, plant, locale) = (group.get()?, app.plant.get()?, i18n.get_locale());
        let (first, others) = group.causes.split_first()?;
        let lines = |lines: Vec<String>| lines.into_iter().map(|line| view! { <div>{line}</div> }).collect::<Vec<_>>();
        let other = |cause: &GroupCause| {
            let percent = format::number(cause.score * 100.0, 0, locale);
            t_string!(i18n, floods.score_of, cause = causes::title(cause, &plant, locale), percent = percent)
        };
        let (listed, count) = (group.members.len(), group.alarms);
        let now = app.now.get_untracked();
        let (at, until) =
            app.zone.with(|zone| (zone.moment(group.began_at, now, locale), zone.moment(group.newest_at, now, locale)));
        let alarms = match group.ended_at {
            None => t_string!(i18n, floods.alarms_since, n = count, at = at, listed = listed),
            Some(_) => t_string!(i18n, floods.alarms_until, n = count, at = at, until = until, listed = listed),
        };
        let role =
            group.members.iter().find(|member| member.rule == rule).map(|member| causes::role(member.role, locale));
        let mut facts = vec![
            Fact::new(t_string!(i18n, floods.cause), causes::title(first, &plant, locale)),
            Fact::new(t_string!(i18n, floods.why), lines(causes::reasons(first, &plant, locale))),
            Fact::new(t_string!(i18n, floods.alarms), alarms),
        ];
        facts.extend(role.map(|role| Fact::new(t_string!(i18n, floods.this_alarm), role)));
        if !others.is_empty() {
            facts.push(Fact::new(t_string!(i18n, floods.also_possible), lines(others.iter().map(other).collect())));
        }
        Some(view! {
            <div class="drawer-section" data-testid="together">
                <h3>{t!(i18n, floods.together)}</h3>
                <Facts facts=facts/>
            </div>
        })
    }
}
