//! The mark of an alarm: priority as colour, shape and digit together, state as fill.

use leptos::prelude::*;
use penstock_model::{AlarmState, Priority};

/// How a badge is filled: the alarm's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadgeFill {
    /// Unacknowledged: filled, blinking.
    Filled,
    /// Acknowledged.
    Outlined,
    /// Returned to normal and not acknowledged.
    Dashed,
    /// Filled and still: a count, not one alarm.
    Still,
}

/// The fill that tells an alarm's state.
pub(crate) const fn fill_of(state: &AlarmState) -> BadgeFill {
    match (state.active, state.acknowledged) {
        (true, false) => BadgeFill::Filled,
        (true, true) => BadgeFill::Outlined,
        (false, _) => BadgeFill::Dashed,
    }
}

/// The badge of a priority.
#[component]
pub(crate) fn Badge(
    priority: Priority,
    fill: BadgeFill,
    /// Its width and height in px.
    #[prop(default = 20)]
    size: u32,
) -> impl IntoView {
    let fill_class = match fill {
        BadgeFill::Filled => "filled blinks",
        BadgeFill::Outlined => "outlined",
        BadgeFill::Dashed => "dashed",
        BadgeFill::Still => "filled",
    };
    let class = format!("badge p{} {fill_class}", priority.digit());
    // Outlines keep inside their shape.
    let inset = match fill {
        BadgeFill::Filled | BadgeFill::Still => 0.0,
        BadgeFill::Outlined | BadgeFill::Dashed => 1.0,
    };
    let corners = penstock_theme::Shape::of_priority(priority.digit()).outline(inset).into_iter();
    let points = corners.map(|(x, y)| format!("{:.2},{:.2}", 10.0 + x, 10.0 + y)).collect::<Vec<_>>().join(" ");
    let baseline = if priority == Priority::P2 { "16.2" } else { "14" };
    view! {
        <svg class=class width=size height=size viewBox="0 0 20 20" aria-hidden="true">
            <polygon class="badge-shape" points=points/>
            <text class="badge-digit" x="10" y=baseline text-anchor="middle">{priority.digit()}</text>
        </svg>
    }
}
