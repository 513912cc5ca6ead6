//! A screen that follows the live feed as a browser does, and notes how old values are when they come. Must not know
//! who publishes them.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use futures_util::{SinkExt as _, StreamExt as _};
use penstock_api::Frame;
use penstock_model::Clock;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use crate::report::Spread;

/// One value of a frame.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// When it came, in microseconds.
    at: i64,
    /// How long before that it was measured.
    age: u32,
}

#[derive(Default)]
struct Notes {
    seen: Vec<Seen>,
    frames: Vec<i64>,
    /// Alarms that are active, as told last.
    active: u32,
}

/// A feed that is followed until this is dropped.
pub(crate) struct Follower {
    notes: Arc<Mutex<Notes>>,
    task: JoinHandle<()>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Follower {
    /// Follows the feed of a session.
    pub(crate) async fn start(address: &str, token: &str) -> Result<Self> {
        let url = format!("{}api/live", address.replacen("http", "ws", 1));
        let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.context("no live feed")?;
        socket.send(Message::text(token)).await?;
        let notes = Arc::new(Mutex::new(Notes::default()));
        let task = tokio::spawn({
            let notes = Arc::clone(&notes);
            async move {
                while let Some(Ok(message)) = socket.next().await {
                    let at = Clock::System.now().as_micros();
                    let Message::Binary(bytes) = message else { continue };
                    let Ok(frame) = Frame::from_bytes(&bytes) else { return };
                    let ages = frame.values.iter().map(|value| at - value.source_time.as_micros());
                    let seen = ages.map(|age| Seen { at, age: u32::try_from(age.max(0)).unwrap_or(u32::MAX) });
                    let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(counts) = &frame.counts {
                        notes.active = counts.active.iter().sum();
                    }
                    if !frame.full {
                        notes.seen.extend(seen);
                    }
                    notes.frames.push(at);
                }
            }
        });
        Ok(Self { notes, task })
    }

    /// Ages, in milliseconds, of the values that came from `from` until `to`; none where none came.
    pub(crate) fn ages(&self, from: i64, to: i64) -> Option<Spread> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ages: Vec<u32> =
            notes.seen.iter().filter(|seen| (from..to).contains(&seen.at)).map(|seen| seen.age).collect();
        ages.sort_unstable();
        let at = |share: usize| Some(f64::from(*ages.get((ages.len() * share / 1_000).min(ages.len() - 1))?) / 1e3);
        if ages.is_empty() {
            return None;
        }
        Some(Spread { p50: at(500)?, p99: at(990)?, max: at(1_000)? })
    }

    /// How many alarms are active.
    pub(crate) fn active_alarms(&self) -> usize {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).active as usize
    }

    /// The longest time without a frame between `from` and `to`, in milliseconds.
    pub(crate) fn longest_gap(&self, from: i64, to: i64) -> f64 {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let frames = notes.frames.iter().copied().filter(|at| (from..to).contains(at));
        let all: Vec<i64> = std::iter::once(from).chain(frames).chain([to]).collect();
        let gaps = all.windows(2).filter_map(|pair| Some(pair.last()? - pair.first()?));
        gaps.max().unwrap_or_default() as f64 / 1e3
    }
}
