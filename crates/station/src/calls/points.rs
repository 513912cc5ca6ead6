//! Points and plant: saved, imported, exported.

use std::sync::Arc;
use std::time::Duration;

use penstock_api::{ApiError, Code, Csv, ImportPoints, ImportReport, SavePoints};
use penstock_model::{PlantFile, Point};
use penstock_store::AuditEntry;

use super::Context;
use crate::configuration::plant_file;
use crate::points_csv;
use crate::station::Shared;

/// How long a caller waits for a database that is away: as long as a quick restart takes.
const GRACE: Duration = Duration::from_secs(3);

impl Context<'_> {
    pub(super) async fn save_points(&self, call: SavePoints) -> Result<ImportReport, ApiError> {
        let audit = AuditEntry { reason: some(&call.reason), ..self.audit("points") };
        let shared = Arc::clone(self.shared);
        to_its_end(self.shared, async move { shared.save_points(call.points, audit, false).await }).await
    }

    pub(super) async fn import_points(&self, call: ImportPoints) -> Result<ImportReport, ApiError> {
        let (points, faults) = {
            let register = self.shared.register.lock();
            let existing: Vec<&Point> = register.points.values().collect();
            points_csv::read(&call.csv, self.shared.tenant, &register.plant, &existing)
        };
        if !faults.is_empty() {
            let read = u32::try_from(points.len() + faults.len()).unwrap_or(u32::MAX);
            return Ok(ImportReport { read, faults, ..ImportReport::default() });
        }
        let audit = AuditEntry { reason: some("CSV import"), ..self.audit("points") };
        let (shared, dry_run) = (Arc::clone(self.shared), call.dry_run);
        let change = async move { shared.save_points(points, audit, dry_run).await };
        let mut report = to_its_end(self.shared, change).await?;
        if !report.faults.is_empty() {
            // Counted in points so far: a file has a heading and may have fields of several lines.
            let lines = points_csv::lines(&call.csv);
            for fault in &mut report.faults {
                let index = usize::try_from(fault.line.saturating_sub(1)).unwrap_or(usize::MAX);
                fault.line = lines.get(index).copied().unwrap_or(fault.line);
            }
        }
        Ok(report)
    }

    pub(super) fn export_points(&self) -> Csv {
        let register = self.shared.register.lock();
        let points: Vec<&Point> = register.points.values().collect();
        Csv { file_name: "points.csv".to_owned(), text: points_csv::write(&register.plant, &points) }
    }

    pub(super) fn export_plant(&self) -> PlantFile {
        plant_file(&self.shared.register.lock())
    }

    pub(super) async fn import_plant(&self, file: PlantFile) -> Result<ImportReport, ApiError> {
        let audit = self.audit(format!("plant {}", file.plant.name));
        let shared = Arc::clone(self.shared);
        to_its_end(self.shared, async move { shared.import_plant(file, audit).await }).await
    }
}

/// Carries a change out in a task of its own: a caller who goes away half way must not cut it in two. Nobody is kept
/// waiting for a database that is away: the change then goes on without them.
pub(super) async fn to_its_end<T: Send + 'static>(
    shared: &Shared,
    change: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    let mut change = tokio::spawn(change);
    let long_away = async {
        shared.database.away().await;
        tokio::time::sleep(GRACE).await;
    };
    let outcome = tokio::select! {
        biased;
        outcome = &mut change => outcome,
        () = long_away => {
            let message = "the database is away: the change goes on when it is back; load the list again then";
            return Err(ApiError::new(Code::Away, message));
        }
    };
    outcome.map_err(|error| ApiError::new(Code::Failed, format!("the change came to no end: {error}")))?
}

fn some(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.chars().take(1_000).collect())
}
