//! What holds of the walk over frames whatever bytes it is given, for the kept corpus and the fuzz target alike.

use std::ops::Range;

#[expect(unreachable_pub, reason = "the crate itself exports what is public here")]
#[path = "../../src/frame.rs"]
mod frame;

use frame::{HEADER_BYTES, Step, Walk, encode, size};

/// The sequence numbers that are expected.
const FIRST: u64 = 10;
const LIMIT: u64 = 1_000;

/// The bytes walked as they are, and read as a script that writes frames and then damages them: what stands ahead of
/// the first damage is found whole, and where no byte was taken out, so is every frame that was not touched itself.
pub(crate) fn frames(script: &[u8]) {
    // Out of the whole script, so that no script can hold bytes that pass for a frame.
    let salt = crc32fast::hash(script);
    check_walk(script, salt);

    let mut rest = script.get(1..).unwrap_or_default();
    let mut bytes = Vec::new();
    let mut places = Vec::new();
    // A frame of so many of the next bytes, until something else follows.
    while let Some((&len @ 0..128, tail)) = rest.split_first() {
        rest = tail;
        let payload = take(&mut rest, usize::from(len));
        let start = bytes.len();
        encode(&mut bytes, salt, FIRST + places.len() as u64, payload);
        assert_eq!((bytes.len() - start) as u64, size(payload.len()));
        places.push(start..bytes.len());
    }
    let written = bytes.clone();
    let mut first_damage = usize::MAX;
    let mut is_in_place = true;
    take(&mut rest, 1);
    while let Some((&op, tail)) = rest.split_first() {
        rest = tail;
        let at = take(&mut rest, 2).iter().fold(0, |at, byte| at * 256 + usize::from(*byte)) % (bytes.len() + 1);
        match op {
            0..64 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= op + 1;
                }
            }
            64..128 => bytes.truncate(at),
            128..192 => {
                let garbage = take(&mut rest, usize::from(op - 128));
                for (byte, given) in bytes.iter_mut().skip(at).zip(garbage) {
                    *byte = *given;
                }
            }
            192.. => {
                let end = bytes.len().min(at + usize::from(op - 192));
                bytes.drain(at..end);
                is_in_place = false;
            }
        }
        first_damage = first_damage.min(at);
    }
    let found = check_walk(&bytes, salt);
    let is_whole = |place: &Range<usize>| place.end <= first_damage;
    let is_untouched = |place: &Range<usize>| is_in_place && bytes.get(place.clone()) == written.get(place.clone());
    let expected: Vec<u64> = (FIRST..LIMIT)
        .zip(&places)
        .filter(|(_, place)| is_whole(place) || is_untouched(place))
        .map(|(seq, _)| seq)
        .collect();
    if is_in_place {
        assert_eq!(found, expected, "{places:?}, damaged from {first_damage}");
    } else {
        assert!(found.starts_with(&expected), "{found:?} of {expected:?}, damaged from {first_damage}");
    }
}

/// Steps lie one behind the other from the first byte to the last, numbers ascend within their bounds, and a frame is
/// what writing it gives. Returns the numbers found.
fn check_walk(bytes: &[u8], salt: u32) -> Vec<u64> {
    let mut walk = Walk::new(bytes, salt, FIRST, LIMIT);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(step) = walk.next() {
        match step {
            Step::Frame { seq, payload } => {
                let mut again = Vec::new();
                encode(&mut again, salt, seq, payload);
                assert_eq!(again.len(), HEADER_BYTES + payload.len());
                assert_eq!(bytes.get(at..walk.offset()), Some(again.as_slice()));
                assert!((FIRST..LIMIT).contains(&seq) && found.last().is_none_or(|last| *last < seq));
                found.push(seq);
            }
            Step::Damage { start, end } => assert_eq!((start, end), (at, walk.offset())),
        }
        assert!(walk.offset() > at, "a step of no byte");
        at = walk.offset();
    }
    assert_eq!(at, bytes.len());
    found
}

fn take<'b>(rest: &mut &'b [u8], len: usize) -> &'b [u8] {
    let (taken, tail) = rest.split_at(len.min(rest.len()));
    *rest = tail;
    taken
}
