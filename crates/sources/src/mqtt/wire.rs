//! rumqttc's two clients, 3.1.1 and 5, behind one pair of types: the only place that knows them.
//!
//! A pair serves one connection and is thrown away with it. So nothing that rumqttc keeps across reconnects (buffered
//! events, unsent acknowledgements, a collision that never resolves) can reach the next connection.

use std::borrow::Cow;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};

use bytes::Bytes;
use rumqttc::v5::mqttbytes as v5bytes;
use rumqttc::v5::mqttbytes::v5 as v5packet;
use rumqttc::{Outgoing, v5};

use super::failure::{self, Failure};
use super::mend::MENDED;

/// Asks things of the connection without waiting; the [`Wire`] sends them when it is polled next.
pub(crate) enum Handle {
    V3(rumqttc::AsyncClient),
    V5(v5::AsyncClient),
}

/// The connection itself: connects at the first poll.
pub(crate) struct Wire {
    events: Events,
    /// Carries the bytes, where rumqttc does not reach the broker by itself.
    pump: Option<Pump>,
}

/// Moves bytes between rumqttc and the broker until either side ends.
pub(crate) type Pump = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

enum Events {
    V3(Box<rumqttc::EventLoop>),
    V5(Box<v5::EventLoop>),
}

/// What a poll brought.
pub(crate) enum Happening {
    Connected {
        session_present: bool,
    },
    Message(Message),
    /// The answer to one subscription: accepted or not, in the order of its topics.
    Subscribed(Vec<bool>),
    /// What [`Handle::stir`] or [`Handle::disconnect`] asked for is sent.
    Sent,
    Other,
}

pub(crate) struct Message {
    pub(crate) topic: Topic,
    pub(crate) payload: Bytes,
    /// 0 where the sender does not wait for an acknowledgement.
    pub(crate) packet_id: u16,
    pub(crate) is_retained: bool,
    pub(crate) is_redelivered: bool,
}

/// The topic as the client hands it out.
pub(crate) enum Topic {
    Text(String),
    Bytes(Bytes),
}

impl Topic {
    /// The topic as text, with what is not UTF-8 replaced, and whether there is such.
    pub(crate) fn text(&self) -> (Cow<'_, str>, bool) {
        match self {
            Self::Text(text) => match text.strip_prefix(MENDED) {
                Some(mended) => (Cow::Borrowed(mended), true),
                None => (Cow::Borrowed(text.as_str()), false),
            },
            Self::Bytes(bytes) => {
                let text = String::from_utf8_lossy(bytes);
                let is_broken = matches!(text, Cow::Owned(_));
                (text, is_broken)
            }
        }
    }
}

/// The acknowledgements that can wait to be sent: one for each packet id, and room for the few other requests.
const REQUESTS: usize = u16::MAX as usize + 64;

impl Wire {
    pub(crate) fn v3(
        options: rumqttc::MqttOptions,
        network: rumqttc::NetworkOptions,
        pump: Option<Pump>,
    ) -> (Handle, Self) {
        let (client, mut events) = rumqttc::AsyncClient::new(options, REQUESTS);
        events.set_network_options(network);
        (Handle::V3(client), Self { events: Events::V3(Box::new(events)), pump })
    }

    pub(crate) fn v5(options: v5::MqttOptions, pump: Option<Pump>) -> (Handle, Self) {
        let (client, events) = v5::AsyncClient::new(options, REQUESTS);
        (Handle::V5(client), Self { events: Events::V5(Box::new(events)), pump })
    }

    /// Waits for the next thing to happen. Dropping this future midway can lose a packet that is being written.
    pub(crate) async fn next(&mut self) -> Result<Happening, Failure> {
        let mut next = pin!(self.events.next());
        if let Some(pump) = &mut self.pump {
            tokio::select! {
                happening = &mut next => return happening,
                // rumqttc sees the end by itself, after what was still underway; only the cause would be lost.
                ended = pump => {
                    self.pump = None;
                    ended.map_err(failure::io)?;
                }
            }
        }
        next.await
    }

    /// The messages that were read before the connection broke and not yet handed out.
    pub(crate) fn leftovers(&mut self) -> Vec<Message> {
        let happenings: Vec<Happening> = match &mut self.events {
            Events::V3(events) => events.state.events.drain(..).map(from_v3).collect(),
            Events::V5(events) => events.state.events.drain(..).map(from_v5).collect(),
        };
        let message = |happening| if let Happening::Message(message) = happening { Some(message) } else { None };
        happenings.into_iter().filter_map(message).collect()
    }

    /// Forgets that an answer to a ping is awaited: it lies unread behind what is held back on purpose.
    pub(crate) fn forgive_silence(&mut self) {
        match &mut self.events {
            Events::V3(events) => events.state.await_pingresp = false,
            Events::V5(events) => events.state.await_pingresp = false,
        }
    }
}

impl Events {
    async fn next(&mut self) -> Result<Happening, Failure> {
        match self {
            Self::V3(events) => Ok(from_v3(events.poll().await?)),
            Self::V5(events) => Ok(from_v5(events.poll().await?)),
        }
    }
}

impl Handle {
    /// Whether there was room for the acknowledgement.
    pub(crate) fn acknowledge(&self, packet_id: u16) -> bool {
        match self {
            Self::V3(client) => {
                let publish = rumqttc::Publish {
                    dup: false,
                    qos: rumqttc::QoS::AtLeastOnce,
                    retain: false,
                    topic: String::new(),
                    pkid: packet_id,
                    payload: Bytes::new(),
                };
                client.try_ack(&publish).is_ok()
            }
            Self::V5(client) => {
                let publish = v5packet::Publish {
                    dup: false,
                    qos: v5bytes::QoS::AtLeastOnce,
                    retain: false,
                    topic: Bytes::new(),
                    pkid: packet_id,
                    payload: Bytes::new(),
                    properties: None,
                };
                client.try_ack(&publish).is_ok()
            }
        }
    }

    /// Whether there was room for the subscription.
    pub(crate) fn subscribe(&self, topics: &[String], qos: u8) -> bool {
        match self {
            Self::V3(client) => {
                let qos = if qos == 0 { rumqttc::QoS::AtMostOnce } else { rumqttc::QoS::AtLeastOnce };
                let filters = topics.iter().map(|topic| rumqttc::SubscribeFilter::new(topic.clone(), qos));
                client.try_subscribe_many(filters).is_ok()
            }
            Self::V5(client) => {
                let qos = if qos == 0 { v5bytes::QoS::AtMostOnce } else { v5bytes::QoS::AtLeastOnce };
                let filters = topics.iter().map(|topic| v5packet::Filter {
                    // The last words of the broker come once, with the first subscription, not at each reconnect.
                    retain_forward_rule: v5packet::RetainForwardRule::OnNewSubscribe,
                    ..v5packet::Filter::new(topic.clone(), qos)
                });
                client.try_subscribe_many(filters).is_ok()
            }
        }
    }

    /// Sends something harmless, so that the broker sees this client alive while its messages are left unread. It is no
    /// ping, because rumqttc sends pings only at times of its own.
    pub(crate) fn stir(&self) -> bool {
        const NEVER_SUBSCRIBED: &str = "penstock/still-here";
        match self {
            Self::V3(client) => client.try_unsubscribe(NEVER_SUBSCRIBED).is_ok(),
            Self::V5(client) => client.try_unsubscribe(NEVER_SUBSCRIBED).is_ok(),
        }
    }

    /// Says goodbye; the broker keeps the session.
    pub(crate) fn disconnect(&self) -> bool {
        match self {
            Self::V3(client) => client.try_disconnect().is_ok(),
            Self::V5(client) => client.try_disconnect().is_ok(),
        }
    }
}

fn from_v3(event: rumqttc::Event) -> Happening {
    use rumqttc::{Event, Packet, SubscribeReasonCode};
    match event {
        Event::Incoming(Packet::Publish(publish)) => Happening::Message(Message {
            topic: Topic::Text(publish.topic),
            payload: publish.payload,
            packet_id: publish.pkid,
            is_retained: publish.retain,
            is_redelivered: publish.dup,
        }),
        Event::Incoming(Packet::ConnAck(connack)) => Happening::Connected { session_present: connack.session_present },
        Event::Incoming(Packet::SubAck(suback)) => Happening::Subscribed(
            suback.return_codes.iter().map(|code| matches!(code, SubscribeReasonCode::Success(_))).collect(),
        ),
        Event::Outgoing(outgoing) => sent(&outgoing),
        Event::Incoming(_) => Happening::Other,
    }
}

fn from_v5(event: v5::Event) -> Happening {
    use v5::Event;
    use v5packet::{Packet, SubscribeReasonCode};
    match event {
        Event::Incoming(Packet::Publish(publish)) => Happening::Message(Message {
            topic: Topic::Bytes(publish.topic),
            payload: publish.payload,
            packet_id: publish.pkid,
            is_retained: publish.retain,
            is_redelivered: publish.dup,
        }),
        Event::Incoming(Packet::ConnAck(connack)) => Happening::Connected { session_present: connack.session_present },
        Event::Incoming(Packet::SubAck(suback)) => Happening::Subscribed(
            suback.return_codes.iter().map(|code| matches!(code, SubscribeReasonCode::Success(_))).collect(),
        ),
        Event::Outgoing(outgoing) => sent(&outgoing),
        Event::Incoming(_) => Happening::Other,
    }
}

fn sent(outgoing: &Outgoing) -> Happening {
    match outgoing {
        Outgoing::Unsubscribe(_) | Outgoing::Disconnect => Happening::Sent,
        _ => Happening::Other,
    }
}
