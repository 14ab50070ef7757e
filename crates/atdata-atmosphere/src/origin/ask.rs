//! Asking for a proof, and for the key that it is held against.

use atdata_core::url::AtUri;
use atdata_core::{Error, ErrorKind, Result, ResultExt};
use serde_json::json;

use super::{MAX_CAR, SigningKey, Verified, verify_record};
use crate::{Atmosphere, Did};

impl Atmosphere {
    /// Proves that a record is in the repository that its address names, and gives it: the repository's owner has
    /// signed it, with the key that the owner's identity names now. The server that has the repository is asked for the
    /// proof, and need not be trusted.
    ///
    /// ```no_run
    /// # async fn example(atmosphere: atdata_atmosphere::Atmosphere) -> atdata_core::Result<()> {
    /// let proof = atmosphere.verify_origin("at://alice.example.org/science.alt.dataset.entry/3k2a").await?;
    /// println!("{} in revision {:?}", proof.cid, proof.rev);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`verify_record`]; [`resolve`](Atmosphere::resolve)'s; [`Invalid`](ErrorKind::Invalid) if the identity names
    /// no key.
    pub async fn verify_origin(&self, uri: &str) -> Result<Verified> {
        let mut uri: AtUri = uri.parse()?;
        uri.validate()?;
        let did: Did = match uri.authority.parse() {
            Ok(did) => did,
            Err(_) => self.resolve(&uri.authority).await?.did.clone(),
        };
        uri = AtUri::new(did.as_str(), &*uri.collection, &*uri.rkey);
        match self.verified(&did, &uri).await {
            // The key may be another one since the identity was read, and the account elsewhere.
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                self.forget_identity(&did);
                self.verified(&did, &uri).await
            }
            other => other,
        }
    }

    async fn verified(&self, did: &Did, uri: &AtUri) -> Result<Verified> {
        let identity = self.resolve(did.as_str()).await?;
        let method = identity.signing_key.as_ref().ok_or_else(|| {
            Error::invalid("the identity names no key that the repository is signed with")
                .with("account", did)
        })?;
        let method = json!({"type": method.kind, "publicKeyMultibase": method.multibase});
        let key = SigningKey::from_verification_method(&method).context("account", did)?;
        let parameters = [("did", did.as_str()), ("collection", &*uri.collection), ("rkey", &*uri.rkey)];
        let service = self.service_of(did).await?;
        let asked = service.query_bytes("com.atproto.sync.getRecord", &parameters, MAX_CAR).await;
        let car = asked.context("url", uri)?;
        verify_record(&car, did.as_str(), &uri.collection, &uri.rkey, &key)
    }
}
