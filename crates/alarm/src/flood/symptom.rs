//! What an alarm says: that a flow is low, that a pump has stopped, that a site is silent. Must not know other alarms.

use penstock_model::{
    AlarmRule, AssetKind, Condition, PointRole, Priority, Quantity, RuleId, Side, Subject, Timestamp,
};

use super::topology::Located;

/// To which side an alarm's condition finds its value off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// Too high, or rising.
    High,
    /// Too low, or falling.
    Low,
    /// Off, to whichever side.
    Off,
    /// In a state that it should not be in.
    State,
    /// Nothing is heard.
    Silent,
}

impl Sign {
    /// What a condition says where it holds.
    pub const fn of(condition: &Condition) -> Self {
        match condition {
            Condition::Limit { level, .. } if level.is_high() => Self::High,
            Condition::Limit { .. } => Self::Low,
            Condition::Deviation { side, .. } | Condition::Rate { side, .. } => match side {
                Side::Above => Self::High,
                Side::Below => Self::Low,
                Side::Either => Self::Off,
            },
            Condition::State { .. } => Self::State,
            Condition::Silence { .. } => Self::Silent,
            Condition::Stuck { .. }
            | Condition::Expression(_)
            | Condition::Anomaly { .. }
            | Condition::Count { .. } => Self::Off,
        }
    }
}

/// An alarm that begins to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activation {
    /// The alarm, by its rule.
    pub rule: RuleId,
    /// What it is about.
    pub subject: Subject,
    /// What it says of it.
    pub sign: Sign,
    /// How urgent it is.
    pub priority: Priority,
    /// When it was raised.
    pub at: Timestamp,
}

impl Activation {
    /// Of a rule that raised its alarm.
    pub const fn of(rule: &AlarmRule, at: Timestamp) -> Self {
        Self { rule: rule.id, subject: rule.subject, sign: Sign::of(&rule.condition), priority: rule.priority, at }
    }
}

/// What an alarm says about the water, the machines or the gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Symptom {
    /// Nothing is heard of a site or a device.
    Silent,
    /// A pump has stopped, by its trip or by its running signal.
    Stopped,
    /// A tank runs over.
    Overflowing,
    /// More flows than usual.
    FlowHigh,
    /// Less flows than usual.
    FlowLow,
    /// The pressure is high.
    PressureHigh,
    /// The pressure is low.
    PressureLow,
    /// A tank is too full.
    LevelHigh,
    /// A tank is too empty.
    LevelLow,
    /// Too little residual chlorine.
    ChlorineLow,
    /// Too much of it.
    ChlorineHigh,
    /// The water is cloudy.
    Turbid,
    /// A machine draws little power.
    PowerLow,
    /// A machine shakes, warms or draws too much.
    Strained,
    /// The water itself is off in another way: pH, conductivity.
    Unlike,
    /// Something else is off.
    Odd,
}

/// What symptoms are about; those of one family go together most easily.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Hydraulic,
    Quality,
    Communications,
}

impl Symptom {
    pub(super) fn of(sign: Sign, located: &Located) -> Self {
        use Quantity as Q;
        if sign == Sign::Silent {
            return Self::Silent;
        }
        match (located.quantity, sign) {
            (Some(Q::State), _) => Self::of_state(sign, located),
            (Some(Q::Flow), Sign::High) => Self::FlowHigh,
            (Some(Q::Flow), Sign::Low) => Self::FlowLow,
            (Some(Q::Pressure), Sign::High) => Self::PressureHigh,
            (Some(Q::Pressure), Sign::Low) => Self::PressureLow,
            (Some(Q::Level | Q::Volume), Sign::High) => Self::LevelHigh,
            (Some(Q::Level | Q::Volume), Sign::Low) => Self::LevelLow,
            (Some(Q::Chlorine), Sign::High) => Self::ChlorineHigh,
            (Some(Q::Chlorine), Sign::Low) => Self::ChlorineLow,
            (Some(Q::Turbidity), Sign::High) => Self::Turbid,
            (Some(Q::Ph | Q::Conductivity | Q::Turbidity | Q::Chlorine), _) => Self::Unlike,
            (Some(Q::Power | Q::Frequency), Sign::Low) => Self::PowerLow,
            (Some(Q::Power | Q::Vibration | Q::Temperature | Q::Frequency), Sign::High) => Self::Strained,
            _ => Self::Odd,
        }
    }

    fn of_state(sign: Sign, located: &Located) -> Self {
        let says_running = located.role == Some(PointRole::PumpRunning);
        match (located.asset, sign) {
            (_, Sign::Low | Sign::State) if says_running => Self::Stopped,
            (Some((_, AssetKind::Pump | AssetKind::PumpingStation)), Sign::High | Sign::State) if !says_running => {
                Self::Stopped
            }
            (Some((_, AssetKind::Reservoir | AssetKind::Tower)), Sign::High | Sign::State) => Self::Overflowing,
            _ => Self::Odd,
        }
    }

    pub(super) const fn family(self) -> Family {
        match self {
            Self::Silent => Family::Communications,
            Self::ChlorineLow | Self::ChlorineHigh | Self::Turbid | Self::Unlike => Family::Quality,
            _ => Family::Hydraulic,
        }
    }

    /// Whether it is what too little water looks like.
    pub(super) const fn is_want(self) -> bool {
        matches!(self, Self::FlowLow | Self::PressureLow | Self::LevelLow)
    }

    /// Whether its effect, or itself, comes hours later: tanks hold things up.
    pub(super) const fn is_slow(self) -> bool {
        matches!(self, Self::Stopped | Self::LevelHigh | Self::LevelLow | Self::Overflowing)
    }
}
