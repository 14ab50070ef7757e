use std::io::{Cursor, Write};

use atdata::NdArray;
use atdata::array::{ArrayFormat, Order, encode};
use serde_json::json;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use crate::common::Cli;

fn npy(array: &NdArray) -> Vec<u8> {
    let mut out = Vec::new();
    encode(array, ArrayFormat::Npy, &mut out).unwrap();
    out
}

fn npz(arrays: &[(&str, NdArray)], compression: CompressionMethod) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, array) in arrays {
        zip.start_file(format!("{name}.npy"), SimpleFileOptions::default().compression_method(compression))
            .unwrap();
        zip.write_all(&npy(array)).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn the_first_axis_counts_samples() {
    let cli = Cli::new();
    let array = NdArray::from_vec(&[3, 2], vec![1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    let input = cli.file("a.npy", npy(&array));
    cli.ok(&["import", &input, "a"]);
    assert_eq!(cli.types("a"), ["data: ndarray<float32, (2)>"]);
    let head = cli.ok(&["head", "a"]);
    assert!(head.contains("<f4 (2,)> [1.0, 2.0]") && head.contains("<f4 (2,)> [5.0, 6.0]"), "{head}");
    cli.ok(&["verify", "a"]);
}

#[test]
fn fortran_order_is_turned_around() {
    let cli = Cli::new();
    let columns = NdArray::from_vec(&[6], vec![1i16, 3, 5, 2, 4, 6]).unwrap();
    let array =
        NdArray::from_bytes(columns.dtype().clone(), &[3, 2], Order::Fortran, columns.into_data()).unwrap();
    let input = cli.file("a.npy", npy(&array));
    cli.ok(&["import", &input, "a"]);
    let head = cli.ok(&["head", "a"]);
    assert!(head.contains("[1, 2]") && head.contains("[3, 4]") && head.contains("[5, 6]"), "{head}");
}

#[test]
fn the_arrays_of_an_archive_are_the_fields() {
    let cli = Cli::new();
    let arrays = [
        ("x", NdArray::from_vec(&[2, 2], vec![1u8, 2, 3, 4]).unwrap()),
        ("y", NdArray::from_vec(&[2], vec![7i64, 8]).unwrap()),
        ("w", NdArray::from_vec(&[2], vec![0.5f32, 1.5]).unwrap()),
        ("a-name", NdArray::from_strings(&[2], &["é", ""]).unwrap()),
    ];
    for (name, compression) in
        [("stored", CompressionMethod::Stored), ("deflated", CompressionMethod::Deflated)]
    {
        let input = cli.file(&format!("{name}.npz"), npz(&arrays, compression));
        let report = cli.json(&["import", &input, name]);
        assert_eq!(report["notes"], json!(["the array \"a-name\" is stored as a_name"]));
        assert_eq!(cli.types(name), ["x: ndarray<uint8, (2)>", "y: int", "w: float", "a_name: str"]);
        let samples = cli.cat(name);
        assert_eq!(
            (&samples[0]["y"], &samples[1]["w"], &samples[0]["a_name"]),
            (&json!(7), &json!(1.5), &json!("é"))
        );
        assert_eq!(samples[1]["x"]["$ndarray"]["data"], "AwQ=");
    }
}

#[test]
fn archives_that_are_no_dataset_are_refused_with_a_reason() {
    let cli = Cli::new();
    let uneven = [
        ("x", NdArray::from_vec(&[2], vec![1u8, 2]).unwrap()),
        ("y", NdArray::from_vec(&[3], vec![1u8, 2, 3]).unwrap()),
    ];
    let input = cli.file("uneven.npz", npz(&uneven, CompressionMethod::Stored));
    assert!(cli.fails(&["import", &input, "a"]).contains("x has 2, y has 3"));
    let scalar = cli.file("scalar.npy", npy(&NdArray::scalar(1u8)));
    assert!(cli.fails(&["import", &scalar, "a"]).contains("no axes"));
    let pickle =
        b"\x93NUMPY\x01\0\x3e\0{'descr': '|O', 'fortran_order': False, 'shape': (1,), }     \n\x80\x04N.";
    let pickle = cli.file("pickle.npy", pickle);
    assert!(cli.fails(&["import", &pickle, "a"]).contains("pickle"));
    let other = cli.file("other.npy", "nonsense");
    assert!(cli.fails(&["import", &other, "a"]).contains("not a `.npy` stream"));
    assert!(cli.shards().is_empty());
}

#[test]
fn damage_inside_an_archive_is_noticed_and_leaves_nothing() {
    let cli = Cli::new();
    let mut archive =
        npz(&[("x", NdArray::from_vec(&[4], vec![1u8, 2, 3, 4]).unwrap())], CompressionMethod::Stored);
    // The elements are the four bytes before the directory.
    let at = archive.windows(4).position(|bytes| bytes == [1, 2, 3, 4]).unwrap();
    archive[at] = 9;
    let input = cli.file("a.npz", &archive);
    assert!(cli.fails(&["import", &input, "a"]).contains("CRC"));
    let whole = npy(&NdArray::from_vec(&[4, 2], vec![0u32; 8]).unwrap());
    let cut = cli.file("cut.npy", &whole[..whole.len() - 3]);
    assert!(cli.fails(&["import", &cut, "a"]).contains("ends in row 3 of 4"));
    assert!(cli.shards().is_empty());
}
