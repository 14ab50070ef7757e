//! What an account's document says.

use atdata_core::{Error, Result};
use serde_json::Value as Json;

use super::Did;

/// A public key as a document states it.
///
/// ```
/// fn is_multikey(key: &atdata_atmosphere::VerificationMethod) -> bool {
///     key.kind == "Multikey" && key.multibase.starts_with('z')
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerificationMethod {
    /// The type: `Multikey`, or one of the older ones that name the curve.
    pub kind: String,
    /// The key in multibase.
    pub multibase: String,
}

impl VerificationMethod {
    /// Joins the two.
    pub fn new(kind: impl Into<String>, multibase: impl Into<String>) -> Self {
        Self { kind: kind.into(), multibase: multibase.into() }
    }
}

#[derive(Debug)]
pub(super) struct Document {
    pub(super) handles: Vec<String>,
    pub(super) pds: Option<String>,
    pub(super) signing_key: Option<VerificationMethod>,
}

/// Reads a document, which must be that of `did`.
pub(super) fn read(did: &Did, json: &Json) -> Result<Document> {
    let text = |json: &Json, member: &str| json.get(member).and_then(Json::as_str).map(str::to_owned);
    if text(json, "id").as_deref() != Some(did.as_str()) {
        return Err(Error::corrupt("the document is that of another account").with("account", did));
    }
    let list =
        |member: &str| json.get(member).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    // Identifiers may be written in full or by their fragment.
    let is = |entry: &Json, fragment: &str| {
        let id = entry.get("id").and_then(Json::as_str).unwrap_or_default();
        id.strip_prefix(did.as_str()).unwrap_or(id) == fragment
    };
    let service = list("service").iter().find(|service| {
        is(service, "#atproto_pds")
            && service.get("type").and_then(Json::as_str) == Some("AtprotoPersonalDataServer")
    });
    let key = list("verificationMethod").iter().find(|method| {
        let controller = method.get("controller").and_then(Json::as_str);
        is(method, "#atproto") && controller.is_none_or(|controller| controller == did.as_str())
    });
    Ok(Document {
        handles: list("alsoKnownAs")
            .iter()
            .filter_map(|name| name.as_str()?.strip_prefix("at://").map(str::to_owned))
            .collect(),
        pds: service.and_then(|service| text(service, "serviceEndpoint")),
        signing_key: key.and_then(|method| {
            Some(VerificationMethod::new(text(method, "type")?, text(method, "publicKeyMultibase")?))
        }),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_read_in_both_spellings() {
        let did: Did = "did:plc:abc".parse().unwrap();
        for prefix in ["", "did:plc:abc"] {
            let json = json!({
                "id": "did:plc:abc",
                "alsoKnownAs": ["https://elsewhere", "at://alice.test"],
                "verificationMethod": [
                    {"id": format!("{prefix}#other"), "type": "Multikey", "publicKeyMultibase": "zNo"},
                    {"id": format!("{prefix}#atproto"), "type": "Multikey", "controller": "did:plc:abc", "publicKeyMultibase": "zYes"},
                ],
                "service": [{"id": format!("{prefix}#atproto_pds"), "type": "AtprotoPersonalDataServer", "serviceEndpoint": "https://pds.test"}],
            });
            let document = read(&did, &json).unwrap();
            assert_eq!(document.handles, ["alice.test"]);
            assert_eq!(document.pds.as_deref(), Some("https://pds.test"));
            assert_eq!(document.signing_key.unwrap().multibase, "zYes");
        }
    }

    #[test]
    fn another_accounts_document_is_refused_and_odd_ones_say_nothing() {
        let did: Did = "did:plc:abc".parse().unwrap();
        for json in [json!({"id": "did:plc:abd"}), json!({}), json!([]), json!(null)] {
            assert!(read(&did, &json).is_err(), "{json}");
        }
        let odd = json!({"id": "did:plc:abc", "alsoKnownAs": 7, "service": [null, 1, {"id": []}], "verificationMethod": {}});
        let document = read(&did, &odd).unwrap();
        assert!(document.handles.is_empty() && document.pds.is_none() && document.signing_key.is_none());
    }
}
