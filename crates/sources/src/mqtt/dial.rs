//! From settings to a client that is ready to connect.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use native_tls::{Certificate, Identity, TlsConnector};
use rumqttc::{MqttOptions, NetworkOptions, TlsConfiguration, Transport, v5};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixListener};

use super::failure::{self, CONNECT_SECS, Failure};
use super::mend;
use super::settings::{MqttSettings, PACKET_LIMIT_BYTES, Protocol, TlsSettings};
use super::wire::{Handle, Pump, Wire};
use crate::Secret;

/// What a broker may send unacknowledged, where it lets the client choose (MQTT 5).
const RECEIVE_MAXIMUM: u16 = 8192;

/// What is read at all on one connection. What is refused must be taken in too, because a client that hangs up on a
/// message gets it again at each reconnect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// Packets up to this size.
    pub(crate) most_bytes: u32,
    /// Also messages with text that is not UTF-8. Only where such came: it costs a way through a socket.
    pub(crate) mends: bool,
}

/// Makes the client for one connection to `port`, reading the certificate files anew, so that renewed ones count.
pub(crate) async fn dial(
    settings: &MqttSettings,
    password: Option<&Secret>,
    port: u16,
    reading: Reading,
) -> Result<(Handle, Wire), Failure> {
    resolve(&settings.host, port).await?;
    // rumqttc joins host and port by a colon.
    let plain = if settings.host.contains(':') { format!("[{}]", settings.host) } else { settings.host.clone() };
    let mends = reading.mends.then_some(settings.protocol);
    let (transport, host, pump) = match &settings.tls {
        None if mends.is_none() => (Transport::Tcp, plain, None),
        None => {
            let (path, pump) = bridge(in_time(connect(&settings.host, port)).await?, mends)?;
            (Transport::Unix, path, Some(pump))
        }
        Some(tls) => {
            let connector = connector(tls).await?;
            match tls.server_name.as_ref().filter(|name| **name != settings.host) {
                None if mends.is_none() => {
                    (Transport::tls_with_config(TlsConfiguration::NativeConnector(connector)), plain, None)
                }
                // rumqttc takes the name in the certificate and the host it is reached by from one setting.
                name => {
                    let name = name.unwrap_or(&settings.host);
                    let encrypted = in_time(encrypt(connector, name, &settings.host, port)).await?;
                    let (path, pump) = bridge(encrypted, mends)?;
                    (Transport::Unix, path, Some(pump))
                }
            }
        }
    };
    let read_bytes = reading.most_bytes;
    let keep_alive = Duration::from_secs(settings.keep_alive_secs.into());
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_SECS);
    match settings.protocol {
        Protocol::V3 => {
            let mut options = MqttOptions::new(&settings.client_id, host, port);
            options
                .set_transport(transport)
                .set_keep_alive(keep_alive)
                .set_clean_session(false)
                .set_manual_acks(true)
                .set_max_packet_size(read_bytes as usize, read_bytes as usize);
            if let Some(user) = &settings.username {
                options.set_credentials(user, password.map_or("", Secret::expose));
            }
            Ok(Wire::v3(options, network, pump))
        }
        Protocol::V5 => {
            let mut options = v5::MqttOptions::new(&settings.client_id, host, port);
            options
                .set_transport(transport)
                .set_keep_alive(keep_alive)
                .set_clean_start(false)
                .set_session_expiry_interval(Some(u32::MAX))
                .set_manual_acks(true)
                .set_max_packet_size(Some(read_bytes))
                .set_receive_maximum(Some(RECEIVE_MAXIMUM))
                .set_connection_timeout(CONNECT_SECS)
                .set_network_options(network)
                // Nothing but acknowledgements goes out; left unset, rumqttc makes room for 65,535 publishes.
                .set_outgoing_inflight_upper_limit(16);
            if let Some(user) = &settings.username {
                options.set_credentials(user, password.map_or("", Secret::expose));
            }
            Ok(Wire::v5(options, pump))
        }
    }
}

/// How large packets are read by default: well over the limit, so that what is over it can be named and refused.
pub(crate) const READ_BYTES: u32 = *PACKET_LIMIT_BYTES.end() + 128 * 1024;

/// Looks the host up, only to tell an unknown name from an unreachable machine.
async fn resolve(host: &str, port: u16) -> Result<(), Failure> {
    let lookup = tokio::time::timeout(Duration::from_secs(CONNECT_SECS), tokio::net::lookup_host((host, port)));
    match lookup.await {
        Ok(Ok(mut found)) => match found.next() {
            Some(_) => Ok(()),
            None => Err(Failure::HostUnknown("no address".to_owned())),
        },
        Ok(Err(cause)) => Err(Failure::HostUnknown(cause.to_string())),
        Err(_elapsed) => Err(Failure::HostUnknown(format!("no answer from the name service within {CONNECT_SECS} s"))),
    }
}

async fn in_time<T>(connecting: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let connected = tokio::time::timeout(Duration::from_secs(CONNECT_SECS), connecting).await;
    connected.unwrap_or(Err(Failure::NoAnswer))
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect((host, port)).await.map_err(failure::io)?;
    stream.set_nodelay(true).map_err(failure::io)?;
    Ok(stream)
}

/// Encrypts towards a broker whose certificate bears `name`.
async fn encrypt(
    connector: TlsConnector,
    name: &str,
    host: &str,
    port: u16,
) -> Result<rumqttc::tokio_native_tls::TlsStream<TcpStream>, Failure> {
    let stream = connect(host, port).await?;
    let connector = rumqttc::tokio_native_tls::TlsConnector::from(connector);
    connector.connect(name, stream).await.map_err(|cause| Failure::Tls(cause.to_string()))
}

/// Puts what rumqttc cannot do by itself between it and the broker: it gets a socket in a folder of our own, and the
/// pump carries what goes through, mended where a protocol is given.
fn bridge(
    mut far: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    mends: Option<Protocol>,
) -> Result<(String, Pump), Failure> {
    let ours_alone = Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().prefix("penstock-").permissions(ours_alone).tempdir().map_err(Failure::Io)?;
    let path = folder.path().join("broker");
    let listener = UnixListener::bind(&path).map_err(Failure::Io)?;
    let pump = async move {
        let (mut near, _) = listener.accept().await?;
        drop(folder);
        let Some(protocol) = mends else {
            return tokio::io::copy_bidirectional(&mut near, &mut far).await.map(|_counts| ());
        };
        let (from_broker, mut to_broker) = tokio::io::split(far);
        let (mut from_here, to_here) = near.into_split();
        let sending = async {
            tokio::io::copy(&mut from_here, &mut to_broker).await?;
            to_broker.shutdown().await
        };
        tokio::try_join!(mend::carry(from_broker, to_here, protocol), sending).map(|_both| ())
    };
    Ok((path.to_string_lossy().into_owned(), Box::pin(pump)))
}

async fn connector(tls: &TlsSettings) -> Result<TlsConnector, Failure> {
    let mut builder = TlsConnector::builder();
    builder.min_protocol_version(Some(native_tls::Protocol::Tlsv12));
    if let Some(path) = &tls.ca_file {
        let authorities = Certificate::stack_from_pem(&read(path).await?)
            .map_err(|cause| unusable(path, "holds no PEM certificate", &cause))?;
        if authorities.is_empty() {
            return Err(Failure::Setting(format!("ca_file {} holds no certificate", path.display())));
        }
        builder.disable_built_in_roots(true);
        for authority in authorities {
            builder.add_root_certificate(authority);
        }
    }
    if let (Some(cert_file), Some(key_file)) = (&tls.cert_file, &tls.key_file) {
        let (cert, key) = (read(cert_file).await?, read(key_file).await?);
        let identity = Identity::from_pkcs8(&cert, &key).map_err(|cause| {
            Failure::Setting(format!(
                "cert_file {} and key_file {} do not make an identity ({cause}); the key must be PKCS #8, as made by \
                 `openssl pkcs8 -topk8 -nocrypt`",
                cert_file.display(),
                key_file.display()
            ))
        })?;
        builder.identity(identity);
    }
    builder.build().map_err(|cause| Failure::Tls(cause.to_string()))
}

async fn read(path: &PathBuf) -> Result<Vec<u8>, Failure> {
    tokio::fs::read(path)
        .await
        .map_err(|cause| Failure::Setting(format!("file {} cannot be read ({cause})", path.display())))
}

fn unusable(path: &Path, what: &str, cause: &native_tls::Error) -> Failure {
    Failure::Setting(format!("file {} {what} ({cause})", path.display()))
}
