//! What calls bring back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use penstock_model::{
    AlarmRule, AlarmState, AreaId, Band, OperatorPositionId, Permissions, Person, Place, Plant, Point, PointId,
    Priority, Quantity, RuleId, SiteId, Subject, Timestamp, Transition, TransitionKind, UserId,
};
use serde::{Deserialize, Serialize};

use crate::{AlarmCounts, StationStatus};

/// It is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {}

/// Who a station is and how it fares, as far as it is told to anyone: no names of points or people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StationCard {
    /// The station's name.
    pub station: String,
    /// Version of Penstock.
    pub version: String,
    /// The plant's name.
    pub plant: String,
    /// IANA name of the plant's time zone.
    pub time_zone: String,
    /// The plant's offset from UTC at present.
    pub utc_offset_secs: i32,
    /// Nobody has an account yet: the first admin is to be made.
    pub first_start: bool,
    /// People of the demo plant with their passwords; only on loopback, only while the demo is on.
    pub demo_people: Vec<DemoPerson>,
    /// How many alarms wait.
    pub counts: AlarmCounts,
    /// How the station is.
    pub status: StationStatus,
}

/// A person of the demo plant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoPerson {
    /// The name to sign in with.
    pub name: String,
    /// The name people know them by.
    pub full_name: String,
    /// Their roles in one word each.
    pub roles: Vec<penstock_model::Role>,
    /// Their password, made at this start and kept in memory.
    pub password: String,
}

/// An open session.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// What later calls carry.
    pub token: String,
    /// Who.
    pub person: Person,
    /// What they may do.
    pub permissions: Permissions,
    /// The operator positions they hold in it; where there are none, they answer for everything.
    pub positions: BTreeSet<OperatorPositionId>,
    /// What they prefer.
    pub preferences: Preferences,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("person", &self.person.name).finish_non_exhaustive()
    }
}

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThemeChoice {
    /// As the desktop has it.
    #[default]
    System,
    /// Dark.
    Dark,
    /// Light.
    Light,
}

/// A language that screens speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Hindi.
    Hi,
}

/// What a person prefers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Preferences {
    /// Light or dark.
    #[serde(default)]
    pub theme: ThemeChoice,
    /// Language.
    #[serde(default)]
    pub language: Language,
    /// Points last shown as pens in Trends.
    #[serde(default)]
    pub trend_pens: Vec<PointId>,
    /// How alarms are heard.
    #[serde(default)]
    pub sound: SoundChoice,
}

/// How alarms are heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoundChoice {
    /// Whether they are.
    pub is_on: bool,
    /// How loud, in per cent, 1 to 100.
    pub volume: u8,
}

impl Default for SoundChoice {
    fn default() -> Self {
        Self { is_on: true, volume: 60 }
    }
}

/// Plant and points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Register {
    /// Counts up with every change.
    pub version: u64,
    /// Areas, sites, equipment and mains.
    pub plant: Plant,
    /// All points but the ignored ones.
    pub points: Vec<Point>,
    /// Whether the map may show tiles of OpenStreetMap.
    pub tiles: bool,
}

/// Places that were asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlacesFound {
    /// The places.
    pub places: Vec<Place>,
    /// Whether there are more, which were left out.
    pub is_cut: bool,
}

/// What an import or a change did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ImportReport {
    /// Rows or things looked at.
    pub read: u32,
    /// Made new.
    pub added: u32,
    /// Changed.
    pub changed: u32,
    /// Left as they were.
    pub same: u32,
    /// Of values that are made new, those that will not stay as they are; none where all do.
    pub old: Option<OldValues>,
    /// What is wrong, of values at most [`Self::MOST_FAULTS`]; while anything is, nothing is changed.
    pub faults: Vec<ImportFault>,
}

/// Values of an import that are older than samples of their points are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldValues {
    /// How many: they count in roll-ups, and are taken away as samples by the next passes of retention.
    pub count: u32,
    /// How many of them are older than roll-ups are kept too, of which nothing stays in the database.
    pub beyond_roll_ups: u32,
    /// Whether samples go into an archive before they are taken away.
    pub archived: bool,
}

impl ImportReport {
    /// Faults that an import of values tells; a file that fits nowhere would have one a line.
    pub const MOST_FAULTS: usize = 200;
}

/// Something wrong with what was to be imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportFault {
    /// Line of the file, the heading being 1; or the position in the list, from 1.
    pub line: u32,
    /// The column or field.
    pub field: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// A file of comma-separated values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Csv {
    /// A name for it.
    pub file_name: String,
    /// Its text, UTF-8.
    pub text: String,
}

/// What a file of stored values is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// Comma-separated text (RFC 4180).
    Csv,
    /// Apache Parquet, for those who go on calculating.
    Parquet,
}

/// A file that is ready to be taken away, once and within a minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// What it is taken with.
    pub ticket: String,
    /// A name for it.
    pub file_name: String,
}

/// What a point measured at a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ValueAt {
    /// The value, in SI; none where the sample in force has none.
    pub value: Option<f64>,
    /// The quality's code.
    pub quality: u8,
    /// When the sample in force was measured.
    pub since: Timestamp,
}

/// Stored values of one point, in time order, as columns of equal length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Whose.
    pub point: PointId,
    /// Whether values were left out; what is left then holds each interval's first, least, greatest and last.
    pub reduced: bool,
    /// No line is drawn between values further apart than this.
    pub gap_after: Duration,
    /// When each was measured.
    pub times: Vec<Timestamp>,
    /// Each value in SI; none where there was nothing usable.
    pub values: Vec<Option<f64>>,
    /// Each one's quality as its code.
    pub qualities: Vec<u8>,
    /// Figures over the whole range.
    pub statistics: Option<Statistics>,
    /// Where the detector expects it over the range, at even times; empty while it has not enough to say.
    pub expected: Vec<(Timestamp, Band)>,
}

/// Figures over the good values of a range, in SI.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// How many values.
    pub count: u64,
    /// The least.
    pub min: f64,
    /// Their mean, each weighted by the time it stood.
    pub mean: f64,
    /// The greatest.
    pub max: f64,
}

/// Everything about one alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlarmDetail {
    /// What raises it.
    pub rule: AlarmRule,
    /// Where it stands, where it was ever raised.
    pub state: Option<AlarmState>,
    /// Its newest journal entries, newest first.
    pub journal: Vec<JournalRow>,
    /// How often it was raised in the last 30 days.
    pub raised_30_days: u32,
}

/// Which entries of the alarm journal are wanted. What is empty asks for nothing in particular.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalFilter {
    /// Not before.
    pub from: Timestamp,
    /// Before.
    pub to: Timestamp,
    /// Only of these rules.
    #[serde(default)]
    pub rules: Vec<RuleId>,
    /// Only of what stood on these sites.
    #[serde(default)]
    pub sites: Vec<SiteId>,
    /// Only of what lay in these areas.
    #[serde(default)]
    pub areas: Vec<AreaId>,
    /// Only of these priorities.
    #[serde(default)]
    pub priorities: Vec<Priority>,
    /// Only of these kinds.
    #[serde(default)]
    pub kinds: Vec<TransitionKind>,
    /// Only what these people did.
    #[serde(default)]
    pub people: Vec<UserId>,
    /// Only entries that contain each of its words, of which the first eight count, in whatever case: in the names of
    /// rule, point, equipment, site or area as they were then, in the point's description or in the comment. One of
    /// them has at least [`Self::LEAST_LETTERS`].
    #[serde(default)]
    pub text: String,
}

impl JournalFilter {
    /// How many words of a text count.
    pub const MOST_WORDS: usize = 8;
    /// From so many letters on a word is found by an index. Shorter ones only narrow what a longer one finds: by
    /// themselves they would have every entry looked at.
    pub const LEAST_LETTERS: usize = 3;

    /// Whether a text has a word that can be looked for.
    pub fn can_find(text: &str) -> bool {
        text.split_whitespace().take(Self::MOST_WORDS).any(|word| word.chars().count() >= Self::LEAST_LETTERS)
    }

    /// Every entry of a range.
    pub const fn within(from: Timestamp, to: Timestamp) -> Self {
        Self {
            from,
            to,
            rules: Vec::new(),
            sites: Vec::new(),
            areas: Vec::new(),
            priorities: Vec::new(),
            kinds: Vec::new(),
            people: Vec::new(),
            text: String::new(),
        }
    }
}

/// A page of the alarm journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalRows {
    /// Its entries, the newest first.
    pub rows: Vec<JournalRow>,
    /// What the page below comes after; none where nothing is below.
    pub next: Option<u64>,
}

/// An entry of the alarm journal with what a list needs to read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalRow {
    /// Its number, which counts up over the station's life.
    pub seq: u64,
    /// The entry.
    pub transition: Transition,
    /// Who did it, by the name people know them by.
    pub by: Option<String>,
    /// What the alarm is about.
    pub subject: Subject,
    /// On which site that stood.
    pub site: Option<SiteId>,
    /// In which area.
    pub area: Option<AreaId>,
    /// The rule's own name; empty where it has none.
    pub name: String,
    /// What it judges.
    pub condition: penstock_model::Condition,
    /// How urgent it was.
    pub priority: Priority,
}

/// Somebody by the name people know them by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedPerson {
    /// Who.
    pub id: UserId,
    /// What they are called.
    pub full_name: String,
}

/// An alarm rule in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleRow {
    /// The rule.
    pub rule: AlarmRule,
    /// Whether it follows from a point or a site; else a person or a plant file made it.
    pub follows: bool,
}

/// A version of an alarm rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleVersion {
    /// The rule as it was then.
    pub rule: AlarmRule,
    /// When it was stored.
    pub at: Timestamp,
    /// Who changed it, by the name people know them by; none where the station did.
    pub by: Option<String>,
    /// Why, in the person's words.
    pub reason: Option<String>,
}

/// What a change of alarm rules did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RulesReport {
    /// Rules looked at.
    pub read: u32,
    /// Made new.
    pub added: u32,
    /// Changed.
    pub changed: u32,
    /// Left as they were.
    pub same: u32,
    /// Points whose limits change with their rules.
    pub points: u32,
    /// What is wrong; while anything is, nothing is changed.
    pub faults: Vec<ImportFault>,
    /// What a person should look at; it hinders nothing.
    pub hints: Vec<ImportFault>,
}

/// What became of rules that were to be removed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RemovedRules {
    /// Those that are gone.
    pub removed: Vec<RuleId>,
    /// Those that follow from a point or site, and were disabled instead.
    pub disabled: Vec<RuleId>,
    /// Those that nothing was done to, with the reason.
    pub refused: Vec<(RuleId, String)>,
}

/// What a rule would have done over a stretch of history, beside what it does as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleTrial {
    /// The rule as it is stored; nothing where it is new or disabled.
    pub before: TrialFigures,
    /// The rule as it would be.
    pub after: TrialFigures,
    /// What would be raised and is not.
    pub added: Capped<TrialSpan>,
    /// What is raised and would not be, or would be part of another.
    pub removed: Capped<TrialSpan>,
    /// What is raised either way: as it is and as it would be.
    pub kept: Capped<(TrialSpan, TrialSpan)>,
    /// So many samples were judged.
    pub samples: u64,
    /// Until when history was judged.
    pub until: Timestamp,
    /// Whether that took too long: what comes later was not judged.
    pub is_cut: bool,
}

impl RuleTrial {
    /// The longest stretch of history that is judged.
    pub const LONGEST: Duration = Duration::from_secs(92 * 24 * 3_600);
    /// Of each list so many come at most.
    pub const MOST_LISTED: usize = 2_000;
}

/// What a rule comes to over a stretch of history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TrialFigures {
    /// How often it is raised.
    pub raised: u32,
    /// How many of these chatter: three or more within 60 s.
    pub chattering: u32,
    /// How many are fleeting: under 10 s, and not repeated within 60 s.
    pub fleeting: u32,
    /// How many are active for more than 24 hours.
    pub stale: u32,
    /// How long it is active, all together.
    pub active: Duration,
    /// How long it is active at the longest.
    pub longest: Duration,
}

/// A time in which an alarm is active.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrialSpan {
    /// When it is raised.
    pub raised_at: Timestamp,
    /// When it ends; none where it had not ended.
    pub cleared_at: Option<Timestamp>,
    /// The value that raises it, in SI.
    pub value: Option<f64>,
}

/// The first of a list that may be long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capped<T> {
    /// How many there are.
    pub count: u32,
    /// The first of them.
    pub first: Vec<T>,
}

/// The least intrusive change of a rule that takes at least 80 % of its nuisance away, and nothing that somebody acted
/// on, as history shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CureProposal {
    /// The rule with the change.
    pub rule: AlarmRule,
    /// The change.
    pub change: CureChange,
    /// The rule as it is stored.
    pub before: TrialFigures,
    /// The rule with the change.
    pub after: TrialFigures,
    /// How many that nobody acted on are raised as it is stored.
    pub nuisance_before: u32,
    /// And with the change.
    pub nuisance_after: u32,
    /// How many that somebody acted on were held against it, all of them kept.
    pub kept: u32,
    /// How many changes were tried, with this one.
    pub tried: u32,
}

/// A change of one setting of a rule. Values are in the SI unit of what the rule judges.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CureChange {
    /// A wider deadband.
    Deadband {
        /// As it is.
        was: f64,
        /// As it would be.
        to: f64,
    },
    /// A longer off-delay.
    OffDelay {
        /// As it is.
        was: Duration,
        /// As it would be.
        to: Duration,
    },
    /// A longer on-delay.
    OnDelay {
        /// As it is.
        was: Duration,
        /// As it would be.
        to: Duration,
    },
    /// A limit further off.
    Limit {
        /// As it is.
        was: f64,
        /// As it would be.
        to: f64,
    },
}

/// What a file of alarm rules is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleFormat {
    /// Comma-separated text, one rule a row, values in the units that screens show.
    Csv,
    /// JSON, values in SI.
    Json,
}

/// A file of text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextFile {
    /// A name for it.
    pub file_name: String,
    /// Its type (RFC 6838), for example `text/csv`.
    pub media_type: String,
    /// Its text, UTF-8.
    pub text: String,
}

/// What became of an act on several alarms.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ActReport {
    /// Those that it was done to.
    pub done: Vec<RuleId>,
    /// Those that it was not done to or that it is not yet safe for, with the reason.
    pub refused: Vec<(RuleId, ActRefusal)>,
}

/// Why an act on an alarm was not done, or is not yet safe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActRefusal {
    /// What a screen says in the person's language.
    pub cause: RefusalCause,
    /// The same as an English sentence with the cure, for logs and for programs.
    pub message: String,
}

/// What stands against an act on an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCause {
    /// There is no such alarm any more.
    Gone,
    /// It was never raised.
    NeverRaised,
    /// It was raised again after the person last saw it.
    RaisedAgain,
    /// It has no such occurrence.
    NoSuchOccurrence,
    /// Somebody was faster.
    AlreadyAcknowledged {
        /// Who, by the name people know them by; none where that is not known.
        by: Option<String>,
    },
    /// It asks for no acknowledgement.
    NeedsNoAcknowledgement,
    /// It is acknowledged only once it has returned to normal.
    NotYetReturned,
    /// It is critical: what is done about it is to be said.
    NoComment,
    /// There is nothing to reset.
    NotLatched,
    /// It is still active.
    StillActive,
    /// It is not yet acknowledged.
    NotYetAcknowledged,
    /// The shelf would be over at once.
    ShelfIsOver,
    /// The shelf is longer than this person may.
    ShelfTooLong {
        /// For how many minutes at most.
        minutes: u64,
    },
    /// Somebody was faster.
    AlreadyShelved {
        /// Who, by the name people know them by; none where that is not known.
        by: Option<String>,
        /// Until when.
        until: Timestamp,
    },
    /// It is not shelved any more.
    NotShelved,
    /// Somebody was faster.
    AlreadyOutOfService {
        /// Since when.
        since: Timestamp,
    },
    /// It is in service.
    InService,
    /// Why is to be said.
    NoReason,
    /// A comment has no text.
    EmptyComment,
    /// It could not be made durable, so it was not done; the message says why.
    NotKept,
    /// It is done, and will be durable once there is room: until then an end of the station undoes it. The message says
    /// why.
    NotYetKept,
}

/// How every part of the station fares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// Since when the station runs.
    pub since: Timestamp,
    /// What wants a look, the gravest first.
    pub notices: Vec<Notice>,
    /// The ways in.
    pub sources: Vec<SourceHealth>,
    /// The pipeline's counters since the start.
    pub pipeline: PipelineHealth,
    /// The spool.
    pub spool: SpoolHealth,
    /// The database.
    pub database: DatabaseHealth,
    /// Where secrets are kept, in words.
    pub secrets: String,
    /// The newest warnings and errors of the log, newest first.
    pub log: Vec<LogLine>,
}

/// Something that wants a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Since when.
    pub since: Timestamp,
    /// The part it is about.
    pub part: String,
    /// What is wrong.
    pub what: String,
    /// What cures it.
    pub cure: String,
}

/// How a way in fares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceHealth {
    /// Its name in the settings.
    pub name: String,
    /// Where it is, for example `127.0.0.1:18830`.
    pub address: String,
    /// Its protocol, for example `MQTT 5`.
    pub protocol: String,
    /// Whether it is the station's own broker.
    pub private: bool,
    /// Whether it is connected, and since when it is so or not so.
    pub connected: bool,
    /// Since when it is connected or not.
    pub since: Timestamp,
    /// The last error, with its cure.
    pub last_error: Option<String>,
    /// Messages since the start.
    pub messages: u64,
    /// Messages a second over the last seconds.
    pub messages_per_sec: f64,
    /// Times it had to connect anew.
    pub reconnects: u64,
    /// Messages that the broker says it dropped.
    pub dropped: Option<u64>,
}

/// The pipeline's counters since the start.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct PipelineHealth {
    /// Messages taken in.
    pub messages: u64,
    /// Samples read from them.
    pub samples: u64,
    /// Messages or parts of them that could not be read.
    pub rejected: u64,
    /// Samples that were stored already.
    pub duplicates: u64,
    /// Samples stored.
    pub stored: u64,
    /// Samples that points' recording settings left out of the database, those among them that were stored first and
    /// removed when later ones came.
    pub left_out: u64,
    /// Messages waiting to be worked on.
    pub queue: u32,
    /// Room for so many.
    pub queue_bound: u32,
    /// Screens that follow the live feed.
    pub feeds: u32,
}

/// How the spool fares.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct SpoolHealth {
    /// Bytes on disk.
    pub bytes: u64,
    /// Bytes it may have.
    pub bound_bytes: u64,
    /// Records that the database has not.
    pub waiting: u64,
}

/// How the database fares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatabaseHealth {
    /// How it is.
    pub state: crate::DatabaseState,
    /// PostgreSQL's version.
    pub version: String,
    /// Its size.
    pub size_bytes: u64,
    /// About so many samples.
    pub samples: u64,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// `WARN` or `ERROR`.
    pub level: String,
    /// What.
    pub text: String,
}

/// A message that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectRow {
    /// When it came.
    pub at: Timestamp,
    /// From where.
    pub source: String,
    /// Under which topic.
    pub topic: String,
    /// The beginning of it, unprintable bytes as `\xNN`.
    pub payload: String,
    /// Why it could not be read.
    pub reason: String,
}

/// What a device reported in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceAlertRow {
    /// When it came.
    pub at: Timestamp,
    /// From where.
    pub source: String,
    /// Which device.
    pub device: String,
    /// How grave the device says it is.
    pub severity: Option<String>,
    /// What it says.
    pub text: String,
}

/// A whole command that publishes a reading.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishExample {
    /// The command, credentials included.
    pub command: String,
    /// The broker's host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Account for devices.
    pub user: String,
    /// Its password.
    pub password: String,
}

impl std::fmt::Debug for PublishExample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublishExample").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

/// The settings that the app edits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SettingsView {
    /// The file they are kept in.
    pub file: String,
    /// Brokers beside the station's own.
    pub brokers: Vec<BrokerForm>,
    /// Whether the map may show tiles of OpenStreetMap.
    pub tiles: bool,
    /// How long what is measured is kept.
    pub retention: RetentionForm,
    /// Where samples go before they are taken away.
    pub archive: ArchiveForm,
    /// Whether the archive was changed while another one was in use, which it is until the station starts anew.
    pub archive_waits: bool,
    /// Settings that the environment overrides, as the names of the variables.
    pub overridden: Vec<String>,
}

/// How long what is measured is kept, as a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionForm {
    /// Days that samples are kept.
    pub samples_days: u32,
    /// Days that samples are kept of points that measure something else for another time, by what they measure.
    pub samples_days_of: BTreeMap<Quantity, u32>,
    /// Years that roll-ups are kept.
    pub roll_ups_years: u32,
}

impl RetentionForm {
    /// Days that samples of points are kept that measure `quantity`.
    pub fn days_of(&self, quantity: Quantity) -> u32 {
        self.samples_days_of.get(&quantity).copied().unwrap_or(self.samples_days)
    }
}

/// Where samples go before they are taken away, as a form.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ArchiveForm {
    /// A folder that exists, or `s3://bucket/prefix`; none where samples are not archived.
    pub place: Option<String>,
    /// The address of an S3-compatible store; none for Amazon's own.
    pub endpoint: Option<String>,
    /// Its region.
    pub region: Option<String>,
    /// The key that it knows the station by.
    pub access_key: Option<String>,
    /// A new secret for the key; never sent back. None keeps the one there is.
    pub secret: Option<String>,
    /// Whether a secret is kept.
    pub has_secret: bool,
}

impl std::fmt::Debug for ArchiveForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArchiveForm").field("place", &self.place).finish_non_exhaustive()
    }
}

/// What trying an archive gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveTest {
    /// Whether it could be written, read and cleared up.
    pub ok: bool,
    /// What was found, with the cure where it failed.
    pub message: String,
}

/// A version of MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum MqttVersion {
    /// 3.1.1.
    #[default]
    #[serde(rename = "3.1.1")]
    V311,
    /// 5.
    #[serde(rename = "5")]
    V5,
}

/// A broker as a form.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerForm {
    /// Its name; addresses of points begin with it.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// Port, usually 1883, with TLS 8883.
    pub port: u16,
    /// Version of MQTT.
    pub protocol: MqttVersion,
    /// Topic filters to subscribe to.
    pub topics: Vec<String>,
    /// How topics map to points; the first that fits counts, the standard ones come after these.
    pub routes: Vec<RouteForm>,
    /// Account, where it asks for one.
    pub username: Option<String>,
    /// A new password for the account; never sent back. None keeps the one there is.
    pub password: Option<String>,
    /// Whether a password is kept.
    pub has_password: bool,
    /// TLS, where it is used.
    pub tls: Option<TlsForm>,
}

impl std::fmt::Debug for BrokerForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BrokerForm")
            .field("name", &self.name)
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// How a topic maps to a point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteForm {
    /// Topic pattern with `{name}`, `+` and `#`, for example `plant/{site}/{tag}`.
    pub pattern: String,
    /// `auto`, `json`, `plain`, `status` or `alert`.
    pub format: String,
    /// Address of the point, with the names of the pattern, for example `{site}.{tag}`.
    pub address: String,
}

/// TLS towards a broker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TlsForm {
    /// File with the certificates to trust, PEM; the system's where there is none.
    pub ca_file: Option<String>,
    /// File with the client's certificate, PEM.
    pub cert_file: Option<String>,
    /// File with the client's key, PEM.
    pub key_file: Option<String>,
}

/// What trying a broker gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerTest {
    /// Whether it could be connected and subscribed to.
    pub ok: bool,
    /// What was found, with the cure where it failed.
    pub message: String,
}
