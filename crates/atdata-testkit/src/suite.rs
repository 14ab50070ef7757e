//! How the cases of a suite become tests.

use std::io::Write;

use atdata_core::{Error, ErrorKind, Result};

/// Runs a future to its end on a runtime with two threads, so that what a case starts at once does run at once.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

/// Says that a case did not run, and why. It goes to standard error past the test runner, which hides the output of
/// tests that pass.
pub fn skip(case: &str, reason: &str) {
    // Nobody is left to be told if standard error is closed.
    let _ = writeln!(std::io::stderr(), "SKIPPED {case}: {reason}");
}

/// The error of something that has to fail, which must be of a kind and name what it failed on.
#[track_caller]
pub(crate) fn refused<T>(result: Result<T>, kind: ErrorKind, about: &str) -> Error {
    let error = match result {
        Ok(_) => panic!("this had to fail with '{kind}', naming {about:?}"),
        Err(error) => error,
    };
    assert_eq!(error.kind(), kind, "{error}");
    let text = error.to_string();
    let escaped = about.escape_debug().to_string();
    assert!(text.contains(about) || text.contains(&escaped), "the error does not name {about:?}: {text}");
    error
}

/// A suite's cases: every function is called by the name that its test has.
#[doc(hidden)]
#[macro_export]
macro_rules! __suite {
    // The table that runs a case by its name.
    (@table $harness:ty; $($module:ident: $($case:ident)*;)*) => {
        type Case = for<'a> fn(&'a $harness) -> futures::future::BoxFuture<'a, ()>;

        /// All cases, by name.
        static CASES: &[(&str, Case)] = &[$($((stringify!($case), |h| Box::pin($module::$case(h)))),*),*];

        /// Runs the case of a name; none if the harness is not there.
        #[doc(hidden)]
        pub async fn run(case: &str, harness: Option<&$harness>) {
            let Some(harness) = harness else {
                return $crate::suite::skip(case, "what it needs is not configured");
            };
            let (_, body) = CASES.iter().find(|(name, _)| *name == case).expect("a listed case");
            body(harness).await;
        }
    };
    // One test for each case.
    (@tests $suite:ident, $make:expr; $($module:ident: $($case:ident)*;)*) => {$($(
        #[test]
        fn $case() {
            $crate::suite::block_on(async {
                let harness = ($make)().await;
                $crate::$suite::run(stringify!($case), harness.as_ref().map(|harness| harness as _)).await;
            });
        }
    )*)*};
}
