//! Settings that the app edits: brokers and map tiles.

use penstock_api::{ApiError, BrokerForm, BrokerTest, Code, Done, SettingsView};
use penstock_sources::Secret;
use penstock_store::AuditEntry;

use super::{Context, DONE};
use crate::Error;
use crate::configuration::store_error;
use crate::settings::{self, BrokerSettings, Settings};
use crate::station::secret_name;

impl Context<'_> {
    pub(super) async fn settings_view(&self) -> Result<SettingsView, ApiError> {
        let loaded = self.shared.settings().clone();
        let mut brokers = Vec::new();
        for broker in &loaded.settings.brokers {
            let has_password = self.shared.broker_password(&broker.name).await.map_err(failed)?.is_some();
            brokers.push(broker.to_form(has_password));
        }
        Ok(SettingsView {
            file: loaded.file.display().to_string(),
            brokers,
            tiles: loaded.settings.map.tiles,
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
            self.tell_of_passing_password(&broker.name);
        }
        self.keep(|document| settings::put_brokers(document, &brokers)).await?;
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
        Ok(DONE)
    }

    /// Without a keyring a password is gone after the next restart: better said now than then.
    fn tell_of_passing_password(&self, broker: &str) {
        let (part, secret) = (format!("source {broker}"), secret_name(broker));
        if self.shared.secrets.is_lasting(&secret) {
            self.shared.notices.clear(&part, "password");
            return;
        }
        self.shared.notices.set(
            &part,
            "password",
            "its password is kept until the station ends, because there is no usable keyring",
            format!(
                "give it at each start, as {} in the environment or as the systemd credential {secret:?}",
                crate::secrets::variable(&secret)
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
        self.keep(|document| settings::put_brokers(document, &brokers)).await?;
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
        self.keep(|document| {
            let map = document.entry("map").or_insert_with(toml_edit::table);
            if let Some(map) = map.as_table_like_mut() {
                map.insert("tiles", toml_edit::value(enabled));
            }
        })
        .await?;
        let entry =
            AuditEntry { old: Some(before.into()), new: Some(enabled.into()), ..self.audit("setting map.tiles") };
        self.shared.store.append_audit(&[entry]).await.map_err(store_error)?;
        let mut register = self.shared.register.lock();
        register.version += 1;
        self.shared.live.set_register(register.version);
        Ok(DONE)
    }

    /// Changes the settings file, and what is in force by it; what the environment overrides stays overridden.
    async fn keep(&self, edit: impl FnOnce(&mut toml_edit::DocumentMut)) -> Result<(), ApiError> {
        let file = self.shared.settings().file.clone();
        let Settings { brokers, map, .. } =
            settings::edit(&file, edit).map_err(|error| ApiError::invalid(error.to_string()))?;
        let mut loaded = self.shared.settings();
        loaded.settings.brokers = brokers;
        loaded.settings.map = map;
        Ok(())
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

fn failed(error: Error) -> ApiError {
    ApiError::new(Code::Failed, error.to_string())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ApiError::new(Code::Failed, error.to_string()))?
}
