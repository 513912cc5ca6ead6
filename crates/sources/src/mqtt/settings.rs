//! What a person sets for one MQTT broker.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Error;

/// One MQTT broker to receive from. The password is not here: it belongs into the keyring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MqttSettings {
    /// What people call this source; each source has a name of its own.
    pub name: String,
    /// Host name or address of the broker.
    #[serde(default = "default_host")]
    pub host: String,
    /// Port of the broker. Plain MQTT is 1883 by custom, MQTT over TLS 8883.
    #[serde(default = "default_port")]
    pub port: u16,
    /// Version of MQTT to speak: "3.1.1" or "5".
    #[serde(default)]
    pub protocol: Protocol,
    /// Topics to subscribe to; `+` stands for one level, `#` for all below. `$SYS` topics are never taken as readings.
    #[serde(default = "default_topics")]
    pub topics: Vec<String>,
    /// Name under which the broker keeps what arrives while this station is away. Must be the same at each start and
    /// differ from that of every other client of the broker.
    pub client_id: String,
    /// User name, where the broker asks for one. Its password is kept in the keyring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Encryption; left out, the connection is plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSettings>,
    /// Largest message taken, in bytes, 1 KiB to 16 MiB. A larger one is refused and told in the source's state.
    #[serde(default = "default_packet_limit_bytes")]
    pub packet_limit_bytes: u32,
    /// Seconds of silence after which the connection is checked, 5 to 3600.
    #[serde(default = "default_keep_alive_secs")]
    pub keep_alive_secs: u16,
    /// Guarantee asked of the broker: 1 delivers every message at least once, 0 may lose some. 2 adds nothing: a reading
    /// that is delivered again is known by its point and time.
    #[serde(default = "default_qos")]
    pub qos: u8,
}

/// Encryption of a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsSettings {
    /// PEM file with the certificates of the authorities trusted for this broker, and no others; left out, those of the
    /// operating system are trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// PEM file with this station's certificate and those that lead to its authority, where the broker asks for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_file: Option<PathBuf>,
    /// PEM file with the key of `cert_file`, in PKCS #8 form (`BEGIN PRIVATE KEY`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// Name that the broker's certificate must bear; left out, it is `host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
}

/// A version of MQTT.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    /// MQTT 3.1.1, which every broker speaks.
    #[default]
    #[serde(rename = "3.1.1")]
    V3,
    /// MQTT 5.
    #[serde(rename = "5")]
    V5,
}

/// Bounds of the packet limit, in bytes. The upper one bounds what one message can take of the station's memory.
pub(crate) const PACKET_LIMIT_BYTES: std::ops::RangeInclusive<u32> = 1024..=16 * 1024 * 1024;

impl MqttSettings {
    /// Settings for a broker at `host`, everything else as by default.
    pub fn new(name: impl Into<String>, host: impl Into<String>, port: u16, client_id: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            host: host.into(),
            port,
            protocol: Protocol::default(),
            topics: default_topics(),
            client_id: client_id.into(),
            username: None,
            tls: None,
            packet_limit_bytes: default_packet_limit_bytes(),
            keep_alive_secs: default_keep_alive_secs(),
            qos: default_qos(),
        }
    }

    /// Where this connects to, without credentials.
    pub fn address(&self) -> String {
        let scheme = if self.tls.is_some() { "mqtts" } else { "mqtt" };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{scheme}://{host}:{}", self.port)
    }

    /// Finds what cannot work before anything is tried.
    ///
    /// # Errors
    /// [`Error::Setting`] names the key and the cure.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |key, cure: String| Err(Error::Setting { source_name: self.name.clone(), key, cure });
        if self.name.trim().is_empty() {
            return wrong("name", "it is empty; give the source a name".to_owned());
        }
        if self.host.trim().is_empty() || self.host.contains(char::is_whitespace) || self.host.contains('/') {
            return wrong("host", format!("{:?} is no host name or address; leave scheme and path out", self.host));
        }
        if self.port == 0 {
            return wrong("port", "0 is no port; 1883 is usual, 8883 with TLS".to_owned());
        }
        if self.client_id.is_empty() || self.client_id.contains(char::is_control) {
            return wrong("client_id", "it must not be empty; use a name of its own for each station".to_owned());
        }
        if self.topics.is_empty() {
            return wrong("topics", "the list is empty; \"#\" stands for all topics".to_owned());
        }
        if let Some(topic) = self.topics.iter().find(|topic| !rumqttc::valid_filter(topic)) {
            return wrong("topics", format!("{topic:?} is no topic filter; + is one whole level, # is last"));
        }
        if !PACKET_LIMIT_BYTES.contains(&self.packet_limit_bytes) {
            return wrong("packet_limit_bytes", format!("{} is not 1024 to 16777216", self.packet_limit_bytes));
        }
        if !(5..=3600).contains(&self.keep_alive_secs) {
            return wrong("keep_alive_secs", format!("{} is not 5 to 3600", self.keep_alive_secs));
        }
        if self.qos > 1 {
            return wrong("qos", format!("{} is not 0 or 1; 1 already delivers every message", self.qos));
        }
        match &self.tls {
            Some(tls) if tls.cert_file.is_some() != tls.key_file.is_some() => {
                wrong("tls", "cert_file and key_file go together; name both or none".to_owned())
            }
            _ => Ok(()),
        }
    }
}

fn default_host() -> String {
    "127.0.0.1".to_owned()
}

const fn default_port() -> u16 {
    1883
}

fn default_topics() -> Vec<String> {
    vec!["#".to_owned()]
}

const fn default_packet_limit_bytes() -> u32 {
    1024 * 1024
}

const fn default_keep_alive_secs() -> u16 {
    30
}

const fn default_qos() -> u8 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<MqttSettings, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn two_lines_are_enough() {
        let settings = parse("name = \"plant\"\nclient_id = \"penstock-1\"").expect("the rest has defaults");
        assert_eq!(settings, MqttSettings::new("plant", "127.0.0.1", 1883, "penstock-1"));
        assert_eq!(settings.topics, ["#"]);
        settings.check().expect("defaults are good");
    }

    #[test]
    fn everything_set_survives_writing() {
        let settings = MqttSettings {
            protocol: Protocol::V5,
            username: Some("station".to_owned()),
            tls: Some(TlsSettings { ca_file: Some("/etc/ca.pem".into()), ..TlsSettings::default() }),
            ..MqttSettings::new("plant", "::1", 8883, "penstock-1")
        };
        let text = toml::to_string(&settings).expect("serialises");
        assert!(text.contains("protocol = \"5\""), "{text}");
        assert_eq!(parse(&text), Ok(settings.clone()));
        assert_eq!(settings.address(), "mqtts://[::1]:8883");
    }

    #[test]
    fn unknown_keys_are_named() {
        for text in ["pasword = \"x\"", "password = \"x\"", "[tls]\nca = \"x\""] {
            let error = parse(&format!("name = \"a\"\nclient_id = \"b\"\n{text}")).expect_err("unknown");
            assert!(error.contains("unknown field"), "{error}");
        }
    }

    #[test]
    fn what_cannot_work_is_named() {
        let check = |key: &str, change: &dyn Fn(&mut MqttSettings)| {
            let mut settings = MqttSettings::new("plant", "broker", 1883, "penstock-1");
            settings.check().expect("good before the change");
            change(&mut settings);
            let error = settings.check().expect_err(key).to_string();
            assert!(error.starts_with(&format!("setting {key} of source ")), "{error}");
        };
        check("name", &|settings| settings.name = " ".to_owned());
        check("host", &|settings| settings.host = "mqtt://broker".to_owned());
        check("port", &|settings| settings.port = 0);
        check("client_id", &|settings| settings.client_id.clear());
        check("topics", &|settings| settings.topics.clear());
        check("topics", &|settings| settings.topics.push("a/#/b".to_owned()));
        check("packet_limit_bytes", &|settings| settings.packet_limit_bytes = 1023);
        check("packet_limit_bytes", &|settings| settings.packet_limit_bytes = 17 * 1024 * 1024);
        check("keep_alive_secs", &|settings| settings.keep_alive_secs = 4);
        check("qos", &|settings| settings.qos = 2);
        check("tls", &|settings| {
            settings.tls = Some(TlsSettings { cert_file: Some("/etc/cert.pem".into()), ..TlsSettings::default() });
        });
    }
}
