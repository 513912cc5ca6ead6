//! A field that finds things by a few letters of their names, and the order of the answers. Must not know what is found.

use leptos::prelude::*;

use super::{Glyph, Icon, Kbd};
use crate::i18n::{t_string, use_i18n};

/// Something that can be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found<K> {
    /// What it is.
    pub(crate) key: K,
    /// What it is called.
    pub(crate) name: String,
    /// What else is known of it.
    pub(crate) note: String,
}

/// How well `name` and `note` answer what was typed: lower is better, none is not at all. Every word must occur; a name
/// that begins with the first word comes first.
fn rank(wanted: &str, name: &str, note: &str) -> Option<u32> {
    let (name, note) = (name.to_lowercase(), note.to_lowercase());
    let mut rank = 0;
    for word in wanted.to_lowercase().split_whitespace() {
        rank += if name.starts_with(word) {
            0
        } else if name.split([' ', '-', '.', '_']).any(|part| part.starts_with(word)) {
            1
        } else if name.contains(word) {
            2
        } else if note.contains(word) {
            3
        } else {
            return None;
        };
    }
    Some(rank)
}

/// The best `most` answers to what was typed. What ranks alike stays in its order.
pub(crate) fn best<K>(wanted: &str, all: impl IntoIterator<Item = Found<K>>, most: usize) -> Vec<Found<K>> {
    let ranked = all.into_iter().filter_map(|found| Some((rank(wanted, &found.name, &found.note)?, found)));
    let mut ranked: Vec<(u32, Found<K>)> = ranked.collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, found)| found).take(most).collect()
}

/// The field with its list of answers: arrows move in it, Enter chooses, Escape leaves.
#[component]
pub(crate) fn Finder<K, F>(
    /// What is read out and stands in the empty field.
    #[prop(into)]
    label: Signal<String>,
    /// What stands in the empty field, where that is shorter.
    #[prop(into, optional)]
    placeholder: Option<Signal<String>>,
    /// Answers what was typed; tracked.
    find: F,
    on_choose: Callback<K>,
    /// Where the focus goes on Escape.
    on_leave: Callback<()>,
    /// Said in place of answers.
    #[prop(into, default = None.into())]
    remark: Signal<Option<String>>,
    /// Whether there are answers to nothing typed.
    #[prop(default = false)]
    opens_empty: bool,
    #[prop(default = Glyph::Search)] glyph: Glyph,
    /// The key that leads here.
    keys: &'static str,
    #[prop(default = "")] class: &'static str,
    #[prop(default = "filter")] input_class: &'static str,
    /// Name for tests.
    testid: &'static str,
) -> impl IntoView
where
    K: Clone + PartialEq + Send + Sync + 'static,
    F: Fn(&str) -> Vec<Found<K>> + Send + Sync + 'static,
{
    let i18n = use_i18n();
    let (is_focused, wanted, at) = (RwSignal::new(false), RwSignal::new(String::new()), RwSignal::new(0_usize));
    let is_open =
        Memo::new(move |_| is_focused.get() && (opens_empty || wanted.with(|wanted| !wanted.trim().is_empty())));
    let found = Memo::new(move |_| if is_open.get() { wanted.with(|wanted| find(wanted)) } else { Vec::new() });
    let choose = move |key: K| {
        wanted.set(String::new());
        at.set(0);
        on_choose.run(key);
    };
    let list_id = format!("{testid}-found");
    let own_id = list_id.clone();
    let list = move || {
        is_open.get().then(|| {
            let rows = found.get().into_iter().enumerate().map(|(index, found)| {
                let Found { key, name, note } = found;
                let tip = if note.is_empty() { name.clone() } else { format!("{name}: {note}") };
                view! {
                    <div
                        role="option"
                        class="find-row"
                        title=tip
                        aria-selected=move || (at.get() == index).to_string()
                        on:pointerdown=move |event| {
                            event.prevent_default();
                            choose(key.clone());
                        }
                    >
                        <b class="cut">{name}</b>
                        <span class="cut">{note}</span>
                    </div>
                }
            });
            let rows = rows.collect_view();
            let said = move || {
                let nothing = || found.with(Vec::is_empty).then(|| t_string!(i18n, words.nothing_found).to_owned());
                remark.get().or_else(nothing)
            };
            view! {
                <div class="find-list" role="listbox" id=own_id.clone() aria-label=move || label.get()>
                    {move || said().map(|text| view! { <p class="quiet">{text}</p> })}
                    {rows}
                </div>
            }
        })
    };
    view! {
        <div class=format!("search {class}")>
            <Icon glyph=glyph/>
            <input
                type="search"
                class=input_class
                data-testid=testid
                spellcheck="false"
                autocomplete="off"
                role="combobox"
                aria-controls=list_id
                aria-expanded=move || is_open.get().to_string()
                aria-label=move || label.get()
                placeholder=move || placeholder.unwrap_or(label).get()
                prop:value=move || wanted.get()
                on:focus=move |_| is_focused.set(true)
                on:blur=move |_| {
                    is_focused.set(false);
                    wanted.set(String::new());
                    at.set(0);
                }
                on:input=move |event| {
                    wanted.set(event_target_value(&event));
                    at.set(0);
                }
                on:keydown=move |event| {
                    let count = found.with_untracked(Vec::len).max(1);
                    match event.key().as_str() {
                        "ArrowDown" => at.update(|at| *at = (*at + 1) % count),
                        "ArrowUp" => at.update(|at| *at = (*at + count - 1) % count),
                        "Enter" => {
                            let chosen = found.with_untracked(|found| found.get(at.get_untracked()).cloned());
                            if let Some(found) = chosen {
                                choose(found.key);
                            }
                        }
                        "Escape" => {
                            wanted.set(String::new());
                            on_leave.run(());
                        }
                        _ => return,
                    }
                    event.prevent_default();
                    event.stop_propagation();
                }
            />
            <Kbd keys=keys/>
            {list}
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_answer_stands_first() {
        let found = |name: &str, note: &str| Found { key: (), name: name.into(), note: note.into() };
        let all = [
            found("Trends", "screen"),
            found("PT-04", "Pressure, Ghat Road"),
            found("PS-2 Station Road", "site"),
            found("FT-01", "Inflow, Pump house"),
        ];
        let names = |wanted: &str| -> Vec<String> {
            best(wanted, all.iter().cloned(), 3).into_iter().map(|found| found.name).collect()
        };
        assert_eq!(names("pt"), ["PT-04"]);
        assert_eq!(names("road"), ["PS-2 Station Road", "PT-04"]);
        assert_eq!(names("ghat pt"), ["PT-04"]);
        assert_eq!(names("pump"), ["FT-01"]);
        assert_eq!(names(""), ["Trends", "PT-04", "PS-2 Station Road"]);
        assert!(names("zzz").is_empty());
    }
}
