//! Alarm rules and the ISA-18.2 state machine.
