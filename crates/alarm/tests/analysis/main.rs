//! The analysis of alarms from outside: for any course of events it comes to what its definitions say, read literally.

mod course;
mod literal;
mod properties;
