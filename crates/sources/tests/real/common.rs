//! A source that runs in a test, and waiting for it.

use std::future::Future;
use std::time::Duration;

use penstock_model::Clock;
use penstock_sources::mqtt::{MqttSettings, MqttSource, Protocol};
use penstock_sources::{AckToken, Received, Secret, Source as _, SourceState, acknowledge};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A guard against hanging, not a measure: what is waited for comes far sooner or not at all.
const GUARD: Duration = Duration::from_secs(60);

pub(crate) struct Running {
    pub(crate) received: mpsc::Receiver<Received>,
    pub(crate) state: watch::Receiver<SourceState>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

pub(crate) fn settings(port: u16) -> MqttSettings {
    MqttSettings::new("test", "127.0.0.1", port, format!("test-{:016x}", getrandom::u64().expect("random")))
}

pub(crate) fn speaking(protocol: Protocol, port: u16) -> MqttSettings {
    MqttSettings { protocol, ..settings(port) }
}

pub(crate) fn run(settings: MqttSettings) -> Running {
    run_with(MqttSource::new(settings, None, Clock::System).expect("good settings"), 1024)
}

pub(crate) fn run_as(settings: MqttSettings, user: &str, password: &str) -> Running {
    let settings = MqttSettings { username: Some(user.to_owned()), ..settings };
    run_with(MqttSource::new(settings, Some(Secret::new(password)), Clock::System).expect("good settings"), 1024)
}

pub(crate) fn run_with(source: MqttSource, room: usize) -> Running {
    let (out, received) = mpsc::channel(room);
    run_into(source, out, received)
}

pub(crate) fn run_into(source: MqttSource, out: mpsc::Sender<Received>, received: mpsc::Receiver<Received>) -> Running {
    let (tell, state) = watch::channel(source.first_state());
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(source.run(out, tell, shutdown.clone()));
    Running { received, state, shutdown, task }
}

impl Running {
    pub(crate) async fn next(&mut self) -> Received {
        within(self.received.recv()).await.expect("the source goes on")
    }

    /// The next `count` messages.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<Received> {
        let mut taken = Vec::with_capacity(count);
        while taken.len() < count {
            taken.push(self.next().await);
        }
        taken
    }

    pub(crate) async fn until(&mut self, what: impl FnMut(&SourceState) -> bool) -> SourceState {
        within(self.state.wait_for(what)).await.expect("the source goes on").clone()
    }

    pub(crate) async fn connected(&mut self) -> SourceState {
        self.until(SourceState::is_connected).await
    }

    pub(crate) async fn stop(self) -> SourceState {
        self.shutdown.cancel();
        within(self.task).await.expect("no panic");
        self.state.borrow().clone()
    }

    /// Tells the source to stop without waiting for it.
    pub(crate) fn begin_stop(&self) {
        self.shutdown.cancel();
    }
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(GUARD, future).await.expect("it happens in time")
}

pub(crate) fn text(received: &Received) -> String {
    String::from_utf8_lossy(&received.payload).into_owned()
}

pub(crate) fn texts(received: &[Received]) -> Vec<String> {
    received.iter().map(text).collect()
}

/// Acknowledges messages as the station does.
pub(crate) fn settle(received: impl IntoIterator<Item = Received>) {
    acknowledge(tokens(received));
}

pub(crate) fn tokens(received: impl IntoIterator<Item = Received>) -> Vec<AckToken> {
    received.into_iter().map(|received| received.ack).collect()
}

pub(crate) fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}
