//! How the model's types travel to PostgreSQL and back. Must not know any table.

use penstock_model::{Quality, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};

use crate::{Error, Result};

/// Microseconds from 1970-01-01 to PostgreSQL's epoch, 2000-01-01.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// PostgreSQL's `MIN_TIMESTAMP` and `END_TIMESTAMP` (datatype/timestamp.h), since its epoch.
const FIRST_MICROS: i64 = -211_813_488_000_000_000;
const END_MICROS: i64 = 9_223_371_331_200_000_000;

const TIMESTAMPTZ: Oid = Oid(1184);
const TIMESTAMPTZ_ARRAY: Oid = Oid(1185);

/// A timestamp as `timestamptz`. Times that PostgreSQL cannot hold are moved to its first or last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At(pub(crate) Timestamp);

/// Microseconds since PostgreSQL's epoch, where it can hold the time.
pub(crate) fn exact_micros(at: Timestamp) -> Option<i64> {
    at.as_micros().checked_sub(EPOCH_MICROS).filter(|micros| (FIRST_MICROS..END_MICROS).contains(micros))
}

/// Microseconds since PostgreSQL's epoch of the nearest time that it can hold.
pub(crate) fn nearest_micros(at: Timestamp) -> i64 {
    at.as_micros().saturating_sub(EPOCH_MICROS).clamp(FIRST_MICROS, END_MICROS - 1)
}

/// The time so many microseconds from PostgreSQL's epoch.
pub(crate) const fn from_epoch(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros.saturating_add(EPOCH_MICROS))
}

impl Type<Postgres> for At {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }

    fn compatible(given: &PgTypeInfo) -> bool {
        given.oid() == Some(TIMESTAMPTZ)
    }
}

impl PgHasArrayType for At {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ_ARRAY)
    }
}

impl Encode<'_, Postgres> for At {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(&nearest_micros(self.0).to_be_bytes());
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for At {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        match value.format() {
            PgValueFormat::Binary => {
                let micros = i64::from_be_bytes(value.as_bytes()?.try_into()?);
                Ok(Self(from_epoch(micros)))
            }
            PgValueFormat::Text => Err("times are read in binary form only".into()),
        }
    }
}

/// Text that PostgreSQL takes: it refuses the null character, which a device may well send.
pub(crate) fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The same for every text inside a JSON document.
pub(crate) fn clean_json(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) if text.contains('\0') => *text = clean(text),
        serde_json::Value::Array(items) => items.iter_mut().for_each(clean_json),
        serde_json::Value::Object(fields) => {
            if fields.keys().any(|key| key.contains('\0')) {
                *fields = std::mem::take(fields).into_iter().map(|(key, value)| (clean(&key), value)).collect();
            }
            fields.values_mut().for_each(clean_json);
        }
        _ => {}
    }
}

/// The word that a unit variant of the model is stored under: what serde calls it.
pub(crate) fn word<T: Serialize>(what: &'static str, value: &T) -> Result<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        Ok(other) => Err(Error::Unreadable { what, why: format!("{other} is not a word") }),
        Err(error) => Err(Error::Unreadable { what, why: error.to_string() }),
    }
}

/// The variant that is stored under `word`.
pub(crate) fn from_word<T: DeserializeOwned>(what: &'static str, word: String) -> Result<T> {
    serde_json::from_value(serde_json::Value::String(word)).map_err(|error| Error::unreadable(what)(&error))
}

/// A quality from its stored code.
pub(crate) fn quality(code: i16) -> Quality {
    // A code that no version has written reads as the worst.
    Quality::from_code(u8::try_from(code).unwrap_or(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_outside_the_database_are_told_and_moved() {
        assert_eq!(exact_micros(Timestamp::from_micros(EPOCH_MICROS)), Some(0));
        assert_eq!(exact_micros(Timestamp::MIN), None);
        assert_eq!(exact_micros(Timestamp::MAX), Some(i64::MAX - EPOCH_MICROS));
        assert_eq!(nearest_micros(Timestamp::MIN), FIRST_MICROS);
        assert_eq!(nearest_micros(Timestamp::from_micros(0)), -EPOCH_MICROS);
    }

    #[test]
    fn null_characters_are_replaced_everywhere() {
        let mut value = serde_json::json!({"a\0": ["x\0y", {"b": "\0"}], "n": 1});
        clean_json(&mut value);
        assert!(!value.to_string().contains("\\u0000"), "{value}");
    }
}
