//! Times the window from launch to the first value on screen: `start PROGRAM SIMULATOR DATA`, the settings in the
//! environment. `cargo xtask bench start` calls it; what it found is one line of JSON.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use penstock_testkit::webdriver::{Screen, Size, Window};
use serde_json::{Value, json};
use tokio::process::Child;
use tokio::task::JoinHandle;

/// What the station may take to drain its spool and to stop database and broker.
const STATION_STOP: Duration = Duration::from_secs(90);

const SHOWN: &str = "const shown = [...document.querySelectorAll('[data-testid^=\"live-\"]')].map(e => e.textContent);
    return shown.some(text => /[0-9]/.test(text)) ? shown.join('|') : null;";

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().map(PathBuf::from).context("usage: start PROGRAM SIMULATOR DATA");
    let (program, simulator, data) = (next()?, next()?, next()?);

    let note = data.join("run/station.json");
    let devices = tokio::spawn(start_devices(note.clone(), simulator, data.clone()));
    let args = vec!["--data".to_owned(), data.display().to_string()];
    let window = Window { program, args, ..Window::default() };
    let screen = Screen::window(&window, Size::WORKSTATION).await?;
    let report = measure(&screen, &note, devices).await;
    // A driver that is told to close kills the program, which would leave its broker running.
    let stopped = stop_station(&note).await;
    drop(screen);
    let report = report?;
    stopped?;
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}

async fn measure(screen: &Screen, note: &Path, devices: JoinHandle<Result<Child>>) -> Result<Value> {
    screen.wait_for("[data-testid=sign-in]").await?;
    let station = read_note(note).context("the station did not say where it is")?;
    let pid = station.get("pid").and_then(Value::as_u64).context("the station's note names no process")?;
    let to_sign_in = age_secs(pid)?;
    // What a person takes to sign in is not the start's: only what the program takes counts.
    let typed = Instant::now();
    screen.click("[data-testid^='use-']").await?;
    if screen.wait_for_within("[data-testid=overview]", Duration::from_secs(2)).await.is_err() {
        screen.click("[data-testid=submit]").await?;
    }
    let first = screen.wait_script(SHOWN).await?;
    let to_value = typed.elapsed().as_secs_f64();
    let changed = format!("const first = {first}; const now = (() => {{ {SHOWN} }})(); return now && now !== first;");
    screen.wait_script(&changed).await?;
    let to_change = typed.elapsed().as_secs_f64();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let window_pss = pss_of_tree(pid)?;

    drop(devices.await??);
    Ok(json!({
        "launch_to_sign_in_secs": to_sign_in,
        "sign_in_to_first_value_secs": to_value,
        "launch_to_first_value_secs": to_sign_in + to_value,
        "launch_to_first_change_secs": to_sign_in + to_change,
        "window_pss_bytes": window_pss,
    }))
}

/// Ends the station in order, its database and broker with it.
async fn stop_station(note: &Path) -> Result<()> {
    let pid = read_note(note).and_then(|station| station.get("pid")?.as_i64());
    let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) else { return Ok(()) };
    kill(Pid::from_raw(pid), Signal::SIGTERM).context("the station cannot be asked to end")?;
    let deadline = Instant::now() + STATION_STOP;
    // Nothing can be read of a process that has ended, whether or not the driver has looked after it yet.
    while std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty()) {
        if Instant::now() > deadline {
            bail!("the station did not end within {} s", STATION_STOP.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// The demo's devices, from the moment the station takes them in.
async fn start_devices(note: PathBuf, simulator: PathBuf, data: PathBuf) -> Result<Child> {
    let port = loop {
        let station = read_note(&note).filter(|station| station.get("ready") == Some(&Value::Bool(true)));
        if let Some(port) = station.and_then(|station| station.get("broker_port")?.as_u64()) {
            break port;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    Ok(tokio::process::Command::new(simulator)
        .args(["run", "--host", "127.0.0.1", "--user", "device", "--port", &port.to_string(), "--state"])
        .arg(data.join("demo-simulator.json"))
        .arg("--control")
        .arg(data.join("simulator.sock"))
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()?)
}

fn read_note(note: &Path) -> Option<Value> {
    serde_json::from_str(&std::fs::read_to_string(note).ok()?).ok()
}

/// How long ago a process was started, to a hundredth of a second.
fn age_secs(pid: u64) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(") ").context("a process without a state")?;
    let started: f64 = fields.split(' ').nth(19).context("a process without a start")?.parse()?;
    let uptime = std::fs::read_to_string("/proc/uptime")?;
    let uptime: f64 = uptime.split(' ').next().context("no uptime")?.parse()?;
    // Linux counts process times in hundredths of a second on every platform Penstock runs on.
    Ok(uptime - started / 100.0)
}

/// Memory of a process and WebKit's processes below it; shared pages count by their share. PostgreSQL and the broker
/// are the station's, not the window's.
fn pss_of_tree(root: u64) -> Result<u64> {
    let mut total = pss(root)?;
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u64>() else { continue };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit_once(") ").and_then(|(_, fields)| fields.split(' ').nth(1)?.parse::<u64>().ok());
        if parent == Some(root) && stat.contains("(WebKit") {
            total += pss(pid)?;
        }
    }
    Ok(total)
}

fn pss(pid: u64) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).context("no share of memory")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kilobytes * 1024)
}
