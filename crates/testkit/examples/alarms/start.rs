//! The station's own program: from its being called until a screen has been told of every alarm that stands. Must not
//! know what the journal says.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use penstock_api::{Call, CreateFirstAdmin, Frame, SignIn};
use penstock_model::PlantFile;
use penstock_testkit::leash::Leash;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::report::{Asked, Line};

/// What is asked of a start, and with how many journal entries at most.
const ASKED_SECS: f64 = 3.0;
const ASKED_ROWS: u64 = 1_500_000;
/// How long the station may take to start, and its feed to tell of its alarms.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often its note is looked for: what a figure may be wrong by.
const GLANCE: Duration = Duration::from_millis(5);
/// The account that looks on, and the passwords that no keyring has to keep.
const PERSON: &str = "meter";
const PASSWORD: &str = "of-one-measurement";

/// A station's program with the folder that it keeps everything in.
pub(crate) struct Station {
    pub(crate) program: PathBuf,
    pub(crate) data: PathBuf,
}

/// The times of starts with the journal, and of the same without it.
pub(crate) struct Starts {
    line: Line,
}

impl Starts {
    pub(crate) fn new(rows: u64) -> Self {
        let asked = if rows <= ASKED_ROWS { Asked::AtMost(ASKED_SECS) } else { Asked::Nothing };
        let what = format!("starting the station until its alarms are served, {rows} journal entries");
        Self { line: Line::new(what, "s", asked, "empty journal") }
    }

    pub(crate) fn into_line(self) -> Line {
        self.line
    }

    /// One run while nothing has happened yet.
    pub(crate) async fn run_without(&mut self, station: &Station) -> Result<()> {
        self.line.beside.push(station.start(0).await?.as_secs_f64());
        Ok(())
    }

    /// One run with the journal, after which so many alarms stand.
    pub(crate) async fn run(&mut self, station: &Station, standing: u32) -> Result<()> {
        self.line.runs.push(station.start(standing).await?.as_secs_f64());
        Ok(())
    }
}

impl Station {
    /// Where its database is.
    pub(crate) fn database(&self) -> PathBuf {
        self.data.join("database")
    }

    /// The first start: the station makes its database, takes the plant in and lets somebody sign in.
    pub(crate) async fn lay_out(&self, plant: &PlantFile) -> Result<()> {
        let import = self.data.join("plant.json");
        std::fs::write(&import, serde_json::to_vec(plant)?)?;
        let mut command = self.command();
        command.env("PENSTOCK_PLANT__IMPORT", &import);
        let running = Leash::start(command)?;
        let (name, password) = (PERSON.to_owned(), PASSWORD.to_owned());
        let admin = CreateFirstAdmin { name, full_name: "Meter".to_owned(), password };
        call(&self.ready().await?, &admin).await?;
        self.stop(running)
    }

    /// The start after its journal was written without it: what it kept of its alarms is from before that.
    pub(crate) async fn take_up_journal(&self, standing: u32) -> Result<()> {
        match std::fs::remove_file(self.data.join("alarms.now")) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        self.start(standing).await.map(|_took| ())
    }

    /// Starts it, waits until `standing` alarms are served, and stops it again; how long the first two took, without
    /// signing in, which is not the start's.
    async fn start(&self, standing: u32) -> Result<Duration> {
        let begun = Instant::now();
        let running = Leash::start(self.command())?;
        let address = self.ready().await?;
        let to_ready = begun.elapsed();
        let session = call(&address, &SignIn { name: PERSON.to_owned(), password: PASSWORD.to_owned() }).await?;
        let signed_in = Instant::now();
        let served = tokio::time::timeout(PATIENCE, told_of(&address, &session.token, standing));
        served.await.with_context(|| format!("{standing} alarms stand and are not served"))??;
        let to_served = signed_in.elapsed();
        self.stop(running)?;
        Ok(to_ready + to_served)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["station", "--data"])
            .arg(&self.data)
            .env("PENSTOCK_SECRET__DEVICE_PASSWORD", PASSWORD)
            .env("PENSTOCK_SECRET__STATION_PASSWORD", PASSWORD)
            .env("PENSTOCK_GATEWAY__LISTEN", "127.0.0.1:0");
        command
    }

    /// Where its screens are, once it says that it is ready.
    async fn ready(&self) -> Result<String> {
        let file = self.data.join("run/station.json");
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let note = std::fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
            if let Some(note) = note.filter(|note| note.get("ready") == Some(&Value::Bool(true))) {
                let address = note.get("address").and_then(Value::as_str).context("the note names no address")?;
                return Ok(address.to_owned());
            }
            tokio::time::sleep(GLANCE).await;
        }
        bail!("the station is not ready after {} s: start it by hand to see why", PATIENCE.as_secs())
    }

    /// Ends it in order: the next start finds nothing that runs, and has nothing to repair.
    fn stop(&self, running: Leash) -> Result<()> {
        drop(running);
        for left in ["run/station.json", "database/data/postmaster.pid"] {
            let left = self.data.join(left);
            ensure!(!left.exists(), "the station did not stop in order: it left {}", left.display());
        }
        Ok(())
    }
}

/// Follows the live feed until it has told of so many active alarms.
async fn told_of(address: &str, token: &str, standing: u32) -> Result<()> {
    let url = format!("{}api/live", address.replacen("http", "ws", 1));
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.context("no live feed")?;
    socket.send(Message::text(token)).await?;
    let mut active: u32 = 0;
    while let Some(message) = socket.next().await {
        let Message::Binary(bytes) = message? else { continue };
        let Ok(frame) = Frame::from_bytes(&bytes) else { bail!("the live feed sends what is no frame") };
        if let Some(counts) = &frame.counts {
            active = counts.active.iter().sum();
        }
        if active >= standing {
            return Ok(());
        }
    }
    bail!("the live feed ended, having told of {active} active alarms")
}

async fn call<C: Call>(address: &str, asked: &C) -> Result<C::Reply> {
    let url = format!("{address}api/call/{}", C::NAME);
    let answer = reqwest::Client::new().post(url).bearer_auth("").json(asked).send().await?;
    let status = answer.status();
    let text = answer.text().await?;
    ensure!(status.is_success(), "{}: {text}", C::NAME);
    Ok(serde_json::from_str(&text)?)
}
