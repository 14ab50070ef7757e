//! Generated code is clean where nearly everything is denied.
#![deny(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unsafe_code,
    unused,
    unused_qualifications,
    single_use_lifetimes,
    variant_size_differences,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

/// Public samples.
pub mod public {
    use atdata_core::{
        Collate, FieldReader, FieldValue, NdArray, Packable, Result, ResultExt, TypedArray, Value,
        msgpack::{Packer, Unpacker},
        schema::{Field, FieldType, SampleSchema, Version},
    };
    use atdata_derive::Packable;

    /// All attributes.
    #[derive(Packable, Debug)]
    #[packable(name = "Digit", version = "2.0.0", description = "A digit.")]
    pub struct Digit {
        /// Pixels.
        #[packable(dtype = "uint8", shape = "28, 28", dims = "y, x")]
        pub image: NdArray,
        /// Typed.
        #[packable(shape = "_")]
        pub typed: TypedArray<f32>,
        /// The digit.
        #[packable(rename = "class_", default = 3)]
        pub label: i64,
        /// Who wrote it.
        #[packable(default)]
        pub writer: Option<String>,
        /// A file.
        #[packable(kind = "safetensors")]
        pub file: Vec<u8>,
        /// Anything.
        pub r#type: Value,
        pub(crate) hidden: bool,
        private: bool,
    }

    impl Digit {
        /// Both flags.
        #[must_use]
        pub const fn both(&self) -> bool {
            self.hidden && self.private
        }
    }

    /// Imported names are in use, so that absolute paths could count as superfluous.
    ///
    /// # Errors
    /// The payload is no map.
    pub fn imported<T: Packable + Collate + FieldValue>(
        _: &mut Packer<'_>,
        unpacker: &mut Unpacker<'_>,
    ) -> Result<(SampleSchema, Version)> {
        let _ = Field::new("a", FieldType::Any);
        FieldReader::new("a", unpacker).context("a", 1)?.unknown("a")?;
        Ok((T::schema(), Version::FIRST))
    }

    /// With a parameter.
    #[derive(Packable, Debug)]
    pub struct Pair<T> {
        /// One.
        pub first: T,
    }
}

mod private {
    use atdata_derive::Packable;

    #[derive(Packable, Debug)]
    pub(super) struct Point {
        pub(super) x: i64,
    }

    #[derive(Packable, Debug)]
    pub(crate) struct Line {
        pub(crate) start: Point,
    }

    #[derive(Packable, Debug)]
    struct Inner {
        x: i64,
    }

    #[derive(Packable, Debug)]
    pub(super) struct Empty {}

    pub(super) fn unpack(payload: &bytes::Bytes) -> atdata_core::Result<i64> {
        use atdata_core::Sample;
        Ok(Inner::unpack(payload, &atdata_core::msgpack::UnpackOptions::default())?.x)
    }
}

#[test]
fn strictly_linted_samples_work() -> atdata_core::Result<()> {
    use atdata_core::Sample;
    let line = private::Line { start: private::Point { x: 1 } };
    assert_eq!(line.start.x, private::unpack(&line.start.pack()?)?);
    private::Empty {}.pack()?;
    Ok(())
}
