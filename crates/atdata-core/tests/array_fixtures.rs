//! Arrays written by the Python library are read exactly, and written back byte for byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use atdata_core::ErrorKind;
use atdata_core::array::{ArrayFormat, DTypeKind, NdArray, decode, encode};
use bytes::Bytes;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

const GENERATIONS: [&str; 2] = ["python-0.2", "python-0.7"];

fn fixture(generation: &str, name: &str) -> Bytes {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../atdata-testkit/fixtures");
    let path = format!("{root}/{generation}/{name}");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}")).into()
}

fn json(generation: &str, name: &str) -> Json {
    serde_json::from_slice(&fixture(generation, name)).unwrap()
}

fn base64(text: &str) -> Bytes {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        bits = bits << 6 | DIGITS.iter().position(|digit| *digit == byte).unwrap() as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out.into()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn shape(json: &Json) -> Vec<usize> {
    json.as_array().unwrap().iter().map(|dim| dim.as_u64().unwrap() as usize).collect()
}

/// Compares with a value of type `array` in the fixtures' encoding.
fn assert_is(array: &NdArray, expected: &Json, name: &str) {
    assert_eq!(array.dtype().to_string(), expected["dtype"], "{name}");
    assert_eq!(array.shape(), shape(&expected["shape"]), "{name}");
    assert_eq!(array.nbytes() as u64, expected["nbytes"], "{name}");
    assert_eq!(sha256(array.to_canonical().data()), expected["sha256_le_c"], "{name}");
    let first = expected["first"].as_array().unwrap().iter().map(|value| value.as_str().unwrap());
    let own = python_values(array);
    for (i, expected) in first.enumerate() {
        match (own.get(i).unwrap(), expected.parse::<f64>()) {
            (Python::Float(own), Ok(expected)) => {
                assert!(own.to_bits() == expected.to_bits() || own.is_nan() && expected.is_nan(), "{name}");
            }
            (Python::Text(own), _) => assert_eq!(own, expected, "{name}"),
            (Python::Float(_), Err(error)) => panic!("{name}: {error}"),
        }
    }
}

enum Python {
    Float(f64),
    Text(String),
}

fn python_values(array: &NdArray) -> Vec<Python> {
    fn text<T: ToString>(values: Vec<T>) -> Vec<Python> {
        values.into_iter().map(|value| Python::Text(value.to_string())).collect()
    }
    fn floats<T: Into<f64>>(values: Vec<T>) -> Vec<Python> {
        values.into_iter().map(|value| Python::Float(value.into())).collect()
    }
    fn complex<T: Into<f64>>(values: impl IntoIterator<Item = (T, T)>) -> Vec<Python> {
        let part = |number: f64| {
            let text = format!("{number:?}").replace("NaN", "nan");
            text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
        };
        let shown = values.into_iter().map(|(re, im)| {
            let (re, im) = (re.into(), im.into());
            let sign = if im.is_sign_negative() && !im.is_nan() { "" } else { "+" };
            match re {
                re if re == 0.0 && re.is_sign_positive() => format!("{}j", part(im)),
                re => format!("({}{sign}{}j)", part(re), part(im)),
            }
        });
        shown.map(Python::Text).collect()
    }
    fn quoted(text: &str) -> String {
        format!("'{text}'")
    }
    match array.dtype().kind() {
        DTypeKind::Bool => text(
            array.to_vec::<bool>().unwrap().into_iter().map(|v| if v { "True" } else { "False" }).collect(),
        ),
        DTypeKind::Int8 => text(array.to_vec::<i8>().unwrap()),
        DTypeKind::Int16 => text(array.to_vec::<i16>().unwrap()),
        DTypeKind::Int32 => text(array.to_vec::<i32>().unwrap()),
        DTypeKind::Int64 => text(array.to_vec::<i64>().unwrap()),
        DTypeKind::UInt8 => text(array.to_vec::<u8>().unwrap()),
        DTypeKind::UInt16 => text(array.to_vec::<u16>().unwrap()),
        DTypeKind::UInt32 => text(array.to_vec::<u32>().unwrap()),
        DTypeKind::UInt64 => text(array.to_vec::<u64>().unwrap()),
        DTypeKind::Float16 => floats(array.to_vec::<half::f16>().unwrap()),
        DTypeKind::Float32 => floats(array.to_vec::<f32>().unwrap()),
        DTypeKind::Float64 => floats(array.to_vec::<f64>().unwrap()),
        DTypeKind::Complex64 => {
            complex(array.to_vec::<num_complex::Complex32>().unwrap().into_iter().map(|z| (z.re, z.im)))
        }
        DTypeKind::Complex128 => {
            complex(array.to_vec::<num_complex::Complex64>().unwrap().into_iter().map(|z| (z.re, z.im)))
        }
        DTypeKind::Str(_) => text(array.strings().unwrap().iter().map(|text| quoted(text)).collect()),
        DTypeKind::Bytes(_) => text(
            array
                .byte_strings()
                .unwrap()
                .iter()
                .map(|bytes| format!("b'{}'", bytes.escape_ascii()))
                .collect(),
        ),
        DTypeKind::Void(_) => text(
            array
                .byte_strings()
                .unwrap()
                .iter()
                .map(|bytes| format!("b'{}'", bytes.escape_ascii()))
                .collect(),
        ),
        DTypeKind::DateTime(_) => text(
            array
                .ticks()
                .unwrap()
                .1
                .iter()
                .map(|ticks| match *ticks {
                    atdata_core::array::NAT => "None".to_owned(),
                    ticks => ticks.to_string(),
                })
                .collect(),
        ),
        // Python shows a span as whole days and the rest.
        DTypeKind::TimeDelta(_) => text(
            array
                .ticks()
                .unwrap()
                .1
                .iter()
                .map(|ticks| {
                    let (days, rest) = (ticks.div_euclid(86_400_000_000), ticks.rem_euclid(86_400_000_000));
                    let (seconds, micros) = (rest / 1_000_000, rest % 1_000_000);
                    let parts = [("days", days), ("seconds", seconds), ("microseconds", micros)];
                    let parts: Vec<_> = parts
                        .iter()
                        .filter(|(_, n)| *n != 0)
                        .map(|(name, n)| format!("{name}={n}"))
                        .collect();
                    format!("datetime.timedelta({})", parts.join(", "))
                })
                .collect(),
        ),
        other => panic!("the fixtures have no {other:?}"),
    }
}

fn encoded(array: &NdArray, format: ArrayFormat) -> Vec<u8> {
    let mut out = Vec::new();
    encode(array, format, &mut out).unwrap();
    out
}

/// Writes an array in the form it was read from and compares the bytes.
fn assert_writes_back(array: &NdArray, stored: &[u8], name: &str) {
    let format = if stored.starts_with(b"\x93NUMPY") { ArrayFormat::Npy } else { ArrayFormat::Compact };
    assert_eq!(encoded(array, format), stored, "{name}");
}

#[test]
fn every_case_of_the_array_codec_is_read_or_refused_and_written_back() {
    for generation in GENERATIONS {
        let cases = json(generation, "array-codec.json");
        let newer = json("python-0.7", "array-codec.json");
        let cases = cases["cases"].as_array().unwrap();
        assert!(cases.len() >= 40, "{}", cases.len());
        for case in cases {
            let name = case["name"].as_str().unwrap();
            let bytes = base64(case["b64"].as_str().unwrap());
            // The older generation cannot read compact arrays; ours reads them everywhere, so the newer one's answer counts.
            let expected = match newer["cases"].as_array().unwrap().iter().find(|case| case["name"] == name) {
                Some(same) if same["b64"] == case["b64"] => &same["result"],
                _ => &case["result"],
            };
            match decode(bytes.clone()) {
                Ok(array) if name.starts_with("compact_") || name.starts_with("npy_") => {
                    if expected.is_null() {
                        assert!(generation == "python-0.2" && name.starts_with("compact_"), "{name}");
                    } else {
                        assert_is(&array, expected, name);
                    }
                    assert_writes_back(&array, &bytes, name);
                }
                Ok(_) => panic!("{name} is read, but should be an error"),
                Err(error) => {
                    assert!(case["error"].is_object(), "{name}: {error}");
                    let kind =
                        if name == "object_dtype" { ErrorKind::Unsupported } else { ErrorKind::Corrupt };
                    assert_eq!(error.kind(), kind, "{name}: {error}");
                }
            }
        }
    }
}

/// The `bin` values of a msgpack map from text to text, `bin` or nil.
fn bins(sample: &Bytes) -> Vec<(String, Bytes)> {
    let mut at = 1;
    let take = |at: &mut usize, len: usize| {
        *at += len;
        sample.slice(*at - len..*at)
    };
    let number = |bytes: Bytes| bytes.iter().fold(0usize, |n, byte| n << 8 | usize::from(*byte));
    let value = |at: &mut usize| -> (bool, Bytes) {
        let width = |code: u8, first: u8| 1 << (code - first);
        match take(at, 1)[0] {
            0xc0 => (false, Bytes::new()),
            code @ 0xa0..=0xbf => (false, take(at, usize::from(code & 0x1f))),
            code @ 0xc4..=0xc6 => {
                let len = number(take(at, width(code, 0xc4)));
                (true, take(at, len))
            }
            code @ 0xd9..=0xdb => {
                let len = number(take(at, width(code, 0xd9)));
                (false, take(at, len))
            }
            code => panic!("unexpected msgpack code {code:#x}"),
        }
    };
    let mut found = Vec::new();
    for _ in 0..sample[0] & 0xf {
        let (_, key) = value(&mut at);
        let (is_bin, bytes) = value(&mut at);
        if is_bin {
            found.push((String::from_utf8(key.to_vec()).unwrap(), bytes));
        }
    }
    assert_eq!(at, sample.len());
    found
}

#[test]
fn arrays_in_shards_are_read_and_written_back() {
    let mut arrays = 0;
    for (generation, shard) in GENERATIONS
        .iter()
        .flat_map(|generation| {
            ["dtypes", "layouts", "dtypes-extra", "optional-arrays"].map(|shard| (*generation, shard))
        })
        .chain([("python-0.7", "legacy-npy")])
    {
        let tar = fixture(generation, &format!("{shard}.tar"));
        for sample in json(generation, &format!("{shard}.expected.json"))["samples"].as_array().unwrap() {
            let offset = sample["data_offset"].as_u64().unwrap() as usize;
            let size = sample["size"].as_u64().unwrap() as usize;
            let fields = sample["fields"].as_array().unwrap();
            for (key, stored) in bins(&tar.slice(offset..offset + size)) {
                let expected = &fields.iter().find(|field| field[0] == key).unwrap()[1];
                let title = fields[0][1]["v"].as_str().unwrap();
                let name = format!("{generation}/{shard}/{title}/{key}");
                let array = decode(stored.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_is(&array, expected, &name);
                // The elements are a slice of the shard.
                assert!(array.is_empty() || tar.as_ptr_range().contains(&array.data().as_ptr()), "{name}");
                // Versions 2 and 3 were asked for there; version 1 suffices for their headers.
                if !matches!(title, "v2" | "v3") {
                    assert_writes_back(&array, &stored, &name);
                }
                for format in [ArrayFormat::Npy, ArrayFormat::Compact] {
                    assert_eq!(decode(encoded(&array, format).into()).unwrap(), array, "{name}");
                }
                arrays += 1;
            }
        }
    }
    assert!(arrays > 100, "{arrays}");
}

#[test]
fn records_are_read_with_their_fields() {
    let tar = fixture("python-0.7", "formats.tar");
    let samples = json("python-0.7", "formats.expected.json");
    let mut records = 0;
    for sample in
        samples["samples"].as_array().unwrap().iter().filter(|sample| sample["kind"] == "structured")
    {
        let len = sample["payload_len"].as_u64().unwrap() as usize;
        let starts = tar.windows(6).enumerate().filter(|(_, window)| *window == b"\x93NUMPY");
        let stored = starts
            .map(|(start, _)| tar.slice(start..tar.len().min(start + len)))
            .find(|stored| sha256(stored) == sample["payload_sha256"])
            .unwrap();
        let array = decode(stored.clone()).unwrap();
        let value = &sample["value"];
        assert_eq!(array.shape(), shape(&value["shape"]));
        assert_eq!(array.dtype().itemsize() as u64, value["itemsize"]);
        assert_eq!(sha256(array.data()), value["raw_sha256"]);
        for (field, expected) in value["fields"].as_object().unwrap() {
            assert_is(&array.field(field).unwrap(), expected, field);
        }
        assert_eq!(encoded(&array, ArrayFormat::Npy), stored);
        records += 1;
    }
    assert_eq!(records, 2);
}

#[test]
fn compact_vectors_are_written_and_read() {
    let hex = |text: &str| -> Bytes {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    };
    let little = |array: NdArray| array.to_byte_order(atdata_core::array::ByteOrder::Little);
    let typed = |array: NdArray, dtype: &str| array.reinterpret(dtype.parse().unwrap()).unwrap();
    let rows = ndarray::arr2(&[[0i16, 1, 2], [3, 4, 5]]);
    let mut columns = ndarray::Array2::from_elem(ndarray::ShapeBuilder::f((2, 3)), 0i16);
    columns.assign(&rows);
    let big =
        NdArray::from_vec(&[2], vec![1i16, 2]).unwrap().to_byte_order(atdata_core::array::ByteOrder::Big);
    for (array, vector) in [
        (
            little(NdArray::from_vec(&[3], vec![1f32, 2., 3.]).unwrap()),
            "033c66340103000000000000000000803f0000004000004040",
        ),
        (little(NdArray::scalar(7i64)), "033c6938000700000000000000"),
        (
            NdArray::zeros("|u1".parse().unwrap(), &[0, 3]).unwrap(),
            "037c75310200000000000000000300000000000000",
        ),
        (
            NdArray::from_vec(&[2, 2], vec![0u8, 1, 2, 3]).unwrap(),
            "037c7531020200000000000000020000000000000000010203",
        ),
        (little(columns.into()), "033c69320202000000000000000300000000000000000001000200030004000500"),
        (big, "033e693201020000000000000000010002"),
        (NdArray::from_vec(&[2], vec![true, false]).unwrap(), "037c62310102000000000000000100"),
        (
            typed(little(NdArray::from_vec(&[1], vec![1_577_836_800_000_000_000i64]).unwrap()), "<M8[ns]"),
            "073c4d385b6e735d01010000000000000000008ab9359ae515",
        ),
        (
            little(NdArray::from_strings(&[2], &["abc", "d"]).unwrap()),
            "033c5533010200000000000000610000006200000063000000640000000000000000000000",
        ),
        (
            little(NdArray::from_vec(&[1], vec![num_complex::Complex32::new(1.0, 2.0)]).unwrap()),
            "033c63380101000000000000000000803f00000040",
        ),
        (
            little(NdArray::from_vec(&[1], vec![half::f16::from_f32(1.5)]).unwrap()),
            "033c6632010100000000000000003e",
        ),
    ] {
        let vector = hex(vector);
        assert_eq!(encoded(&array, ArrayFormat::Compact), vector, "{array}");
        assert_eq!(decode(vector).unwrap(), array);
    }
}

/// Headers as numpy 2.4 writes them: dtype, shape, version, length of the header, header without its padding.
#[test]
fn npy_headers_of_records_are_numpys() {
    for (dtype, shape, version, len, header) in [
        (
            "[('', '|V2'), ('a', '<i4'), ('', '|V4'), ('b', '>f8'), ('', '|V6')]",
            &[2][..],
            1,
            0xb6,
            "{'descr': [('', '|V2'), ('a', '<i4'), ('', '|V4'), ('b', '>f8'), ('', '|V6')], 'fortran_order': False, 'shape': (2,), }",
        ),
        (
            "[(('title', 'x'), '<i4'), ('n', [('x', '|i1'), ('y', '<U2', (2, 3))], (4,)), ('世', '<M8[25s]')]",
            &[],
            3,
            0x00b4,
            "{'descr': [(('title', 'x'), '<i4'), ('n', [('x', '|i1'), ('y', '<U2', (2, 3))], (4,)), ('世', '<M8[25s]')], 'fortran_order': False, 'shape': (), }",
        ),
        ("<M8[25s]", &[3, 0], 1, 0x76, "{'descr': '<M8[25s]', 'fortran_order': False, 'shape': (3, 0), }"),
    ] {
        let array = NdArray::zeros(dtype.parse().unwrap(), shape).unwrap();
        let bytes = encoded(&array, ArrayFormat::Npy);
        let prefix = if version == 1 { 10 } else { 12 };
        assert_eq!(bytes[6], version, "{dtype}");
        assert_eq!(bytes.len() - prefix - array.nbytes(), len, "{dtype}");
        let written = std::str::from_utf8(&bytes[prefix..prefix + len]).unwrap();
        assert_eq!(written.trim_end(), header);
        assert_eq!(decode(bytes.into()).unwrap(), array);
    }
}
