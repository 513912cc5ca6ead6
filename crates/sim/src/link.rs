//! Connections to the broker: one for each gateway as in the field, with its own last will, and one that carries the
//! past. Must not know what is said over them.

use std::sync::Arc;
use std::time::Duration;

use rumqttc::{AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Packet, QoS};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::Error;
use crate::feed::status_topic;

/// Largest packet either way; the messages of the past are about 11 KiB.
const PACKET_BYTES: usize = 256 * 1_024;
/// Messages that a gateway keeps while its broker is away; later ones are lost, as with real devices.
const QUEUE: usize = 200;
/// Messages on their way at once on the connection of the past.
const IN_FLIGHT: u16 = 100;

/// Where the broker is and who we are to it.
#[derive(Debug, Clone)]
pub struct Broker {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User name and password, where it wants them.
    pub credentials: Option<(String, String)>,
    /// What every topic begins with, for example `jjm/sensors`.
    pub topic_prefix: String,
    /// What every client id begins with.
    pub client_prefix: String,
}

impl Broker {
    fn options(&self, name: &str) -> MqttOptions {
        let mut options = MqttOptions::new(format!("{}-{name}", self.client_prefix), &self.host, self.port);
        options.set_keep_alive(Duration::from_secs(15));
        options.set_max_packet_size(PACKET_BYTES, PACKET_BYTES);
        if let Some((user, password)) = &self.credentials {
            options.set_credentials(user, password);
        }
        options
    }
}

/// A gateway's connection. Dropping it breaks the connection, so that the broker tells of it by the last will.
#[derive(Debug)]
pub(crate) struct Gateway {
    client: AsyncClient,
    task: JoinHandle<()>,
}

impl Gateway {
    /// Connects, again and again, as the gateway `tag`; says it is online on each connection.
    pub(crate) fn connect(broker: &Broker, tag: &str) -> Self {
        let topic = status_topic(&broker.topic_prefix, tag);
        let mut options = broker.options(tag);
        options.set_last_will(LastWill::new(&topic, "offline", QoS::AtLeastOnce, true));
        let (client, events) = AsyncClient::new(options, QUEUE);
        // First in the queue, so that it is known to be online before it says anything else.
        let mut queued = client.try_publish(&topic, QoS::AtLeastOnce, true, "online").is_ok();
        let announcer = client.clone();
        let task = tokio::spawn(keep_connected(events, tag.to_owned(), move || {
            // A full queue means that the broker is not listening; the next connection says it again.
            std::mem::take(&mut queued) || announcer.try_publish(&topic, QoS::AtLeastOnce, true, "online").is_ok()
        }));
        Self { client, task }
    }

    /// Says something, or loses it where the queue is full; whether it was queued.
    pub(crate) fn say(&self, topic: &str, payload: String) -> bool {
        self.client.try_publish(topic, QoS::AtLeastOnce, false, payload).is_ok()
    }

    /// Leaves in order: the status is told, then the connection closed.
    pub(crate) async fn leave(mut self, topic: &str) {
        let told = self.client.try_publish(topic, QoS::AtLeastOnce, true, "offline").is_ok();
        if told && self.client.try_disconnect().is_ok() {
            // A broker that is away cannot be told; the will says it then.
            let ended = tokio::time::timeout(Duration::from_secs(2), &mut self.task).await;
            tracing::debug!(in_time = ended.is_ok(), "gateway left");
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Polls a connection for ever, and connects anew after a pause that grows to ten seconds.
async fn keep_connected(mut events: EventLoop, tag: String, mut on_connect: impl FnMut() -> bool) {
    let mut pause = Duration::from_millis(250);
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                pause = Duration::from_millis(250);
                tracing::debug!(%tag, told = on_connect(), "gateway connected");
            }
            Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect)) => return,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%tag, %error, "gateway lost its broker");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(10));
            }
        }
    }
}

/// The connection that carries the past: nothing is lost on it, and no more than a bounded number of messages is
/// on its way at once.
#[derive(Debug)]
pub(crate) struct Carrier {
    client: AsyncClient,
    task: JoinHandle<()>,
    room: Arc<Semaphore>,
    failed: watch::Receiver<Option<String>>,
    broker: Broker,
}

impl Carrier {
    /// Connects as `name`.
    ///
    /// # Errors
    /// [`Error::Broker`] where the broker refuses us.
    pub(crate) async fn connect(broker: &Broker, name: &str) -> Result<Self, Error> {
        let mut options = broker.options(name);
        options.set_inflight(IN_FLIGHT);
        // The session outlives a lost connection, so that what was on its way is said again.
        options.set_clean_session(false);
        let (client, events) = AsyncClient::new(options, usize::from(IN_FLIGHT));
        let room = Arc::new(Semaphore::new(usize::from(IN_FLIGHT)));
        let (report, mut failed) = watch::channel(None);
        let (ready, mut connected) = watch::channel(false);
        let task = tokio::spawn(carry(events, Arc::clone(&room), report, ready));
        tokio::select! {
            done = connected.wait_for(|connected| *connected) => drop(done),
            _ = failed.wait_for(Option::is_some) => {}
        }
        let carrier = Self { client, task, room, failed, broker: broker.clone() };
        carrier.check()?;
        Ok(carrier)
    }

    /// Says something once there is room for it on the way.
    ///
    /// # Errors
    /// [`Error::Broker`] where the broker refuses us.
    pub(crate) async fn say(&mut self, topic: &str, retain: bool, payload: String) -> Result<(), Error> {
        self.wait_for(1).await?;
        match self.client.publish(topic, QoS::AtLeastOnce, retain, payload).await {
            Ok(()) => Ok(()),
            Err(error) => Err(Error::Broker { address: self.broker.host.clone(), why: error.to_string() }),
        }
    }

    /// Waits until everything said has reached the broker, and leaves.
    ///
    /// # Errors
    /// [`Error::Broker`] where the broker refuses us.
    pub(crate) async fn finish(mut self) -> Result<(), Error> {
        self.wait_for(u32::from(IN_FLIGHT)).await?;
        if self.client.disconnect().await.is_ok() {
            let ended = tokio::time::timeout(Duration::from_secs(2), &mut self.task).await;
            tracing::debug!(in_time = ended.is_ok(), "carrier left");
        }
        Ok(())
    }

    /// Takes `count` places on the way; each comes back when the broker has acknowledged a message.
    async fn wait_for(&mut self, count: u32) -> Result<(), Error> {
        tokio::select! {
            permit = self.room.acquire_many(count) => {
                if let Ok(permit) = permit {
                    permit.forget();
                }
            }
            _ = self.failed.wait_for(Option::is_some) => {}
        }
        self.check()
    }

    fn check(&self) -> Result<(), Error> {
        let address = format!("{}:{}", self.broker.host, self.broker.port);
        match &*self.failed.borrow() {
            Some(why) => Err(Error::Broker { address, why: why.clone() }),
            None => Ok(()),
        }
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(
    mut events: EventLoop,
    room: Arc<Semaphore>,
    failed: watch::Sender<Option<String>>,
    ready: watch::Sender<bool>,
) {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                ready.send_replace(true);
            }
            Ok(Event::Incoming(Packet::PubAck(_))) => room.add_permits(1),
            Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect)) => return,
            Ok(_) => {}
            Err(ConnectionError::ConnectionRefused(code)) if code != ConnectReturnCode::ServiceUnavailable => {
                failed.send_replace(Some(format!("{code:?}")));
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "the broker is away");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }
}
