//! Writes tricky typed samples: `scalars.tar`, `arrays.tar`, `optional.tar`, `sharded-NNNNNN.tar`. The counterpart of
//! `python/write_shards.py`, for Python to read.
//!
//! No text is between 37 and 254 characters and no byte string between 9 and 255 bytes long, so that both sides of a
//! comparison agree on whether a value is "long" in the tagged encoding.
//!
//! usage: write-samples OUTDIR [--array-format compact]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use atdata_core::array::{ArrayFormat, ByteOrder, Element, Order};
use atdata_core::tar::SequentialKeys;
use atdata_core::{
    Error, NdArray, PackedSample, Result, Sample, ShardInput, TypedArray, Value, WriteOptions,
};
use atdata_derive::Packable;
use atdata_testkit::suite::block_on;
use bytes::Bytes;
use futures::StreamExt;

#[derive(Packable, Clone, Default)]
struct Scalars {
    name: String,
    i: i64,
    u: u64,
    f: f64,
    f32: f32,
    flag: bool,
    s: String,
    raw: Bytes,
    opt_i: Option<i64>,
    opt_s: Option<String>,
    strs: Vec<String>,
    ints: Vec<i64>,
    floats: Vec<f64>,
    nested: Vec<Vec<i64>>,
    maybes: Vec<Option<bool>>,
    meta: BTreeMap<String, Value>,
    point: Point,
}

#[derive(Packable, Clone, Default)]
struct Point {
    x: f64,
    label: Option<String>,
}

#[derive(Packable)]
struct Array {
    name: String,
    arr: NdArray,
}

#[derive(Packable)]
struct MaybeArray {
    name: String,
    arr: Option<NdArray>,
}

#[derive(Packable)]
struct Labelled {
    label: String,
    count: i64,
    arr: TypedArray<u8>,
}

#[allow(clippy::print_stderr)]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (directory, format) = match arguments.as_slice() {
        [directory] => (*directory, ArrayFormat::Npy),
        [directory, "--array-format", "compact"] => (*directory, ArrayFormat::Compact),
        _ => {
            eprintln!("usage: write-samples OUTDIR [--array-format compact]");
            return ExitCode::from(2);
        }
    };
    match block_on(write_all(Path::new(directory), format)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn write_all(directory: &Path, format: ArrayFormat) -> Result<()> {
    std::fs::create_dir_all(directory)?;
    let options = WriteOptions::default().with_array_format(format);
    write(scalars(), &options, |_| directory.join("scalars.tar")).await?;
    write(arrays()?, &options, |_| directory.join("arrays.tar")).await?;
    write(optional_arrays()?, &options, |_| directory.join("optional.tar")).await?;
    let sharded = options.with_max_count(10);
    write(labelled()?, &sharded, |n| directory.join(format!("sharded-{n:06}.tar"))).await
}

async fn write<T: Sample + Sync>(
    samples: Vec<T>,
    options: &WriteOptions,
    path: impl Fn(usize) -> std::path::PathBuf,
) -> Result<()> {
    let packed = samples.iter().zip(SequentialKeys::default()).map(|(sample, key)| {
        let mut payload = Vec::new();
        sample.pack_into(&mut payload, options.array_format)?;
        Ok(PackedSample::new(key, payload))
    });
    let mut input = ShardInput::encode(futures::stream::iter(packed.collect::<Vec<_>>()).boxed(), options);
    while let Some(mut shard) = input.next_shard().await? {
        let mut file = std::fs::File::create(path(shard.number()))?;
        while let Some(chunk) = shard.next_chunk().await? {
            file.write_all(&chunk)?;
        }
    }
    Ok(())
}

fn scalars() -> Vec<Scalars> {
    let named = |name: String| Scalars { name, ..Scalars::default() };
    let ints =
        [0, 1, -1, 127, 128, -32, -33, -128, -129, 255, 256, 65_535, 65_536, i64::MAX, i64::MIN, 1 << 32];
    let floats = [0.0, -0.0, 0.1, 1e16, 5e-324, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    let (filled, long) = ("a".repeat(36), "é😀".repeat(200));
    let texts = [
        "",
        "élan",
        "漢字",
        "😀",
        "e\u{301}",
        "a\0b",
        "\u{feff}",
        "tab\tquote\"\\",
        "\u{2028}",
        &filled,
        &long,
    ];
    let raws = [vec![0], vec![0xff, 0xfe], b"\x93NUMPY".to_vec(), (0..=255).collect(), vec![b'x'; 70_000]];

    let mut all = vec![named("defaults".to_owned())];
    for (n, value) in ints.into_iter().enumerate() {
        all.push(Scalars { i: value, opt_i: Some(value), ints: vec![value; 2], ..named(format!("int_{n}")) });
    }
    all.push(Scalars { u: u64::MAX, ..named("unsigned".to_owned()) });
    for (n, value) in floats.into_iter().enumerate() {
        #[allow(clippy::cast_possible_truncation)]
        let narrow = value as f32;
        all.push(Scalars { f: value, f32: narrow, floats: vec![value], ..named(format!("float_{n}")) });
    }
    for (n, value) in texts.into_iter().enumerate() {
        let text = value.to_owned();
        let strs = vec![text.clone(), String::new()];
        all.push(Scalars { s: text.clone(), opt_s: Some(text), strs, ..named(format!("text_{n}")) });
    }
    for (n, value) in raws.into_iter().enumerate() {
        all.push(Scalars { raw: value.into(), flag: true, ..named(format!("bytes_{n}")) });
    }
    let nested = vec![vec![], vec![1], vec![2, 3]];
    let maybes = vec![Some(true), None, Some(false)];
    all.push(Scalars { ints: (0..300).collect(), nested, maybes, ..named("lists".to_owned()) });
    all.push(Scalars { ints: (0..500).map(|n| n * n).collect(), ..named("long_list".to_owned()) });
    let inner = Value::List(vec![Value::Nil, true.into(), 1.5.into(), Bytes::from_static(b"\x01").into()]);
    let meta = [("a", Value::from(1i64)), ("漢", "é".into()), ("", (-1i64).into()), ("list", inner)];
    let meta = meta.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    all.push(Scalars { meta, ..named("maps".to_owned()) });
    let point = Point { x: 1.5, label: Some("here".to_owned()) };
    all.push(Scalars { point, ..named("nested_struct".to_owned()) });
    all
}

/// One array of 24 elements of a type, and a few of them in the other byte order.
fn of_type<T: Element>(convert: impl Fn(u8) -> T, all: &mut Vec<Array>) -> Result<()> {
    let array =
        NdArray::from_vec(&[2, 3, 4], (0..24u8).map(|n| convert(n.wrapping_mul(37) % 251)).collect())?;
    let name = array.dtype().name();
    if array.dtype().itemsize() > 1 {
        let arr = array.to_byte_order(ByteOrder::Big);
        all.push(Array { name: format!("{name}_big_endian"), arr });
    }
    all.push(Array { name, arr: array });
    Ok(())
}

#[allow(clippy::cast_possible_wrap)]
fn arrays() -> Result<Vec<Array>> {
    let mut all = Vec::new();
    of_type(|n| n % 2 == 0, &mut all)?;
    of_type(|n| n as i8, &mut all)?;
    of_type(|n| i16::from(n) - 100, &mut all)?;
    of_type(|n| i32::from(n) - 100, &mut all)?;
    of_type(|n| i64::from(n) - 100, &mut all)?;
    of_type(|n| n, &mut all)?;
    of_type(|n| u16::from(n) * 257, &mut all)?;
    of_type(|n| u32::from(n) << 24, &mut all)?;
    of_type(|n| u64::from(n) << 56, &mut all)?;
    of_type(half::f16::from, &mut all)?;
    of_type(|n| f32::from(n) / 3.0, &mut all)?;
    of_type(|n| f64::from(n) / 3.0, &mut all)?;
    of_type(|n| num_complex::Complex32::new(n.into(), -1.5), &mut all)?;
    of_type(|n| num_complex::Complex64::new(n.into(), -1.5), &mut all)?;
    let mut push = |name: &str, arr: NdArray| all.push(Array { name: name.to_owned(), arr });
    let special = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, f32::MIN_POSITIVE / 2.0];
    push("special", NdArray::from_vec(&[5], special.to_vec())?);
    push("zero_d", NdArray::scalar(2.5f64));
    push("empty", NdArray::from_vec::<i32>(&[0], vec![])?);
    push("empty_middle", NdArray::from_vec::<u8>(&[2, 0, 4], vec![])?);
    push("rank_7", NdArray::from_vec(&[2; 7], (0..128u8).collect())?);
    push("large", NdArray::from_vec(&[100_000], (0..100_000u32).collect())?);
    push("text", NdArray::from_strings(&[2, 2], &["a", "élan", "漢字", ""])?);
    let columns: Vec<u8> = (0..6u16).flat_map(u16::to_le_bytes).collect();
    push("fortran", NdArray::from_bytes("<u2".parse()?, &[2, 3], Order::Fortran, columns.into())?);
    let times: Vec<u8> =
        [0i64, 1_577_836_800_000_000_000, i64::MIN].into_iter().flat_map(i64::to_le_bytes).collect();
    push("datetime", NdArray::from_bytes("<M8[ns]".parse()?, &[3], Order::C, times.into())?);
    Ok(all)
}

fn optional_arrays() -> Result<Vec<MaybeArray>> {
    let arr = NdArray::from_vec(&[5], (0..5i64).collect())?;
    Ok(vec![
        MaybeArray { name: "none".to_owned(), arr: None },
        MaybeArray { name: "present".to_owned(), arr: Some(arr) },
    ])
}

fn labelled() -> Result<Vec<Labelled>> {
    let labels = ["cat", "élan", "鳥"];
    (0..25u8)
        .zip(labels.into_iter().cycle())
        .map(|(n, label)| {
            let rows = usize::from(n % 4);
            let arr = TypedArray::from_vec(&[rows, 3], vec![n; rows * 3])?;
            Ok(Labelled { label: label.to_owned(), count: i64::from(n) * i64::from(n), arr })
        })
        .collect::<Result<_, Error>>()
}
