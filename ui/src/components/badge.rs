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
    // All shapes look equally large inside 20 × 20; outlines keep inside their shape.
    let inset = match fill {
        BadgeFill::Filled | BadgeFill::Still => 0.0,
        BadgeFill::Outlined | BadgeFill::Dashed => 1.0,
    };
    let shape = match priority {
        Priority::P1 => {
            let reach = 10.0 - inset * 1.41;
            let (near, far) = (10.0 - reach, 10.0 + reach);
            view! { <polygon class="badge-shape" points=format!("10,{near} {far},10 10,{far} {near},10")/> }.into_any()
        }
        Priority::P2 => {
            let (top, side, bottom) = (1.0 + inset * 2.0, inset * 1.6, 18.6 - inset);
            let right = 20.0 - side;
            view! { <polygon class="badge-shape" points=format!("10,{top} {right},{bottom} {side},{bottom}")/> }
                .into_any()
        }
        Priority::P3 => {
            let (near, width) = (1.8 + inset, 16.4 - 2.0 * inset);
            view! { <rect class="badge-shape" x=near y=near width=width height=width rx="1"/> }.into_any()
        }
        Priority::P4 => view! { <circle class="badge-shape" cx="10" cy="10" r=8.6 - inset/> }.into_any(),
    };
    let baseline = if priority == Priority::P2 { "16.2" } else { "14" };
    view! {
        <svg class=class width=size height=size viewBox="0 0 20 20" aria-hidden="true">
            {shape}
            <text class="badge-digit" x="10" y=baseline text-anchor="middle">{priority.digit()}</text>
        </svg>
    }
}
