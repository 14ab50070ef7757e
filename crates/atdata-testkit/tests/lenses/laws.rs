//! The tester finds every kind of lens that breaks a law, and says which.

use atdata_core::Error;
use atdata_core::lens::{Laws, Lens};
use atdata_testkit::lens_laws::{BrokenLaw, Law, assert_lawful, check};
use proptest::prelude::*;

type Pair = (i32, i32);

fn tried(lens: &Lens<Pair, i32>) -> Result<(), BrokenLaw> {
    check(lens, any::<Pair>(), any::<i32>())
}

fn broken(lens: &Lens<Pair, i32>) -> BrokenLaw {
    tried(lens).unwrap_err()
}

#[test]
fn a_lens_that_obeys_all_laws_passes() {
    let first = Lens::new(|pair: &Pair| pair.0, |first, pair| (*first, pair.1));
    tried(&first).unwrap();
    assert_lawful(&first, any::<Pair>(), any::<i32>());
}

#[test]
fn a_put_that_is_not_got_breaks_put_get() {
    let stubborn = Lens::new(|pair: &Pair| pair.0, |_: &i32, pair: &Pair| *pair);
    let broken = broken(&stubborn);
    assert_eq!(broken.law(), Law::PutGet);
    // The smallest values, and what happened to them.
    let text = broken.to_string();
    assert!(
        text.starts_with("the lens breaks PutGet, get(put(v, s)) == v: what is put is what is got\n"),
        "{text}"
    );
    assert!(text.contains("  source:   (0, 0)\n") && text.contains("  got:      0"), "{text}");
}

#[test]
fn a_put_that_changes_what_it_was_not_asked_to_breaks_get_put() {
    let counting = Lens::new(|pair: &Pair| pair.0, |first, pair| (*first, pair.1.wrapping_add(1)));
    let broken = broken(&counting);
    assert_eq!(broken.law(), Law::GetPut);
    assert!(broken.to_string().contains("  put back: (0, 1)"), "{broken}");
}

#[test]
fn a_put_that_remembers_the_one_before_breaks_put_put() {
    // It counts how often the first was changed.
    let logging = Lens::new(
        |pair: &Pair| pair.0,
        |first, pair| (*first, if *first == pair.0 { pair.1 } else { pair.1.wrapping_add(1) }),
    );
    let broken = broken(&logging);
    assert_eq!(broken.law(), Law::PutPut);
    assert!(broken.to_string().contains("2nd view"), "{broken}");
    // It does not promise that one.
    tried(&logging.with_laws(Laws::WellBehaved)).unwrap();
}

#[test]
fn a_getter_is_not_asked_for_what_it_does_not_promise() {
    let sum = Lens::getter(|pair: &Pair| pair.0.wrapping_add(pair.1));
    tried(&sum).unwrap();
    // But its put may change nothing.
    let meddling =
        Lens::new(|pair: &Pair| pair.0, |_: &i32, pair: &Pair| (pair.0, 7)).with_laws(Laws::GetOnly);
    assert_eq!(broken(&meddling).law(), Law::GetPut);
}

#[test]
fn a_lens_that_is_another_one_every_time_is_found() {
    let calls = std::sync::atomic::AtomicI32::new(0);
    let counter = Lens::getter(move |_: &Pair| calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    assert_eq!(broken(&counter).law(), Law::Get);
}

#[test]
fn a_refusal_is_no_breach_unless_the_lens_refuses_what_it_has_made_itself() {
    let even = |n: i32| if n % 2 == 0 { Ok(n) } else { Err(Error::invalid("odd")) };
    let picky = Lens::fallible(
        move |pair: &Pair| even(pair.0),
        move |first, pair: &Pair| Ok((even(*first)?, pair.1)),
    );
    tried(&picky).unwrap();
    let one_way = Lens::fallible(
        move |pair: &Pair| Ok(pair.0),
        move |first: &i32, pair: &Pair| Ok((even(*first)?, pair.1)),
    );
    let broken_law = broken(&one_way);
    assert_eq!(broken_law.law(), Law::GetPut);
    assert!(broken_law.to_string().contains("put back: refused, invalid: odd"), "{broken_law}");
    let no_return =
        Lens::fallible(move |pair: &Pair| even(pair.0), |first: &i32, pair: &Pair| Ok((*first, pair.1)));
    assert_eq!(broken(&no_return).law(), Law::PutGet);
}

#[test]
fn a_lens_that_refuses_everything_was_not_tried() {
    let closed = Lens::fallible(
        |_: &Pair| Err(Error::invalid("closed")),
        |_: &i32, _: &Pair| Err(Error::invalid("closed")),
    );
    let broken = broken(&closed);
    assert_eq!(broken.law(), Law::Get);
    assert!(broken.to_string().contains("not tried"), "{broken}");
}
