//! What goes wrong with a call, as a code that screens act on and a sentence that people read.

use serde::{Deserialize, Serialize};

/// What a screen does about an error. A code exists only where screens act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// There is no such session, or it has ended: sign in.
    SignedOut,
    /// The person may not do this.
    Forbidden,
    /// What was given is wrong; the message says what and how to mend it.
    Invalid,
    /// There is no such thing.
    NotFound,
    /// Somebody was faster: look again.
    Conflict,
    /// The database or another part is away: try again later.
    Away,
    /// The station could not do it; the message and the log say why.
    Failed,
}

/// Why a call was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// What a screen does about it.
    pub code: Code,
    /// What a person reads: names the thing and the cure.
    pub message: String,
}

impl ApiError {
    /// An error with `code` that reads `message`.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// What was given is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::Invalid, message)
    }
}
