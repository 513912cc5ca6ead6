//! Publishers: each a process of its own that sends readings as devices do, flat out or paced, and says what the broker
//! acknowledged. Must not know who receives.

use std::io::{BufRead as _, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use penstock_model::Clock;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::mqtt::{self, Account};
use crate::plant;

/// The first argument of a publisher's process.
pub(crate) const ROLE: &str = "publisher-process";
/// Publishers of a load.
pub(crate) const PUBLISHERS: usize = 4;
/// Messages of one publisher that the broker has not acknowledged, at most.
const WINDOW: u64 = 1_000;
/// Bytes that are written at once.
const WRITE_BYTES: usize = 64 << 10;
/// How often a paced publisher looks what is due.
const PACE: Duration = Duration::from_millis(1);
/// What times are divided by to be summed: a prime, so that the sum tells one set of samples from another.
pub(crate) const CHECK: i64 = 1_000_003;

/// What is published, by all publishers together.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Load {
    /// Points, in turn.
    pub(crate) points: usize,
    /// Messages.
    pub(crate) messages: u64,
    /// Samples in each message.
    pub(crate) samples: i64,
    /// Messages a second; none for as many as the broker takes.
    pub(crate) per_sec: Option<f64>,
    /// Microseconds between two samples of a message, which then tell of the past; none for one that tells of now.
    pub(crate) past: Option<i64>,
}

/// What a publisher does: its own share of a load.
#[derive(Debug, Serialize, Deserialize)]
struct Share {
    account: Account,
    load: Load,
    first_point: usize,
}

/// What was published and acknowledged.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Published {
    /// Source time of the first sample.
    pub(crate) first: i64,
    /// Source time of the last sample.
    pub(crate) last: i64,
    /// Messages.
    pub(crate) messages: u64,
    /// Samples.
    pub(crate) samples: u64,
    /// Sum over all samples of their source times modulo [`CHECK`].
    pub(crate) check: i64,
    /// How far a paced publisher fell behind at most, in microseconds.
    pub(crate) behind: u64,
}

/// Publishers that are connected and wait for the word to go.
pub(crate) struct Publishers(Vec<Child>);

impl Publishers {
    /// Starts the processes and waits until each is connected.
    pub(crate) async fn ready(account: &Account, password: &str, load: Load) -> Result<Self> {
        let mut children = Vec::new();
        let each = load.points / PUBLISHERS;
        for no in 0..PUBLISHERS {
            let load = Load {
                points: each,
                messages: load.messages / PUBLISHERS as u64,
                per_sec: load.per_sec.map(|per_sec| per_sec / PUBLISHERS as f64),
                ..load
            };
            let share = Share { account: account.clone(), load, first_point: 1 + no * each };
            children.push(spawn(ROLE, &serde_json::to_string(&share)?, password)?);
        }
        for child in &mut children {
            ensure!(line(child).await? == "ready", "a publisher does not connect");
        }
        Ok(Self(children))
    }

    /// Lets them go, and waits until the broker has acknowledged everything.
    pub(crate) async fn publish(mut self) -> Result<Published> {
        for child in &mut self.0 {
            child.stdin.as_mut().context("no way to a publisher")?.write_all(b"go\n").await?;
        }
        let mut all = Published { first: i64::MAX, ..Published::default() };
        for mut child in self.0 {
            let one: Published = serde_json::from_str(&line(&mut child).await?).context("a publisher failed")?;
            all = Published {
                first: all.first.min(one.first),
                last: all.last.max(one.last),
                messages: all.messages + one.messages,
                samples: all.samples + one.samples,
                check: all.check + one.check,
                behind: all.behind.max(one.behind),
            };
            child.wait().await?;
        }
        Ok(all)
    }
}

/// Starts this program again in another role; it ends when its input does.
pub(crate) fn spawn(role: &str, argument: &str, password: &str) -> Result<Child> {
    Command::new(std::env::current_exe()?)
        .args([role, argument])
        .env(mqtt::PASSWORD, password)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("no {role}"))
}

/// The next line that a process says.
pub(crate) async fn line(child: &mut Child) -> Result<String> {
    let mut said = String::new();
    let output = child.stdout.take().context("a process without output")?;
    // A process says a line and waits: nothing is read ahead.
    let mut output = BufReader::new(output);
    output.read_line(&mut said).await?;
    child.stdout = Some(output.into_inner());
    ensure!(!said.is_empty(), "a process of the load ended early");
    Ok(said.trim_end().to_owned())
}

/// Ends this process when the one that started it is gone; gives the first line that it says.
pub(crate) fn obey() -> std::sync::mpsc::Receiver<()> {
    let (word, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut lines = std::io::stdin().lock().lines();
        while let Some(Ok(_)) = lines.next() {
            // Whoever does not wait for a word needs none.
            word.send(()).unwrap_or_default();
        }
        std::process::exit(1);
    });
    heard
}

/// A publisher's process.
pub(crate) fn main(argument: &str) -> Result<()> {
    let share: Share = serde_json::from_str(argument)?;
    let go = obey();
    let client_id = format!("load-{}", share.first_point);
    let stream = mqtt::connect(&share.account, &client_id, false)?;
    say("ready")?;
    go.recv()?;
    let published = publish(&share, stream)?;
    say(&serde_json::to_string(&published)?)
}

/// One line to whoever started this process.
pub(crate) fn say(line: &str) -> Result<()> {
    let mut output = std::io::stdout();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}

fn publish(share: &Share, mut stream: TcpStream) -> Result<Published> {
    let load = share.load;
    let acknowledged = Arc::new(AtomicU64::new(0));
    let reader = std::thread::spawn({
        let (stream, acknowledged, writer) = (stream.try_clone()?, Arc::clone(&acknowledged), std::thread::current());
        move || count_acks(stream, &acknowledged, load.messages, &writer)
    });
    let topics: Vec<String> = (share.first_point..share.first_point + load.points).map(plant::topic).collect();
    let values: Vec<String> = (0..1_024).map(plant::value).collect();
    let begun = Instant::now();
    let mut published = Published { first: i64::MAX, ..Published::default() };
    let (mut buffer, mut payload) = (Vec::with_capacity(2 * WRITE_BYTES), Vec::new());
    let mut newest = 0;
    while published.messages < load.messages {
        let mut due = load.messages;
        if let Some(per_sec) = load.per_sec {
            due = due.min((begun.elapsed().as_secs_f64() * per_sec) as u64 + 1);
            let behind = due.saturating_sub(published.messages + 1) as f64 / per_sec;
            published.behind = published.behind.max((behind * 1e6) as u64);
        }
        due = due.min(acknowledged.load(Ordering::Acquire) + WINDOW);
        buffer.clear();
        while published.messages < due && buffer.len() < WRITE_BYTES {
            let turn = published.messages as usize;
            let topic = topics.get(turn % topics.len()).context("no points")?;
            payload.clear();
            let first = match load.past {
                // Each turn of the points goes on where the last one ended.
                Some(apart) => {
                    let turns = (load.messages as usize / topics.len()) as i64;
                    let back = (turns - (turn / topics.len()) as i64) * load.samples * apart;
                    Clock::System.now().as_micros() - back
                }
                None => Clock::System.now().as_micros().max(newest + 1),
            };
            let apart = load.past.unwrap_or(1);
            let texts = values.iter().cycle().skip((turn * 389 + share.first_point) % values.len());
            let ends = if load.samples == 1 { ("", "") } else { ("[", "]") };
            payload.extend(ends.0.as_bytes());
            for (no, value) in (0..load.samples).zip(texts) {
                let at = first + no * apart;
                if no > 0 {
                    payload.push(b',');
                }
                sample(&mut payload, at, value);
                published.check += at % CHECK;
                newest = at;
            }
            payload.extend(ends.1.as_bytes());
            published.first = published.first.min(first);
            published.last = published.last.max(newest);
            published.messages += 1;
            published.samples += load.samples as u64;
            // Identifiers go round; fewer are in flight than there are.
            let id = (published.messages % 65_535) as u16 + 1;
            mqtt::publish(&mut buffer, topic, id, &payload);
        }
        if !buffer.is_empty() {
            stream.write_all(&buffer)?;
        } else if load.per_sec.is_some() {
            std::thread::sleep(PACE);
        } else {
            // Woken when half the window is free; a wake-up that came too early is remembered.
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }
    reader.join().map_err(|_panic| anyhow::anyhow!("the acknowledgements could not be read"))??;
    Ok(published)
}

fn count_acks(
    mut stream: TcpStream,
    acknowledged: &AtomicU64,
    messages: u64,
    writer: &std::thread::Thread,
) -> Result<()> {
    let mut bytes = vec![0; 16 << 10];
    let (mut taken, mut told) = (0_u64, 0);
    while taken < messages * mqtt::PUBACK_BYTES as u64 {
        let read = stream.read(&mut bytes)?;
        ensure!(read > 0, "the broker closed the connection");
        taken += read as u64;
        let acks = taken / mqtt::PUBACK_BYTES as u64;
        acknowledged.store(acks, Ordering::Release);
        if acks >= told + WINDOW / 2 || acks == messages {
            told = acks;
            writer.unpark();
        }
    }
    Ok(())
}

/// One sample as devices write it.
fn sample(payload: &mut Vec<u8>, at: i64, value: &str) {
    payload.extend(b"{\"ts\":");
    let mut digits = [b'0'; 16];
    let mut rest = at;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    payload.extend(digits);
    payload.extend(b",\"value\":");
    payload.extend(value.as_bytes());
    payload.extend(b",\"unit\":\"bar\",\"quality\":\"good\"}");
}
