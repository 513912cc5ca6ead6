//! Scratch databases, a broker, clocks and fixtures for tests.

pub mod broker;
pub mod database;
pub mod leash;
pub mod webdriver;
