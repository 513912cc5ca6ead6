//! The kept corpus, and random scripts, through the property that the fuzz target checks.

mod properties;

use std::path::Path;

use proptest::prelude::*;

#[test]
fn kept_scripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/frames");
    let mut scripts = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus") {
        let script = std::fs::read(entry.expect("an entry").path()).expect("a script");
        properties::frames(&script);
        for len in 0..script.len() {
            properties::frames(&script[..len]);
            let mut damaged = script.clone();
            damaged[len] ^= 0x55;
            properties::frames(&damaged);
        }
        scripts += 1;
    }
    assert!(scripts > 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_scripts(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12),
        damage in prop::collection::vec((any::<u8>(), any::<u16>(), prop::collection::vec(any::<u8>(), 0..64)), 0..6),
    ) {
        let mut script = vec![7];
        for payload in &frames {
            script.push(payload.len() as u8);
            script.extend(payload);
        }
        script.push(255);
        for (op, at, garbage) in &damage {
            script.push(*op);
            script.extend(at.to_be_bytes());
            if let 128..192 = *op {
                script.extend(garbage);
            }
        }
        properties::frames(&script);
    }
}
