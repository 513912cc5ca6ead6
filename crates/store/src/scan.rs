//! Every sample of some points, in chunks that come as they are asked for: from the archive where the database has let
//! them go, else from the database. What came late for a month that is gone is in the database until the next pass of
//! retention: the two are merged. Must not know what they are wanted for.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt as _, unfold};
use penstock_archive::Selection;
use penstock_model::{PointNo, Sample, Timestamp};
use sqlx::postgres::{PgConnection, PgPool};
use tokio::sync::mpsc;

use crate::copy::{Row, Rows};
use crate::history::{Filed, Gone, is_same};
use crate::reader::in_time;
use crate::sql::quality;
use crate::{Error, Result, Store};

/// Samples of a chunk.
pub(crate) const CHUNK: usize = 8_192;
/// Chunks that wait for whoever asked; then reading waits.
pub(crate) const AHEAD: usize = 4;

/// Chunks as they come. Dropped, it stops reading.
pub type Chunks = mpsc::Receiver<Result<Vec<Sample>>>;

impl Store {
    /// Every sample of `points` with a source time from `from` up to, but not including, `to`: point by point as they
    /// are given, each in time order.
    pub fn scan(&self, points: Vec<PointNo>, from: Timestamp, to: Timestamp) -> Chunks {
        self.scan_patiently(points, from, to, Duration::MAX)
    }

    /// The same where no chunk may take the database longer than `patience`.
    pub(crate) fn scan_patiently(
        &self,
        points: Vec<PointNo>,
        from: Timestamp,
        to: Timestamp,
        patience: Duration,
    ) -> Chunks {
        let store = self.clone();
        streamed(AHEAD, move |into| async move { store.scan_into(&points, from, to, patience, &into).await })
    }

    async fn scan_into(
        &self,
        points: &[PointNo],
        from: Timestamp,
        to: Timestamp,
        patience: Duration,
        into: &mpsc::Sender<Result<Vec<Sample>>>,
    ) -> Result<()> {
        let mut together: Vec<PointNo> = Vec::new();
        for &point in points {
            if into.is_closed() {
                return Ok(());
            }
            let gone = in_time(patience, self.gone(point, from, to)).await?;
            if gone.iter().all(|month| month.files.is_empty()) {
                together.push(point);
                continue;
            }
            copy_into(&self.pool, &of_points(&together, from, to), patience, into).await?;
            together.clear();
            let mut at = from;
            for month in &gone {
                let (first, next) = (month.first.max(from), month.next.min(to));
                if at < first {
                    copy_into(&self.pool, &of_points(&[point], at, first), patience, into).await?;
                }
                self.month_into(month, point, (first, next), patience, into).await?;
                at = next;
            }
            if at < to {
                copy_into(&self.pool, &of_points(&[point], at, to), patience, into).await?;
            }
        }
        copy_into(&self.pool, &of_points(&together, from, to), patience, into).await
    }

    /// Sends the samples of `point` in a month that is gone, in time order and each once: those of the archive and those
    /// that came late.
    async fn month_into(
        &self,
        month: &Gone,
        point: PointNo,
        (from, to): (Timestamp, Timestamp),
        patience: Duration,
        into: &mpsc::Sender<Result<Vec<Sample>>>,
    ) -> Result<()> {
        let selection = Selection::of(&[point], from, to);
        let mut sources = Vec::new();
        for file in &month.files {
            sources.push(Source::new(self.filed(file, &selection).await?));
        }
        sources.push(Source::new(chunks_of(&self.pool, of_points(&[point], from, to), patience)));
        merge_into(sources, into).await
    }

    /// What the archive holds of `point` in months that are gone, in time order.
    pub(crate) async fn archived(
        &self,
        gone: &[Gone],
        point: PointNo,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Sample>> {
        let selection = Selection::of(&[point], from, to);
        let mut samples = Vec::new();
        for month in gone {
            for file in &month.files {
                let mut chunks = self.filed(file, &selection).await?;
                while let Some(chunk) = chunks.next().await {
                    samples.extend(chunk?);
                }
            }
        }
        samples.sort_by_key(|sample: &Sample| sample.source_time);
        Ok(samples)
    }

    /// The wanted samples of a file of the archive, by point, then time, in the units of now.
    pub(crate) async fn filed(
        &self,
        file: &Filed,
        wanted: &Selection,
    ) -> Result<BoxStream<'static, Result<Vec<Sample>>>> {
        let Some(archive) = self.archive.get() else {
            let why = format!("the samples of this time are in the archive ({}), which is not open", file.name);
            return Err(Error::Refused { why: format!("{why}: see Station health and [archive] in penstock.toml") });
        };
        let chunks = archive.read(&file.name, wanted).await?;
        tracing::debug!(archived = file.name.as_str(), "reads a file of the archive");
        let file = file.clone();
        Ok(chunks.map(move |chunk| chunk.map(|samples| file.converted(samples)).map_err(Error::from)).boxed())
    }
}

/// Chunks of one origin, in time order.
struct Source {
    chunks: BoxStream<'static, Result<Vec<Sample>>>,
    ready: Peekable<std::vec::IntoIter<Sample>>,
}

impl Source {
    fn new(chunks: BoxStream<'static, Result<Vec<Sample>>>) -> Self {
        Self { chunks: chunks.fuse().boxed(), ready: Vec::new().into_iter().peekable() }
    }

    /// When its next sample was measured; none after the last.
    async fn next_at(&mut self) -> Result<Option<Timestamp>> {
        loop {
            if let Some(sample) = self.ready.peek() {
                return Ok(Some(sample.source_time));
            }
            match self.chunks.next().await {
                Some(chunk) => self.ready = chunk?.into_iter().peekable(),
                None => return Ok(None),
            }
        }
    }
}

/// Sends what sources hold of one point in time order, a sample that is in several of them once.
async fn merge_into(mut sources: Vec<Source>, into: &mpsc::Sender<Result<Vec<Sample>>>) -> Result<()> {
    let mut chunk: Vec<Sample> = Vec::with_capacity(CHUNK);
    let mut newest: Option<Sample> = None;
    loop {
        let mut heads = Vec::with_capacity(sources.len());
        for (number, source) in sources.iter_mut().enumerate() {
            if let Some(at) = source.next_at().await? {
                heads.push((at, number));
            }
        }
        heads.sort_unstable();
        let Some(&(_, first)) = heads.first() else { break };
        let Some(source) = sources.get_mut(first) else { break };
        // As far as nobody else has an earlier one.
        let until = heads.get(1).map_or(Timestamp::MAX, |(at, _)| *at);
        while let Some(sample) = source.ready.next_if(|sample| sample.source_time <= until) {
            if !newest.is_some_and(|newest| is_same(&newest, &sample)) {
                chunk.push(sample);
            }
            newest = Some(sample);
        }
        if chunk.len() >= CHUNK
            && into.send(Ok(std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK)))).await.is_err()
        {
            return Ok(());
        }
    }
    if !chunk.is_empty() {
        drop(into.send(Ok(chunk)).await);
    }
    Ok(())
}

/// What `read` sends, in chunks as they are taken, and last what went wrong. So many chunks `ahead` wait for whoever
/// asked; then reading waits. Dropped, it takes no more.
pub(crate) fn streamed<T, R>(
    ahead: usize,
    read: impl FnOnce(mpsc::Sender<Result<Vec<T>>>) -> R,
) -> mpsc::Receiver<Result<Vec<T>>>
where
    T: Send + 'static,
    R: Future<Output = Result<()>> + Send + 'static,
{
    let (into, chunks) = mpsc::channel(ahead);
    let reading = read(into.clone());
    tokio::spawn(async move {
        if let Err(error) = reading.await {
            // Nobody is told where nobody reads any more.
            drop(into.send(Err(error)).await);
        }
    });
    chunks
}

/// The samples that `query`, a selection of [`COLUMNS`], finds, as they come, each chunk within `patience`. Dropped, it
/// stops reading.
pub(crate) fn copied(pool: &PgPool, query: String, patience: Duration) -> Chunks {
    let pool = pool.clone();
    streamed(AHEAD, move |into| async move { copy_into(&pool, &query, patience, &into).await })
}

/// The same as a stream.
pub(crate) fn chunks_of(pool: &PgPool, query: String, patience: Duration) -> BoxStream<'static, Result<Vec<Sample>>> {
    let chunks = copied(pool, query, patience);
    unfold(chunks, |mut chunks| async move { Some((chunks.recv().await?, chunks)) }).boxed()
}

/// What a COPY of samples selects; see [`sample`].
pub(crate) const COLUMNS: &str = "point_no, source_time, received_time, value, quality";

pub(crate) fn of_points(points: &[PointNo], from: Timestamp, to: Timestamp) -> String {
    if points.is_empty() {
        return String::new();
    }
    let mut values = String::new();
    for (number, point) in points.iter().enumerate() {
        let comma = if number == 0 { "" } else { ", " };
        // Writing to text cannot fail.
        let _written = write!(values, "{comma}({number}, {})", point.0);
    }
    let (from, to) = crate::history::within(from, to);
    format!(
        "select sample.* from (values {values}) as asked (number, point) cross join lateral (\
         select {COLUMNS} from samples where point_no = point and source_time >= timestamptz '{from}' \
         and source_time < timestamptz '{to}' order by source_time) sample"
    )
}

/// Sends what `query`, a selection of [`COLUMNS`], finds; nothing where it is empty. No chunk may take the database
/// longer than `patience`; whoever takes them may take as long as they like.
pub(crate) async fn copy_into(
    pool: &PgPool,
    query: &str,
    patience: Duration,
    into: &mpsc::Sender<Result<Vec<Sample>>>,
) -> Result<()> {
    if query.is_empty() {
        return Ok(());
    }
    let mut connection = pool.acquire().await?;
    let sent = send_chunks(&mut connection, query, patience, into).await;
    if !matches!(sent, Ok(true)) {
        // What is still on its way would meet the next query.
        drop(connection.detach());
    }
    sent.map(|_is_all| ())
}

/// The same over one connection. Whether that was all there is: who wants no more closes the channel.
async fn send_chunks(
    connection: &mut PgConnection,
    query: &str,
    patience: Duration,
    into: &mpsc::Sender<Result<Vec<Sample>>>,
) -> Result<bool> {
    let mut rows = in_time(patience, Rows::of(connection, query)).await?;
    loop {
        let chunk = in_time(patience, next_chunk(&mut rows)).await?;
        let is_last = chunk.len() < CHUNK;
        let is_wanted = chunk.is_empty() || into.send(Ok(chunk)).await.is_ok();
        if is_last || !is_wanted {
            return Ok(is_last);
        }
    }
}

/// The next rows, fewer than [`CHUNK`] only where they end.
async fn next_chunk(rows: &mut Rows<'_>) -> Result<Vec<Sample>> {
    let mut chunk = Vec::with_capacity(CHUNK);
    while chunk.len() < CHUNK
        && let Some(mut row) = rows.next().await?
    {
        chunk.push(sample(&mut row)?);
    }
    Ok(chunk)
}

/// A sample from a row of [`COLUMNS`].
fn sample(row: &mut Row) -> Result<Sample> {
    let missing = || Error::unreadable("sample")(&"a column that is never null is");
    Ok(Sample {
        point: PointNo(row.int()?.ok_or_else(missing)?),
        source_time: row.time()?.ok_or_else(missing)?,
        received_time: row.time()?.ok_or_else(missing)?,
        value: row.double()?,
        quality: quality(row.small()?.ok_or_else(missing)?),
    })
}
