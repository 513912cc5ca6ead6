//! What samples and roll-ups take on disk.

use anyhow::Result;
use penstock_store::Store;

use crate::report::{Asked, Line};

/// Each table, what a row of it is, and the bytes of its columns alone where every row has them all.
const TABLES: [(&str, &str, f64); 4] = [
    ("samples", "a sample", 30.0),
    ("rollups_minute", "a minute's roll-up", 0.0),
    ("rollups_hour", "an hour's roll-up", 0.0),
    ("rollups_day", "a day's roll-up", 0.0),
];

/// Bytes a row of each table, all of it and its parts; and what all takes a sample.
pub(crate) async fn measure(store: &Store) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    let (mut total, mut samples) = (0.0, 0.0);
    for (table, row, columns) in TABLES {
        let (heap, index, all): (i64, i64, i64) = sqlx::query_as(
            "select coalesce(sum(pg_relation_size(inhrelid)), 0)::bigint, \
             coalesce(sum(pg_indexes_size(inhrelid)), 0)::bigint, \
             coalesce(sum(pg_total_relation_size(inhrelid)), 0)::bigint \
             from pg_inherits where inhparent = $1::regclass",
        )
        .bind(table)
        .fetch_one(store.pool())
        .await?;
        let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
            .fetch_one(store.pool())
            .await?;
        let mut line = |what: String, figure: f64, columns: f64| {
            let peer = if columns > 0.0 { "its columns alone" } else { "" };
            let mut line = Line::new(what, "B", Asked::Nothing, peer);
            line.runs.push(figure);
            if columns > 0.0 {
                line.beside.push(columns);
            }
            lines.push(line);
        };
        let a_row = |bytes: i64| bytes as f64 / rows.max(1) as f64;
        line(format!("{row}, of {rows}"), a_row(all), columns);
        line(format!("{row}: heap"), a_row(heap), 0.0);
        line(format!("{row}: index"), a_row(index), 0.0);
        total += all as f64;
        if table == "samples" {
            samples = rows as f64;
        }
    }
    let mut line = Line::new("a sample with all its roll-ups".to_owned(), "B", Asked::Nothing, "");
    line.runs.push(total / samples);
    lines.push(line);
    Ok(lines)
}
