//! What a person does with the control room, from signing in to signing out: in the desktop window and in Chromium, the
//! same steps on the same screens, with a station, a broker and a database of their own.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use penstock_testkit::database::ScratchFolder;
use penstock_testkit::leash::Leash;
use penstock_testkit::webdriver::{Screen, Size, Window};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;

const PROGRAM: &str = env!("CARGO_BIN_EXE_penstock");
const PLANT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/demo/plant.json");
const DEVICE_PASSWORD: &str = "of-one-test";

/// Two flows of the demo plant, in m³/h: one that is watched, and one that is driven beyond its limit, 188.
const WATCHED: &str = "FT-21";
const FLOW: &str = "FT-11";

/// Their rows on the sign-in screen.
const OPERATOR: &str = "first-child";
const ADMIN: &str = "last-child";

/// Ways in which a page could speak to another host, which it must not, in the window or in a browser.
const ESCAPES: &str = "
    const add = (kind, what) => document.body.append(Object.assign(document.createElement(kind), what));
    fetch(elsewhere).catch(() => {});
    add('script', { src: elsewhere });
    add('iframe', { src: elsewhere });
    add('img', { src: elsewhere });
    add('link', { rel: 'stylesheet', href: elsewhere });
    try { new WebSocket(elsewhere.replace('http', 'ws')) } catch {}
    try { navigator.sendBeacon(elsewhere, 'x') } catch {}";

/// What only the window's page could ask of Tauri, and must not.
const TAURI_ESCAPES: &[&str] = &[
    "plugin:window|set_title",
    "plugin:window|close",
    "plugin:webview|create_webview_window",
    "plugin:event|emit",
    "plugin:path|resolve_directory",
    "plugin:app|version",
];

/// A station on the demo plant whose devices are this test.
struct Room {
    folder: ScratchFolder,
}

impl Room {
    fn new() -> Result<Self> {
        Ok(Self { folder: ScratchFolder::new()? })
    }

    fn data(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    fn environment() -> Vec<(String, String)> {
        [
            ("PENSTOCK_PLANT__IMPORT", PLANT),
            ("PENSTOCK_DEMO__PEOPLE", "true"),
            ("PENSTOCK_SECRET__DEVICE_PASSWORD", DEVICE_PASSWORD),
            ("PENSTOCK_GATEWAY__LISTEN", "127.0.0.1:0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// What the station says of itself, once it takes readings in.
    async fn note(&self) -> Result<Value> {
        let file = self.data().join("run/station.json");
        for _ in 0..600 {
            let note = std::fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
            if let Some(note) = note.filter(|note| note["ready"] == Value::Bool(true)) {
                return Ok(note);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the station is not ready after a minute")
    }

    /// Publishes a value of a flow as measured `secs_ago`.
    async fn publish(&self, point: &str, value: f64, secs_ago: u64) -> Result<()> {
        let port = self.note().await?["broker_port"].to_string();
        let at = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis();
        let at = at - u128::from(secs_ago) * 1_000;
        let payload = format!(r#"{{"sensor_id":"{point}","type":"flow","value":{value},"ts":{at}}}"#);
        let status = Command::new("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &port, "-u", "device", "-P", DEVICE_PASSWORD, "-q", "1"])
            .args(["-t", &format!("jjm/sensors/{point}/data"), "-m", &payload])
            .status()
            .context("install mosquitto-clients")?;
        ensure!(status.success(), "mosquitto_pub: {status}");
        Ok(())
    }
}

fn id(name: &str) -> String {
    format!("[data-testid=\"{name}\"]")
}

/// As one of the demo's people: the first is an operator, the last an admin.
async fn sign_in(screen: &Screen, row: &str) -> Result<()> {
    screen.click(&format!("tr:{row} [data-testid^='use-']")).await?;
    // Whoever signs in comes to the screen that was left.
    screen.wait_for("[data-link=up]").await?;
    screen.click(&id("rail-")).await?;
    screen.wait_for(&id("overview")).await
}

async fn see_a_live_value_change(screen: &Screen, room: &Room) -> Result<()> {
    let value = id(&format!("live-{WATCHED}"));
    for reading in ["101", "122"] {
        room.publish(WATCHED, reading.parse()?, 0).await?;
        screen.wait_text(&value, |text| text.contains(reading)).await.context(reading)?;
    }
    Ok(())
}

async fn acknowledge_an_alarm(screen: &Screen, room: &Room) -> Result<()> {
    // The rule's delay runs in the devices' time.
    room.publish(FLOW, 260.0, 120).await?;
    room.publish(FLOW, 261.0, 0).await?;
    screen.wait_for(&id("banner-ack-1")).await.context("the banner calls")?;
    screen.click(&id("rail-alarms")).await?;
    let row = format!("[data-testid=\"alarm-row\"][data-point=\"{FLOW}\"]");
    screen.click(&row).await?;
    screen.click(&format!("{} {}", id("alarm-detail"), id("acknowledge"))).await?;
    // A comment is asked for only where the priority demands one.
    if screen.wait_for_within(&id("comment-text"), Duration::from_secs(1)).await.is_ok() {
        screen.fill(&id("comment-text"), "crew is on its way").await?;
        screen.click(&id("acknowledge-commit")).await?;
    }
    screen.wait_for(&format!("{row}[data-state=\"Acked\"]")).await
}

/// With the command that the app itself shows, run as it stands.
async fn adopt_a_point(screen: &Screen) -> Result<()> {
    screen.click(&id("rail-health")).await?;
    let command = screen.text(&id("publish-command")).await?;
    let status = Command::new("sh").args(["-c", &command]).status()?;
    ensure!(status.success(), "{command}: {status}");
    screen.click(&id("rail-points")).await?;
    screen.click(&id("tab-discovered")).await?;
    screen.click(&id("point-row")).await?;
    screen.wait_text(&id("point-value"), |text| text.contains(|letter: char| letter.is_ascii_digit())).await?;
    screen.fill(&id("point-name"), "FT-99").await?;
    screen.click(&id("save-point")).await?;
    screen.wait_gone(&id("point-row")).await.context("it waits no more")?;
    screen.click(&id("tab-adopted")).await?;
    screen.fill(&id("filter"), "FT-99").await?;
    screen.wait_for("[data-testid=\"point-row\"][data-point=\"FT-99\"]").await
}

async fn pan_the_map(screen: &Screen) -> Result<()> {
    screen.click(&id("rail-map")).await?;
    let map = id("map");
    screen.wait_script("return document.querySelector('[data-testid=map]')?.dataset.centre").await?;
    let centre = screen.attribute(&map, "data-centre").await?.context("the map says where it is")?;
    screen.drag(&map, (-60.0, -40.0), (90.0, 60.0)).await?;
    let moved = format!("return document.querySelector('[data-testid=map]')?.dataset.centre !== {centre:?}");
    screen.wait_script(&moved).await?;
    let zoom = screen.attribute(&map, "data-zoom").await?.context("the map says how near it is")?;
    screen.click(&id("zoom-in")).await?;
    screen
        .wait_script(&format!("return document.querySelector('[data-testid=map]')?.dataset.zoom !== {zoom:?}"))
        .await?;
    Ok(())
}

async fn zoom_a_trend(screen: &Screen) -> Result<()> {
    screen.click(&id("rail-alarms")).await?;
    screen.click(&format!("[data-testid=\"alarm-row\"][data-point=\"{FLOW}\"]")).await?;
    screen.click(&id("to-trend")).await?;
    screen.wait_text(&id("trend-pens"), |text| text.contains(FLOW)).await?;
    let width = "const { from, to } = document.querySelector('[data-testid=trend]').dataset; return to - from;";
    let before = screen.script(width).await?.as_f64().context("no width")?;
    // Until the chart is drawn there is no time under the pointer, and the wheel does nothing.
    for _ in 0..100 {
        screen.scroll(&id("trend"), -500).await?;
        if screen.script(width).await?.as_f64().is_some_and(|now| now < before * 0.75) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("the wheel does not zoom")
}

async fn stay_inside(screen: &Screen) -> Result<()> {
    // In a turn of its own: the driver's scripts may evaluate text, the page may not.
    let evaluate = "return new Promise(answer => setTimeout(() => {
        try { new Function('return 1')(); answer('done') } catch { answer('refused') }
    }));";
    ensure!(screen.script(evaluate).await? == "refused", "the page can evaluate text as code");

    let elsewhere = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = elsewhere.local_addr()?;
    screen.script(&format!("const elsewhere = 'http://{address}/'; {ESCAPES}")).await?;
    // A browser may open a connection ahead of a request that its policy then forbids: what counts is what is said.
    let mut said = String::new();
    let listen = async {
        loop {
            let (mut stream, _) = elsewhere.accept().await?;
            let mut request = [0; 512];
            if let Ok(length) = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut request)).await {
                said.push_str(&String::from_utf8_lossy(request.get(..length?).unwrap_or_default()));
            }
        }
    };
    let listened: Result<Result<()>, _> = tokio::time::timeout(Duration::from_secs(3), listen).await;
    ensure!(listened.is_err(), "nobody can listen: {listened:?}");
    ensure!(said.is_empty(), "the page speaks to another host: {said}");
    Ok(())
}

async fn ask_tauri_for_nothing_else(screen: &Screen) -> Result<()> {
    for command in TAURI_ESCAPES {
        let body = format!(
            "return window.__TAURI_INTERNALS__.invoke({command:?}, {{}}).then(() => 'done', refusal => 'refused: ' + refusal);"
        );
        let answer = screen.script(&body).await?;
        let is_refused =
            answer.as_str().is_some_and(|text| text.starts_with("refused") && text.contains("not allowed"));
        ensure!(is_refused, "the page may {command}: {answer}");
    }
    Ok(())
}

async fn sign_out(screen: &Screen) -> Result<()> {
    screen.click(&id("person")).await?;
    screen.click(&id("sign-out")).await?;
    screen.wait_for(&id("sign-in")).await
}

/// A call that a session's end overtakes is refused, and a browser tells so.
fn is_complaint(line: &str) -> bool {
    line.starts_with("SEVERE") && !line.contains("status of 401")
}

async fn journeys(screen: &Screen, room: &Room) -> Result<()> {
    sign_in(screen, OPERATOR).await.context("sign in")?;
    see_a_live_value_change(screen, room).await.context("see a live value change")?;
    acknowledge_an_alarm(screen, room).await.context("acknowledge an alarm")?;
    pan_the_map(screen).await.context("pan the map")?;
    zoom_a_trend(screen).await.context("zoom a trend")?;
    sign_out(screen).await.context("sign out")?;
    sign_in(screen, ADMIN).await.context("sign in as an admin")?;
    adopt_a_point(screen).await.context("adopt a point")?;
    let complaints: Vec<_> = screen.console().await?.into_iter().filter(|line| is_complaint(line)).collect();
    ensure!(complaints.is_empty(), "the page complains: {complaints:?}");
    stay_inside(screen).await.context("stay inside the policy of the page")
}

#[tokio::test(flavor = "multi_thread")]
async fn in_chromium() -> Result<()> {
    let room = Room::new()?;
    let mut command = Command::new(PROGRAM);
    command.args(["station", "--data"]).arg(room.data()).envs(Room::environment());
    let station = Leash::start(command)?;
    let note = room.note().await?;
    let address = note["address"].as_str().context("no address")?;

    let screen = Screen::chromium(Size::WORKSTATION).await?;
    screen.goto(address).await?;
    journeys(&screen, &room).await?;
    sign_out(&screen).await?;
    screen.close().await?;
    tokio::task::spawn_blocking(move || drop(station)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_window() -> Result<()> {
    let room = Room::new()?;
    let args = vec!["--data".to_owned(), room.data().display().to_string()];
    let window = Window { program: PROGRAM.into(), args, environment: Room::environment(), has_keyring: true };
    let screen = Screen::window(&window, Size::WORKSTATION).await?;
    room.note().await?;
    journeys(&screen, &room).await?;
    ask_tauri_for_nothing_else(&screen).await.context("ask Tauri for nothing else")?;
    sign_out(&screen).await?;
    screen.close().await
}
