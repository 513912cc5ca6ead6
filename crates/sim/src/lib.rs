//! The demo water network, and the player of recorded data.
