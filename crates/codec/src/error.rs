//! What can be wrong with configured routes.

/// A route that cannot be compiled; names the pattern and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("topic pattern {pattern:?} {problem}")]
pub struct Error {
    /// The pattern as configured.
    pub pattern: String,
    /// What is wrong with it and how to cure it.
    pub problem: Problem,
}

/// What is wrong with a route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nothing in it.
    #[error("is empty: use # for every topic")]
    Empty,
    /// MQTT allows 65,535 bytes.
    #[error("is longer than 65535 bytes")]
    TooLong,
    /// More levels than 64.
    #[error("has more than 64 levels: end it earlier with #")]
    TooDeep,
    /// `#` before the end, or beside other characters.
    #[error("has a # that is not a level of its own at the end")]
    Hash,
    /// `+` beside other characters.
    #[error("has a + that is not a level of its own")]
    Plus,
    /// Braces that do not enclose a whole level.
    #[error("has braces that do not enclose a whole level, as in plant/{{id}}/data")]
    Braces,
    /// The same name twice.
    #[error("has {{{0}}} twice")]
    Twice(String),
    /// A name that is kept for the topic itself.
    #[error("names a level {{topic}}, which stands for the whole topic: use another name")]
    Reserved,
    /// An address that uses a name the pattern has not.
    #[error("has no {{{0}}}, which its address asks for")]
    Unknown(String),
    /// An address with nothing in it.
    #[error("has an empty address: use {{topic}} for the topic itself")]
    NoAddress,
    /// An address with a lone brace.
    #[error("has an address with a brace that is not closed")]
    AddressBraces,
}
