//! From settings to a client that is ready to connect.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use native_tls::{Certificate, Identity, TlsConnector};
use rumqttc::{MqttOptions, NetworkOptions, TlsConfiguration, Transport, v5};
use tokio::net::{TcpStream, UnixListener};

use super::failure::{self, CONNECT_SECS, Failure};
use super::settings::{MqttSettings, PACKET_LIMIT_BYTES, Protocol, TlsSettings};
use super::wire::{Handle, Pump, Wire};
use crate::Secret;

/// What a broker may send unacknowledged, where it lets the client choose (MQTT 5).
const RECEIVE_MAXIMUM: u16 = 8192;

/// Makes the client for one connection to `port`, reading the certificate files anew, so that renewed ones count.
///
/// Packets up to `read_bytes` are read at all: one that is over the limit must be taken in to be refused, because a
/// client that hangs up on it gets the same packet again at each reconnect.
pub(crate) async fn dial(
    settings: &MqttSettings,
    password: Option<&Secret>,
    port: u16,
    read_bytes: u32,
) -> Result<(Handle, Wire), Failure> {
    resolve(&settings.host, port).await?;
    // rumqttc joins host and port by a colon.
    let plain = if settings.host.contains(':') { format!("[{}]", settings.host) } else { settings.host.clone() };
    let (transport, host, pump) = match &settings.tls {
        None => (Transport::Tcp, plain, None),
        Some(tls) => {
            let connector = connector(tls).await?;
            match tls.server_name.as_ref().filter(|name| **name != settings.host) {
                None => (Transport::tls_with_config(TlsConfiguration::NativeConnector(connector)), plain, None),
                Some(name) => {
                    let (path, pump) = bridge(connector, name, &settings.host, port).await?;
                    (Transport::Unix, path, Some(pump))
                }
            }
        }
    };
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

/// Encrypts towards a broker whose certificate bears another name than the host it is reached by: rumqttc takes both from
/// one setting. It gets a socket in a folder of our own instead; the pump carries what goes through.
async fn bridge(connector: TlsConnector, name: &str, host: &str, port: u16) -> Result<(String, Pump), Failure> {
    let connecting = async {
        let stream = TcpStream::connect((host, port)).await.map_err(failure::io)?;
        stream.set_nodelay(true).map_err(failure::io)?;
        let connector = rumqttc::tokio_native_tls::TlsConnector::from(connector);
        connector.connect(name, stream).await.map_err(|cause| Failure::Tls(cause.to_string()))
    };
    let connected = tokio::time::timeout(Duration::from_secs(CONNECT_SECS), connecting).await;
    let mut far = connected.unwrap_or(Err(Failure::NoAnswer))?;
    let ours_alone = Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().prefix("penstock-").permissions(ours_alone).tempdir().map_err(Failure::Io)?;
    let path = folder.path().join("broker");
    let listener = UnixListener::bind(&path).map_err(Failure::Io)?;
    let pump = async move {
        let (mut near, _) = listener.accept().await?;
        drop(folder);
        tokio::io::copy_bidirectional(&mut near, &mut far).await.map(|_counts| ())
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
