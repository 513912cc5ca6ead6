//! A list of any length of which only what is in sight is drawn.

use std::sync::Arc;

use leptos::html::Div;
use leptos::prelude::*;

use crate::canvas::Watch;
use crate::page;

/// Rows drawn beyond each edge, so that scrolling meets no blank.
const SPARE: usize = 6;

/// The rows in sight: first and one beyond the last.
pub(crate) fn in_sight(scrolled_px: f64, height_px: f64, row_px: f64, count: usize) -> (usize, usize) {
    let first = (scrolled_px.max(0.0) / row_px) as usize;
    let fitting = (height_px / row_px).ceil() as usize + 1;
    (first.saturating_sub(SPARE).min(count), (first + fitting + SPARE).min(count))
}

/// The rows that can be read: first and one beyond the last. What an edge cuts by more than a quarter cannot.
pub(crate) fn whole_in_sight(scrolled_px: f64, height_px: f64, row_px: f64, count: usize) -> (usize, usize) {
    let first = (scrolled_px.max(0.0) / row_px - 0.25).ceil().max(0.0) as usize;
    let end = ((scrolled_px.max(0.0) + height_px) / row_px + 0.25).floor() as usize;
    let end = end.min(count);
    (first.min(end), end)
}

/// Where to scroll so that row `at` is in sight; none where it is.
pub(crate) fn scroll_to(at: usize, scrolled_px: f64, height_px: f64, row_px: f64) -> Option<f64> {
    let (top, bottom) = (at as f64 * row_px, (at + 1) as f64 * row_px);
    if top < scrolled_px {
        Some(top)
    } else if bottom > scrolled_px + height_px {
        Some(bottom - height_px)
    } else {
        None
    }
}

/// The place of a list that takes the focus as soon as it is shown.
pub(crate) fn focused_when_shown() -> NodeRef<Div> {
    let list = NodeRef::<Div>::new();
    Effect::new(move || {
        if let Some(list) = list.get() {
            // An element that is on the page takes the focus.
            drop(list.focus());
        }
    });
    list
}

/// The scrolling body of a table. A row is drawn anew when its key changes; one that moves is only put elsewhere.
#[component]
pub(crate) fn VirtualTable<T, K, V>(
    /// All rows.
    #[prop(into)]
    rows: Signal<Arc<Vec<T>>>,
    /// What tells a row from every other and an old state of it from a new one.
    key: fn(&T) -> K,
    /// Draws a row; the number is its place when it is first drawn.
    row: V,
    /// Height of a row in px.
    #[prop(default = 36)]
    row_px: u32,
    /// The row that is kept in sight.
    #[prop(into, default = None.into())]
    cursor: Signal<Option<usize>>,
    /// Is told which rows can be read: first and one beyond the last.
    #[prop(optional)]
    in_view: Option<RwSignal<(usize, usize)>>,
    /// What the list is called.
    #[prop(into)]
    label: Signal<String>,
    /// Changes with whatever else every row is made of; then all are drawn anew.
    #[prop(into, default = 0.into())]
    edition: Signal<u64>,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
    K: Eq + std::hash::Hash + 'static,
    V: Fn(usize, T) -> AnyView + Clone + Send + Sync + 'static,
{
    let viewport = NodeRef::<Div>::new();
    let scrolled = RwSignal::new(0.0_f64);
    let height = RwSignal::new(900.0_f64);
    let row_height = f64::from(row_px) * page::enlargement();
    let measure = move || {
        if let Some(viewport) = viewport.get_untracked() {
            let now = f64::from(viewport.client_height());
            if now > 0.0 && (now - height.get_untracked()).abs() > 0.5 {
                height.set(now);
            }
            scrolled.set(f64::from(viewport.scroll_top()));
        }
    };
    let watch = StoredValue::new_local(None::<Watch>);
    Effect::new(move || {
        let seen = viewport.get();
        if seen.is_some() {
            measure();
        }
        // Whatever takes room from it or gives it some: the window, a drawer, a toolbar that wraps.
        watch.set_value(seen.and_then(|viewport| Watch::new(&viewport, move |_, _| measure())));
    });
    on_cleanup(move || drop(watch.try_update_value(Option::take)));
    Effect::new(move || {
        let (Some(at), Some(viewport)) = (cursor.get(), viewport.get_untracked()) else { return };
        let scrolled = f64::from(viewport.scroll_top());
        if let Some(to) = scroll_to(at, scrolled, f64::from(viewport.client_height()), row_height) {
            viewport.set_scroll_top(to.round() as i32);
        }
    });
    let whole =
        Memo::new(move |_| whole_in_sight(scrolled.get(), height.get(), row_height, rows.with(|rows| rows.len())));
    Effect::new(move || {
        let whole = whole.get();
        if let Some(in_view) = in_view {
            in_view.set(whole);
        }
    });
    let sight = Memo::new(move |_| in_sight(scrolled.get(), height.get(), row_height, rows.with(|rows| rows.len())));
    let shown = move || {
        let ((first, end), edition) = (sight.get(), edition.get());
        rows.with(|rows| {
            let rows = rows.get(first..end.min(rows.len())).unwrap_or_default();
            rows.iter().cloned().map(|row| (edition, row)).collect::<Vec<_>>()
        })
    };
    view! {
        <div
            class="table-body"
            node_ref=viewport
            role="rowgroup"
            aria-label=move || label.get()
            on:scroll=move |_| measure()
        >
            <div class="table-room" style:height=move || {
                format!("{}px", rows.with(|rows| rows.len()) as f64 * row_height)
            }>
                <ForEnumerate
                    each=shown
                    key=move |(edition, item)| (*edition, key(item))
                    children={move |index: ReadSignal<usize>, (_, item)| {
                        let place = move || sight.get().0 + index.get();
                        view! {
                            <div
                                class="table-slot"
                                style:transform=move || format!("translateY({}px)", place() as f64 * row_height)
                                style:height=format!("{row_height}px")
                            >
                                {row(untrack(place), item)}
                            </div>
                        }
                    }}
                />
            </div>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_rows_are_drawn_of_many() {
        assert_eq!(in_sight(0.0, 360.0, 36.0, 5_000), (0, 17));
        assert_eq!(in_sight(36_000.0, 360.0, 36.0, 5_000), (994, 1_017));
        assert_eq!(in_sight(0.0, 360.0, 36.0, 3), (0, 3));
        assert_eq!(in_sight(1e9, 360.0, 36.0, 10), (10, 10));
    }

    #[test]
    fn what_an_edge_cuts_cannot_be_read() {
        assert_eq!(whole_in_sight(0.0, 360.0, 36.0, 5_000), (0, 10));
        assert_eq!(whole_in_sight(9.0, 360.0, 36.0, 5_000), (0, 10), "a quarter is missing");
        assert_eq!(whole_in_sight(18.0, 360.0, 36.0, 5_000), (1, 10), "half is missing at either end");
        assert_eq!(whole_in_sight(0.0, 360.0, 36.0, 3), (0, 3));
        assert_eq!(whole_in_sight(1e9, 360.0, 36.0, 10), (10, 10));
        assert_eq!(whole_in_sight(0.0, 0.0, 36.0, 10), (0, 0));
    }

    #[test]
    fn the_cursor_is_brought_into_sight_and_no_further() {
        assert_eq!(scroll_to(2, 0.0, 360.0, 36.0), None);
        assert_eq!(scroll_to(10, 0.0, 360.0, 36.0), Some(36.0));
        assert_eq!(scroll_to(1, 100.0, 360.0, 36.0), Some(36.0));
    }
}
