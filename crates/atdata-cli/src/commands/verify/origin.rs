//! Who signed the records of a dataset on the AT Protocol.

use std::fmt;

use serde_json::{Value as Json, json};

use crate::address::Backends;
use crate::output::CliResult;
use crate::source_arg::Source;

/// A record, and whether it is proved to be from whom it says.
#[derive(Debug)]
pub(super) struct Origin {
    what: &'static str,
    uri: String,
    proof: Result<Proof, String>,
}

/// What a proof says.
#[derive(Debug)]
struct Proof {
    signer: String,
    handle: Option<String>,
    cid: String,
    commit: String,
    rev: Option<String>,
}

impl Origin {
    pub(super) fn is_proved(&self) -> bool {
        self.proof.is_ok()
    }

    pub(super) fn json(&self) -> Json {
        let verdict = if self.is_proved() { "PASS" } else { "FAIL" };
        let mut shown = json!({"what": self.what, "uri": self.uri, "verdict": verdict});
        let more = match &self.proof {
            Ok(proof) => json!({
                "signer": proof.signer,
                "handle": proof.handle,
                "cid": proof.cid,
                "commit": proof.commit,
                "rev": proof.rev,
            }),
            Err(reason) => json!({"reason": reason}),
        };
        if let (Json::Object(shown), Json::Object(more)) = (&mut shown, more) {
            shown.extend(more);
        }
        shown
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.proof {
            Ok(Proof { signer, handle, rev, .. }) => {
                write!(f, "PASS {} {} (signed by {signer}", self.what, self.uri)?;
                if let Some(handle) = handle {
                    write!(f, ", {handle}")?;
                }
                if let Some(rev) = rev {
                    write!(f, ", revision {rev}")?;
                }
                f.write_str(")")
            }
            Err(reason) => write!(f, "FAIL {} {}\n     {reason}", self.what, self.uri),
        }
    }
}

/// Proves the dataset's record, and that of its schema. Nothing, for what is not on the network.
#[cfg(feature = "atmosphere")]
pub(super) async fn check(source: &Source, backends: &Backends) -> CliResult<Vec<Origin>> {
    use atdata::IndexEntry;

    let Some(entry) = &source.record else { return Ok(Vec::new()) };
    let network = backends.network().any()?;
    let mut origins = Vec::new();
    if let Some(uri) = entry.uri() {
        origins.push(prove(&network, "record", uri, entry.cid()).await);
    }
    if entry.schema_ref().starts_with("at://") && source.schema.is_some() {
        origins.push(prove(&network, "schema", entry.schema_ref(), None).await);
    }
    Ok(origins)
}

#[cfg(feature = "atmosphere")]
async fn prove(network: &atdata::Atmosphere, what: &'static str, uri: &str, cid: Option<&str>) -> Origin {
    let proof = match network.verify_origin(uri).await {
        Ok(verified) if cid.is_some_and(|cid| cid != verified.cid.to_string()) => {
            Err(format!("the owner has signed another record here: {}", verified.cid))
        }
        Ok(verified) => {
            let account =
                uri.strip_prefix("at://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
            let identity = network.resolve(account).await.ok();
            Ok(Proof {
                signer: identity.as_ref().map_or_else(|| account.to_owned(), |it| it.did.to_string()),
                handle: identity.and_then(|identity| identity.handle.clone()),
                cid: verified.cid.to_string(),
                commit: verified.commit.to_string(),
                rev: verified.rev,
            })
        }
        Err(error) => Err(error.to_string()),
    };
    Origin { what, uri: uri.to_owned(), proof }
}

#[cfg(not(feature = "atmosphere"))]
#[allow(clippy::unused_async, reason = "as with the network")]
pub(super) async fn check(_: &Source, _: &Backends) -> CliResult<Vec<Origin>> {
    Ok(Vec::new())
}
