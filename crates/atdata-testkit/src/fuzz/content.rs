//! MessagePack, DAG-CBOR and content identifiers.

use atdata_core::cid::{
    ContentId, blob_cid, cid_of_value, dag_cbor_cid, from_dag_cbor, value_to_dag_cbor, verify,
};
use atdata_core::msgpack::{Unpacker, from_bytes, to_bytes};
use atdata_core::{DictSample, Sample};
use bytes::Bytes;

use super::texts::text_of;
use crate::tagged::same_value;

/// Reads the input as one MessagePack value. Packed and read again it is the same to the bit; skipping it takes as many
/// bytes as reading it.
pub fn msgpack(input: &[u8]) {
    let payload = Bytes::copy_from_slice(input);
    let mut unpacker = Unpacker::new(&payload);
    if let Ok(value) = unpacker.value() {
        let mut skipper = Unpacker::new(&payload);
        skipper.skip().expect("what can be read can be skipped");
        assert_eq!(skipper.position(), unpacker.position());
        assert!(unpacker.position() <= input.len());
        let packed = to_bytes(&value).expect("what was read can be written");
        let again = from_bytes(&packed).expect("what was written can be read");
        same_value(&again, &value).expect("the same value");
        assert_eq!(to_bytes(&again).expect("written"), packed);
        assert!(packed.len() <= 2 * input.len() + 8, "the shortest forms are not longer, floats apart");
    }
    if let Ok(sample) = DictSample::unpack(&payload, &Default::default()) {
        let packed = sample.pack().expect("what was read can be written");
        assert_eq!(
            DictSample::unpack(&packed, &Default::default()).expect("readable").pack().expect("written"),
            packed
        );
    }
}

/// Reads the input as DAG-CBOR, which is canonical: writing the value gives the input.
pub fn dag_cbor(input: &[u8]) {
    if let Ok(value) = from_dag_cbor(input) {
        assert_eq!(value_to_dag_cbor(&value).expect("what was read can be written"), input);
        assert_eq!(cid_of_value(&value).expect("an identifier"), dag_cbor_cid(input));
    }
}

/// Reads the input as the text of a content identifier, and makes one of it.
pub fn cid(input: &[u8]) {
    if let Ok(found) = text_of(input).parse::<ContentId>() {
        let text = found.to_string();
        let again: ContentId = text.parse().expect("what was written can be read");
        assert_eq!(again, found);
        assert_eq!(again.to_string(), text);
    }
    let own = blob_cid(input);
    assert_eq!(own.to_string().parse::<ContentId>().expect("an own identifier"), own);
    verify(&own, input).expect("it is the input's");
    assert!(own.same_digest(&dag_cbor_cid(input)));
}
