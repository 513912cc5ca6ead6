//! What the simulator and the player say reaches a real Mosquitto, each reading once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use penstock_model::{Clock, Timestamp};
use penstock_sim::control::{self, Ask, Reply};
use penstock_sim::{Broker, EventKind, Play, Request, Run, Stamp};
use penstock_testkit::broker::{TestBroker, TestBrokerOptions};
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use tokio::sync::oneshot;

/// Longest wait for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

struct Listener {
    _client: AsyncClient,
    events: EventLoop,
}

impl Listener {
    /// Listens to everything from now on.
    async fn new(broker: &TestBroker, account: Option<(&str, &str)>) -> Result<Self> {
        let mut options = MqttOptions::new("listener", "127.0.0.1", broker.port());
        options.set_max_packet_size(1 << 20, 1 << 20);
        if let Some((user, password)) = account {
            options.set_credentials(user, password);
        }
        let (client, mut events) = AsyncClient::new(options, 16);
        client.subscribe("jjm/#", QoS::AtLeastOnce).await?;
        while !matches!(events.poll().await?, Event::Incoming(Packet::SubAck(_))) {}
        Ok(Self { _client: client, events })
    }

    /// The next message: topic, payload.
    async fn next(&mut self) -> Result<(String, String)> {
        loop {
            let event = tokio::time::timeout(PATIENCE, self.events.poll()).await.context("nothing more came")??;
            if let Event::Incoming(Packet::Publish(publish)) = event {
                return Ok((publish.topic, String::from_utf8(publish.payload.to_vec())?));
            }
        }
    }
}

fn broker(broker: &TestBroker, credentials: Option<(&str, &str)>) -> Broker {
    Broker {
        host: "127.0.0.1".to_owned(),
        port: broker.port(),
        credentials: credentials.map(|(user, password)| (user.to_owned(), password.to_owned())),
        topic_prefix: "jjm/sensors".to_owned(),
        client_prefix: "test".to_owned(),
    }
}

fn run(broker: Broker) -> Run {
    Run {
        broker,
        seed: 1,
        speed: 1.0,
        history: None,
        interval: Duration::from_millis(500),
        script: Vec::new(),
        control: None,
        truth: None,
        state: None,
        clock: Clock::System,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_comes_whole_and_in_order_then_the_present() -> Result<()> {
    let account = ("devices", "of the town");
    let mosquitto = TestBroker::with(TestBrokerOptions {
        account: Some((account.0.to_owned(), account.1.to_owned())),
        ..TestBrokerOptions::default()
    })?;
    let mut listener = Listener::new(&mosquitto, Some(account)).await?;
    let folder = tempfile::tempdir()?;
    let state = folder.path().join("state.json");
    let hours = 9;
    let first = Run {
        history: Some(Duration::from_secs(3_600 * hours)),
        state: Some(state.clone()),
        ..run(broker(&mosquitto, Some(account)))
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(first.until(async { drop(stopped.await) }));

    let (mut past, mut messages, mut newest) = (0_u64, 0_u64, Timestamp::MIN);
    let mut last_of = BTreeMap::new();
    let mut live = BTreeSet::new();
    let mut online = BTreeSet::new();
    while live.len() < 150 {
        let (topic, payload) = listener.next().await?;
        let id = topic.split('/').nth(2).context("a topic of three parts")?.to_owned();
        if topic.ends_with("/status") {
            assert_eq!(payload, "online", "{id}");
            online.insert(id);
            continue;
        }
        let read: serde_json::Value = serde_json::from_str(&payload)?;
        let Some(readings) = read.as_array() else {
            assert_eq!(read["sensor_id"], id.as_str());
            live.insert(id);
            continue;
        };
        assert!(live.is_empty(), "the past came after the present");
        for reading in readings {
            let at = Timestamp::parse(reading["ts"].as_str().context("a time")?)?;
            assert!(last_of.insert(id.clone(), at).is_none_or(|last| last < at), "{id} goes back to {at}");
            assert!(reading["value"].is_number());
        }
        // Every message begins where the others of its block do, or later.
        let begins = Timestamp::parse(readings[0]["ts"].as_str().context("a time")?)?;
        assert!(begins >= newest, "{id} begins at {begins}, others had reached {newest}");
        newest = begins;
        past += readings.len() as u64;
        messages += 1;
    }
    assert_eq!(online.len(), 13);
    stop.send(()).ok().context("the run ended early")?;
    let published = running.await??;
    assert_eq!((published.past, published.past_messages), (past, messages));
    // Nothing of the usual past that silences an instrument lies within these hours.
    assert_eq!(past, 150 * 60 * hours);
    assert_eq!(published.lost, 0);

    // A second start goes on from the kept state, with no past and nothing for the gap.
    let mut listener = Listener::new(&mosquitto, Some(account)).await?;
    let again = Run {
        history: Some(Duration::from_secs(3_600 * hours)),
        state: Some(state),
        ..run(broker(&mosquitto, Some(account)))
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(again.until(async { drop(stopped.await) }));
    let mut live = 0;
    while live < 150 {
        let (topic, payload) = listener.next().await?;
        if topic.ends_with("/data") {
            assert!(payload.starts_with(r#"{"sensor_id""#), "{payload}");
            live += 1;
        }
    }
    stop.send(()).ok().context("the run ended early")?;
    assert_eq!(running.await??.past, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_and_a_silent_site_on_demand() -> Result<()> {
    let mosquitto = TestBroker::start()?;
    let mut listener = Listener::new(&mosquitto, None).await?;
    let folder = tempfile::tempdir()?;
    let (socket, truth) = (folder.path().join("control.sock"), folder.path().join("truth.jsonl"));
    let plain = run(broker(&mosquitto, None));
    // A hundred times as fast: minutes of the plant pass in seconds.
    let run = Run { speed: 100.0, control: Some(socket.clone()), truth: Some(truth.clone()), ..plain };
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(run.until(async { drop(stopped.await) }));

    let inflow =
        |payload: &str| -> Option<f64> { serde_json::from_str::<serde_json::Value>(payload).ok()?["value"].as_f64() };
    let before = loop {
        let (topic, payload) = listener.next().await?;
        if topic == "jjm/sensors/FT-01/data" {
            break inflow(&payload).context("a number")?;
        }
    };
    let begun = control::ask(&socket, &Ask::Event(Request::of(EventKind::Burst).at("DMA 3"))).await?;
    let Reply::Begun(begun) = begun else { bail!("{begun:?}") };
    assert!(begun.points.contains(&"FT-01".to_owned()));
    loop {
        let (topic, payload) = listener.next().await?;
        if topic == "jjm/sensors/FT-01/data" && inflow(&payload).context("a number")? > before + 40.0 {
            break;
        }
    }
    control::ask(&socket, &Ask::Event(Request::of(EventKind::Offline).at("PS-3"))).await?;
    loop {
        // Said by the broker: the gateway's connection broke, and its will is known.
        if listener.next().await? == ("jjm/sensors/GW-PS3/status".to_owned(), "offline".to_owned()) {
            break;
        }
    }
    let refused = control::ask(&socket, &Ask::Event(Request::of(EventKind::Overflow).at("Moon"))).await;
    assert!(refused.expect_err("no such tank").to_string().contains("Clock Tower"));
    let Reply::Events(events) = control::ask(&socket, &Ask::Events).await? else { bail!("no list") };
    assert_eq!(events.iter().map(|truth| truth.kind).collect::<Vec<_>>(), [EventKind::Burst, EventKind::Offline]);
    stop.send(()).ok().context("the run ended early")?;
    running.await??;
    assert_eq!(std::fs::read_to_string(truth)?.lines().count(), 2);
    assert!(!socket.exists(), "the socket is left behind");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_named_and_ends_the_run() -> Result<()> {
    let mosquitto = TestBroker::with(TestBrokerOptions {
        account: Some(("devices".to_owned(), "right".to_owned())),
        ..TestBrokerOptions::default()
    })?;
    let past = Some(Duration::from_secs(3_600));
    let run = Run { history: past, ..run(broker(&mosquitto, Some(("devices", "wrong")))) };
    let error = run.until(std::future::pending()).await.expect_err("refused").to_string();
    assert!(error.contains("PENSTOCK_SIM_PASSWORD"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_played_whole() -> Result<()> {
    let mosquitto = TestBroker::start()?;
    let mut listener = Listener::new(&mosquitto, None).await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("recording.csv");
    let mut text = "datetime;Volume Flow RateRMS;Pressure;anomaly\n".to_owned();
    for second in 0..300 {
        text += &format!("2020-03-09 10:{:02}:{:02};{};0.5;0\n", second / 60, second % 60, second);
    }
    std::fs::write(&file, text)?;
    let play = Play {
        broker: broker(&mosquitto, None),
        file,
        speed: f64::INFINITY,
        time_column: None,
        id_prefix: "skab-".to_owned(),
        stamp: Stamp::Recorded,
        clock: Clock::System,
    };
    let playing = tokio::spawn(play.until(std::future::pending()));
    let mut flows = Vec::new();
    for _ in 0..600 {
        let (topic, payload) = listener.next().await?;
        let read: serde_json::Value = serde_json::from_str(&payload)?;
        if topic == "jjm/sensors/skab-Volume_Flow_RateRMS/data" {
            flows.push(read["value"].as_f64().context("a number")?);
            assert_eq!(read["sensor_id"], "skab-Volume_Flow_RateRMS");
        } else {
            assert_eq!(topic, "jjm/sensors/skab-Pressure/data");
        }
    }
    assert_eq!(flows, (0..300).map(f64::from).collect::<Vec<_>>());
    let played = playing.await??;
    assert_eq!((played.rows, played.readings, played.empty), (300, 600, 0));
    Ok(())
}
