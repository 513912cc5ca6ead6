//! What is told beside an alarm while the database is frozen: the same as ever. What is set then waits, and says so.

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::ledger::Devices;
use crate::room::{Room, signal};

#[test]
fn guidance_is_told_while_the_database_is_frozen() -> Result<()> {
    let room = Room::started()?;
    let devices = Devices::of(&room)?;
    devices.is_live(&room)?;
    let point = room.call("register", &json!({}))?["points"][0].clone();
    let limits = json!({ "ll": null, "l": null, "h": 1e9, "hh": null });
    room.change(&point, &json!({ "state": "adopted", "limits": limits }))?;
    let rules = room.call("rules", &json!({}))?;
    let rules = rules.as_array().context("rules are a list")?;
    let is_of_point = |row: &&serde_json::Value| row["rule"]["subject"]["point"] == point["id"];
    let rule = rules.iter().find(is_of_point).context("a rule follows from the limit")?["rule"]["id"].clone();
    let set = |version: u32, contact: &str| json!({ "scope": "tenant", "version": version, "advice": { "contact": contact }, "reason": "a test" });
    room.call("save-guidance", &set(0, "Duty engineer"))?;

    devices.while_sending(|| {
        let frozen = room.database()?;
        signal(&frozen, Signal::SIGSTOP)?;
        let told = room.call("alarm-guidance", &json!({ "rule": rule }));
        let refused = room.call("save-guidance", &set(1, "Area manager"));
        signal(&frozen, Signal::SIGCONT)?;
        let contact = told?["contact"].clone();
        let expect = json!({ "value": "Duty engineer", "from": { "scope": "tenant" } });
        ensure!(contact == expect, "the alarm is told {contact}");
        let Err(refused) = refused else { anyhow::bail!("a frozen database stores nothing") };
        let refused = format!("{refused:#}");
        ensure!(refused.contains("the database is away"), "whoever sets something is told: {refused}");
        room.cleared("database")
    })?;
    devices.balances(&room)
}
