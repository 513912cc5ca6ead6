//! The running control room.
