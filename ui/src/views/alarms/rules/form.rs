//! One alarm rule in the drawer: every line of it, and for those who may, every field.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use penstock_api::{GetAlarmGuidance, GetScopeGuidance, RemoveRules, RuleRow, SaveRules};
use penstock_model::{AlarmRule, Permission, PointId, Quantity, ResolvedAdvice, RuleId, Scope, Sourced, Subject, Unit};

use super::entry::{ACKNOWLEDGEMENTS, CLASSES, Entry, Fault, KINDS, LEVELS, SEVERITIES, SIDES, Wrong, YES};
use super::facts::{choice_word, kind_word, lines, point_name, unit_of};
use super::fields::{Fields, Pick, find_points, find_subjects, group_rows, subject_name, tick_box, window_rows};
use super::filter::title;
use super::inheriting::{Inheriting, inherited, minutes};
use super::trial::TrialOf;
use super::versions::Versions;
use crate::components::{Badge, BadgeFill, Choice, Drawer, Fact, Facts, Notice, Select, TextField};
use crate::format;
use crate::i18n::{Locale, t, t_string, td_string, use_i18n};
use crate::state::{App, Overlay, PlantView, use_app};
use crate::views::alarms::asking::{Asking, Say};
use crate::words;

pub(super) fn wrong_text(wrong: Wrong, locale: Locale) -> &'static str {
    match wrong {
        Wrong::Missing => td_string!(locale, points.wrong_missing),
        Wrong::NoNumber => td_string!(locale, points.wrong_number),
        Wrong::NoWhole => td_string!(locale, rules.wrong_whole),
        Wrong::NoTime => td_string!(locale, rules.wrong_time),
        Wrong::NoCount => td_string!(locale, rules.wrong_count),
        Wrong::NoWindow => td_string!(locale, rules.wrong_window),
    }
}

/// What a save came to, said above the form that is made anew after it.
pub(super) type Said = RwSignal<Option<String>>;

#[component]
pub(super) fn RuleDrawer(
    row: RuleRow,
    /// Whether it is there already.
    is_stored: bool,
    said: Said,
    on_saved: Callback<()>,
    on_close: Callback<()>,
) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let plant = app.plant.get_untracked();
    let may_edit = app.may(Permission::SetLimits);
    let locale = i18n.get_locale_untracked();
    let called = match (&plant, is_stored) {
        (Some(plant), true) => title(&row.rule, plant, locale),
        _ => t_string!(i18n, rules.new_rule).to_owned(),
    };
    let place = plant.as_ref().filter(|_| is_stored).map(|plant| {
        let tag = words::tag(row.rule.subject, plant).to_owned();
        let parts = [plant.place_of_subject(row.rule.subject).to_owned(), tag];
        parts.into_iter().filter(|part| !part.is_empty() && part != format::NO_VALUE).collect::<Vec<_>>().join(" · ")
    });
    let version = is_stored.then(|| t_string!(i18n, rules.version_n, n = row.rule.version));
    let (id, priority) = (row.rule.id, row.rule.priority);
    let fill = if row.rule.enabled { BadgeFill::Outlined } else { BadgeFill::Dashed };
    let body = match (may_edit, plant) {
        (true, Some(plant)) => {
            view! { <Form row=row plant=plant is_stored=is_stored on_saved=on_saved said=said/> }.into_any()
        }
        (false, Some(plant)) => view! { <Known rule=row.rule plant=plant/> }.into_any(),
        (_, None) => ().into_any(),
    };
    let head = view! {
        <Badge priority=priority fill=fill size=28/>
        <div>
            <h2 data-testid="rule-title">{called}</h2>
            <p>{place} {version.map(|version| view! { " · " <span data-testid="rule-version">{version}</span> })}</p>
        </div>
    }
    .into_any();
    let label = Signal::derive(move || t_string!(i18n, rules.detail).to_owned());
    view! {
        <Drawer class="wide" label=label testid="rule-detail" head=head back_to=".rule-list" on_close=on_close>
            {move || said.get().map(|text| view! {
                <div class="drawer-section first" data-testid="rule-saved"><Notice text=text/></div>
            })}
            {body}
            {is_stored.then(|| view! { <Versions rule=id/> })}
        </Drawer>
    }
    .into_any()
}

/// What a person may see who may not change it.
#[component]
fn Known(rule: AlarmRule, plant: Arc<PlantView>) -> impl IntoView {
    let i18n = use_i18n();
    let facts = move || {
        let lines = lines(&rule, &plant, i18n.get_locale()).into_iter();
        let told = lines.filter(|line| !line.text.trim().is_empty());
        let facts: Vec<Fact> = told.map(|line| Fact::new(line.name, line.text)).collect();
        view! { <Facts facts=facts/> }
    };
    view! { <div class="drawer-section">{facts}</div> }.into_any()
}

/// The unit that a rule's values are typed in.
pub(super) fn unit_of_subject(subject: Option<Subject>, plant: &PlantView) -> Unit {
    match subject {
        Some(Subject::Point(point)) => unit_of(Some(plant), point),
        Some(Subject::Site(_) | Subject::Asset(_)) | None => Quantity::Plain.display_unit(),
    }
}

/// A choice of names, with nothing before them where that is one too.
fn choices<T: Copy>(list: &'static [(T, &'static str)], none: Option<String>, locale: Locale) -> Vec<Choice> {
    let names = list.iter().map(|(_, name)| Choice::new(*name, choice_word(name, locale)));
    none.map(|none| Choice::new("", none)).into_iter().chain(names).collect()
}

#[component]
fn Form(row: RuleRow, plant: Arc<PlantView>, is_stored: bool, on_saved: Callback<()>, said: Said) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let RuleRow { rule, follows } = row;
    let (id, is_edited) = (rule.id, rule.edited);
    let called = title(&rule, &plant, i18n.get_locale_untracked());
    let units = |point: PointId| unit_of(Some(&plant), point);
    let subject = is_stored.then_some(rule.subject);
    let entry = Entry { subject, ..Entry::of(&rule, unit_of_subject(subject, &plant), &units) };
    let fields = Fields::of(entry);
    let about = subject_name(rule.subject, &plant);
    let former = StoredValue::new(rule);
    let plant = StoredValue::new(plant);
    let faults = RwSignal::new(Vec::<Fault>::new());
    let reason = RwSignal::new(String::new());
    let (trouble, is_busy) = (RwSignal::new(None::<String>), RwSignal::new(false));

    let word = move |get: fn(Locale) -> &'static str| Signal::derive(move || get(i18n.get_locale()).to_owned());
    let fault = move |field: &'static str| {
        Signal::derive(move || {
            let locale = i18n.get_locale();
            faults.with(|faults| {
                faults.iter().find(|(own, _)| *own == field).map(|(_, wrong)| wrong_text(*wrong, locale).to_owned())
            })
        })
    };
    let fault_below = move |field: &'static str| {
        let fault = fault(field);
        move || fault.get().map(|fault| view! { <span class="field-fault">"! " {fault}</span> })
    };
    let unit = move || {
        let subject = fields.subject.get();
        app.plant.with(|plant| {
            let plant = plant.as_ref()?;
            match subject? {
                Subject::Point(point) => Some(format::unit(plant.point(point)?.quantity)),
                Subject::Site(_) | Subject::Asset(_) => None,
            }
        })
    };
    // A label with the unit behind it.
    let in_unit = move |get: fn(Locale) -> &'static str| {
        Signal::derive(move || match unit().unwrap_or_default() {
            "" => get(i18n.get_locale()).to_owned(),
            unit => format!("{} · {unit}", get(i18n.get_locale())),
        })
    };
    let text = move |id: &'static str, field: &'static str, label: Signal<String>| {
        view! { <TextField id=id label=label value=fields.text(field) fault=fault(field)/> }
    };
    let of_list = move |list: Signal<Vec<Choice>>, id: &'static str, field: &'static str, label: Signal<String>| {
        view! { <Select id=id is_labelled=true label=label value=fields.text(field) choices=list/> }
    };

    let send = move |changed: AlarmRule, reason: String| {
        is_busy.set(true);
        trouble.set(None);
        said.set(None);
        spawn_local(async move {
            match app.call(SaveRules { rules: vec![changed], reason }).await {
                Ok(report) if report.faults.is_empty() => {
                    let hints = report.hints.into_iter().map(|hint| format!("{}: {}", hint.field, hint.message));
                    let locale = app.i18n.get_locale_untracked();
                    let saved = td_string!(locale, points.saved).to_owned();
                    let all: Vec<String> = std::iter::once(saved).chain(hints).collect();
                    said.try_set(Some(all.join(" ")));
                    on_saved.run(());
                    app.fetch_register().await;
                }
                Ok(report) => {
                    let all = report.faults.iter().map(|fault| format!("{}: {}", fault.field, fault.message));
                    trouble.try_set(Some(all.collect::<Vec<_>>().join("; ")));
                }
                Err(error) => {
                    trouble.try_set(Some(error.message));
                }
            }
            is_busy.try_set(false);
        });
    };
    let why = move || {
        let why = reason.get_untracked().trim().to_owned();
        if why.is_empty() {
            faults.set(vec![("reason", Wrong::Missing)]);
            return None;
        }
        Some(why)
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if is_busy.get_untracked() {
            return;
        }
        faults.set(Vec::new());
        trouble.set(None);
        let entry = untrack(|| fields.entry());
        let (former, plant) = (former.get_value(), plant.get_value());
        let unit = unit_of_subject(entry.subject, &plant);
        match entry.rule(&former, unit, &|point: PointId| unit_of(Some(&plant), point)) {
            Err(found) => faults.set(found),
            Ok(changed) => match changed.fault() {
                Some(problem) => trouble.set(Some(problem)),
                None => {
                    if let Some(why) = why() {
                        send(changed, why);
                    }
                }
            },
        }
    };
    let back = move |_| {
        faults.set(Vec::new());
        if let Some(why) = why() {
            send(AlarmRule { edited: false, ..former.get_value() }, why);
        }
    };

    let kinds = Signal::derive(move || {
        let locale = i18n.get_locale();
        KINDS.map(|kind| Choice::new(kind, kind_word(kind, locale))).to_vec()
    });
    let levels = Signal::derive(|| LEVELS.map(|(_, name)| Choice::new(name, name)).to_vec());
    let sides = Signal::derive(move || choices(&SIDES, None, i18n.get_locale()));
    let tests = Signal::derive(move || {
        let locale = i18n.get_locale();
        super::tree::TESTS.map(|name| Choice::new(name, choice_word(name, locale))).to_vec()
    });
    let origins = Signal::derive(move || {
        vec![
            Choice::new("setpoint", t_string!(i18n, rules.setpoint)),
            Choice::new("point", t_string!(i18n, rules.from_point)),
        ]
    });
    let classes = Signal::derive(move || choices(&CLASSES, None, i18n.get_locale()));
    let severities =
        Signal::derive(move || choices(&SEVERITIES, Some(t_string!(i18n, words.none).to_owned()), i18n.get_locale()));
    let models = Signal::derive(move || choices(&ACKNOWLEDGEMENTS, None, i18n.get_locale()));
    let priorities = Signal::derive(move || {
        let locale = i18n.get_locale();
        let choice = |priority: penstock_model::Priority| {
            let digit = priority.digit();
            Choice::new(digit.to_string(), format!("{digit} · {}", words::priority(priority, locale)))
        };
        penstock_model::Priority::ALL.map(choice).to_vec()
    });

    let kind = Memo::new(move |_| fields.text("kind").get());
    let from = Memo::new(move |_| fields.text("from").get());
    let deadband = move || text("rule-deadband", "deadband", in_unit(|l| td_string!(l, rules.deadband)));
    let time = move || text("rule-time", "time", word(|l| td_string!(l, rules.time_s)));
    let side = move || of_list(sides, "rule-side", "side", word(|l| td_string!(l, rules.side)));
    let origin = move || {
        if from.get() == "point" {
            view! {
                <div class="field">
                    <label>{t!(i18n, rules.from_point)}</label>
                    <Pick
                        label=word(|l| td_string!(l, rules.point))
                        value=fields.from_point
                        name=point_name
                        find=find_points
                        testid="from-point"
                    />
                    {fault_below("from_point")}
                </div>
            }
            .into_any()
        } else {
            text("rule-setpoint", "setpoint", in_unit(|l| td_string!(l, rules.setpoint))).into_any()
        }
    };
    let of_kind = move || match kind.get().as_str() {
        "limit" => view! {
            <div class="two">
                {if follows {
                    let level = fields.text("level");
                    view! {
                        <div class="field"><label>{t!(i18n, rules.level)}</label><b>{move || level.get()}</b></div>
                    }.into_any()
                } else {
                    of_list(levels, "rule-level", "level", word(|l| td_string!(l, rules.level))).into_any()
                }}
                {text("rule-limit", "limit", in_unit(|l| td_string!(l, rules.limit)))}
            </div>
            {deadband()}
            {follows.then(|| view! { <p class="quiet">{t!(i18n, rules.limit_note)}</p> })}
        }
        .into_any(),
        "deviation" => view! {
            <div class="two">
                {of_list(origins, "rule-from", "from", word(|l| td_string!(l, rules.from)))}
                {origin}
            </div>
            <div class="two">
                {side()}
                {text("rule-by", "by", in_unit(|l| td_string!(l, rules.by)))}
            </div>
            {deadband()}
        }
        .into_any(),
        "rate" => view! {
            <div class="two">
                {side()}
                {text("rule-rate", "rate", in_unit(|l| td_string!(l, rules.rate)))}
            </div>
            <div class="two">{time()} {deadband()}</div>
        }
        .into_any(),
        "stuck" => view! {
            <div class="two">
                {text("rule-band", "band", in_unit(|l| td_string!(l, rules.band)))}
                {time()}
            </div>
        }
        .into_any(),
        "state" => text("rule-states", "states", word(|l| td_string!(l, rules.states))).into_any(),
        "count" => view! {
            <div class="two">
                {of_list(tests, "rule-test", "test", word(|l| td_string!(l, rules.test)))}
                {text("rule-test-value", "test_value", in_unit(|l| td_string!(l, rules.value)))}
            </div>
            <div class="two">
                {text("rule-count", "count", word(|l| td_string!(l, rules.count)))}
                {time()}
            </div>
        }
        .into_any(),
        "expression" => view! { {group_rows(fields.expression, 0)} {fault_below("expression")} }.into_any(),
        "anomaly" => text("rule-score", "score", word(|l| td_string!(l, rules.score))).into_any(),
        _ => time().into_any(),
    };
    let what = if follows {
        view! {
            <p>{about}</p>
            <p class="quiet">{t!(i18n, rules.follows_note)}</p>
        }
        .into_any()
    } else {
        view! {
            <div class="field">
                <label>{t!(i18n, rules.about)}</label>
                <Pick
                    label=word(|l| td_string!(l, rules.about_find))
                    value=fields.subject
                    name=subject_name
                    find=find_subjects
                    testid="rule-subject"
                />
                {fault_below("subject")}
            </div>
            {of_list(kinds, "rule-kind", "kind", word(|l| td_string!(l, rules.kind)))}
        }
        .into_any()
    };
    let proposed = Memo::new(move |_| fields.entry().proposed());
    let proposal = move || {
        let priority = proposed.get()?;
        let digit = priority.digit().to_string();
        let own = fields.text("priority");
        let locale = i18n.get_locale();
        let is_taken = own.with(|own| *own == digit);
        let called = format!("{digit} · {}", words::priority(priority, locale));
        let text = t_string!(i18n, rules.proposed, priority = called);
        Some(view! {
            <p class="quiet" data-testid="proposed">
                {text}
                {(!is_taken).then(|| view! {
                    <button type="button" class="small" data-testid="take-proposed" on:click=move |_| own.set(digit.clone())>
                        {t!(i18n, rules.take_proposed)}
                    </button>
                })}
            </p>
        })
    };
    let is_suppressed = fields.text("is_suppressed");
    let suppression = move || {
        let is_so = is_suppressed.with(|is| is == YES);
        is_so.then(|| view! { {group_rows(fields.suppression, 0)} {fault_below("suppression")} })
    };
    let inherits = RwSignal::new(ResolvedAdvice::default());
    Effect::new(move || {
        // The register counts up with what is set for a place too.
        app.plant.track();
        let chosen = fields.subject.get();
        spawn_local(async move {
            let told = match chosen {
                Some(of) => inherited_by(app, of, (subject == Some(of)).then_some(id)).await,
                None => Some(ResolvedAdvice::default()),
            };
            // While the station does not answer, what it told last stays.
            if let Some(told) = told.filter(|_| fields.subject.try_get_untracked() == Some(chosen)) {
                inherits.try_set(told);
            }
        });
    });
    let inheriting = move |id: &'static str,
                           field: &'static str,
                           label: Signal<String>,
                           told: fn(&ResolvedAdvice) -> Option<Sourced<String>>| {
        let is_long = !matches!(field, "call_within" | "screen");
        view! {
            <Inheriting
                id=id
                label=label
                value=fields.text(field)
                inherits=Signal::derive(move || inherits.with(told))
                plant=plant.get_value()
                is_long=is_long
                is_fixed=false
                fault=fault(field)
            />
        }
    };
    let within = |told: &ResolvedAdvice| {
        let within = told.call_within.as_ref()?;
        Some(Sourced { value: minutes(Some(within.value)), from: within.from })
    };
    let remove = move |_| app.overlay.set(Some(Overlay::RemoveRule(id, called.clone())));
    view! {
        <form class="drawer-section point-form rule-form" on:submit=submit novalidate=true>
            {what}
            {tick_box(fields.text("enabled"), "rule-enabled", word(|l| td_string!(l, rules.enabled)))}
            {text("rule-name", "name", word(|l| td_string!(l, rules.name)))}
            <h3>{t!(i18n, rules.condition)}</h3>
            {of_kind}
            <h3>{t!(i18n, rules.urgency)}</h3>
            <div class="two">
                {of_list(severities, "rule-severity", "severity", word(|l| td_string!(l, rules.severity)))}
                {text("rule-respond", "respond", word(|l| td_string!(l, rules.respond_min)))}
            </div>
            {proposal}
            <div class="two">
                {of_list(priorities, "rule-priority", "priority", word(|l| td_string!(l, rules.priority)))}
                {of_list(classes, "rule-class", "class", word(|l| td_string!(l, rules.class)))}
            </div>
            <h3>{t!(i18n, rules.delays)}</h3>
            <div class="three">
                {text("rule-on-delay", "on_delay", word(|l| td_string!(l, rules.on_delay_s)))}
                {text("rule-off-delay", "off_delay", word(|l| td_string!(l, rules.off_delay_s)))}
                {text("rule-cool-down", "cool_down", word(|l| td_string!(l, rules.cool_down_s)))}
            </div>
            <h3>{t!(i18n, rules.answer)}</h3>
            {of_list(models, "rule-acknowledgement", "acknowledgement", word(|l| td_string!(l, rules.acknowledgement)))}
            {tick_box(fields.text("latches"), "rule-latches", word(|l| td_string!(l, rules.latches_long)))}
            <div class="two">
                {text("rule-realarm-after", "realarm_after", word(|l| td_string!(l, rules.realarm_after_min)))}
                {text("rule-realarm-most", "realarm_most", word(|l| td_string!(l, rules.realarm_most)))}
            </div>
            <div class="two">
                {text("rule-longest-shelf", "longest_shelf", word(|l| td_string!(l, rules.longest_shelf_min)))}
                {text("rule-first-out", "first_out", word(|l| td_string!(l, rules.first_out)))}
            </div>
            {inheriting("rule-screen", "screen", word(|l| td_string!(l, rules.screen)), |told| told.screen.clone())}
            <h3>{t!(i18n, rules.suppression)}</h3>
            {tick_box(is_suppressed, "rule-is-suppressed", word(|l| td_string!(l, rules.suppressed_while)))}
            {suppression}
            <p class="quiet">{t!(i18n, rules.schedule_note)}</p>
            {window_rows(fields.windows)}
            {fault_below("windows")}
            <h3>{t!(i18n, alarms.guidance)}</h3>
            <p class="quiet">{t!(i18n, guidance.rule_note)}</p>
            {inheriting("rule-cause", "cause", word(|l| td_string!(l, alarms.likely_cause)), |told| told.cause.clone())}
            {inheriting("rule-consequence", "consequence", word(|l| td_string!(l, alarms.if_left)), |told| {
                told.consequence.clone()
            })}
            {inheriting("rule-action", "action", word(|l| td_string!(l, alarms.do_now)), |told| told.action.clone())}
            {inheriting("rule-contact", "contact", word(|l| td_string!(l, guidance.contact)), |told| {
                told.contact.clone()
            })}
            {inheriting("rule-call-within", "call_within", word(|l| td_string!(l, guidance.call_within_min)), within)}
            <TrialOf fields=fields former=former plant=plant/>
            <TextField id="rule-reason" label=word(|l| td_string!(l, rules.reason)) value=reason fault=fault("reason")/>
            {move || trouble.get().map(|text| view! { <Notice text=text is_fault=true/> })}
            {move || (!faults.with(Vec::is_empty)).then(|| view! {
                <Notice text=word(|l| td_string!(l, points.has_faults)) is_fault=true/>
            })}
            <div class="drawer-actions form-actions">
                <button type="submit" class="accent" data-testid="save-rule" disabled=move || is_busy.get()>
                    {t!(i18n, words.save)}
                </button>
                {(follows && is_edited).then(|| view! {
                    <button type="button" data-testid="back-to-following" disabled=move || is_busy.get() on:click=back>
                        {t!(i18n, rules.back)}
                    </button>
                })}
                {(is_stored && !follows).then(|| view! {
                    <button type="button" data-testid="remove-rule" disabled=move || is_busy.get() on:click=remove>
                        {t!(i18n, rules.remove)}
                    </button>
                })}
            </div>
        </form>
    }
    .into_any()
}

/// What a rule about `subject` inherits, and one that is `stored` has from the start; none where the station does not
/// answer.
async fn inherited_by(app: App, subject: Subject, stored: Option<RuleId>) -> Option<ResolvedAdvice> {
    let of_subject = app.call(GetScopeGuidance { scope: Scope::from(subject) }).await.ok()?;
    let told = match stored {
        Some(rule) => app.call(GetAlarmGuidance { rule }).await.ok()?,
        None => ResolvedAdvice::default(),
    };
    Some(inherited(of_subject, told))
}

/// Asks why a rule that a person made shall go.
#[component]
pub(crate) fn RemoveRule(rule: RuleId, title: String) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let reason = RwSignal::new(String::new());
    let say: Say = Arc::new(move |reason: String| {
        Box::pin(async move {
            let report = app.call(RemoveRules { rules: vec![rule], reason }).await.map_err(|error| error.message)?;
            if let Some((_, problem)) = report.refused.into_iter().next() {
                return Err(problem);
            }
            told(app, report.disabled.is_empty());
            spawn_local(app.fetch_register());
            Ok(())
        })
    });
    let word = move |get: fn(Locale) -> &'static str| Signal::derive(move || get(i18n.get_locale()).to_owned());
    view! {
        <Asking
            title=word(|l| td_string!(l, rules.remove_title))
            verb=word(|l| td_string!(l, rules.remove))
            text=reason
            say=say
            testid="remove-rule-dialog"
            commit_testid="remove-commit"
        >
            <p><b>{title}</b></p>
            <p class="quiet">{t!(i18n, rules.remove_note)}</p>
            <TextField id="remove-reason" label=word(|l| td_string!(l, rules.reason)) value=reason/>
        </Asking>
    }
    .into_any()
}

/// Says what became of the rule: gone, or disabled because it would follow again.
fn told(app: App, is_gone: bool) {
    let locale = app.i18n.get_locale_untracked();
    let text = if is_gone { td_string!(locale, rules.removed) } else { td_string!(locale, rules.disabled_instead) };
    app.remark.try_set(Some(text.to_owned()));
}
