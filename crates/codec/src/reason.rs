//! Why something of a message was refused.

/// Why a message or one of its fields gave no reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Reason {
    /// No byte, or only spaces.
    #[error("payload is empty")]
    Empty,
    /// More than [`crate::MAX_PAYLOAD_BYTES`].
    #[error("payload is larger than 1 MiB")]
    TooLarge,
    /// Bytes that are not UTF-8.
    #[error("payload is not UTF-8 text")]
    NotText,
    /// Not a number, a state word or a number with a unit.
    #[error("text is neither a number nor a known state word")]
    NotANumber,
    /// NaN, an infinity, or beyond what a double holds.
    #[error("number is not finite")]
    NotFinite,
    /// `4,137`: perhaps four, perhaps four thousand.
    #[error("number has a comma: send a decimal point and no thousands separator")]
    DecimalComma,
    /// A suffix that is no known unit.
    #[error("unit behind the number is not known: send a listed symbol, for example bar, m3/h or mg/L")]
    UnknownUnit,
    /// Broken JSON.
    #[error("json is broken")]
    Json,
    /// Nested deeper than [`crate::MAX_DEPTH`].
    #[error("json is nested deeper than 32 levels")]
    TooDeep,
    /// An object with more than [`crate::MAX_FIELDS`].
    #[error("json object has more than 1,000 fields")]
    TooManyFields,
    /// More than [`crate::MAX_READINGS`]; those before are kept.
    #[error("message has more than 10,000 readings, the rest is left out")]
    TooManyReadings,
    /// The same field twice in one object; the first is kept.
    #[error("field is there twice, the first one counts")]
    DuplicateField,
    /// No field that gives a value.
    #[error("message has no field with a number or a state")]
    NoValue,
    /// A status that is neither online nor offline.
    #[error("status is neither online nor offline")]
    UnknownStatus,
    /// An alert without a word.
    #[error("alert has no text")]
    NoAlertText,
    /// More than 100 alerts in a message; those before are kept.
    #[error("message has more than 100 alerts, the rest is left out")]
    TooManyAlerts,
    /// An address or field name that is empty, too long or has control characters in it.
    #[error("address or field name is empty, longer than 512 bytes or has control characters")]
    Address,
}

impl Reason {
    /// A name that stays the same, for counters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::NotText => "not_text",
            Self::NotANumber => "not_a_number",
            Self::NotFinite => "not_finite",
            Self::DecimalComma => "decimal_comma",
            Self::UnknownUnit => "unknown_unit",
            Self::Json => "json",
            Self::TooDeep => "too_deep",
            Self::TooManyFields => "too_many_fields",
            Self::TooManyReadings => "too_many_readings",
            Self::DuplicateField => "duplicate_field",
            Self::NoValue => "no_value",
            Self::UnknownStatus => "unknown_status",
            Self::NoAlertText => "no_alert_text",
            Self::TooManyAlerts => "too_many_alerts",
            Self::Address => "address",
        }
    }
}
