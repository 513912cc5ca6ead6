//! Alarm rules: listed, saved, removed, imported, exported, and the versions that they had.

use std::sync::Arc;

use penstock_api::{
    ApiError, Code, ExportRules, ImportFault, ImportRules, RemoveRules, RemovedRules, RuleFormat, RuleRow, RuleVersion,
    RulesReport, SaveRules, TextFile,
};
use penstock_model::RuleId;
use penstock_store::AuditEntry;

use super::Context;
use super::alarms::demanded;
use super::points::to_its_end;
use crate::configuration::store_error;
use crate::register::is_derived;
use crate::rules_file;

impl Context<'_> {
    pub(super) fn rules(&self) -> Vec<RuleRow> {
        let register = self.shared.register.lock();
        let row = |rule: &penstock_model::AlarmRule| RuleRow { rule: rule.clone(), follows: is_derived(rule) };
        register.rules.values().map(row).collect()
    }

    pub(super) async fn save_rules(&self, call: SaveRules) -> Result<RulesReport, ApiError> {
        let audit = AuditEntry { reason: Some(demanded(&call.reason)?), ..self.audit("rules") };
        let shared = Arc::clone(self.shared);
        to_its_end(self.shared, async move { shared.save_rules(call.rules, audit, false).await }).await
    }

    pub(super) async fn remove_rules(&self, call: RemoveRules) -> Result<RemovedRules, ApiError> {
        let audit = AuditEntry { reason: Some(demanded(&call.reason)?), ..self.audit("rules") };
        let shared = Arc::clone(self.shared);
        to_its_end(self.shared, async move { shared.remove_rules(&call.rules, audit).await }).await
    }

    /// Every version of a rule, newest first.
    pub(super) async fn rule_versions(&self, rule: RuleId) -> Result<Vec<RuleVersion>, ApiError> {
        let versions = self.shared.screens.rule_versions(rule).await.map_err(store_error)?;
        let names = self.shared.screens.names().await.map_err(store_error)?;
        let mut versions: Vec<RuleVersion> = versions
            .into_iter()
            .map(|version| RuleVersion {
                rule: version.rule,
                at: version.saved_at,
                by: version.saved_by.and_then(|by| names.get(&by).cloned()),
                reason: version.reason,
            })
            .collect();
        versions.sort_by_key(|version| std::cmp::Reverse(version.rule.version));
        Ok(versions)
    }

    pub(super) fn export_rules(&self, call: &ExportRules) -> Result<TextFile, ApiError> {
        let register = self.shared.register.lock();
        let (file_name, media_type, text) = match call.format {
            RuleFormat::Csv => ("alarm-rules.csv", "text/csv", rules_file::write_csv(&register)),
            RuleFormat::Json => {
                let text = rules_file::write_json(&register)
                    .map_err(|error| ApiError::new(Code::Failed, format!("the rules cannot be written: {error}")))?;
                ("alarm-rules.json", "application/json", text)
            }
        };
        Ok(TextFile { file_name: file_name.to_owned(), media_type: media_type.to_owned(), text })
    }

    pub(super) async fn import_rules(&self, call: ImportRules) -> Result<RulesReport, ApiError> {
        // What would happen can be looked at before there is a reason for it.
        let reason = if call.dry_run { None } else { Some(demanded(&call.reason)?) };
        let rules_file::Read { rules, lines, faults } = rules_file::read(&call.text, &self.shared.register.lock());
        if !faults.is_empty() {
            let read = u32::try_from(rules.len() + faults.len()).unwrap_or(u32::MAX);
            return Ok(RulesReport { read, faults, ..RulesReport::default() });
        }
        let audit = AuditEntry { reason, ..self.audit("rules") };
        let (shared, dry_run) = (Arc::clone(self.shared), call.dry_run);
        let mut report = to_its_end(self.shared, async move { shared.save_rules(rules, audit, dry_run).await }).await?;
        // Counted in rules so far.
        let on_line = |fault: &mut ImportFault| {
            let index = usize::try_from(fault.line.saturating_sub(1)).unwrap_or(usize::MAX);
            fault.line = lines.get(index).copied().unwrap_or(fault.line);
        };
        report.faults.iter_mut().chain(&mut report.hints).for_each(on_line);
        Ok(report)
    }
}
