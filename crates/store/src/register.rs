//! The register: the plant and its points. Must not know what a discovered point is called or where it belongs.

use std::collections::BTreeMap;
use std::time::Duration;

use penstock_model::{
    Address, Area, AreaId, Asset, AssetId, Band, Limits, Pipe, PipeId, Plant, PlantFile, Point, PointId, PointNo,
    Position, Quantity, Recording, Site, SiteId, TenantId, Timestamp, Unit,
};
use serde_json::{Value, json};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::types::Json;
use sqlx::{Executor as _, Row as _};

use crate::audit::{self, AuditEntry};
use crate::geometry;
use crate::rollups;
use crate::sql::{At, clean, clean_json, from_word};
use crate::{Error, Result, Store, alarms, newest, switches};

/// A point as it shall be, and what that means for the samples it has.
#[derive(Debug, Clone, PartialEq)]
pub struct PointEdit {
    /// The point; its number says which one is changed.
    pub point: Point,
    /// Where it gets its unit only now: how the samples stored meanwhile become SI.
    pub rescale: Option<Rescale>,
}

/// Makes stored values SI: new value = old value × factor + offset. Of the point itself nothing changes by it: limits
/// and recording settings are SI already.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rescale {
    /// By what values are multiplied; more than 0, as between all units of a quantity: the least stays the least.
    pub factor: f64,
    /// What is added then.
    pub offset: f64,
    /// Only values received before; later ones were SI when they were stored.
    pub received_before: Timestamp,
}

impl Rescale {
    /// Carries out a statement about a point: $1 is the point, $2 the factor, $3 the offset, $4 before when values were
    /// received.
    pub(crate) async fn execute(
        &self,
        connection: &mut PgConnection,
        point: PointNo,
        statement: &'static str,
    ) -> Result<()> {
        sqlx::query(statement)
            .bind(point.0)
            .bind(self.factor)
            .bind(self.offset)
            .bind(At(self.received_before))
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// What an import wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imported {
    /// Areas, sites, equipment and mains that are new.
    pub places_added: usize,
    /// Those that were there and are now as the file says.
    pub places_changed: usize,
    /// Points that are new.
    pub points_added: usize,
    /// Points that were there, kept their number and are now as the file says.
    pub points_changed: usize,
    /// Alarm rules in the file.
    pub rules: usize,
}

impl Store {
    /// Makes sure that the tenant exists, and names it where it is new.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn ensure_tenant(&self, tenant: TenantId, name: &str, time_zone: &str) -> Result<()> {
        sqlx::query("insert into tenants (id, name, time_zone) values ($1, $2, $3) on conflict (id) do nothing")
            .bind(tenant.0)
            .bind(name)
            .bind(time_zone)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The plant without its points.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a tenant that nobody has made; [`Error::Unreadable`]; those of the database.
    pub async fn load_plant(&self, tenant: TenantId) -> Result<Plant> {
        let head = sqlx::query("select name, time_zone from tenants where id = $1")
            .bind(tenant.0)
            .fetch_optional(&self.pool)
            .await?
            .ok_or_else(|| Error::NotFound { what: format!("tenant {tenant}") })?;
        let areas = sqlx::query(
            "select id, name, ST_AsBinary(boundary, 'NDR') as boundary from areas where tenant = $1 order by name, id",
        );
        let sites = sqlx::query(
            "select id, name, kind, area, ST_Y(position) as lat, ST_X(position) as lon \
             from sites where tenant = $1 order by name, id",
        );
        let assets = sqlx::query(
            "select id, name, kind, site, area, ST_Y(position) as lat, ST_X(position) as lon, capacity_m3, \
             level_low, level_high from assets where tenant = $1 order by name, id",
        );
        let pipes = sqlx::query(
            "select id, name, area, diameter_mm, ST_AsBinary(course, 'NDR') as course \
             from pipes where tenant = $1 order by name, id",
        );
        Ok(Plant {
            tenant,
            name: head.try_get("name")?,
            time_zone: head.try_get("time_zone")?,
            areas: rows(areas.bind(tenant.0).fetch_all(&self.pool).await?, area_from)?,
            sites: rows(sites.bind(tenant.0).fetch_all(&self.pool).await?, site_from)?,
            assets: rows(assets.bind(tenant.0).fetch_all(&self.pool).await?, asset_from)?,
            pipes: rows(pipes.bind(tenant.0).fetch_all(&self.pool).await?, pipe_from)?,
        })
    }

    /// Every point of the tenant, by number.
    ///
    /// # Errors
    /// [`Error::Unreadable`]; those of the database.
    pub async fn load_points(&self, tenant: TenantId) -> Result<Vec<Point>> {
        let found = sqlx::query(
            "select *, ST_Y(position) as lat, ST_X(position) as lon from points where tenant = $1 order by no",
        );
        rows(found.bind(tenant.0).fetch_all(&self.pool).await?, point_from)
    }

    /// Adds points that are new by id, under their numbers or under free ones where they have none (0), and says every
    /// given point's number in the order given. What is stored of a known point stays as it is. Needs no audit: nobody decides it, a device speaks.
    ///
    /// # Errors
    /// [`Error::Dangling`] for an unknown tenant; those of the database.
    pub async fn discover(&self, tenant: TenantId, points: &[Point]) -> Result<Vec<PointNo>> {
        let mut transaction = self.pool.begin().await?;
        let numbers = insert_points(&mut transaction, tenant, points).await?;
        transaction.commit().await?;
        points.iter().map(|point| number_of(&numbers, point)).collect()
    }

    /// Changes points, adds those that are new by id, and makes stored samples SI where an edit says so: all or none.
    /// Samples that wait in the spool are not seen: let the writer finish what was received before
    /// [`Rescale::received_before`] first.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a number that stands for another point, [`Error::Exists`] for an address that another point
    /// has, [`Error::Dangling`] for an unknown area, site or asset; those of the database.
    pub async fn save_points(&self, tenant: TenantId, edits: &[PointEdit], audit: &[AuditEntry]) -> Result<()> {
        audit::demand(audit)?;
        let mut transaction = self.pool.begin().await?;
        if edits.iter().any(|edit| edit.rescale.is_some()) {
            hold_units(&mut transaction).await?;
        }
        let mut points: Vec<Point> = edits.iter().map(|edit| edit.point.clone()).collect();
        let numbers = insert_points(&mut transaction, tenant, &points).await?;
        for point in points.iter_mut().filter(|point| point.no == PointNo(0)) {
            point.no = number_of(&numbers, point)?;
        }
        let changed: Vec<i32> = sqlx::query_scalar(include_str!("../queries/update_points.sql"))
            .bind(tenant.0)
            .bind(point_documents(&points)?)
            .fetch_all(&mut *transaction)
            .await?;
        if let Some(missing) = points.iter().find(|point| !changed.contains(&point.no.0)) {
            return Err(Error::NotFound { what: format!("point {} (number {})", missing.name, missing.no.0) });
        }
        let rescaled = |(edit, point): (&PointEdit, &Point)| Some((point.no, edit.rescale?));
        let rescales: Vec<(PointNo, Rescale)> = edits.iter().zip(&points).filter_map(rescaled).collect();
        for (point, rescale) in &rescales {
            rescale_samples(&mut transaction, *point, rescale).await?;
        }
        switches::settle(&mut transaction, audit).await?;
        audit::append(&mut transaction, audit).await?;
        newest::rescale(&mut transaction, &rescales).await?;
        Ok(transaction.commit().await?)
    }

    /// Brings in a plant file: adds what is new, changes what is known by its id, removes nothing. Points keep their
    /// numbers; a discovered point at the address of one in the file becomes that one, with its samples. Guidance is of
    /// the versions after the stored ones. The same file again changes nothing.
    ///
    /// # Errors
    /// [`Error::Refused`] for geometry that is none, [`Error::Exists`] where an adopted point of another id has an
    /// address of the file, [`Error::Dangling`] for references that neither the file nor the database knows,
    /// [`Error::Changed`] for a rule or guidance that was changed here since; those of the database.
    pub async fn import_plant(&self, file: &PlantFile, audit: &[AuditEntry]) -> Result<Imported> {
        self.import_plant_rescaling(file, &[], audit).await
    }

    /// As [`Store::import_plant`], and makes stored samples SI of points that get another unit by it: all or none. What
    /// [`Store::save_points`] says of samples in the spool holds here too.
    ///
    /// # Errors
    /// As [`Store::import_plant`]; [`Error::NotFound`] for a rescaled point that is not in the file.
    pub async fn import_plant_rescaling(
        &self,
        file: &PlantFile,
        rescales: &[(PointId, Rescale)],
        audit: &[AuditEntry],
    ) -> Result<Imported> {
        audit::demand(audit)?;
        let plant = &file.plant;
        let tenant = plant.tenant;
        let mut transaction = self.pool.begin().await?;
        let connection = &mut *transaction;
        if !rescales.is_empty() {
            hold_units(connection).await?;
        }
        sqlx::query(
            "insert into tenants (id, name, time_zone) values ($1, $2, $3) \
             on conflict (id) do update set name = excluded.name, time_zone = excluded.time_zone",
        )
        .bind(tenant.0)
        .bind(&plant.name)
        .bind(&plant.time_zone)
        .execute(&mut *connection)
        .await?;

        let mut imported = Imported { rules: file.rules.len(), ..Imported::default() };
        let places: [(&'static str, Vec<Value>); 4] = [
            (include_str!("../queries/put_areas.sql"), plant.areas.iter().map(area_document).collect::<Result<_>>()?),
            (include_str!("../queries/put_sites.sql"), plant.sites.iter().map(site_document).collect::<Result<_>>()?),
            (
                include_str!("../queries/put_assets.sql"),
                plant.assets.iter().map(asset_document).collect::<Result<_>>()?,
            ),
            (include_str!("../queries/put_pipes.sql"), plant.pipes.iter().map(pipe_document).collect::<Result<_>>()?),
        ];
        for (put, documents) in places {
            let is_new: Vec<bool> =
                sqlx::query_scalar(put).bind(tenant.0).bind(cleaned(documents)).fetch_all(&mut *connection).await?;
            imported.places_added += is_new.iter().filter(|is_new| **is_new).count();
            imported.places_changed += is_new.iter().filter(|is_new| !**is_new).count();
        }

        let documents = point_documents(&file.points)?;
        sqlx::query(include_str!("../queries/claim_discovered.sql"))
            .bind(tenant.0)
            .bind(&documents)
            .execute(&mut *connection)
            .await?;
        let known: Vec<uuid::Uuid> = sqlx::query_scalar("select id from points where tenant = $1 and id = any($2)")
            .bind(tenant.0)
            .bind(file.points.iter().map(|point| point.id.0).collect::<Vec<_>>())
            .fetch_all(&mut *connection)
            .await?;
        let numbers = insert_points(connection, tenant, &file.points).await?;
        let mut points = file.points.clone();
        for point in &mut points {
            point.no = number_of(&numbers, point)?;
        }
        sqlx::query(include_str!("../queries/update_points.sql"))
            .bind(tenant.0)
            .bind(point_documents(&points)?)
            .execute(&mut *connection)
            .await?;
        let mut rescaled = Vec::with_capacity(rescales.len());
        for (point, rescale) in rescales {
            let no = numbers.get(point).ok_or_else(|| Error::NotFound { what: format!("point {point}") })?;
            rescale_samples(connection, *no, rescale).await?;
            rescaled.push((*no, *rescale));
        }
        imported.points_changed = known.len();
        imported.points_added = file.points.len().saturating_sub(known.len());

        alarms::write_rules(connection, tenant, &file.rules, audit).await?;
        alarms::write_guidance(connection, tenant, &file.guidance, audit).await?;
        switches::settle(connection, audit).await?;
        audit::append(connection, audit).await?;
        newest::rescale(connection, &rescaled).await?;
        transaction.commit().await?;
        Ok(imported)
    }
}

/// Adds the points that are new by id, under the numbers they have, or under free ones where they have none (0); the
/// numbers of all.
async fn insert_points(
    connection: &mut PgConnection,
    tenant: TenantId,
    points: &[Point],
) -> Result<BTreeMap<PointId, PointNo>> {
    if points.is_empty() {
        return Ok(BTreeMap::new());
    }
    sqlx::query(include_str!("../queries/insert_points.sql"))
        .bind(tenant.0)
        .bind(point_documents(points)?)
        .execute(&mut *connection)
        .await?;
    let found = sqlx::query("select id, no from points where tenant = $1 and id = any($2)")
        .bind(tenant.0)
        .bind(points.iter().map(|point| point.id.0).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    found.iter().map(|row| Ok((PointId(row.try_get("id")?), PointNo(row.try_get("no")?)))).collect()
}

fn number_of(numbers: &BTreeMap<PointId, PointNo>, point: &Point) -> Result<PointNo> {
    // Missing where its number or its address is another point's, or its id another tenant's.
    let taken =
        || format!("a point with the number {}, the address {} or the id {}", point.no.0, point.address.path, point.id);
    numbers.get(&point.id).copied().ok_or_else(|| Error::Exists { what: taken() })
}

/// Adds points that a station heard of and gave numbers to. One whose address is stored already is that one; one whose
/// number stands for another address is left out and said, since a spool must never come to a halt over it.
pub(crate) async fn insert_discovered(
    connection: &mut PgConnection,
    tenant: TenantId,
    points: &[Point],
) -> Result<Vec<Point>> {
    insert_points(connection, tenant, points).await?;
    let found = sqlx::query("select no, source, path from points where tenant = $1 and no = any($2)")
        .bind(tenant.0)
        .bind(points.iter().map(|point| point.no.0).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    let stored: BTreeMap<i32, (String, String)> = found
        .iter()
        .map(|row| Ok((row.try_get("no")?, (row.try_get("source")?, row.try_get("path")?))))
        .collect::<Result<_>>()?;
    let is_stored = |point: &&Point| {
        let address = (clean(&point.address.source), clean(&point.address.path));
        stored.get(&point.no.0) == Some(&address)
    };
    Ok(points.iter().filter(|point| !is_stored(point)).cloned().collect())
}

/// Holds other changes of unit and roll-ups off until the transaction ends: so that numbers are in the order of commits,
/// and that no roll-up is made of values in one unit and written beside those in another. Taken before points, samples
/// and roll-ups: a pass of roll-ups, which has its share of this lock first too, then waits for the writer, and the
/// writer may wait for points that this transaction has changed.
async fn hold_units(connection: &mut PgConnection) -> Result<()> {
    connection.execute("lock table rescalings in share row exclusive mode").await?;
    Ok(())
}

/// Converts what is stored of a point, after [`hold_units`].
async fn rescale_samples(connection: &mut PgConnection, point: PointNo, rescale: &Rescale) -> Result<()> {
    // Listed before samples are touched: there it waits for retention, or retention waits and then finds it.
    let list = "insert into rescalings (point_no, factor, shift, received_before) values ($1, $2, $3, $4)";
    rescale.execute(connection, point, list).await?;
    // The whole history of the point, by its key: everything that was received before is in the former unit, and how
    // long ago it was measured bounds nothing, as it may have come late or from a clock that was ahead.
    let convert =
        "update samples set value = value * $2 + $3 where point_no = $1 and received_time < $4 and value is not null";
    rescale.execute(connection, point, convert).await?;
    rollups::rescale(connection, point, rescale).await
}

fn rows<T>(found: Vec<PgRow>, read: fn(&PgRow) -> Result<T>) -> Result<Vec<T>> {
    found.iter().map(read).collect()
}

fn cleaned(documents: Vec<Value>) -> Json<Value> {
    let mut all = Value::Array(documents);
    clean_json(&mut all);
    Json(all)
}

fn point_documents(points: &[Point]) -> Result<Json<Value>> {
    let document = |point: &Point| {
        let refused = |error: penstock_model::Error| Error::Refused { why: format!("point {}: {error}", point.name) };
        point.limits.check().map_err(refused)?;
        point.recording.map_or(Ok(()), |recording| recording.check()).map_err(refused)?;
        Ok(json!({
            "no": point.no, "id": point.id, "source": point.address.source, "path": point.address.path,
            "state": point.state, "name": point.name, "description": point.description,
            "quantity": point.quantity.name(), "unit": point.unit.symbol(),
            "area": point.area, "site": point.site, "asset": point.asset,
            "lat": point.position.map(Position::lat), "lon": point.position.map(Position::lon),
            "role": point.role,
            "normal_low": point.normal.map(|band| band.low), "normal_high": point.normal.map(|band| band.high),
            "span_low": point.span.map(|band| band.low), "span_high": point.span.map(|band| band.high),
            "limit_ll": point.limits.ll, "limit_l": point.limits.l,
            "limit_h": point.limits.h, "limit_hh": point.limits.hh,
            "stale_after_us": micros(point.stale_after),
            "record_deadband": point.recording.and_then(|recording| recording.deadband()),
            "record_deviation": point.recording.and_then(|recording| recording.deviation()),
            "record_every_us": point.recording.map(|recording| micros(recording.at_least_every())),
        }))
    };
    Ok(cleaned(points.iter().map(document).collect::<Result<_>>()?))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn area_document(area: &Area) -> Result<Value> {
    let boundary = match area.boundary.len() {
        0 => None,
        1 | 2 => {
            return Err(Error::Refused {
                why: format!("the boundary of area {} has fewer than three positions", area.name),
            });
        }
        _ => Some(hex(&geometry::polygon(&area.boundary))),
    };
    Ok(json!({ "id": area.id, "name": area.name, "boundary": boundary }))
}

fn site_document(site: &Site) -> Result<Value> {
    Ok(json!({
        "id": site.id, "name": site.name, "kind": site.kind, "area": site.area,
        "lat": site.position.map(Position::lat), "lon": site.position.map(Position::lon),
    }))
}

fn asset_document(asset: &Asset) -> Result<Value> {
    Ok(json!({
        "id": asset.id, "name": asset.name, "kind": asset.kind, "site": asset.site, "area": asset.area,
        "lat": asset.position.map(Position::lat), "lon": asset.position.map(Position::lon),
        "capacity_m3": asset.capacity_m3,
        "level_low": asset.level_span.map(|band| band.low), "level_high": asset.level_span.map(|band| band.high),
    }))
}

fn pipe_document(pipe: &Pipe) -> Result<Value> {
    if pipe.course.len() < 2 {
        return Err(Error::Refused { why: format!("the course of pipe {} has fewer than two positions", pipe.name) });
    }
    Ok(json!({
        "id": pipe.id, "name": pipe.name, "area": pipe.area, "diameter_mm": pipe.diameter_mm,
        "course": hex(&geometry::line(&pipe.course)),
    }))
}

fn area_from(row: &PgRow) -> Result<Area> {
    let boundary: Option<Vec<u8>> = row.try_get("boundary")?;
    Ok(Area {
        id: AreaId(row.try_get("id")?),
        name: row.try_get("name")?,
        boundary: boundary.as_deref().map(geometry::from_polygon).transpose()?.unwrap_or_default(),
    })
}

fn site_from(row: &PgRow) -> Result<Site> {
    Ok(Site {
        id: SiteId(row.try_get("id")?),
        name: row.try_get("name")?,
        kind: from_word("kind of site", row.try_get("kind")?)?,
        area: row.try_get::<Option<_>, _>("area")?.map(AreaId),
        position: position_from(row)?,
    })
}

fn asset_from(row: &PgRow) -> Result<Asset> {
    Ok(Asset {
        id: AssetId(row.try_get("id")?),
        name: row.try_get("name")?,
        kind: from_word("kind of asset", row.try_get("kind")?)?,
        site: row.try_get::<Option<_>, _>("site")?.map(SiteId),
        area: row.try_get::<Option<_>, _>("area")?.map(AreaId),
        position: position_from(row)?,
        capacity_m3: row.try_get("capacity_m3")?,
        level_span: band_from(row, "level_low", "level_high")?,
    })
}

fn pipe_from(row: &PgRow) -> Result<Pipe> {
    Ok(Pipe {
        id: PipeId(row.try_get("id")?),
        name: row.try_get("name")?,
        area: row.try_get::<Option<_>, _>("area")?.map(AreaId),
        diameter_mm: row.try_get("diameter_mm")?,
        course: geometry::from_line(row.try_get("course")?)?,
    })
}

fn point_from(row: &PgRow) -> Result<Point> {
    let quantity: String = row.try_get("quantity")?;
    let unit: String = row.try_get("unit")?;
    Ok(Point {
        id: PointId(row.try_get("id")?),
        no: PointNo(row.try_get("no")?),
        address: Address { source: row.try_get("source")?, path: row.try_get("path")? },
        state: from_word("state of a point", row.try_get("state")?)?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        quantity: quantity.parse::<Quantity>().map_err(|error| Error::unreadable("quantity")(&error))?,
        unit: Unit::parse(&unit).map_err(|error| Error::unreadable("unit")(&error))?,
        area: row.try_get::<Option<_>, _>("area")?.map(AreaId),
        site: row.try_get::<Option<_>, _>("site")?.map(SiteId),
        asset: row.try_get::<Option<_>, _>("asset")?.map(AssetId),
        position: position_from(row)?,
        role: row.try_get::<Option<String>, _>("role")?.map(|role| from_word("role", role)).transpose()?,
        normal: band_from(row, "normal_low", "normal_high")?,
        span: band_from(row, "span_low", "span_high")?,
        limits: Limits {
            ll: row.try_get("limit_ll")?,
            l: row.try_get("limit_l")?,
            h: row.try_get("limit_h")?,
            hh: row.try_get("limit_hh")?,
        },
        stale_after: Duration::from_micros(row.try_get::<i64, _>("stale_after_us")?.unsigned_abs()),
        recording: recording_from(row)?,
    })
}

fn recording_from(row: &PgRow) -> Result<Option<Recording>> {
    let Some(every_us) = row.try_get::<Option<i64>, _>("record_every_us")? else { return Ok(None) };
    let every = Duration::from_micros(every_us.unsigned_abs());
    Recording::new(row.try_get("record_deadband")?, row.try_get("record_deviation")?, every)
        .map(Some)
        .map_err(|error| Error::unreadable("recording settings")(&error))
}

pub(crate) fn position_from(row: &PgRow) -> Result<Option<Position>> {
    match (row.try_get("lat")?, row.try_get("lon")?) {
        (Some(lat), Some(lon)) => match Position::new(lat, lon) {
            Ok(position) => Ok(Some(position)),
            Err(error) => Err(Error::unreadable("position")(&error)),
        },
        _ => Ok(None),
    }
}

fn band_from(row: &PgRow, low: &str, high: &str) -> Result<Option<Band>> {
    match (row.try_get(low)?, row.try_get(high)?) {
        (Some(low), Some(high)) => Band::new(low, high).map(Some).map_err(|error| Error::unreadable("band")(&error)),
        _ => Ok(None),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
