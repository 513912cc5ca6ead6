//! The screens, one folder each. They read `state` and ask the station; none knows how either is reached.

mod alarms;
mod health;
mod map;
mod overview;
mod points;
mod reading;
mod settings;
mod sign_in;
mod trends;

pub(crate) use alarms::{
    Acknowledge, Alarms, Comment, Decide, ImportRules, RemoveRule, Service, Shelve, SiteChoice, step,
};
pub(crate) use health::Health;
pub(crate) use map::Map;
pub(crate) use overview::Overview;
pub(crate) use points::{AdoptMany, ImportPoints, Points};
pub(crate) use reading::{Now, reading};
pub(crate) use settings::Settings;
pub(crate) use sign_in::{Nowhere, SignIn, Starting};
pub(crate) use trends::{ImportValues, Trends};
