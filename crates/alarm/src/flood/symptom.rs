//! What an alarm says: that a flow is low, that a pump has stopped, that a site is silent. Must not know other alarms.

use penstock_model::{
    AlarmRule, AssetKind, Condition, PointRole, Priority, Quantity, RuleId, Side, Subject, Symptom, Timestamp,
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

/// What symptoms are about; those of one family go together most easily.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Hydraulic,
    Quality,
    Communications,
}

/// What an alarm of this sign says where it lies.
pub(super) fn symptom_of(sign: Sign, located: &Located) -> Symptom {
    use Quantity as Q;
    if sign == Sign::Silent {
        return Symptom::Silent;
    }
    match (located.quantity, sign) {
        (Some(Q::State), _) => symptom_of_state(sign, located),
        (Some(Q::Flow), Sign::High) => Symptom::FlowHigh,
        (Some(Q::Flow), Sign::Low) => Symptom::FlowLow,
        (Some(Q::Pressure), Sign::High) => Symptom::PressureHigh,
        (Some(Q::Pressure), Sign::Low) => Symptom::PressureLow,
        (Some(Q::Level | Q::Volume), Sign::High) => Symptom::LevelHigh,
        (Some(Q::Level | Q::Volume), Sign::Low) => Symptom::LevelLow,
        (Some(Q::Chlorine), Sign::High) => Symptom::ChlorineHigh,
        (Some(Q::Chlorine), Sign::Low) => Symptom::ChlorineLow,
        (Some(Q::Turbidity), Sign::High) => Symptom::Turbid,
        (Some(Q::Ph | Q::Conductivity | Q::Turbidity | Q::Chlorine), _) => Symptom::Unlike,
        (Some(Q::Power | Q::Frequency), Sign::Low) => Symptom::PowerLow,
        (Some(Q::Power | Q::Vibration | Q::Temperature | Q::Frequency), Sign::High) => Symptom::Strained,
        _ => Symptom::Odd,
    }
}

fn symptom_of_state(sign: Sign, located: &Located) -> Symptom {
    let says_running = located.role == Some(PointRole::PumpRunning);
    match (located.asset, sign) {
        (_, Sign::Low | Sign::State) if says_running => Symptom::Stopped,
        (Some((_, AssetKind::Pump | AssetKind::PumpingStation)), Sign::High | Sign::State) if !says_running => {
            Symptom::Stopped
        }
        (Some((_, AssetKind::Reservoir | AssetKind::Tower)), Sign::High | Sign::State) => Symptom::Overflowing,
        _ => Symptom::Odd,
    }
}

/// What a symptom is about.
pub(super) const fn family_of(symptom: Symptom) -> Family {
    match symptom {
        Symptom::Silent => Family::Communications,
        Symptom::ChlorineLow | Symptom::ChlorineHigh | Symptom::Turbid | Symptom::Unlike => Family::Quality,
        _ => Family::Hydraulic,
    }
}

/// Whether it is what too little water looks like.
pub(super) const fn is_want(symptom: Symptom) -> bool {
    matches!(symptom, Symptom::FlowLow | Symptom::PressureLow | Symptom::LevelLow)
}

/// Whether its effect, or itself, comes hours later: tanks hold things up.
pub(super) const fn is_slow(symptom: Symptom) -> bool {
    matches!(symptom, Symptom::Stopped | Symptom::LevelHigh | Symptom::LevelLow | Symptom::Overflowing)
}
