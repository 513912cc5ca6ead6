//! Ids: UUIDs that cannot be mixed up.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(Self(text.parse()?))
            }
        }

        impl $name {
            /// The id of what is known by `name` inside `parent` (UUID version 5, RFC 9562): two stations that meet
            /// the same thing give it the same id.
            pub fn derived(parent: Uuid, name: &str) -> Self {
                let scope = Uuid::new_v5(&parent, stringify!($name).as_bytes());
                Self(Uuid::new_v5(&scope, name.as_bytes()))
            }

            /// A new id for what a person makes (UUID version 7), from the present time and 10 random bytes.
            pub fn made(at: crate::Timestamp, random: [u8; 10]) -> Self {
                let millis = u64::try_from(at.as_micros() / 1_000).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }
        }
    )*};
}

ids! {
    /// A municipality, hotel or plant whose people and points are kept apart from all others.
    TenantId;
    /// A running Penstock.
    StationId;
    /// A part of the network, usually a district metered area.
    AreaId;
    /// A place with equipment behind one gateway.
    SiteId;
    /// A piece of equipment.
    AssetId;
    /// A stretch of main.
    PipeId;
    /// A measured or commanded value.
    PointId;
    /// A way in, for example one broker.
    SourceId;
    /// An alarm rule; an alarm is known by its rule.
    RuleId;
    /// A person with an account.
    UserId;
    /// An operator position: a desk of the control room.
    OperatorPositionId;
    /// Alarms that belong together, known by the one that came first and when.
    FloodId;
}

impl PointId {
    /// The id of the point that `source` gives under `address` to `tenant`.
    pub fn discovered(tenant: TenantId, source: &str, address: &str) -> Self {
        Self::derived(tenant.0, &format!("{source}\u{1f}{address}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_agree_and_do_not_collide_over_kinds() {
        let tenant = TenantId::derived(Uuid::nil(), "town");
        assert_eq!(PointId::discovered(tenant, "mqtt", "a"), PointId::discovered(tenant, "mqtt", "a"));
        assert_ne!(PointId::discovered(tenant, "mqtt", "a").0, PointId::discovered(tenant, "mqtt", "b").0);
        assert_ne!(AreaId::derived(tenant.0, "x").0, SiteId::derived(tenant.0, "x").0);
    }
}
