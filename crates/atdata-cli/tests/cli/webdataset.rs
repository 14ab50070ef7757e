use atdata::NdArray;
use atdata::array::{ArrayFormat, encode};
use serde_json::json;

use crate::common::{Cli, fixture, tar};

#[test]
fn suffixes_become_typed_fields() {
    let cli = Cli::new();
    let mut npy = Vec::new();
    encode(&NdArray::from_vec(&[2], vec![1.5f32, 2.5]).unwrap(), ArrayFormat::Npy, &mut npy).unwrap();
    let shard = tar(&[
        ("train/0001.cls", b"3"),
        ("train/0001.json", br#"{"w": 1}"#),
        ("train/0001.npy", &npy),
        ("train/0001.seg.png", b"\x89PNG"),
        ("train/0001.txt", "é".as_bytes()),
        ("train/0002.cls", b"4\n"),
        ("train/0002.json", br#"{"w": 2}"#),
        ("train/0002.npy", &npy),
        ("train/0002.txt", b""),
    ]);
    let input = cli.file("a.tar", shard);
    let report = cli.json(&["import", &input, "a"]);
    assert_eq!(report["notes"], json!(["the suffix seg.png is stored as seg_png"]));
    assert_eq!(
        cli.ok(&["schema", "show", "a"]).lines().skip(2).map(str::trim).collect::<Vec<_>>(),
        [
            "cls: int,",
            "json: {",
            "w: int,",
            "},",
            "npy: ndarray<float32>,",
            "seg_png: bytes?,",
            "txt: str,",
            "}"
        ]
    );
    let samples = cli.cat("a");
    assert_eq!(
        (&samples[0]["cls"], &samples[0]["json"], &samples[0]["txt"]),
        (&json!(3), &json!({"w": 1}), &json!("é"))
    );
    assert_eq!(
        (&samples[0]["seg_png"], &samples[1]["seg_png"]),
        (&json!({"$bytes": "iVBORw=="}), &json!(null))
    );
    let head = cli.json(&["head", "a"]);
    assert_eq!(
        (&head["samples"][0]["key"], &head["samples"][1]["key"]),
        (&json!("train/0001"), &json!("train/0002"))
    );
}

#[test]
fn several_tars_are_one_dataset_and_repeated_keys_get_numbers() {
    let cli = Cli::new();
    cli.file("in/a-0.tar", tar(&[("x.txt", b"1"), ("y.txt", b"2")]));
    cli.file("in/a-1.tar", tar(&[("y.txt", b"3"), ("z.txt", b"4")]));
    for (input, name) in [("in/a-{0..1}.tar", "braces"), ("in/a-*.tar", "glob"), ("in", "folder")] {
        let report = cli.json(&["import", cli.path(input).to_str().unwrap(), name]);
        assert_eq!((&report["samples"], &report["renamed_keys"]), (&json!(4), &json!(1)), "{name}");
        let texts: Vec<_> = cli.cat(name).iter().map(|sample| sample["txt"].clone()).collect();
        assert_eq!(texts, ["1", "2", "3", "4"]);
    }
}

#[test]
fn members_that_do_not_fit_and_damaged_shards_are_reported() {
    let cli = Cli::new();
    let mut damaged = tar(&[("c.cls", b"3"), ("d.cls", b"4")]);
    damaged[1024 + 10] ^= 1;
    cli.file("in/0.tar", tar(&[("a.cls", b"1")]));
    cli.file("in/1.tar", damaged);
    cli.file("in/2.tar", tar(&[("e.cls", b"5")]));
    let report = cli.json(&["import", cli.path("in").to_str().unwrap(), "a"]);
    assert_eq!(report["skipped"]["reasons"], json!([{"reason": "the rest of a damaged shard", "count": 1}]));
    let classes: Vec<_> = cli.cat("a").iter().map(|sample| sample["cls"].clone()).collect();
    assert!(classes.first() == Some(&json!(1)) && classes.last() == Some(&json!(5)), "{classes:?}");

    let schema = json!({"name": "C", "fields": [
        {"name": "cls", "fieldType": {"$type": "local#primitive", "primitive": "int"}, "optional": false}
    ]});
    let schema = cli.file("s.json", schema.to_string());
    let input = cli.file("b.tar", tar(&[("a.cls", b"1"), ("b.txt", b"x"), ("c.cls", b"2")]));
    let report = cli.json(&["import", &input, "b", "--schema", &schema]);
    assert_eq!((&report["samples"], &report["skipped"]["total"]), (&json!(2), &json!(1)));
}

#[test]
fn shards_of_python_are_taken_as_they_are() {
    let cli = Cli::new();
    for version in ["python-0.2", "python-0.7"] {
        let input = fixture(&format!("{version}/sharded/data-{{000000..000002}}.tar"));
        let name = format!("from-{version}");
        let report = cli.json(&["import", &input, &name]);
        assert_eq!((&report["samples"], &report["skipped"]["total"]), (&json!(10), &json!(0)), "{version}");
        cli.ok(&["verify", &name]);
    }
    assert!(cli.types("from-python-0.2").iter().any(|field| field.starts_with("img: ndarray<uint8")));
}

#[test]
fn compressed_tars_and_empty_ones() {
    use std::io::Write;
    let cli = Cli::new();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar(&[("a.txt", b"1")])).unwrap();
    let input = cli.file("a.tar.gz", gzip.finish().unwrap());
    cli.ok(&["import", &input, "a"]);
    assert_eq!(cli.cat("a"), [json!({"txt": "1"})]);
    let empty = cli.file("empty.tar", tar(&[]));
    assert!(cli.fails(&["import", &empty, "b"]).contains("no samples"));
    let nonsense = cli.file("nonsense.tar", [7; 2048]);
    assert!(cli.fails(&["import", &nonsense, "b"]).contains("checksum"));
    assert!(
        cli.fails(&["import", cli.path("none-*.tar").to_str().unwrap(), "b"]).contains("no file matches")
    );
}
