//! The ways in: one module a transport.
