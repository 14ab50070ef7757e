//! The index, on a real server, in both profiles.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::Index;
use atdata_core::schema::Profile;
use atdata_testkit::index::{IndexHarness, IndexLimits};
use common::Alice;

/// A repository of its own.
struct OnPds(Alice);

#[async_trait]
impl IndexHarness for OnPds {
    fn index(&self) -> Arc<dyn Index> {
        Arc::new(self.0.atmosphere.index().expect("an account"))
    }

    async fn reopen(&self) -> Arc<dyn Index> {
        Arc::new(self.0.again().index().expect("an account"))
    }

    fn limits(&self) -> IndexLimits {
        // A record has a megabyte at most; the lexicon allows 200 bytes for names and 100,000 for metadata. A hundred
        // records are a page.
        IndexLimits {
            bulk: 110,
            max_name: 200,
            max_metadata: 40_000,
            max_urls: 2_000,
            ..IndexLimits::default()
        }
    }
}

fn on_pds(profile: Profile) -> Option<OnPds> {
    // The suite's addresses are paths.
    Alice::for_test("index", |options| options.with_profile(profile).with_local_files(true)).map(OnPds)
}

mod strict {
    use super::*;

    async fn strict() -> Option<OnPds> {
        Alice::strict_for_test("index", |options| options.with_local_files(true)).map(OnPds)
    }

    atdata_testkit::index_suite!(strict);
}

mod behind_faults {
    use super::*;

    async fn behind_faults() -> Option<OnPds> {
        Alice::behind_faults_for_test("index", |options| options.with_local_files(true)).map(OnPds)
    }

    atdata_testkit::index_suite!(behind_faults);
}

mod seed {
    use super::*;

    atdata_testkit::index_suite!(async || on_pds(Profile::Seed));
}

mod latest {
    use super::*;

    atdata_testkit::index_suite!(async || on_pds(Profile::Latest));
}
