//! What the screens need of the page itself: time, storage, attributes of the document, focus. Must not know the
//! station or any screen. Natively, where there is no page, each says so with none.

use penstock_model::Timestamp;
use wasm_bindgen::JsCast as _;

/// The machine's present time.
pub(crate) fn now() -> Timestamp {
    if cfg!(target_arch = "wasm32") { Timestamp::from_millis(js_sys::Date::now() as i64) } else { Timestamp::default() }
}

/// A time that only tells how long ago something was: setting the machine's clock does not touch it.
pub(crate) fn steady() -> Timestamp {
    let performance =
        cfg!(target_arch = "wasm32").then(web_sys::window).flatten().and_then(|window| window.performance());
    performance.map_or_else(now, |performance| Timestamp::from_micros((performance.now() * 1e3) as i64))
}

/// Offset of the IANA zone `name` from UTC at `at`, in s.
pub(crate) fn zone_offset_secs(name: &str, at: Timestamp) -> Option<i32> {
    if !cfg!(target_arch = "wasm32") || name.is_empty() {
        return None;
    }
    thread_local! {
        static KNOWN: std::cell::RefCell<std::collections::HashMap<(String, i64), Option<i32>>> =
            std::cell::RefCell::default();
    }
    // Offsets change on the quarter of an hour at most.
    let quarter = at.as_micros().div_euclid(900_000_000);
    KNOWN.with_borrow_mut(|known| {
        if known.len() > 20_000 {
            known.clear();
        }
        *known.entry((name.to_owned(), quarter)).or_insert_with(|| {
            let text = zone_name("en-US", name, "longOffset", at)?;
            offset_in(&text)
        })
    })
}

/// The zone's usual letters at `at`, for example `IST`.
pub(crate) fn zone_short(name: &str, at: Timestamp) -> Option<String> {
    if !cfg!(target_arch = "wasm32") || name.is_empty() {
        return None;
    }
    let texts = ["en-IN", "en-GB", "en-US"].into_iter().filter_map(|language| zone_name(language, name, "short", at));
    let texts: Vec<String> = texts.collect();
    texts.iter().find(|text| !text.starts_with("GMT+") && !text.starts_with("GMT-")).or(texts.first()).cloned()
}

fn zone_name(language: &str, zone: &str, form: &str, at: Timestamp) -> Option<String> {
    let options = js_sys::Object::new();
    for (key, value) in [("timeZone", zone), ("timeZoneName", form)] {
        js_sys::Reflect::set(&options, &key.into(), &value.into()).ok()?;
    }
    let date = js_sys::Date::new(&(at.as_micros() as f64 / 1e3).into());
    // `toLocaleString` throws for a zone that the browser does not know.
    let function = js_sys::Reflect::get(&date, &"toLocaleString".into()).ok()?.dyn_into::<js_sys::Function>().ok()?;
    let text = function.call2(&date, &language.into(), &options).ok()?.as_string()?;
    text.rsplit([' ', '\u{202f}']).next().map(str::to_owned)
}

/// `GMT+05:30` in seconds.
fn offset_in(text: &str) -> Option<i32> {
    let rest = text.strip_prefix("GMT").or_else(|| text.strip_prefix("UTC"))?;
    if rest.is_empty() {
        return Some(0);
    }
    let sign = if rest.starts_with(['-', '\u{2212}']) { -1 } else { 1 };
    let mut parts = rest.trim_start_matches(['+', '-', '\u{2212}']).split(':').map(str::parse::<i32>);
    let hours = parts.next()?.ok()?;
    let minutes = parts.next().and_then(Result::ok).unwrap_or(0);
    Some(sign * (hours * 3_600 + minutes * 60))
}

/// Which of the page's two stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// Until this page is closed.
    Session,
    /// For good.
    Machine,
}

/// What is kept under `key`.
pub(crate) fn kept(store: Store, key: &str) -> Option<String> {
    storage(store)?.get_item(key).ok()?
}

/// Keeps `value` under `key`; none forgets it. A store that is full or refused keeps nothing.
pub(crate) fn keep(store: Store, key: &str, value: Option<&str>) {
    if let Some(storage) = storage(store) {
        let done = match value {
            Some(value) => storage.set_item(key, value),
            None => storage.remove_item(key),
        };
        drop(done);
    }
}

fn storage(store: Store) -> Option<web_sys::Storage> {
    let window = window()?;
    match store {
        Store::Session => window.session_storage().ok()?,
        Store::Machine => window.local_storage().ok()?,
    }
}

fn window() -> Option<web_sys::Window> {
    if cfg!(target_arch = "wasm32") { web_sys::window() } else { None }
}

/// The document's root element.
pub(crate) fn root() -> Option<web_sys::Element> {
    window()?.document()?.document_element()
}

/// Sets an attribute of the document's root element.
pub(crate) fn set_root(attribute: &str, value: &str) {
    if let Some(root) = root() {
        drop(root.set_attribute(attribute, value));
    }
}

/// Adds a style sheet of our own making; no inline style, so that the content security policy may forbid those.
pub(crate) fn adopt_style(css: &str) -> Option<()> {
    let document = window()?.document()?;
    let class = js_sys::Reflect::get(&js_sys::global(), &"CSSStyleSheet".into()).ok()?;
    let sheet = js_sys::Reflect::construct(class.dyn_ref::<js_sys::Function>()?, &js_sys::Array::new()).ok()?;
    let replace = js_sys::Reflect::get(&sheet, &"replaceSync".into()).ok()?.dyn_into::<js_sys::Function>().ok()?;
    replace.call1(&sheet, &css.into()).ok()?;
    js_sys::Reflect::set(&document, &"adoptedStyleSheets".into(), &js_sys::Array::of1(&sheet)).ok()?;
    Some(())
}

/// Whether a media query holds now.
pub(crate) fn matches(query: &str) -> bool {
    window().and_then(|window| window.match_media(query).ok().flatten()).is_some_and(|list| list.matches())
}

/// A screen from this width on hangs on a wall and is read from afar.
const WALL_QUERY: &str = "(min-width: 2560px)";

/// How much larger things are drawn than usual: as much as the style sheets enlarge type on a wall.
pub(crate) fn enlargement() -> f64 {
    if matches(WALL_QUERY) { crate::theme::WALL_SIZE } else { 1.0 }
}

/// Calls `on_change` whenever a media query begins or ceases to hold, for as long as the page lives.
pub(crate) fn on_media(query: &str, mut on_change: impl FnMut(bool) + 'static) {
    let Some(list) = window().and_then(|window| window.match_media(query).ok().flatten()) else { return };
    let closure = wasm_bindgen::closure::Closure::<dyn FnMut(web_sys::MediaQueryListEvent)>::new(
        move |event: web_sys::MediaQueryListEvent| on_change(event.matches()),
    );
    list.set_onchange(Some(closure.as_ref().unchecked_ref()));
    // The list and its listener live as long as the page; set once, at start.
    std::mem::forget(list);
    closure.forget();
}

/// The name of the page in the window's bar and in tabs.
pub(crate) fn set_title(title: &str) {
    if let Some(document) = window().and_then(|window| window.document()) {
        document.set_title(title);
    }
}

/// Whether the page can be seen: it is neither behind another tab nor minimised.
pub(crate) fn is_shown() -> bool {
    window().and_then(|window| window.document()).is_none_or(|document| !document.hidden())
}

/// The element that has the focus.
pub(crate) fn focused() -> Option<web_sys::HtmlElement> {
    window()?.document()?.active_element()?.dyn_into().ok()
}

/// Gives the focus to the first element that fits `selector`.
pub(crate) fn focus(selector: &str) -> bool {
    let found = window().and_then(|window| window.document()?.query_selector(selector).ok().flatten());
    match found.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
        Some(element) => element.focus().is_ok(),
        None => false,
    }
}

/// Whether the focus is where letters are typed.
pub(crate) fn is_typing() -> bool {
    focused().is_some_and(|element| {
        let tag = element.tag_name();
        let is_text = tag == "INPUT" && !matches!(element.get_attribute("type").as_deref(), Some("checkbox" | "radio"));
        is_text || tag == "TEXTAREA" || tag == "SELECT" || element.is_content_editable()
    })
}

/// Whether the focus is on a button.
pub(crate) fn is_on_button() -> bool {
    focused().is_some_and(|element| element.tag_name() == "BUTTON")
}

/// Copies `text`; tells whether that was allowed.
pub(crate) async fn copy(text: &str) -> bool {
    let Some(window) = window() else { return false };
    wasm_bindgen_futures::JsFuture::from(window.navigator().clipboard().write_text(text)).await.is_ok()
}

/// The text of a file that the person chose.
pub(crate) async fn text_of(file: &web_sys::File) -> Option<String> {
    wasm_bindgen_futures::JsFuture::from(file.text()).await.ok()?.as_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read() {
        let check = |text: &str, secs: Option<i32>| assert_eq!(offset_in(text), secs, "{text}");
        check("GMT+05:30", Some(19_800));
        check("GMT-03:00", Some(-10_800));
        check("GMT", Some(0));
        check("IST", None);
    }
}
