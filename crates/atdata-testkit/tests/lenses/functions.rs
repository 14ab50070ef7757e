//! Lenses of functions, by structure, and compositions.

use atdata_core::lens::Laws;
use atdata_core::schema::{Field, FieldType, Primitive};
use atdata_core::{DictSample, Error, ErrorKind, Lens, NdArray, Value};
use atdata_derive::Packable;
use atdata_testkit::lens_laws::assert_lawful;
use proptest::prelude::*;

use super::schema;

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

fn any_address() -> impl Strategy<Value = Address> {
    person().prop_map(|person| person.address)
}

/// Samples with these fields.
fn numbers<const N: usize>(names: [&'static str; N]) -> impl Strategy<Value = DictSample> {
    any::<[i64; 3]>().prop_map(move |values| names.into_iter().zip(values).collect())
}

#[test]
fn the_identity_is_a_lens() {
    assert_lawful(&Lens::identity(), person(), person());
}

#[test]
fn a_composition_of_lenses_is_a_lens() {
    assert_lawful(&address(), person(), any_address());
    assert_lawful(&address().then(&zip()), person(), any::<u32>());
    assert_lawful(
        &Lens::identity().then(&address()).then(&Lens::identity()).then(&zip()),
        person(),
        any::<u32>(),
    );
    let digits = Lens::getter(|zip: &u32| zip.to_string());
    let composed = address().then(&zip()).then(&digits);
    assert_eq!(composed.laws(), Laws::GetOnly);
    assert_lawful(&composed, person(), any::<String>());
}

#[test]
fn the_structural_lens_is_a_lens_for_views_of_the_same_fields() {
    assert_lawful(
        &Lens::<DictSample, DictSample>::structural(),
        numbers(["x", "y", "z"]),
        numbers(["x", "y", "z"]),
    );
}

#[derive(Clone, Debug, PartialEq, Packable)]
struct Wide {
    a: i64,
    b: String,
}

#[derive(Clone, Debug, PartialEq, Packable)]
struct Narrow {
    b: String,
}

#[derive(Clone, Debug, PartialEq, Packable)]
struct Wider {
    b: String,
    c: Option<i64>,
}

#[test]
fn the_structural_lens_promises_what_the_types_allow() {
    let wide = || (any::<i64>(), ".{0,9}").prop_map(|(a, b)| Wide { a, b });
    let narrow = Lens::<Wide, Narrow>::structural();
    assert_eq!(narrow.laws(), Laws::VeryWellBehaved);
    assert_lawful(&narrow, wide(), ".{0,9}".prop_map(|b| Narrow { b }));
    let wider = Lens::<Wide, Wider>::structural();
    assert_eq!(wider.laws(), Laws::GetOnly);
    assert_lawful(&wider, wide(), (".{0,9}", any::<Option<i64>>()).prop_map(|(b, c)| Wider { b, c }));
}

proptest! {
    #[test]
    fn composition_does_not_depend_on_grouping(s in person(), v: u32) {
        let identity = Lens::<u32, u32>::identity();
        let left = address().then(&zip()).then(&identity);
        let right = address().then(&zip().then(&identity));
        prop_assert_eq!(left.get(&s).unwrap(), right.get(&s).unwrap());
        prop_assert_eq!(left.put(&v, &s).unwrap(), right.put(&v, &s).unwrap());
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

#[test]
fn the_lens_between_two_schemas_is_a_lens() {
    let fields =
        |names: &[&str]| names.iter().map(|name| Field::new(*name, Primitive::Int)).collect::<Vec<_>>();
    let source = schema("S", fields(&["x", "y", "z"]));
    let lens = Lens::between(&source, &schema("V", fields(&["z", "x"]))).unwrap();
    assert_lawful(&lens, numbers(["x", "y", "z"]), numbers(["z", "x"]));
    // What the source does not have cannot be put into it, and is not lost silently.
    let mut wider = fields(&["z"]);
    wider.push(Field::new("more", Primitive::Int).with_default(7i64));
    let lens = Lens::between(&source, &schema("V", wider)).unwrap();
    let views = (any::<i64>(), prop_oneof![Just(7i64), any::<i64>()])
        .prop_map(|(z, more)| DictSample::from_iter([("z", z), ("more", more)]));
    assert_lawful(&lens, numbers(["x", "y", "z"]), views);
    let sample = DictSample::from_iter([("x", 1i64), ("y", 2), ("z", 3)]);
    let error = lens.put(&DictSample::from_iter([("z", 3i64), ("more", 8)]), &sample).unwrap_err();
    assert_eq!((error.kind(), error.context_value("field")), (ErrorKind::Invalid, Some("more")));
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
