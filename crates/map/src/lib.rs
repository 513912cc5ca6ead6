//! The map view: plain data in, shapes out.
