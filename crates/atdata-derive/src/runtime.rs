//! Where the generated code finds the traits.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::Span;
use quote::format_ident;
use syn::{Error, Path, Result, parse_quote};

/// The path of `atdata` or `atdata-core`, as the crate that is compiled calls it.
///
/// Inside those crates themselves their own name is used, which examples and integration tests understand; the library
/// would need `extern crate self as …`.
pub(crate) fn path() -> Result<Path> {
    let named = |name: &str| {
        let name = format_ident!("{name}");
        parse_quote!(::#name)
    };
    for (package, own_name) in [("atdata", "atdata"), ("atdata-core", "atdata_core")] {
        match crate_name(package) {
            Ok(FoundCrate::Itself) => return Ok(named(own_name)),
            Ok(FoundCrate::Name(name)) => return Ok(named(&name)),
            Err(_) => {}
        }
    }
    let message = "`#[derive(Packable)]` needs `atdata` (or `atdata-core`) among the dependencies in Cargo.toml; \
                   `#[packable(crate = \"…\")]` names another path to it";
    Err(Error::new(Span::call_site(), message))
}
