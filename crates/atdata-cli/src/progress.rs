//! A progress bar on terminals, nothing elsewhere.

use std::io::IsTerminal;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use atdata::{DataSource, Result, ShardBody};
use bytes::Bytes;
use futures::StreamExt;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use crate::address::local_path_of;
use crate::output::Out;

/// How often the bar moves, so that a slow network or input does not look dead.
const TICK: Duration = Duration::from_millis(120);

/// Shows how much has been moved, and how fast. The bar is taken away when the last clone of this is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Progress(Arc<Shown>);

/// A bar that is taken away when this is dropped.
#[derive(Debug)]
struct Shown(ProgressBar);

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// The uploads of an import, moving its bar.
#[cfg(feature = "atmosphere")]
#[derive(Debug)]
pub(crate) struct Uploads {
    bar: ProgressBar,
    /// What was sent of each shard, and its length.
    shards: std::sync::Mutex<std::collections::BTreeMap<usize, (u64, u64)>>,
}

#[cfg(feature = "atmosphere")]
impl Uploads {
    /// Some bytes of a shard were sent.
    pub(crate) fn moved(&self, upload: atdata::atmosphere::UploadProgress) {
        if self.bar.is_hidden() {
            return;
        }
        let mut shards = self.shards.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        shards.insert(upload.shard, (upload.sent, upload.size));
        self.bar.set_prefix(sent(shards.values()));
    }
}

/// How much of some shards has been sent.
#[cfg(feature = "atmosphere")]
fn sent<'a>(shards: impl Iterator<Item = &'a (u64, u64)>) -> String {
    let (mut all, mut done, mut bytes) = (0, 0, 0);
    for (sent, size) in shards {
        all += 1;
        done += u64::from(sent == size);
        bytes += sent;
    }
    format!("{done} of {all} shards sent ({}), ", indicatif::DecimalBytes(bytes))
}

impl Progress {
    /// Starts on standard error, if that is a terminal and `show` says so.
    fn start(show: bool) -> Self {
        if !show {
            return Self::of(ProgressBar::hidden());
        }
        // Hidden by itself where standard error is no terminal.
        let bar = ProgressBar::new_spinner();
        let template = "{spinner} {prefix}{msg}{decimal_bytes}, {decimal_bytes_per_sec} ({elapsed})";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Self::of(bar)
    }

    fn of(bar: ProgressBar) -> Self {
        Self(Arc::new(Shown(bar)))
    }

    fn bar(&self) -> &ProgressBar {
        &self.0.0
    }

    /// For a command that prints text now and then, [suspending](Self::suspend) the bar, or at its end.
    pub(crate) fn beside(out: &Out) -> Self {
        Self::start(!out.is_json())
    }

    /// For a command that prints all the time: if that goes elsewhere than to a terminal.
    pub(crate) fn instead_of(out: &Out) -> Self {
        Self::start(!out.is_json() && !std::io::stdout().is_terminal())
    }

    /// Moves on in an import.
    pub(crate) fn update(&self, samples: u64, bytes: u64, skipped: u64) {
        if self.bar().is_hidden() {
            return;
        }
        self.bar().set_position(bytes);
        self.bar().set_message(counted(samples, skipped));
    }

    /// So many samples have been read, of so many if their number is known: then the time that is left is shown, too.
    pub(crate) fn samples(&self, done: u64, total: Option<u64>) {
        let bar = self.bar();
        if bar.is_hidden() {
            return;
        }
        let Some(total) = total else { return bar.set_message(counted(done, 0)) };
        if bar.length() != Some(total) {
            let template = "{spinner} [{bar:24}] {human_pos} of {human_len} samples, {per_sec}, {eta} left";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_length(total);
        }
        bar.set_position(done);
    }

    /// Watches the uploads of an import.
    #[cfg(feature = "atmosphere")]
    pub(crate) fn uploads(&self) -> Uploads {
        Uploads { bar: self.bar().clone(), shards: std::sync::Mutex::default() }
    }

    /// So many bytes more have been moved.
    pub(crate) fn moved(&self, bytes: u64) {
        self.0.0.inc(bytes);
    }

    /// Takes the bar away while something is printed.
    pub(crate) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar().suspend(print)
    }

    /// Takes the bar away for good.
    pub(crate) fn finish(&self) {
        self.bar().finish_and_clear();
    }

    /// The source, of which what comes from afar moves the bar.
    pub(crate) fn watch(&self, source: Arc<dyn DataSource>) -> Arc<dyn DataSource> {
        if self.bar().is_hidden() { source } else { Arc::new(Watched { source, bar: self.bar().clone() }) }
    }
}

fn counted(samples: u64, skipped: u64) -> String {
    let skipped = if skipped > 0 { format!("{} skipped, ", HumanCount(skipped)) } else { String::new() };
    format!("{} samples, {skipped}", HumanCount(samples))
}

/// A source whose bytes are counted as they come. Local shards pass as they are, mapped where they were.
#[derive(Debug)]
struct Watched {
    source: Arc<dyn DataSource>,
    bar: ProgressBar,
}

#[async_trait]
impl DataSource for Watched {
    async fn list_shards(&self) -> Result<Vec<String>> {
        self.source.list_shards().await
    }

    async fn open_shard(&self, id: &str) -> Result<ShardBody> {
        let body = self.source.open_shard(id).await?;
        if local_path_of(id).is_some() {
            return Ok(body);
        }
        let (size, version) = (body.size(), body.version().map(str::to_owned));
        let bar = self.bar.clone();
        let chunks = body.into_chunks().inspect(move |chunk| {
            // A bar with a length counts samples.
            if let (Ok(chunk), None) = (chunk, bar.length()) {
                bar.inc(chunk.len() as u64);
            }
        });
        Ok(ShardBody::stream(size, chunks.boxed()).with_version(version))
    }

    async fn shard_size(&self, id: &str) -> Result<Option<u64>> {
        self.source.shard_size(id).await
    }

    async fn resident_shard(&self, id: &str) -> Result<Option<Bytes>> {
        self.source.resident_shard(id).await
    }

    async fn read_range(&self, id: &str, range: Range<u64>) -> Result<Bytes> {
        self.source.read_range(id, range).await
    }

    fn range_tells_size(&self, id: &str) -> bool {
        self.source.range_tells_size(id)
    }

    async fn read_range_with_size(&self, id: &str, range: Range<u64>) -> Result<(Bytes, Option<u64>)> {
        self.source.read_range_with_size(id, range).await
    }

    async fn open_index(&self, id: &str) -> Result<Option<Bytes>> {
        self.source.open_index(id).await
    }
}

#[cfg(test)]
mod tests {
    use atdata::source::FileSource;
    use futures::TryStreamExt;
    use futures::executor::block_on;

    use super::*;

    #[derive(Debug)]
    struct Far;

    #[async_trait]
    impl DataSource for Far {
        async fn list_shards(&self) -> Result<Vec<String>> {
            Ok(vec!["https://h.test/a.tar".to_owned()])
        }
        async fn open_shard(&self, _id: &str) -> Result<ShardBody> {
            let chunks =
                futures::stream::iter([Ok(Bytes::from_static(b"abc")), Ok(Bytes::from_static(b"de"))]);
            Ok(ShardBody::stream(Some(5), chunks.boxed()).with_version(Some("1".to_owned())))
        }
    }

    fn watched(source: impl DataSource, bar: &ProgressBar) -> Watched {
        Watched { source: Arc::new(source), bar: bar.clone() }
    }

    #[test]
    fn what_comes_from_afar_is_counted_and_stays_what_it_is() {
        let bar = ProgressBar::hidden();
        let body = block_on(watched(Far, &bar).open_shard("https://h.test/a.tar")).unwrap();
        assert_eq!((body.size(), body.version()), (Some(5), Some("1")));
        let bytes: Vec<Bytes> = block_on(body.into_chunks().try_collect()).unwrap();
        assert_eq!((bytes.concat().as_slice(), bar.position()), (&b"abcde"[..], 5));
    }

    #[test]
    fn local_shards_stay_mapped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.tar");
        std::fs::write(&path, [0; 1024]).unwrap();
        let bar = ProgressBar::hidden();
        let source = watched(FileSource::new([&path]), &bar);
        let id = block_on(source.list_shards()).unwrap().remove(0);
        assert!(block_on(source.open_shard(&id)).unwrap().as_resident().is_some());
        assert_eq!(bar.position(), 0);
    }

    #[test]
    fn an_import_says_how_many_samples() {
        assert_eq!(counted(12_345, 0), "12,345 samples, ");
        assert_eq!(counted(1, 2), "1 samples, 2 skipped, ");
    }

    #[cfg(feature = "atmosphere")]
    #[test]
    fn uploads_are_counted_by_shards_and_bytes() {
        assert_eq!(sent([(10, 10), (1_500_000, 2_000_000)].iter()), "1 of 2 shards sent (1.50 MB), ");
    }
}
