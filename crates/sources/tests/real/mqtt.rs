//! The MQTT source against a real Mosquitto.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::common::{
    Running, numbers, run, run_as, run_into, run_with, settings, settle, speaking, text, texts, tokens, within,
};
use anyhow::Result;
use penstock_model::Clock;
use penstock_sources::mqtt::{MqttSettings, MqttSource, Protocol, TlsSettings};
use penstock_sources::{Link, ProblemKind, SourceState, acknowledge};
use penstock_testkit::broker::{SERVER_NAME, TestBroker, TestBrokerOptions, TestTls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const MULTI: [Protocol; 2] = [Protocol::V3, Protocol::V5];

#[tokio::test(flavor = "multi_thread")]
async fn a_message_comes_in_as_it_was_sent() -> Result<()> {
    let broker = TestBroker::start()?;
    for protocol in MULTI {
        let mut source = run(speaking(protocol, broker.port()));
        source.until(|state| state.is_connected() && state.dropped_by_broker.is_some()).await;
        broker.publish("plant/flow", ["250.5"])?;
        let first = source.next().await;
        assert_eq!((&*first.source, &*first.topic, text(&first)), ("test", "plant/flow", "250.5".to_owned()));
        assert!(!first.retained);
        let delivery = first.delivery.expect("QoS 1 is a guaranteed delivery");
        assert!(!delivery.redelivered && delivery.packet_id != 0);
        broker.mosquitto_pub(&["-q", "0", "-t", "plant/level", "-m", "1"], b"")?;
        assert_eq!(source.next().await.delivery, None);
        settle([first]);
        source.until(|state| state.unacknowledged == 0 && state.messages == 2 && state.bytes == 6).await;
        assert_eq!(source.stop().await.link, Link::Stopped);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_while_the_station_is_away_comes_later() -> Result<()> {
    let broker = TestBroker::start()?;
    for protocol in MULTI {
        let settings = speaking(protocol, broker.port());
        let mut source = run(settings.clone());
        source.connected().await;
        broker.publish("a", ["first"])?;
        settle([source.next().await]);
        source.stop().await;
        broker.publish("a", numbers(500).iter().map(String::as_str))?;
        let mut source = run(settings);
        let missed = source.take(500).await;
        assert_eq!(texts(&missed), numbers(500));
        settle(missed);
        source.until(|state| state.unacknowledged == 0).await;
        assert_eq!(source.stop().await.lost_sessions, 0);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_comes_back_finds_its_subscriber() -> Result<()> {
    for protocol in MULTI {
        let mut broker = TestBroker::start()?;
        let mut source = run(speaking(protocol, broker.port()));
        source.connected().await;
        broker.publish("a", ["before"])?;
        settle([source.next().await]);
        source.until(|state| state.unacknowledged == 0 && state.messages == 1).await;
        broker.stop()?;
        let down = source.until(|state| matches!(state.link, Link::Down { .. })).await;
        assert_eq!(down.last_problem.expect("told").kind, ProblemKind::ConnectionLost);
        broker.start_again()?;
        // The session was written down: what comes before the source is back waits for it.
        broker.publish("a", ["meanwhile"])?;
        assert_eq!(text(&source.next().await), "meanwhile");

        // Killed with nothing kept, it knows nobody: only a new subscription brings messages again.
        broker.kill()?;
        std::fs::remove_file(broker.folder().join("mosquitto.db")).ok();
        broker.start_again()?;
        source.until(|state| state.lost_sessions == 1 && state.is_connected()).await;
        // A new subscription is answered before the figure of drops comes.
        tokio::time::sleep(Duration::from_millis(200)).await;
        broker.publish("a", ["after"])?;
        assert_eq!(text(&source.next().await), "after");
        assert!(source.stop().await.reconnects >= 2);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_acknowledged_comes_again_and_old_acknowledgements_are_void() -> Result<()> {
    for protocol in MULTI {
        let mut broker = TestBroker::start()?;
        let folder = tempfile::tempdir()?;
        let source = MqttSource::new(speaking(protocol, broker.port()), None, Clock::System)?;
        let mut source = run_with(source.remembering(folder.path().join("session")), 1024);
        source.connected().await;
        broker.publish("a", numbers(10).iter().map(String::as_str))?;
        let mut first = source.take(10).await;
        let kept = first.split_off(5);
        settle(first);
        source.until(|state| state.unacknowledged == 5).await;
        broker.stop()?;
        source.until(|state| matches!(state.link, Link::Down { .. })).await;
        broker.start_again()?;
        let again = source.take(5).await;
        assert_eq!(texts(&again), texts(&kept));
        for (one, other) in again.iter().zip(&kept) {
            let (one, other) = (one.delivery.expect("guaranteed"), other.delivery.expect("guaranteed"));
            assert_eq!((one.session, one.packet_id), (other.session, other.packet_id));
            assert!(one.redelivered && !other.redelivered);
        }
        let session = again.first().and_then(|received| received.delivery).expect("guaranteed").session;
        // The tokens of the broken connection bear the same packet ids; they must not settle the new deliveries.
        settle(kept);
        drop(again);
        let settings = speaking(protocol, broker.port());
        let client_id = source.state.borrow().source.clone();
        assert_eq!(client_id, settings.name);
        broker.stop()?;
        source.until(|state| matches!(state.link, Link::Down { .. })).await;
        broker.start_again()?;
        let third = source.take(5).await;
        assert_eq!(texts(&third), ["5", "6", "7", "8", "9"]);
        assert!(third.iter().all(|received| received.delivery.is_some_and(|delivery| delivery.session == session)));
        settle(third);
        let state = source.until(|state| state.unacknowledged == 0 && state.redelivered == 10).await;
        assert_eq!((state.messages, state.lost_sessions), (20, 0));
        source.stop().await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledgements_given_after_the_stop_still_count() -> Result<()> {
    let broker = TestBroker::start()?;
    let settings = settings(broker.port());
    let mut source = run(settings.clone());
    source.connected().await;
    broker.publish("a", numbers(100).iter().map(String::as_str))?;
    let all = source.take(100).await;
    source.begin_stop();
    assert!(within(source.received.recv()).await.is_none(), "a stopping source says that nothing more comes");
    settle(all);
    source.stop().await;
    let mut source = run(settings);
    source.connected().await;
    broker.publish("a", ["new"])?;
    assert_eq!(text(&source.next().await), "new");
    assert_eq!(source.stop().await.redelivered, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_messages_are_acknowledged_to_the_last() -> Result<()> {
    const COUNT: usize = 20_000;
    for protocol in MULTI {
        let broker = TestBroker::start()?;
        let settings = speaking(protocol, broker.port());
        let mut source = run(settings.clone());
        source.connected().await;
        let sent = numbers(COUNT);
        let publishing = std::thread::scope(|scope| {
            let publisher = scope.spawn(|| broker.publish("a", sent.iter().map(String::as_str)));
            tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(async {
                    let mut batch = Vec::new();
                    for number in &sent {
                        let received = source.next().await;
                        assert_eq!(&text(&received), number);
                        batch.push(received);
                        if batch.len() == 137 {
                            settle(batch.drain(..));
                        }
                    }
                    settle(batch);
                });
            });
            publisher.join().expect("no panic")
        });
        publishing?;
        let state = source.until(|state| state.unacknowledged == 0 && state.messages == COUNT as u64).await;
        assert_eq!((state.redelivered, state.reconnects, state.dropped_by_broker), (0, 0, Some(0)));
        source.stop().await;
        // The broker keeps nothing back: the first message of the same session is a new one.
        let mut source = run(settings);
        source.connected().await;
        broker.publish("a", ["new"])?;
        assert_eq!(text(&source.next().await), "new");
        source.stop().await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_station_slows_the_source_and_keeps_the_connection() -> Result<()> {
    for protocol in MULTI {
        let broker = TestBroker::start()?;
        let settings = MqttSettings { keep_alive_secs: 5, ..speaking(protocol, broker.port()) };
        let mut source = run_with(MqttSource::new(settings, None, Clock::System)?, 1);
        let before = source.connected().await;
        broker.publish("a", numbers(3000).iter().map(String::as_str))?;
        // Longer than the broker waits for a sign of life.
        tokio::time::sleep(Duration::from_secs(9)).await;
        let held = source.until(|state| state.waiting > 0).await;
        assert_eq!(held.link, before.link);
        let mut texts = Vec::new();
        for _ in 0..3000 {
            let received = source.next().await;
            texts.push(text(&received));
            settle([received]);
        }
        assert_eq!(texts, numbers(3000));
        let state = source.until(|state| state.unacknowledged == 0).await;
        assert_eq!((state.reconnects, state.redelivered, state.waiting), (0, 0, 0));
        source.stop().await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_without_guarantee_is_left_to_the_broker_until_there_is_room() -> Result<()> {
    const COUNT: usize = 60_000;
    for protocol in MULTI {
        let broker = TestBroker::start()?;
        let settings = MqttSettings { keep_alive_secs: 5, ..speaking(protocol, broker.port()) };
        let mut source = run_with(MqttSource::new(settings, None, Clock::System)?, 1);
        source.connected().await;
        let lines = format!("{}\n", numbers(COUNT).join("\n"));
        broker.mosquitto_pub(&["-q", "0", "-t", "a", "-l"], lines.as_bytes())?;
        let full = source.until(|state| state.waiting >= 20_000).await;
        tokio::time::sleep(Duration::from_secs(9)).await;
        let state = source.state.borrow().clone();
        assert_eq!(state.link, full.link);
        assert!(state.waiting < 25_000, "reading pauses: {} wait", state.waiting);
        for number in numbers(COUNT) {
            assert_eq!(text(&source.next().await), number);
        }
        let state = source.until(|state| state.messages == COUNT as u64).await;
        assert_eq!((state.reconnects, state.dropped_by_broker), (0, Some(0)));
        source.stop().await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_limit_is_named_and_harms_no_other() -> Result<()> {
    for protocol in MULTI {
        let broker = TestBroker::start()?;
        let settings = speaking(protocol, broker.port());
        let mut source = run(settings.clone());
        source.connected().await;
        broker.publish_bytes("plant/camera", &vec![7; 2 * 1024 * 1024])?;
        broker.publish("a", ["small"])?;
        let large = source.next().await;
        assert_eq!(large.over_limit, Some(2 * 1024 * 1024 + "plant/camera".len()));
        assert_eq!((large.payload.len(), &*large.topic), (4_096, "plant/camera"), "its beginning, for a look");
        settle([large]);
        settle([source.next().await]);
        let state = source.until(|state| state.over_limit == 1 && state.unacknowledged == 0).await;
        let problem = state.last_problem.expect("told");
        assert_eq!(problem.kind, ProblemKind::OverLimit);
        assert!(problem.message.contains("plant/camera") && problem.message.contains("2097"), "{problem}");
        assert!(problem.cure.contains("send less at once"), "{problem}");
        assert_eq!(state.reconnects, 0);
        source.stop().await;
        let mut source = run(settings);
        source.connected().await;
        broker.publish("a", ["next"])?;
        assert_eq!(text(&source.next().await), "next");
        assert_eq!(source.stop().await.over_limit, 0);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_too_large_to_read_does_not_come_back_for_ever() -> Result<()> {
    let broker = TestBroker::start()?;
    let mut source = run(settings(broker.port()));
    source.connected().await;
    broker.publish_bytes("plant/camera", &vec![7; 20 * 1024 * 1024])?;
    broker.publish("a", ["small"])?;
    let large = source.next().await;
    assert_eq!((large.over_limit.is_some(), large.payload.len()), (true, 4_096), "its beginning, for a look");
    settle([large]);
    assert_eq!(text(&source.next().await), "small");
    let state = source.until(|state| state.over_limit == 1).await;
    assert_eq!((state.reconnects, state.lost_sessions), (1, 0));
    source.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_not_text_is_named_and_does_not_come_back_for_ever() -> Result<()> {
    // rumqttc reads topics of version 5 as bytes; on one of 3.1.1 it hangs up, once.
    for (protocol, reconnects) in [(Protocol::V3, 1), (Protocol::V5, 0)] {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let mut source = run(speaking(protocol, listener.local_addr()?.port()));
        let broker = tokio::spawn(careless_broker(listener, protocol));
        let broken = source.next().await;
        assert_eq!((&*broken.topic, broken.has_broken_topic, text(&broken)), ("a\u{fffd}", true, "1".to_owned()));
        settle([broken]);
        let good = source.next().await;
        assert_eq!((&*good.topic, good.has_broken_topic, text(&good)), ("b", false, "2".to_owned()));
        let state = source.until(|state| state.broken_topics == 1 && state.messages == 2).await;
        assert_eq!((state.reconnects, state.over_limit), (reconnects, 0));
        let problem = state.last_problem.expect("told");
        assert_eq!(problem.kind, ProblemKind::BrokenTopic);
        assert!(problem.message.contains("UTF-8") && problem.cure.contains("device"), "{problem}");
        source.stop().await;
        broker.abort();
    }
    Ok(())
}

/// A broker that lets through what MQTT forbids: to whoever subscribes it sends a message of a topic that is not UTF-8,
/// at each connection anew until it is acknowledged, and then a good one.
async fn careless_broker(listener: TcpListener, protocol: Protocol) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        // A client that hangs up comes again.
        drop(serve_carelessly(stream, protocol).await);
    }
}

async fn serve_carelessly(mut stream: TcpStream, protocol: Protocol) -> Result<()> {
    const ID: [u8; 2] = [0, 7];
    // Properties, none, where the protocol has them.
    let none: &[u8] = if protocol == Protocol::V5 { &[0] } else { &[] };
    let packet = |first: u8, parts: &[&[u8]]| {
        let body = parts.concat();
        let mut packet = vec![first, u8::try_from(body.len()).expect("short")];
        packet.extend(body);
        packet
    };
    let mut has_sent = false;
    loop {
        let first = stream.read_u8().await?;
        let (mut length, mut place) = (0, 0);
        loop {
            let byte = stream.read_u8().await?;
            length |= usize::from(byte & 0x7f) << (7 * place);
            place += 1;
            if byte < 0x80 {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        match first >> 4 {
            // Connect: the session is there.
            1 => stream.write_all(&packet(0x20, &[&[1, 0], none])).await?,
            // Acknowledged.
            4 if body.starts_with(&ID) => {
                stream.write_all(&packet(0x30, &[&[0, 1, b'b'], none, b"2"])).await?;
            }
            // Subscribe.
            8 => {
                stream.write_all(&packet(0x90, &[&body[..2], none, &[1]])).await?;
                if !has_sent {
                    has_sent = true;
                    stream.write_all(&packet(0x3a, &[&[0, 2, b'a', 0xff], &ID, none, b"1"])).await?;
                }
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_brokers_come_together() -> Result<()> {
    let (one, other) = (TestBroker::start()?, TestBroker::start()?);
    let (out, received) = mpsc::channel(16);
    let named = |name: &str, protocol, broker: &TestBroker| {
        let settings = MqttSettings { name: name.to_owned(), ..speaking(protocol, broker.port()) };
        MqttSource::new(settings, None, Clock::System)
    };
    let (_, unused) = mpsc::channel(1);
    let mut first = run_into(named("one", Protocol::V3, &one)?, out.clone(), received);
    let mut second = run_into(named("other", Protocol::V5, &other)?, out, unused);
    first.connected().await;
    second.connected().await;
    one.publish("a", ["1"])?;
    other.publish("a", ["2"])?;
    let both = first.take(2).await;
    let seen: BTreeSet<_> = both.iter().map(|received| (received.source.to_string(), text(received))).collect();
    assert_eq!(seen, BTreeSet::from([("one".to_owned(), "1".to_owned()), ("other".to_owned(), "2".to_owned())]));
    // One batch holds tokens of both: each goes back to its own connection.
    acknowledge(tokens(both));
    first.until(|state| state.unacknowledged == 0 && state.messages == 1).await;
    second.until(|state| state.unacknowledged == 0 && state.messages == 1).await;
    first.stop().await;
    second.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_brokers_own_topics_stay_out() -> Result<()> {
    let broker = TestBroker::start()?;
    let settings = MqttSettings { topics: vec!["$SYS/#".to_owned(), "a".to_owned()], ..settings(broker.port()) };
    let mut source = run(settings);
    source.until(|state| state.dropped_by_broker == Some(0)).await;
    broker.publish("a", ["only this"])?;
    assert_eq!(text(&source.next().await), "only this");
    assert_eq!(source.stop().await.messages, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_the_broker_drops_are_told() -> Result<()> {
    let options = TestBrokerOptions {
        config: vec!["max_inflight_messages 10".to_owned(), "max_queued_messages 10".to_owned()],
        ..TestBrokerOptions::default()
    };
    let broker = TestBroker::with(options)?;
    let mut source = run(settings(broker.port()));
    source.until(|state| state.dropped_by_broker == Some(0)).await;
    // None is acknowledged, so the broker may keep twenty.
    broker.publish("a", numbers(50).iter().map(String::as_str))?;
    let state = source.until(|state| state.dropped_by_broker.is_some_and(|dropped| dropped > 0)).await;
    assert_eq!(state.last_problem.expect("told").kind, ProblemKind::DroppedByBroker);
    source.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn encrypted_with_certificates_of_both_sides() -> Result<()> {
    let broker = TestBroker::with(TestBrokerOptions { tls: TestTls::Mutual, ..TestBrokerOptions::default() })?;
    let certificates = broker.certificates()?.clone();
    let good = TlsSettings {
        ca_file: Some(certificates.ca.clone()),
        cert_file: Some(certificates.client_cert.clone()),
        key_file: Some(certificates.client_key.clone()),
        server_name: None,
    };
    for protocol in MULTI {
        let at = |host: &str, tls: &TlsSettings| MqttSettings {
            host: host.to_owned(),
            tls: Some(tls.clone()),
            ..speaking(protocol, broker.port())
        };
        let by_address = TlsSettings { server_name: Some(SERVER_NAME.to_owned()), ..good.clone() };
        for settings in [at(SERVER_NAME, &good), at("127.0.0.1", &by_address)] {
            let mut source = run(settings);
            source.connected().await;
            broker.publish("a", numbers(300).iter().map(String::as_str))?;
            let all = source.take(300).await;
            assert_eq!(texts(&all), numbers(300));
            settle(all);
            source.until(|state| state.unacknowledged == 0).await;
            source.stop().await;
        }
        let without = TlsSettings { cert_file: None, key_file: None, ..good.clone() };
        let stranger = TlsSettings {
            cert_file: Some(certificates.other_cert.clone()),
            key_file: Some(certificates.other_key.clone()),
            ..good.clone()
        };
        let distrusting = TlsSettings { ca_file: Some(certificates.other_ca.clone()), ..good.clone() };
        let mistaken = TlsSettings { server_name: Some("other.example".to_owned()), ..good.clone() };
        let lost = TlsSettings { ca_file: Some("/no/such/ca.pem".into()), ..good.clone() };
        let no_pem = TlsSettings { ca_file: Some(certificates.client_key.clone()), ..good.clone() };
        check(at(SERVER_NAME, &without), ProblemKind::TlsRefused, "cert_file").await;
        check(at(SERVER_NAME, &stranger), ProblemKind::TlsRefused, "").await;
        check(at(SERVER_NAME, &distrusting), ProblemKind::TlsRefused, "ca_file").await;
        check(at("127.0.0.1", &good), ProblemKind::TlsRefused, "server_name").await;
        check(at(SERVER_NAME, &mistaken), ProblemKind::TlsRefused, "server_name").await;
        check(at(SERVER_NAME, &lost), ProblemKind::Setting, "/no/such/ca.pem").await;
        check(at(SERVER_NAME, &no_pem), ProblemKind::Setting, "certificate").await;
        check(MqttSettings { tls: None, ..at(SERVER_NAME, &good) }, ProblemKind::ProtocolRefused, "TLS").await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_password_is_named() -> Result<()> {
    let account = Some(("plant".to_owned(), "right".to_owned()));
    let broker = TestBroker::with(TestBrokerOptions { account, ..TestBrokerOptions::default() })?;
    for protocol in MULTI {
        let mut source = run_as(speaking(protocol, broker.port()), "plant", "wrong");
        let problem = failed(&mut source).await;
        assert_eq!(problem.kind, ProblemKind::CredentialsRefused);
        assert!(problem.message.contains("plant") && problem.cure.contains("password"), "{problem}");
        assert!(!format!("{problem:?}").contains("wrong"), "{problem:?}");
        source.stop().await;
        check(speaking(protocol, broker.port()), ProblemKind::CredentialsRefused, "asks for a user").await;
        let mut source = run_as(speaking(protocol, broker.port()), "plant", "right");
        source.connected().await;
        source.stop().await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_without_a_broker_is_named() -> Result<()> {
    let plain = TestBroker::start()?;
    let closed = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    // It takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0")?;
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let other_port = other.local_addr()?.port();
    let other = tokio::spawn(async move {
        while let Ok((mut stream, _)) = other.accept().await {
            drop(stream.read(&mut [0; 1024]).await);
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.ok();
        }
    });
    for protocol in MULTI {
        let tls = Some(TlsSettings::default());
        check(speaking(protocol, closed), ProblemKind::Unreachable, "nothing listens").await;
        let unknown = MqttSettings { host: "broker.invalid".to_owned(), ..speaking(protocol, 1883) };
        check(unknown, ProblemKind::HostUnknown, "broker.invalid").await;
        check(speaking(protocol, silent.local_addr()?.port()), ProblemKind::NoAnswer, "does not answer").await;
        check(speaking(protocol, other_port), ProblemKind::ProtocolRefused, "does not speak MQTT").await;
        check(MqttSettings { tls, ..speaking(protocol, plain.port()) }, ProblemKind::TlsRefused, "TLS").await;
    }
    other.abort();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_stands_still_is_noticed() -> Result<()> {
    for protocol in MULTI {
        let broker = TestBroker::start()?;
        let mut source = run(MqttSettings { keep_alive_secs: 5, ..speaking(protocol, broker.port()) });
        source.connected().await;
        broker.pause()?;
        let problem = failed(&mut source).await;
        assert_eq!(problem.kind, ProblemKind::NoAnswer);
        broker.resume()?;
        source.connected().await;
        broker.publish("a", ["again"])?;
        assert_eq!(text(&source.next().await), "again");
        source.stop().await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clients_of_one_name_are_told() -> Result<()> {
    for protocol in MULTI {
        let broker = TestBroker::start()?;
        let settings = speaking(protocol, broker.port());
        let mut first = run(settings.clone());
        first.connected().await;
        let mut second = run(settings);
        second.connected().await;
        let is_told = |state: &SourceState| {
            state.last_problem.as_ref().is_some_and(|problem| problem.kind == ProblemKind::TakenOver)
        };
        let problem = first.until(is_told).await.last_problem.expect("told");
        assert!(problem.cure.contains("client_id"), "{problem}");
        first.stop().await;
        second.stop().await;
    }
    Ok(())
}

/// Runs a source that must fail, and looks at what it says.
async fn check(settings: MqttSettings, kind: ProblemKind, says: &str) {
    let mut source = run(settings.clone());
    let problem = failed(&mut source).await;
    assert_eq!(problem.kind, kind, "{problem} with {settings:?}");
    assert!(problem.to_string().contains(says), "{problem} says {says:?}");
    source.stop().await;
}

async fn failed(source: &mut Running) -> penstock_sources::Problem {
    let is_down = |state: &SourceState| matches!(state.link, Link::Down { .. });
    source.until(is_down).await.last_problem.expect("a connection that is down says why")
}
