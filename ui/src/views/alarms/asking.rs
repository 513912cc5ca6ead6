//! The dialog of what is done with a text, such as its reason: what it touches, the text, one verb. Where nothing came
//! of it, it says why and stays. Must not know what is done.

use std::pin::Pin;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::components::{Dialog, Kbd, Notice};
use crate::i18n::{t, use_i18n};
use crate::state::use_app;

/// What is done with the text, and what went wrong with it.
pub(super) type Say = Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = Result<(), String>>>> + Send + Sync>;

#[component]
pub(super) fn Asking(
    /// Its heading.
    title: Signal<String>,
    /// What its button says.
    verb: Signal<String>,
    /// What is typed, in a field that is among the children.
    text: RwSignal<String>,
    /// Whether there must be a text.
    #[prop(default = true)]
    is_required: bool,
    say: Say,
    testid: &'static str,
    commit_testid: &'static str,
    children: Children,
) -> impl IntoView {
    let app = use_app();
    let i18n = use_i18n();
    let (fault, is_busy) = (RwSignal::new(None::<String>), RwSignal::new(false));
    let close = Callback::new(move |()| app.overlay.set(None));
    let is_ready = move || !is_busy.get() && (!is_required || text.with(|text| !text.trim().is_empty()));
    let commit = Callback::new(move |()| {
        if !untrack(is_ready) {
            return;
        }
        is_busy.set(true);
        fault.set(None);
        let said = say(text.get_untracked().trim().to_owned());
        spawn_local(async move {
            match said.await {
                Ok(()) => app.overlay.set(None),
                Err(why) => {
                    fault.try_set(Some(why));
                    is_busy.try_set(false);
                }
            }
        });
    });
    view! {
        <Dialog title=title on_close=close on_commit=commit testid=testid>
            <div class="dialog-body">
                {children()}
                {move || fault.get().map(|fault| view! { <Notice text=fault is_fault=true/> })}
            </div>
            <div class="dialog-foot">
                <span></span>
                <button on:click=move |_| close.run(())>{t!(i18n, words.cancel)}</button>
                <button
                    class="accent"
                    data-testid=commit_testid
                    disabled=move || !is_ready()
                    on:click=move |_| commit.run(())
                >
                    {move || verb.get()} <Kbd keys="Ctrl Enter"/>
                </button>
            </div>
        </Dialog>
    }
    .into_any()
}
