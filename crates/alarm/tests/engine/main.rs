//! The alarm engine from outside: as a station uses it, and what holds for any course of events.

mod backtest;
mod behaviour;
mod clock;
mod conditions;
mod design;
mod device;
mod people;
mod plant;
mod properties;
mod restart;
