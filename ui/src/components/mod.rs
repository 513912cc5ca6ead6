//! What screens are made of: badges, indicators, tables, dialogs, fields. Each draws what it is given; none knows the
//! station.

mod badge;
mod dialog;
mod drawer;
mod faults;
mod fields;
mod finder;
mod icon;
mod import;
mod indicator;
mod level;
mod menu;
mod mini_trend;
mod pieces;
mod sparkline;
mod table;

pub(crate) use badge::{Badge, BadgeFill, fill_of};
pub(crate) use dialog::Dialog;
pub(crate) use drawer::{CloseButton, Drawer};
pub(crate) use faults::{FaultTable, Faults};
pub(crate) use fields::{Choice, SearchField, Segmented, Select, TextField};
pub(crate) use finder::{Finder, Found, best};
pub(crate) use icon::{Glyph, Icon};
pub(crate) use import::{Answer, ImportDialog};
pub(crate) use indicator::{Indicator, Reading};
pub(crate) use level::LevelIndicator;
pub(crate) use menu::MenuButton;
pub(crate) use mini_trend::{MiniTrend, OwnLimit, Strip};
pub(crate) use pieces::{Empty, Fact, Facts, Kbd, Loading, Notice, Panel, TrustTag, ValueText};
pub(crate) use sparkline::Sparkline;
pub(crate) use table::{VirtualTable, focused_when_shown};
