//! What is refused, and with which words.

/// `TRYBUILD=overwrite cargo test -p atdata-derive --test ui` writes the expected texts anew.
#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
