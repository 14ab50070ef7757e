//! MessagePack against the specification, Python's bytes, and hostile input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use atdata_core::msgpack::{Kind, MAX_DEPTH, Packer, Unpacker, from_bytes, to_bytes};
use atdata_core::{DictSample, ErrorKind, Map, NdArray, Sample, Value};
use bytes::Bytes;
use proptest::prelude::*;

/// Values of every kind but arrays, which have no form of their own in a payload. NaN is left out: it does not equal
/// itself, and `floats_keep_their_bits` has it.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-300i64..300).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("NaN", |v| !v.is_nan()).prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        "[a-z]{250,270}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(|v| Value::Bytes(v.into())),
    ];
    leaf.prop_recursive(5, 200, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::List),
            prop::collection::vec((".{0,6}", inner), 0..20)
                .prop_map(|pairs| Value::Map(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_comes_back(value in value()) {
        let packed = to_bytes(&value).unwrap();
        prop_assert_eq!(from_bytes(&packed).unwrap(), value);
    }

    #[test]
    fn floats_keep_their_bits(bits in any::<u64>()) {
        let packed = to_bytes(&Value::Float(f64::from_bits(bits))).unwrap();
        prop_assert_eq!(packed.len(), 9);
        prop_assert_eq!(from_bytes(&packed).unwrap().as_f64().unwrap().to_bits(), bits);
    }

    #[test]
    fn skipping_takes_as_many_bytes_as_reading(value in value(), behind in any::<[u8; 3]>()) {
        let mut packed = to_bytes(&value).unwrap().to_vec();
        let end = packed.len();
        packed.extend(behind);
        let packed = Bytes::from(packed);
        let (mut reader, mut skipper) = (Unpacker::new(&packed), Unpacker::new(&packed));
        reader.value().unwrap();
        skipper.skip().unwrap();
        prop_assert_eq!((reader.position(), skipper.position()), (end, end));
        prop_assert_eq!(reader.finish().unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn every_cut_is_corrupt_and_says_where(value in value(), cut in any::<prop::sample::Index>()) {
        let packed = to_bytes(&value).unwrap();
        let cut = packed.slice(..cut.index(packed.len()));
        let error = from_bytes(&cut).unwrap_err();
        prop_assert_eq!(error.kind(), ErrorKind::Corrupt);
        let byte: usize = error.context_value("byte").unwrap().parse().unwrap();
        prop_assert!(byte <= cut.len());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = Bytes::from(bytes);
        if let Ok(value) = from_bytes(&bytes) {
            prop_assert_eq!(to_bytes(&from_bytes(&to_bytes(&value).unwrap()).unwrap()).unwrap(), to_bytes(&value).unwrap());
        }
        let mut unpacker = Unpacker::new(&bytes);
        let _ = unpacker.skip();
        prop_assert!(unpacker.position() <= bytes.len());
    }
}

fn hex(text: &str) -> Bytes {
    let digits: Vec<u8> = text.bytes().map(|digit| char::from(digit).to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect::<Vec<u8>>().into()
}

/// A sample as Python packs it, up to the field that is an array.
fn python_sample(array: Value) -> DictSample {
    DictSample::from_iter([
        ("name", Value::from("é")),
        ("count", Value::from(300i64)),
        ("score", Value::from(1.5)),
        ("flag", Value::from(true)),
        ("raw", Value::Bytes(Bytes::from_static(&[0x00, 0xff]))),
        ("arr", array),
        ("tags", Value::List(vec!["a".into(), "b".into()])),
        ("opt", Value::Nil),
    ])
}

#[test]
fn a_sample_is_packed_as_python_packs_it() {
    let expected = hex(concat!(
        "88a46e616d65a2c3a9a5636f756e74cd012ca573636f7265cb3ff8000000000000a4666c6167c3a3726177c40200ffa3617272c415033c6634",
        "0102000000000000000000803f00000040a47461677392a161a162a36f7074c0"
    ));
    let array = hex("033c66340102000000000000000000803f00000040");
    assert_eq!(python_sample(Value::Bytes(array)).pack().unwrap(), expected);

    let array = NdArray::from_vec(&[2], vec![1.0f32, 2.0]).unwrap();
    let mut packed = Vec::new();
    let sample = python_sample(Value::Array(array.clone()));
    sample.pack_into(&mut packed, atdata_core::array::ArrayFormat::Compact).unwrap();
    assert_eq!(packed, expected);

    let mut again = DictSample::unpack(&expected, &Default::default()).unwrap();
    assert_eq!(again.fields().keys().collect::<Vec<_>>(), sample.fields().keys().collect::<Vec<_>>());
    again.decode_array("arr").unwrap();
    again.decode_array("opt").unwrap();
    assert_eq!(again, sample);

    // As `.npy`, which is what version 0.2 writes: a `bin` of 136 bytes in its place.
    let npy = sample.pack().unwrap();
    assert_eq!(npy.len(), expected.len() - 21 + 136);
    let at = expected.windows(2).position(|window| window == [0xc4, 0x15]).unwrap();
    assert_eq!(npy[..at], expected[..at]);
    assert_eq!(npy[at..at + 8], [0xc4, 0x88, 0x93, b'N', b'U', b'M', b'P', b'Y']);
    assert_eq!(npy[at + 2 + 136..], expected[at + 2 + 21..]);
}

#[test]
fn integers_take_their_shortest_form() {
    let cases: [(Value, &str); 22] = [
        (0i64.into(), "00"),
        (127i64.into(), "7f"),
        (128i64.into(), "cc80"),
        (255i64.into(), "ccff"),
        (256i64.into(), "cd0100"),
        (65_535i64.into(), "cdffff"),
        (65_536i64.into(), "ce00010000"),
        (i64::from(u32::MAX).into(), "ceffffffff"),
        ((i64::from(u32::MAX) + 1).into(), "cf0000000100000000"),
        (i64::MAX.into(), "cf7fffffffffffffff"),
        (u64::MAX.into(), "cfffffffffffffffff"),
        ((-1i64).into(), "ff"),
        ((-32i64).into(), "e0"),
        ((-33i64).into(), "d0df"),
        ((-128i64).into(), "d080"),
        ((-129i64).into(), "d1ff7f"),
        ((-32_768i64).into(), "d18000"),
        ((-32_769i64).into(), "d2ffff7fff"),
        (i64::from(i32::MIN).into(), "d280000000"),
        ((i64::from(i32::MIN) - 1).into(), "d3ffffffff7fffffff"),
        (i64::MIN.into(), "d38000000000000000"),
        ((1u64 << 63).into(), "cf8000000000000000"),
    ];
    for (value, expected) in cases {
        assert_eq!(to_bytes(&value).unwrap(), hex(expected), "{value}");
        assert_eq!(from_bytes(&hex(expected)).unwrap(), value);
    }
}

#[test]
fn lengths_take_their_shortest_form() {
    for (len, head) in
        [(0, "a0"), (31, "bf"), (32, "d920"), (255, "d9ff"), (256, "da0100"), (65_536, "db00010000")]
    {
        let packed = to_bytes(&Value::from("x".repeat(len))).unwrap();
        assert_eq!((&packed[..packed.len() - len], packed.len()), (&hex(head)[..], len + head.len() / 2));
    }
    for (len, head) in
        [(0, "c400"), (255, "c4ff"), (256, "c50100"), (65_535, "c5ffff"), (65_536, "c600010000")]
    {
        let packed = to_bytes(&Value::Bytes(vec![7; len].into())).unwrap();
        assert_eq!(packed[..packed.len() - len], hex(head)[..]);
    }
    for (len, head) in [(0, "90"), (15, "9f"), (16, "dc0010"), (65_535, "dcffff"), (65_536, "dd00010000")] {
        let packed = to_bytes(&Value::List(vec![Value::Nil; len])).unwrap();
        assert_eq!(packed[..packed.len() - len], hex(head)[..]);
        assert_eq!(from_bytes(&packed).unwrap().as_list().unwrap().len(), len);
    }
    for (len, head) in [(0, "80"), (15, "8f"), (16, "de0010"), (70_000, "df00011170")] {
        let mut packed = Vec::new();
        Packer::new(&mut packed).map(len).unwrap();
        assert_eq!(packed, hex(head));
    }
}

#[test]
fn longer_forms_than_needed_are_read() {
    for (bytes, expected) in [
        ("cc01", Value::from(1i64)),
        ("cf0000000000000001", Value::from(1i64)),
        ("d3ffffffffffffffff", Value::from(-1i64)),
        ("ca3fc00000", Value::from(1.5)),
        ("d90161", Value::from("a")),
        ("da000161", Value::from("a")),
        ("db0000000161", Value::from("a")),
        ("c60000000107", Value::Bytes(Bytes::from_static(&[7]))),
        ("dd0000000101", Value::List(vec![1i64.into()])),
        ("df00000001a16101", Value::Map(Map::from_iter([("a", 1i64)]))),
    ] {
        assert_eq!(from_bytes(&hex(bytes)).unwrap(), expected, "{bytes}");
    }
}

#[test]
fn a_length_beyond_the_payload_is_corrupt_and_allocates_nothing() {
    for head in
        ["c6ffffffff", "dbffffffff", "ddffffffff", "dfffffffff", "dcffff", "deffff", "c4ff", "9f", "8f", "bf"]
    {
        for behind in ["", "c0", "c0c0c0c0"] {
            let bytes = hex(&format!("{head}{behind}"));
            assert_eq!(from_bytes(&bytes).unwrap_err().kind(), ErrorKind::Corrupt, "{head} {behind}");
            assert_eq!(
                Unpacker::new(&bytes).skip().unwrap_err().kind(),
                ErrorKind::Corrupt,
                "{head} {behind}"
            );
        }
    }
}

#[test]
fn what_is_not_msgpack_is_refused() {
    for (bytes, kind) in [
        ("", ErrorKind::Corrupt),
        ("c1", ErrorKind::Corrupt),
        ("d40100", ErrorKind::Unsupported),
        ("c70301000000", ErrorKind::Unsupported),
        ("d6ff00000000", ErrorKind::Unsupported),
        ("a1ff", ErrorKind::Corrupt),
        ("810101", ErrorKind::Invalid),
        ("81c0c0", ErrorKind::Invalid),
        ("c0c0", ErrorKind::Corrupt),
    ] {
        assert_eq!(from_bytes(&hex(bytes)).unwrap_err().kind(), kind, "{bytes}");
    }
}

#[test]
fn nesting_is_bounded_in_both_directions() {
    for open in ["91", "81a161"] {
        let nested = |levels: usize| hex(&format!("{}c0", open.repeat(levels)));
        let deepest = from_bytes(&nested(MAX_DEPTH)).unwrap();
        assert_eq!(to_bytes(&deepest).unwrap(), nested(MAX_DEPTH));
        assert_eq!(from_bytes(&nested(MAX_DEPTH + 1)).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(from_bytes(&nested(1_000_000)).unwrap_err().kind(), ErrorKind::Corrupt);
        // Passing over a value takes no stack.
        let deep = nested(1_000_000);
        let mut unpacker = Unpacker::new(&deep);
        unpacker.skip().unwrap();
        unpacker.finish().unwrap();
        assert_eq!(to_bytes(&Value::List(vec![deepest])).unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[test]
fn of_a_repeated_key_the_last_value_counts_at_its_first_place() {
    assert_eq!(
        from_bytes(&hex("83a16101a16202a16103")).unwrap(),
        Value::Map(Map::from_iter([("a", 3i64), ("b", 2)]))
    );
    // Large maps are built another way.
    let mut packed = Vec::new();
    let mut packer = Packer::new(&mut packed);
    packer.map(2000).unwrap();
    for i in 0..2000i64 {
        packer.str(&format!("{}", i % 1000)).unwrap();
        packer.int(i);
    }
    let value = from_bytes(&packed.into()).unwrap();
    let map = value.as_map().unwrap();
    assert_eq!(map.len(), 1000);
    assert!(
        map.iter()
            .zip(0i64..)
            .all(|((key, value), i)| key == i.to_string() && *value == Value::Int(1000 + i))
    );
}

#[test]
fn bytes_and_text_are_not_copied() {
    let payload = to_bytes(&Value::Bytes(vec![7; 100].into())).unwrap();
    let bytes = Unpacker::new(&payload).bin().unwrap();
    assert_eq!(bytes.as_ptr(), payload[2..].as_ptr());
    let payload = to_bytes(&Value::from("text")).unwrap();
    assert_eq!(Unpacker::new(&payload).str().unwrap().as_ptr(), payload[1..].as_ptr());
}

#[test]
fn typed_reads_name_what_they_found_and_where() {
    let payload = hex("9301c0a161");
    let mut unpacker = Unpacker::new(&payload);
    assert_eq!(unpacker.peek().unwrap(), Kind::List);
    assert_eq!(unpacker.list().unwrap(), 3);
    let error = unpacker.str().unwrap_err();
    assert_eq!((error.kind(), error.context_value("byte")), (ErrorKind::Invalid, Some("1")));
    assert!(error.message().contains("expected str, found int"), "{error}");
    assert_eq!(unpacker.int_as::<u8>().unwrap(), 1);
    assert!(unpacker.nil().unwrap());
    assert!(!unpacker.nil().unwrap());
    assert_eq!(unpacker.str().unwrap(), "a");
    unpacker.finish().unwrap();
}

#[test]
fn an_integer_that_does_not_fit_is_refused() {
    for (bytes, fits) in [("ccff", true), ("cd0100", false), ("ff", false), ("cfffffffffffffffff", false)] {
        assert_eq!(Unpacker::new(&hex(bytes)).int_as::<u8>().is_ok(), fits, "{bytes}");
    }
    assert_eq!(Unpacker::new(&hex("cfffffffffffffffff")).int_as::<u64>().unwrap(), u64::MAX);
    assert_eq!(
        Unpacker::new(&hex("cfffffffffffffffff")).int_as::<i64>().unwrap_err().kind(),
        ErrorKind::Invalid
    );
}

#[test]
fn integers_are_read_as_floats_but_not_the_other_way() {
    assert_eq!(Unpacker::new(&hex("07")).float().unwrap(), 7.0);
    assert_eq!(Unpacker::new(&hex("cb3ff8000000000000")).int().unwrap_err().kind(), ErrorKind::Invalid);
}
