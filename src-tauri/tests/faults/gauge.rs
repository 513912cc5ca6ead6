//! A flow that alarms, and what must not keep its alarm from people: a spool that is full, a clock that is far ahead.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use penstock_model::{Clock, Doubt, Quality, Timestamp};
use penstock_testkit::publisher::Publisher;
use serde_json::{Value, json};

use crate::ledger::Devices;
use crate::room::{PATIENCE, Room, signal, wait_for};

/// The flow's address.
const PATH: &str = "FLOW";
/// Where it alarms, in m³/s.
const HIGH_HIGH: f64 = 0.5;
/// More than its alarm's delays.
const LONG: Duration = Duration::from_secs(90);

/// A device that measures one flow in m³/s, and says when.
struct Gauge {
    device: Publisher,
    point: Value,
}

impl Gauge {
    /// One whose point is adopted, alarms from [`HIGH_HIGH`] on, and was 0 at that time.
    fn adopted(room: &Room, zero_at: Timestamp) -> Result<Self> {
        let device = room.device("gauge")?;
        let mut gauge = Self { device, point: Value::Null };
        gauge.says(0.0, zero_at)?;
        let point = room.knows("local", PATH)?;
        let limits = json!({ "ll": null, "l": null, "h": null, "hh": HIGH_HIGH });
        room.change(&point, &json!({ "state": "adopted", "unit": "m³/s", "limits": limits }))?;
        gauge.point = room.knows("local", PATH)?;
        Ok(gauge)
    }

    /// Says what it measured at that time, and waits until its broker has it.
    fn says(&self, value: f64, at: Timestamp) -> Result<()> {
        let payload = format!(r#"{{"type":"flow","ts":{},"value":{value}}}"#, at.as_micros());
        let topic = format!("jjm/sensors/{PATH}/data");
        self.device.publish(&topic, payload.as_bytes(), PATIENCE).context("the broker takes it")?;
        self.device.settle(PATIENCE)
    }

    /// Its history as a trend shows it.
    fn trend(&self, room: &Room, from: Timestamp, to: Timestamp) -> Result<Value> {
        let wanted = json!({ "points": [self.point["id"]], "from": from, "to": to, "max_points": 1_000 });
        Ok(room.call("history", &wanted)?[0].clone())
    }
}

/// Entries of the alarm journal of this kind.
fn journal(room: &Room, kind: &str) -> Result<Vec<Value>> {
    const DAY: Duration = Duration::from_secs(24 * 3_600);
    let now = Clock::System.now();
    let filter = json!({ "from": now - DAY, "to": now + DAY, "kinds": [kind] });
    let page = room.call("journal", &json!({ "filter": filter, "before": null, "limit": 1_000 }))?;
    let rows = page["rows"].as_array().context("a journal has rows")?;
    Ok(rows.iter().map(|row| row["transition"].clone()).collect())
}

/// Waits until the alarm has been through this, and answers the first entry of it.
fn happened(room: &Room, kind: &str) -> Result<Value> {
    wait_for(&format!("the alarm is {kind}"), || Ok(journal(room, kind)?.pop()))
}

/// The spool is full of what devices send, because the database stands still; what people do has room of its own.
#[test]
fn alarm_acknowledged_while_the_spool_is_full() -> Result<()> {
    /// What cannot be read takes the room of samples, each so many bytes of it; together they are more than fits.
    const MESSAGES: usize = 16_000;
    const BYTES: usize = 4_096;
    let mut room = Room::new()?;
    room.set("PENSTOCK_SPOOL__MAX_MEGABYTES", "64");
    room.start()?;
    let devices = Devices::of(&room)?;
    devices.is_live(&room)?;
    let now = Clock::System.now();
    let gauge = Gauge::adopted(&room, now - LONG * 3)?;
    gauge.says(1.0, now - LONG * 2)?;
    gauge.says(1.0, now - LONG)?;
    let raised = happened(&room, "raised")?;
    room.copied()?;

    let database = room.database()?;
    signal(&database, Signal::SIGSTOP)?;
    let noise = room.device("noise")?;
    let payload = vec![b'{'; BYTES];
    for _ in 0..MESSAGES {
        noise.publish("jjm/sensors/NOISE/data", &payload, PATIENCE).context("the broker takes it")?;
    }
    let told = room.told("spool")?;
    ensure!(told.contains("full"), "it names the cause: {told}");
    devices.send_all(500)?;
    let alarm = json!([raised["rule"], raised["occurrence"]]);
    let report = room.call("acknowledge", &json!({ "alarms": [alarm], "comment": "gate 2 opened" }))?;
    ensure!(report["done"] == json!([raised["rule"]]), "people have room of their own: {report}");
    room.told("spool").context("the spool is full all the while")?;
    room.kill()?;
    signal(&database, Signal::SIGCONT)?;

    room.start()?;
    let acknowledged = journal(&room, "acknowledged")?;
    let [entry] = acknowledged.as_slice() else { anyhow::bail!("acknowledged once: {acknowledged:?}") };
    ensure!(entry["occurrence"] == raised["occurrence"] && entry["comment"] == "gate 2 opened", "as it was: {entry}");
    let state = room.call("alarm", &json!({ "rule": raised["rule"] }))?["state"].clone();
    ensure!(state["acknowledged"] == Value::Bool(true) && state["active"] == Value::Bool(true), "it stands: {state}");
    let audits = room.sql("select count(*) from audit where action = 'acknowledge'")?;
    ensure!(audits == [["1"]], "the audit has it once: {audits:?}");
    room.cleared("spool")?;
    room.logged(&["WARN", "spool", "full"])?;
    devices.balances(&room)
}

/// What a clock says that is hours ahead is kept and told apart; what the device says after its clock was set right is
/// judged and drawn as if nothing had been, also by a station that starts anew.
#[test]
fn clock_of_a_device_far_ahead() -> Result<()> {
    const HOURS: Duration = Duration::from_secs(5 * 3_600);
    const DAYS: Duration = Duration::from_secs(3 * 24 * 3_600);
    let mut room = Room::started()?;
    let devices = Devices::of(&room)?;
    let now = Clock::System.now();
    let gauge = Gauge::adopted(&room, now - LONG * 4)?;
    gauge.says(0.0, now - LONG * 3)?;
    gauge.says(1.0, now + HOURS)?;
    gauge.says(1.0, now + DAYS)?;
    // The same high value, at times that are right.
    gauge.says(1.0, now - LONG * 2)?;
    gauge.says(1.0, now - LONG)?;
    let raised = happened(&room, "raised")?;
    let at = Timestamp::from_micros(raised["at"].as_i64().context("an entry has a time")?);
    let judged = now - LONG * 2..=now - LONG;
    ensure!(judged.contains(&at), "only values with a right time raise it, in their time: {raised}");

    room.copied()?;
    let code = |doubt: Doubt| u64::from(Quality::Uncertain(doubt).code());
    let trend = gauge.trend(&room, now - LONG * 10, now + LONG)?;
    let qualities = trend["qualities"].as_array().context("a trend has qualities")?;
    let with = |quality: u64| qualities.iter().filter(|code| code.as_u64() == Some(quality)).count();
    ensure!(with(0) == 4, "what has a right time is good: {trend}");
    ensure!(with(code(Doubt::ClockBroken)) == 1, "days ahead are kept at the received time, and told: {trend}");
    ensure!(qualities.len() == 5, "nothing else is drawn: {trend}");
    ensure!(trend["statistics"]["count"] == 4, "figures are of good values: {trend}");
    let ahead = gauge.trend(&room, now + LONG, now + HOURS * 2)?;
    ensure!(ahead["times"] == json!([now + HOURS]), "hours ahead are kept as told: {ahead}");
    ensure!(ahead["qualities"] == json!([code(Doubt::ClockAhead)]), "and their quality says so: {ahead}");

    // A station that starts anew reads the newest times from the database.
    room.kill()?;
    room.start()?;
    // No further ahead than a clock may be.
    let now = Clock::System.now();
    gauge.says(0.0, now)?;
    gauge.says(0.0, now + LONG)?;
    let cleared = happened(&room, "cleared")?;
    ensure!(cleared["occurrence"] == raised["occurrence"], "good values go on being judged: {cleared}");
    ensure!(journal(&room, "raised")?.len() == 1, "nothing else has raised it");
    devices.balances(&room)
}
