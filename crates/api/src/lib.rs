//! The contract between a station and a screen: calls with their replies, error codes and live frames.
//!
//! Every shell (Tauri IPC, HTTP) carries these and nothing else: a call as its name and a JSON body, a frame as postcard.
//! Compiles natively and to wasm. Must not know how either side does it.

mod baseline;
mod call;
mod error;
mod figures;
mod flood;
mod frame;
mod guidance;
mod metrics;
mod position;
mod reply;
mod similar;
mod work;

pub use baseline::*;
pub use call::*;
pub use error::{ApiError, Code};
pub use figures::*;
pub use flood::*;
pub use frame::{AlarmCounts, AlarmView, DatabaseState, Frame, PointValue, StationStatus};
pub use guidance::*;
pub use metrics::*;
pub use position::PositionView;
pub use reply::*;
pub use similar::*;
pub use work::*;
