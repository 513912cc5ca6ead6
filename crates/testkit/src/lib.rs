//! Scratch databases, a broker, a device that keeps the books, clocks and fixtures for tests.

pub mod broker;
pub mod database;
pub mod leash;
pub mod publisher;
pub mod webdriver;
