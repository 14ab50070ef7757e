//! Lenses that are data, in records that are made for code.
//!
//! A lens record has a name, two schemas, and two references to code. What it has no members for goes into an object of its own
//! in `metadata`, [`MEMBER`]: the version, and the steps or whatever else is known of the lens. Older records may lack the
//! references to code, and are written without. Newer ones must have them, so they say truthfully where the lens is: in this
//! very record. Whoever looks for code there finds none, and the steps.

use atdata_core::cid::{dag_cbor_cid, value_to_dag_cbor};
use atdata_core::lens::{CodeLocation, LensBody, LensRecord as Lens};
use atdata_core::schema::SchemaVersion;
use atdata_core::url::AtUri;
use atdata_core::{ErrorKind, Map, Result, Value};

use super::{CodeReference, LensRecord};

/// The member of `metadata` that is ours.
const MEMBER: &str = "atdataLens";
/// Where it is in the record.
const PATH: &str = "metadata/atdataLens";
/// The language of the steps.
const LANGUAGE: &str = "atdata-lens";

impl LensRecord {
    /// The record of a lens between two schemas, which are given by the addresses of their records.
    ///
    /// ```
    /// use atdata_atmosphere::records::LensRecord;
    /// use atdata_core::lens::{LensBody, LensRecord as Lens};
    ///
    /// let schema = |rkey: &str| format!("at://did:plc:a/science.alt.dataset.schema/{rkey}");
    /// let lens = Lens::new("grey", "1.2.0", schema("3ka"), schema("3kb"), LensBody::Opaque);
    /// let mut record = LensRecord::of_lens(&lens, &schema("3ka"), &schema("3kb"))?;
    /// assert_eq!(record.to_lens("3kl")?, lens);
    ///
    /// record.refer_to_itself(&"at://did:plc:a/science.alt.dataset.lens/3kl".parse()?)?;
    /// assert_eq!(record.getter.as_ref().map(|code| code.path.as_str()), Some("metadata/atdataLens"));
    /// assert_eq!(record.to_lens("3kl")?, lens);
    /// # Ok::<(), atdata_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Lens::to_network_map`].
    pub fn of_lens(lens: &Lens, source: &str, view: &str) -> Result<Self> {
        let mut record = Self::new(lens.name.as_str(), source, view);
        if let LensBody::Code { getter, putter } = &lens.body {
            record.getter = code(getter);
            record.putter = putter.as_ref().and_then(code);
        }
        record.created_at = lens.created_at;
        record.description.clone_from(&lens.description);
        record.metadata = Some(Map::from_iter([(MEMBER, lens.to_network_map()?)]));
        Ok(record)
    }

    /// Says where the lens is, where code is asked for and none is given: in the record at this address. The member `commit`
    /// is then the beginning of the SHA-256 of what the record says of the lens, in DAG-CBOR. Nothing is done to records
    /// of code.
    ///
    /// # Errors
    /// What the record says has no form in DAG-CBOR.
    pub fn refer_to_itself(&mut self, uri: &AtUri) -> Result<()> {
        let Some(own) = self.own() else { return Ok(()) };
        let digest = dag_cbor_cid(&value_to_dag_cbor(&Value::Map(own.clone()))?);
        let digest = digest.sha256().unwrap_or_default();
        let commit: String = digest.iter().take(20).map(|byte| format!("{byte:02x}")).collect();
        let here = CodeReference {
            repository: uri.to_string(),
            commit,
            path: PATH.to_owned(),
            branch: None,
            language: Some(LANGUAGE.to_owned()),
        };
        self.getter.get_or_insert_with(|| here.clone());
        self.putter.get_or_insert(here);
        Ok(())
    }

    /// What the record says of the lens beyond its lexicon.
    fn own(&self) -> Option<&Map> {
        self.metadata.as_ref()?.get(MEMBER)?.as_map()
    }

    /// The version, if the record says one.
    pub(crate) fn version(&self) -> Option<&str> {
        self.own()?.get("version")?.as_str()
    }

    /// The lens, as every index has it. A record that says no version is known by its key.
    ///
    /// # Errors
    /// As [`Lens::read_network_map`], but for later formats, of which nothing is known.
    pub fn to_lens(&self, rkey: &str) -> Result<Lens> {
        let body = match &self.getter {
            Some(getter) if getter.language.as_deref() != Some(LANGUAGE) => {
                LensBody::Code { getter: location(getter), putter: self.putter.as_ref().map(location) }
            }
            _ => LensBody::Opaque,
        };
        let version = SchemaVersion::from(self.version().unwrap_or(rkey));
        let (name, source, view) = (&*self.name, &*self.source_schema, &*self.target_schema);
        let mut lens = Lens::new(name, version, source, view, body);
        lens.description.clone_from(&self.description);
        lens.created_at = self.created_at;
        if let Some(own) = self.own() {
            match lens.read_network_map(own) {
                Err(error) if error.kind() == ErrorKind::Unsupported => {}
                read => read?,
            }
        }
        Ok(lens)
    }
}

fn code(location: &CodeLocation) -> Option<CodeReference> {
    match location {
        CodeLocation::Repository { repository, commit, path } => Some(CodeReference {
            repository: repository.clone(),
            commit: commit.clone(),
            path: path.clone(),
            branch: None,
            language: None,
        }),
        // Nobody can say in what repository an installed package is.
        _ => None,
    }
}

fn location(code: &CodeReference) -> CodeLocation {
    CodeLocation::Repository {
        repository: code.repository.clone(),
        commit: code.commit.clone(),
        path: code.path.clone(),
    }
}
