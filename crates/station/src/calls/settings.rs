//! Settings that the app edits: brokers, map tiles, how long what is measured is kept, and its archive.

use std::sync::atomic::Ordering;

use penstock_api::{
    ApiError, ArchiveForm, ArchiveTest, BrokerForm, BrokerTest, Code, Done, RetentionForm, SettingsView,
};
use penstock_archive::StoredFile;
use penstock_sources::Secret;
use penstock_store::AuditEntry;

use super::{Context, DONE};
use crate::Error;
use crate::configuration::store_error;
use crate::housekeeping::ARCHIVE_SECRET;
use crate::settings::{self, ArchiveSettings, BrokerSettings, RetentionSettings, Settings};
use crate::station::secret_name;

impl Context<'_> {
    pub(super) async fn settings_view(&self) -> Result<SettingsView, ApiError> {
        let loaded = self.shared.settings().clone();
        let mut brokers = Vec::new();
        for broker in &loaded.settings.brokers {
            let has_password = self.shared.broker_password(&broker.name).await.map_err(failed)?.is_some();
            brokers.push(broker.to_form(has_password));
        }
        let has_secret = self.shared.archive_secret().await.map_err(problem)?.is_some();
        Ok(SettingsView {
            file: loaded.file.display().to_string(),
            brokers,
            tiles: loaded.settings.map.tiles,
            retention: loaded.settings.retention.to_form(),
            archive: loaded.settings.archive.to_form(has_secret),
            archive_waits: self.shared.archive_waits.load(Ordering::Relaxed),
            overridden: loaded.overridden,
        })
    }

    pub(super) async fn save_broker(&self, form: BrokerForm) -> Result<Done, ApiError> {
        let broker = checked(&form)?;
        // All of it before anything is kept.
        self.shared.mqtt_settings(&broker).check().map_err(|error| ApiError::invalid(error.to_string()))?;
        let _one_at_a_time = self.shared.turn().await?;
        let before = self.shared.settings().settings.brokers.clone();
        let mut brokers = before.clone();
        match brokers.iter_mut().find(|known| known.name == broker.name) {
            Some(known) => *known = broker.clone(),
            None => brokers.push(broker.clone()),
        }
        if let Some(password) = form.password.filter(|password| !password.is_empty()) {
            let (secrets, name) = (self.shared.secrets.clone(), secret_name(&broker.name));
            blocking(move || secrets.set(&name, &password).map_err(|error| failed(error.into()))).await?;
            self.tell_of_passing(&format!("source {}", broker.name), "password", &secret_name(&broker.name));
        }
        self.keep(|document| settings::put_brokers(document, &brokers), |now, kept| now.brokers = kept.brokers)?;
        let entry = AuditEntry {
            old: before
                .iter()
                .find(|known| known.name == broker.name)
                .and_then(|known| serde_json::to_value(known).ok()),
            new: serde_json::to_value(&broker).ok(),
            ..self.audit(format!("broker {}", broker.name))
        };
        self.shared.store.append_audit(&[entry]).await.map_err(store_error)?;
        self.shared.start_broker_source(&broker).await.map_err(failed)?;
        // The demo's people are for a station that watches nothing real.
        let ended = self.shared.demo.end();
        self.shared.sessions.close_all_of(&ended);
        self.shared.positions.tell();
        Ok(DONE)
    }

    /// Without a keyring a secret is gone after the next restart: better said now than then.
    fn tell_of_passing(&self, part: &str, kind: &'static str, secret: &str) {
        if self.shared.secrets.is_lasting(secret) {
            self.shared.notices.clear(part, kind);
            return;
        }
        self.shared.notices.set(
            part,
            kind,
            format!("its {kind} is kept until the station ends, because there is no usable keyring"),
            format!(
                "give it at each start, as {} in the environment or as the systemd credential {secret:?}",
                crate::secrets::variable(secret)
            ),
        );
    }

    pub(super) async fn remove_broker(&self, name: &str) -> Result<Done, ApiError> {
        let _one_at_a_time = self.shared.turn().await?;
        let mut brokers = self.shared.settings().settings.brokers.clone();
        let Some(at) = brokers.iter().position(|known| known.name == name) else {
            return Err(ApiError::new(Code::NotFound, format!("there is no broker {name:?}")));
        };
        let removed = brokers.remove(at);
        self.keep(|document| settings::put_brokers(document, &brokers), |now, kept| now.brokers = kept.brokers)?;
        self.shared.ways_in.stop(name).await;
        self.shared.notices.clear_part(&format!("source {name}"));
        let (secrets, secret) = (self.shared.secrets.clone(), secret_name(name));
        blocking(move || secrets.forget(&secret).map_err(|error| failed(error.into()))).await?;
        let entry = AuditEntry { old: serde_json::to_value(&removed).ok(), ..self.audit(format!("broker {name}")) };
        self.shared.store.append_audit(&[entry]).await.map_err(store_error)?;
        Ok(DONE)
    }

    pub(super) async fn test_broker(&self, form: BrokerForm) -> Result<BrokerTest, ApiError> {
        let broker = checked(&form)?;
        let password = match form.password.filter(|password| !password.is_empty()) {
            Some(password) => Some(Secret::new(password)),
            None => self.shared.broker_password(&broker.name).await.map_err(failed)?,
        };
        let settings = self.shared.mqtt_settings(&broker);
        self.shared.ways_in.try_out(settings, password).await.map_err(|error| ApiError::invalid(error.to_string()))
    }

    pub(super) async fn save_tiles(&self, enabled: bool) -> Result<Done, ApiError> {
        let _one_at_a_time = self.shared.turn().await?;
        let before = self.shared.settings().settings.map.tiles;
        self.keep(|document| settings::put_tiles(document, enabled), |now, kept| now.map = kept.map)?;
        let entry =
            AuditEntry { old: Some(before.into()), new: Some(enabled.into()), ..self.audit("setting map.tiles") };
        self.shared.store.append_audit(&[entry]).await.map_err(store_error)?;
        let mut register = self.shared.register.lock();
        register.version += 1;
        self.shared.live.set_register(register.version);
        Ok(DONE)
    }

    /// What is over by it goes with the next look at partitions, as it would have without a person looking on.
    pub(super) async fn save_retention(&self, form: &RetentionForm) -> Result<Done, ApiError> {
        self.is_not_overridden("retention")?;
        let retention = RetentionSettings::from_form(form);
        let _one_at_a_time = self.shared.turn().await?;
        let before = self.shared.settings().settings.retention.clone();
        let entry = AuditEntry {
            old: serde_json::to_value(&before).ok(),
            new: serde_json::to_value(&retention).ok(),
            ..self.audit("setting retention")
        };
        // First: what is in force without having been written down would be nobody's.
        self.shared.store.append_audit(&[entry]).await.map_err(store_error)?;
        self.keep(
            |document| settings::put_retention(document, &retention),
            |now, kept| now.retention = kept.retention,
        )?;
        Ok(DONE)
    }

    pub(super) async fn save_archive(&self, form: ArchiveForm) -> Result<Done, ApiError> {
        self.is_not_overridden("archive")?;
        let (archive, secret) = self.checked_archive(form).await?;
        let _one_at_a_time = self.shared.turn().await?;
        let before = self.shared.settings().settings.archive.clone();
        let is_in_use = self.shared.store.has_archive();
        let entry = AuditEntry {
            old: serde_json::to_value(&before).ok(),
            new: serde_json::to_value(&archive).ok(),
            ..self.audit("setting archive")
        };
        self.shared.store.append_audit(&[entry]).await.map_err(store_error)?;
        self.keep(|document| settings::put_archive(document, &archive), |now, kept| now.archive = kept.archive)?;
        let (secrets, is_new) = (self.shared.secrets.clone(), secret.is_some());
        let needs_none = archive.access_key.is_none();
        blocking(move || {
            let done = match secret {
                Some(secret) => secrets.set(ARCHIVE_SECRET, &secret),
                None if needs_none => secrets.forget(ARCHIVE_SECRET),
                None => Ok(()),
            };
            done.map_err(|error| failed(error.into()))
        })
        .await?;
        if needs_none {
            self.shared.notices.clear_part("archive");
        } else if is_new {
            self.tell_of_passing("archive", "secret", ARCHIVE_SECRET);
        }
        if is_in_use && (is_new || before != archive) {
            self.shared.archive_waits.store(true, Ordering::Relaxed);
        }
        self.shared.archive_is_set.notify_one();
        Ok(DONE)
    }

    pub(super) async fn test_archive(&self, form: ArchiveForm) -> Result<ArchiveTest, ApiError> {
        let (archive, secret) = self.checked_archive(form).await?;
        let archive = match self.shared.archive_at(archive, secret).await {
            Ok(archive) => archive,
            Err(message) => return Ok(ArchiveTest { ok: false, message }),
        };
        let found = match archive.check().await {
            Ok(()) => archive.list().await,
            Err(error) => Err(error),
        };
        Ok(match found {
            Ok(files) => ArchiveTest { ok: true, message: told(&files) },
            Err(error) => ArchiveTest { ok: false, message: error.to_string() },
        })
    }

    /// A form as settings, with the new secret where it brings one.
    async fn checked_archive(
        &self,
        mut form: ArchiveForm,
    ) -> Result<(ArchiveSettings, Option<crate::secrets::Secret>), ApiError> {
        let secret = form.secret.take().filter(|secret| !secret.is_empty()).map(crate::secrets::Secret::new);
        let archive = ArchiveSettings::from_form(&form);
        if archive.is_store() {
            if archive.access_key.is_none() {
                return Err(ApiError::invalid("access key: a store needs one, and its secret: give both"));
            }
            if secret.is_none() && self.shared.archive_secret().await.map_err(problem)?.is_none() {
                return Err(ApiError::invalid("secret: none is kept for the access key: give it"));
            }
        }
        Ok((archive, secret))
    }

    /// What the environment decides is not changed in the file: it would be in force at no time.
    fn is_not_overridden(&self, section: &str) -> Result<(), ApiError> {
        let beginning = format!("{}{section}__", settings::ENV_PREFIX).to_ascii_uppercase();
        let is_of_it = |name: &&String| name.to_ascii_uppercase().starts_with(&beginning);
        match self.shared.settings().overridden.iter().find(is_of_it) {
            None => Ok(()),
            Some(name) => Err(ApiError::invalid(format!(
                "{name} in the environment decides this: change it there, or take it away and start the station anew"
            ))),
        }
    }

    /// Changes the settings file by `edit`, and by `take` of what it says then only that which was changed: the rest of
    /// what is in force may come from the environment.
    fn keep(
        &self,
        edit: impl FnOnce(&mut toml_edit::DocumentMut),
        take: impl FnOnce(&mut Settings, Settings),
    ) -> Result<(), ApiError> {
        let file = self.shared.settings().file.clone();
        let kept = settings::edit(&file, edit).map_err(|error| ApiError::invalid(error.to_string()))?;
        take(&mut self.shared.settings().settings, kept);
        Ok(())
    }
}

/// What lies in an archive that can be used, in words.
fn told(files: &[StoredFile]) -> String {
    let done = "a small file was written, read and removed";
    match (files.first(), files.last()) {
        (Some(first), Some(last)) => {
            let bytes: u64 = files.iter().map(|file| file.bytes).sum();
            let (count, megabytes) = (files.len(), bytes as f64 / 1e6);
            format!("{done}; files there: {count}, of {} to {}, {megabytes:.1} MB", first.month, last.month)
        }
        _ => format!("{done}; no month is archived there yet"),
    }
}

/// A form as settings, where nothing in it is wrong.
fn checked(form: &BrokerForm) -> Result<BrokerSettings, ApiError> {
    let broker = BrokerSettings::from_form(form);
    broker.check().map_err(|(key, problem)| ApiError::invalid(format!("{key}: {problem}")))?;
    crate::pipeline::compile_routes(&broker.routes)
        .map_err(|problem| ApiError::invalid(format!("routes: {problem}")))?;
    Ok(broker)
}

fn problem(message: String) -> ApiError {
    ApiError::new(Code::Failed, message)
}

fn failed(error: Error) -> ApiError {
    ApiError::new(Code::Failed, error.to_string())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ApiError::new(Code::Failed, error.to_string()))?
}

#[cfg(test)]
mod tests {
    use penstock_archive::Month;

    use super::*;

    #[test]
    fn an_archive_tells_what_lies_in_it() {
        let file = |month: u8, bytes: u64| StoredFile {
            name: format!("samples-2026-{month:02}.parquet"),
            month: Month::new(2026, month).expect("a month"),
            bytes,
        };
        assert!(told(&[]).ends_with("no month is archived there yet"));
        let text = told(&[file(3, 1_500_000), file(4, 2_000_000)]);
        assert!(text.ends_with("files there: 2, of 2026-03 to 2026-04, 3.5 MB"), "{text}");
    }
}
