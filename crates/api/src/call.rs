//! The calls: what a screen can ask of a station, what each needs, and what comes back.

use std::collections::BTreeSet;

use penstock_model::{
    Advice, AlarmRule, AreaId, OperatorPosition, OperatorPositionId, Permission, PipeId, Place, PlaceKind, PlantFile,
    Point, PointId, Position, Priority, ResolvedAdvice, RuleId, Scope, ScopeAdvice, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{
    ActReport, AlarmDetail, AlarmFigures, AlarmMetrics, ApiError, ApprovalEntry, Approvals, ArchiveForm, ArchiveTest,
    BrokerForm, BrokerTest, ChainVerdict, Csv, CureFinding, DeviceAlertRow, Done, Export, ExportFormat, FloodSpan,
    GuidanceVersion, Health, ImportReport, JournalFilter, JournalRows, NamedPerson, PastGroups, PlacesFound,
    PositionView, Preferences, PublishExample, Register, RejectRow, RemovedRules, RetentionForm, RuleFormat, RuleRow,
    RuleTrial, RuleVersion, RulesDrift, RulesReport, ScopeGuidance, Series, Session, SettingsView, SimilarEpisode,
    StationCard, TextFile, UnauthorisedSuppressions, ValueAt, WorkRow,
};

/// What a call needs of the one who makes it. The station checks; screens only hide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing: also before anybody has signed in.
    Anyone,
    /// A session.
    SignedIn,
    /// A session with this permission.
    Holding(Permission),
}

/// One kind of call.
pub trait Call: Serialize + for<'de> Deserialize<'de> + Into<Request> {
    /// What comes back.
    type Reply: Serialize + for<'de> Deserialize<'de>;
    /// Its name on the wire.
    const NAME: &'static str;
    /// What it needs.
    const ACCESS: Access;
}

macro_rules! calls {
    ($(
        $(#[$doc:meta])*
        $name:ident $wire:literal ($access:expr) -> $reply:ty { $($(#[$field_doc:meta])* $field:ident : $kind:ty,)* }
    )*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $name { $($(#[$field_doc])* pub $field: $kind,)* }

            impl Call for $name {
                type Reply = $reply;
                const NAME: &'static str = $wire;
                const ACCESS: Access = $access;
            }

            impl From<$name> for Request {
                fn from(call: $name) -> Self {
                    Self::$name(call)
                }
            }
        )*

        /// Any call.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Request {
            $($(#[$doc])* $name($name),)*
        }

        impl Request {
            /// The names of all calls, as on the wire.
            pub const NAMES: &'static [&'static str] = &[$($wire,)*];

            /// Its name on the wire.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => $wire,)* }
            }

            /// What it needs of the one who makes it.
            pub const fn access(&self) -> Access {
                match self { $(Self::$name(_) => $access,)* }
            }

            /// Reads the call `name` with its JSON `body`.
            ///
            /// # Errors
            /// [`crate::Code::NotFound`] where there is no such call, [`crate::Code::Invalid`] where the body does
            /// not fit it.
            pub fn parse(name: &str, body: &str) -> Result<Self, ApiError> {
                match name {
                    $($wire => serde_json::from_str::<$name>(body).map(Self::$name).map_err(|error| {
                        ApiError::invalid(format!("{name}: {error}"))
                    }),)*
                    _ => Err(ApiError::new(crate::Code::NotFound, format!("there is no call {name:?}"))),
                }
            }
        }
    };
}

calls! {
    /// Who this station is and how it fares, as far as it is told to anyone.
    Hello "hello" (Access::Anyone) -> StationCard {}

    /// Makes the first admin of a new installation, and signs them in. Refused once there is one.
    CreateFirstAdmin "create-first-admin" (Access::Anyone) -> Session {
        /// The name to sign in with: lower-case letters, digits, dot, hyphen.
        name: String,
        /// The name people know them by.
        full_name: String,
        /// At least 12 characters.
        password: String,
    }

    /// Opens a session.
    SignIn "sign-in" (Access::Anyone) -> Session {
        /// The name to sign in with, letter case aside.
        name: String,
        /// The password.
        password: String,
    }

    /// Ends the session.
    SignOut "sign-out" (Access::SignedIn) -> Done {}

    /// The session as it stands, for a page that was loaded anew.
    WhoAmI "who-am-i" (Access::SignedIn) -> Session {}

    /// Keeps a person's own preferences.
    SavePreferences "save-preferences" (Access::SignedIn) -> Done {
        /// All of them.
        preferences: Preferences,
    }

    /// Plant and points.
    GetRegister "register" (Access::Holding(Permission::See)) -> Register {}

    /// Adopts, changes or ignores points, all or none.
    SavePoints "save-points" (Access::Holding(Permission::AdministerPoints)) -> ImportReport {
        /// The points as they shall be; known by id.
        points: Vec<Point>,
        /// Why, for the audit.
        reason: String,
    }

    /// Points from CSV, all or none.
    ImportPoints "import-points" (Access::Holding(Permission::AdministerPoints)) -> ImportReport {
        /// The file's text; its first line names the columns as an export does.
        csv: String,
        /// Only says what would happen.
        dry_run: bool,
    }

    /// Points as CSV.
    ExportPoints "export-points" (Access::Holding(Permission::See)) -> Csv {}

    /// Areas, sites, equipment, mains, points, rules and guidance from a plant file. What it does not name stays.
    ImportPlant "import-plant" (Access::Holding(Permission::AdministerPoints)) -> ImportReport {
        /// The file.
        file: Box<PlantFile>,
    }

    /// The plant as such a file, without points that were only heard of or are ignored.
    ExportPlant "export-plant" (Access::Holding(Permission::See)) -> PlantFile {}

    /// What is nearest to a position, the nearest first, each with its distance.
    ListPlacesNear "places-near" (Access::Holding(Permission::See)) -> Vec<Place> {
        /// The position.
        position: Position,
        /// Which kinds of places are wanted, at least one.
        kinds: Vec<PlaceKind>,
        /// At most so many, 1 to 1,000.
        limit: u32,
    }

    /// What lies inside a polygon or on its edge, by name.
    ListPlacesWithin "places-within" (Access::Holding(Permission::See)) -> PlacesFound {
        /// Its corners in order, 3 to 10,000, the first one at the end again or not. Its edges may not cross or touch each
        /// other, nor cross the 180th meridian.
        ring: Vec<Position>,
        /// Which kinds of places are wanted, at least one.
        kinds: Vec<PlaceKind>,
        /// At most so many, 1 to 10,000.
        limit: u32,
    }

    /// What lies along a main, in the order in which its course passes it, each with chainage and distance; at most
    /// 10,000.
    ListPlacesAlong "places-along" (Access::Holding(Permission::See)) -> PlacesFound {
        /// The main.
        pipe: PipeId,
        /// How far from it, 0 to 10,000 m.
        reach_m: f64,
        /// Which kinds of places are wanted, at least one.
        kinds: Vec<PlaceKind>,
    }

    /// Stored values, at most `max_points` a pen, extremes kept.
    GetHistory "history" (Access::Holding(Permission::See)) -> Vec<Series> {
        /// Whose, at most 16.
        points: Vec<PointId>,
        /// From when.
        from: Timestamp,
        /// Until when, not included.
        to: Timestamp,
        /// How many values a point the screen has room for, 2 to 10,000.
        max_points: u32,
    }

    /// Makes every stored value of a range ready to be taken away as a file, which streams however large it is.
    ExportHistory "export-history" (Access::Holding(Permission::See)) -> Export {
        /// Whose, at most 1,000.
        points: Vec<PointId>,
        /// From when.
        from: Timestamp,
        /// Until when, not included.
        to: Timestamp,
        /// As what.
        format: ExportFormat,
    }

    /// Stored values from CSV with the columns `time, point, value` and perhaps `quality`, `unit`; nothing while a row is
    /// wrong. What is stored already, as exports print it, is left out. Nothing is evaluated.
    ImportHistory "import-history" (Access::Holding(Permission::AdministerPoints)) -> ImportReport {
        /// The file's text; points are named by name, address or id.
        csv: String,
        /// Only says what would happen.
        dry_run: bool,
    }

    /// What points measured at a time, by the samples around it.
    GetValuesAt "values-at" (Access::Holding(Permission::See)) -> Vec<Option<ValueAt>> {
        /// Whose, at most 1,000.
        points: Vec<PointId>,
        /// When.
        at: Timestamp,
        /// On the line between two samples; else the earlier one stands.
        sloped: bool,
    }

    /// Everything about one alarm.
    GetAlarm "alarm" (Access::Holding(Permission::See)) -> AlarmDetail {
        /// Its rule.
        rule: RuleId,
    }

    /// Earlier episodes that resemble an alarm's present one, of the last 180 days before it, the most alike first.
    ListSimilarEpisodes "similar-episodes" (Access::Holding(Permission::See)) -> Vec<SimilarEpisode> {
        /// Its rule.
        rule: RuleId,
        /// When the present episode was raised.
        raised_at: Timestamp,
        /// At most so many, 1 to 50.
        limit: u32,
    }

    /// A page of the alarm journal, the newest entries first.
    ListJournal "journal" (Access::Holding(Permission::See)) -> JournalRows {
        /// Of which entries.
        filter: JournalFilter,
        /// Only what comes after the entry of this number: [`JournalRows::next`] of the page before.
        before: Option<u64>,
        /// At most so many, 1 to 10,000.
        limit: u32,
    }

    /// Makes every entry of the alarm journal that a filter asks for ready to be taken away as CSV, the oldest first,
    /// which streams however many there are.
    ExportJournal "export-journal" (Access::Holding(Permission::See)) -> Export {
        /// Which entries.
        filter: JournalFilter,
    }

    /// What everybody is called who has or had an account, by name.
    ListNames "names" (Access::Holding(Permission::See)) -> Vec<NamedPerson> {}

    /// How much alarms asked of an operator position over a range of time, or of who answers for some areas and
    /// priorities. Where a rule is there it counts as it is now, else as it was.
    GetAlarmFigures "alarm-figures" (Access::Holding(Permission::See)) -> AlarmFigures {
        /// From when; what happened before tells where alarms stood then.
        from: Timestamp,
        /// Until when, not included, at most 400 days later.
        to: Timestamp,
        /// Only of alarms in these areas; of all where there is none.
        areas: Vec<AreaId>,
        /// Only of alarms of these priorities; of all where there is none.
        priorities: Vec<Priority>,
        /// Only of alarms that this operator position answers for.
        position: Option<OperatorPositionId>,
    }

    /// Every operator position by name, with those who attend it.
    ListPositions "positions" (Access::Holding(Permission::See)) -> Vec<PositionView> {}

    /// Adds an operator position, or changes the one of its id. One whose id is nil is new and gets one.
    SavePosition "save-position" (Access::Holding(Permission::SetLimits)) -> OperatorPosition {
        /// The position as it shall be.
        position: OperatorPosition,
    }

    /// Removes an operator position: nobody holds it any more.
    RemovePosition "remove-position" (Access::Holding(Permission::SetLimits)) -> Done {
        /// Which.
        position: OperatorPositionId,
    }

    /// Has this session hold these operator positions and no others, and the person's next ones begin with them. Without
    /// any, the person answers for everything. What is held then comes back.
    TakeUpPositions "take-up-positions" (Access::Holding(Permission::AnswerAlarms)) -> BTreeSet<OperatorPositionId> {
        /// Which.
        positions: BTreeSet<OperatorPositionId>,
    }

    /// Which alarms of past stretches of time belong together and what may have begun each group, by the plant as it is
    /// now. A cause is looked for in all of the plant.
    ListFloodGroups "flood-groups" (Access::Holding(Permission::See)) -> Vec<PastGroups> {
        /// The stretches, at most [`PastGroups::MOST_SPANS`], none longer than a day; what came before each of them can
        /// have begun its groups.
        spans: Vec<FloodSpan>,
    }

    /// Acknowledges alarms: each is named with the occurrence that was seen. Those of P1 are refused where nothing is
    /// said.
    AcknowledgeAlarms "acknowledge" (Access::Holding(Permission::AnswerAlarms)) -> ActReport {
        /// Rule and occurrence of each.
        alarms: Vec<(RuleId, u64)>,
        /// What the person says of all of them.
        comment: Option<String>,
    }

    /// Says something about an alarm.
    CommentAlarm "comment" (Access::Holding(Permission::AnswerAlarms)) -> Done {
        /// Its rule.
        rule: RuleId,
        /// The occurrence that is meant.
        occurrence: u64,
        /// What the person says.
        comment: String,
    }

    /// Ends what alarms have latched, once they are acknowledged and normal.
    ResetAlarms "reset-alarms" (Access::Holding(Permission::AnswerAlarms)) -> ActReport {
        /// Their rules.
        alarms: Vec<RuleId>,
        /// What the person says.
        comment: Option<String>,
    }

    /// Keeps alarms from calling for a while. Longer than the alarm's own limit, or 8 hours where it has none, needs
    /// [`Permission::SuppressAlarms`].
    ShelveAlarms "shelve-alarms" (Access::Holding(Permission::AnswerAlarms)) -> ActReport {
        /// Their rules.
        alarms: Vec<RuleId>,
        /// For how many minutes at most, 1 to 43,200 (30 days).
        minutes: u32,
        /// Only until each next returns to normal.
        one_shot: bool,
        /// Why.
        reason: String,
    }

    /// Takes alarms from the shelf before their time; what is active calls anew.
    UnshelveAlarms "unshelve-alarms" (Access::Holding(Permission::AnswerAlarms)) -> ActReport {
        /// Their rules.
        alarms: Vec<RuleId>,
        /// What the person says.
        comment: Option<String>,
    }

    /// Takes alarms out of service until they are returned.
    TakeOutOfService "take-out-of-service" (Access::Holding(Permission::SuppressAlarms)) -> ActReport {
        /// Their rules.
        alarms: Vec<RuleId>,
        /// Why.
        reason: String,
    }

    /// Returns alarms to service; what is active calls anew.
    ReturnToService "return-to-service" (Access::Holding(Permission::SuppressAlarms)) -> ActReport {
        /// Their rules.
        alarms: Vec<RuleId>,
        /// Why.
        reason: String,
    }

    /// Every alarm rule, the disabled ones too, by id.
    ListRules "rules" (Access::Holding(Permission::See)) -> Vec<RuleRow> {}

    /// Adds and changes alarm rules, all or none. A rule whose id is nil is new and gets one. What follows from a point
    /// keeps its subject and its kind, and its limit is the point's: it changes there too. Given as it is stored but
    /// for [`AlarmRule::edited`] being off, it goes back to all that follows.
    SaveRules "save-rules" (Access::Holding(Permission::SetLimits)) -> RulesReport {
        /// The rules as they shall be, each with the version that was changed.
        rules: Vec<AlarmRule>,
        /// Why, for versions and audit.
        reason: String,
    }

    /// Removes alarm rules that people made. One that follows from a point or site would follow again: it is disabled
    /// instead.
    RemoveRules "remove-rules" (Access::Holding(Permission::SetLimits)) -> RemovedRules {
        /// Which.
        rules: Vec<RuleId>,
        /// Why, for versions and audit.
        reason: String,
    }

    /// Every version of an alarm rule that was stored, newest first.
    ListRuleVersions "rule-versions" (Access::Holding(Permission::See)) -> Vec<RuleVersion> {
        /// The rule.
        rule: RuleId,
    }

    /// What a rule would have done over stored history, beside what it does as it is stored; nothing is changed.
    TryRule "try-rule" (Access::Holding(Permission::SetLimits)) -> RuleTrial {
        /// The rule as it shall be; new where no rule of its id is stored.
        rule: Box<AlarmRule>,
        /// From when.
        from: Timestamp,
        /// Until when, not included: at most [`RuleTrial::LONGEST`] later.
        to: Timestamp,
    }

    /// The least intrusive change of a rule against its nuisance, tried over stored history, or why there is none. Kept,
    /// so that everybody sees it beside the alarm; the rule is not changed.
    ProposeCure "propose-cure" (Access::Holding(Permission::SetLimits)) -> CureFinding {
        /// The rule.
        rule: RuleId,
        /// From when; of very many samples the newest are tried, which the finding says.
        from: Timestamp,
        /// Until when, not included: at most [`RuleTrial::LONGEST`] later.
        to: Timestamp,
    }

    /// What was done about the alarms that load most, by rule.
    ListWork "work" (Access::Holding(Permission::See)) -> Vec<WorkRow> {}

    /// Changes a rule as its newest cure says, which must be of its present version; saved as any change of a rule.
    ApplyCure "apply-cure" (Access::Holding(Permission::SetLimits)) -> RulesReport {
        /// The rule.
        rule: RuleId,
        /// Why, for versions and audit.
        reason: String,
    }

    /// Leaves an alarm that loads as it is.
    DismissWork "dismiss-work" (Access::Holding(Permission::SetLimits)) -> Done {
        /// Its rule.
        rule: RuleId,
        /// Why.
        reason: String,
    }

    /// Puts an alarm that was dismissed, or whose cure was applied, back among those to work on.
    ReopenWork "reopen-work" (Access::Holding(Permission::SetLimits)) -> Done {
        /// Its rule.
        rule: RuleId,
        /// Why.
        reason: String,
    }

    /// The approvals of alarm rules, checked as they are read.
    ListApprovals "approvals" (Access::Holding(Permission::See)) -> Approvals {}

    /// Whether the chain of approvals is whole, and has what the audit has as the last approval.
    VerifyApprovals "verify-approvals" (Access::Holding(Permission::See)) -> ChainVerdict {}

    /// What of the alarm rules is not as it was approved. Refused where the chain of approvals is broken.
    ListDrift "drift" (Access::Holding(Permission::See)) -> RulesDrift {}

    /// Approves alarm rules as they were seen, and that those which are gone are no more. Refused where one of them was
    /// changed since.
    ApproveRules "approve-rules" (Access::Holding(Permission::SetLimits)) -> ApprovalEntry {
        /// Which, each with the version that was seen, none where it was gone: as [`RulesDrift::versions`] has them.
        rules: Vec<(RuleId, Option<u32>)>,
        /// The newest approval that was seen, [`RulesDrift::newest`]; refused where there is another by now.
        newest: u64,
        /// Why.
        reason: String,
    }

    /// How much alarms ask of people at present.
    GetAlarmMetrics "alarm-metrics" (Access::Holding(Permission::See)) -> AlarmMetrics {}

    /// Has it be counted anew from now on. Alarms stay as they stand, and so do figures of the past.
    ResetAlarmMetrics "reset-alarm-metrics" (Access::Holding(Permission::SetLimits)) -> Done {
        /// Why, for the audit.
        reason: String,
    }

    /// What keeps alarms from calling without anybody having allowed it: how many there are, and the longest of them.
    ListUnauthorised "unauthorised" (Access::Holding(Permission::See)) -> UnauthorisedSuppressions {}

    /// Alarm rules as a file.
    ExportRules "export-rules" (Access::Holding(Permission::See)) -> TextFile {
        /// As what.
        format: RuleFormat,
    }

    /// Alarm rules from a file as an export writes it, all or none. What a row leaves as it was exported stays to the
    /// last bit; what is in no row stays.
    ImportRules "import-rules" (Access::Holding(Permission::SetLimits)) -> RulesReport {
        /// The file's text, CSV or JSON.
        text: String,
        /// Only says what would happen.
        dry_run: bool,
        /// Why, for versions and audit.
        reason: String,
    }

    /// What is told beside an alarm and whom to call, each field from the nearest that says so. It is answered also
    /// while the database is away, but for rules that were removed.
    GetAlarmGuidance "alarm-guidance" (Access::Holding(Permission::See)) -> ResolvedAdvice {
        /// Its rule.
        rule: RuleId,
    }

    /// What is set for parts of the plant to be told beside their alarms; parts without anything are left out.
    ListGuidance "guidance" (Access::Holding(Permission::See)) -> Vec<ScopeAdvice> {}

    /// What is set for one part of the plant, and what it inherits.
    GetScopeGuidance "scope-guidance" (Access::Holding(Permission::See)) -> ScopeGuidance {
        /// The part.
        scope: Scope,
    }

    /// Sets what is told beside the alarms of a part of the plant.
    SaveGuidance "save-guidance" (Access::Holding(Permission::SetLimits)) -> Done {
        /// The part.
        scope: Scope,
        /// The version that was changed; 0 where nothing was ever set.
        version: u32,
        /// What shall be told; what is empty is inherited.
        advice: Advice,
        /// Why, for versions and audit.
        reason: String,
    }

    /// Every version of what was set for a part of the plant, newest first.
    ListGuidanceVersions "guidance-versions" (Access::Holding(Permission::See)) -> Vec<GuidanceVersion> {
        /// The part.
        scope: Scope,
    }

    /// How every part of the station fares.
    GetHealth "health" (Access::Holding(Permission::See)) -> Health {}

    /// Messages that could not be read, newest first.
    ListRejects "rejects" (Access::Holding(Permission::See)) -> Vec<RejectRow> {
        /// At most so many, 1 to 1,000.
        limit: u32,
    }

    /// What devices reported in words, newest first.
    ListDeviceAlerts "device-alerts" (Access::Holding(Permission::See)) -> Vec<DeviceAlertRow> {
        /// At most so many, 1 to 1,000.
        limit: u32,
    }

    /// A whole command that publishes a reading to the station's own broker, credentials included.
    GetPublishExample "publish-example" (Access::Holding(Permission::AdministerStation)) -> PublishExample {}

    /// The settings that the app edits.
    GetSettings "settings" (Access::Holding(Permission::AdministerStation)) -> SettingsView {}

    /// Adds a broker, or changes the one of that name.
    SaveBroker "save-broker" (Access::Holding(Permission::AdministerStation)) -> Done {
        /// The broker.
        broker: BrokerForm,
    }

    /// Forgets a broker.
    RemoveBroker "remove-broker" (Access::Holding(Permission::AdministerStation)) -> Done {
        /// Its name.
        name: String,
    }

    /// Tries to connect to a broker, without keeping it.
    TestBroker "test-broker" (Access::Holding(Permission::AdministerStation)) -> BrokerTest {
        /// The broker.
        broker: BrokerForm,
    }

    /// Whether the map may show tiles of OpenStreetMap, fetched and cached by the station.
    SaveTiles "save-tiles" (Access::Holding(Permission::AdministerStation)) -> Done {
        /// Whether it may.
        enabled: bool,
    }

    /// How long what is measured is kept. What is over by it is taken away within the hour.
    SaveRetention "save-retention" (Access::Holding(Permission::AdministerStation)) -> Done {
        /// All of it.
        retention: RetentionForm,
    }

    /// Where samples go before they are taken away. Another place than the one in use waits for the station's next start.
    SaveArchive "save-archive" (Access::Holding(Permission::AdministerStation)) -> Done {
        /// The archive; none where its place is none.
        archive: ArchiveForm,
    }

    /// Writes, reads and removes a small file in an archive, without keeping the settings.
    TestArchive "test-archive" (Access::Holding(Permission::AdministerStation)) -> ArchiveTest {
        /// The archive.
        archive: ArchiveForm,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_by_name() {
        let call = SignIn { name: "asha".into(), password: "x".into() };
        let body = serde_json::to_string(&call).expect("plain");
        assert_eq!(Request::parse(SignIn::NAME, &body), Ok(call.into()));
    }

    #[test]
    fn unknown_names_and_bodies_are_refused() {
        let code = |name: &str, body: &str| Request::parse(name, body).map_err(|error| error.code);
        assert_eq!(code("no-such", "{}"), Err(crate::Code::NotFound));
        assert_eq!(code("hello", r#"{"extra":1}"#), Err(crate::Code::Invalid));
        assert_eq!(code("sign-in", "["), Err(crate::Code::Invalid));
    }

    #[test]
    fn names_are_unique() {
        let unique: std::collections::BTreeSet<_> = Request::NAMES.iter().collect();
        assert_eq!(unique.len(), Request::NAMES.len());
    }
}
