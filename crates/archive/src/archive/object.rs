//! A file of the archive as Parquet's reader wants it: ranges of bytes, fetched when they are needed.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

/// Fetched with the first look: the footer and most indexes of a month come in one go.
const FOOTER_BYTES: usize = 64 << 10;

/// One file.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) path: Path,
    pub(super) bytes: u64,
}

impl Object {
    /// What a damaged footer asks for is not the store's fault.
    fn check(&self, ranges: &[Range<u64>]) -> Result<(), ParquetError> {
        let bytes = self.bytes;
        match ranges.iter().find(|range| range.start > range.end || range.end > bytes) {
            Some(Range { start, end }) => {
                Err(ParquetError::EOF(format!("it names its bytes {start} to {end}, but has {bytes}")))
            }
            None => Ok(()),
        }
    }
}

fn failed(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

impl AsyncFileReader for Object {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        async move {
            self.check(std::slice::from_ref(&range))?;
            self.store.get_range(&self.path, range).await.map_err(failed)
        }
        .boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        async move {
            self.check(&ranges)?;
            self.store.get_ranges(&self.path, &ranges).await.map_err(failed)
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        async move {
            let bytes = self.bytes;
            let reader = ParquetMetaDataReader::new()
                .with_page_index_policy(PageIndexPolicy::Optional)
                .with_prefetch_hint(Some(FOOTER_BYTES));
            Ok(Arc::new(reader.load_and_finish(self, bytes).await?))
        }
        .boxed()
    }
}
