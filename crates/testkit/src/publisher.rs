//! A device that keeps the books: it publishes over MQTT 3.1.1 with QoS 1 and knows exactly which messages its broker
//! has acknowledged, across broken connections and brokers that are killed. Must not know what its messages mean.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, ensure};

/// How long a broker may take to answer a new connection.
const ANSWER: Duration = Duration::from_secs(5);
/// How long to wait before a broker that does not answer is tried again.
const RETRY: Duration = Duration::from_millis(100);

/// What a publisher needs to reach its broker.
#[derive(Debug, Clone)]
pub struct PublisherOptions {
    /// The broker's port on 127.0.0.1.
    pub port: u16,
    /// Its name in the session, which persists.
    pub client_id: String,
    /// User and password, where the broker asks for them.
    pub account: Option<(String, String)>,
    /// Messages that may wait for their acknowledgement; then [`Publisher::publish`] waits. 1 to 60,000.
    pub window: usize,
}

/// What became of the messages so far, by the numbers that [`Publisher::publish`] gave them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Books {
    /// Messages handed in: they are numbered from 0 to before this.
    pub published: u64,
    /// Those that the broker has acknowledged.
    pub acknowledged: BTreeSet<u64>,
    /// Those sent again on a new connection, each with how often: QoS 1 lets the broker pass all of them on.
    pub sent_again: BTreeMap<u64, u32>,
    /// Connections after the first.
    pub reconnects: u64,
}

/// A publisher with threads of its own; it connects anew for as long as it lives.
#[derive(Debug)]
pub struct Publisher {
    shared: Arc<Shared>,
    keeper: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    options: PublisherOptions,
    desk: Mutex<Desk>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Desk {
    books: Books,
    /// By packet id.
    waiting: BTreeMap<u16, Waiting>,
    last_id: u16,
    /// None while there is no connection. A failed write ends it.
    stream: Option<TcpStream>,
    is_over: bool,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    /// The whole packet.
    packet: Vec<u8>,
    was_sent: bool,
}

impl Publisher {
    /// A publisher that connects by itself; messages handed in before are sent then.
    ///
    /// # Errors
    /// Where the window is out of its range or no thread can be started.
    pub fn start(options: PublisherOptions) -> Result<Self> {
        ensure!((1..=60_000).contains(&options.window), "window is {}: choose 1 to 60,000", options.window);
        let shared = Arc::new(Shared { options, desk: Mutex::default(), changed: Condvar::new() });
        let of_keeper = Arc::clone(&shared);
        let keeper = std::thread::Builder::new().name("publisher".to_owned()).spawn(move || of_keeper.keep())?;
        Ok(Self { shared, keeper: Some(keeper) })
    }

    /// Hands a message in and answers its number. While the window is full, also for want of a broker, it waits for up
    /// to `patience`; none where that was too short, and nothing was handed in.
    pub fn publish(&self, topic: &str, payload: &[u8], patience: Duration) -> Option<u64> {
        let window = self.shared.options.window;
        let desk = self.shared.desk();
        let waited = self.shared.changed.wait_timeout_while(desk, patience, |desk| desk.waiting.len() >= window);
        let (mut desk, _timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
        if desk.waiting.len() >= window {
            return None;
        }
        let number = desk.books.published;
        desk.books.published += 1;
        let mut id = desk.last_id;
        loop {
            id = id.checked_add(1).unwrap_or(1);
            if !desk.waiting.contains_key(&id) {
                break;
            }
        }
        desk.last_id = id;
        let packet = publish_packet(topic, id, payload);
        let was_sent = desk.send(&packet);
        desk.waiting.insert(id, Waiting { number, packet, was_sent });
        Some(number)
    }

    /// Waits until every message handed in is acknowledged.
    ///
    /// # Errors
    /// Where that takes longer than `patience`.
    pub fn settle(&self, patience: Duration) -> Result<()> {
        let desk = self.shared.desk();
        let waited = self.shared.changed.wait_timeout_while(desk, patience, |desk| !desk.waiting.is_empty());
        let (desk, _timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
        let left = desk.waiting.len();
        ensure!(left == 0, "{left} of {} messages are not acknowledged after {patience:?}", desk.books.published);
        Ok(())
    }

    /// What became of the messages so far.
    pub fn books(&self) -> Books {
        self.shared.desk().books.clone()
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let mut desk = self.shared.desk();
        desk.is_over = true;
        desk.hang_up();
        drop(desk);
        self.shared.changed.notify_all();
        if let Some(keeper) = self.keeper.take() {
            // A thread of ours that panicked has told so itself.
            drop(keeper.join());
        }
    }
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects, reads acknowledgements until the connection ends, and again.
    fn keep(&self) {
        let mut is_first = true;
        while !self.desk().is_over {
            if let Ok(mut stream) = self.connect() {
                if self.take_up(&stream, is_first).is_ok() {
                    is_first = false;
                    self.read_acknowledgements(&mut stream);
                }
                self.desk().hang_up();
            }
            let desk = self.desk();
            if !desk.is_over {
                drop(self.changed.wait_timeout_while(desk, RETRY, |desk| !desk.is_over));
            }
        }
    }

    fn connect(&self) -> Result<TcpStream> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.options.port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER))?;
        // A broker that is stopped in the middle of a packet would hold the one who writes for ever.
        stream.set_write_timeout(Some(ANSWER))?;
        stream.write_all(&connect_packet(&self.options))?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer)?;
        let [kind, _, _, code] = answer;
        ensure!(kind == 0x20 && code == 0, "the broker refuses the connection with code {code}");
        stream.set_read_timeout(None)?;
        Ok(stream)
    }

    /// Sends again what is not acknowledged, oldest first as MQTT asks, and lets new messages follow.
    fn take_up(&self, stream: &TcpStream, is_first: bool) -> Result<()> {
        let mut desk = self.desk();
        // Nobody would end a connection that is made after the end.
        ensure!(!desk.is_over, "the publisher is over");
        desk.stream = Some(stream.try_clone()?);
        desk.books.reconnects += u64::from(!is_first);
        let mut waiting: Vec<(u64, u16)> = desk.waiting.iter().map(|(id, waiting)| (waiting.number, *id)).collect();
        waiting.sort_unstable();
        for (number, id) in waiting {
            let Some(mut held) = desk.waiting.remove(&id) else { continue };
            if held.was_sent {
                // The mark of a message that may have been delivered before.
                if let Some(first) = held.packet.first_mut() {
                    *first |= 0x08;
                }
                *desk.books.sent_again.entry(number).or_default() += 1;
            }
            let sent = desk.send(&held.packet);
            held.was_sent |= sent;
            desk.waiting.insert(id, held);
        }
        ensure!(desk.stream.is_some(), "the connection broke");
        Ok(())
    }

    fn read_acknowledgements(&self, stream: &mut TcpStream) {
        while let Ok((kind, body)) = read_packet(stream) {
            let (0x40, Some(&[high, low])) = (kind & 0xF0, body.first_chunk::<2>()) else { continue };
            let mut desk = self.desk();
            if let Some(held) = desk.waiting.remove(&u16::from_be_bytes([high, low])) {
                desk.books.acknowledged.insert(held.number);
            }
            drop(desk);
            self.changed.notify_all();
        }
    }
}

impl Desk {
    /// Writes a packet where there is a connection; tells whether any of it may have got through.
    fn send(&mut self, packet: &[u8]) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        if stream.write_all(packet).is_err() {
            self.hang_up();
        }
        true
    }

    /// Ends the connection, which also wakes the one who reads from it.
    fn hang_up(&mut self) {
        if let Some(stream) = self.stream.take() {
            // Gone already is well.
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

/// A persistent session without keep-alive: a device that is quiet is not thrown out.
fn connect_packet(options: &PublisherOptions) -> Vec<u8> {
    let mut body = text("MQTT");
    let flags = if options.account.is_some() { 0xC0 } else { 0 };
    body.extend([4, flags, 0, 0]);
    body.extend(text(&options.client_id));
    if let Some((user, password)) = &options.account {
        body.extend(text(user));
        body.extend(text(password));
    }
    packet(0x10, &body)
}

fn publish_packet(topic: &str, id: u16, payload: &[u8]) -> Vec<u8> {
    let mut body = text(topic);
    body.extend(id.to_be_bytes());
    body.extend(payload);
    packet(0x32, &body)
}

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![kind];
    let mut left = body.len();
    loop {
        let digit = u8::try_from(left % 128).unwrap_or_default();
        left /= 128;
        packet.push(if left > 0 { digit | 0x80 } else { digit });
        if left == 0 {
            break;
        }
    }
    packet.extend(body);
    packet
}

fn text(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let mut field = length.to_be_bytes().to_vec();
    field.extend(bytes.iter().take(length.into()));
    field
}

/// The first byte of the next packet, and its body.
fn read_packet(stream: &mut TcpStream) -> io::Result<(u8, Vec<u8>)> {
    let mut byte = [0];
    stream.read_exact(&mut byte)?;
    let [kind] = byte;
    let mut length = 0;
    for place in 0..4 {
        stream.read_exact(&mut byte)?;
        let [digit] = byte;
        length |= usize::from(digit & 0x7F) << (7 * place);
        if digit & 0x80 == 0 {
            let mut body = vec![0; length];
            stream.read_exact(&mut body)?;
            return Ok((kind, body));
        }
    }
    Err(ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::TestBroker;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn options(port: u16) -> PublisherOptions {
        PublisherOptions { port, client_id: "device".to_owned(), account: None, window: 10 }
    }

    #[test]
    fn lengths_are_written_as_mqtt_has_them() {
        let check = |length: usize, head: &[u8]| {
            let written = packet(0x32, &vec![0; length]);
            assert_eq!(written.get(1..=head.len()), Some(head), "{length}");
            assert_eq!(written.len(), 1 + head.len() + length);
        };
        check(0, &[0]);
        check(127, &[0x7F]);
        check(128, &[0x80, 1]);
        check(16_384, &[0x80, 0x80, 1]);
        check(2_097_152, &[0x80, 0x80, 0x80, 1]);
    }

    #[test]
    fn what_is_acknowledged_is_in_the_books_also_across_a_killed_broker() -> Result<()> {
        let mut broker = TestBroker::start()?;
        let device = Publisher::start(options(broker.port()))?;
        for number in 0..25 {
            assert_eq!(device.publish("plant/level", b"1", PATIENCE), Some(number));
        }
        device.settle(PATIENCE)?;
        assert_eq!(device.books().acknowledged, (0..25).collect());
        assert_eq!((device.books().reconnects, device.books().sent_again.len()), (0, 0));

        broker.kill()?;
        for number in 25..30 {
            assert_eq!(device.publish("plant/level", b"2", PATIENCE), Some(number));
        }
        assert!(device.settle(Duration::from_millis(300)).is_err(), "nobody is there to acknowledge");
        assert_eq!(device.books().acknowledged.len(), 25);
        broker.start_again()?;
        device.settle(PATIENCE)?;
        let books = device.books();
        assert_eq!((books.acknowledged.len(), books.reconnects), (30, 1));
        Ok(())
    }
}
