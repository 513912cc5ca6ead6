//! People and what they may do.

use serde::{Deserialize, Serialize};

use crate::UserId;

/// One thing that a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// See screens, history and journal.
    See,
    /// Acknowledge alarms, comment on them, reset them, shelve them within their limits.
    AnswerAlarms,
    /// Shelve alarms for longer, take them out of service and return them.
    SuppressAlarms,
    /// Change alarm limits and rules.
    SetLimits,
    /// Adopt, change and import points and the plant.
    AdministerPoints,
    /// Change sources and settings of the station.
    AdministerStation,
    /// Create and change people.
    AdministerPeople,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 7] = [
        Self::See,
        Self::AnswerAlarms,
        Self::SuppressAlarms,
        Self::SetLimits,
        Self::AdministerPoints,
        Self::AdministerStation,
        Self::AdministerPeople,
    ];
}

/// A set of permissions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Permissions(std::collections::BTreeSet<Permission>);

impl Permissions {
    /// Whether `permission` is in it.
    pub fn allow(&self, permission: Permission) -> bool {
        self.0.contains(&permission)
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().collect())
    }
}

/// A named set of permissions. Roles are data; these are what a new installation starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks on.
    Viewer,
    /// Answers alarms.
    Operator,
    /// Answers for the alarms that are raised: limits, rules, long shelving, service.
    Supervisor,
    /// Manages people, points and the station; does not operate.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Supervisor, Self::Admin];

    /// The name it is stored under.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Supervisor => "supervisor",
            Self::Admin => "admin",
        }
    }

    /// What a new installation allows it.
    pub fn permissions(self) -> Permissions {
        match self {
            Self::Viewer => [Permission::See].into_iter().collect(),
            Self::Operator => [Permission::See, Permission::AnswerAlarms].into_iter().collect(),
            Self::Supervisor => {
                [Permission::See, Permission::AnswerAlarms, Permission::SuppressAlarms, Permission::SetLimits]
                    .into_iter()
                    .collect()
            }
            Self::Admin => [
                Permission::See,
                Permission::SetLimits,
                Permission::AdministerPoints,
                Permission::AdministerStation,
                Permission::AdministerPeople,
            ]
            .into_iter()
            .collect(),
        }
    }
}

/// A person with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Their id.
    pub id: UserId,
    /// The name they sign in with, lower case, for example `asha.verma`.
    pub name: String,
    /// The name people know them by, for example `Asha Verma`.
    pub full_name: String,
    /// Their roles; permissions add up.
    pub roles: Vec<Role>,
}
