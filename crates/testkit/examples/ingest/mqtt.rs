//! As much of MQTT 3.1.1 as a load needs: connecting, publishing and receiving at QoS 1, with next to no work a message,
//! because it shares the processors with what it measures. Must not know what is published.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, Result, bail, ensure};

/// The bytes of a PUBACK.
pub(crate) const PUBACK_BYTES: usize = 4;

/// How a client reaches the broker. The password comes by the environment, never on a command line.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Account {
    /// Its port on this machine.
    pub(crate) port: u16,
    /// The user.
    pub(crate) user: String,
}

/// Where the password is.
pub(crate) const PASSWORD: &str = "INGEST_PASSWORD";

/// Connects; a session that is kept is the same one that the station asks for.
pub(crate) fn connect(account: &Account, client_id: &str, is_kept: bool) -> Result<TcpStream> {
    let password = std::env::var(PASSWORD).context("no password")?;
    let mut stream = TcpStream::connect(("127.0.0.1", account.port)).context("the broker does not listen")?;
    stream.set_nodelay(true)?;
    let mut body = Vec::new();
    text(&mut body, "MQTT");
    let clean = if is_kept { 0 } else { 0b10 };
    // Version 3.1.1, user and password, no keep-alive.
    body.extend([4, 0b1100_0000 | clean, 0, 0]);
    for word in [client_id, &account.user, &password] {
        text(&mut body, word);
    }
    stream.write_all(&packet(0x10, &body))?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer)?;
    ensure!(matches!(answer, [0x20, 2, _, 0]), "the broker refuses the connection: {answer:?}");
    Ok(stream)
}

/// Subscribes to everything at QoS 1.
pub(crate) fn subscribe(stream: &mut TcpStream) -> Result<()> {
    let mut body = vec![0, 1];
    text(&mut body, "#");
    body.push(1);
    stream.write_all(&packet(0x82, &body))?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer)?;
    ensure!(matches!(answer, [0x90, 3, 0, 1, 1]), "the broker refuses the subscription: {answer:?}");
    Ok(())
}

/// Puts one QoS 1 message into `buffer`.
pub(crate) fn publish(buffer: &mut Vec<u8>, topic: &str, packet_id: u16, payload: &[u8]) {
    buffer.push(0x32);
    length(buffer, 2 + topic.len() + 2 + payload.len());
    text(buffer, topic);
    buffer.extend(packet_id.to_be_bytes());
    buffer.extend(payload);
}

/// Takes whole packets from the front of `bytes`: acknowledges messages into `acks`, counts them, and says how many
/// bytes were whole.
pub(crate) fn take(bytes: &[u8], acks: &mut Vec<u8>) -> Result<(u64, usize)> {
    let (mut messages, mut at) = (0, 0);
    while let Some((head, body)) = whole(bytes.get(at..).unwrap_or_default())? {
        let first = bytes.get(at).copied().unwrap_or_default();
        let packet = bytes.get(at + head..at + head + body).unwrap_or_default();
        if first >> 4 == 3 {
            messages += 1;
            if first & 0b110 != 0 {
                let [high, low, rest @ ..] = packet else { bail!("a message without a topic") };
                let topic = usize::from(u16::from_be_bytes([*high, *low]));
                let id = rest.get(topic..topic + 2).context("a message without an id")?;
                acks.extend([0x40, 2]);
                acks.extend(id);
            }
        }
        at += head + body;
    }
    Ok((messages, at))
}

/// Lengths of the first packet's head and body; none where it is not whole yet.
fn whole(bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    let (mut body, mut shift) = (0, 0);
    for (no, byte) in bytes.iter().enumerate().skip(1) {
        body |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return Ok((bytes.len() > no + body).then_some((no + 1, body)));
        }
        ensure!(shift < 28, "a packet of no length");
    }
    Ok(None)
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    length(&mut packet, body.len());
    packet.extend(body);
    packet
}

fn length(buffer: &mut Vec<u8>, mut bytes: usize) {
    while bytes >= 0x80 {
        buffer.push((bytes & 0x7f) as u8 | 0x80);
        bytes >>= 7;
    }
    buffer.push(bytes as u8);
}

fn text(buffer: &mut Vec<u8>, word: &str) {
    buffer.extend((word.len() as u16).to_be_bytes());
    buffer.extend(word.as_bytes());
}
