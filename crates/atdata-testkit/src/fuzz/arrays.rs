//! Arrays in both forms.

use atdata_core::array::{ArrayFormat, decode, encode};
use atdata_core::{ErrorKind, NdArray};
use bytes::Bytes;

const MAGIC: &[u8] = b"\x93NUMPY";

/// Decodes the input as a `.npy` stream.
pub fn npy(input: &[u8]) {
    let mut bytes = input.to_vec();
    if !bytes.starts_with(MAGIC) {
        bytes.splice(..0, MAGIC.iter().copied());
    }
    array(&bytes.into());
}

/// Decodes the input as a compact array.
pub fn array_compact(input: &[u8]) {
    if !input.starts_with(MAGIC) {
        array(&Bytes::copy_from_slice(input));
    }
}

fn array(bytes: &Bytes) {
    match decode(bytes.clone()) {
        Ok(array) => accepted(&array, bytes),
        Err(error) => assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported), "{error}"),
    }
}

/// An array that was accepted is no larger than its bytes, comes back from both forms, and can be worked with.
fn accepted(array: &NdArray, bytes: &Bytes) {
    assert!(array.nbytes() <= bytes.len());
    assert_eq!(array.nbytes(), array.len() * array.dtype().itemsize());
    for format in [ArrayFormat::Npy, ArrayFormat::Compact] {
        let mut written = Vec::new();
        match encode(array, format, &mut written) {
            Ok(()) => {
                let again = decode(written.clone().into()).expect("what was written can be read");
                assert!(again == *array, "{array} became {again}");
                let mut twice = Vec::new();
                encode(&again, format, &mut twice).expect("written again");
                assert_eq!(twice, written);
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
                assert!(written.is_empty());
            }
        }
    }
    assert!(array.to_canonical().nbytes() == array.nbytes());
    let _ = array.preview(8);
    let _ = array.strings();
    let _ = array.byte_strings();
    let _ = array.ticks();
    if let Ok(values) = array.to_vec::<f32>() {
        assert_eq!(values.len(), array.len());
    }
    let _ = atdata_core::array::stack(&[array.clone(), array.clone()]);
}
