#![doc = include_str!("../README.md")]

mod array_hint;
mod errors;
mod expand;
mod names;
mod options;
mod runtime;
mod sample;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct with named fields a sample type.
///
/// Implements `Packable` (with it `Sample`), `FieldValue` and `Collate`, and declares the batch: `DigitBatch` for
/// `Digit`, with one column a field. Every field's type must implement `FieldValue`. The attributes are explained
/// in the [crate's documentation](crate).
///
/// ```
/// use atdata_core::{Packable, Sample};
/// use atdata_derive::Packable;
///
/// #[derive(Packable)]
/// struct Point {
///     x: i64,
/// }
///
/// assert_eq!(Point { x: 3 }.pack()?, b"\x81\xa1x\x03"[..]);
/// assert_eq!(Point::schema().name, "Point");
/// # Ok::<(), atdata_core::Error>(())
/// ```
///
/// A type that contains itself, even by way of another one, does not compile:
///
/// ```compile_fail,E0391
/// # use atdata_derive::Packable;
/// #[derive(Packable)]
/// struct Folder {
///     files: Vec<File>,
/// }
///
/// #[derive(Packable)]
/// struct File {
///     links: Vec<Folder>,
/// }
/// ```
#[proc_macro_derive(Packable, attributes(packable))]
pub fn derive_packable(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    sample::Sample::new(input)
        .map_or_else(syn::Error::into_compile_error, |sample| expand::sample(&sample))
        .into()
}
