//! The samples of some points in the order they were received, as alarms and detectors saw them. Must not know what
//! they are played to.
//!
//! Samples are kept by point and source time, and nothing finds them by received time. So they are read in windows of
//! source time, each window's two halves side by side by COPY, and put in order in memory: what is received later than
//! a window lets through waits. How much a window holds decides how wide the next one is, so that memory stays within
//! its bound however many points there are.

use std::collections::BTreeMap;
use std::time::Duration;

use penstock_model::{PointNo, Sample, Timestamp};
use tokio::sync::mpsc;

use crate::history::{Gone, within};
use crate::reader::in_time;
use crate::scan::{AHEAD, CHUNK, copied, copy_into, of_points, streamed};
use crate::{Chunks, Error, Result, Store};

/// A window with fewer samples is followed by one of double width.
const FEW: usize = 250_000;
/// More than this is not taken from half a window: it is read again, narrower.
const MOST: usize = 500_000;
/// By how much narrower.
const NARROWER: i64 = 8;
const FIRST_WIDTH: i64 = 60_000_000;
/// Nothing is measured so late.
const NO_PLANTS: Timestamp = Timestamp::of_date(9_999, 1, 1);
/// However much a millisecond holds, it is taken.
const LEAST_WIDTH: i64 = 1_000;

/// How far ahead of the received time a device's clock is believed (`penstock_codec`); so long, order is exact.
const BELIEVED: Duration = Duration::from_secs(86_400);
/// With more samples waiting than this the clocks of devices are taken to be right, that is, not marked as ahead:
/// samples with times further ahead, which no alarm is judged by, may then come later than they were received.
const MANY_WAIT: usize = 2_000_000;
/// By how much a clock that is right may be ahead of the station's: what it tells is not marked (`penstock_codec`).
pub(crate) const RIGHT: Duration = Duration::from_secs(120);
/// More are not held: so many came late at once.
const MOST_WAIT: usize = 4_000_000;

/// Of which points, and the months of each whose samples are gone.
#[derive(Debug)]
struct Asked {
    points: Vec<PointNo>,
    gone: BTreeMap<PointNo, Vec<Gone>>,
    patience: Duration,
}

/// All samples of a stretch of source time, in no order.
struct Window {
    samples: Vec<Sample>,
    /// Nothing that comes after it was measured before.
    end: Timestamp,
}

impl Store {
    /// Every sample of `points` with a source time from `from` up to, but not including, `to`: in the order they were
    /// received, those of one moment by point and source time. What was received after `to` comes too, at the end.
    ///
    /// As long as fewer than 2,000,000 samples wait at once (those of a day, and those that come late), order is exact.
    ///
    /// # Errors
    /// With the chunks: [`Error::Refused`] where more than 4,000,000 samples came late at once; those of the database
    /// and the archive.
    pub fn replay(&self, points: Vec<PointNo>, from: Timestamp, to: Timestamp) -> Chunks {
        self.replay_patiently(points, from, to, Duration::MAX)
    }

    /// Samples of `points` with a source time from `from` on that were received after `after`, in the order they were
    /// received, from the database alone: what was stored since a moment that is not long ago. All that was measured since
    /// `from` is read for it.
    ///
    /// # Errors
    /// With the chunks: those of the database.
    pub fn received_since(&self, points: &[PointNo], from: Timestamp, after: Timestamp) -> Chunks {
        let selected = of_points(points, from, NO_PLANTS);
        let query = match selected.is_empty() {
            true => selected,
            false => format!(
                "select * from ({selected}) stored where received_time > timestamptz '{after}' \
                 order by received_time, point_no, source_time"
            ),
        };
        copied(&self.pool, query, Duration::MAX)
    }

    /// The same as [`Store::replay`] where no chunk may take the database longer than `patience`.
    pub(crate) fn replay_patiently(
        &self,
        points: Vec<PointNo>,
        from: Timestamp,
        to: Timestamp,
        patience: Duration,
    ) -> Chunks {
        let store = self.clone();
        streamed(AHEAD, move |into| async move { store.replay_into(points, from, to, patience, &into).await })
    }

    async fn replay_into(
        &self,
        mut points: Vec<PointNo>,
        from: Timestamp,
        to: Timestamp,
        patience: Duration,
        into: &mpsc::Sender<Result<Vec<Sample>>>,
    ) -> Result<()> {
        points.sort_unstable();
        points.dedup();
        let mut gone = BTreeMap::new();
        for &point in &points {
            let mut months = in_time(patience, self.gone(point, from, to)).await?;
            months.retain(|month| !month.files.is_empty());
            if !months.is_empty() {
                gone.insert(point, months);
            }
        }
        let asked = Asked { points, gone, patience };
        // One window waits while another is put in order.
        let (windows_in, windows) = mpsc::channel(1);
        tokio::try_join!(self.read_windows(&asked, from, to, windows_in), in_order(windows, into))?;
        Ok(())
    }

    /// Sends window after window; ends where nobody takes them.
    async fn read_windows(
        &self,
        asked: &Asked,
        from: Timestamp,
        to: Timestamp,
        into: mpsc::Sender<Window>,
    ) -> Result<()> {
        let (from, to) = within(from, to);
        let (mut start, last) = (from.as_micros(), to.as_micros());
        let mut width = FIRST_WIDTH;
        while start < last && !asked.points.is_empty() {
            let end = start.saturating_add(width).min(last);
            let middle = start + (end - start) / 2;
            let most = if width > LEAST_WIDTH { MOST } else { usize::MAX };
            let read = tokio::try_join!(self.read(asked, start, middle, most), self.read(asked, middle, end, most))?;
            let (Some(mut samples), Some(second)) = read else {
                width = (width / NARROWER).max(LEAST_WIDTH);
                continue;
            };
            samples.extend(second);
            if samples.len() < FEW {
                width = width.saturating_mul(2);
            }
            if into.send(Window { samples, end: Timestamp::from_micros(end) }).await.is_err() {
                return Ok(());
            }
            start = end;
        }
        Ok(())
    }

    /// The samples from one moment up to another, in microseconds; none where they are more than `most`.
    async fn read(&self, asked: &Asked, from: i64, to: i64, most: usize) -> Result<Option<Vec<Sample>>> {
        if from >= to {
            return Ok(Some(Vec::new()));
        }
        let (into, chunks) = mpsc::channel(AHEAD);
        let (from, to) = (Timestamp::from_micros(from), Timestamp::from_micros(to));
        let ((), samples) = tokio::try_join!(self.read_into(asked, from, to, into), collect(chunks, most))?;
        Ok(samples)
    }

    async fn read_into(
        &self,
        asked: &Asked,
        from: Timestamp,
        to: Timestamp,
        into: mpsc::Sender<Result<Vec<Sample>>>,
    ) -> Result<()> {
        for (&point, months) in &asked.gone {
            for month in months.iter().filter(|month| month.first < to && from < month.next) {
                let (first, next) = (from.max(month.first), to.min(month.next));
                let archived = self.archived(std::slice::from_ref(month), point, first, next);
                if into.send(Ok(in_time(asked.patience, archived).await?)).await.is_err() {
                    return Ok(());
                }
            }
        }
        copy_into(&self.pool, &of_points(&asked.points, from, to), asked.patience, &into).await
    }
}

/// What comes, up to `most` samples; none where they are more, and then it takes no more of them.
async fn collect(mut chunks: Chunks, most: usize) -> Result<Option<Vec<Sample>>> {
    let mut samples = Vec::new();
    while let Some(chunk) = chunks.recv().await {
        samples.extend(chunk?);
        if samples.len() > most {
            return Ok(None);
        }
    }
    Ok(Some(samples))
}

/// Sends the samples of windows on in the order they were received.
async fn in_order(mut windows: mpsc::Receiver<Window>, into: &mpsc::Sender<Result<Vec<Sample>>>) -> Result<()> {
    let mut waiting = Vec::new();
    while let Some(window) = windows.recv().await {
        // Putting half a million samples in order would hold up what else runs on this thread.
        let (still, ready) = off_thread(move || let_through(waiting, window)).await?;
        waiting = still;
        if waiting.len() > MOST_WAIT {
            let why = format!("more than {MOST_WAIT} samples came late or with times ahead");
            return Err(Error::Refused { why: format!("{why}: ask for a shorter time or fewer points") });
        }
        if !send(&ready, into).await {
            return Ok(());
        }
    }
    // Nobody to tell where nobody reads any more.
    let _is_wanted = send(&waiting, into).await;
    Ok(())
}

/// Adds a window to the samples that wait, which are in order. Gives those that wait on, and those before which none can
/// come any more.
fn let_through(mut waiting: Vec<Sample>, window: Window) -> (Vec<Sample>, Vec<Sample>) {
    waiting.extend(window.samples);
    // Several stretches that are nearly in order each, which this sort takes as they are.
    waiting.sort_by_key(|sample| (sample.received_time, sample.point, sample.source_time));
    let before = |ahead: Duration| waiting.partition_point(|sample| sample.received_time < window.end - ahead);
    let mut ready = before(BELIEVED);
    if waiting.len() - ready > MANY_WAIT {
        ready = before(RIGHT).min(waiting.len() - MANY_WAIT);
    }
    let still = waiting.split_off(ready);
    (still, waiting)
}

/// Whether anybody still wants them.
async fn send(samples: &[Sample], into: &mpsc::Sender<Result<Vec<Sample>>>) -> bool {
    for chunk in samples.chunks(CHUNK) {
        if into.send(Ok(chunk.to_vec())).await.is_err() {
            return false;
        }
    }
    true
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    // It ends early only where the runtime does.
    tokio::task::spawn_blocking(work).await.map_err(|_ended| Error::Unavailable(sqlx::Error::WorkerCrashed))
}

#[cfg(test)]
mod tests {
    use penstock_model::Quality;

    use super::*;

    const MINUTE: i64 = 60;

    fn sample(point: i32, source_secs: i64, received_secs: i64) -> Sample {
        Sample {
            point: PointNo(point),
            source_time: Timestamp::from_secs(source_secs),
            received_time: Timestamp::from_secs(received_secs),
            value: None,
            quality: Quality::Good,
        }
    }

    fn window(samples: Vec<Sample>, end_secs: i64) -> Window {
        Window { samples, end: Timestamp::from_secs(end_secs) }
    }

    #[test]
    fn a_sample_waits_until_none_can_come_before_it() {
        let day = 24 * 60 * MINUTE;
        let (late, early, ahead) = (sample(1, 10, 3 * day), sample(2, 20, 21), sample(1, day + 600, 500));
        let (waiting, ready) = let_through(Vec::new(), window(vec![late, early], day));
        assert_eq!(ready, []);
        let (waiting, ready) = let_through(waiting, window(vec![ahead], day + 700));
        assert_eq!(ready, [early, ahead]);
        assert_eq!(waiting, [late]);
        assert_eq!(let_through(waiting, window(Vec::new(), 5 * day)), (Vec::new(), vec![late]));
    }

    #[test]
    fn samples_of_one_moment_come_by_point_and_time() {
        let day = 24 * 60 * MINUTE;
        let [a, b, c] = [sample(1, 5, 9), sample(1, 6, 9), sample(2, 4, 9)];
        let (_, ready) = let_through(Vec::new(), window(vec![c, b, a], day + MINUTE));
        assert_eq!(ready, [a, b, c]);
    }
}
