//! The scheme `at`, as nobody in particular reads it.

use std::sync::Arc;

use async_trait::async_trait;
use atdata_atmosphere::{Atmosphere, AtmosphereOptions};
use atdata_core::source::{Registry, ShardOpener};
use atdata_core::{Error, Result, ShardBody};

/// Registers the scheme with what the environment says of servers. What it says wrongly is an error of those who read
/// blobs, and not of all others.
pub(crate) fn register(registry: &mut Registry) {
    match AtmosphereOptions::from_env() {
        Ok(options) => atdata_atmosphere::register(registry, &Atmosphere::anonymous(options)),
        Err(_) => registry.register("at", Arc::new(Misconfigured)),
    }
}

/// Says of every blob what is wrong with the environment.
#[derive(Debug)]
struct Misconfigured;

#[async_trait]
impl ShardOpener for Misconfigured {
    async fn open(&self, url: &str) -> Result<ShardBody> {
        // Errors cannot be kept for several askers.
        let error = AtmosphereOptions::from_env().err();
        let error =
            error.unwrap_or_else(|| Error::invalid("the servers of the network are not named rightly"));
        Err(error.with("shard", url))
    }

    fn untrusted(&self) -> Option<Arc<dyn ShardOpener>> {
        Some(Arc::new(Self))
    }
}
