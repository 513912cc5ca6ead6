//! The contract between a station and a screen.
