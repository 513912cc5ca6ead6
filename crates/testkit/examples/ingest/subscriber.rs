//! The ceiling of the whole road: a subscriber that acknowledges and does nothing else, a process of its own. Must not
//! know what is in a message.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use anyhow::{Result, ensure};
use penstock_model::Clock;
use serde::{Deserialize, Serialize};
use tokio::process::Child;

use crate::mqtt::{self, Account};
use crate::publisher::{line, obey, say, spawn};

/// The first argument of the subscriber's process.
pub(crate) const ROLE: &str = "subscriber-process";

/// How long messages are gathered for one answer; the broker lets far more be in flight than come in this time.
const TOGETHER: Duration = Duration::from_micros(500);

#[derive(Debug, Serialize, Deserialize)]
struct Task {
    account: Account,
    messages: u64,
}

/// A subscriber that is connected.
pub(crate) struct Subscriber(Child);

impl Subscriber {
    /// Starts one that waits for so many messages.
    pub(crate) async fn ready(account: &Account, password: &str, messages: u64) -> Result<Self> {
        let task = serde_json::to_string(&Task { account: account.clone(), messages })?;
        let mut child = spawn(ROLE, &task, password)?;
        ensure!(line(&mut child).await? == "ready", "the subscriber does not connect");
        Ok(Self(child))
    }

    /// When the last of them came, in microseconds.
    pub(crate) async fn last(mut self) -> Result<i64> {
        let last = line(&mut self.0).await?.parse()?;
        self.0.wait().await?;
        Ok(last)
    }
}

/// The subscriber's process.
pub(crate) fn main(argument: &str) -> Result<()> {
    let task: Task = serde_json::from_str(argument)?;
    drop(obey());
    let mut stream = mqtt::connect(&task.account, "nobody", true)?;
    mqtt::subscribe(&mut stream)?;
    say("ready")?;
    let mut bytes = vec![0; 256 << 10];
    let (mut filled, mut taken, mut acks) = (0, 0, Vec::new());
    while taken < task.messages {
        let read = stream.read(bytes.get_mut(filled..).unwrap_or_default())?;
        ensure!(read > 0, "the broker closed the connection");
        filled += read;
        acks.clear();
        let (messages, whole) = mqtt::take(bytes.get(..filled).unwrap_or_default(), &mut acks)?;
        taken += messages;
        bytes.copy_within(whole..filled, 0);
        filled -= whole;
        stream.write_all(&acks)?;
        // What comes meanwhile is answered together: an answer to each costs the broker a read each, and the figure
        // would be no ceiling.
        std::thread::sleep(TOGETHER);
    }
    say(&Clock::System.now().as_micros().to_string())
}
