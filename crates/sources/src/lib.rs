//! The ways in: one module a transport, behind one small trait (connect, receive, acknowledge, state), and the
//! private broker that devices reach where no other is configured.
//!
//! Must not know what happens to a message next: neither how it is decoded nor where it is stored.

pub mod broker;
mod error;
pub mod mqtt;
mod received;
mod secret;
mod state;

use std::future::Future;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub use error::Error;
pub use received::{AckLane, AckToken, Delivery, Received, acknowledge};
pub use secret::Secret;
pub use state::{Link, Problem, ProblemKind, SourceState};

/// A way in: it connects by itself, hands on what it receives, and learns later what became durable.
pub trait Source: Send + Sized + 'static {
    /// The state before the first connection, to open the watch channel with.
    fn first_state(&self) -> SourceState;

    /// Receives until `shutdown` or until nobody takes from `out` any more.
    ///
    /// Losing the connection is a state, not an error: it is told in `state` with its cure and tried again.
    /// A full `out` slows the source and never costs the connection. On `shutdown` the source drops `out` at once and
    /// stays a moment longer for the acknowledgements of what it had handed on.
    fn run(
        self,
        out: mpsc::Sender<Received>,
        state: watch::Sender<SourceState>,
        shutdown: CancellationToken,
    ) -> impl Future<Output = ()> + Send;
}
