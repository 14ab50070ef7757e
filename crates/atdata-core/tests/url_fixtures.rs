//! Addresses against the vectors of both Python versions, and on hostile input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;

use atdata_core::ErrorKind;
use atdata_core::url::address::{file_url_of_path, path_of_file_url};
use atdata_core::url::{AtUri, ShardUrl, compose, expand, expand_all, expand_glob, redact};
use proptest::prelude::*;
use serde_json::Value as Json;

const VERSIONS: [&str; 2] = ["python-0.2", "python-0.7"];

fn fixture(version: &str, name: &str) -> Vec<Json> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../atdata-testkit/fixtures");
    serde_json::from_str(&fs::read_to_string(format!("{root}/{version}/{name}")).unwrap()).unwrap()
}

fn texts(json: &Json) -> Vec<&str> {
    json.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn braces_expand_as_in_python() {
    for version in VERSIONS {
        for case in fixture(version, "braceexpand.json") {
            let pattern = case["pattern"].as_str().unwrap();
            if let Some(error) = case.get("error") {
                let found = expand(pattern).unwrap_err();
                assert_eq!(
                    (found.kind(), found.message()),
                    (ErrorKind::Invalid, error["message"].as_str().unwrap())
                );
                continue;
            }
            let expansion = expand(pattern).unwrap();
            let len = expansion.len();
            let items: Vec<String> = expansion.collect();
            assert_eq!(items, texts(&case["result"]), "{pattern}");
            assert_eq!(items.len(), len);
        }
    }
}

/// Cases beyond the fixtures, recorded from `braceexpand` 0.1.7.
#[test]
fn oddities_of_braceexpand_are_kept() {
    for (pattern, expected) in [
        ("}{", vec!["}{"]),
        ("{a}{b,c}", vec!["{a}b", "{a}c"]),
        ("{1...3}", vec!["{1...3}"]),
        ("{1..3..}", vec!["{1..3..}"]),
        ("{-0..0}", vec!["0"]),
        ("{00..-1}", vec!["00", "-1"]),
        ("{{1..2},c}", vec!["1", "2", "c"]),
        ("{a..a}", vec!["a"]),
        ("{c..A..30}", vec!["c"]),
        ("a\\", vec!["a\\"]),
        ("{a\\\\\\\\b,c}", vec!["a\\b", "c"]),
        ("${a,b}", vec!["$a", "$b"]),
        ("{2..1\n}", vec!["2", "1"]),
    ] {
        assert_eq!(expand(pattern).unwrap().collect::<Vec<_>>(), expected, "{pattern}");
    }
}

#[test]
fn an_enormous_range_costs_nothing_until_it_is_read() {
    let mut expansion = expand("s-{0..999999999999}.tar").unwrap();
    assert_eq!(expansion.len(), 1_000_000_000_000);
    assert_eq!(expansion.nth(999_999_999_999).unwrap(), "s-999999999999.tar");
    assert_eq!(expand_all("s-{0..999999999999}.tar", 1_000_000).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn lists_of_shards_are_composed_as_in_python_where_the_text_can_be_read_back() {
    for case in fixture("python-0.7", "shards-to-url.json") {
        let (shards, url) = (texts(&case["shards"]), case["url"].as_str().unwrap());
        // Python joins with spaces where it finds no braces; nobody can open that.
        let expected = if url.contains(' ') { None } else { Some(url) };
        assert_eq!(compose(&shards).as_deref(), expected, "{shards:?}");
    }
}

#[test]
fn at_uris_are_split_as_in_python() {
    for version in VERSIONS {
        for case in fixture(version, "at-uris.json") {
            let text = case["uri"].as_str().unwrap();
            match (text.parse::<AtUri>(), case.get("error")) {
                (Ok(uri), None) => {
                    assert_eq!(uri.authority, case["authority"].as_str().unwrap());
                    assert_eq!(uri.collection, case["collection"].as_str().unwrap());
                    assert_eq!(uri.rkey, case["rkey"].as_str().unwrap());
                    assert_eq!(uri.to_string(), case["str"].as_str().unwrap());
                }
                (Err(found), Some(error)) => {
                    assert_eq!(found.kind(), ErrorKind::Invalid);
                    assert_eq!(found.message(), error["message"].as_str().unwrap());
                }
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }
}

fn touch(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "").unwrap();
}

#[test]
fn globs_match_files_in_sorted_order() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["b-1.tar", "a-1.tar", "a-2.tar", ".a-3.tar", "a.idx", "deep/er/a-9.tar"] {
        touch(&dir.path().join(name));
    }
    fs::create_dir(dir.path().join("a-dir.tar")).unwrap();
    let root = dir.path().display();
    let names = |pattern: &str| -> Vec<String> {
        let files = expand_glob(&format!("{root}/{pattern}")).unwrap();
        files.iter().map(|file| file.strip_prefix(dir.path()).unwrap().display().to_string()).collect()
    };
    assert_eq!(names("a-*.tar"), ["a-1.tar", "a-2.tar"]);
    assert_eq!(names("?-1.tar"), ["a-1.tar", "b-1.tar"]);
    assert_eq!(names("[ab]-[12].tar"), ["a-1.tar", "a-2.tar", "b-1.tar"]);
    assert_eq!(names("**/*-9.tar"), ["deep/er/a-9.tar"]);
    assert_eq!(names("not-there.tar"), ["not-there.tar"]);
    assert_eq!(expand_glob(&format!("{root}/z*.tar")).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(expand_glob(&format!("{root}/a***.tar")).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn a_file_of_the_very_name_is_no_pattern() {
    let dir = tempfile::tempdir().unwrap();
    let (literal, other) = (dir.path().join("a[1].tar"), dir.path().join("a1.tar"));
    touch(&literal);
    touch(&other);
    assert_eq!(expand_glob(literal.to_str().unwrap()).unwrap(), std::slice::from_ref(&literal));
    fs::remove_file(&literal).unwrap();
    assert_eq!(expand_glob(literal.to_str().unwrap()).unwrap(), [other]);
}

#[test]
fn encoded_glob_characters_in_file_urls_are_literal() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["x*.tar", "x*1.tar", "x1.tar", "é 1.tar"] {
        touch(&dir.path().join(name));
    }
    let base = file_url_of_path(dir.path()).unwrap();
    let matches = |pattern: &str| expand_glob(&format!("{base}/{pattern}")).unwrap();
    assert_eq!(matches("x%2A?.tar"), [dir.path().join("x*1.tar")]);
    assert_eq!(matches("%C3%A9%20*.tar"), [dir.path().join("é 1.tar")]);
    assert_eq!(matches("x?.tar").len(), 2);
}

/// Texts in which braces, commas, ranges and escapes are frequent.
fn patterns() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just(",".to_owned()),
        Just("..".to_owned()),
        Just("\\".to_owned()),
        "-?[0-9]{1,3}",
        "[a-zA-Z]",
        Just("é".to_owned()),
        Just("{1..3}".to_owned()),
        Just("{a,b}".to_owned()),
    ];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn len_is_the_number_of_items_and_get_gives_each(pattern in patterns()) {
        if let Ok(expansion) = expand(&pattern) && expansion.len() <= 5_000 {
            let items: Vec<String> = expansion.clone().collect();
            prop_assert_eq!(items.len(), expansion.len());
            for (i, item) in items.iter().enumerate() {
                let got = expansion.get(i);
                prop_assert_eq!(got.as_ref(), Some(item));
            }
            prop_assert_eq!(expansion.get(items.len()), None);
        }
    }

    #[test]
    fn any_text_is_an_address_or_an_error(text in any::<String>()) {
        let _ = ShardUrl::parse(&text).map(|url| format!("{url} {url:?} {}", url.scheme()));
        let _ = expand(&text).map(|mut expansion| expansion.next());
        let _ = redact(&text);
        let _ = text.parse::<AtUri>().map(|uri| uri.validate());
    }

    #[test]
    fn what_compose_writes_expands_to_the_list(names in prop::collection::vec("[ab{},\\\\1é]{0,4}", 0..5)) {
        if let Some(text) = compose(&names) {
            prop_assert_eq!(expand_all(&text, 1_000).unwrap(), names);
        }
    }

    #[test]
    fn ordinary_shard_lists_can_be_composed(numbers in prop::collection::btree_set(0u32..1_000_000, 1..20)) {
        let names: Vec<String> = numbers.iter().map(|number| format!("s3://b/k-{number:06}.tar")).collect();
        prop_assert!(compose(&names).is_some());
    }

    #[test]
    fn paths_survive_file_urls(name in "[^\\x00]{1,12}") {
        let path = Path::new("/").join(name.trim_start_matches('/'));
        let url = file_url_of_path(&path).unwrap();
        prop_assert_eq!(path_of_file_url(&url).unwrap(), std::path::absolute(&path).unwrap());
        prop_assert!(expand_all(&url, 1).unwrap() == [url]);
    }

    #[test]
    fn user_information_never_survives(secret in "[a-zA-Z0-9:+%]{1,20}") {
        let shown = redact(&format!("https://{secret}\u{1}:{secret}\u{1}@host.test/a?X-Amz-Signature={secret}\u{1}"));
        let leaked = shown.contains('\u{1}');
        prop_assert!(!leaked, "{}", shown);
    }
}
