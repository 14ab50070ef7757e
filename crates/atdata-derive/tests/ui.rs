//! What compiles, under strict lints, and what is refused with which words.

#[test]
fn strict_lints_pass() {
    trybuild::TestCases::new().pass("tests/ui/pass/*.rs");
}

/// `TRYBUILD=overwrite cargo test -p atdata-derive --test ui` writes the expected texts anew.
#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/fail/*.rs");
}
