//! The suites on the implementations in memory and over local files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use atdata_core::source::{FileSource, Registry, UrlSource};
use atdata_core::{DataSource, DataStore, Index, MemoryIndex, MemorySource, MemoryStore, Result, ShardBody};
use atdata_testkit::index::IndexHarness;
use atdata_testkit::source::SourceHarness;
use atdata_testkit::store::StoreHarness;
use bytes::Bytes;
use tempfile::TempDir;

mod index {
    use super::*;

    #[derive(Default)]
    struct Memory(MemoryIndex);

    #[async_trait]
    impl IndexHarness for Memory {
        fn index(&self) -> Arc<dyn Index> {
            Arc::new(self.0.clone())
        }
        async fn reopen(&self) -> Arc<dyn Index> {
            Arc::new(self.0.clone())
        }
    }

    mod seed_profile {
        use super::Memory;
        atdata_testkit::index_suite!(async || Some(Memory::default()));
    }

    /// One of several under a roof: what the suite does happens in the local one.
    mod federation {
        use super::*;
        use atdata_core::Federation;

        #[derive(Default)]
        struct Roof(Memory);

        #[async_trait]
        impl IndexHarness for Roof {
            fn index(&self) -> Arc<dyn Index> {
                let roof = Federation::new(self.0.index());
                Arc::new(roof.with_mount("elsewhere", MemoryIndex::new()).unwrap())
            }
            async fn reopen(&self) -> Arc<dyn Index> {
                self.index()
            }
        }

        atdata_testkit::index_suite!(async || Some(Roof::default()));
    }

    mod latest_profile {
        use super::{Memory, MemoryIndex};
        use atdata_core::schema::Profile;
        atdata_testkit::index_suite!(async || Some(Memory(MemoryIndex::new().with_profile(Profile::Latest))));
    }
}

mod store {
    use super::*;

    #[derive(Default)]
    struct Memory(MemoryStore);

    #[async_trait]
    impl StoreHarness for Memory {
        fn store(&self) -> Arc<dyn DataStore> {
            Arc::new(self.0.clone())
        }
        fn registry(&self) -> Registry {
            let mut registry = Registry::default();
            registry.register("mem", Arc::new(self.0.clone()));
            registry
        }
        async fn list_objects(&self) -> Option<Vec<String>> {
            Some(self.0.urls())
        }
    }

    atdata_testkit::store_suite!(async || Some(Memory::default()));
}

mod memory_source {
    use super::*;

    /// Shards that can be taken away, which those of a [`MemorySource`] cannot.
    #[derive(Debug, Default)]
    struct Forgetful {
        source: MemorySource,
        gone: Arc<Mutex<Vec<String>>>,
    }

    #[async_trait]
    impl DataSource for Forgetful {
        async fn list_shards(&self) -> Result<Vec<String>> {
            self.source.list_shards().await
        }
        async fn open_shard(&self, id: &str) -> Result<ShardBody> {
            if self.gone.lock().unwrap().iter().any(|gone| gone == id) {
                return MemorySource::default().open_shard(id).await;
            }
            self.source.open_shard(id).await
        }
    }

    #[derive(Default)]
    struct Memory(Arc<Mutex<Vec<String>>>);

    #[async_trait]
    impl SourceHarness for Memory {
        async fn source(&self, shards: Vec<(String, Bytes)>) -> Arc<dyn DataSource> {
            Arc::new(Forgetful { source: MemorySource::new(shards), gone: self.0.clone() })
        }
        async fn remove(&self, name: &str) {
            self.0.lock().unwrap().push(name.to_owned());
        }
    }

    atdata_testkit::source_suite!(async || Some(Memory::default()));
}

/// Shards in a directory, read by the given kind of source.
struct Files {
    directory: TempDir,
    source: fn(Vec<std::path::PathBuf>) -> Arc<dyn DataSource>,
}

impl Files {
    fn new(source: fn(Vec<std::path::PathBuf>) -> Arc<dyn DataSource>) -> Option<Self> {
        Some(Self { directory: TempDir::new().unwrap(), source })
    }
}

#[async_trait]
impl SourceHarness for Files {
    async fn source(&self, shards: Vec<(String, Bytes)>) -> Arc<dyn DataSource> {
        let paths = shards.into_iter().map(|(name, bytes)| {
            let path = self.directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, bytes).unwrap();
            path
        });
        (self.source)(paths.collect())
    }
    async fn remove(&self, name: &str) {
        std::fs::remove_file(self.directory.path().join(name)).unwrap();
    }
}

mod mapped_files {
    use super::{Arc, FileSource, Files};
    atdata_testkit::source_suite!(async || Files::new(|paths| Arc::new(FileSource::new(paths))));
}

mod streamed_files {
    use super::{Arc, FileSource, Files};
    atdata_testkit::source_suite!(async || Files::new(|paths| Arc::new(
        FileSource::new(paths).without_mapping()
    )));
}

mod file_urls {
    use super::*;

    fn open(paths: Vec<std::path::PathBuf>) -> Arc<dyn DataSource> {
        let urls = paths.iter().map(|path| atdata_core::url::address::file_url_of_path(path).unwrap());
        Arc::new(UrlSource::from_urls(urls, &Registry::default()).unwrap())
    }

    atdata_testkit::source_suite!(async || Files::new(open));
}
