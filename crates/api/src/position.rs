//! Operator positions as screens need them: what each answers for, and who attends it.

use penstock_model::OperatorPosition;
use serde::{Deserialize, Serialize};

/// An operator position and who attends it: holds it in a session that follows the live feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionView {
    /// The position.
    pub position: OperatorPosition,
    /// What those who attend it are called, each once, by name.
    pub holders: Vec<String>,
}
