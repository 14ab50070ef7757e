//! The laws of lenses, for those that the library makes and for compositions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt::Debug;

use atdata_core::{DictSample, Error, ErrorKind, Lens, Value};
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
