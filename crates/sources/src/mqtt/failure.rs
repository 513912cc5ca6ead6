//! What ends a connection, and what a person can do about it.

use std::io;

use penstock_model::Timestamp;
use rumqttc::v5;
use rumqttc::v5::mqttbytes::Error as V5Error;
use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode as V5Code, DisconnectReasonCode};

use super::settings::{MqttSettings, Protocol};
use crate::{Problem, ProblemKind};

/// Why there is no connection (any more).
#[derive(Debug)]
pub(crate) enum Failure {
    /// A file named in the settings cannot be used; says which and why.
    Setting(String),
    HostUnknown(String),
    /// The operating system refuses, or the stream broke.
    Io(io::Error),
    NoAnswer,
    Tls(String),
    Credentials,
    ClientId,
    ProtocolVersion,
    BrokerBusy(String),
    /// The broker ended the connection and said why.
    EndedByBroker(String),
    TakenOver,
    /// The broker closed this many connections in a row soon after they were made, without a word.
    ClosedAgain(u32),
    /// A packet of this size is over what is read at all.
    TooLarge(usize),
    /// A message holds text that is not UTF-8: its topic, or in version 5 one of its properties.
    BrokenText,
    /// What came is not MQTT, or breaks its rules.
    Gibberish(String),
    Closed,
    /// The stream ended in the middle of a packet, or of what is none.
    CutShort,
    /// The client's own state is stuck; a new one is made for the next connection.
    Stuck(String),
}

impl Failure {
    /// The failure in words, with the cure; `was_connected` tells a broken connection from one that never was.
    pub(crate) fn problem(&self, settings: &MqttSettings, was_connected: bool, at: Timestamp) -> Problem {
        let address = settings.address();
        let (kind, message, cure) = match self {
            Self::Setting(what) => (ProblemKind::Setting, what.clone(), "correct the file or the setting".to_owned()),
            Self::HostUnknown(cause) => (
                ProblemKind::HostUnknown,
                format!("host {:?} is not known ({cause})", settings.host),
                "check the spelling of host, and the name service of this machine".to_owned(),
            ),
            Self::Io(cause) if was_connected => (
                ProblemKind::ConnectionLost,
                format!("the connection to {address} broke ({cause})"),
                "nothing: it is made again by itself; if this repeats, check the network and the broker's log"
                    .to_owned(),
            ),
            Self::Io(cause) if cause.kind() == io::ErrorKind::ConnectionRefused => (
                ProblemKind::Unreachable,
                format!("nothing listens at {address}"),
                "start the broker, or correct host and port".to_owned(),
            ),
            Self::Io(cause) => (
                ProblemKind::Unreachable,
                format!("{address} cannot be reached ({cause})"),
                "check host and port, the network and its firewalls".to_owned(),
            ),
            Self::NoAnswer if was_connected => (
                ProblemKind::NoAnswer,
                format!("the broker at {address} stopped answering"),
                "nothing: the connection is made again by itself; if this repeats, see how busy the broker is"
                    .to_owned(),
            ),
            Self::NoAnswer => (
                ProblemKind::NoAnswer,
                format!("{address} does not answer within {CONNECT_SECS} s"),
                format!("check host and port, firewalls, and whether the port {}", expects_tls(settings)),
            ),
            Self::Tls(cause) => (
                ProblemKind::TlsRefused,
                format!("no encrypted connection to {address} ({cause})"),
                tls_cure(settings, cause),
            ),
            Self::Credentials => (
                ProblemKind::CredentialsRefused,
                match &settings.username {
                    Some(user) => format!("the broker at {address} refuses user {user:?}"),
                    None => format!("the broker at {address} asks for a user and password"),
                },
                "check username, set its password again, and see whether the broker lets it in".to_owned(),
            ),
            Self::ClientId => (
                ProblemKind::ClientIdRefused,
                format!("the broker at {address} refuses client id {:?}", settings.client_id),
                "choose another client_id: some brokers take only letters and digits, at most 23".to_owned(),
            ),
            Self::ProtocolVersion => (
                ProblemKind::ProtocolRefused,
                format!("the broker at {address} does not speak MQTT {}", version(settings.protocol)),
                format!("set protocol to \"{}\"", version(other(settings.protocol))),
            ),
            Self::BrokerBusy(cause) => (
                ProblemKind::BrokerUnavailable,
                format!("the broker at {address} takes no connection now ({cause})"),
                "nothing: it is tried again by itself; if this repeats, see the broker's log".to_owned(),
            ),
            Self::EndedByBroker(cause) => (
                ProblemKind::ConnectionLost,
                format!("the broker at {address} ended the connection ({cause})"),
                "nothing: it is made again by itself; if this repeats, see the broker's log".to_owned(),
            ),
            Self::TakenOver => (
                ProblemKind::TakenOver,
                format!("another client connected to {address} as {:?}", settings.client_id),
                "give each station and each source a client_id of its own".to_owned(),
            ),
            Self::ClosedAgain(times) => (
                ProblemKind::TakenOver,
                format!(
                    "the broker at {address} closed {times} connections in a row: most likely another client connects as \
                     {:?}",
                    settings.client_id
                ),
                "give each station and each source a client_id of its own, else see the broker's log".to_owned(),
            ),
            Self::TooLarge(bytes) => over_limit(settings, None, *bytes),
            Self::BrokenText => (
                ProblemKind::BrokenTopic,
                format!("{address} sent a message with a topic or a property that is not UTF-8"),
                "nothing: it is read in another way now; if this repeats, find the device that sends it".to_owned(),
            ),
            Self::Gibberish(cause) => (
                ProblemKind::ProtocolRefused,
                format!("what answers at {address} does not speak MQTT {} ({cause})", version(settings.protocol)),
                format!(
                    "check that port {} {}; try protocol \"{}\"",
                    settings.port,
                    expects_tls(settings),
                    version(other(settings.protocol))
                ),
            ),
            Self::Closed | Self::CutShort if was_connected => (
                ProblemKind::ConnectionLost,
                format!("the broker at {address} closed the connection"),
                "nothing: it is made again by itself; if this repeats, see the broker's log".to_owned(),
            ),
            Self::CutShort => {
                let cause = "it ended in the middle of a packet".to_owned();
                return Self::Gibberish(cause).problem(settings, was_connected, at);
            }
            // A broker says why it refuses a certificate, and its word is often lost as it hangs up.
            Self::Closed if settings.tls.is_some() => (
                ProblemKind::TlsRefused,
                format!("{address} closes the encrypted connection without a word"),
                format!(
                    "see whether the broker knows the authority of this station's cert_file, and whether port {} takes MQTT",
                    settings.port
                ),
            ),
            Self::Closed => (
                ProblemKind::ProtocolRefused,
                format!("{address} closes the connection without a word"),
                format!("check that port {} {} and takes MQTT", settings.port, expects_tls(settings)),
            ),
            Self::Stuck(cause) => (
                ProblemKind::ConnectionLost,
                format!("the connection to {address} got stuck ({cause})"),
                "nothing: it is made anew by itself".to_owned(),
            ),
        };
        Problem { at, kind, message, cure }
    }
}

/// Seconds a connection may take, from the first packet to the broker's word.
pub(crate) const CONNECT_SECS: u64 = 5;

/// A message that is too large, in words.
pub(crate) fn over_limit(settings: &MqttSettings, topic: Option<&str>, bytes: usize) -> (ProblemKind, String, String) {
    let on = topic.map(|topic| format!(" on topic {topic:?}")).unwrap_or_default();
    (
        ProblemKind::OverLimit,
        format!("a message of {bytes} bytes{on} is over the limit of {} and was refused", settings.packet_limit_bytes),
        format!("let the device send less at once, in several messages (source {:?})", settings.name),
    )
}

/// A message whose topic is not UTF-8, in words.
pub(crate) fn broken_topic(settings: &MqttSettings, topic: &str) -> (ProblemKind, String, String) {
    (
        ProblemKind::BrokenTopic,
        format!("a message on topic {topic:?} was not read: what is replaced in this topic is not UTF-8"),
        format!("find the device that sends it and correct it (source {:?})", settings.name),
    )
}

fn tls_cure(settings: &MqttSettings, cause: &str) -> String {
    let has = |word: &str| cause.to_ascii_lowercase().contains(word);
    let cure = if has("certificate required") || has("handshake failure") || has("bad certificate") {
        "the broker asks for a certificate it knows: set cert_file and key_file to one that its authority signed"
    } else if has("hostname mismatch") || has("ip address mismatch") {
        "the broker's certificate bears another name: set host or server_name to a name it bears"
    } else if has("expired") {
        "a certificate is out of date: renew it, or set the clock of this machine"
    } else if has("certificate verify failed") || has("unknown ca") || has("self-signed") || has("self signed") {
        "the authority is not trusted: set ca_file to the certificate of the authority that signed the other side's"
    } else if has("wrong version number") || has("packet length too long") {
        "this port does not speak TLS: take tls out, or use the broker's TLS port"
    } else {
        "check ca_file, cert_file, key_file and server_name"
    };
    format!("{cure} (source {:?})", settings.name)
}

fn expects_tls(settings: &MqttSettings) -> &'static str {
    if settings.tls.is_some() {
        "expects TLS, as set"
    } else {
        "expects a plain connection (set tls where it expects TLS)"
    }
}

fn version(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::V3 => "3.1.1",
        Protocol::V5 => "5",
    }
}

fn other(protocol: Protocol) -> Protocol {
    match protocol {
        Protocol::V3 => Protocol::V5,
        Protocol::V5 => Protocol::V3,
    }
}

/// Errors of an encrypted stream come as plain I/O errors; their text tells them apart.
pub(crate) fn io(cause: io::Error) -> Failure {
    let text = cause.to_string();
    match cause.kind() {
        _ if text.contains("SSL routines") || text.contains("alert") => Failure::Tls(text),
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => Failure::Closed,
        io::ErrorKind::TimedOut => Failure::NoAnswer,
        // What tokio's framing says at the end of a stream; it has no kind of its own.
        io::ErrorKind::Other if text == "bytes remaining on stream" => Failure::CutShort,
        _ => Failure::Io(cause),
    }
}

fn tls(cause: rumqttc::TlsError) -> Failure {
    match cause {
        rumqttc::TlsError::Io(cause) => io(cause),
        cause => Failure::Tls(cause.to_string()),
    }
}

impl From<rumqttc::ConnectionError> for Failure {
    fn from(error: rumqttc::ConnectionError) -> Self {
        use rumqttc::{ConnectReturnCode, ConnectionError};
        match error {
            ConnectionError::MqttState(state) => state.into(),
            ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => Self::NoAnswer,
            ConnectionError::Tls(cause) => tls(cause),
            ConnectionError::Io(cause) => io(cause),
            ConnectionError::ConnectionRefused(code) => match code {
                ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized => Self::Credentials,
                ConnectReturnCode::BadClientId => Self::ClientId,
                ConnectReturnCode::RefusedProtocolVersion => Self::ProtocolVersion,
                ConnectReturnCode::ServiceUnavailable => Self::BrokerBusy("service unavailable".to_owned()),
                ConnectReturnCode::Success => Self::Gibberish("success as a refusal".to_owned()),
            },
            ConnectionError::NotConnAck(_) => Self::Gibberish("its first word is no acknowledgement".to_owned()),
            ConnectionError::RequestsDone => Self::Stuck("nobody asks for anything".to_owned()),
        }
    }
}

impl From<rumqttc::StateError> for Failure {
    fn from(error: rumqttc::StateError) -> Self {
        use rumqttc::{Error, StateError};
        match error {
            StateError::Io(cause) | StateError::Deserialization(Error::Io(cause)) => io(cause),
            StateError::Deserialization(Error::PayloadSizeLimitExceeded(bytes)) => Self::TooLarge(bytes),
            StateError::Deserialization(Error::TopicNotUtf8) => Self::BrokenText,
            StateError::Deserialization(cause) => Self::Gibberish(cause.to_string()),
            StateError::AwaitPingResp => Self::NoAnswer,
            StateError::ConnectionAborted => Self::Closed,
            StateError::WrongPacket => Self::Gibberish("a packet only clients send".to_owned()),
            cause => Self::Stuck(cause.to_string()),
        }
    }
}

impl From<v5::ConnectionError> for Failure {
    fn from(error: v5::ConnectionError) -> Self {
        use v5::ConnectionError;
        match error {
            ConnectionError::MqttState(state) => state.into(),
            ConnectionError::Timeout(_) => Self::NoAnswer,
            ConnectionError::Tls(cause) => tls(cause),
            ConnectionError::Io(cause) => io(cause),
            ConnectionError::ConnectionRefused(code) => refused(code),
            ConnectionError::NotConnAck(_) => Self::Gibberish("its first word is no acknowledgement".to_owned()),
            ConnectionError::RequestsDone => Self::Stuck("nobody asks for anything".to_owned()),
        }
    }
}

impl From<v5::StateError> for Failure {
    fn from(error: v5::StateError) -> Self {
        use v5::StateError;
        match error {
            StateError::Io(cause) | StateError::Deserialization(V5Error::Io(cause)) => io(cause),
            StateError::Deserialization(V5Error::PayloadSizeLimitExceeded { pkt_size, .. })
            | StateError::IncomingPacketTooLarge { pkt_size, .. } => Self::TooLarge(pkt_size),
            StateError::Deserialization(V5Error::TopicNotUtf8) => Self::BrokenText,
            StateError::Deserialization(cause) => Self::Gibberish(cause.to_string()),
            StateError::AwaitPingResp => Self::NoAnswer,
            StateError::ConnectionAborted => Self::Closed,
            StateError::ConnFail { reason } => refused(reason),
            StateError::ServerDisconnect { reason_code: DisconnectReasonCode::SessionTakenOver, .. } => Self::TakenOver,
            StateError::ServerDisconnect { reason_code, reason_string } => {
                Self::EndedByBroker(reason_string.unwrap_or_else(|| format!("{reason_code:?}")))
            }
            StateError::WrongPacket => Self::Gibberish("a packet only clients send".to_owned()),
            cause => Self::Stuck(cause.to_string()),
        }
    }
}

fn refused(code: V5Code) -> Failure {
    match code {
        V5Code::BadUserNamePassword | V5Code::NotAuthorized | V5Code::Banned | V5Code::BadAuthenticationMethod => {
            Failure::Credentials
        }
        V5Code::BadClientId | V5Code::ClientIdentifierNotValid => Failure::ClientId,
        V5Code::RefusedProtocolVersion | V5Code::UnsupportedProtocolVersion => Failure::ProtocolVersion,
        code => Failure::BrokerBusy(format!("{code:?}")),
    }
}
