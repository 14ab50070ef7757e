//! Arrays of any dtype, shape and order survive both byte forms, and no bytes make the decoder panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use atdata_core::ErrorKind;
use atdata_core::array::{ArrayFormat, ByteOrder, DType, NdArray, Order, decode, encode, stack};
use bytes::Bytes;
use proptest::prelude::*;

fn simple_dtype() -> impl Strategy<Value = String> {
    let order = prop_oneof![Just('<'), Just('>')];
    let sized = prop::sample::select(vec![
        "i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16", "M8[ns]", "m8[25s]", "M8", "U1",
        "U3",
    ]);
    prop_oneof![
        prop::sample::select(vec!["|b1", "|i1", "|u1", "|S1", "|S5", "|V3"]).prop_map(str::to_owned),
        (order, sized).prop_map(|(order, code)| format!("{order}{code}")),
    ]
}

fn record_dtype() -> impl Strategy<Value = String> {
    let field = |inner: BoxedStrategy<String>| (inner, prop::collection::vec(0usize..3, 0..3), 0usize..4);
    let leaf = simple_dtype().prop_map(|code| format!("'{code}'")).boxed();
    leaf.prop_recursive(3, 12, 3, move |inner| {
        prop::collection::vec(field(inner.boxed()), 1..4).prop_map(|fields| {
            let fields: Vec<String> = fields
                .into_iter()
                .enumerate()
                .map(|(i, (dtype, shape, pad))| {
                    let dims: String = shape.iter().map(|dim| format!("{dim},")).collect();
                    let shape = if shape.is_empty() { String::new() } else { format!(", ({dims})") };
                    let pad = if pad == 0 { String::new() } else { format!("('', '|V{pad}'), ") };
                    format!("{pad}('é{i}', {dtype}{shape})")
                })
                .collect();
            format!("[{}, ('last', '|u1')]", fields.join(", "))
        })
    })
    .prop_filter("a list", |text| text.starts_with('['))
}

fn array_of(dtype: impl Strategy<Value = String>) -> impl Strategy<Value = NdArray> {
    (dtype, prop::collection::vec(0usize..5, 0..4), any::<bool>(), any::<u64>(), 0usize..9).prop_map(
        |(dtype, shape, fortran, seed, offset)| {
            let dtype: DType = dtype.parse().unwrap();
            let nbytes = shape.iter().product::<usize>() * dtype.itemsize();
            let mut state = seed;
            let bytes: Vec<u8> = (0..nbytes + offset)
                .map(|_| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 56) as u8
                })
                .collect();
            let order = if fortran { Order::Fortran } else { Order::C };
            NdArray::from_bytes(dtype, &shape, order, Bytes::from(bytes).slice(offset..)).unwrap()
        },
    )
}

fn encoded(array: &NdArray, format: ArrayFormat) -> Vec<u8> {
    let mut out = Vec::new();
    encode(array, format, &mut out).unwrap();
    out
}

/// Looks at everything that reads elements; none of it may panic, whatever the elements are.
fn exercise(array: &NdArray) {
    let _ = (array.to_string(), array.preview(5), array.strings(), array.byte_strings(), array.ticks());
    let _ = (array.view::<f32>().is_ok(), array.cow::<bool>().is_ok(), array.to_vec::<i64>());
    assert_eq!(*array, array.to_canonical());
    if let Some(record) = array.dtype().as_structured() {
        for field in record.fields() {
            if let Ok(field) = array.field(field.name()) {
                exercise(&field);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn npy_round_trips_exactly(array in prop_oneof![array_of(simple_dtype()), array_of(record_dtype())]) {
        let bytes = Bytes::from(encoded(&array, ArrayFormat::Npy));
        let back = decode(bytes.clone()).unwrap();
        prop_assert_eq!(back.dtype(), array.dtype());
        prop_assert_eq!(back.shape(), array.shape());
        prop_assert_eq!(back.order(), array.order());
        prop_assert_eq!(back.data(), array.data());
        prop_assert_eq!((bytes.len() - array.nbytes()) % 64, 0);
        exercise(&back);
    }

    #[test]
    fn compact_round_trips_in_c_order(array in array_of(simple_dtype())) {
        let back = decode(encoded(&array, ArrayFormat::Compact).into()).unwrap();
        prop_assert_eq!(back.dtype(), array.dtype());
        prop_assert_eq!(back.order(), Order::C);
        prop_assert_eq!(&back, &array);
        prop_assert_eq!(back.into_data(), array.to_c_order().into_data());
    }

    #[test]
    fn dtypes_print_what_they_parse(text in prop_oneof![simple_dtype(), record_dtype()]) {
        let dtype: DType = text.parse().unwrap();
        prop_assert_eq!(dtype.to_string().parse::<DType>().unwrap(), dtype);
    }

    #[test]
    fn byte_orders_and_element_orders_do_not_change_an_array(array in prop_oneof![array_of(simple_dtype()), array_of(record_dtype())]) {
        let other = array.to_byte_order(ByteOrder::Big).to_c_order();
        prop_assert_eq!(&other, &array);
        prop_assert_eq!(other.to_canonical().into_data(), array.to_canonical().into_data());
        prop_assert_eq!(other.to_byte_order(ByteOrder::Little).preview(9), array.to_byte_order(ByteOrder::Little).preview(9));
    }

    #[test]
    fn views_equal_copies(
        shape in prop::collection::vec(1usize..4, 1..4), fortran in any::<bool>(), offset in 0usize..9, big in any::<bool>(),
        seed in any::<u32>(),
    ) {
        let count: usize = shape.iter().product();
        let values: Vec<u32> = (0..count as u32).map(|i| i.wrapping_mul(seed)).collect();
        let bytes: Vec<u8> = values.iter().flat_map(|v| if big { v.to_be_bytes() } else { v.to_le_bytes() }).collect();
        let bytes = Bytes::from([vec![0; offset], bytes].concat()).slice(offset..);
        let order = if fortran { Order::Fortran } else { Order::C };
        let dtype = if big { ">u4" } else { "<u4" }.parse().unwrap();
        let array = NdArray::from_bytes(dtype, &shape, order, bytes).unwrap();
        let copy = array.to_array::<u32>().unwrap();
        let dim = ndarray::ShapeBuilder::set_f(ndarray::IxDyn(&shape), fortran);
        prop_assert_eq!(&copy, &ndarray::ArrayD::from_shape_vec(dim, values).unwrap());
        prop_assert_eq!(array.cow::<u32>().unwrap(), copy.view());
        prop_assert_eq!(array.to_vec::<u32>().unwrap(), copy.iter().copied().collect::<Vec<_>>());
        if let Ok(view) = array.view::<u32>() {
            prop_assert_eq!(view, copy.view());
        }
        prop_assert_eq!(NdArray::from(copy), array);
    }

    #[test]
    fn a_stack_holds_each_array(array in prop_oneof![array_of(simple_dtype()), array_of(record_dtype())], n in 1usize..4) {
        let mut arrays = vec![array.to_c_order().to_byte_order(ByteOrder::Big); n];
        arrays[0] = array.clone();
        let batch = stack(&arrays).unwrap();
        prop_assert_eq!(batch.shape(), [&[n], array.shape()].concat());
        prop_assert_eq!(batch.dtype(), array.dtype());
        for i in 0..n {
            let part = batch.data().slice(i * array.nbytes()..(i + 1) * array.nbytes());
            prop_assert_eq!(part, array.to_c_order().into_data());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), magic in any::<bool>()) {
        let prefix: &[u8] = if magic { b"\x93NUMPY\x01\0" } else { b"" };
        if let Ok(array) = decode([prefix, &bytes].concat().into()) {
            exercise(&array);
        }
    }

    #[test]
    fn arbitrary_headers_never_panic(
        header in "[\\[\\](){}',: |<>=a-dsxfiuVSUMmO0-9\\\\-]{0,60}|\\{'descr': (\\[[()',<|a-f0-9 \\[\\]]{0,40}\\]|'[<>|=]?[a-zA-Z?][0-9]{0,21}'), 'fortran_order': (True|False), 'shape': \\([0-9, -]{0,40}\\)\\}",
        data in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let len = (header.len() as u16).to_le_bytes();
        let bytes = [b"\x93NUMPY\x01\0", &len[..], header.as_bytes(), &data].concat();
        if let Ok(array) = decode(bytes.into()) {
            exercise(&array);
        }
    }

    #[test]
    fn damaged_arrays_never_panic_and_cut_ones_are_corrupt(
        array in prop_oneof![array_of(simple_dtype()), array_of(record_dtype())], compact in any::<bool>(),
        at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let format = if compact && array.dtype().as_structured().is_none() { ArrayFormat::Compact } else { ArrayFormat::Npy };
        let mut bytes = encoded(&array, format);
        let at = at.index(bytes.len());
        let cut = decode(bytes[..at].to_vec().into());
        prop_assert_eq!(cut.unwrap_err().kind(), ErrorKind::Corrupt);
        bytes[at] = byte;
        if let Ok(array) = decode(bytes.into()) {
            exercise(&array);
        }
    }
}
