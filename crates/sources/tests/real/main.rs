//! The sources against real brokers: Mosquitto must be installed.

mod common;
mod mqtt;
mod private_broker;
