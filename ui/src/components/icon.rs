//! Icons in one line style, drawn for 24 × 24.

use leptos::prelude::*;

/// What an icon shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Glyph {
    Overview,
    Map,
    Trends,
    Alarms,
    Points,
    Health,
    Settings,
    Search,
    Close,
    Check,
    Return,
    Dot,
    Down,
    Right,
    Plus,
    Download,
    Upload,
    Copy,
    Place,
    Edit,
    Bin,
    Shelf,
}

impl Glyph {
    const fn path(self) -> &'static str {
        match self {
            Self::Overview => "M4 4h6.5v6.5H4zM13.5 4H20v6.5h-6.5zM4 13.5h6.5V20H4zM13.5 13.5H20V20h-6.5z",
            Self::Map => "M3.5 6.2 9 4l6 2.2L20.5 4v13.8L15 20l-6-2.2L3.5 20zM9 4v13.8M15 6.2V20",
            Self::Trends => "M3.5 4v16h17M6.5 15.5l4-5 3.5 3 5.5-7.5",
            Self::Alarms => "M5 17.5h14c-1.4-1.5-2-3-2-5.5v-2a5 5 0 0 0-10 0v2c0 2.5-.6 4-2 5.5zM10 20.5h4M12 3v2",
            Self::Points => "M4 6h2M4 12h2M4 18h2M9 6h11M9 12h11M9 18h11",
            Self::Health => "M2.5 12.5H7l2.5-7 4.5 13 2.5-6h5",
            Self::Settings => {
                "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.8a2.2 2.2 0 1 1 0 4.4 2.2 2.2 0 0 1 0-4.4z\
                 M9 14.8a2.2 2.2 0 1 1 0 4.4 2.2 2.2 0 0 1 0-4.4z"
            }
            Self::Search => "M10.5 4.5a6 6 0 1 1 0 12 6 6 0 0 1 0-12zM15 15l5 5",
            Self::Close => "M6 6l12 12M18 6 6 18",
            Self::Check => "M5 12.5l4.5 4.5L19 7.5",
            Self::Return => "M19 6v6a2 2 0 0 1-2 2H6M9.5 10.5 6 14l3.5 3.5",
            Self::Dot => "M12 5.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13z",
            Self::Down => "M6.5 9.5 12 15l5.5-5.5",
            Self::Right => "M9.5 6.5 15 12l-5.5 5.5",
            Self::Plus => "M12 5v14M5 12h14",
            Self::Download => "M12 4v11M7.5 11l4.5 4.5 4.5-4.5M4.5 20h15",
            Self::Upload => "M12 16V5M7.5 9.5 12 5l4.5 4.5M4.5 20h15",
            Self::Copy => "M8.5 8.5h11v11h-11zM15.5 8.5v-4h-11v11h4",
            Self::Place => {
                "M12 21c-4-4.5-6.5-7.8-6.5-11a6.5 6.5 0 0 1 13 0c0 3.2-2.5 6.5-6.5 11zM12 7.8a2.2 2.2 0 1 1 0 4.4 2.2 2.2 0 0 1 0-4.4z"
            }
            Self::Edit => "M4.5 19.5l1-4L16 5l3 3L8.5 18.5zM14 7l3 3",
            Self::Shelf => "M4 14h16M6 14v5M18 14v5M12 4v7M8.5 7.5 12 11l3.5-3.5",
            Self::Bin => "M5 7h14M9.5 7V4.5h5V7M7 7l1 13h8l1-13",
        }
    }
}

/// An icon beside the word that says the same, so that it is silent for a screen reader.
#[component]
pub(crate) fn Icon(
    glyph: Glyph,
    /// Its width and height in px.
    #[prop(default = 16)]
    size: u32,
) -> impl IntoView {
    let class = if glyph == Glyph::Dot { "icon solid" } else { "icon" };
    view! {
        <svg class=class width=size height=size viewBox="0 0 24 24" aria-hidden="true">
            <path d=glyph.path()/>
        </svg>
    }
}
