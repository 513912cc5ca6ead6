//! The archive in a folder, on a real file system.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use penstock_archive::{Archive, ArchiveSettings, Error, Month, SampleReader, Selection};
use penstock_model::{PointNo, Quality, Sample, Timestamp};

fn month() -> Month {
    Month::new(2026, 10).expect("a month")
}

fn sample(point: i32, second: i64) -> Sample {
    let at = Timestamp::from_micros(month().start().as_micros() + second * 1_000_000);
    Sample {
        point: PointNo(point),
        source_time: at,
        received_time: at,
        value: Some(second as f64),
        quality: Quality::Good,
    }
}

fn samples(points: i32, seconds: i64) -> Vec<Sample> {
    (0..points).flat_map(|point| (0..seconds).map(move |second| sample(point, second))).collect()
}

fn chunks(samples: &[Sample]) -> impl futures_util::Stream<Item = Result<Vec<Sample>, std::io::Error>> + Send + use<> {
    let chunks: Vec<_> = samples.chunks(3_000).map(|chunk| Ok(chunk.to_vec())).collect();
    stream::iter(chunks)
}

async fn open(folder: &tempfile::TempDir) -> Archive {
    let place = folder.path().to_str().expect("UTF-8").to_owned();
    Archive::open(&ArchiveSettings { place, ..ArchiveSettings::default() }).await.expect("a folder")
}

fn names(folder: &tempfile::TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path()).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

async fn read(archive: &Archive, name: &str, selection: &Selection) -> Result<Vec<Sample>, Error> {
    let chunks: Vec<Vec<Sample>> = archive.read(name, selection).await?.try_collect().await?;
    Ok(chunks.concat())
}

#[tokio::test]
async fn a_month_is_put_found_read_and_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = open(&folder).await;
    let samples = samples(30, 10_000);
    let file = archive.put(month(), chunks(&samples)).await.expect("kept");
    assert_eq!((file.name.as_str(), file.rows), ("samples-2026-10.parquet", 300_000));
    assert_eq!((file.first, file.last), (sample(0, 0).source_time, sample(0, 9_999).source_time));
    assert_eq!(names(&folder), ["samples-2026-10.parquet"]);

    // The checksum is of the file as it lies there, and anybody's reader of samples reads it.
    let bytes = std::fs::read(folder.path().join(&file.name)).expect("there");
    let digest = <sha2::Sha256 as sha2::Digest>::digest(&bytes);
    assert_eq!(file.sha256, digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    assert_eq!(file.bytes, bytes.len() as u64);
    let on_disk = std::fs::File::open(folder.path().join(&file.name)).expect("there");
    let chunks: Result<Vec<_>, _> = SampleReader::new(on_disk, &file.name, Selection::ALL).expect("whole").collect();
    assert_eq!(chunks.expect("whole").concat(), samples);

    assert_eq!(read(&archive, &file.name, &Selection::ALL).await.expect("whole"), samples);
    let minute = Selection::of(&[PointNo(29), PointNo(3)], sample(0, 60).source_time, sample(0, 120).source_time);
    let expected: Vec<Sample> = [3, 29].into_iter().flat_map(|no| (60..120).map(move |at| sample(no, at))).collect();
    assert_eq!(read(&archive, &file.name, &minute).await.expect("whole"), expected);
    let footer = archive.footer(&file.name).await.expect("whole");
    assert_eq!((footer.extent.rows, footer.bytes), (file.rows, file.bytes));

    archive.remove(&file.name).await.expect("removed");
    assert!(matches!(archive.remove(&file.name).await, Err(Error::Missing { .. })));
    assert_eq!(names(&folder), <[String; 0]>::default());
}

#[tokio::test]
async fn a_check_leaves_nothing_and_tells_of_a_place_that_cannot_be_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = open(&folder).await;
    archive.check().await.expect("may be written");
    assert_eq!(names(&folder), <[String; 0]>::default());

    // What is in the way of the file stands for all that refuses, whoever runs the test.
    std::fs::create_dir(folder.path().join("penstock-check")).expect("made");
    let error = archive.check().await.expect_err("a folder is in its place").to_string();
    assert!(error.contains("write to") && error.contains("written by the station"), "{error}");
}

#[tokio::test]
async fn nothing_is_overwritten_and_strangers_are_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("notes.txt"), "of somebody").expect("written");
    std::fs::create_dir(folder.path().join("deeper")).expect("made");
    std::fs::write(folder.path().join("deeper/samples-2026-10.parquet"), "of somebody").expect("written");
    let archive = open(&folder).await;
    assert_eq!(archive.list().await.expect("readable"), []);
    let first = archive.put(month(), chunks(&samples(1, 10))).await.expect("kept");
    let later = archive.put(month(), chunks(&samples(1, 20))).await.expect("kept");
    let earlier = archive.put(
        Month::new(2025, 12).expect("a month"),
        stream::iter([Ok::<_, std::io::Error>(vec![Sample {
            source_time: Timestamp::parse("2025-12-31T23:59:59.999999Z").expect("a time"),
            ..sample(1, 0)
        }])]),
    );
    let earlier = earlier.await.expect("kept");
    let listed: Vec<String> = archive.list().await.expect("readable").into_iter().map(|file| file.name).collect();
    assert_eq!(listed, [earlier.name, first.name.clone(), later.name.clone()]);
    assert_eq!(later.name, "samples-2026-10-2.parquet");
    assert_eq!(read(&archive, &first.name, &Selection::ALL).await.expect("whole"), samples(1, 10));
    for name in ["notes.txt", "../notes.txt", "deeper/samples-2026-10.parquet"] {
        assert!(matches!(archive.remove(name).await, Err(Error::Missing { .. })), "{name}");
    }
}

#[tokio::test]
async fn two_puts_of_a_month_make_two_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = open(&folder).await;
    let (one, other) = (samples(1, 10), samples(2, 20));
    let (first, second) = tokio::join!(archive.put(month(), chunks(&one)), archive.put(month(), chunks(&other)));
    let (first, second) = (first.expect("kept"), second.expect("kept"));
    assert_ne!(first.name, second.name);
    assert_eq!(read(&archive, &first.name, &Selection::ALL).await.expect("whole"), one);
    assert_eq!(read(&archive, &second.name, &Selection::ALL).await.expect("whole"), other);
}

#[tokio::test]
async fn what_cannot_be_put_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = open(&folder).await;
    let broken = chunks(&samples(1, 10)).chain(stream::iter([Err(std::io::Error::other("the database went away"))]));
    assert!(matches!(archive.put(month(), broken).await, Err(Error::Input(_))));
    assert!(matches!(archive.put(month(), chunks(&[])).await, Err(Error::Empty { .. })));
    let unsorted = [sample(2, 0), sample(1, 0)];
    assert!(matches!(archive.put(month(), chunks(&unsorted)).await, Err(Error::Order { .. })));
    let november = sample(1, 31 * 86_400);
    let error = archive.put(month(), chunks(&[sample(1, 0), november])).await.expect_err("two months").to_string();
    assert_eq!(error, "sample of point 1 at 2026-11-01T00:00:00Z is not of 2026-10: give each month its own file");
    assert_eq!(names(&folder), <[String; 0]>::default());
}

#[tokio::test]
async fn the_pieces_of_a_killed_put_are_swept_away() {
    let folder = tempfile::tempdir().expect("a folder");
    for piece in ["samples-2026-10.parquet#1", "samples-2026-10.parquet#2", "samples-2026-09.parquet#1"] {
        std::fs::write(folder.path().join(piece), "half").expect("written");
    }
    let archive = open(&folder).await;
    assert_eq!(archive.list().await.expect("readable"), []);
    archive.put(month(), chunks(&samples(1, 10))).await.expect("kept");
    assert_eq!(names(&folder), ["samples-2026-09.parquet#1", "samples-2026-10.parquet"]);
}

#[tokio::test]
async fn a_file_cut_anywhere_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = open(&folder).await;
    let file = archive.put(month(), chunks(&samples(2, 200))).await.expect("kept");
    let path = folder.path().join(&file.name);
    let whole = std::fs::read(&path).expect("there");
    for len in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
        std::fs::write(&path, &whole[..len]).expect("written");
        let error = read(&archive, &file.name, &Selection::ALL).await.expect_err("cut");
        assert!(matches!(&error, Error::Damaged { file, .. } if file == "samples-2026-10.parquet"), "{len}: {error}");
        assert!(matches!(archive.footer(&file.name).await, Err(Error::Damaged { .. })), "{len}");
    }
}

#[tokio::test]
async fn a_changed_byte_brings_nothing_down() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = open(&folder).await;
    let file = archive.put(month(), chunks(&samples(1, 50))).await.expect("kept");
    let path = folder.path().join(&file.name);
    let whole = std::fs::read(&path).expect("there");
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x95;
        std::fs::write(&path, &changed).expect("written");
        match read(&archive, &file.name, &Selection::ALL).await {
            Ok(found) => assert!(found.len() <= 50, "{at}"),
            Err(error) => assert!(matches!(error, Error::Damaged { .. }), "{at}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_place_that_is_none_is_told() {
    let check = async |place: &str, cure: &str| {
        let settings = ArchiveSettings { place: place.to_owned(), ..ArchiveSettings::default() };
        let error = Archive::open(&settings).await.expect_err(place).to_string();
        assert!(error.contains(place) && error.contains(cure), "{error}");
    };
    check("/nowhere/at/all", "mount the disk").await;
    check("", "mount the disk").await;
    check("ftp://host/folder", "s3://bucket/prefix").await;
    check("s3://", "name the bucket").await;
    check("s3://water/old", "access key").await;
}

#[tokio::test]
async fn a_file_is_known_again_by_its_mark_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = open(&folder).await;
    let given = ["samples-2026-10-6.parquet", "samples-2026-11-8.parquet", "notes.txt"].map(str::to_owned);
    assert_eq!(archive.free_name(month(), &given).await.expect("readable"), "samples-2026-10-7.parquet");
    let name = archive.free_name(month(), &[]).await.expect("readable");
    assert_eq!(name, "samples-2026-10.parquet");
    assert!(!archive.remove_marked(&name, "mine").await.expect("nothing there"));
    let file = archive.put_as(&name, "mine", chunks(&samples(1, 10))).await.expect("kept");
    assert_eq!((file.name.as_str(), file.rows), (name.as_str(), 10));
    let taken = archive.put_as(&name, "another's", chunks(&samples(1, 20))).await;
    assert!(matches!(taken, Err(Error::Taken { .. })), "{taken:?}");
    assert_eq!(read(&archive, &name, &Selection::ALL).await.expect("whole"), samples(1, 10));
    assert!(!archive.remove_marked(&name, "another's").await.expect("readable"));
    assert_eq!(names(&folder), [name.as_str()]);
    assert!(archive.remove_marked(&name, "mine").await.expect("removed"));

    // One without a mark is nobody's.
    let file = archive.put(month(), chunks(&samples(1, 10))).await.expect("kept");
    assert!(!archive.remove_marked(&file.name, "").await.expect("readable"));
    std::fs::write(folder.path().join("samples-2026-11.parquet"), "of somebody").expect("written");
    assert!(!archive.remove_marked("samples-2026-11.parquet", "mine").await.expect("readable"));
    assert_eq!(names(&folder), [name.as_str(), "samples-2026-11.parquet"]);
    let outside = archive.put_as("../samples-2026-10.parquet", "mine", chunks(&samples(1, 10))).await;
    assert!(matches!(outside, Err(Error::Missing { .. })), "{outside:?}");
}
