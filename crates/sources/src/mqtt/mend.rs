//! Messages whose text is not UTF-8, mended on their way to rumqttc: it hangs up on them, and the broker would send
//! them again at each reconnect, for ever. Must not know what becomes of them.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};

use super::settings::Protocol;

/// Begins a topic that was mended. MQTT lets no topic hold it.
pub(super) const MENDED: char = '\0';

/// What stands in the first half byte of a message (MQTT 3.1.1, 2.2.1).
const PUBLISH: u8 = 3;
/// The two bits of its quality of service: with one of them it has a number.
const QOS: u8 = 0b0110;

/// Carries packets from a broker to rumqttc until either side ends. Of messages of 3.1.1 the topic is mended; those of
/// 5, whose topics rumqttc leaves as they are, lose their properties, which nobody here reads.
///
/// # Errors
/// Those of the streams, and [`io::ErrorKind::InvalidData`] for what is not MQTT.
pub(super) async fn carry(
    from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    protocol: Protocol,
) -> io::Result<()> {
    let mut from = BufReader::new(from);
    let mut head = Vec::new();
    loop {
        let mut first = [0];
        if from.read(&mut first).await? == 0 {
            return to.shutdown().await;
        }
        let [first] = first;
        let (mut left, _) = length(&mut from).await?;
        head.clear();
        if first >> 4 == PUBLISH {
            left = publish(&mut from, first, left, protocol, &mut head).await?;
        } else {
            head.push(first);
            put_length(&mut head, left);
        }
        to.write_all(&head).await?;
        let rest = u64::from(left);
        if tokio::io::copy(&mut (&mut from).take(rest), &mut to).await? < rest {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.flush().await?;
    }
}

/// Reads a message of `left` bytes up to its payload and puts what is handed on of that into `head`; gives the bytes of
/// its payload.
async fn publish(
    from: &mut (impl AsyncRead + Unpin),
    first: u8,
    left: u32,
    protocol: Protocol,
    head: &mut Vec<u8>,
) -> io::Result<u32> {
    let after = |left: u32, bytes: u32| left.checked_sub(bytes).ok_or_else(|| broken("a message ends too early"));
    let topic_bytes = from.read_u16().await?;
    let mut left = after(left, 2 + u32::from(topic_bytes))?;
    let mut topic = vec![0; usize::from(topic_bytes)];
    from.read_exact(&mut topic).await?;
    let mut behind = Vec::new();
    if first & QOS != 0 {
        left = after(left, 2)?;
        behind.extend(from.read_u16().await?.to_be_bytes());
    }
    match protocol {
        Protocol::V3 => topic = mended(topic),
        Protocol::V5 => {
            let (properties, bytes) = length(from).await?;
            left = after(left, bytes.saturating_add(properties))?;
            tokio::io::copy(&mut (&mut *from).take(properties.into()), &mut tokio::io::sink()).await?;
            behind.push(0);
        }
    }
    head.push(first);
    let before_payload = u32::try_from(2 + topic.len() + behind.len()).unwrap_or(u32::MAX);
    put_length(head, left.saturating_add(before_payload));
    head.extend(u16::try_from(topic.len()).unwrap_or(u16::MAX).to_be_bytes());
    head.extend(topic);
    head.extend(behind);
    Ok(left)
}

/// The topic where it is UTF-8; else what of it is, marked, and no longer than a topic may be.
fn mended(topic: Vec<u8>) -> Vec<u8> {
    match String::from_utf8(topic) {
        Ok(text) => text.into_bytes(),
        Err(error) => {
            let mut text = format!("{MENDED}{}", String::from_utf8_lossy(error.as_bytes()));
            let mut end = text.len().min(u16::MAX.into());
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
            text.into_bytes()
        }
    }
}

/// Reads a length of up to four bytes, seven bits each, the lowest first (2.2.3); and says how many bytes that was.
async fn length(from: &mut (impl AsyncRead + Unpin)) -> io::Result<(u32, u32)> {
    let mut length = 0;
    for place in 0..4 {
        let byte = from.read_u8().await?;
        length |= u32::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            return Ok((length, place + 1));
        }
    }
    Err(broken("a length has no end"))
}

fn put_length(head: &mut Vec<u8>, mut length: u32) {
    loop {
        let low = (length & 0x7f) as u8;
        length >>= 7;
        if length == 0 {
            return head.push(low);
        }
        head.push(low | 0x80);
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn carried(protocol: Protocol, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut to = Vec::new();
        carry(bytes, &mut to, protocol).await?;
        Ok(to)
    }

    /// A message with a packet id and 200 bytes of payload.
    fn message(topic: &[u8], properties: &[u8]) -> Vec<u8> {
        let mut body = vec![0, topic.len() as u8];
        body.extend(topic);
        body.extend([0, 7]);
        body.extend(properties);
        body.extend([0xff; 200]);
        let mut message = vec![0x32];
        put_length(&mut message, body.len() as u32);
        message.extend(body);
        message
    }

    #[tokio::test]
    async fn a_topic_that_is_not_text_is_mended_and_all_else_is_left_alone() {
        let ping = [0xd0, 0];
        let good = message("plant/é".as_bytes(), &[]);
        let among = |one: Vec<u8>| [ping.to_vec(), good.clone(), one, ping.to_vec()].concat();
        let bytes = among(message(b"a\xff/b", &[]));
        let expect = among(message("\0a\u{fffd}/b".as_bytes(), &[]));
        assert_eq!(carried(Protocol::V3, &bytes).await.expect("carried"), expect);
        let long = vec![0xff; 65_535];
        let topic = mended(long);
        assert!(topic.len() <= 65_535 && std::str::from_utf8(&topic).is_ok_and(|topic| topic.starts_with(MENDED)));
    }

    #[tokio::test]
    async fn properties_are_left_out() {
        // A content type (3) that is not text.
        let bytes = message(b"a\xff", &[4, 3, 0, 1, 0xff]);
        assert_eq!(carried(Protocol::V5, &bytes).await.expect("carried"), message(b"a\xff", &[0]));
    }

    #[tokio::test]
    async fn what_is_not_mqtt_ends_it() {
        for bytes in [vec![0x32, 3, 0, 9, b'a'], vec![0x20, 0xff, 0xff, 0xff, 0xff, 1], vec![0x32, 9, 0, 1, b'a']] {
            carried(Protocol::V3, &bytes).await.expect_err("it has no end, or ends too early");
        }
    }
}
