//! Words that must not show: passwords of brokers.

use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

/// A password: wiped from memory when dropped, redacted wherever it is printed or serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

/// Letters and digits without those that look alike, so that a password survives any shell and any eye.
const LETTERS: &[u8; 56] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

impl Secret {
    /// Takes the word over.
    pub fn new(word: impl Into<String>) -> Self {
        Self(Zeroizing::new(word.into()))
    }

    /// 24 random letters and digits, 139 bits.
    ///
    /// # Errors
    /// [`Error::Random`](crate::Error::Random) where the operating system gives no random numbers.
    pub fn generate() -> Result<Self, crate::Error> {
        let mut word = Zeroizing::new(String::with_capacity(24));
        while word.len() < 24 {
            let mut byte = [0_u8; 1];
            getrandom::fill(&mut byte).map_err(|cause| crate::Error::Random(cause.to_string()))?;
            // 224 is the largest multiple of 56 below 256: bytes above would favour the first letters.
            if let [byte @ 0..224] = byte
                && let Some(&letter) = LETTERS.get(usize::from(byte) % LETTERS.len())
            {
                word.push(char::from(letter));
            }
        }
        Ok(Self(word))
    }

    /// The word itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_shows() {
        let secret = Secret::new("open sesame");
        assert_eq!(format!("{secret:?}"), "[redacted]");
        assert_eq!(serde_json::to_string(&secret).expect("serialises"), "\"[redacted]\"");
        assert_eq!(secret.expose(), "open sesame");
    }

    #[test]
    fn generated_ones_differ_and_need_no_quotes() {
        let (one, other) = (Secret::generate().expect("random"), Secret::generate().expect("random"));
        assert_ne!(one, other);
        assert_eq!(one.expose().len(), 24);
        assert!(one.expose().bytes().all(|letter| letter.is_ascii_alphanumeric()));
    }
}
