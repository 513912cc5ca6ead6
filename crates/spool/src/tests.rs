//! The spool as its users see it, on real files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use crate::segment::{self, full_disk};
use crate::{Error, Opened, Options, Reader, Record, Room, Seq, Spool};

fn options() -> Options {
    Options { segment_bytes: 256, max_bytes: 8_192, reserved_bytes: 1_024, makes_ahead: false }
}

fn open(dir: &Path) -> Opened {
    Spool::open(dir, options()).expect("the spool opens")
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().expect("temporary directory")
}

/// The payload of record `seq`: of varying length, and telling its number.
fn payload(seq: u64) -> Vec<u8> {
    let mut payload = seq.to_le_bytes().to_vec();
    payload.resize(8 + (seq * 7 % 41) as usize, seq as u8);
    payload
}

fn fill(spool: &Spool, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        assert_eq!(spool.append(Room::Samples, &[&payload(seq)]).expect("append"), Seq(seq));
    }
}

/// As [`fill`], in one batch: one flush instead of many.
fn fill_at_once(spool: &Spool, seqs: std::ops::RangeInclusive<u64>) {
    let last = *seqs.end();
    let payloads: Vec<Vec<u8>> = seqs.map(payload).collect();
    let frames: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
    assert_eq!(spool.append(Room::Samples, &frames).expect("append"), Seq(last));
}

fn seqs(records: &[Record]) -> Vec<u64> {
    for record in records {
        assert_eq!(record.payload, payload(record.seq.0), "record {}", record.seq);
    }
    records.iter().map(|record| record.seq.0).collect()
}

fn all(spool: &Spool) -> Vec<u64> {
    seqs(&spool.reader().read(Seq::START, usize::MAX).expect("read"))
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("list").map(|entry| entry.expect("entry").path());
    let mut segments: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "seg")).collect();
    segments.sort();
    segments
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("list") {
        let entry = entry.expect("entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("copy");
    }
}

#[test]
fn what_was_appended_is_read_and_survives() {
    let dir = scratch();
    let spool = open(dir.path()).spool;
    assert_eq!(spool.stats().first, None);
    fill(&spool, 1..=30);
    assert_eq!(spool.append(Room::Actions, &[&payload(31), &payload(32), &payload(33)]).expect("append"), Seq(33));
    assert_eq!(spool.append(Room::Samples, &[]).expect("append"), Seq(33));
    assert_eq!(all(&spool), (1..=33).collect::<Vec<_>>());
    assert!(segments(dir.path()).len() > 3);
    drop(spool);

    let Opened { spool, torn_bytes, damage } = open(dir.path());
    assert_eq!((torn_bytes, damage), (0, vec![]));
    assert_eq!(all(&spool), (1..=33).collect::<Vec<_>>());
    fill(&spool, 34..=40);
    assert_eq!(all(&spool), (1..=40).collect::<Vec<_>>());
    let stats = spool.stats();
    assert_eq!((stats.waiting, stats.first, stats.last, stats.damaged), (40, Some(Seq(1)), Seq(40), 0));
    let on_disk: u64 = segments(dir.path()).iter().map(|path| fs::metadata(path).expect("size").len()).sum();
    assert_eq!(stats.disk_bytes, on_disk);
}

#[test]
fn a_reader_goes_on_where_it_stopped_in_pieces_of_any_size() {
    let dir = scratch();
    let spool = open(dir.path()).spool;
    fill(&spool, 1..=60);
    for max_bytes in [0, 1, 8, 50, 100, 1_000, usize::MAX] {
        let mut reader = spool.reader();
        let mut after = Seq::START;
        let mut got = Vec::new();
        loop {
            let records = reader.read(after, max_bytes).expect("read");
            let Some(last) = records.last() else { break };
            let bytes: usize = records.iter().map(|record| record.payload.len()).sum();
            assert!(records.len() == 1 || bytes <= max_bytes, "{bytes} of {max_bytes}");
            after = last.seq;
            got.extend(seqs(&records));
        }
        assert_eq!(got, (1..=60).collect::<Vec<_>>(), "{max_bytes}");
        // Going back works as well.
        assert_eq!(seqs(&reader.read(Seq(57), usize::MAX).expect("read")), [58, 59, 60]);
    }
}

#[test]
fn records_larger_than_a_chunk_are_read_whole() {
    let dir = scratch();
    let options = Options { segment_bytes: 1 << 20, max_bytes: 64 << 20, reserved_bytes: 0, makes_ahead: false };
    let spool = Spool::open(dir.path(), options).expect("open").spool;
    let large: Vec<u8> = (0..3_000_000_u32).map(|no| (no % 251) as u8).collect();
    let sizes = [10, 3_000_000, 70_000, 0, 1_500_000, 65_536 - 20];
    for size in sizes {
        spool.append(Room::Samples, &[&large[..size]]).expect("append");
    }
    for max_bytes in [0, 100_000, usize::MAX] {
        let mut reader = spool.reader();
        for (no, size) in (0..).zip(sizes) {
            let records = reader.read(Seq(no), max_bytes).expect("read");
            assert_eq!(records.first().map(|record| record.payload.as_slice()), Some(&large[..size]), "{max_bytes}");
        }
    }
}

#[test]
fn trimming_forgets_and_frees_whole_segments() {
    let dir = scratch();
    let spool = open(dir.path()).spool;
    fill(&spool, 1..=50);
    let before = spool.stats();
    spool.trim(Seq(25)).expect("trim");
    let after = spool.stats();
    assert!(after.segments < before.segments && after.disk_bytes < before.disk_bytes);
    assert_eq!((after.waiting, after.first, after.trimmed), (25, Some(Seq(26)), Seq(25)));
    assert_eq!(all(&spool), (26..=50).collect::<Vec<_>>());
    spool.trim(Seq(10)).expect("an older one changes nothing");
    assert_eq!(spool.stats(), after);
    drop(spool);

    let spool = open(dir.path()).spool;
    assert_eq!(spool.stats(), after);
    spool.trim(Seq(1_000)).expect("trim");
    assert_eq!((spool.stats().waiting, spool.stats().first, spool.stats().trimmed), (0, None, Seq(50)));
    assert_eq!(segments(dir.path()).len(), 1);
    drop(spool);

    let spool = open(dir.path()).spool;
    fill(&spool, 51..=52);
    assert_eq!(all(&spool), [51, 52]);
    drop(spool);

    // A watermark that is lost means reading again, no more.
    fs::remove_file(dir.path().join("trimmed")).expect("remove");
    let spool = open(dir.path()).spool;
    assert_eq!(all(&spool).last(), Some(&52));
    fill(&spool, 53..=53);
}

#[test]
fn a_directory_is_one_spools_alone() {
    let dir = scratch();
    let first = open(dir.path());
    let error = Spool::open(dir.path(), options()).expect_err("it is in use");
    let Error::Locked { holder, .. } = &error else { panic!("{error}") };
    assert_eq!(holder, &std::process::id().to_string());
    assert!(error.to_string().contains(&dir.path().display().to_string()), "{error}");
    drop(first);
    open(dir.path());
}

#[test]
fn options_that_cannot_work_are_refused() {
    let dir = scratch();
    for (segment_bytes, max_bytes, reserved_bytes) in [(1, 8_192, 0), (4_096, 8_191, 0), (1_024, 2_048, 1_024)] {
        let options = Options { segment_bytes, max_bytes, reserved_bytes, makes_ahead: false };
        assert!(matches!(Spool::open(dir.path(), options), Err(Error::Options(_))));
    }
}

#[test]
fn torn_at_every_byte() {
    let dir = scratch();
    let spool = open(dir.path()).spool;
    fill(&spool, 1..=24);
    drop(spool);
    let last = segments(dir.path()).pop().expect("segments");
    let whole = fs::read(&last).expect("read");
    let first = segment::first_of(last.file_name().and_then(|name| name.to_str()).expect("name")).expect("number");
    let mut kept_before = first - 1;
    for len in 0..=whole.len() {
        let crashed = scratch();
        copy(dir.path(), crashed.path());
        let torn = crashed.path().join(last.file_name().expect("name"));
        fs::write(&torn, &whole[..len]).expect("write");

        let Opened { spool, torn_bytes, damage } = open(crashed.path());
        assert_eq!(damage, vec![], "{len}");
        let got = all(&spool);
        let kept = got.len() as u64;
        assert_eq!(got, (1..=kept).collect::<Vec<_>>(), "{len}");
        assert!(kept == kept_before || kept == kept_before + 1, "{len}: {kept} after {kept_before}");
        kept_before = kept;
        let now = fs::metadata(&torn).map_or(0, |meta| meta.len());
        // Zeros at the end may have been there before.
        let zeros = whole[..len].iter().rev().take_while(|byte| **byte == 0).count();
        assert!(((len - zeros) as u64..=len as u64).contains(&(now + torn_bytes)), "{len}");
        fill_at_once(&spool, kept + 1..=kept + 5);
        drop(spool);

        let opened = open(crashed.path());
        assert_eq!(opened.torn_bytes, 0, "{len}");
        assert_eq!(all(&opened.spool), (1..=kept + 5).collect::<Vec<_>>(), "{len}");
    }
    assert_eq!(kept_before, 24);
}

#[test]
fn one_flipped_byte_costs_at_most_one_record_and_is_told() {
    let dir = scratch();
    let spool = open(dir.path()).spool;
    fill(&spool, 1..=12);
    drop(spool);
    let segments = segments(dir.path());
    assert!(segments.len() >= 3);
    for (no, segment) in segments.iter().enumerate() {
        let is_last = no + 1 == segments.len();
        let whole = fs::read(segment).expect("read");
        for at in 0..whole.len() {
            let crashed = scratch();
            copy(dir.path(), crashed.path());
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            let place = crashed.path().join(segment.file_name().expect("name"));
            fs::write(&place, &bytes).expect("write");

            let Opened { spool, torn_bytes, damage } = open(crashed.path());
            let got = all(&spool);
            let missing: Vec<u64> = (1..=12).filter(|seq| !got.contains(seq)).collect();
            assert!(missing.len() <= 1, "{no} {at}: {missing:?}");
            assert_eq!(spool.stats().waiting, got.len() as u64, "{no} {at}");
            match (missing.first(), damage.as_slice()) {
                // The last record of all cannot be told from one whose writing was cut off.
                (Some(&12), []) => assert!(is_last && torn_bytes > 0, "{no} {at}"),
                (Some(&seq), [damage]) => {
                    assert_eq!(damage.lost, Some((Seq(seq), Seq(seq))), "{no} {at}");
                    assert_eq!(damage.segment, place);
                    assert!((damage.offset..damage.offset + damage.bytes).contains(&(at as u64)), "{at}: {damage}");
                }
                (None, [damage]) => assert!(at < 64 && damage.lost.is_none(), "{no} {at}: {damage}"),
                (missing, damage) => panic!("{no} {at}: {missing:?} {damage:?}"),
            }
            let next = spool.stats().last.0 + 1;
            assert!(next == 13 || (next == 12 && missing == [12]), "{no} {at}: {next}");
            fill_at_once(&spool, next..=next + 3);
            assert_eq!(all(&spool).len(), got.len() + 4);
            drop(spool);
            assert_eq!(all(&open(crashed.path()).spool).len(), got.len() + 4, "{no} {at}");
        }
    }
}

#[test]
fn a_segment_without_header_is_told_and_stepped_over() {
    let dir = scratch();
    let spool = open(dir.path()).spool;
    fill(&spool, 1..=30);
    drop(spool);
    let all_segments = segments(dir.path());
    for (no, segment) in all_segments.iter().enumerate() {
        let crashed = scratch();
        copy(dir.path(), crashed.path());
        let place = crashed.path().join(segment.file_name().expect("name"));
        let mut bytes = fs::read(&place).expect("read");
        bytes[..64].fill(0);
        fs::write(&place, &bytes).expect("write");
        let Opened { spool, damage, .. } = open(crashed.path());
        let [damage] = damage.as_slice() else { panic!("{damage:?}") };
        let (first, last) = damage.lost.expect("records are lost");
        let got = all(&spool);
        assert_eq!(got, (1..=30).filter(|seq| !(first.0..=last.0).contains(seq)).collect::<Vec<_>>(), "{no}");
        // No lost number is given out again.
        let next = spool.stats().last.0 + 1;
        assert!(next > 30, "{no}: {next}");
        fill(&spool, next..=next);
        drop(spool);
        let spool = open(crashed.path()).spool;
        assert_eq!(all(&spool).last(), Some(&next));
        spool.trim(Seq(next)).expect("trim");
        assert_eq!(segments(crashed.path()).len(), 1);
    }
}

#[test]
fn a_segment_cut_short_in_the_middle_is_told() {
    let dir = scratch();
    let spool = open(dir.path()).spool;
    fill(&spool, 1..=20);
    drop(spool);
    let second = segments(dir.path()).swap_remove(1);
    let whole = fs::read(&second).expect("read");
    for len in 64..whole.len() {
        fs::write(&second, &whole[..len]).expect("write");
        let Opened { spool, damage, torn_bytes } = open(dir.path());
        let [damage] = damage.as_slice() else { panic!("{len}: {damage:?}") };
        let (first, last) = damage.lost.expect("records are lost");
        assert_eq!(all(&spool), (1..=20).filter(|seq| !(first.0..=last.0).contains(seq)).collect::<Vec<_>>());
        assert_eq!(torn_bytes, 0);
    }
}

#[test]
fn full_for_samples_is_not_full_for_actions_and_trimming_frees() {
    let dir = scratch();
    let spool = open(dir.path()).spool;
    let mut last = 0;
    let error = loop {
        match spool.append(Room::Samples, &[&payload(last + 1)]) {
            Ok(seq) => last = seq.0,
            Err(error) => break error,
        }
    };
    let Error::Full { used_bytes, bound_bytes, .. } = error else { panic!("{error}") };
    assert_eq!(bound_bytes, 7_168);
    assert!(used_bytes <= bound_bytes && used_bytes > bound_bytes - 200);
    assert!(error.to_string().contains("raise the spool's bound"), "{error}");
    assert_eq!(all(&spool).len() as u64, last);

    while let Ok(seq) = spool.append(Room::Actions, &[&payload(last + 1)]) {
        last = seq.0;
        assert!(spool.stats().disk_bytes <= 8_192);
        assert!(matches!(spool.append(Room::Samples, &[b"x"]), Err(Error::Full { .. })));
    }
    assert!(spool.stats().disk_bytes > 8_192 - 200);
    drop(spool);

    let spool = open(dir.path()).spool;
    assert!(matches!(spool.append(Room::Actions, &[&payload(last + 1)]), Err(Error::Full { .. })));
    spool.trim(Seq(last / 2)).expect("trim");
    fill(&spool, last + 1..=last + 10);
    assert_eq!(all(&spool), (last / 2 + 1..=last + 10).collect::<Vec<_>>());
}

#[test]
fn an_open_segment_in_which_nothing_waits_is_not_in_the_way() {
    let dir = scratch();
    let options = Options { segment_bytes: 4_000, max_bytes: 8_000, reserved_bytes: 0, makes_ahead: false };
    let spool = Spool::open(dir.path(), options).expect("open").spool;
    let large = vec![7; 3_900];
    for round in 1..20 {
        assert_eq!(spool.append(Room::Samples, &[&large, &large]).expect("fits an empty spool"), Seq(2 * round));
        assert!(matches!(spool.append(Room::Samples, &[&large]), Err(Error::Full { .. })));
        spool.trim(Seq(2 * round)).expect("trim");
    }
    assert!(matches!(spool.append(Room::Samples, &[&large, &large, &large]), Err(Error::TooLarge { .. })));
    let huge = vec![0; crate::MAX_PAYLOAD_BYTES + 1];
    assert!(matches!(spool.append(Room::Samples, &[&huge]), Err(Error::TooLarge { .. })));
}

#[test]
fn a_full_disk_keeps_nothing_of_the_batch_and_is_left_behind_once_there_is_room() {
    for room in 0..220 {
        let dir = scratch();
        let spool = open(dir.path()).spool;
        fill_at_once(&spool, 1..=5);
        let mut reader = spool.reader();
        full_disk::leave(Some(room));
        let mut last = 5;
        let error = loop {
            match spool.append(Room::Samples, &[&payload(last + 1), &payload(last + 2)]) {
                Ok(seq) => last = seq.0,
                Err(error) => break error,
            }
        };
        let Error::Io { source, .. } = &error else { panic!("{error}") };
        assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
        // Still full: refused again, and still readable.
        assert!(spool.append(Room::Actions, &[&payload(last + 1)]).is_err() || room > 0);
        full_disk::leave(None);
        let last = spool.stats().last.0;
        assert_eq!(seqs(&reader.read(Seq::START, usize::MAX).expect("read")), (1..=last).collect::<Vec<_>>());
        fill(&spool, last + 1..=last + 20);
        assert_eq!(
            seqs(&reader.read(Seq(last), usize::MAX).expect("read")),
            (last + 1..=last + 20).collect::<Vec<_>>()
        );
        drop(spool);
        let opened = open(dir.path());
        assert_eq!((opened.torn_bytes, opened.damage), (0, vec![]), "{room}");
        assert_eq!(all(&opened.spool), (1..=last + 20).collect::<Vec<_>>(), "{room}");
    }
}

#[test]
fn trimming_makes_room_on_a_full_disk() {
    let dir = scratch();
    let spool = open(dir.path()).spool;
    fill_at_once(&spool, 1..=10);
    fill_at_once(&spool, 11..=20);
    fill_at_once(&spool, 21..=30);
    full_disk::leave(Some(0));
    let error = spool.trim(Seq(20)).expect_err("the watermark cannot be kept");
    assert!(error.to_string().contains("trimmed"), "{error}");
    assert_eq!(segments(dir.path()).len(), 1);
    full_disk::leave(None);
    assert_eq!(all(&spool), (21..=30).collect::<Vec<_>>());
    spool.trim(Seq(20)).expect("trim");
    drop(spool);
    assert_eq!(open(dir.path()).spool.stats().trimmed, Seq(20));
}

#[test]
fn numbers_the_database_has_seen_are_not_given_out_again() {
    let dir = scratch();
    let spool = open(dir.path()).spool;
    spool.continue_after(Seq::START).expect("nothing to do");
    spool.continue_after(Seq(1_000)).expect("continue");
    fill(&spool, 1_001..=1_010);
    spool.continue_after(Seq(500)).expect("nothing to do");
    spool.continue_after(Seq(2_000)).expect("continue");
    fill(&spool, 2_001..=2_003);
    let expected: Vec<u64> = (1_001..=1_010).chain(2_001..=2_003).collect();
    assert_eq!(all(&spool), expected);
    assert_eq!((spool.stats().waiting, spool.stats().first), (13, Some(Seq(1_001))));
    drop(spool);

    let Opened { spool, damage, .. } = open(dir.path());
    assert_eq!(damage, vec![], "numbers skipped on purpose are no damage");
    assert_eq!(all(&spool), expected);
    spool.trim(Seq(1_500)).expect("trim");
    assert_eq!(all(&spool), [2_001, 2_002, 2_003]);
    assert_eq!(spool.stats().waiting, 3);
}

#[test]
fn damage_while_running_is_told_once_and_stepped_over() {
    let dir = scratch();
    let spool = open(dir.path()).spool;
    fill(&spool, 1..=20);
    let second = segments(dir.path()).swap_remove(1);
    let mut bytes = fs::read(&second).expect("read");
    let first = segment::first_of(second.file_name().and_then(|name| name.to_str()).expect("name")).expect("number");
    bytes[70] ^= 1;
    fs::write(&second, &bytes).expect("write");
    let expected: Vec<u64> = (1..=20).filter(|&seq| seq != first).collect();
    for _ in 0..3 {
        assert_eq!(all(&spool), expected);
    }
    assert_eq!(spool.damage().len(), 1);
    assert_eq!(spool.damage()[0].lost, Some((Seq(first), Seq(first))));
    assert_eq!((spool.stats().damaged, spool.stats().waiting), (1, 19));
}

#[test]
fn reading_appending_and_trimming_go_on_side_by_side() {
    const RECORDS: u64 = 2_000;
    let dir = scratch();
    let options = Options { segment_bytes: 4_096, max_bytes: 65_536, reserved_bytes: 0, makes_ahead: false };
    let spool = Arc::new(Spool::open(dir.path(), options).expect("open").spool);
    let follow = |spool: Arc<Spool>, is_trimming: bool| {
        std::thread::spawn(move || {
            let mut reader: Reader = spool.reader();
            let mut after = Seq::START;
            while after.0 < RECORDS && spool.stats().trimmed.0 < RECORDS {
                reader.wait(after, Duration::from_millis(20));
                for record in reader.read(after, 1_000).expect("read") {
                    assert_eq!(record.payload, payload(record.seq.0));
                    // Only the one that trims is never overtaken.
                    assert!(record.seq.0 == after.0 + 1 || (record.seq > after && !is_trimming));
                    after = record.seq;
                }
                if is_trimming {
                    spool.trim(after).expect("trim");
                }
            }
        })
    };
    let trimming = follow(Arc::clone(&spool), true);
    let looking = follow(Arc::clone(&spool), false);
    let mut seq = 0;
    while seq < RECORDS {
        let batch: Vec<Vec<u8>> = (seq + 1..=seq + 10).map(payload).collect();
        let frames: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
        match spool.append(Room::Samples, &frames) {
            Ok(last) => seq = last.0,
            Err(Error::Full { .. }) if !trimming.is_finished() => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
    trimming.join().expect("the trimming reader");
    looking.join().expect("the looking reader");
    assert_eq!((spool.stats().waiting, spool.stats().damaged), (0, 0));
}

#[test]
fn waiting_ends_with_the_time_or_the_record() {
    let dir = scratch();
    let spool = open(dir.path()).spool;
    let reader = spool.reader();
    assert!(!reader.wait(Seq::START, Duration::from_millis(1)));
    let waiting = std::thread::spawn(move || reader.wait(Seq::START, Duration::from_secs(60)));
    fill(&spool, 1..=1);
    assert!(waiting.join().expect("waits"));
}

#[derive(Debug, Clone)]
enum Act {
    Append {
        sizes: Vec<usize>,
        room: Room,
    },
    Trim {
        back: u64,
    },
    Reopen,
    /// The process dies while it writes a batch, of which so many bytes reach the disk.
    Crash {
        sizes: Vec<usize>,
        reached: usize,
    },
    /// The disk is full after so many bytes.
    Full {
        sizes: Vec<usize>,
        room: usize,
    },
    ContinueAfter {
        ahead: u64,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let sizes = || prop::collection::vec(0..120_usize, 1..6);
    let room = prop_oneof![Just(Room::Samples), Just(Room::Actions)];
    prop_oneof![
        8 => (sizes(), room).prop_map(|(sizes, room)| Act::Append { sizes, room }),
        3 => (0..40_u64).prop_map(|back| Act::Trim { back }),
        2 => Just(Act::Reopen),
        2 => (sizes(), 0..700_usize).prop_map(|(sizes, reached)| Act::Crash { sizes, reached }),
        2 => (sizes(), 0..500_usize).prop_map(|(sizes, room)| Act::Full { sizes, room }),
        1 => (0..50_u64).prop_map(|ahead| Act::ContinueAfter { ahead }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// What was acknowledged is there until it is trimmed, in order, once, whatever happens between.
    #[test]
    fn acknowledged_is_there(acts in prop::collection::vec(act(), 1..60)) {
        let mut dir = scratch();
        let mut spool = open(dir.path()).spool;
        let mut model: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        let (mut last, mut trimmed) = (0, 0);
        let mut fresh = 0_u8;
        let mut batch = |sizes: &[usize]| -> Vec<Vec<u8>> {
            sizes.iter().map(|&size| { fresh = fresh.wrapping_add(1); vec![fresh; size] }).collect()
        };
        for act in acts {
            match act {
                Act::Append { sizes, room } => {
                    let batch = batch(&sizes);
                    let frames: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
                    match spool.append(room, &frames) {
                        Ok(seq) => {
                            prop_assert_eq!(seq.0, last + batch.len() as u64);
                            model.extend((last + 1..).zip(batch));
                            last = seq.0;
                        }
                        Err(Error::Full { .. }) => prop_assert!(spool.stats().disk_bytes > 6_000),
                        Err(error) => prop_assert!(false, "{}", error),
                    }
                }
                Act::Trim { back } => {
                    let up_to = last.saturating_sub(back);
                    spool.trim(Seq(up_to)).expect("trim");
                    trimmed = trimmed.max(up_to);
                    model.retain(|&seq, _| seq > trimmed);
                }
                Act::Reopen => {
                    drop(spool);
                    let opened = open(dir.path());
                    prop_assert_eq!((opened.torn_bytes, opened.damage), (0, vec![]));
                    spool = opened.spool;
                }
                Act::Crash { sizes, reached } => {
                    // The directory as it is when so many bytes of the batch have been written and no more.
                    let batch = batch(&sizes);
                    let frames: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
                    let before: BTreeMap<PathBuf, u64> = segments(dir.path()).into_iter()
                        .map(|path| { let len = fs::metadata(&path).expect("size").len(); (path, len) }).collect();
                    let acknowledged = spool.append(Room::Samples, &frames).is_ok();
                    let crashed = scratch();
                    copy(dir.path(), crashed.path());
                    drop(spool);
                    if acknowledged {
                        let open = segments(crashed.path()).pop().expect("segments");
                        let old = dir.path().join(open.file_name().expect("name"));
                        let len = fs::metadata(&open).expect("size").len();
                        let from = before.get(&old).copied().unwrap_or(64);
                        let file = fs::OpenOptions::new().write(true).open(&open).expect("open");
                        file.set_len(len.min(from + reached as u64)).expect("cut");
                    }
                    dir = crashed;
                    let opened = open(dir.path());
                    prop_assert_eq!(opened.damage, vec![]);
                    spool = opened.spool;
                    // A first part of the batch may be there.
                    let kept = spool.stats().last.0 - last;
                    prop_assert!(kept <= batch.len() as u64);
                    model.extend((last + 1..).zip(batch).take(kept as usize));
                    last += kept;
                }
                Act::Full { sizes, room } => {
                    let batch = batch(&sizes);
                    let frames: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
                    full_disk::leave(Some(room));
                    let appended = spool.append(Room::Actions, &frames);
                    full_disk::leave(None);
                    if let Ok(seq) = appended {
                        model.extend((last + 1..).zip(batch));
                        last = seq.0;
                    }
                }
                Act::ContinueAfter { ahead } => {
                    spool.continue_after(Seq(last + ahead)).expect("continue");
                    last += ahead;
                }
            }
            let stats = spool.stats();
            prop_assert!(stats.disk_bytes <= stats.max_bytes + 64);
            prop_assert_eq!(stats.last, Seq(last));
            prop_assert_eq!(stats.waiting, model.len() as u64);
            prop_assert_eq!(stats.first.map(|seq| seq.0), model.keys().next().copied());
            let records = spool.reader().read(Seq::START, usize::MAX).expect("read");
            let records: Vec<_> = records.into_iter().map(|record| (record.seq.0, record.payload)).collect();
            prop_assert_eq!(records, model.clone().into_iter().collect::<Vec<_>>());
        }
    }

    /// Whatever bytes a segment holds, opening neither fails nor panics, and reading gives what is good.
    #[test]
    fn any_bytes_open(garbage in prop::collection::vec(any::<u8>(), 0..600), cut in 0..400_usize) {
        let dir = scratch();
        let spool = open(dir.path()).spool;
        fill(&spool, 1..=12);
        drop(spool);
        let last = segments(dir.path()).pop().expect("segments");
        let mut bytes = fs::read(&last).expect("read");
        bytes.truncate(cut);
        bytes.extend(garbage);
        fs::write(&last, bytes).expect("write");
        let spool = open(dir.path()).spool;
        let got = all(&spool);
        prop_assert_eq!(&got, &(1..=got.len() as u64).collect::<Vec<_>>());
        let next = spool.stats().last.0 + 1;
        fill(&spool, next..=next + 2);
    }
}

/// As usual, with the next segment made ahead.
fn ahead() -> Options {
    Options { segment_bytes: 512, max_bytes: 8_192, reserved_bytes: 1_024, makes_ahead: true }
}

/// Waits until the next segment lies ready.
fn await_spare(dir: &Path) {
    let is_ready = || fs::metadata(dir.join("spare")).is_ok_and(|spare| spare.len() == 512);
    while !is_ready() {
        std::thread::yield_now();
    }
}

#[test]
fn a_segment_made_ahead_is_written_into_without_growing() {
    let dir = scratch();
    let spool = Spool::open(dir.path(), ahead()).expect("open").spool;
    await_spare(dir.path());
    // The one that is made may still be being flushed.
    let taken = (0..1_000).find(|_| {
        fill(&spool, spool.stats().last.0 + 1..=spool.stats().last.0 + 1);
        segments(dir.path()).last().is_some_and(|last| fs::metadata(last).expect("there").len() == 512)
    });
    assert!(taken.is_some(), "no segment was made out of the one ahead");
    let last = spool.stats().last.0;
    assert_eq!(all(&spool), (1..=last).collect::<Vec<_>>());
    drop(spool);

    let Opened { spool, torn_bytes, damage } = Spool::open(dir.path(), ahead()).expect("open");
    assert_eq!((torn_bytes, damage), (0, vec![]), "zeros ahead are no damage");
    fill(&spool, last + 1..=last + 40);
    assert_eq!(all(&spool), (1..=last + 40).collect::<Vec<_>>());
    // A segment that ends early takes no more than what was written.
    spool.continue_after(Seq(last + 100)).expect("skipped");
    fill(&spool, last + 101..=last + 102);
    drop(spool);
    let Opened { spool, torn_bytes, damage } = Spool::open(dir.path(), ahead()).expect("open");
    assert_eq!((torn_bytes, damage), (0, vec![]));
    let numbers: Vec<u64> = (1..=last + 40).chain(last + 101..=last + 102).collect();
    assert_eq!(all(&spool), numbers);
}

#[test]
fn a_batch_torn_at_any_byte_of_a_segment_made_ahead_goes_whole() {
    let made = scratch();
    let spool = Spool::open(made.path(), options()).expect("open").spool;
    fill(&spool, 1..=3);
    let kept = spool.stats().disk_bytes as usize;
    fill(&spool, 4..=4);
    drop(spool);
    let [segment] = segments(made.path()).try_into().expect("one segment");
    let written = fs::read(&segment).expect("read");
    for torn_at in kept..written.len() {
        let dir = scratch();
        let mut bytes = written[..torn_at].to_vec();
        bytes.resize(512, 0);
        fs::write(dir.path().join(segment.file_name().expect("a name")), bytes).expect("write");
        let Opened { spool, torn_bytes, damage } = Spool::open(dir.path(), ahead()).expect("open");
        assert!(torn_bytes <= (torn_at - kept) as u64, "torn at {torn_at}");
        assert_eq!(damage, vec![], "torn at {torn_at}");
        assert_eq!(all(&spool), [1, 2, 3], "torn at {torn_at}");
        fill(&spool, 4..=9);
        drop(spool);
        let spool = Spool::open(dir.path(), ahead()).expect("open").spool;
        assert_eq!(all(&spool), (1..=9).collect::<Vec<_>>(), "torn at {torn_at}");
    }
}

#[test]
fn a_batch_of_which_only_later_pages_were_written_goes_whole() {
    let made = scratch();
    let large = Options { segment_bytes: 64 << 10, max_bytes: 1 << 20, reserved_bytes: 0, makes_ahead: false };
    let spool = Spool::open(made.path(), large.clone()).expect("open").spool;
    fill(&spool, 1..=3);
    let kept = spool.stats().disk_bytes as usize;
    let page = [7_u8; 3_000];
    spool.append(Room::Samples, &[&page, &page, &page, &page]).expect("append");
    drop(spool);
    let [segment] = segments(made.path()).try_into().expect("one segment");
    let mut bytes = fs::read(&segment).expect("read");
    // Its second page is not there, the third is: the batch was being flushed.
    bytes[4_096..8_192].fill(0);
    assert!(kept < 4_096 && bytes.len() > 8_192);
    bytes.resize(64 << 10, 0);
    fs::write(&segment, bytes).expect("write");
    let Opened { spool, torn_bytes, damage } = Spool::open(made.path(), large).expect("open");
    assert!(torn_bytes > 0);
    assert_eq!(damage, vec![]);
    let numbers: Vec<u64> =
        spool.reader().read(Seq::START, usize::MAX).expect("read").iter().map(|record| record.seq.0).collect();
    assert!(numbers == [1, 2, 3] || numbers == [1, 2, 3, 4], "{numbers:?}");
}
