//! The append-only journal ahead of the database.
