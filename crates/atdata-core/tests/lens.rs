//! The laws of lenses, for those that the library makes and for compositions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt::Debug;

use atdata_core::schema::{Field, FieldType, Primitive, SampleSchema};
use atdata_core::{DictSample, Error, ErrorKind, Lens, NdArray, Value};
use proptest::prelude::*;

#[derive(Clone, Debug, PartialEq)]
struct Person {
    name: String,
    address: Address,
}

#[derive(Clone, Debug, PartialEq)]
struct Address {
    city: String,
    zip: u32,
}

fn person() -> impl Strategy<Value = Person> {
    (".{0,9}", ".{0,9}", any::<u32>())
        .prop_map(|(name, city, zip)| Person { name, address: Address { city, zip } })
}

fn address() -> Lens<Person, Address> {
    Lens::new(
        |person: &Person| person.address.clone(),
        |address: &Address, person: &Person| Person { address: address.clone(), ..person.clone() },
    )
}

fn zip() -> Lens<Address, u32> {
    Lens::new(
        |address: &Address| address.zip,
        |zip: &u32, address: &Address| Address { zip: *zip, ..address.clone() },
    )
}

/// The three laws, for one source and two views of it.
fn assert_laws<S: PartialEq + Debug + 'static, V: PartialEq + Debug + 'static>(
    lens: &Lens<S, V>,
    s: &S,
    a: &V,
    b: &V,
) {
    assert_eq!(&lens.get(&lens.put(a, s).unwrap()).unwrap(), a, "what is put is what is got");
    assert_eq!(&lens.put(&lens.get(s).unwrap(), s).unwrap(), s, "putting back what was got changes nothing");
    assert_eq!(
        lens.put(b, &lens.put(a, s).unwrap()).unwrap(),
        lens.put(b, s).unwrap(),
        "only the second put counts"
    );
}

proptest! {
    #[test]
    fn the_identity_is_a_lens(s in person(), a in person(), b in person()) {
        assert_laws(&Lens::identity(), &s, &a, &b);
    }

    #[test]
    fn a_composition_of_lenses_is_a_lens(s in person(), a: u32, b: u32) {
        assert_laws(&address().then(&zip()), &s, &a, &b);
        assert_laws(&Lens::identity().then(&address()).then(&Lens::identity()).then(&zip()), &s, &a, &b);
    }

    #[test]
    fn composition_does_not_depend_on_grouping(s in person(), v: u32) {
        let identity = Lens::<u32, u32>::identity();
        let left = address().then(&zip()).then(&identity);
        let right = address().then(&zip().then(&identity));
        prop_assert_eq!(left.get(&s).unwrap(), right.get(&s).unwrap());
        prop_assert_eq!(left.put(&v, &s).unwrap(), right.put(&v, &s).unwrap());
    }

    #[test]
    fn the_structural_lens_is_a_lens_for_views_of_the_same_fields(s: [i64; 3], a: [i64; 3], b: [i64; 3]) {
        let sample = |v: [i64; 3]| ["x", "y", "z"].into_iter().zip(v).collect::<DictSample>();
        assert_laws(&Lens::structural(), &sample(s), &sample(a), &sample(b));
    }
}

#[test]
fn a_getter_leaves_the_source_as_it_is() {
    let length = Lens::getter(|name: &String| name.len());
    assert_eq!(length.get(&"Ada".to_owned()).unwrap(), 3);
    assert_eq!(length.put(&99, &"Ada".to_owned()).unwrap(), "Ada");
}

#[test]
fn the_structural_lens_keeps_what_the_view_does_not_have() {
    let lens = Lens::<DictSample, DictSample>::structural();
    let source = DictSample::from_iter([("a", Value::from(1i64)), ("raw", Value::Bytes(vec![1, 2].into()))]);
    let changed = lens.put(&DictSample::from_iter([("a", 2i64), ("new", 3)]), &source).unwrap();
    assert_eq!(
        changed,
        DictSample::from_iter([("a", Value::from(2i64)), ("raw", Value::Bytes(vec![1, 2].into()))])
    );
}

fn schema(name: &str, fields: impl IntoIterator<Item = Field>) -> SampleSchema {
    fields.into_iter().fold(SampleSchema::new(name), SampleSchema::field)
}

proptest! {
    #[test]
    fn the_lens_between_two_schemas_is_a_lens(s: [i64; 3], a: [i64; 2], b: [i64; 2]) {
        let fields = |names: &[&str]| names.iter().map(|name| Field::new(*name, Primitive::Int)).collect::<Vec<_>>();
        let lens = Lens::between(&schema("S", fields(&["x", "y", "z"])), &schema("V", fields(&["z", "x"]))).unwrap();
        let source: DictSample = ["x", "y", "z"].into_iter().zip(s).collect();
        let view = |v: [i64; 2]| ["z", "x"].into_iter().zip(v).collect::<DictSample>();
        assert_laws(&lens, &source, &view(a), &view(b));
    }
}

#[test]
fn the_lens_between_two_schemas_fills_in_what_the_source_lacks_and_keeps_arrays() {
    let array = NdArray::from_vec(&[2], vec![1.0f32, 2.0]).unwrap();
    let image = || Field::new("image", FieldType::ndarray("float32"));
    let source = schema("S", [image(), Field::new("n", Primitive::Int)]);
    let default = Field { default: Some(Value::from(7i64)), ..Field::new("size", Primitive::Int) };
    let note = Field { optional: true, ..Field::new("note", Primitive::Str) };
    let lens = Lens::between(&source, &schema("V", [note, image(), default])).unwrap();
    let sample = DictSample::from_iter([("image", Value::Array(array.clone())), ("n", Value::from(1i64))]);
    let seen = lens.get(&sample).unwrap();
    let expected = [("note", Value::Nil), ("image", Value::Array(array)), ("size", Value::from(7i64))];
    assert_eq!(seen, DictSample::from_iter(expected));
    assert_eq!(lens.put(&seen, &sample).unwrap(), sample);
    let wrong = DictSample::from_iter([("image", Value::from(3i64))]);
    assert_eq!(lens.put(&wrong, &sample).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn no_lens_leads_to_a_schema_that_the_data_do_not_have() {
    let text = schema("S", [Field::new("n", Primitive::Str)]);
    let number = schema("V", [Field::new("n", Primitive::Int)]);
    let error = Lens::between(&text, &number).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains('n'), "{error}");
}

#[test]
fn the_error_of_either_function_comes_out() {
    let picky = Lens::<i64, i64>::fallible(
        |n| if *n < 0 { Err(Error::invalid("negative")) } else { Ok(*n) },
        |v, _| if *v < 0 { Err(Error::unsupported("negative")) } else { Ok(*v) },
    );
    let composed = Lens::identity().then(&picky).then(&Lens::identity());
    assert_eq!(composed.get(&-1).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(composed.put(&-1, &1).unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(composed.put(&5, &1).unwrap(), 5);
}
