//! The archive in an S3-compatible store, over real HTTP: a server of its own that speaks the few calls there are.

mod server;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use penstock_archive::{Archive, ArchiveSettings, Error, Key, Month, Selection};
use penstock_model::{PointNo, Quality, Sample, Timestamp};
use server::{Fault, Server};

fn settings(server: &Server) -> ArchiveSettings {
    ArchiveSettings {
        place: "s3://water/station-1/old".into(),
        endpoint: Some(server.endpoint()),
        region: Some("eu-central-1".into()),
        key: Some(Key { access_key: "station".into(), secret: "opensesame".into() }),
    }
}

fn month() -> Month {
    Month::new(2026, 10).expect("a month")
}

fn sample(point: i32, second: i64) -> Sample {
    let at = Timestamp::from_micros(month().start().as_micros() + second * 1_000_000);
    // Digits that do not compress, so that a file has several pieces.
    let noise =
        (second.wrapping_mul(0x5851_F42D_4C95_7F2D) ^ i64::from(point).wrapping_mul(0x1405_7B7E_F767_814F)) as f64;
    Sample { point: PointNo(point), source_time: at, received_time: at, value: Some(noise), quality: Quality::Good }
}

fn samples(points: i32, seconds: i64) -> Vec<Sample> {
    (0..points).flat_map(|point| (0..seconds).map(move |second| sample(point, second))).collect()
}

fn chunks(samples: &[Sample]) -> impl futures_util::Stream<Item = Result<Vec<Sample>, std::io::Error>> + Send + use<> {
    let chunks: Vec<_> = samples.chunks(10_000).map(|chunk| Ok(chunk.to_vec())).collect();
    stream::iter(chunks)
}

async fn read(archive: &Archive, name: &str, selection: &Selection) -> Result<Vec<Sample>, Error> {
    let chunks: Vec<Vec<Sample>> = archive.read(name, selection).await?.try_collect().await?;
    Ok(chunks.concat())
}

#[tokio::test]
async fn a_month_is_put_in_pieces_found_read_and_removed() {
    let server = Server::start().await;
    let archive = Archive::open(&settings(&server)).await.expect("open");
    assert_eq!(archive.list().await.expect("empty"), []);

    let samples = samples(20, 100_000);
    let file = archive.put(month(), chunks(&samples)).await.expect("kept");
    assert_eq!((file.name.as_str(), file.rows), ("samples-2026-10.parquet", 2_000_000));
    assert_eq!((file.first, file.last), (sample(0, 0).source_time, sample(0, 99_999).source_time));
    assert!(file.e_tag.is_some());
    assert!(server.parts() >= 2, "{} pieces", server.parts());
    let listed = archive.list().await.expect("one");
    assert_eq!(listed.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), [file.name.as_str()]);
    assert_eq!(listed[0].bytes, file.bytes);
    assert_eq!(server.stored("station-1/old/samples-2026-10.parquet"), Some(file.bytes));

    server.forget_traffic();
    let hour = Selection::of(&[PointNo(7)], sample(0, 5_000).source_time, sample(0, 8_600).source_time);
    let found = read(&archive, &file.name, &hour).await.expect("readable");
    assert_eq!(found, (5_000..8_600).map(|second| sample(7, second)).collect::<Vec<_>>());
    let fetched = server.sent_bytes();
    // Two groups of sixteen at most: ranges that lie near one another are fetched together.
    assert!(fetched * 5 < file.bytes, "{fetched} of {} bytes for an hour of one point", file.bytes);
    assert_eq!(read(&archive, &file.name, &Selection::ALL).await.expect("readable"), samples);

    archive.remove(&file.name).await.expect("removed");
    assert_eq!(archive.list().await.expect("empty"), []);
    assert!(matches!(archive.remove(&file.name).await, Err(Error::Missing { .. })));
    assert!(matches!(archive.read(&file.name, &Selection::ALL).await.map(|_| ()), Err(Error::Missing { .. })));
}

#[tokio::test]
async fn a_second_file_of_a_month_stands_beside_the_first() {
    let server = Server::start().await;
    let archive = Archive::open(&settings(&server)).await.expect("open");
    for expected in ["samples-2026-10.parquet", "samples-2026-10-2.parquet"] {
        let file = archive.put(month(), chunks(&samples(1, 10))).await.expect("kept");
        assert_eq!(file.name, expected);
    }
    assert_eq!(archive.list().await.expect("two").len(), 2);
}

#[tokio::test]
async fn a_wrong_key_is_told_when_the_archive_is_opened() {
    let server = Server::start().await;
    let mut settings = settings(&server);
    settings.key = Some(Key { access_key: "burglar".into(), secret: "guess".into() });
    let error = Archive::open(&settings).await.expect_err("refused").to_string();
    assert!(error.starts_with("cannot open s3://water/station-1/old: "), "{error}");
    assert!(error.contains("check the access key") && !error.contains("guess"), "{error}");
    settings.key = None;
    let error = Archive::open(&settings).await.expect_err("refused").to_string();
    assert!(error.contains("give both"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_sent_leaves_nothing() {
    let server = Server::start().await;
    let archive = Archive::open(&settings(&server)).await.expect("open");
    let broken = chunks(&samples(1, 10)).chain(stream::iter([Err(std::io::Error::other("the database went away"))]));
    let error = archive.put(month(), broken).await.expect_err("no whole month").to_string();
    assert!(error.contains("the database went away"), "{error}");
    assert!(matches!(archive.put(month(), chunks(&[])).await, Err(Error::Empty { .. })));
    assert_eq!((archive.list().await.expect("nothing"), server.uploads_open()), (vec![], 0));
}

#[tokio::test]
async fn what_the_store_lost_is_noticed_and_removed() {
    let server = Server::start().await;
    let archive = Archive::open(&settings(&server)).await.expect("open");
    server.fail(Fault::ForgetsTheEnd);
    let error = archive.put(month(), chunks(&samples(3, 1_000))).await.expect_err("not kept");
    assert!(matches!(error, Error::NotKept { .. }), "{error}");
    assert_eq!(archive.list().await.expect("nothing"), []);
}

#[tokio::test]
async fn a_file_that_nobody_was_told_of_does_not_stay() {
    let server = Server::start().await;
    let archive = Archive::open(&settings(&server)).await.expect("open");
    server.fail(Fault::DeniesTheEnd);
    let error = archive.put(month(), chunks(&samples(3, 1_000))).await.expect_err("denied").to_string();
    assert!(error.starts_with("cannot finish samples-2026-10.parquet in s3://water/station-1/old: "), "{error}");
    assert_eq!(archive.list().await.expect("nothing"), []);
}

#[tokio::test]
async fn a_file_cut_in_the_store_is_refused() {
    let server = Server::start().await;
    let archive = Archive::open(&settings(&server)).await.expect("open");
    let file = archive.put(month(), chunks(&samples(2, 2_000))).await.expect("kept");
    let key = format!("station-1/old/{}", file.name);
    for len in [0, 3, 8, file.bytes / 2, file.bytes - 9, file.bytes - 1] {
        server.cut(&key, len);
        let error = read(&archive, &file.name, &Selection::ALL).await.expect_err("cut").to_string();
        assert!(error.starts_with("samples-2026-10.parquet is not a whole file of samples ("), "{len}: {error}");
    }
}

#[tokio::test]
async fn a_store_that_is_not_there_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
    let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let key = Some(Key { access_key: "station".into(), secret: "opensesame".into() });
    let settings = ArchiveSettings { place: "s3://water".into(), endpoint: Some(endpoint), region: None, key };
    let error = Archive::open(&settings).await.expect_err("nobody there").to_string();
    assert!(error.starts_with("cannot open s3://water: ") && error.contains("check the endpoint"), "{error}");
}
