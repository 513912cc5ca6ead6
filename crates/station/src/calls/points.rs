//! Points and plant: saved, imported, exported.

use penstock_api::{ApiError, Csv, ImportPoints, ImportReport, SavePoints};
use penstock_model::{PlantFile, Point};
use penstock_store::AuditEntry;

use super::Context;
use crate::points_csv;

impl Context<'_> {
    pub(super) async fn save_points(&self, call: SavePoints) -> Result<ImportReport, ApiError> {
        let audit = AuditEntry { reason: some(&call.reason), ..self.audit("points") };
        self.shared.save_points(call.points, audit, false).await
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
        self.shared.save_points(points, audit, call.dry_run).await
    }

    pub(super) fn export_points(&self) -> Csv {
        let register = self.shared.register.lock();
        let points: Vec<&Point> = register.points.values().collect();
        Csv { file_name: "points.csv".to_owned(), text: points_csv::write(&register.plant, &points) }
    }

    pub(super) async fn import_plant(&self, file: PlantFile) -> Result<ImportReport, ApiError> {
        let audit = self.audit(format!("plant {}", file.plant.name));
        self.shared.import_plant(file, audit).await
    }
}

fn some(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.chars().take(1_000).collect())
}
