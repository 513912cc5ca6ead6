//! The station's sources while they run: started, watched, replaced and stopped one by one.
//!
//! Must not know what happens to a message.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use penstock_api::{BrokerTest, MqttVersion, SourceHealth};
use penstock_model::Clock;
use penstock_sources::mqtt::{MqttSettings, MqttSource, Protocol, TlsSettings};
use penstock_sources::{Link, Received, Secret, Source as _, SourceState};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::settings::{BrokerSettings, LOCAL_SOURCE};

/// How long a source may take to stop.
const STOP: Duration = Duration::from_secs(5);
/// How long a broker is tried before the try counts as failed.
const TRY: Duration = Duration::from_secs(8);

/// The running sources.
pub(crate) struct WaysIn {
    clock: Clock,
    folder: PathBuf,
    /// Taken when the station stops: the pipeline ends when nobody can send to it any more.
    out: Mutex<Option<mpsc::Sender<Received>>>,
    running: Mutex<BTreeMap<String, Way>>,
}

struct Way {
    settings: MqttSettings,
    state: watch::Receiver<SourceState>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl WaysIn {
    /// None running; messages go to `out`, what sources remember into `folder`.
    pub(crate) fn new(clock: Clock, folder: PathBuf, out: mpsc::Sender<Received>) -> Self {
        Self { clock, folder, out: Mutex::new(Some(out)), running: Mutex::default() }
    }

    /// Starts a source; one of the same name is stopped first.
    pub(crate) async fn start(&self, settings: MqttSettings, source: MqttSource) {
        let name = settings.name.clone();
        self.stop(&name).await;
        let out = self.out.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(out) = out else { return };
        let (state_in, state) = watch::channel(source.first_state());
        let stop = CancellationToken::new();
        let task = tokio::spawn(source.run(out, state_in, stop.clone()));
        let way = Way { settings, state, stop, task };
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(name, way);
    }

    /// A source for a broker beside the station's own.
    ///
    /// # Errors
    /// Where a setting cannot be used.
    pub(crate) fn source(&self, settings: MqttSettings, password: Option<Secret>) -> Result<MqttSource, Error> {
        let file = self.folder.join(format!("{}.session", settings.name));
        Ok(MqttSource::new(settings, password, self.clock.clone())?.remembering(file))
    }

    /// Stops the source of that name, where there is one.
    pub(crate) async fn stop(&self, name: &str) {
        let way = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        if let Some(way) = way {
            end(name, way).await;
        }
    }

    /// Stops all of them; no more can be started. Each stays until what it handed on is acknowledged, within its time.
    pub(crate) async fn stop_all(&self) {
        self.out.lock().unwrap_or_else(PoisonError::into_inner).take();
        let all = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        for way in all.values() {
            way.stop.cancel();
        }
        for (name, way) in all {
            end(&name, way).await;
        }
    }

    /// How each fares.
    pub(crate) fn states(&self) -> Vec<(MqttSettings, SourceState)> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.values().map(|way| (way.settings.clone(), way.state.borrow().clone())).collect()
    }

    /// How each fares, for people.
    pub(crate) fn health(&self) -> Vec<SourceHealth> {
        self.states().into_iter().map(|(settings, state)| health(&settings, state)).collect()
    }

    /// Tries to connect and subscribe under a name of its own, and keeps nothing.
    ///
    /// # Errors
    /// Where a setting cannot be used.
    pub(crate) async fn try_out(
        &self,
        mut settings: MqttSettings,
        password: Option<Secret>,
    ) -> Result<BrokerTest, Error> {
        settings.check()?;
        settings.client_id = format!("{}-test", settings.client_id);
        // A topic that nobody publishes to, so that nothing is taken away or piled up.
        settings.topics = vec![format!("penstock/test/{}", settings.client_id)];
        let source = MqttSource::new(settings.clone(), password, self.clock.clone())?;
        let (out, _kept) = mpsc::channel(1);
        let (state_in, mut state) = watch::channel(source.first_state());
        let stop = CancellationToken::new();
        let task = tokio::spawn(source.run(out, state_in, stop.clone()));
        let settled = state.wait_for(|state| state.is_connected() || state.last_problem.is_some());
        let outcome = match tokio::time::timeout(TRY, settled).await {
            Ok(Ok(state)) if state.is_connected() => {
                BrokerTest { ok: true, message: format!("connected to {} and subscribed", state.address) }
            }
            Ok(Ok(state)) => {
                let problem = state.last_problem.as_ref().map(ToString::to_string).unwrap_or_default();
                BrokerTest { ok: false, message: problem }
            }
            _ => BrokerTest {
                ok: false,
                message: format!(
                    "{} did not answer within {} s: check host and port",
                    settings.address(),
                    TRY.as_secs()
                ),
            },
        };
        stop.cancel();
        drop(tokio::time::timeout(STOP, task).await);
        Ok(outcome)
    }
}

async fn end(name: &str, way: Way) {
    way.stop.cancel();
    if tokio::time::timeout(STOP, way.task).await.is_err() {
        tracing::warn!(
            source = name,
            "the source did not stop in time; its broker delivers anew what was not acknowledged"
        );
    }
}

fn health(settings: &MqttSettings, state: SourceState) -> SourceHealth {
    let (connected, since) = match state.link {
        Link::Connected { since } => (true, since),
        Link::Connecting { since } | Link::Down { since, .. } => (false, since),
        Link::Stopped => (false, penstock_model::Timestamp::default()),
    };
    SourceHealth {
        name: settings.name.clone(),
        address: state.address,
        protocol: match settings.protocol {
            Protocol::V3 => "MQTT 3.1.1".into(),
            Protocol::V5 => "MQTT 5".into(),
        },
        private: settings.name == LOCAL_SOURCE,
        connected,
        since,
        last_error: state.last_problem.map(|problem| problem.to_string()),
        messages: state.messages,
        messages_per_sec: state.messages_per_sec,
        reconnects: state.reconnects,
        dropped: state.dropped_by_broker,
    }
}

/// What a source needs of a broker's settings.
pub(crate) fn mqtt_settings(broker: &BrokerSettings, client_id: String) -> MqttSettings {
    let mut settings = MqttSettings::new(&broker.name, &broker.host, broker.port, client_id);
    settings.protocol = match broker.protocol {
        MqttVersion::V311 => Protocol::V3,
        MqttVersion::V5 => Protocol::V5,
    };
    settings.topics = broker.topics.clone();
    settings.username = broker.username.clone();
    settings.tls = broker.tls.as_ref().map(|tls| TlsSettings {
        ca_file: tls.ca_file.as_ref().map(PathBuf::from),
        cert_file: tls.cert_file.as_ref().map(PathBuf::from),
        key_file: tls.key_file.as_ref().map(PathBuf::from),
        server_name: None,
    });
    settings
}
