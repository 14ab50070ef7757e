//! Addresses and references.

use std::borrow::Cow;

use atdata_core::DatasetRef;
use atdata_core::schema::{Profile, SchemaRef};
use atdata_core::url::{AtUri, ShardUrl, compose, expand, expand_all, redact};

/// How many items of an expansion are looked at: three ranges may stand for billions.
const ITEMS: usize = 200;

/// The input as text; bytes that are none are replaced.
pub(super) fn text_of(input: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(input)
}

/// Expands the input. Items by number are the items in order, and a list is written as braces only if those expand to
/// the list again.
pub fn brace(input: &[u8]) {
    let text = text_of(input);
    let Ok(expansion) = expand(&text) else {
        return assert!(expand_all(&text, ITEMS).is_err());
    };
    let len = expansion.len();
    assert!(len > 0, "at least the text itself");
    let items: Vec<String> = expansion.clone().take(ITEMS).collect();
    assert_eq!(items.len(), len.min(ITEMS));
    for (i, item) in items.iter().enumerate() {
        assert_eq!(expansion.get(i).as_ref(), Some(item));
    }
    assert!(expansion.get(len - 1).is_some());
    assert!(expansion.get(len).is_none());
    match expand_all(&text, ITEMS) {
        Ok(all) => assert_eq!(all, items),
        Err(_) => assert!(len > ITEMS),
    }
    if let Some(composed) = compose(&items) {
        assert_eq!(expand_all(&composed, ITEMS).expect("what was composed expands"), items);
    }
}

/// Reads the input as every kind of reference and address. What was read and written again is the same thing.
pub fn reference(input: &[u8]) {
    let text = text_of(input);
    if let Ok(found) = text.parse::<SchemaRef>() {
        for profile in [Profile::Seed, Profile::Latest] {
            let written = found.to_text(profile);
            let again = written
                .parse::<SchemaRef>()
                .unwrap_or_else(|error| panic!("{text:?} → {written:?}: {error}"));
            assert_eq!(again, found, "{written:?}");
        }
        assert!(SchemaRef::same_schema(&text, &found.to_text(Profile::Latest)));
    }
    if let Ok(found) = DatasetRef::parse(&text) {
        assert!(!found.name.is_empty() && text.contains(&found.name));
        if let Some((name, version)) = found.split_version() {
            assert_eq!(format!("{name}@{version}"), found.name);
        }
    }
    if let Ok(found) = text.parse::<AtUri>() {
        assert_eq!(found.to_string().parse::<AtUri>().expect("what was written can be read"), found);
        let _ = found.validate();
    }
    let shown = redact(&text);
    assert_eq!(redact(&shown), shown, "what is redacted stays as it is");
    if let Ok(found) = ShardUrl::parse(&text) {
        assert!(!found.scheme().is_empty());
        if let Some(url) =
            found.as_path().and_then(|path| atdata_core::url::address::file_url_of_path(path).ok())
        {
            let again = ShardUrl::parse(&url).expect("an own address");
            let absolute =
                std::path::absolute(found.as_path().expect("a path")).expect("a working directory");
            assert_eq!(again.as_path(), Some(absolute.as_path()));
        }
    }
}
