//! What devices published, held against what the station has stored. Must not know which fault came between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use penstock_model::Clock;
use penstock_testkit::publisher::Publisher;

use crate::room::{PATIENCE, Room};

/// Points that the load is spread over, of each kind.
const POINTS: u64 = 20;
/// The point that tells that the station is live again.
const MARK: &str = "MARK";
/// Messages of the load at once, and the pause after them.
const BURST: u64 = 10;
const PAUSE: Duration = Duration::from_millis(10);
/// How many of a sort are named where a check fails.
const NAMED: usize = 10;

/// Devices whose every message says its number as its value. Odd ones carry a time of their own, even ones none.
pub(crate) struct Devices {
    publisher: Publisher,
    /// The source that the station knows them by.
    source: &'static str,
    /// Microseconds since 1970; odd message n was measured n microseconds later.
    begun: i64,
    next: Mutex<u64>,
}

/// Ends the load however its work ends.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How the books and the database differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Balance {
    /// Acknowledged and not stored.
    pub lost: BTreeSet<u64>,
    /// Stored more often than the way there explains: timed ones more than once, others more often than they were sent.
    pub doubled: BTreeSet<u64>,
    /// Stored values that nobody published, or at another time than the device's.
    pub strange: Vec<String>,
    /// How many are stored.
    pub stored: usize,
}

impl Devices {
    /// Devices behind a publisher of their own, at a source of the station.
    pub(crate) fn new(publisher: Publisher, source: &'static str) -> Self {
        Self { publisher, source, begun: Clock::System.now().as_micros(), next: Mutex::new(0) }
    }

    /// Those at the station's own broker, which the station follows already.
    pub(crate) fn of(room: &Room) -> Result<Self> {
        let greeter = room.device("greeter")?;
        room.hears("local", |topic, payload| {
            greeter.publish(topic, payload.as_bytes(), PATIENCE).map(drop).context("the broker takes no message")
        })?;
        Ok(Self::new(room.device("devices")?, "local"))
    }

    /// Their publisher.
    pub(crate) fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// When they began, in microseconds since 1970.
    pub(crate) const fn begun(&self) -> i64 {
        self.begun
    }

    /// Publishes so many messages of the load.
    pub(crate) fn send_all(&self, count: u64) -> Result<()> {
        for _ in 0..count {
            self.publish(None, PATIENCE).context("the broker takes no message")?;
        }
        Ok(())
    }

    /// Publishes two readings of one point, one of each kind, and waits until the station's history shows them.
    pub(crate) fn is_live(&self, room: &Room) -> Result<()> {
        for _ in 0..2 {
            let number = self.publish(Some(MARK), PATIENCE).context("the broker takes no message")?;
            // As exact as the number itself, which is small.
            room.shows(self.source, MARK, number as f64).context("live again by itself")?;
        }
        Ok(())
    }

    fn publish(&self, point: Option<&str>, patience: Duration) -> Option<u64> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let number = *next;
        let (kind, payload) = match is_timed(number) {
            true => ("T", format!(r#"{{"ts":{},"value":{number}}}"#, self.time_of(number))),
            false => ("U", format!(r#"{{"value":{number}}}"#)),
        };
        let topic = match point {
            Some(point) => format!("jjm/sensors/{point}/data"),
            None => format!("jjm/sensors/{kind}{}/data", number % POINTS),
        };
        let given = self.publisher.publish(&topic, payload.as_bytes(), patience)?;
        assert_eq!(given, number, "these devices alone hand in messages");
        *next += 1;
        Some(number)
    }

    fn time_of(&self, number: u64) -> i64 {
        self.begun + number.cast_signed()
    }

    /// Publishes a load until `work` is done.
    pub(crate) fn while_sending<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let _over = Over(&is_over);
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    for _ in 0..BURST {
                        // Where the broker takes none for a while, there is none.
                        self.publish(None, PAUSE * 10);
                    }
                    std::thread::sleep(PAUSE);
                }
            });
            work()
        })
    }

    /// Waits until the broker has acknowledged everything, the station is live and all that it took in is in its
    /// database; then holds the books against the database.
    pub(crate) fn balance(&self, room: &Room) -> Result<Balance> {
        self.publisher.settle(PATIENCE)?;
        // What comes over one session comes in order: what is not stored by now is not on its way.
        self.is_live(room)?;
        room.copied()?;
        self.compare(room)
    }

    /// The same, and nothing may be lost, doubled or strange.
    pub(crate) fn balances(&self, room: &Room) -> Result<()> {
        self.balance(room)?.is_even()
    }

    fn compare(&self, room: &Room) -> Result<Balance> {
        let rows = room.sql(&format!(
            "select s.value::bigint, (extract(epoch from s.source_time) * 1000000)::bigint, count(*) \
             from samples s join points p on p.no = s.point_no where p.source = '{}' \
             and p.path ~ '^([TU][0-9]+|{MARK})$' group by 1, 2",
            self.source
        ))?;
        // After the rows: a message that is stored meanwhile was published before.
        let books = self.publisher.books();
        let mut balance = Balance::default();
        let mut copies = BTreeMap::<u64, u64>::new();
        for row in &rows {
            let [value, time, count] = row.as_slice() else { continue };
            let (number, time): (u64, i64) = (value.parse()?, time.parse()?);
            if number >= books.published {
                balance.strange.push(format!("{value} was never published"));
            } else if is_timed(number) && time != self.time_of(number) {
                balance.strange.push(format!("{value} is stored at {time} and not at {}", self.time_of(number)));
            }
            *copies.entry(number).or_default() += count.parse::<u64>()?;
        }
        balance.stored = copies.len();
        balance.lost = books.acknowledged.iter().filter(|number| !copies.contains_key(number)).copied().collect();
        for (number, count) in copies {
            // A message that a device sent again, for want of an answer, is another one to MQTT; only a time tells.
            let sent = match is_timed(number) {
                true => 1,
                false => 1 + u64::from(books.sent_again.get(&number).copied().unwrap_or(0)),
            };
            if count > sent {
                balance.doubled.insert(number);
            }
        }
        Ok(balance)
    }
}

impl Balance {
    /// # Errors
    /// Where anything is lost, doubled or strange.
    pub(crate) fn is_even(&self) -> Result<()> {
        let Self { lost, doubled, strange, stored } = self;
        let is_even = lost.is_empty() && doubled.is_empty() && strange.is_empty();
        ensure!(
            is_even,
            "{stored} messages are stored; {} are acknowledged and lost: {:?}; {} are stored twice: {:?}; \
             {} are strange: {:?}",
            lost.len(),
            lost.iter().take(NAMED).collect::<Vec<_>>(),
            doubled.len(),
            doubled.iter().take(NAMED).collect::<Vec<_>>(),
            strange.len(),
            strange.iter().take(NAMED).collect::<Vec<_>>()
        );
        Ok(())
    }
}

/// Whether a message carries a time of its own.
pub(crate) const fn is_timed(number: u64) -> bool {
    number % 2 == 1
}
