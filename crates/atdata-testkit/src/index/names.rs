//! Names: which are allowed, and that each is itself.

use atdata_core::{ErrorKind, Index, IndexExt, Label};

use super::{IndexHarness, names, new, urls};
use crate::suite::refused;

/// Names with everything that is special somewhere: to globs, SQL, paths, addresses and shells.
fn allowed(longest: usize) -> Vec<String> {
    let mut names: Vec<String> = [
        "digits",
        "team/digits",
        "a@b",
        "a@b@c",
        "x*",
        "x?",
        "x[ab]",
        "x]",
        "100%",
        "a_b",
        "a:b:c",
        ":",
        "*",
        "%",
        "_",
        "?",
        "it's",
        r#"say "hi""#,
        r"back\slash",
        " leading and trailing ",
        " ",
        ".",
        "..",
        "../up",
        "/root",
        "a//b",
        "-",
        "--help",
        "{a,b}",
        "$HOME",
        "a;b",
        "a|b",
        "a&b=c",
        "a#b",
        "NULL",
        "null",
        "0",
        "été",
        "e\u{301}te\u{301}",
        "数据集",
        "🦀",
        "👩‍👩‍👧",
        "שלום",
        "\u{202e}rtl",
        "İ",
        "ß",
        "LABEL:x",
        "dataset:x",
        "bafyreib",
        "locals/x",
    ]
    .map(str::to_owned)
    .into();
    names.push("n".repeat(longest));
    names.push("é".repeat(longest / 2));
    names
}

pub(crate) async fn every_allowed_name_is_found_exactly(harness: &dyn IndexHarness) {
    let index = harness.index();
    let mut all = allowed(harness.limits().max_name);
    for (i, name) in all.iter().enumerate() {
        index.insert_dataset(new(name, &[&format!("{i}.tar")]).with_version("1.0.0")).await.unwrap();
    }
    for (i, name) in all.iter().enumerate() {
        let url = format!("{i}.tar");
        for reference in [name.clone(), format!("{name}@1.0.0")] {
            let entry = index.get_dataset(&reference).await.unwrap();
            assert_eq!((entry.name(), urls(&entry)), (name.as_str(), vec![url.as_str()]), "{reference:?}");
        }
        assert_eq!(index.get_label(name, Some("1.0.0")).await.unwrap().name, *name);
    }
    all.sort_unstable();
    assert_eq!(names(&*index, "").await, all);
}

pub(crate) async fn names_that_look_alike_are_different_names(harness: &dyn IndexHarness) {
    let index = harness.index();
    let alike = ["é", "e\u{301}", "Digits", "digits", "digits ", "ﬁ", "fi", "ı", "i", "İ"];
    for (i, name) in alike.iter().enumerate() {
        index.insert_dataset(new(name, &[&format!("{i}.tar")])).await.unwrap();
    }
    for (i, name) in alike.iter().enumerate() {
        assert_eq!(urls(&index.get_dataset(name).await.unwrap()), [format!("{i}.tar")], "{name:?}");
    }
    assert_eq!(index.count_datasets().await.unwrap(), alike.len() as u64);
}

pub(crate) async fn refused_names_leave_nothing(harness: &dyn IndexHarness) {
    let index = harness.index();
    let too_long = "n".repeat(harness.limits().max_name + 1);
    for name in ["", "line\nbreak", "tab\t", "nul\0", "\u{7f}", "\u{85}", too_long.as_str()] {
        let error = index.insert_dataset(new(name, &["a.tar"])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{name:?}: {error}");
    }
    assert_eq!(index.count_datasets().await.unwrap(), 0);
}

/// Such a dataset could never be asked for by its name.
pub(crate) async fn names_that_read_as_references_are_refused(harness: &dyn IndexHarness) {
    let index = harness.index();
    for name in
        ["@alice.example/digits", "@", "@x", "local/digits", "atdata://local/dataset/x", "at://did:plc:x/y/z"]
    {
        refused(index.insert_dataset(new(name, &["a.tar"])).await, ErrorKind::Invalid, name);
    }
    assert_eq!(index.count_datasets().await.unwrap(), 0);
}

pub(crate) async fn a_name_that_ends_like_a_version_is_found_whole(harness: &dyn IndexHarness) {
    let index = harness.index();
    index.insert_dataset(new("digits", &["a.tar"]).with_version("1.0.0")).await.unwrap();
    index.insert_dataset(new("digits@1.0.0", &["b.tar"])).await.unwrap();
    assert_eq!(urls(&index.get_dataset("digits@1.0.0").await.unwrap()), ["b.tar"]);
    assert_eq!(urls(&index.get_dataset("digits").await.unwrap()), ["a.tar"]);
}

pub(crate) async fn refused_versions_leave_nothing(harness: &dyn IndexHarness) {
    let index = harness.index();
    let too_long = "1".repeat(65);
    for version in ["", "1 0", "1@0", "1/0", "é", "1\n", too_long.as_str()] {
        let new = new("digits", &["a.tar"]).with_version(version);
        assert_eq!(index.insert_dataset(new).await.unwrap_err().kind(), ErrorKind::Invalid, "{version:?}");
    }
    assert_eq!(index.count_datasets().await.unwrap(), 0);
    let entry = index.insert_dataset(new("digits", &["a.tar"])).await.unwrap();
    let label = Label::new("digits", entry.cid().unwrap()).with_version("1 0");
    refused(index.set_label(&label).await, ErrorKind::Invalid, "1 0");
}
