//! The alarm panel in Chromium under load: how long its frames take while thousands of alarms are listed and change, and
//! how long it takes from a reading's being published until its alarm is on the screen. Must not know how the panel is
//! made: it looks for rows.

use std::io::BufRead as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use penstock_model::{Clock, RuleId};
use penstock_testkit::webdriver::{Screen, Size};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, MissedTickBehavior};

use crate::mqtt::{self, Account};
use crate::plant;
use crate::publisher;
use crate::report::Spread;
use crate::room::Room;

/// The first argument of the process that raises and ends alarms.
pub(crate) const ROLE: &str = "speaker-process";
/// How long the panel may take to list what stands.
const PATIENCE: Duration = Duration::from_secs(60);

/// Notes the time between two frames, and when a rule's row was first painted: at the frame after the one that has it.
const WATCH: &str = "
    const watch = window.panelWatch = { frames: [], seen: {} };
    let last = performance.now(), fresh = [];
    const look = () => {
        const now = performance.now();
        watch.frames.push(now - last);
        last = now;
        for (const rule of fresh) watch.seen[rule] = performance.timeOrigin + now;
        fresh = [];
        for (const row of document.querySelectorAll('[data-testid=alarm-row]')) {
            const rule = row.dataset.rule;
            if (!(rule in watch.seen)) { watch.seen[rule] = 0; fresh.push(rule); }
        }
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);";

/// A panel in a browser of its own.
pub(crate) struct Panel(Screen);

impl Panel {
    /// Opens it on a station and waits until it lists alarms.
    pub(crate) async fn open(room: &Room) -> Result<Self> {
        let screen = Screen::chromium(Size::WORKSTATION).await?;
        let (name, password) = room.person();
        screen.goto(room.address()).await?;
        screen.fill("#name", name).await?;
        screen.fill("[data-testid=password]", password).await?;
        screen.click("[data-testid=submit]").await?;
        screen.wait_for("[data-testid=overview]").await?;
        screen.goto(&format!("{}alarms", room.address())).await?;
        screen.wait_for_within("[data-testid=alarm-row]", PATIENCE).await?;
        screen.script(WATCH).await?;
        Ok(Self(screen))
    }

    /// Begins to count frames anew.
    pub(crate) async fn begin(&self) -> Result<()> {
        self.0.script("window.panelWatch.frames = [];").await.map(drop)
    }

    /// The times between frames so far, in milliseconds, in rising order.
    pub(crate) async fn frames(&self) -> Result<Vec<f64>> {
        let found = self.0.script("return window.panelWatch.frames;").await?;
        let mut frames: Vec<f64> = found.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        frames.sort_by(f64::total_cmp);
        Ok(frames)
    }

    /// When a rule's row was painted first, in milliseconds since 1970; none where it was not yet.
    pub(crate) async fn painted(&self, rules: &[RuleId]) -> Result<Vec<Option<f64>>> {
        let found = self.0.script("return window.panelWatch.seen;").await?;
        let at = |rule: &RuleId| found.get(rule.to_string())?.as_f64().filter(|at| *at > 0.0);
        Ok(rules.iter().map(at).collect())
    }

    /// Closes the browser.
    pub(crate) async fn close(self) -> Result<()> {
        self.0.close().await
    }
}

/// The spread of figures in rising order; none where there are none.
pub(crate) fn spread(sorted: &[f64]) -> Option<Spread> {
    let at = |share: usize| sorted.get((sorted.len() * share / 1_000).min(sorted.len().checked_sub(1)?)).copied();
    Some(Spread { p50: at(500)?, p99: at(990)?, max: at(1_000)? })
}

/// The figure below which 95 of 100 lie.
pub(crate) fn p95(sorted: &[f64]) -> Option<f64> {
    sorted.get(sorted.len() * 95 / 100).copied()
}

/// A process that publishes single readings as they are told.
pub(crate) struct Speaker {
    input: ChildStdin,
    _child: Child,
}

impl Speaker {
    /// Connects it.
    pub(crate) async fn start(account: &Account, password: &str) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([ROLE, &serde_json::to_string(account)?])
            .env(mqtt::PASSWORD, password)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        ensure!(publisher::line(&mut child).await? == "ready", "the speaker does not connect");
        let input = child.stdin.take().context("no way to the speaker")?;
        Ok(Self { input, _child: child })
    }

    /// Publishes a reading of a point, in bar; when that was, in microseconds.
    pub(crate) async fn say(&mut self, point: usize, bar: f64) -> Result<i64> {
        let at = Clock::System.now().as_micros();
        self.input.write_all(format!("{point} {bar}\n").as_bytes()).await?;
        Ok(at)
    }
}

/// The speaker's process: a line `POINT BAR` is a message.
pub(crate) fn main(argument: &str) -> Result<()> {
    let account: Account = serde_json::from_str(argument)?;
    let mut stream = mqtt::connect(&account, "speaker", false)?;
    let mut acks = stream.try_clone()?;
    // Nothing waits for an acknowledgement; unread they would fill the connection.
    std::thread::spawn(move || std::io::copy(&mut acks, &mut std::io::sink()));
    publisher::say("ready")?;
    let (mut buffer, mut id) = (Vec::new(), 0_u16);
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (point, bar) = line.split_once(' ').context("a line without a value")?;
        id = id % 60_000 + 1;
        buffer.clear();
        let payload = format!("{{\"value\":{bar},\"ts\":\"{}\"}}", Clock::System.now());
        mqtt::publish(&mut buffer, &plant::topic(point.parse()?), id, payload.as_bytes());
        std::io::Write::write_all(&mut stream, &buffer)?;
    }
    Ok(())
}

/// Beats of a metronome that makes up for none it missed.
pub(crate) fn metronome(apart: Duration) -> tokio::time::Interval {
    let mut beats = tokio::time::interval_at(Instant::now() + apart, apart);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beats
}
