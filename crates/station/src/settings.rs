//! The station's settings: one TOML file with documented defaults, overridden by the environment, edited by the app.
//!
//! Must not know what the settings are used for. Passwords are never here (see `secrets`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use penstock_api::{ArchiveForm, BrokerForm, MqttVersion, RetentionForm, RouteForm, TlsForm};
use penstock_model::{AlarmClass, Priority, Quantity};
use penstock_store::Retention;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Name of the settings file inside the data folder.
pub const FILE_NAME: &str = "penstock.toml";

/// Environment variables that override settings begin with this; `__` stands for the dot:
/// `PENSTOCK_GATEWAY__LISTEN` is `gateway.listen`.
pub const ENV_PREFIX: &str = "PENSTOCK_";

/// All settings of a station.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Who the station is.
    pub station: StationSettings,
    /// The plant it watches.
    pub plant: PlantSettings,
    /// Its own broker.
    pub broker: PrivateBrokerSettings,
    /// Brokers beside its own.
    pub brokers: Vec<BrokerSettings>,
    /// Where screens in a browser reach it.
    pub gateway: GatewaySettings,
    /// The live feed.
    pub live: LiveSettings,
    /// Which alarms are acknowledged with a comment only.
    pub alarm_comments: AlarmComments,
    /// The journal ahead of the database.
    pub spool: SpoolSettings,
    /// How long what is measured is kept.
    pub retention: RetentionSettings,
    /// Where samples go before they are taken away.
    pub archive: ArchiveSettings,
    /// The map.
    pub map: MapSettings,
    /// The log.
    pub log: LogSettings,
    /// The demo plant.
    pub demo: DemoSettings,
}

/// Who the station is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StationSettings {
    /// Its name on screens and in journals.
    pub name: String,
    /// A session ends after so many minutes without a call; the live feed counts as one.
    pub session_idle_mins: u64,
}

impl Default for StationSettings {
    fn default() -> Self {
        Self { name: "station-a".into(), session_idle_mins: 12 * 60 }
    }
}

/// The plant it watches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlantSettings {
    /// Its name, until a plant file brings one.
    pub name: String,
    /// IANA name of the zone it lies in, until a plant file brings one.
    pub time_zone: String,
    /// A plant file that the first start imports.
    pub import: Option<PathBuf>,
}

impl Default for PlantSettings {
    fn default() -> Self {
        Self { name: "Plant".into(), time_zone: "UTC".into(), import: None }
    }
}

/// The station's own broker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrivateBrokerSettings {
    /// Whether it runs one.
    pub enabled: bool,
}

impl Default for PrivateBrokerSettings {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// A broker beside the station's own. Its password is kept in the keyring, never here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerSettings {
    /// Its name; addresses of points begin with it.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// Port, usually 1883, with TLS 8883.
    #[serde(default = "default_mqtt_port")]
    pub port: u16,
    /// `3.1.1` or `5`.
    #[serde(default)]
    pub protocol: MqttVersion,
    /// Topic filters to subscribe to.
    #[serde(default = "default_topics")]
    pub topics: Vec<String>,
    /// How topics map to points; the first that fits counts, the standard ones come after these.
    #[serde(default)]
    pub routes: Vec<RouteForm>,
    /// Account, where it asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// TLS, where it is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsForm>,
}

const fn default_mqtt_port() -> u16 {
    1883
}

fn default_topics() -> Vec<String> {
    vec!["#".into()]
}

impl BrokerSettings {
    /// What a form says, its password aside.
    pub fn from_form(form: &BrokerForm) -> Self {
        Self {
            name: form.name.trim().to_owned(),
            host: form.host.trim().to_owned(),
            port: form.port,
            protocol: form.protocol,
            topics: form.topics.clone(),
            routes: form.routes.clone(),
            username: form.username.clone().filter(|name| !name.is_empty()),
            tls: form.tls.clone(),
        }
    }

    /// As a form, without its password.
    pub fn to_form(&self, has_password: bool) -> BrokerForm {
        BrokerForm {
            name: self.name.clone(),
            host: self.host.clone(),
            port: self.port,
            protocol: self.protocol,
            topics: self.topics.clone(),
            routes: self.routes.clone(),
            username: self.username.clone(),
            password: None,
            has_password,
            tls: self.tls.clone(),
        }
    }

    /// Checks what a person may have mistyped.
    ///
    /// # Errors
    /// The key that is wrong and how to mend it.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if self.name.is_empty() || self.name.len() > 40 || !plain(&self.name) {
            return Err(("name", "use 1 to 40 letters, digits, dots, hyphens".into()));
        }
        if self.name == LOCAL_SOURCE {
            return Err(("name", format!("{LOCAL_SOURCE:?} is the station's own broker: choose another name")));
        }
        if self.host.is_empty() || self.host.contains(char::is_whitespace) {
            return Err(("host", "give the broker's host name or address".into()));
        }
        if self.port == 0 {
            return Err(("port", "give a port from 1 to 65535".into()));
        }
        if self.topics.is_empty() || self.topics.iter().any(String::is_empty) {
            return Err(("topics", "give at least one topic filter, for example \"plant/#\"".into()));
        }
        Ok(())
    }
}

/// Name of the station's own broker among the sources.
pub const LOCAL_SOURCE: &str = "local";

/// Where screens in a browser reach the station.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewaySettings {
    /// Address and port; port 0 takes a free one. Loopback only: there is no TLS yet.
    pub listen: String,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self { listen: "127.0.0.1:8470".into() }
    }
}

/// The live feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiveSettings {
    /// Milliseconds between frames, 20 to 1,000.
    pub tick_millis: u64,
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self { tick_millis: 50 }
    }
}

impl LiveSettings {
    /// Time between frames.
    pub const fn tick(&self) -> Duration {
        Duration::from_millis(self.tick_millis)
    }
}

/// Which alarms are acknowledged with a comment only: by class, how urgent they are at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlarmComments {
    /// People's health or life.
    pub safety: CommentFrom,
    /// The environment.
    pub environment: CommentFrom,
    /// Supply of water.
    pub supply: CommentFrom,
    /// Equipment and money.
    pub equipment: CommentFrom,
}

/// How urgent an alarm must be for a comment to be demanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommentFrom {
    /// Critical.
    #[default]
    P1,
    /// High, or more urgent.
    P2,
    /// Medium, or more urgent.
    P3,
    /// Any.
    P4,
    /// None is.
    Never,
}

impl AlarmComments {
    /// Whether an alarm of this class and priority is acknowledged with a comment only.
    pub fn demand(&self, class: AlarmClass, priority: Priority) -> bool {
        let from = match class {
            AlarmClass::Safety => self.safety,
            AlarmClass::Environment => self.environment,
            AlarmClass::Supply => self.supply,
            AlarmClass::Equipment => self.equipment,
        };
        let least = match from {
            CommentFrom::P1 => 1,
            CommentFrom::P2 => 2,
            CommentFrom::P3 => 3,
            CommentFrom::P4 => 4,
            CommentFrom::Never => 0,
        };
        priority.digit() <= least
    }
}

/// The journal ahead of the database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpoolSettings {
    /// Megabytes it may take on disk while the database is away; never more than half of what is free there.
    pub max_megabytes: u64,
}

impl Default for SpoolSettings {
    fn default() -> Self {
        Self { max_megabytes: 10_000 }
    }
}

/// How long what is measured is kept. It goes a month at a time, roll-ups by the hour and day a year at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionSettings {
    /// Days that samples are kept.
    pub samples_days: u32,
    /// Days that samples are kept of points that measure something else for another time, by what they measure.
    pub samples_days_of: BTreeMap<Quantity, u32>,
    /// Years that roll-ups are kept: the count, extremes and means of each minute, hour and day.
    pub roll_ups_years: u32,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self { samples_days: 90, samples_days_of: BTreeMap::new(), roll_ups_years: 10 }
    }
}

impl RetentionSettings {
    /// What a form says.
    pub fn from_form(form: &RetentionForm) -> Self {
        Self {
            samples_days: form.samples_days,
            samples_days_of: form.samples_days_of.clone(),
            roll_ups_years: form.roll_ups_years,
        }
    }

    /// As a form.
    pub fn to_form(&self) -> RetentionForm {
        RetentionForm {
            samples_days: self.samples_days,
            samples_days_of: self.samples_days_of.clone(),
            roll_ups_years: self.roll_ups_years,
        }
    }

    /// As the historian takes it.
    pub(crate) fn to_store(&self) -> Retention {
        let days = |days: u32| Duration::from_secs(u64::from(days) * 24 * 3_600);
        Retention {
            samples: days(self.samples_days),
            samples_of: self.samples_days_of.iter().map(|(quantity, count)| (*quantity, days(*count))).collect(),
            roll_ups: days(self.roll_ups_years * 366),
        }
    }
}

/// Where samples go before they are taken away: a Parquet file a month. The secret of its key is kept in the keyring
/// (`archive`), never here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArchiveSettings {
    /// A folder that exists, or `s3://bucket/prefix`; none where samples are not archived.
    pub place: Option<String>,
    /// The address of an S3-compatible store; none for Amazon's own.
    pub endpoint: Option<String>,
    /// Its region.
    pub region: Option<String>,
    /// The key that it knows the station by.
    pub access_key: Option<String>,
}

impl ArchiveSettings {
    /// What a form says, its secret aside.
    pub fn from_form(form: &ArchiveForm) -> Self {
        let some = |text: &Option<String>| {
            let text = text.as_deref().unwrap_or_default().trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        Self {
            place: some(&form.place),
            endpoint: some(&form.endpoint),
            region: some(&form.region),
            access_key: some(&form.access_key),
        }
    }

    /// As a form, without its secret.
    pub fn to_form(&self, has_secret: bool) -> ArchiveForm {
        ArchiveForm {
            place: self.place.clone(),
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            access_key: self.access_key.clone(),
            secret: None,
            has_secret,
        }
    }

    /// Whether it is a store on the network, which asks for a key.
    pub fn is_store(&self) -> bool {
        self.place.as_deref().is_some_and(|place| place.starts_with("s3://"))
    }
}

/// The map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MapSettings {
    /// Whether it may show tiles, fetched and cached by the station.
    pub tiles: bool,
    /// Where tiles come from.
    pub tile_url: String,
}

impl Default for MapSettings {
    fn default() -> Self {
        Self { tiles: false, tile_url: "https://tile.openstreetmap.org/{z}/{x}/{y}.png".into() }
    }
}

/// The log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// `text` or `json`.
    pub format: LogFormat,
    /// What is logged, for example `info` or `info,penstock_sources=debug`.
    pub level: String,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".into() }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// The demo plant.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DemoSettings {
    /// Whether its people can sign in, with passwords made at each start; ends with the first broker that is added.
    pub people: bool,
}

/// Settings with where they come from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What is in force.
    pub settings: Settings,
    /// The file.
    pub file: PathBuf,
    /// Variables of the environment that override it.
    pub overridden: Vec<String>,
}

/// Reads `<data>/penstock.toml`, which is written with its documentation where there is none, under the overrides of
/// `environment`.
///
/// # Errors
/// [`Error::Setting`] names file, key and cure; [`Error::File`] where the file cannot be read or made.
pub fn load(data: &Path, environment: impl Iterator<Item = (String, String)>) -> Result<Loaded, Error> {
    let file = data.join(FILE_NAME);
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            std::fs::write(&file, DOCUMENTED).map_err(|source| Error::file("settings file", &file, source))?;
            DOCUMENTED.to_owned()
        }
        Err(source) => return Err(Error::file("settings file", &file, source)),
    };
    let mut document: toml::Table =
        text.parse().map_err(|error: toml::de::Error| setting_error(&file.display().to_string(), "", &error))?;
    // The file alone first, so that its own faults are told with its own name.
    let of_file: Settings =
        document.clone().try_into().map_err(|error| fault(&file.display().to_string(), &document, error))?;
    check(&of_file, &file.display().to_string())?;

    let mut overridden = Vec::new();
    let defaults = toml::Table::try_from(Settings::default()).unwrap_or_default();
    let mut overrides: Vec<(String, String)> =
        environment.filter(|(name, _)| name.starts_with(ENV_PREFIX) && name.contains("__")).collect();
    overrides.sort();
    for (name, value) in overrides {
        let path = name.trim_start_matches(ENV_PREFIX).to_ascii_lowercase();
        let Some((section, key)) = path.split_once("__") else { continue };
        if section == "secret" {
            continue; // read by `secrets`
        }
        let table = document.entry(section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        let toml::Value::Table(table) = table else {
            return Err(Error::Setting {
                file: "environment".into(),
                key: name,
                problem: format!("{section} is a list: change it in {}", file.display()),
            });
        };
        table.insert(key.to_owned(), parse_value(&value, defaults.get(section).and_then(|section| section.get(key))));
        overridden.push(name);
    }
    let settings: Settings = document.clone().try_into().map_err(|error| fault("environment", &document, error))?;
    check(&settings, "environment")?;
    Ok(Loaded { settings, file, overridden })
}

/// A value of the environment: a number or a truth value where the setting is one and it reads as one, else text.
fn parse_value(text: &str, default: Option<&toml::Value>) -> toml::Value {
    let parsed = match default {
        Some(toml::Value::Integer(_)) => text.parse().ok().map(toml::Value::Integer),
        Some(toml::Value::Boolean(_)) => text.parse().ok().map(toml::Value::Boolean),
        _ => None,
    };
    parsed.unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

fn setting_error(file: &str, key: &str, error: &toml::de::Error) -> Error {
    Error::Setting { file: file.to_owned(), key: key.to_owned(), problem: error.to_string().trim().replace('\n', " ") }
}

/// Finds the section that does not fit, to name it.
fn fault(file: &str, document: &toml::Table, whole: toml::de::Error) -> Error {
    for (section, value) in document {
        let alone: toml::Table = [(section.clone(), value.clone())].into_iter().collect();
        if let Err(error) = alone.try_into::<Settings>() {
            return setting_error(file, section, &error);
        }
    }
    setting_error(file, "", &whole)
}

fn check(settings: &Settings, file: &str) -> Result<(), Error> {
    let wrong =
        |key: &str, problem: String| Err(Error::Setting { file: file.to_owned(), key: key.to_owned(), problem });
    if !(20..=1_000).contains(&settings.live.tick_millis) {
        return wrong("live.tick_millis", "give 20 to 1000".into());
    }
    if jiff::tz::TimeZone::get(&settings.plant.time_zone).is_err() {
        let zone = &settings.plant.time_zone;
        return wrong(
            "plant.time_zone",
            format!("{zone:?} is no time zone: give an IANA name, for example Asia/Kolkata or UTC"),
        );
    }
    if let Some(part) = settings.log.level.split(',').find(|part| !is_log_level(part.trim())) {
        return wrong(
            "log.level",
            format!("{part:?} is no level: give for example info, or info,penstock_sources=debug"),
        );
    }
    if settings.spool.max_megabytes < 64 {
        return wrong("spool.max_megabytes", "give at least 64".into());
    }
    let days =
        settings.retention.samples_days_of.iter().map(|(of, days)| (format!("samples_days_of.{}", of.name()), days));
    for (key, days) in days.chain(std::iter::once(("samples_days".to_owned(), &settings.retention.samples_days))) {
        if !(1..=36_600).contains(days) {
            return wrong(&format!("retention.{key}"), "give 1 to 36600 days".into());
        }
    }
    let longest = settings.retention.samples_days_of.values().chain([&settings.retention.samples_days]).max();
    if longest.is_some_and(|days| *days > settings.retention.roll_ups_years.saturating_mul(366)) {
        return wrong("retention.roll_ups_years", "keep roll-ups at least as long as samples: trends read them".into());
    }
    if !(1..=100).contains(&settings.retention.roll_ups_years) {
        return wrong("retention.roll_ups_years", "give 1 to 100".into());
    }
    if settings.archive.place.as_ref().is_some_and(|place| !place.starts_with('/') && !place.starts_with("s3://")) {
        return wrong("archive.place", "give the full path of a folder, or s3://bucket/prefix".into());
    }
    match settings.gateway.listen.parse::<std::net::SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => {}
        Ok(_) => {
            return wrong("gateway.listen", "only loopback is served without TLS: use 127.0.0.1 and a port".into());
        }
        Err(_) => return wrong("gateway.listen", "give an address and a port, for example 127.0.0.1:8470".into()),
    }
    let mut names = std::collections::BTreeSet::new();
    for broker in &settings.brokers {
        if let Err((key, problem)) = broker.check() {
            return wrong(&format!("brokers.{}.{key}", broker.name), problem);
        }
        if !names.insert(&broker.name) {
            return wrong(&format!("brokers.{}", broker.name), "two brokers have this name: rename one".into());
        }
    }
    for part in ["{z}", "{x}", "{y}"] {
        if !settings.map.tile_url.contains(part) {
            return wrong("map.tile_url", format!("{part} is missing"));
        }
    }
    Ok(())
}

/// Whether this is a level, or a module with its level.
fn is_log_level(part: &str) -> bool {
    let (module, level) = part.rsplit_once('=').map_or((None, part), |(module, level)| (Some(module), level));
    let is_level =
        ["off", "error", "warn", "info", "debug", "trace"].iter().any(|known| level.eq_ignore_ascii_case(known));
    is_level && module.is_none_or(|module| !module.trim().is_empty())
}

/// Changes the file by `edit`, keeping its comments, in one step that a crash cannot tear.
///
/// # Errors
/// [`Error::File`] where it cannot be read or written, [`Error::Setting`] where the outcome would not be valid.
pub fn edit(file: &Path, edit: impl FnOnce(&mut toml_edit::DocumentMut)) -> Result<Settings, Error> {
    let text = std::fs::read_to_string(file).map_err(|source| Error::file("settings file", file, source))?;
    let name = file.display().to_string();
    let mut document: toml_edit::DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| Error::Setting {
        file: name.clone(),
        key: String::new(),
        problem: error.to_string(),
    })?;
    edit(&mut document);
    let text = document.to_string();
    let settings: Settings = toml::from_str(&text).map_err(|error| setting_error(&name, "", &error))?;
    check(&settings, &name)?;
    let fresh = file.with_extension("toml.new");
    let written = std::fs::File::create(&fresh).and_then(|mut new| {
        std::io::Write::write_all(&mut new, text.as_bytes())?;
        new.sync_all()?;
        std::fs::rename(&fresh, file)
    });
    written.map_err(|source| Error::file("settings file", file, source))?;
    Ok(settings)
}

/// Puts `brokers` at the end of the file's document, after the comment that is there; all before stays as it is.
pub fn put_brokers(document: &mut toml_edit::DocumentMut, brokers: &[BrokerSettings]) {
    #[derive(Serialize)]
    struct Holder<'a> {
        brokers: &'a [BrokerSettings],
    }
    let removed = document.remove("brokers");
    let first = removed.as_ref().and_then(toml_edit::Item::as_array_of_tables).and_then(|tables| tables.get(0));
    let before = first.and_then(|table| table.decor().prefix()?.as_str()).unwrap_or_default();
    let mut comment = format!("{before}{}", document.trailing().as_str().unwrap_or_default());
    let rendered =
        toml::to_string(&Holder { brokers }).ok().and_then(|text| text.parse::<toml_edit::DocumentMut>().ok());
    let item = rendered.and_then(|mut rendered| rendered.remove("brokers"));
    let Some(toml_edit::Item::ArrayOfTables(mut tables)) = item else {
        document.set_trailing(comment);
        return;
    };
    for table in tables.iter_mut() {
        place(table, Some(isize::MAX));
    }
    if let Some(first) = tables.get_mut(0) {
        if !comment.ends_with('\n') {
            comment.push('\n');
        }
        first.decor_mut().set_prefix(comment);
        document.set_trailing("");
    }
    document.insert("brokers", toml_edit::Item::ArrayOfTables(tables));
}

/// Puts into the file's document whether the map may show tiles.
pub fn put_tiles(document: &mut toml_edit::DocumentMut, enabled: bool) {
    put(document, "map", "tiles", Some(enabled.into()));
}

/// Puts how long things are kept into the file's document.
pub fn put_retention(document: &mut toml_edit::DocumentMut, retention: &RetentionSettings) {
    let mut days_of = toml_edit::InlineTable::new();
    for (quantity, days) in &retention.samples_days_of {
        days_of.insert(quantity.name(), i64::from(*days).into());
    }
    let days_of = (!days_of.is_empty()).then_some(toml_edit::Value::InlineTable(days_of));
    put(document, "retention", "samples_days", Some(i64::from(retention.samples_days).into()));
    put(document, "retention", "roll_ups_years", Some(i64::from(retention.roll_ups_years).into()));
    put(document, "retention", "samples_days_of", days_of);
}

/// Puts an archive into the file's document.
pub fn put_archive(document: &mut toml_edit::DocumentMut, archive: &ArchiveSettings) {
    let ArchiveSettings { place, endpoint, region, access_key } = archive;
    for (key, value) in [("place", place), ("endpoint", endpoint), ("region", region), ("access_key", access_key)] {
        put(document, "archive", key, value.as_deref().map(Into::into));
    }
}

/// Puts a value into a section, or takes it away; the comments around it stay.
fn put(document: &mut toml_edit::DocumentMut, section: &str, key: &str, value: Option<toml_edit::Value>) {
    let Some(table) = document.entry(section).or_insert_with(toml_edit::table).as_table_like_mut() else { return };
    let Some(mut value) = value else {
        table.remove(key);
        return;
    };
    match table.get_mut(key).and_then(toml_edit::Item::as_value_mut) {
        Some(former) => {
            *value.decor_mut() = former.decor().clone();
            *former = value;
        }
        None => {
            table.insert(key, toml_edit::Item::Value(value));
        }
    }
}

/// Sets where a table is written; the tables in it follow it.
fn place(table: &mut toml_edit::Table, position: Option<isize>) {
    table.set_position(position);
    for (_, item) in table.iter_mut() {
        match item {
            toml_edit::Item::Table(inner) => place(inner, None),
            toml_edit::Item::ArrayOfTables(inner) => inner.iter_mut().for_each(|inner| place(inner, None)),
            _ => {}
        }
    }
}

/// What a new installation's file says.
const DOCUMENTED: &str = include_str!("penstock.toml");

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str, environment: &[(&str, &str)]) -> Result<Settings, String> {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join(FILE_NAME), text).expect("written");
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        load(folder.path(), environment).map(|loaded| loaded.settings).map_err(|error| error.to_string())
    }

    #[test]
    fn each_class_says_from_which_priority_on_a_comment_is_demanded() {
        let read: Settings = toml::from_str("[alarm_comments]\nsafety = \"p3\"\nequipment = \"never\"").expect("valid");
        let demanded = |class: AlarmClass| Priority::ALL.map(|priority| read.alarm_comments.demand(class, priority));
        assert_eq!(demanded(AlarmClass::Safety), [true, true, true, false]);
        assert_eq!(demanded(AlarmClass::Supply), [true, false, false, false], "as long as nobody says otherwise");
        assert_eq!(demanded(AlarmClass::Equipment), [false; 4]);
    }

    #[test]
    fn the_documented_file_says_the_defaults() {
        assert_eq!(load_text(DOCUMENTED, &[]), Ok(Settings::default()));
    }

    #[test]
    fn a_first_start_writes_the_file() {
        let folder = tempfile::tempdir().expect("folder");
        load(folder.path(), std::iter::empty()).expect("loads");
        assert!(folder.path().join(FILE_NAME).exists());
    }

    #[test]
    fn the_environment_overrides() {
        let settings = load_text("", &[("PENSTOCK_LIVE__TICK_MILLIS", "100"), ("PENSTOCK_STATION__NAME", "north")]);
        let settings = settings.expect("valid");
        assert_eq!((settings.live.tick_millis, settings.station.name.as_str()), (100, "north"));
    }

    #[test]
    fn a_text_of_the_environment_may_look_like_anything() {
        for name in ["42", "true", ""] {
            let settings = load_text("", &[("PENSTOCK_STATION__NAME", name), ("PENSTOCK_PLANT__IMPORT", name)]);
            let settings = settings.expect("valid");
            assert_eq!((settings.station.name, settings.plant.import), (name.to_owned(), Some(name.into())));
        }
        let settings = load_text("", &[("PENSTOCK_DEMO__PEOPLE", "true"), ("PENSTOCK_SPOOL__MAX_MEGABYTES", "100")]);
        let settings = settings.expect("valid");
        assert_eq!((settings.demo.people, settings.spool.max_megabytes), (true, 100));
    }

    #[test]
    fn wrong_settings_are_named_with_their_cure() {
        let check = |text: &str, environment: &[(&str, &str)], parts: &[&str]| {
            let message = load_text(text, environment).expect_err(text);
            for part in parts {
                assert!(message.contains(part), "{part:?} is not in {message:?}");
            }
        };
        check("[live]\ntick_millis = 5", &[], &["penstock.toml", "live.tick_millis", "20 to 1000"]);
        check("[live]\ntick = 5", &[], &["penstock.toml", "live", "tick"]);
        check("[gateway]\nlisten = \"0.0.0.0:80\"", &[], &["gateway.listen", "loopback"]);
        check("", &[("PENSTOCK_LOG__FORMAT", "xml")], &["environment", "log", "xml"]);
        check("[[brokers]]\nname=\"a\"\nhost=\"\"", &[], &["brokers.a.host"]);
        check("[[brokers]]\nname=\"local\"\nhost=\"h\"", &[], &["own broker"]);
        check("nonsense", &[], &["penstock.toml"]);
        check("[log]\nlevel = \"nonsense=,,x\"", &[], &["penstock.toml", "log.level", "nonsense=", "for example info"]);
        check("[log]\nlevel = \"loud\"", &[], &["log.level", "loud"]);
        check("[retention]\nsamples_days = 0", &[], &["retention.samples_days", "1 to 36600"]);
        check("[retention.samples_days_of]\nsmell = 9", &[], &["retention", "smell"]);
        check("[retention.samples_days_of]\npressure = 0", &[], &["samples_days_of.pressure"]);
        check("[archive]\nplace = \"old\"", &[], &["archive.place", "full path"]);
        check("[plant]\ntime_zone = \"Mars/X\"", &[], &["penstock.toml", "plant.time_zone", "Mars/X", "IANA"]);
        check("", &[("PENSTOCK_LIVE__TICK_MILLIS", "often")], &["environment", "live", "often"]);
    }

    #[test]
    fn brokers_between_sections_go_to_the_end_with_their_comment() {
        let text = "# first\n[station]\nname = \"a\"\n\n# ours\n[[brokers]]\nname = \"x\"\nhost = \"h\"\n\n# last\n[demo]\n\
                    people = false\n# end";
        let mut document: toml_edit::DocumentMut = text.parse().expect("valid");
        let settings: Settings = toml::from_str(text).expect("valid");
        put_brokers(&mut document, &settings.brokers);
        let changed = document.to_string();
        let rest = changed.strip_prefix("# first\n[station]\nname = \"a\"\n\n# last\n[demo]\npeople = false\n");
        let rest = rest.expect("sections stay");
        assert!(rest.starts_with("\n# ours\n# end\n[[brokers]]\nname = \"x\"\n"), "{rest}");
    }

    #[test]
    fn single_settings_are_put_where_they_stand() {
        let text_of = |document: &toml_edit::DocumentMut| document.to_string();
        let mut document: toml_edit::DocumentMut = DOCUMENTED.parse().expect("valid");
        let retention = RetentionSettings {
            samples_days: 400,
            samples_days_of: BTreeMap::from([(Quantity::Pressure, 700), (Quantity::Power, 30)]),
            roll_ups_years: 12,
        };
        let archive = ArchiveSettings {
            place: Some("s3://water/samples".into()),
            endpoint: Some("https://minio.example.org:9000".into()),
            region: None,
            access_key: Some("penstock".into()),
        };
        put_retention(&mut document, &retention);
        put_archive(&mut document, &archive);
        put_tiles(&mut document, true);
        let settings = toml::from_str::<Settings>(&text_of(&document)).expect("valid");
        assert_eq!((&settings.retention, &settings.archive, settings.map.tiles), (&retention, &archive, true));
        for line in DOCUMENTED.lines().filter(|line| line.starts_with('#')) {
            assert!(text_of(&document).contains(line), "{line:?} is gone");
        }
        put_retention(&mut document, &RetentionSettings::default());
        put_archive(&mut document, &ArchiveSettings::default());
        put_tiles(&mut document, false);
        assert_eq!(text_of(&document), DOCUMENTED, "there and back");
    }

    #[test]
    fn a_table_of_days_becomes_a_line() {
        let text = "[retention]\nsamples_days = 9 # short\n\n[retention.samples_days_of]\nflow = 8\n";
        let mut document: toml_edit::DocumentMut = text.parse().expect("valid");
        let days_of = BTreeMap::from([(Quantity::Flow, 7)]);
        put_retention(&mut document, &RetentionSettings { samples_days_of: days_of.clone(), ..Default::default() });
        let changed = document.to_string();
        let settings: Settings = toml::from_str(&changed).expect("valid");
        assert_eq!((settings.retention.samples_days, settings.retention.samples_days_of), (90, days_of));
        assert!(changed.contains("samples_days = 90 # short"), "{changed}");
    }

    #[test]
    fn forms_come_back_as_they_went() {
        let form = ArchiveForm {
            place: Some(" s3://water ".into()),
            endpoint: Some("  ".into()),
            secret: Some("hunter2".into()),
            ..ArchiveForm::default()
        };
        let settings = ArchiveSettings::from_form(&form);
        assert!(settings.is_store());
        assert_eq!((settings.place.as_deref(), &settings.endpoint), (Some("s3://water"), &None));
        assert_eq!(settings.to_form(true).secret, None);
        assert!(!format!("{form:?}").contains("hunter2"));
        let retention = RetentionSettings::default();
        assert_eq!(RetentionSettings::from_form(&retention.to_form()), retention);
    }

    #[test]
    fn edits_keep_comments() {
        let folder = tempfile::tempdir().expect("folder");
        let loaded = load(folder.path(), std::iter::empty()).expect("loads");
        let broker = BrokerSettings {
            name: "site-2".into(),
            host: "10.0.0.2".into(),
            port: 8883,
            protocol: MqttVersion::V5,
            topics: vec!["plant/#".into()],
            routes: vec![RouteForm { pattern: "plant/{tag}".into(), format: "plain".into(), address: "{tag}".into() }],
            username: Some("penstock".into()),
            tls: Some(TlsForm::default()),
        };
        let changed = edit(&loaded.file, |document| put_brokers(document, std::slice::from_ref(&broker)));
        assert_eq!(changed.expect("valid").brokers, vec![broker.clone()]);
        let text = std::fs::read_to_string(&loaded.file).expect("there");
        let (before, after) = text.split_once("\n[[brokers]]\n").expect("written");
        assert_eq!(format!("{before}\n"), DOCUMENTED, "all else is as it was");
        for part in ["site-2", "plant/{tag}"] {
            assert!(after.contains(part), "{part} is not at the end of {text}");
        }
        let two = [broker.clone(), BrokerSettings { name: "site-3".into(), ..broker.clone() }];
        edit(&loaded.file, |document| put_brokers(document, &two)).expect("valid");
        edit(&loaded.file, |document| put_brokers(document, std::slice::from_ref(&broker))).expect("valid");
        assert_eq!(std::fs::read_to_string(&loaded.file).expect("there"), text, "the same again is the same");
        let again = load(folder.path(), std::iter::empty()).expect("loads");
        assert_eq!(again.settings.brokers, vec![broker]);
        let emptied = edit(&loaded.file, |document| put_brokers(document, &[])).expect("valid");
        assert!(emptied.brokers.is_empty());
        assert_eq!(std::fs::read_to_string(&loaded.file).expect("there"), DOCUMENTED);
    }
}
