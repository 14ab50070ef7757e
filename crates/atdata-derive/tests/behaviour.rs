//! What derived types do: round trips, policies, schemas, batches.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, HashMap};

use atdata_core::array::ArrayFormat;
use atdata_core::msgpack::{UnpackOptions, UnpackPolicy};
use atdata_core::schema::{ArrayType, FieldType, Primitive};
use atdata_core::{
    Collate, DictSample, ErrorKind, FieldValue, Map, NdArray, Packable, Sample, TypedArray, Value,
};
use atdata_derive::Packable;
use bytes::Bytes;
use ndarray::{Array2, ArrayD, array};

fn strict<T: Sample>(payload: &Bytes) -> atdata_core::Result<T> {
    T::unpack(payload, &UnpackOptions::default())
}

fn lenient<T: Sample>(payload: &Bytes) -> atdata_core::Result<T> {
    T::unpack(payload, &UnpackOptions::default().with_policy(UnpackPolicy::Lenient))
}

fn payload(fields: &[(&str, Value)]) -> Bytes {
    fields.iter().cloned().collect::<DictSample>().pack().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Packable, Clone, Debug, PartialEq)]
struct Point {
    x: f64,
    y: f32,
}

/// Every type that a field can have.
#[derive(Packable, Clone, Debug, PartialEq)]
struct Everything {
    flag: bool,
    i8: i8,
    i16: i16,
    i32: i32,
    i64: i64,
    u8: u8,
    u16: u16,
    u32: u32,
    u64: u64,
    f32: f32,
    f64: f64,
    text: String,
    bytes: Bytes,
    raw: Vec<u8>,
    numbers: Vec<i32>,
    texts: Vec<Option<String>>,
    maybe: Option<i64>,
    nothing: Option<String>,
    tree: BTreeMap<String, f64>,
    hash: HashMap<String, Vec<Point>>,
    value: Value,
    map: Map,
    point: Point,
    points: Vec<Point>,
    maybe_point: Option<Point>,
    any: NdArray,
    typed: TypedArray<u16>,
    matrix: Array2<f32>,
    dynamic: ArrayD<i64>,
    maybe_array: Option<NdArray>,
    arrays: Vec<Array2<u8>>,
}

fn everything() -> Everything {
    let point = Point { x: 0.5, y: -1.25 };
    Everything {
        flag: true,
        i8: i8::MIN,
        i16: i16::MAX,
        i32: i32::MIN,
        i64: i64::MIN,
        u8: u8::MAX,
        u16: 300,
        u32: u32::MAX,
        u64: u64::MAX,
        f32: 0.1,
        f64: f64::MIN_POSITIVE,
        text: "naïve".into(),
        bytes: Bytes::from_static(b"\0\xff"),
        raw: vec![1, 2, 3],
        numbers: vec![-1, 0, 70_000],
        texts: vec![Some("a".into()), None],
        maybe: Some(5),
        nothing: None,
        tree: BTreeMap::from([("a".into(), 1.0), ("b".into(), 2.0)]),
        hash: HashMap::from([("p".into(), vec![point.clone()])]),
        value: Value::from(vec![Value::from(1i64), Value::Nil]),
        map: [("k", Value::from("v"))].into_iter().collect(),
        point: point.clone(),
        points: vec![point.clone(), point.clone()],
        maybe_point: Some(point),
        any: NdArray::from_vec(&[2], vec![1i32, 2]).unwrap(),
        typed: TypedArray::try_from(NdArray::from_vec(&[2, 1], vec![1u16, 2]).unwrap()).unwrap(),
        matrix: array![[1.0, 2.0, 3.0]],
        dynamic: ArrayD::zeros(vec![1, 2, 3]),
        maybe_array: None,
        arrays: vec![array![[1, 2]], array![[3], [4]]],
    }
}

#[test]
fn every_kind_of_field_round_trips() {
    let sample = everything();
    assert_eq!(strict::<Everything>(&sample.pack().unwrap()).unwrap(), sample);
    let mut compact = Vec::new();
    sample.pack_into(&mut compact, ArrayFormat::Compact).unwrap();
    assert_eq!(strict::<Everything>(&compact.into()).unwrap(), sample);
}

#[test]
fn a_schema_states_every_type() {
    let schema = Everything::schema();
    assert_eq!(schema.name, "Everything");
    assert_eq!(schema.version.to_string(), "1.0.0");
    assert_eq!(schema.description.as_deref(), Some("Every type that a field can have."));
    let fields: Vec<String> = schema.fields.iter().map(ToString::to_string).collect();
    let point = "{\n        x: float,\n        y: float,\n    }";
    let expected = [
        "flag: bool",
        "i8: int",
        "i16: int",
        "i32: int",
        "i64: int",
        "u8: int",
        "u16: int",
        "u32: int",
        "u64: int",
        "f32: float",
        "f64: float",
        "text: str",
        "bytes: bytes",
        "raw: bytes",
        "numbers: list<int>",
        "texts: list<str?>",
        "maybe: int?",
        "nothing: str?",
        "tree: map<float>",
        &format!("hash: map<list<{point}>>").replace("\n    ", "\n"),
        "value: any",
        "map: map<any>",
        &format!("point: {point}").replace("\n    ", "\n"),
        &format!("points: list<{point}>").replace("\n    ", "\n"),
        &format!("maybe_point: {point}?").replace("\n    ", "\n"),
        "any: ndarray",
        "typed: ndarray<uint16>",
        "matrix: ndarray<float32>",
        "dynamic: ndarray<int64>",
        "maybe_array: ndarray?",
        "arrays: list<ndarray<uint8>>",
    ];
    assert_eq!(fields, expected);
    schema.validate().unwrap();
}

/// The vector of the format description, written by Python.
#[test]
fn the_payload_is_that_of_python() {
    #[derive(Packable)]
    struct Vector {
        name: String,
        count: i64,
        score: f64,
        flag: bool,
        raw: Bytes,
        arr: TypedArray<f32>,
        tags: Vec<String>,
        opt: Option<String>,
    }
    let sample = Vector {
        name: "é".into(),
        count: 300,
        score: 1.5,
        flag: true,
        raw: Bytes::from_static(b"\0\xff"),
        arr: TypedArray::try_from(NdArray::from_vec(&[2], vec![1f32, 2.0]).unwrap()).unwrap(),
        tags: vec!["a".into(), "b".into()],
        opt: None,
    };
    let head = "88a46e616d65a2c3a9a5636f756e74cd012ca573636f7265cb3ff8000000000000a4666c6167c3a3726177c40200ffa3617272";
    let tail = "a47461677392a161a162a36f7074c0";
    let mut compact = Vec::new();
    sample.pack_into(&mut compact, ArrayFormat::Compact).unwrap();
    let array = "c415033c66340102000000000000000000803f00000040";
    assert_eq!(hex(&compact), format!("{head}{array}{tail}"));
    let npy = hex(&sample.pack().unwrap());
    assert!(npy.starts_with(&format!("{head}c488{}", hex(b"\x93NUMPY\x01\x00"))), "{npy}");
    assert!(npy.ends_with(&format!("0000803f00000040{tail}")), "{npy}");
    assert_eq!(npy.len(), 2 * 136 + 4 + head.len() + tail.len());
}

#[derive(Packable, Clone, Debug, PartialEq)]
#[packable(name = "pkg.Settings", version = "2.10.3", description = "Given.")]
/// Not this.
struct Options {
    /// A doc comment,
    /// of two lines.
    #[packable(rename = "kind", default = "plain")]
    r#type: String,
    #[packable(default = 3 + 4, description = "How many.")]
    count: u8,
    #[packable(default)]
    tags: Vec<String>,
    #[packable(default = Some(1.5))]
    ratio: Option<f64>,
    #[packable(default = f64::NAN)]
    unsayable: f64,
    r#move: Option<i64>,
}

fn options() -> Options {
    Options {
        r#type: "plain".into(),
        count: 7,
        tags: vec![],
        ratio: Some(1.5),
        unsayable: 0.0,
        r#move: Some(1),
    }
}

#[test]
fn attributes_reach_the_schema() {
    let schema = Options::schema();
    assert_eq!(schema.name, "pkg.Settings");
    assert_eq!(schema.version.to_string(), "2.10.3");
    assert_eq!(schema.description.as_deref(), Some("Given."));
    let names: Vec<&str> = schema.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["kind", "count", "tags", "ratio", "unsayable", "move"]);
    let defaults: Vec<Option<Value>> = schema.fields.iter().map(|field| field.default.clone()).collect();
    let tags = Value::List(vec![]);
    assert_eq!(defaults, [Some("plain".into()), Some(7i64.into()), Some(tags), Some(1.5.into()), None, None]);
    let descriptions: Vec<Option<&str>> =
        schema.fields.iter().map(|field| field.description.as_deref()).collect();
    assert_eq!(descriptions[..3], [Some("A doc comment,\nof two lines."), Some("How many."), None]);
}

#[test]
fn fields_with_a_default_may_be_missing_under_both_policies() {
    let only = payload(&[("move", Value::from(1i64)), ("unsayable", Value::from(0.0))]);
    assert_eq!(strict::<Options>(&only).unwrap(), options());
    assert_eq!(lenient::<Options>(&only).unwrap(), options());
}

#[test]
fn a_missing_field_is_an_error_that_names_it() {
    let error = strict::<Point>(&payload(&[("x", Value::from(1.0))])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.context_value("field"), Some("y"));
    assert_eq!(error.context_value("schema"), Some("Point"));
    assert!(lenient::<Point>(&payload(&[("x", Value::from(1.0))])).is_err());
}

#[test]
fn a_missing_optional_field_is_none_under_the_lenient_policy_only() {
    let empty = payload(&[("unsayable", Value::from(0.0))]);
    assert_eq!(strict::<Options>(&empty).unwrap_err().context_value("field"), Some("move"));
    assert_eq!(lenient::<Options>(&empty).unwrap(), Options { r#move: None, ..options() });
}

#[test]
fn an_unknown_field_is_an_error_under_the_strict_policy_only() {
    let more = payload(&[("x", 1.0.into()), ("z", Value::List(vec![Value::Nil])), ("y", 2.0.into())]);
    assert_eq!(strict::<Point>(&more).unwrap_err().context_value("field"), Some("z"));
    assert_eq!(lenient::<Point>(&more).unwrap(), Point { x: 1.0, y: 2.0 });
}

#[test]
fn fields_are_read_in_any_order() {
    let turned = payload(&[("y", 2.0.into()), ("x", 1.0.into())]);
    assert_eq!(strict::<Point>(&turned).unwrap(), Point { x: 1.0, y: 2.0 });
}

#[test]
fn a_value_of_the_wrong_type_is_an_error_that_names_the_field() {
    let error = strict::<Point>(&payload(&[("x", 1.0.into()), ("y", "two".into())])).unwrap_err();
    assert_eq!(error.context_value("field"), Some("y"));
}

#[test]
fn the_default_policies_hold_inside_nested_structs() {
    #[derive(Packable, Debug, PartialEq)]
    struct Outer {
        inner: Options,
    }
    let inner: Map = [("move", Value::from(1i64)), ("unsayable", 0.0.into())].into_iter().collect();
    let stored = payload(&[("inner", inner.into())]);
    assert_eq!(strict::<Outer>(&stored).unwrap(), Outer { inner: options() });
}

#[derive(Packable, Clone, Debug, PartialEq)]
struct Documented {
    #[packable(dtype = "float16", shape = "28, _", dims = "y, x")]
    any: NdArray,
    #[packable(shape = "_, 3")]
    matrix: Option<Array2<f32>>,
    #[packable(dims = "time")]
    typed: TypedArray<u8>,
    #[packable(kind = "structured", dtype = "[('a', '<i4')]")]
    table: NdArray,
    #[packable(kind = "bytes")]
    bytes: Vec<u8>,
    #[packable(kind = "sparse")]
    sparse: Bytes,
    #[packable(kind = "arrow_tensor")]
    arrow: Bytes,
    #[packable(kind = "safetensors")]
    tensors: Option<Vec<u8>>,
    #[packable(kind = "dataframe")]
    frame: Bytes,
}

#[test]
fn arrays_and_bytes_are_documented_in_the_schema() {
    let schema = Documented::schema();
    let array = |dtype: Option<&str>, shape: Option<Vec<Option<u64>>>, dims: Option<&[&str]>| ArrayType {
        dtype: dtype.map(str::to_owned),
        shape,
        dimension_names: dims.map(|dims| dims.iter().map(|name| (*name).to_owned()).collect()),
    };
    let expected = [
        FieldType::NdArray(array(Some("float16"), Some(vec![Some(28), None]), Some(&["y", "x"]))),
        FieldType::NdArray(array(Some("float32"), Some(vec![None, Some(3)]), None)),
        FieldType::NdArray(array(Some("uint8"), None, Some(&["time"]))),
        FieldType::Structured(array(Some("[('a', '<i4')]"), None, None)),
        Primitive::Bytes.into(),
        FieldType::Sparse,
        FieldType::ArrowTensor,
        FieldType::Safetensors,
        FieldType::DataFrame,
    ];
    let types: Vec<FieldType> = schema.fields.iter().map(|field| field.field_type.clone()).collect();
    assert_eq!(types, expected);
    let optional: Vec<&str> =
        schema.fields.iter().filter(|field| field.optional).map(|field| field.name.as_str()).collect();
    assert_eq!(optional, ["matrix", "tensors"]);
}

#[test]
fn a_batch_stacks_arrays_and_lists_the_rest() {
    let samples = vec![everything(), Everything { i64: 4, ..everything() }];
    let batch: EverythingBatch = Everything::collate(samples).unwrap();
    assert_eq!(batch.len(), 2);
    assert!(!batch.is_empty());
    assert_eq!(batch.i64, [i64::MIN, 4]);
    assert_eq!(batch.any.shape(), [2, 2]);
    assert_eq!(batch.typed.shape(), [2, 2, 1]);
    assert_eq!(batch.matrix, array![[[1.0f32, 2.0, 3.0]], [[1.0, 2.0, 3.0]]]);
    assert_eq!(batch.dynamic.shape(), [2, 1, 2, 3]);
    assert_eq!(batch.maybe_array, [None, None]);
    assert_eq!(batch.point, vec![everything().point; 2]);
    assert_eq!(batch.clone().texts, batch.texts);
    assert!(format!("{batch:?}").starts_with("EverythingBatch { flag: [true, true], i8: "));
}

#[test]
fn a_batch_of_uneven_arrays_is_an_error_that_names_the_field() {
    #[derive(Packable)]
    struct Image {
        pixels: Array2<u8>,
    }
    let samples = vec![Image { pixels: Array2::zeros([1, 2]) }, Image { pixels: Array2::zeros([2, 2]) }];
    let error = Image::collate(samples).err().unwrap();
    assert_eq!(error.context_value("field"), Some("pixels"));
}

#[test]
fn generic_structs_are_samples_for_every_field_type() {
    #[derive(Packable, Debug, PartialEq)]
    struct Pair<T = f64, const N: usize = 2>
    where
        T: Clone,
    {
        first: T,
        #[packable(default)]
        second: Option<T>,
    }
    let pair = Pair::<Array2<u8>, 3> { first: array![[1]], second: None };
    assert_eq!(strict::<Pair<Array2<u8>, 3>>(&pair.pack().unwrap()).unwrap(), pair);
    assert_eq!(Pair::<i64, 1>::schema().fields[0].field_type, Primitive::Int.into());
    let batch: PairBatch<Array2<u8>, 3> = Pair::collate(vec![pair]).unwrap();
    assert_eq!(batch.first, array![[[1u8]]]);
    assert_eq!(batch.second, [None]);
}

#[test]
fn names_of_the_generated_code_are_free_for_fields() {
    #[derive(Packable, Clone, Debug, PartialEq)]
    struct Names {
        #[packable(default = 1)]
        reader: i64,
        unpacker: i64,
        packer: i64,
        found: i64,
        other: i64,
        field_0: i64,
        samples: i64,
        samples_: i64,
        sample: i64,
        count: i64,
        len: i64,
        schema: i64,
        check: i64,
        formatter: i64,
    }
    let values: DictSample = Names::schema().fields.iter().map(|field| (field.name.clone(), 7i64)).collect();
    let sample = strict::<Names>(&values.pack().unwrap()).unwrap();
    assert_eq!(sample.pack().unwrap(), values.pack().unwrap());
    let batch = Names::collate(vec![sample.clone(), sample]).unwrap();
    assert_eq!((batch.len(), batch.len, batch.samples), (2, vec![7, 7], vec![7, 7]));
}

#[test]
fn a_type_of_the_user_can_be_a_field() {
    /// Stored as its number; a batch of it counts.
    #[derive(Debug, PartialEq)]
    struct Level(u8);
    impl FieldValue for Level {
        type Column = usize;
        fn field_type() -> FieldType {
            Primitive::Int.into()
        }
        fn pack_value(&self, packer: &mut atdata_core::msgpack::Packer<'_>) -> atdata_core::Result<()> {
            self.0.pack_value(packer)
        }
        fn unpack_value(unpacker: &mut atdata_core::msgpack::Unpacker<'_>) -> atdata_core::Result<Self> {
            u8::unpack_value(unpacker).map(Level)
        }
        fn stack(values: Vec<Self>, _: &atdata_core::array::BatchMemory) -> atdata_core::Result<usize> {
            Ok(values.len())
        }
    }
    #[derive(Packable, Debug, PartialEq)]
    struct Entry {
        level: Level,
    }
    let entry = Entry { level: Level(3) };
    assert_eq!(strict::<Entry>(&entry.pack().unwrap()).unwrap(), entry);
    assert_eq!(Entry::collate(vec![entry]).unwrap().level, 1);
}

#[test]
fn a_struct_without_fields_is_an_empty_map() {
    #[derive(Packable, Debug, PartialEq)]
    struct Empty {}
    assert_eq!(Empty {}.pack().unwrap(), b"\x80"[..]);
    assert_eq!(strict::<Empty>(&payload(&[])).unwrap(), Empty {});
    assert_eq!(Empty::collate(vec![Empty {}, Empty {}]).unwrap().len(), 2);
}

#[test]
fn a_dict_sample_takes_the_defaults_of_the_schema() {
    let options = UnpackOptions::default().with_schema(Options::schema().into());
    let stored = payload(&[("move", Value::Nil), ("unsayable", 0.0.into())]);
    let sample = DictSample::unpack(&stored, &options).unwrap();
    assert_eq!(sample.get("count"), Some(&Value::Int(7)));
    assert_eq!(sample.get("kind"), Some(&Value::from("plain")));
}
