//! Verifications of lenses.

use atdata_core::cid::ContentId;
use atdata_core::schema::Profile;
use atdata_core::{Result, ResultExt};
use serde_json::Value as Json;
use time::OffsetDateTime;

use super::member::{Members, Writing, missing};
use super::{Checksum, CodeReference, Collection, RecordKind, limits};

/// Somebody's word for a lens: that of the owner of the repository that holds the record.
///
/// ```
/// use atdata_atmosphere::records::LensVerification;
/// use atdata_core::cid::dag_cbor_cid;
/// use atdata_core::schema::parse_time;
///
/// let lens = "at://did:plc:a/science.alt.dataset.lens/3k";
/// let mut verification = LensVerification::new(lens, dag_cbor_cid(&[0xa0]).to_string(), "codeReview");
/// verification.created_at = parse_time("2026-11-22T07:06:38Z");
/// assert_eq!(LensVerification::from_json(&verification.to_json()?)?, verification);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LensVerification {
    /// The address of the lens record.
    pub lens: String,
    /// The CID of the lens record that was looked at.
    pub lens_commit: String,
    /// How: `codeReview`, `formalProof`, `signedHash` or `automatedTest`; others may follow.
    pub method: String,
    /// When.
    pub created_at: Option<OffsetDateTime>,
    /// The hash of the code.
    pub code_hash: Option<Checksum>,
    /// Where the proof is.
    pub proof: Option<CodeReference>,
    /// What was found, in words.
    pub description: Option<String>,
}

impl LensVerification {
    /// A verification of which nothing more is said. Set its time before it is written.
    pub fn new(lens: impl Into<String>, lens_commit: impl Into<String>, method: impl Into<String>) -> Self {
        Self {
            lens: lens.into(),
            lens_commit: lens_commit.into(),
            method: method.into(),
            created_at: None,
            code_hash: None,
            proof: None,
            description: None,
        }
    }

    /// Reads a verification.
    ///
    /// # Errors
    /// `Corrupt` for a record of another kind and for members that are missing or of the wrong type.
    pub fn from_json(json: &Json) -> Result<Self> {
        let members = Members::of_record(json, RecordKind::LensVerification)?;
        // Seen as a text and as a link.
        let lens_commit = match members.get("lensCommit") {
            Some(link @ Json::Object(_)) => Members::of(link, "a link")?.owned("$link")?,
            _ => members.owned("lensCommit")?,
        };
        Ok(Self {
            lens: members.required("lens")?,
            lens_commit: lens_commit.ok_or_else(|| missing("lensCommit"))?,
            method: members.required("verificationMethod")?,
            created_at: members.created_at(),
            code_hash: members.read("codeHash", Checksum::from_json)?.flatten(),
            proof: members.read("proofRef", CodeReference::from_json)?,
            description: members.owned("description")?,
        })
    }

    /// Writes the record; it exists in one form only.
    ///
    /// # Errors
    /// `Invalid`, naming the member: a time that is missing, an address or CID that is none, a text beyond the limit
    /// of the lexicon.
    pub fn to_json(&self) -> Result<Json> {
        let mut record = Writing::typed(Collection::written(RecordKind::LensVerification, Profile::Latest));
        record.at_uri("lens", &self.lens)?;
        self.lens_commit.parse::<ContentId>().context("member", "lensCommit")?;
        record.text("lensCommit", &self.lens_commit, limits::CID)?;
        record.insert("verificationMethod", self.method.as_str());
        record.created_at(self.created_at)?;
        if let Some(hash) = &self.code_hash {
            record.insert("codeHash", hash.to_json().context("member", "codeHash")?);
        }
        if let Some(proof) = &self.proof {
            record.insert("proofRef", proof.to_json().context("member", "proofRef")?);
        }
        record.optional("description", self.description.as_deref(), limits::LENS_DESCRIPTION)?;
        Ok(record.finish())
    }
}
