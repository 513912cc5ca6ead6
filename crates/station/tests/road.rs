//! The whole road with real parts: a device's message over the station's own Mosquitto into its own PostgreSQL, onto the
//! live feed and into alarms, and back after a restart and after a kill.

mod fixtures;

use std::path::Path;
use std::time::Duration;

use penstock_api::{
    AcknowledgeAlarms, ApplyCure, ApproveRules, ArchiveForm, BrokerForm, Call, Code, CreateFirstAdmin, CureObstacle,
    CureOutcome, DismissWork, DriftKind, ExportFormat, ExportHistory, ExportJournal, ExportPlant, ExportRules, Frame,
    GetAlarm, GetAlarmGuidance, GetAlarmMetrics, GetHealth, GetHistory, GetPublishExample, GetRegister,
    GetScopeGuidance, GetSettings, GetValuesAt, Hello, ImportHistory, ImportPlant, ImportRules, JournalFilter,
    ListApprovals, ListDrift, ListGuidance, ListGuidanceVersions, ListJournal, ListNames, ListPlacesAlong,
    ListPlacesNear, ListPlacesWithin, ListRejects, ListRules, ListSimilarEpisodes, ListUnauthorised, ListWork,
    MqttVersion, OldValues, ProposeCure, PublishExample, Register, RemoveRules, ReopenWork, ResetAlarmMetrics,
    RetentionForm, RouteForm, RuleFormat, RulesDrift, SaveArchive, SaveBroker, SaveGuidance, SavePoints, SaveRetention,
    SaveRules, Session, SignIn, StationCard, TestArchive, TlsForm, TryRule, UnauthorisedSuppressions, VerifyApprovals,
    WorkStatus,
};
use penstock_model::{
    Advice, AlarmRule, Clock, Condition, Guidance, Kinship, LimitLevel, Limits, PipeId, PlaceKind, PlantFile, Point,
    PointState, Position, Priority, Provenance, Quantity, Recording, RuleId, Scope, SiteId, Sourced, Subject,
    Timestamp, TransitionKind, Unit,
};
use penstock_station::secrets::Secrets;
use penstock_station::{Feed, Station};
use penstock_testkit::broker::{SERVER_NAME, TestBroker, TestBrokerOptions, TestTls};
use penstock_testkit::database::ScratchFolder;
use rumqttc::{AsyncClient, Event, MqttOptions, Outgoing, Packet, QoS};

use fixtures::{call, options};

async fn start(data: &Path, secrets: &Secrets) -> Station {
    Station::start(options(data, secrets, "PENSTOCK_STATION__NAME", "test")).await.expect("starts")
}

struct Screen<'a> {
    station: &'a Station,
    token: Option<String>,
}

impl Screen<'_> {
    async fn call<C: Call>(&self, of: C) -> Result<C::Reply, penstock_api::ApiError> {
        call(self.station, self.token.clone(), of).await
    }

    fn feed(&self) -> Feed {
        self.station.follow(self.token.as_deref().expect("signed in")).expect("may see")
    }
}

/// The first admin of a new station.
async fn first_admin(station: &Station) -> Screen<'_> {
    let mut screen = Screen { station, token: None };
    let card: StationCard = screen.call(Hello {}).await.expect("anyone may ask");
    assert!(card.first_start && card.demo_people.is_empty());
    let session: Session = screen
        .call(CreateFirstAdmin {
            name: "asha".into(),
            full_name: "Asha Verma".into(),
            password: "quiet-basin-2581".into(),
        })
        .await
        .expect("nobody is there yet");
    screen.token = Some(session.token);
    screen
}

/// The same after a restart.
async fn same_admin(station: &Station) -> Screen<'_> {
    let mut screen = Screen { station, token: None };
    let session =
        screen.call(SignIn { name: "asha".into(), password: "quiet-basin-2581".into() }).await.expect("signs in");
    screen.token = Some(session.token);
    screen
}

/// A device that publishes and waits for the broker's word that it has the message.
struct Device {
    client: AsyncClient,
    events: rumqttc::EventLoop,
}

impl Device {
    fn new(example: &PublishExample) -> Self {
        let mut options = MqttOptions::new("device", &example.host, example.port);
        options.set_credentials(&example.user, &example.password);
        options.set_max_packet_size(4 << 20, 4 << 20);
        let (client, events) = AsyncClient::new(options, 100);
        Self { client, events }
    }

    async fn publish(&mut self, topic: &str, payload: &[u8]) {
        self.client.try_publish(topic, QoS::AtLeastOnce, false, payload).expect("room");
        loop {
            match self.events.poll().await.expect("the broker is there") {
                Event::Incoming(Packet::PubAck(_)) => return,
                Event::Outgoing(Outgoing::Disconnect) => panic!("disconnected"),
                _ => {}
            }
        }
    }
}

/// Follows `feed` until a frame satisfies `wanted`.
async fn until(feed: &mut Feed, mut wanted: impl FnMut(&Frame) -> bool) -> Frame {
    let wait = async {
        loop {
            let frame = feed.next().await;
            if wanted(&frame) {
                return frame;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it comes")
}

async fn point(screen: &Screen<'_>, path: &str) -> Point {
    let register: Register = screen.call(GetRegister {}).await.expect("may see");
    register.points.into_iter().find(|point| point.address.path == path).expect("known")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_travels_from_device_to_alarm_and_survives_a_restart() {
    let data = ScratchFolder::new().expect("folder");
    let secrets = Secrets::in_memory("test");
    let station = start(data.path(), &secrets).await;
    let screen = first_admin(&station).await;
    let mut device = Device::new(&screen.call(GetPublishExample {}).await.expect("an admin may"));
    let mut feed = screen.feed();
    assert!(feed.next().await.full);

    // A point that nobody defined is shown, stored and waits.
    device.publish("jjm/sensors/S0001/data", br#"{"sensor_id":"S0001","type":"flow","value":250.5}"#).await;
    until(&mut feed, |frame| !frame.values.is_empty()).await;
    let discovered = point(&screen, "S0001").await;
    assert_eq!((discovered.state, discovered.quantity), (PointState::Discovered, Quantity::Flow));

    // A message that cannot be read is kept with its reason, and harms nothing.
    device.publish("jjm/sensors/S0001/data", b"{\"value\":").await;
    device.publish("elsewhere/plain", b"12.25").await;
    until(&mut feed, |frame| frame.values.iter().any(|value| value.value == Some(12.25))).await;

    // Adopted with another unit: what was stored becomes what it always meant.
    let adopted = Point {
        state: PointState::Adopted,
        name: "FT-01".into(),
        unit: Unit::parse("L/s").expect("known"),
        limits: Limits { hh: Some(0.3), ..Limits::default() },
        position: Position::new(20.0, 79.001).ok(),
        ..discovered.clone()
    };
    let report =
        screen.call(SavePoints { points: vec![adopted.clone()], reason: "test".into() }).await.expect("an admin may");
    assert_eq!((report.changed, report.faults.len()), (1, 0));
    it_is_found_by_its_place(&screen, &adopted).await;
    let range = (Timestamp::from_secs(0), Timestamp::from_secs(10_000_000_000));
    let history = GetHistory { points: vec![adopted.id], from: range.0, to: range.1, max_points: 100 };
    let stored = screen.call(history).await;
    assert_eq!(stored.map_err(|error| error.code).map(|_| ()), Err(Code::Invalid), "the range is too long");
    let now = Clock::System.now();
    let (from, to) = (now - Duration::from_secs(600), now + Duration::from_secs(600));
    let history = GetHistory { points: vec![adopted.id], from, to, max_points: 100 };
    let series = screen.call(history.clone()).await.expect("stored");
    let value = series[0].values[0].expect("a value");
    assert!((value - 0.2505).abs() < 1e-9, "{value} m³/s is 250.5 L/s");

    // Beyond its limit it raises an alarm, which a person acknowledges.
    // Delays run in the time that the device states, so that nobody waits here.
    for secs_ago in [120, 1] {
        let at = Clock::System.now() - Duration::from_secs(secs_ago);
        let payload = format!("{{\"value\":{},\"ts\":\"{at}\"}}", 400 + secs_ago);
        device.publish("jjm/sensors/S0001/data", payload.as_bytes()).await;
    }
    until(&mut feed, |frame| !frame.alarms.is_empty()).await;
    let mut raised = None;
    for _ in 0..100 {
        let call = ListJournal { filter: JournalFilter::within(from, to), before: None, limit: 10 };
        let found = screen.call(call).await.expect("may see");
        raised = found.rows.first().map(|row| row.transition.clone());
        if raised.is_some() {
            break;
        }
        // The screen knows before the database does.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let raised = raised.expect("the alarm is raised");
    let report = screen
        .call(AcknowledgeAlarms { alarms: vec![(raised.rule, raised.occurrence)], comment: Some("seen".into()) })
        .await
        .expect("an operator may");
    assert_eq!(report.done, vec![raised.rule]);
    let again = screen
        .call(AcknowledgeAlarms { alarms: vec![(raised.rule, raised.occurrence)], comment: None })
        .await
        .expect("answered");
    assert_eq!(again.refused.len(), 1, "once is enough");
    the_journal_is_searched_and_leaves_as_a_file(&screen, &JournalFilter::within(from, to)).await;

    let health = screen.call(GetHealth {}).await.expect("may see");
    assert_eq!(health.pipeline.rejected, 1);
    let rejects = screen.call(ListRejects { limit: 10 }).await.expect("may see");
    assert_eq!(rejects.len(), 1);
    assert_eq!(rejects[0].topic, "jjm/sensors/S0001/data");
    let before = screen.call(history.clone()).await.expect("stored")[0].values.len();
    station.stop().await;
    drop(station);

    // Everything is there again.
    let station = start(data.path(), &secrets).await;
    let mut screen = Screen { station: &station, token: None };
    let wrong = screen.call(SignIn { name: "asha".into(), password: "wrong".into() }).await;
    assert_eq!(wrong.map(|_| ()).map_err(|error| error.code), Err(Code::Forbidden));
    let unsigned = screen.call(GetHealth {}).await;
    assert_eq!(unsigned.map(|_| ()).map_err(|error| error.code), Err(Code::SignedOut));
    let session =
        screen.call(SignIn { name: "Asha".into(), password: "quiet-basin-2581".into() }).await.expect("signs in");
    screen.token = Some(session.token);
    assert_eq!(point(&screen, "S0001").await, adopted);
    assert_eq!(screen.call(history).await.expect("stored")[0].values.len(), before);
    let alarm = screen.call(GetAlarm { rule: raised.rule }).await.expect("known");
    let state = alarm.state.expect("raised once");
    assert!(state.active && state.acknowledged, "{state:?}");
    assert_eq!(alarm.journal.first().and_then(|row| row.by.clone()), Some("Asha Verma".to_owned()));
    let full = screen.feed().next().await;
    assert_eq!((full.values.len(), full.alarms.len()), (2, 1));
    station.stop().await;
}

/// Pages through a raise and its acknowledgement, narrows them down, and takes them away as a file.
async fn the_journal_is_searched_and_leaves_as_a_file(screen: &Screen<'_>, all: &JournalFilter) {
    let list = async |filter: JournalFilter, before, limit| {
        screen.call(ListJournal { filter, before, limit }).await.expect("may see")
    };
    let mut listed = list(all.clone(), None, 10).await;
    for _ in 0..100 {
        if listed.rows.len() > 1 {
            break;
        }
        // What was acknowledged is on its way into the database for a moment.
        tokio::time::sleep(Duration::from_millis(50)).await;
        listed = list(all.clone(), None, 10).await;
    }
    let kinds: Vec<_> = listed.rows.iter().map(|row| row.transition.kind).collect();
    assert_eq!(kinds, [TransitionKind::Acknowledged, TransitionKind::Raised], "the newest first");
    assert_eq!(listed.next, None);
    let first = list(all.clone(), None, 1).await;
    assert_eq!(first.next, Some(listed.rows[0].seq), "there is more below");
    let second = list(all.clone(), first.next, 1).await;
    assert_eq!((second.next, [first.rows, second.rows].concat()), (None, listed.rows.clone()));

    let names = screen.call(ListNames {}).await.expect("may see");
    let people: Vec<_> = names.iter().filter(|name| name.full_name == "Asha Verma").map(|name| name.id).collect();
    let narrowed = [
        JournalFilter { people, ..all.clone() },
        JournalFilter { text: "SEEN ft-01".into(), ..all.clone() },
        JournalFilter { kinds: vec![TransitionKind::Acknowledged], ..all.clone() },
        JournalFilter { rules: vec![listed.rows[0].transition.rule], text: "seen".into(), ..all.clone() },
    ];
    for filter in narrowed {
        assert_eq!(list(filter.clone(), None, 10).await.rows, listed.rows[..1], "{filter:?}");
    }
    let nowhere = JournalFilter { text: "seen elsewhere".into(), ..all.clone() };
    assert!(list(nowhere, None, 10).await.rows.is_empty());
    for text in ["x".repeat(501), "se".to_owned()] {
        let filter = JournalFilter { text, ..all.clone() };
        let refused = screen.call(ListJournal { filter, before: None, limit: 10 }).await.map(|_| ());
        assert_eq!(refused.map_err(|error| error.code), Err(Code::Invalid));
    }

    let (acknowledged, raised) = (&listed.rows[0], &listed.rows[1].transition);
    let ask = ListSimilarEpisodes { rule: raised.rule, raised_at: raised.at + Duration::from_secs(3_600), limit: 5 };
    let similar = screen.call(ask.clone()).await.expect("may see");
    let told = similar.iter().map(|one| (one.raised_at, one.kinship, one.company, one.acknowledged_by.clone()));
    let told: Vec<_> = told.collect();
    assert_eq!(told, [(raised.at, Kinship::Same, Some(0), acknowledged.by.clone())]);
    assert_eq!(similar[0].said.first(), acknowledged.transition.comment.as_ref());
    let same = ListSimilarEpisodes { raised_at: raised.at, ..ask };
    assert_eq!(screen.call(same).await.expect("may see"), vec![], "it does not resemble itself");

    let ready = screen.call(ExportJournal { filter: all.clone() }).await.expect("may see");
    let taken = screen.station.take_export(&ready.ticket).expect("ready");
    assert_eq!((taken.file_name(), taken.media_type()), (ready.file_name.as_str(), "text/csv; charset=utf-8"));
    let file = tempfile::NamedTempFile::new().expect("file");
    let into = file.reopen().expect("file");
    tokio::task::spawn_blocking(move || taken.write(into)).await.expect("done").expect("written");
    let mut reader = csv::Reader::from_path(file.path()).expect("read");
    let headings = reader.headers().expect("headings").clone();
    let lines: Vec<csv::StringRecord> = reader.records().map(|line| line.expect("a line")).collect();
    let cell = |line: &csv::StringRecord, name: &str| {
        let at = headings.iter().position(|heading| heading == name).expect("a column");
        line[at].to_owned()
    };
    let written: Vec<_> =
        lines.iter().map(|line| ["time", "point", "what", "who", "comment"].map(|name| cell(line, name))).collect();
    let shown = listed.rows.iter().rev().map(|row| {
        let what = serde_json::to_value(row.transition.kind).expect("plain");
        [
            row.transition.at.to_string(),
            "FT-01".to_owned(),
            what.as_str().expect("a word").to_owned(),
            row.by.clone().unwrap_or_default(),
            row.transition.comment.clone().unwrap_or_default(),
        ]
    });
    let shown: Vec<_> = shown.collect();
    assert_eq!(written, shown, "the file holds what is listed");
}

/// Asks for what lies near, within and along, where `point` lies a thousandth of a degree east of 20° N 79° E.
async fn it_is_found_by_its_place(screen: &Screen<'_>, point: &Point) {
    let at = |lat: f64, lon: f64| Position::new(lat, lon).expect("on earth");
    let kinds = vec![PlaceKind::Asset, PlaceKind::Point];
    let near = ListPlacesNear { position: at(20.0, 79.0), kinds: kinds.clone(), limit: 10 };
    let found = screen.call(near.clone()).await.expect("may see");
    assert_eq!(found.iter().map(|place| (place.kind, place.id)).collect::<Vec<_>>(), [(PlaceKind::Point, point.id.0)]);
    // A degree of longitude at 20° N is 104,647 m.
    assert!(found[0].distance_m.is_some_and(|metres| (metres - 104.647).abs() < 0.01), "{found:?}");
    let ring = vec![at(19.9, 78.9), at(19.9, 79.1), at(20.1, 79.0)];
    let within = ListPlacesWithin { ring: ring.clone(), kinds: kinds.clone(), limit: 10 };
    let inside = screen.call(within).await.expect("may see");
    assert_eq!((inside.places.len(), inside.is_cut), (1, false));

    let refused = screen.call(ListPlacesNear { kinds: vec![], ..near.clone() }).await.map(|_| ());
    assert_eq!(refused.map_err(|error| error.code), Err(Code::Invalid));
    let crossing = vec![ring[0], ring[2], at(19.9, 79.0), at(20.1, 78.9)];
    let refused = screen.call(ListPlacesWithin { ring: crossing, kinds: kinds.clone(), limit: 10 }).await;
    assert_eq!(refused.map(|_| ()).map_err(|error| error.code), Err(Code::Invalid));
    // What comes as JSON has not been through `Position::new`.
    let nowhere = serde_json::from_str(r#"{"lat":91.0,"lon":0.0}"#).expect("read");
    let refused = screen.call(ListPlacesNear { position: nowhere, ..near }).await.map(|_| ());
    assert_eq!(refused.map_err(|error| error.code), Err(Code::Invalid));
    let unknown = ListPlacesAlong { pipe: PipeId::derived(point.id.0, "none"), reach_m: 10.0, kinds };
    let refused = screen.call(unknown).await.map(|_| ());
    assert_eq!(refused.map_err(|error| error.code), Err(Code::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_may_bring_thousands_of_readings() {
    // As many as the codec takes of one message; more than the pipeline hands on at once.
    const READINGS: u64 = 10_000;
    let data = ScratchFolder::new().expect("folder");
    let station = start(data.path(), &Secrets::in_memory("test")).await;
    let screen = first_admin(&station).await;
    let mut device = Device::new(&screen.call(GetPublishExample {}).await.expect("an admin may"));
    let first = Clock::System.now() - Duration::from_secs(READINGS);
    let readings = (0..READINGS).map(|second| {
        let at = first + Duration::from_secs(second);
        format!("{{\"value\":{second},\"ts\":\"{at}\"}}")
    });
    let payload = format!("[{}]", readings.collect::<Vec<_>>().join(","));
    device.publish("jjm/sensors/S0002/data", payload.as_bytes()).await;
    let count = async || {
        let pipeline = screen.call(GetHealth {}).await.expect("may see").pipeline;
        (pipeline.samples, pipeline.stored, pipeline.rejected)
    };
    for _ in 0..600 {
        if count().await == (READINGS, READINGS, 0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(count().await, (READINGS, READINGS, 0), "each is stored");
    it_leaves_and_comes_back_as_a_file(&screen, &point(&screen, "S0002").await, first, READINGS).await;
    station.stop().await;
}

/// Exports `count` values, a second apart, and brings them in again, as they are and as a day before.
async fn it_leaves_and_comes_back_as_a_file(screen: &Screen<'_>, point: &Point, first: Timestamp, count: u64) {
    const DAY: Duration = Duration::from_secs(86_400);
    let to = first + Duration::from_secs(count);
    let export = async |format| {
        let call = ExportHistory { points: vec![point.id], from: first, to, format };
        let ready = screen.call(call).await.expect("may see");
        let taken = screen.station.take_export(&ready.ticket).expect("ready");
        assert_eq!(taken.file_name(), ready.file_name);
        let file = tempfile::NamedTempFile::new().expect("file");
        let into = file.reopen().expect("file");
        tokio::task::spawn_blocking(move || taken.write(into)).await.expect("done").expect("written");
        assert!(screen.station.take_export(&ready.ticket).is_err(), "once");
        std::fs::read(file.path()).expect("read")
    };
    let parquet = export(ExportFormat::Parquet).await;
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"), "{} bytes", parquet.len());
    let text = String::from_utf8(export(ExportFormat::Csv).await).expect("text");
    assert_eq!(text.lines().count() as u64, count + 1);
    assert!(text.starts_with("time,point,description,value,unit,quality"), "{text:.100}");

    let figures = async || screen.call(GetHealth {}).await.expect("may see").pipeline;
    let import =
        async |csv: &str, dry_run| screen.call(ImportHistory { csv: csv.into(), dry_run }).await.expect("an admin");
    let before = figures().await;
    for dry_run in [true, false] {
        let report = import(&text, dry_run).await;
        assert_eq!((u64::from(report.read), report.added, u64::from(report.same)), (count, 0, count));
        assert_eq!(report.old, None);
    }
    // Older than samples are kept, and than roll-ups too.
    let ages = [DAY, DAY * 200, DAY * 300, DAY * 366 * 13].map(|age| format!("{},{},7.5\n", first - age, point.name));
    let report = import(&format!("time,point,value\n{}", ages.concat()), true).await;
    let expected = OldValues { count: 3, beyond_roll_ups: 1, archived: false };
    assert_eq!((report.added, report.old), (4, Some(expected)));
    let earlier = format!("time,point,value\n{},{},7.5\n", first - DAY, point.name);
    import(&earlier, false).await;
    for _ in 0..600 {
        if figures().await.stored > before.stored {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let after = figures().await;
    assert_eq!((after.stored - before.stored, after.duplicates - before.duplicates), (1, 0), "known ones stay one");
    let at = |at| GetValuesAt { points: vec![point.id], at, sloped: true };
    let value = screen.call(at(first + Duration::from_millis(1_500))).await.expect("may see");
    assert_eq!(value[0].and_then(|value| value.value), Some(1.5), "half way from 1 to 2");
    let value = screen.call(at(first - DAY)).await.expect("may see");
    assert_eq!(value[0].and_then(|value| value.value), Some(7.5));
    assert_eq!(screen.call(at(first - DAY * 2)).await.expect("may see"), [None]);

    let faulty =
        format!("time,point,value,unit\n{first},{0},1,mg/L\n{first},nobody,1,\nyesterday,{0},1,\n", point.name);
    let report = import(&faulty, false).await;
    let faults: Vec<(u32, &str)> = report.faults.iter().map(|fault| (fault.line, fault.field.as_str())).collect();
    assert_eq!((report.added, faults), (0, vec![(2, "unit"), (3, "point"), (4, "time")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_point_has_no_need_of_is_left_out_of_the_database_alone() {
    const READINGS: u64 = 600;
    let data = ScratchFolder::new().expect("folder");
    let station = start(data.path(), &Secrets::in_memory("test")).await;
    let screen = first_admin(&station).await;
    let mut device = Device::new(&screen.call(GetPublishExample {}).await.expect("an admin may"));
    let now = Clock::System.now();
    let first = now - Duration::from_secs(READINGS + 10);
    device.publish("jjm/sensors/S0003/data", format!("{{\"value\":5,\"ts\":\"{first}\"}}").as_bytes()).await;
    let pipeline = async || screen.call(GetHealth {}).await.expect("may see").pipeline;
    for _ in 0..600 {
        if pipeline().await.stored == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let discovered = point(&screen, "S0003").await;
    let recording = Recording::new(Some(0.5), None, Duration::from_secs(3_600)).ok();
    let adopted = Point { state: PointState::Adopted, recording, ..discovered };
    let report =
        screen.call(SavePoints { points: vec![adopted.clone()], reason: "test".into() }).await.expect("an admin may");
    assert_eq!((report.changed, report.faults.len()), (1, 0));
    assert_eq!(point(&screen, "S0003").await.recording, recording);

    let readings = (0..READINGS).map(|second| {
        let at = first + Duration::from_secs(second + 1);
        format!("{{\"value\":5.{},\"ts\":\"{at}\"}}", second % 4)
    });
    let payload = format!("[{}]", readings.collect::<Vec<_>>().join(","));
    device.publish("jjm/sensors/S0003/data", payload.as_bytes()).await;
    // What was there before the settings, the first after them, and the newest.
    let counts = async || {
        let pipeline = pipeline().await;
        (pipeline.samples, pipeline.left_out)
    };
    let expect = (READINGS + 1, READINGS - 2);
    for _ in 0..600 {
        if counts().await == expect {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(counts().await, expect);
    let (from, to) = (now - Duration::from_secs(1_200), now + Duration::from_secs(600));
    let history = GetHistory { points: vec![adopted.id], from, to, max_points: 100 };
    let series = screen.call(history).await.expect("stored").remove(0);
    assert_eq!(series.values, [Some(5.0), Some(5.0), Some(5.3)]);
    // The line is drawn as far as a recorded value stands for others.
    assert!(series.gap_after >= Duration::from_secs(3_600));
    station.stop().await;
}

async fn rules(screen: &Screen<'_>) -> Vec<AlarmRule> {
    screen.call(ListRules {}).await.expect("may see").into_iter().map(|row| row.rule).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_changes_at_its_point_and_at_its_rule_for_good() {
    let data = ScratchFolder::new().expect("folder");
    let secrets = Secrets::in_memory("test");
    let station = start(data.path(), &secrets).await;
    let screen = first_admin(&station).await;
    let mut device = Device::new(&screen.call(GetPublishExample {}).await.expect("an admin may"));
    let mut feed = screen.feed();
    device.publish("jjm/sensors/S0007/data", br#"{"value":5,"type":"flow"}"#).await;
    until(&mut feed, |frame| !frame.values.is_empty()).await;
    let discovered = point(&screen, "S0007").await;
    let limits = Limits { h: Some(0.3), hh: Some(0.5), ..Limits::default() };
    let adopted = Point { state: PointState::Adopted, limits, ..discovered };
    screen.call(SavePoints { points: vec![adopted.clone()], reason: "test".into() }).await.expect("an admin may");

    let high = |rules: Vec<AlarmRule>| {
        let is_high = |rule: &AlarmRule| matches!(rule.condition, Condition::Limit { level: LimitLevel::High, .. });
        rules.into_iter().find(is_high).expect("it follows from the limit")
    };
    let former = high(rules(&screen).await);
    let condition = Condition::Limit { level: LimitLevel::High, limit: 0.4, deadband: 0.01 };
    let changed = AlarmRule { condition: condition.clone(), priority: Priority::P1, ..former.clone() };
    let save = |rule: AlarmRule, reason: &str| SaveRules { rules: vec![rule], reason: reason.to_owned() };
    let unexplained = screen.call(save(changed.clone(), " ")).await;
    assert_eq!(unexplained.map_err(|error| error.code).map(|_| ()), Err(Code::Invalid), "a reason is needed");
    let report = screen.call(save(changed.clone(), "it came too early")).await.expect("an admin may");
    assert_eq!((report.changed, report.points, report.faults), (1, 1, vec![]));
    assert_eq!(point(&screen, "S0007").await.limits.h, Some(0.4));
    let expect = AlarmRule { version: former.version + 1, edited: true, ..changed.clone() };
    assert_eq!(high(rules(&screen).await), expect);
    // Who looked before that must look again.
    let late = AlarmRule { priority: Priority::P4, ..former };
    let late = screen.call(save(late, "late")).await.expect("an admin may");
    assert_eq!(late.faults[0].field, "version");

    // One of a person's own comes, goes out and in as a file, and is removed; what follows is only disabled.
    let own = AlarmRule::new(RuleId(Default::default()), Subject::Point(adopted.id), Condition::Anomaly { score: 0.9 });
    let report = screen.call(save(own, "a second look")).await.expect("an admin may");
    assert_eq!((report.added, report.faults), (1, vec![]));
    for format in [RuleFormat::Csv, RuleFormat::Json] {
        let file = screen.call(ExportRules { format }).await.expect("may see");
        let import = ImportRules { text: file.text, dry_run: false, reason: "back again".into() };
        let report = screen.call(import).await.expect("an admin may");
        assert_eq!((report.same, report.changed, report.faults), (report.read, 0, vec![]));
    }
    let is_own = |rule: &AlarmRule| matches!(rule.condition, Condition::Anomaly { score } if score == 0.9);
    let own = rules(&screen).await.into_iter().find(is_own).expect("it is there").id;
    let remove = RemoveRules { rules: vec![own, expect.id], reason: "no use".into() };
    let removed = screen.call(remove).await.expect("an admin may");
    assert_eq!((removed.removed, removed.disabled, removed.refused), (vec![own], vec![expect.id], vec![]));

    let before = rules(&screen).await;
    assert!(!before.iter().any(is_own) && !high(before.clone()).enabled);
    station.stop().await;
    drop(station);
    let station = start(data.path(), &secrets).await;
    let screen = same_admin(&station).await;
    assert_eq!(rules(&screen).await, before);
    assert_eq!(point(&screen, "S0007").await.limits.h, Some(0.4));
    station.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_beside_an_alarm_is_inherited_and_kept() {
    let data = ScratchFolder::new().expect("folder");
    let secrets = Secrets::in_memory("test");
    let station = start(data.path(), &secrets).await;
    let screen = first_admin(&station).await;
    let mut device = Device::new(&screen.call(GetPublishExample {}).await.expect("an admin may"));
    let mut feed = screen.feed();
    device.publish("jjm/sensors/S0009/data", br#"{"value":5,"type":"flow"}"#).await;
    until(&mut feed, |frame| !frame.values.is_empty()).await;
    let discovered = point(&screen, "S0009").await;
    let limits = Limits { h: Some(0.3), ..Limits::default() };
    let adopted = Point { state: PointState::Adopted, limits, ..discovered };
    screen.call(SavePoints { points: vec![adopted.clone()], reason: "test".into() }).await.expect("an admin may");
    let is_high = |rule: &AlarmRule| matches!(rule.condition, Condition::Limit { level: LimitLevel::High, .. });
    let rule = rules(&screen).await.into_iter().find(is_high).expect("it follows from the limit").id;

    // What nobody has said is what Penstock starts with.
    let first = screen.call(GetAlarmGuidance { rule }).await.expect("may see");
    assert_eq!(first.action.as_ref().map(|action| action.from), Some(Provenance::Starting));
    assert_eq!(first.screen.map(|screen| screen.value), Some(format!("/trends?points={}", adopted.id)));
    assert_eq!((first.contact, first.call_within), (None, None));

    let (all, own) = (Scope::Tenant, Scope::Point(adopted.id));
    let save = |scope: Scope, version: u32, advice: &Advice, reason: &str| SaveGuidance {
        scope,
        version,
        advice: advice.clone(),
        reason: reason.to_owned(),
    };
    let within = Duration::from_secs(1_200);
    let of_all =
        Advice { contact: "Duty engineer\nArea manager ".into(), call_within: Some(within), ..Advice::default() };
    let of_point = Advice {
        guidance: Guidance { action: "Close valve 7.".into(), ..Guidance::default() },
        screen: Some("/map?point={point}".into()),
        ..Advice::default()
    };
    screen.call(save(all, 0, &of_all, "the rota has changed")).await.expect("an admin may");
    screen.call(save(own, 0, &of_point, "it is known here")).await.expect("an admin may");
    // Again the same changes nothing.
    screen.call(save(own, 1, &of_point, "once more")).await.expect("an admin may");
    for (scope, version, reason, expect) in [
        (all, 1, " ", Code::Invalid),
        (all, 0, "late", Code::Conflict),
        (Scope::Site(SiteId(Default::default())), 0, "nowhere", Code::Invalid),
    ] {
        let refused = screen.call(save(scope, version, &of_point, reason)).await;
        assert_eq!(refused.map_err(|error| error.code).map(|_| ()), Err(expect), "{reason:?}");
    }

    let told = screen.call(GetAlarmGuidance { rule }).await.expect("may see");
    let from = |value: &str, scope: Scope| Some(Sourced { value: value.to_owned(), from: Provenance::Scope(scope) });
    assert_eq!(told.cause, first.cause);
    assert_eq!(told.action, from("Close valve 7.", own));
    assert_eq!(told.contact, from("Duty engineer\nArea manager", all));
    assert_eq!(told.call_within, Some(Sourced { value: within, from: Provenance::Scope(all) }));
    assert_eq!(told.screen, from(&format!("/map?point={}", adopted.id), own));

    let of_scope = screen.call(GetScopeGuidance { scope: own }).await.expect("may see");
    assert_eq!((of_scope.own.version, of_scope.own.advice), (1, of_point));
    assert_eq!((of_scope.inherited.contact, of_scope.inherited.action), (told.contact.clone(), None));
    let set: Vec<Scope> =
        screen.call(ListGuidance {}).await.expect("may see").into_iter().map(|set| set.scope).collect();
    assert_eq!(set, [all, own]);
    let versions = screen.call(ListGuidanceVersions { scope: own }).await.expect("may see");
    let said: Vec<_> = versions.iter().map(|version| (version.by.as_deref(), version.reason.as_deref())).collect();
    assert_eq!(said, [(Some("Asha Verma"), Some("it is known here"))]);

    // It leaves with the plant and comes back with it; a file without any leaves what is set.
    let file = screen.call(ExportPlant {}).await.expect("may see");
    assert_eq!(file.guidance.iter().map(|set| set.scope).collect::<Vec<_>>(), [all, own]);
    assert_eq!(file.points.iter().map(|point| point.id).collect::<Vec<_>>(), [adopted.id]);
    let mut without = serde_json::to_value(&file).expect("plain data");
    without.as_object_mut().expect("an object").remove("guidance").expect("there");
    let without: PlantFile = serde_json::from_value(without).expect("a plant file of before there was guidance in it");
    let slip = Advice { contact: "Nobody".into(), ..Advice::default() };
    screen.call(save(own, 1, &slip, "a slip")).await.expect("an admin may");
    for (file, expect) in [(&without, (2, "Nobody")), (&file, (3, "")), (&file, (3, ""))] {
        let report = screen.call(ImportPlant { file: Box::new(file.clone()) }).await.expect("an admin may");
        assert!(report.faults.is_empty(), "{report:?}");
        let set = screen.call(GetScopeGuidance { scope: own }).await.expect("may see").own;
        assert_eq!((set.version, set.advice.contact.as_str()), expect);
    }
    assert_eq!(screen.call(GetAlarmGuidance { rule }).await.expect("may see"), told);

    station.stop().await;
    drop(station);
    let station = start(data.path(), &secrets).await;
    let screen = same_admin(&station).await;
    assert_eq!(screen.call(GetAlarmGuidance { rule }).await.expect("may see"), told);
    station.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rule_would_have_done_is_told_by_what_is_stored() {
    let data = ScratchFolder::new().expect("folder");
    let secrets = Secrets::in_memory("test");
    let station = start(data.path(), &secrets).await;
    let screen = first_admin(&station).await;
    let mut device = Device::new(&screen.call(GetPublishExample {}).await.expect("an admin may"));
    let mut feed = screen.feed();
    let now = Clock::System.now();
    let payload = |value: f64, secs_ago: u64| {
        format!("{{\"type\":\"flow\",\"value\":{value},\"ts\":\"{}\"}}", now - Duration::from_secs(secs_ago))
    };
    device.publish("jjm/sensors/S0008/data", payload(10.0, 200).as_bytes()).await;
    until(&mut feed, |frame| !frame.values.is_empty()).await;
    let discovered = point(&screen, "S0008").await;
    let limits = Limits { h: Some(discovered.unit.to_si(30.0)), ..Limits::default() };
    let adopted = Point { state: PointState::Adopted, limits, ..discovered };
    screen.call(SavePoints { points: vec![adopted], reason: "test".into() }).await.expect("an admin may");
    for (value, secs_ago) in [(40.0, 160), (10.0, 120), (40.0, 80), (10.0, 40)] {
        device.publish("jjm/sensors/S0008/data", payload(value, secs_ago).as_bytes()).await;
    }

    let is_high = |rule: &AlarmRule| matches!(rule.condition, Condition::Limit { level: LimitLevel::High, .. });
    let stored = rules(&screen).await.into_iter().find(is_high).expect("it follows from the limit");
    let stored = AlarmRule { on_delay: Duration::ZERO, off_delay: Duration::ZERO, ..stored };
    screen.call(SaveRules { rules: vec![stored.clone()], reason: "test".into() }).await.expect("an admin may");
    let slower = AlarmRule { on_delay: Duration::from_secs(90), ..stored.clone() };
    let (from, to) = (now - Duration::from_secs(600), now + Duration::from_secs(600));
    let asked = |rule: AlarmRule| TryRule { rule: Box::new(rule), from, to };
    let mut trial = screen.call(asked(slower.clone())).await.expect("an admin may");
    // The screen knows before the database does.
    for _ in 0..100 {
        if trial.samples == 5 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        trial = screen.call(asked(slower.clone())).await.expect("an admin may");
    }
    assert_eq!((trial.samples, trial.before.raised, trial.after.raised), (5, 2, 0));
    assert_eq!((trial.removed.count, trial.added.count, trial.kept.count), (2, 0, 0));
    let raised = trial.removed.first[0].raised_at;
    assert!(raised.micros_since(now - Duration::from_secs(160)).abs() < 1_000_000, "{raised}");
    let same = screen.call(asked(stored.clone())).await.expect("an admin may");
    assert_eq!((same.kept.count, same.before), (2, same.after));
    let anomaly = AlarmRule { condition: Condition::Anomaly { score: 0.9 }, ..stored.clone() };
    let refused = screen.call(asked(anomaly)).await;
    assert_eq!(refused.map_err(|error| error.code).map(|_| ()), Err(Code::Invalid), "scores are not stored");
    let proposed = screen.call(ProposeCure { rule: stored.id, from, to }).await.expect("an admin may");
    let CureOutcome::NotOffered(why) = proposed.outcome else { panic!("{proposed:?}") };
    assert_eq!((why.why, why.nuisance), (CureObstacle::TooFew, 2), "twice is no habit");
    station.stop().await;
}

async fn drift(screen: &Screen<'_>) -> RulesDrift {
    screen.call(ListDrift {}).await.expect("whole")
}

/// Saves a rule as it was approved, as an editor would.
async fn save(screen: &Screen<'_>, rule: AlarmRule) {
    let report =
        screen.call(SaveRules { rules: vec![rule], reason: "as approved".into() }).await.expect("an admin may");
    assert_eq!((report.added + report.changed, report.faults), (1, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_cured_and_held_against_what_was_approved() {
    let data = ScratchFolder::new().expect("folder");
    let secrets = Secrets::in_memory("test");
    let station = start(data.path(), &secrets).await;
    let screen = first_admin(&station).await;
    let mut device = Device::new(&screen.call(GetPublishExample {}).await.expect("an admin may"));
    let mut feed = screen.feed();
    let now = Clock::System.now();
    let payload = |value: f64, secs_ago: u64| {
        format!("{{\"type\":\"flow\",\"value\":{value},\"ts\":\"{}\"}}", now - Duration::from_secs(secs_ago))
    };
    device.publish("jjm/sensors/S0009/data", payload(10.0, 590).as_bytes()).await;
    until(&mut feed, |frame| !frame.values.is_empty()).await;
    let discovered = point(&screen, "S0009").await;
    let limits = Limits { h: Some(discovered.unit.to_si(30.0)), ..Limits::default() };
    let adopted = Point { state: PointState::Adopted, limits, ..discovered };
    let subject = Subject::Point(adopted.id);
    screen.call(SavePoints { points: vec![adopted], reason: "test".into() }).await.expect("an admin may");
    let is_high = |rule: &AlarmRule| matches!(rule.condition, Condition::Limit { level: LimitLevel::High, .. });
    let high = async || rules(&screen).await.into_iter().find(is_high).expect("it follows from the limit");
    let quick = AlarmRule { on_delay: Duration::ZERO, off_delay: Duration::ZERO, ..high().await };
    save(&screen, quick).await;
    let own = AlarmRule::new(RuleId(Default::default()), subject, Condition::Anomaly { score: 0.9 });
    save(&screen, own).await;

    // Nothing is approved yet, so nothing drifts.
    let all = rules(&screen).await.len();
    let before = drift(&screen).await;
    assert_eq!((before.newest, before.count as usize, before.rules), (0, all, vec![]));
    let mut there: Vec<_> = rules(&screen).await.iter().map(|rule| (rule.id, Some(rule.version))).collect();
    there.sort_unstable();
    assert_eq!(before.versions, there);
    let approve =
        |newest: u64, reason: &str| ApproveRules { rules: before.versions.clone(), newest, reason: reason.to_owned() };
    let code = async |call: ApproveRules| screen.call(call).await.map(|entry| entry.number).map_err(|error| error.code);
    assert_eq!(code(approve(0, " ")).await, Err(Code::Invalid), "a reason is needed");
    assert_eq!(code(approve(1, "test")).await, Err(Code::Conflict), "another one was seen");
    let other = AlarmRule { name: "Inflow".into(), ..high().await };
    save(&screen, other).await;
    let refused = screen.call(approve(0, "unseen")).await.expect_err("one was changed since");
    assert_eq!(refused.code, Code::Conflict);
    assert!(refused.message.contains("Inflow") && !refused.message.contains("more"), "{}", refused.message);
    let before = drift(&screen).await;
    let approve =
        |newest: u64, reason: &str| ApproveRules { rules: before.versions.clone(), newest, reason: reason.to_owned() };
    let first = screen.call(approve(0, "rationalised")).await.expect("an admin may");
    assert_eq!((first.number, first.approved as usize, first.withdrawn), (1, all, 0));
    assert_eq!(first.by.as_deref(), Some("Asha Verma"));
    assert_eq!(code(approve(1, "again")).await, Err(Code::Invalid), "there is nothing to approve");
    assert_eq!(drift(&screen).await, RulesDrift { newest: 1, count: 0, versions: vec![], rules: vec![] });

    // Over the limit for 5 s, six times.
    for spike in 0..6_u64 {
        for (value, secs_ago) in [(40.0, 560 - spike * 90), (10.0, 555 - spike * 90)] {
            device.publish("jjm/sensors/S0009/data", payload(value, secs_ago).as_bytes()).await;
        }
    }
    let stored = high().await;
    let (from, to) = (now - Duration::from_secs(600), now + Duration::from_secs(600));
    for _ in 0..100 {
        let trial = screen.call(TryRule { rule: Box::new(stored.clone()), from, to }).await.expect("an admin may");
        if trial.samples == 13 {
            break;
        }
        // The screen knows before the database does.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let apply = || ApplyCure { rule: stored.id, reason: "it chatters".into() };
    let unproven = screen.call(apply()).await.map(|_| ()).map_err(|error| error.code);
    assert_eq!(unproven, Err(Code::Conflict), "nothing was tried yet");
    let finding = screen.call(ProposeCure { rule: stored.id, from, to }).await.expect("an admin may");
    assert_eq!((finding.version, finding.samples), (stored.version, 13));
    let CureOutcome::Offered(proposal) = &finding.outcome else { panic!("{finding:?}") };
    assert_eq!((proposal.nuisance_before, proposal.kept), (6, 0));
    assert!(proposal.nuisance_after <= 1, "{proposal:?}");
    let status = async || {
        let mut rows = screen.call(ListWork {}).await.expect("may see");
        let row = rows.pop().expect("one");
        assert_eq!((rows.len(), row.rule), (0, stored.id));
        assert_eq!(row.finding.as_ref(), Some(&finding));
        row.status
    };
    assert_eq!(status().await, WorkStatus::Proposed);
    let why = || "it is to be so".to_owned();
    screen.call(DismissWork { rule: stored.id, reason: why() }).await.expect("an admin may");
    assert_eq!(status().await, WorkStatus::Dismissed);
    screen.call(ReopenWork { rule: stored.id, reason: why() }).await.expect("an admin may");
    assert_eq!(status().await, WorkStatus::Proposed);
    let report = screen.call(apply()).await.expect("an admin may");
    assert_eq!((report.changed, report.faults), (1, vec![]));
    assert_eq!(status().await, WorkStatus::Applied);
    let cured = high().await;
    assert_eq!(cured, AlarmRule { version: stored.version + 1, edited: true, ..proposal.rule.clone() });

    // What was changed is named with who did it, and goes back as any change is made.
    let found = drift(&screen).await;
    let [changed] = &found.rules[..] else { panic!("{found:?}") };
    assert_eq!((changed.kind, changed.alarm.rule, changed.fields.len()), (DriftKind::Changed, stored.id, 1));
    let change = changed.fields[0].change.as_ref().expect("known");
    assert_eq!((change.version, change.by.as_deref()), (Some(cured.version), Some("Asha Verma")));
    assert_eq!(change.reason.as_deref(), Some("it chatters"));
    let approved = *changed.approved.clone().expect("approved");
    save(&screen, AlarmRule { version: cured.version, ..approved }).await;
    assert_eq!(drift(&screen).await.count, 0);

    // What was removed comes back as well, and goes on counting its versions.
    let is_own = |rule: &AlarmRule| matches!(rule.condition, Condition::Anomaly { .. });
    let own = rules(&screen).await.into_iter().find(is_own).expect("it is there");
    let remove = RemoveRules { rules: vec![own.id], reason: "no use".into() };
    assert_eq!(screen.call(remove).await.expect("an admin may").removed, vec![own.id]);
    let found = drift(&screen).await;
    let [gone] = &found.rules[..] else { panic!("{found:?}") };
    assert_eq!(found.versions, [(own.id, None)]);
    let change = gone.change.as_ref().expect("the audit knows");
    assert_eq!(
        (gone.kind, change.by.as_deref(), change.reason.as_deref()),
        (DriftKind::Gone, Some("Asha Verma"), Some("no use"))
    );
    save(&screen, *gone.approved.clone().expect("approved")).await;
    assert_eq!(drift(&screen).await.count, 0);
    let back = rules(&screen).await.into_iter().find(is_own).expect("it is there");
    assert_eq!(back, AlarmRule { version: own.version + 1, ..own });

    let metrics = screen.call(GetAlarmMetrics {}).await.expect("may see");
    assert_eq!((metrics.standing, metrics.stale), (0, 0));
    assert!(metrics.since <= metrics.at);
    assert_eq!(screen.call(ListUnauthorised {}).await.expect("may see"), UnauthorisedSuppressions::default());
    // Whoever may set limits has them counted anew, and says why.
    let reset = |reason: &str| ResetAlarmMetrics { reason: reason.to_owned() };
    assert_eq!(screen.call(reset(" ")).await.map_err(|error| error.code).map(|_| ()), Err(Code::Invalid));
    assert_eq!(screen.call(GetAlarmMetrics {}).await.expect("may see").since, metrics.since);
    screen.call(reset("the test of the pumps is over")).await.expect("an admin may");
    let anew = screen.call(GetAlarmMetrics {}).await.expect("may see");
    assert!(anew.since >= metrics.at && anew.calls == 0, "{anew:?}");
    let verdict = screen.call(VerifyApprovals {}).await.expect("may see");
    assert_eq!((verdict.approvals, verdict.broken), (1, None));
    station.stop().await;
    drop(station);
    let station = start(data.path(), &secrets).await;
    let screen = same_admin(&station).await;
    let listed = screen.call(ListApprovals {}).await.expect("may see");
    assert_eq!((listed.entries, listed.verdict.broken), (vec![first], None));
    assert_eq!(drift(&screen).await.count, 0);
    station.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_devices_get_wrong_holds_nothing_up() {
    let data = ScratchFolder::new().expect("folder");
    let secrets = Secrets::in_memory("test");
    let station = start(data.path(), &secrets).await;
    let screen = first_admin(&station).await;
    let mut device = Device::new(&screen.call(GetPublishExample {}).await.expect("an admin may"));
    let mut feed = screen.feed();

    // A clock that is a day ahead is shown, and what comes after it too.
    let now = Clock::System.now();
    let of = |value: f64, at: Timestamp| format!("{{\"value\":{value},\"ts\":\"{at}\"}}");
    for (value, at) in [(3.25, now + Duration::from_secs(20 * 3_600)), (5.25, now)] {
        device.publish("jjm/sensors/S0003/data", of(value, at).as_bytes()).await;
        until(&mut feed, |frame| frame.values.iter().any(|shown| shown.value == Some(value))).await;
    }

    // More words than the spool takes at once.
    let alert = format!("{{\"message\":\"{}\"}}", "\u{1f600}".repeat(1_000));
    let alerts = format!("[{}]", vec![alert; 100].join(","));
    for _ in 0..60 {
        device.publish("jjm/alerts/pump", alerts.as_bytes()).await;
    }
    // More than is read at once: its beginning is kept with the reason.
    device.publish("plain/camera", &vec![7; 2 << 20]).await;
    device.publish("plain/last", b"1").await;
    // The spool forgets a moment after the database has it.
    let kept = async || {
        let health = screen.call(GetHealth {}).await.expect("may see");
        (health.pipeline.stored, health.spool.waiting)
    };
    for _ in 0..600 {
        if kept().await == (3, 0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(kept().await, (3, 0), "all of it is stored");
    let rejects = screen.call(ListRejects { limit: 10 }).await.expect("may see");
    assert_eq!(rejects.iter().map(|reject| reject.topic.as_str()).collect::<Vec<_>>(), ["plain/camera"]);
    station.stop().await;
    drop(station);

    // After a restart the present is what it was, and what is late does not stand for it.
    let station = start(data.path(), &secrets).await;
    let screen = same_admin(&station).await;
    let mut device = Device::new(&screen.call(GetPublishExample {}).await.expect("an admin may"));
    let mut feed = screen.feed();
    device.publish("jjm/sensors/S0003/data", of(1.25, now - Duration::from_secs(3 * 86_400)).as_bytes()).await;
    device.publish("plain/last", b"2").await;
    until(&mut feed, |frame| frame.values.iter().any(|shown| shown.value == Some(2.0))).await;
    let no = point(&screen, "S0003").await.no;
    let shown = screen.feed().next().await.values.into_iter().find(|shown| shown.point == no);
    assert_eq!(shown.and_then(|shown| shown.value), Some(5.25));
    station.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_of_ones_own_is_tried_saved_and_followed_again_after_a_restart() {
    let account = ("station".to_owned(), "dry-weir-77".to_owned());
    let options = TestBrokerOptions { account: Some(account), tls: TestTls::Server, ..TestBrokerOptions::default() };
    let broker = TestBroker::with(options).expect("a broker");
    let data = ScratchFolder::new().expect("folder");
    let secrets = Secrets::in_memory("test");
    let station = start(data.path(), &secrets).await;
    let screen = first_admin(&station).await;

    let ca_file = broker.certificates().expect("encrypted").ca.display().to_string();
    let form = BrokerForm {
        name: "north".into(),
        host: SERVER_NAME.into(),
        port: broker.port(),
        protocol: MqttVersion::V5,
        topics: vec!["plant/#".into()],
        routes: vec![RouteForm {
            pattern: "plant/{site}/{tag}".into(),
            format: "auto".into(),
            address: "{site}.{tag}".into(),
        }],
        username: Some("station".into()),
        password: Some("dry-weir-77".into()),
        has_password: false,
        tls: Some(TlsForm { ca_file: Some(ca_file), ..TlsForm::default() }),
    };
    // What cannot work is told before anything is kept.
    let bad_topic = BrokerForm { topics: vec!["plant/#/x".into()], ..form.clone() };
    let refused = screen.call(penstock_api::TestBroker { broker: bad_topic }).await.expect_err("no topic filter");
    assert_eq!(refused.code, Code::Invalid);
    assert!(refused.message.contains("plant/#/x"), "{}", refused.message);
    let wrong = BrokerForm { password: Some("wrong".into()), ..form.clone() };
    let tried = screen.call(penstock_api::TestBroker { broker: wrong }).await.expect("tried");
    assert!(!tried.ok && tried.message.contains("password"), "{}", tried.message);
    let tried = screen.call(penstock_api::TestBroker { broker: form.clone() }).await.expect("tried");
    assert!(tried.ok, "{}", tried.message);

    screen.call(SaveBroker { broker: form }).await.expect("saved");
    let file = std::fs::read_to_string(data.path().join("penstock.toml")).expect("settings");
    assert!(file.contains("north") && !file.contains("dry-weir-77"), "the password is in the keyring alone");
    let mut feed = screen.feed();
    connected(&screen, "north").await;
    broker.publish("plant/weir/level", ["1.25"]).expect("published");
    until(&mut feed, |frame| frame.values.iter().any(|value| value.value == Some(1.25))).await;
    assert_eq!(point(&screen, "weir.level").await.address.source, "north");
    station.stop().await;
    drop(station);

    let station = start(data.path(), &secrets).await;
    let screen = same_admin(&station).await;
    let mut feed = screen.feed();
    connected(&screen, "north").await;
    broker.publish("plant/weir/level", ["1.5"]).expect("published");
    until(&mut feed, |frame| frame.values.iter().any(|value| value.value == Some(1.5))).await;
    station.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_long_things_are_kept_is_changed_and_an_archive_tried_kept_and_used() {
    let data = ScratchFolder::new().expect("folder");
    let station = start(data.path(), &Secrets::in_memory("test")).await;
    let screen = first_admin(&station).await;
    let view = async || screen.call(GetSettings {}).await.expect("an admin");
    let settings_file = || std::fs::read_to_string(data.path().join("penstock.toml")).expect("settings");

    let retention = RetentionForm {
        samples_days: 400,
        samples_days_of: [(Quantity::Pressure, 700)].into_iter().collect(),
        roll_ups_years: 12,
    };
    screen.call(SaveRetention { retention: retention.clone() }).await.expect("saved");
    assert_eq!(view().await.retention, retention);
    assert!(settings_file().contains("samples_days = 400"), "{}", settings_file());
    let too_few = RetentionForm { roll_ups_years: 1, ..retention.clone() };
    let refused = screen.call(SaveRetention { retention: too_few }).await.expect_err("trends read roll-ups");
    assert!(refused.code == Code::Invalid && refused.message.contains("roll_ups_years"), "{}", refused.message);
    assert_eq!(view().await.retention, retention, "what is wrong changes nothing");

    let folder = |name: &str| data.path().join(name).display().to_string();
    let at = |place: String| ArchiveForm { place: Some(place), ..ArchiveForm::default() };
    let tried = screen.call(TestArchive { archive: at(folder("nowhere")) }).await.expect("tried");
    assert!(!tried.ok && tried.message.contains("not a folder"), "{}", tried.message);
    for name in ["one", "other"] {
        std::fs::create_dir(data.path().join(name)).expect("made");
        let tried = screen.call(TestArchive { archive: at(folder(name)) }).await.expect("tried");
        assert!(tried.ok, "{}", tried.message);
    }
    // Once one is in use, another one waits for the next start.
    for turn in 0..400 {
        let place = folder(if turn % 2 == 0 { "one" } else { "other" });
        screen.call(SaveArchive { archive: at(place) }).await.expect("saved");
        if view().await.archive_waits {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(view().await.archive_waits);

    let keyless =
        screen.call(SaveArchive { archive: at("s3://water".into()) }).await.expect_err("a store asks for a key");
    assert!(keyless.message.contains("access key"), "{}", keyless.message);
    let key = ArchiveForm {
        access_key: Some("penstock".into()),
        secret: Some("deep-well-19".into()),
        endpoint: Some("http://127.0.0.1:1".into()),
        ..at("s3://water".into())
    };
    screen.call(SaveArchive { archive: key }).await.expect("saved, reached or not");
    let kept = view().await.archive;
    assert!(kept.has_secret && kept.secret.is_none() && !settings_file().contains("deep-well-19"));
    screen.call(SaveArchive { archive: at(folder("one")) }).await.expect("saved");
    assert!(!view().await.archive.has_secret, "a folder needs none: it is forgotten");
    station.stop().await;
}

/// Waits until the source of that name is connected.
async fn connected(screen: &Screen<'_>, name: &str) {
    for _ in 0..200 {
        let sources = screen.call(GetHealth {}).await.expect("may see").sources;
        if sources.iter().any(|source| source.name == name && source.connected) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{name} does not connect");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_station_on_the_same_data_is_told_of_the_first() {
    let data = ScratchFolder::new().expect("folder");
    let secrets = Secrets::in_memory("test");
    let station = start(data.path(), &secrets).await;
    station.announce("http://127.0.0.1:1/").expect("told");
    let second = options(data.path(), &secrets, "PENSTOCK_STATION__NAME", "second");
    let refused = Station::start(second).await.map(|_| ()).expect_err("one is enough");
    assert!(refused.to_string().contains("http://127.0.0.1:1/"), "{refused}");
    station.stop().await;
}
