//! Generated code does not depend on what names mean where it stands, nor on what columns can do.
#![allow(dead_code)]

struct Option;
struct Vec;
struct String;
struct Result;
struct Some;
struct None;
struct Ok;
struct Default;
mod std {}
mod core {}
mod atdata_core {}

extern crate atdata_core as renamed;

/// Has neither `Debug` nor `Clone`.
struct Opaque;

impl renamed::FieldValue for Opaque {
    type Column = Opaque;
    fn field_type() -> renamed::schema::FieldType {
        renamed::schema::FieldType::Any
    }
    fn pack_value(&self, packer: &mut renamed::msgpack::Packer<'_>) -> renamed::Result<()> {
        packer.nil();
        ::core::result::Result::Ok(())
    }
    fn unpack_value(unpacker: &mut renamed::msgpack::Unpacker<'_>) -> renamed::Result<Self> {
        unpacker.skip()?;
        ::core::result::Result::Ok(Opaque)
    }
    fn stack(_: ::std::vec::Vec<Self>, _: &renamed::array::BatchMemory) -> renamed::Result<Opaque> {
        ::core::result::Result::Ok(Opaque)
    }
}

#[derive(atdata_derive::Packable)]
#[packable(crate = "crate::renamed")]
struct Sample {
    opaque: Opaque,
    #[packable(default, shape = "2")]
    array: ::core::option::Option<renamed::NdArray>,
    #[packable(default = "text")]
    text: ::std::string::String,
}

#[test]
fn shadowed_names_do_not_matter() {
    let batch = <Sample as renamed::Collate>::collate(::std::vec![Sample {
        opaque: Opaque,
        array: ::core::option::Option::None,
        text: ::std::string::String::new(),
    }]);
    assert_eq!(batch.map(|batch| batch.len()).unwrap_or_default(), 1);
}
