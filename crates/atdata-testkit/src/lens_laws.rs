//! Whether a lens obeys the laws that it promises.
//!
//! | Law | Says | In words |
//! |---|---|---|
//! | PutGet | `get(put(v, s)) == v` | what is put is what is got |
//! | GetPut | `put(get(s), s) == s` | putting back what was got changes nothing |
//! | PutPut | `put(w, put(v, s)) == put(w, s)` | of two puts only the second counts |
//!
//! [`Laws`] says which of them a lens promises: a getter everything but PutGet, since what is put is lost.
//!
//! ```
//! use atdata_core::Lens;
//! use atdata_testkit::lens_laws::{Law, assert_lawful, check};
//! use proptest::prelude::*;
//!
//! let first = Lens::new(|pair: &(u8, u8)| pair.0, |first: &u8, pair: &(u8, u8)| (*first, pair.1));
//! assert_lawful(&first, any::<(u8, u8)>(), any::<u8>());
//!
//! let forgetful = Lens::new(|pair: &(u8, u8)| pair.0, |first: &u8, _: &(u8, u8)| (*first, 0));
//! let broken = check(&forgetful, any::<(u8, u8)>(), any::<u8>()).unwrap_err();
//! assert_eq!(broken.law(), Law::GetPut);
//! assert!(broken.to_string().contains("source:   (0, 1)"), "{broken}");
//! ```

use std::cell::Cell;
use std::fmt::{self, Debug};

use atdata_core::lens::{Laws, Lens};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

/// How many values each law is tried with.
const CASES: u32 = 256;

/// A law of lenses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Law {
    /// The lens looks at what it is made for, at least once: not all values are refused, and looking twice is the same.
    Get,
    /// What is put is what is got.
    PutGet,
    /// Putting back what was got changes nothing.
    GetPut,
    /// Of two puts only the second counts.
    PutPut,
}

impl Law {
    /// What it says.
    fn words(self) -> &'static str {
        match self {
            Law::Get => "get(s) is always the same, and is not refused for all s",
            Law::PutGet => "get(put(v, s)) == v: what is put is what is got",
            Law::GetPut => "put(get(s), s) == s: putting back what was got changes nothing",
            Law::PutPut => "put(w, put(v, s)) == put(w, s): of two puts only the second counts",
        }
    }
}

/// A law that a lens breaks, and the smallest values found with which it does.
///
/// ```
/// use atdata_core::Lens;
/// use atdata_testkit::lens_laws::check;
/// use proptest::prelude::any;
///
/// let liar = Lens::new(|n: &u8| *n, |_: &u8, n: &u8| *n);
/// println!("{}", check(&liar, any::<u8>(), any::<u8>()).unwrap_err());
/// ```
#[derive(Clone, Debug)]
pub struct BrokenLaw {
    law: Law,
    /// What happened, with the values.
    what: String,
}

impl BrokenLaw {
    /// The law.
    pub fn law(&self) -> Law {
        self.law
    }
}

impl fmt::Display for BrokenLaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the lens breaks {:?}, {}\n{}", self.law, self.law.words(), self.what)
    }
}

/// Tries the laws that a lens promises on values of two strategies.
///
/// A lens may refuse values: nothing is said of sources that `get` refuses, and of views that `put` refuses. But what was
/// got can be put back, what was put can be got, and a second put is not refused for what the first one did. Of each kind at
/// least one in ten values must be taken.
///
/// # Errors
/// The first law that is broken, with the smallest values that were found.
pub fn check<S, V>(
    lens: &Lens<S, V>,
    sources: impl Strategy<Value = S>,
    views: impl Strategy<Value = V>,
) -> Result<(), BrokenLaw>
where
    S: PartialEq + Debug + 'static,
    V: PartialEq + Debug + 'static,
{
    check_cases(lens, sources, views, CASES)
}

/// [`check`] with another number of values for each law: where lenses are made up by the thousand.
///
/// # Errors
/// As [`check`].
pub fn check_cases<S, V>(
    lens: &Lens<S, V>,
    sources: impl Strategy<Value = S>,
    views: impl Strategy<Value = V>,
    cases: u32,
) -> Result<(), BrokenLaw>
where
    S: PartialEq + Debug + 'static,
    V: PartialEq + Debug + 'static,
{
    let all = (sources, views);
    let (sources, views) = (&all.0, &all.1);
    run(cases, Law::Get, sources, |source| {
        let Ok(got) = lens.get(source) else { return Case::Refused };
        match lens.get(source) {
            Ok(again) if again == got => Case::Holds,
            again => Case::broken(&[("source", source), ("got", &got), ("and then", &again)]),
        }
    })?;
    run(cases, Law::GetPut, sources, |source| {
        let Ok(got) = lens.get(source) else { return Case::Refused };
        match lens.put(&got, source) {
            Ok(put) if put == *source => Case::Holds,
            put => Case::broken(&[("source", source), ("got", &got), ("put back", &shown(put))]),
        }
    })?;
    if lens.laws().is_lawful() {
        run(cases, Law::PutGet, (sources, views), |(source, view)| {
            let Ok(put) = lens.put(view, source) else { return Case::Refused };
            match lens.get(&put) {
                Ok(got) if got == *view => Case::Holds,
                got => {
                    Case::broken(&[("source", source), ("view", view), ("put", &put), ("got", &shown(got))])
                }
            }
        })?;
    }
    if lens.laws() == Laws::WellBehaved {
        return Ok(());
    }
    run(cases, Law::PutPut, (sources, views, views), |(source, first, second)| {
        let (Ok(once), Ok(put)) = (lens.put(second, source), lens.put(first, source)) else {
            return Case::Refused;
        };
        match lens.put(second, &put) {
            Ok(twice) if twice == once => Case::Holds,
            twice => Case::broken(&[
                ("source", source),
                ("view", first),
                ("put", &put),
                ("2nd view", second),
                ("put then", &shown(twice)),
                ("put alone", &once),
            ]),
        }
    })
}

/// Panics with the broken law and the values if a lens does not obey the laws that it promises: see [`check`].
///
/// # Panics
/// It does not.
#[track_caller]
pub fn assert_lawful<S, V>(
    lens: &Lens<S, V>,
    sources: impl Strategy<Value = S>,
    views: impl Strategy<Value = V>,
) where
    S: PartialEq + Debug + 'static,
    V: PartialEq + Debug + 'static,
{
    if let Err(broken) = check(lens, sources, views) {
        panic!("{lens:?}: {broken}");
    }
}

/// What came of one case.
enum Case {
    Holds,
    Refused,
    Broken(String),
}

impl Case {
    fn broken(values: &[(&str, &dyn Debug)]) -> Self {
        let lines = values.iter().map(|(name, value)| {
            let name = format!("{name}:");
            format!("  {name:<10}{value:?}")
        });
        Case::Broken(lines.collect::<Vec<_>>().join("\n"))
    }
}

/// A result as it is read best.
fn shown<T: Debug>(result: atdata_core::Result<T>) -> impl Debug {
    struct Shown<T>(atdata_core::Result<T>);
    impl<T: Debug> Debug for Shown<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match &self.0 {
                Ok(value) => value.fmt(f),
                Err(error) => write!(f, "refused, {error}"),
            }
        }
    }
    Shown(result)
}

fn run<T: Strategy>(
    cases: u32,
    law: Law,
    values: T,
    case: impl Fn(&T::Value) -> Case,
) -> Result<(), BrokenLaw> {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    // The same values in every run: a law that is broken is broken tomorrow, too.
    let rng = proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let held = Cell::new(0u32);
    let done = runner.run(&values, |value| match case(&value) {
        Case::Holds => {
            held.set(held.get() + 1);
            Ok(())
        }
        Case::Refused => Ok(()),
        Case::Broken(what) => Err(TestCaseError::fail(what)),
    });
    let broken = |law, what| Err(BrokenLaw { law, what });
    match done {
        Ok(()) if held.get() * 10 >= cases => Ok(()),
        Ok(()) => broken(law, format!("  not tried: of {cases} cases all but {} were refused", held.get())),
        Err(TestError::Fail(what, _)) => broken(law, what.message().to_owned()),
        Err(TestError::Abort(why)) => broken(law, format!("  not tried: {}", why.message())),
    }
}
