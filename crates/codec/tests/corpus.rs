//! The kept corpus, and some thousand variations of each of its files, through the properties that the fuzz targets
//! check: a short run of them wherever the tests run. Longer ones are `cargo xtask fuzz`.

mod properties;

use std::path::Path;

use properties::{ALL, Property};

/// Variations tried of each file.
const VARIATIONS: usize = 1_500;
/// The longest variation, in bytes.
const LONGEST: usize = 4_096;

/// What decoders stumble over.
const TOKENS: [&[u8]; 40] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b":",
    b",",
    b";",
    b"=",
    b"&",
    b"\n",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    "é".as_bytes(),
    b"null",
    b"true",
    b"NaN",
    b"-inf",
    b"1e999",
    b"-0",
    b"4,1",
    b".",
    b"-1",
    b"9223372036854775808",
    b"1795262400",
    b"1795262400000000000",
    b"2026-11-21T12:00:00Z",
    b"\"ts\":",
    b"\"value\":",
    b"\"values\":{",
    b"\"quality\":\"bad\"",
    b"\"sensor_id\":\" \"",
    b"/",
    b"#",
    b"+",
    b"{id}",
];

fn check(name: &str) {
    let (_, property) = ALL.into_iter().find(|(known, _)| *known == name).expect("a property of this name");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut seeds: Vec<(String, Vec<u8>)> = std::fs::read_dir(&folder)
        .expect("a folder of the corpus")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            (path.display().to_string(), std::fs::read(&path).expect("a file of the corpus"))
        })
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{} is empty", folder.display());
    for (no, (path, seed)) in (0..).zip(&seeds) {
        property(seed);
        let mut dice = Dice(no);
        for _ in 0..VARIATIONS {
            let (_, other) = &seeds[dice.below(seeds.len())];
            let variation = vary(seed, other, &mut dice);
            let outcome = std::panic::catch_unwind(|| property(&variation));
            assert!(outcome.is_ok(), "a variation of {path}: {:?}", String::from_utf8_lossy(&variation));
        }
    }
}

/// The same throws in every run: SplitMix64 from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % limit
    }
}

/// A few blind changes.
fn vary(seed: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        let end = at + dice.below(bytes.len() - at + 1);
        match dice.below(7) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
            }
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let piece = bytes[at..end].repeat(1 + dice.below(40));
                bytes.splice(at..at, piece);
            }
            4 => {
                let from = dice.below(other.len() + 1);
                bytes.splice(at..end, other[from..].iter().copied());
            }
            _ => {
                let token = TOKENS[dice.below(TOKENS.len())];
                let until = if dice.below(2) == 0 { at } else { end.min(at + token.len()) };
                bytes.splice(at..until, token.iter().copied());
            }
        }
        bytes.truncate(LONGEST);
    }
    bytes
}

#[test]
fn every_property_has_a_folder_and_a_target() {
    let names = |folder: &str| -> Vec<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder);
        let entries = std::fs::read_dir(folder).expect("a folder");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("an entry").path().file_stem().expect("a name").to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    let mut expected: Vec<&str> = ALL.iter().map(|(name, _): &Property| *name).collect();
    expected.sort_unstable();
    assert_eq!(names("corpus"), expected);
    assert_eq!(names("fuzz_targets"), expected);
}

#[test]
fn auto() {
    check("auto");
}

#[test]
fn json() {
    check("json");
}

#[test]
fn plain() {
    check("plain");
}

#[test]
fn status() {
    check("status");
}

#[test]
fn alert() {
    check("alert");
}

#[test]
fn routes() {
    check("routes");
}
