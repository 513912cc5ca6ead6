//! The private broker: a real Mosquitto under supervision.

use std::fs::Permissions;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::common::{Running, run_as, run_with, settings, settle, text, within};
use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgid};
use penstock_model::Clock;
use penstock_sources::broker::{BrokerState, Credentials, DEVICE, HOST, Keeper, Life, PrivateBroker, STATION, UNKNOWN};
use penstock_sources::{Error, ProblemKind, Secret};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A private broker that is supervised in a test.
struct Kept {
    broker: PrivateBroker,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Kept {
    async fn start(folder: &Path, credentials: &Credentials) -> Result<Self> {
        let (broker, keeper) = start(folder, credentials).await?;
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(keeper.run(shutdown.clone()));
        Ok(Self { broker, shutdown, task })
    }

    async fn stop(self) {
        let pid = self.pid();
        self.shutdown.cancel();
        within(self.task).await.expect("no panic");
        assert_eq!(self.broker.state().borrow().life, Life::Stopped);
        assert!(!is_alive(pid), "a stopped broker is gone");
    }

    fn pid(&self) -> i32 {
        pid(&self.broker.state().borrow()).expect("it runs")
    }

    async fn source(&self) -> Result<Running> {
        let mut source = run_with(self.broker.source("private", "penstock-test", Clock::System)?, 1024);
        source.connected().await;
        Ok(source)
    }

    /// Publishes as a device does.
    fn publish(&self, topic: &str, payload: &str) -> Result<()> {
        let password = self.broker.credentials().device.expose();
        let arguments = ["-u", DEVICE, "-P", password, "-q", "1", "-t", topic, "-m", payload];
        succeeded(&client("mosquitto_pub", self.broker.port(), &arguments)?)
    }
}

async fn start(folder: &Path, credentials: &Credentials) -> Result<(PrivateBroker, Keeper), Error> {
    within(PrivateBroker::start(folder, credentials.clone(), Clock::System)).await
}

fn pid(state: &BrokerState) -> Option<i32> {
    if let Life::Up { pid, .. } = state.life { Some(pid) } else { None }
}

fn is_alive(pid: i32) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

fn client(program: &str, port: u16, arguments: &[&str]) -> Result<Output> {
    let port = port.to_string();
    Command::new(program)
        .args(["-h", HOST, "-p", &port])
        .args(arguments)
        .output()
        .with_context(|| format!("{program} cannot be started: install it with `apt-get install mosquitto-clients`"))
}

fn succeeded(output: &Output) -> Result<()> {
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_command_brings_a_reading_in() -> Result<()> {
    let (folder, credentials) = (TempDir::new()?, Credentials::generate()?);
    let kept = Kept::start(folder.path(), &credentials).await?;
    let mut source = kept.source().await?;
    succeeded(&Command::new("sh").arg("-c").arg(kept.broker.publish_example()).output()?)?;
    let received = source.next().await;
    assert_eq!(&*received.topic, "jjm/sensors/S0001/data");
    let reading: serde_json::Value = serde_json::from_slice(&received.payload)?;
    assert_eq!(reading, serde_json::json!({ "sensor_id": "S0001", "type": "flow", "value": 250.5 }));
    settle([received]);
    source.until(|state| state.unacknowledged == 0 && state.dropped_by_broker == Some(0)).await;
    source.stop().await;
    kept.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_two_accounts_are_let_in() -> Result<()> {
    let (folder, credentials) = (TempDir::new()?, Credentials::generate()?);
    let kept = Kept::start(folder.path(), &credentials).await?;
    let port = kept.broker.port();
    let device = credentials.device.expose();
    for arguments in [
        &["-t", "a", "-m", "1"][..],
        &["-u", DEVICE, "-P", "wrong", "-t", "a", "-m", "1"],
        &["-u", STATION, "-P", device, "-t", "a", "-m", "1"],
    ] {
        assert!(!client("mosquitto_pub", port, arguments)?.status.success(), "{arguments:?} is let in");
    }
    let mut source = run_as(settings(port), STATION, "wrong");
    let down = source.until(|state| state.last_problem.is_some()).await;
    assert_eq!(down.last_problem.expect("told").kind, ProblemKind::CredentialsRefused);
    source.stop().await;

    let version = ["-t", "$SYS/broker/version", "-C", "1", "-W", "2", "-u"];
    let as_station = [&version[..], &[STATION, "-P", credentials.station.expose()]].concat();
    let as_device = [&version[..], &[DEVICE, "-P", device]].concat();
    succeeded(&client("mosquitto_sub", port, &as_station)?)?;
    assert!(client("mosquitto_sub", port, &as_device)?.stdout.is_empty(), "a device sees the broker's own topics");
    kept.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn its_files_are_for_the_broker_alone_and_hold_no_password() -> Result<()> {
    let (folder, credentials) = (TempDir::new()?, Credentials::generate()?);
    let kept = Kept::start(&folder.path().join("broker"), &credentials).await?;
    kept.publish("a", "1")?;
    let mut folders = vec![folder.path().join("broker")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let mode = path.metadata()?.mode() & 0o777;
            if path.is_dir() {
                assert_eq!(mode, 0o700, "{}", path.display());
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path)?;
            for password in [&credentials.station, &credentials.device] {
                let word = password.expose().as_bytes();
                assert!(!bytes.windows(word.len()).any(|window| window == word), "a password is in {}", path.display());
            }
            if ["passwords", "mosquitto.conf", "access"].iter().any(|name| path.ends_with(name)) {
                assert_eq!(mode, 0o600, "{}", path.display());
                files += 1;
            }
        }
    }
    assert_eq!(files, 3);
    let pid = Pid::from_raw(kept.pid());
    assert_eq!(getpgid(Some(pid))?, pid, "a Ctrl-C at the station's terminal must not reach it");
    kept.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_gives_root_up_where_its_own_user_can_reach_the_folder() -> Result<()> {
    let me = nix::unistd::geteuid();
    let own = nix::unistd::User::from_name("mosquitto")?.filter(|_| me.is_root()).map_or(me, |user| user.uid);
    let (folder, credentials) = (TempDir::new()?, Credentials::generate()?);
    // The scratch folder itself is given away with all in it; one below it lies behind what only we can enter.
    std::fs::create_dir(folder.path().join("closed"))?;
    std::fs::set_permissions(folder.path().join("closed"), Permissions::from_mode(0o700))?;
    for (folder, expected) in [(folder.path().join("closed/broker"), me), (folder.path().to_owned(), own)] {
        let kept = Kept::start(&folder, &credentials).await?;
        let uid = std::fs::metadata(format!("/proc/{}", kept.pid()))?.uid();
        assert_eq!(uid, expected.as_raw(), "{}", folder.display());
        kept.publish("a", "1")?;
        kept.stop().await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_is_remembered_and_moves_on_when_taken() -> Result<()> {
    let (folder, credentials) = (TempDir::new()?, Credentials::generate()?);
    let kept = Kept::start(folder.path(), &credentials).await?;
    let first = kept.broker.port();
    kept.stop().await;
    let kept = Kept::start(folder.path(), &credentials).await?;
    assert_eq!(kept.broker.port(), first);
    kept.stop().await;

    let taken = TcpListener::bind((HOST, first))?;
    let kept = Kept::start(folder.path(), &credentials).await?;
    let moved = kept.broker.port();
    assert_ne!(moved, first);
    let source = kept.source().await?;
    kept.stop().await;
    source.stop().await;
    drop(taken);
    let kept = Kept::start(folder.path(), &credentials).await?;
    assert_eq!(kept.broker.port(), moved);
    kept.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_it_comes_back_and_messages_flow_again() -> Result<()> {
    let (folder, credentials) = (TempDir::new()?, Credentials::generate()?);
    let kept = Kept::start(folder.path(), &credentials).await?;
    let mut source = kept.source().await?;
    let first = kept.pid();
    kill(Pid::from_raw(first), Signal::SIGKILL)?;
    let mut state = kept.broker.state();
    let up = within(state.wait_for(|state| pid(state).is_some_and(|pid| pid != first))).await?.clone();
    assert_eq!((up.restarts, up.port), (1, kept.broker.port()));
    assert!(up.last_problem.expect("told").contains("signal: 9"));
    source.until(|state| state.is_connected() && state.reconnects == 1).await;
    kept.publish("a", "after")?;
    assert_eq!(text(&source.next().await), "after");
    source.stop().await;
    kept.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_follows_to_another_port() -> Result<()> {
    let (folder, credentials) = (TempDir::new()?, Credentials::generate()?);
    let kept = Kept::start(folder.path(), &credentials).await?;
    let mut source = kept.source().await?;
    let (first, port) = (kept.pid(), kept.broker.port());
    // Hold the port as soon as it is free: the broker finds it taken when it is started again.
    kill(Pid::from_raw(first), Signal::SIGKILL)?;
    let taken = loop {
        if let Ok(taken) = TcpListener::bind((HOST, port)) {
            break taken;
        }
    };
    let mut state = kept.broker.state();
    within(state.wait_for(|state| pid(state).is_some_and(|pid| pid != first))).await?;
    assert_ne!(kept.broker.port(), port);
    source.until(|state| state.is_connected() && state.address.ends_with(&kept.broker.port().to_string())).await;
    kept.publish("a", "moved")?;
    assert_eq!(text(&source.next().await), "moved");
    drop(taken);
    source.stop().await;
    kept.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_keeps_for_the_station_survives_a_stop() -> Result<()> {
    let (folder, credentials) = (TempDir::new()?, Credentials::generate()?);
    let kept = Kept::start(folder.path(), &credentials).await?;
    kept.source().await?.stop().await;
    kept.publish("a", "guaranteed")?;
    kept.stop().await;
    let kept = Kept::start(folder.path(), &credentials).await?;
    let mut source = kept.source().await?;
    assert_eq!(text(&source.next().await), "guaranteed");
    let state = source.stop().await;
    assert_eq!(state.lost_sessions, 0);
    kept.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_left_by_a_killed_station_is_adopted() -> Result<()> {
    let (folder, credentials) = (TempDir::new()?, Credentials::generate()?);
    let mut station = Command::new(example("broker")?)
        .arg(folder.path())
        .env("STATION_PASSWORD", credentials.station.expose())
        .env("DEVICE_PASSWORD", credentials.device.expose())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut command = String::new();
    BufReader::new(station.stdout.take().context("piped")?).read_line(&mut command)?;
    assert!(matches!(start(folder.path(), &credentials).await, Err(Error::InUse(_))), "one keeper at a time");
    station.kill()?;
    station.wait()?;

    let kept = Kept::start(folder.path(), &credentials).await?;
    assert!(matches!(kept.broker.state().borrow().life, Life::Up { adopted: true, .. }));
    assert_eq!(kept.broker.publish_example(), command.trim_end());
    let mut source = kept.source().await?;
    kept.publish("a", "1")?;
    assert_eq!(text(&source.next().await), "1");

    // Adopted or not, it is started again when it dies.
    let first = kept.pid();
    kill(Pid::from_raw(first), Signal::SIGKILL)?;
    let mut state = kept.broker.state();
    within(state.wait_for(|state| pid(state).is_some_and(|pid| pid != first))).await?;
    source.stop().await;
    kept.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn with_other_passwords_it_is_started_anew_and_keeps_its_queues() -> Result<()> {
    let (folder, credentials) = (TempDir::new()?, Credentials::generate()?);
    let (broker, keeper) = start(folder.path(), &credentials).await?;
    let first = pid(&broker.state().borrow()).context("it runs")?;
    let source = run_with(broker.source("private", "penstock-test", Clock::System)?, 1024);
    let mut source = source;
    source.connected().await;
    source.stop().await;
    let password = credentials.device.expose();
    let queued = ["-u", DEVICE, "-P", password, "-q", "1", "-t", "a", "-m", "kept"];
    succeeded(&client("mosquitto_pub", broker.port(), &queued)?)?;
    drop(keeper);
    assert!(is_alive(first), "a keeper that is gone leaves the broker running");

    let other = Credentials { station: Secret::new("other-station"), device: Secret::new("other-device") };
    let kept = Kept::start(folder.path(), &other).await?;
    assert_ne!(kept.pid(), first);
    assert!(!is_alive(first));
    assert_eq!(kept.broker.port(), broker.port());
    assert!(!client("mosquitto_pub", broker.port(), &queued)?.status.success(), "the old password is let in");
    let mut source = kept.source().await?;
    assert_eq!(text(&source.next().await), "kept");
    source.stop().await;
    kept.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_keep_their_password_where_nobody_remembers_it() -> Result<()> {
    let (folder, credentials) = (TempDir::new()?, Credentials::generate()?);
    Kept::start(folder.path(), &credentials).await?.stop().await;

    let forgotten = Credentials { station: Secret::new("another-station"), device: Secret::new("") };
    let kept = Kept::start(folder.path(), &forgotten).await?;
    let port = kept.broker.port();
    let as_device = |password: &str| {
        client("mosquitto_pub", port, &["-u", DEVICE, "-P", password, "-q", "1", "-t", "a", "-m", "1"])
    };
    succeeded(&as_device(credentials.device.expose())?)?;
    for wrong in ["", UNKNOWN, "wrong"] {
        assert!(!as_device(wrong)?.status.success(), "{wrong:?} is let in");
    }
    assert!(kept.broker.publish_example().contains(UNKNOWN), "the example says that it is not known");
    kept.stop().await;

    // Where there is nothing to keep, there is a new one.
    let empty = TempDir::new()?;
    let kept = Kept::start(empty.path(), &forgotten).await?;
    kept.publish("a", "1")?;
    kept.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_used_is_named() -> Result<()> {
    let folder = TempDir::new()?;
    let file = folder.path().join("file");
    std::fs::write(&file, "")?;
    let error = start(&file.join("broker"), &Credentials::generate()?).await.err().context("no folder")?;
    assert!(error.to_string().contains(&file.display().to_string()), "{error}");
    Ok(())
}

/// The program of an example, which cargo builds beside the tests.
fn example(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(Path::parent).context("target folder")?;
    Ok(folder.join("examples").join(name))
}
