//! What the metadata of a lens record on the network say of a lens: what its lexicon has no members for.
//!
//! Records have no floats, no integers beyond ±2⁵³ and no order of keys: values that would suffer are kept in bytes.

use serde_json::{Map as JsonMap, Value as Json, json};

use super::local::{descriptors, read_body, required, text};
use super::{CheckedSteps, LensBody, LensRecord};
use crate::lens::data::{check_format, read_steps, write_steps};
use crate::schema::exact_value::Numbers;
use crate::schema::{SchemaVersion, json_to_value, value_to_json};
use crate::{Error, Map, Result, ResultExt, Value};

impl LensRecord {
    /// What goes into a record of the network beside name, schemas, description and time: the version and what the lens
    /// does, in a form that such records can hold.
    ///
    /// # Errors
    /// `Invalid` as for [`DataLens::to_json_value`](crate::lens::DataLens::to_json_value).
    ///
    /// ```
    /// use atdata_core::lens::{LensBody, LensRecord};
    ///
    /// let lens = LensRecord::new("grey", "1.2.0", "at://did:plc:a/c/s", "at://did:plc:a/c/t", LensBody::Opaque);
    /// let mut again = LensRecord::new("grey", "0", "at://did:plc:a/c/s", "at://did:plc:a/c/t", LensBody::Opaque);
    /// again.read_network_map(&lens.to_network_map()?)?;
    /// assert_eq!(again, lens);
    /// # Ok::<(), atdata_core::Error>(())
    /// ```
    pub fn to_network_map(&self) -> Result<Map> {
        let mut object = JsonMap::new();
        object.insert("format".into(), Json::from(1));
        object.insert("version".into(), Json::from(self.version.to_string()));
        let (getter, putter) = descriptors(&self.body);
        object.insert("getter".into(), getter);
        object.insert("putter".into(), putter);
        if let LensBody::Steps(steps) = &self.body {
            object.insert("source_name".into(), json!(steps.source_name));
            object.insert("view_name".into(), json!(steps.view_name));
            let written = write_steps(&steps.steps, Numbers::Network).context("lens", &self.name)?;
            object.insert("steps".into(), written);
        }
        match json_to_value(&Json::Object(object))? {
            Value::Map(map) => Ok(map),
            _ => Err(Error::unexpected("an object that is none")),
        }
    }

    /// Takes over what [`LensRecord::to_network_map`] wrote.
    ///
    /// # Errors
    /// `Corrupt` for members that are missing or of the wrong type, `Unsupported` for a later format.
    pub fn read_network_map(&mut self, map: &Map) -> Result<()> {
        let Json::Object(object) = value_to_json(&Value::Map(map.clone()))? else {
            return Err(Error::unexpected("a map that is none"));
        };
        check_format(&object)?;
        let mut body = read_body(&object)?;
        if object.contains_key("steps") {
            let steps = read_steps(&object).map_err(|error| match error.kind() {
                crate::ErrorKind::Invalid => {
                    Error::corrupt("the steps of a lens cannot be read").with_source(error)
                }
                _ => error,
            })?;
            let mappings = match body {
                LensBody::Mappings(mappings) => Some(mappings),
                _ => None,
            };
            let names =
                (required(&object, "source_name")?.to_owned(), required(&object, "view_name")?.to_owned());
            body = LensBody::Steps(CheckedSteps::stored(steps, names, mappings));
        }
        if let Some(version) = text(&object, "version")? {
            self.version = SchemaVersion::from(version);
        }
        self.body = body;
        Ok(())
    }
}
