//! Writes the code. Names that could meet the user's are hygienic (`Span::mixed_site`), paths are absolute.

mod batch;
mod schema;

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Ident, LitStr, Type};

use crate::sample::{Field, Sample};

/// Everything that the derive adds for a struct.
pub(crate) fn sample(sample: &Sample) -> TokenStream {
    let packable = packable(sample);
    let field_value = field_value(sample);
    let batch = batch::expand(sample);
    quote!(#packable #field_value #batch)
}

/// A local variable that the user's expressions cannot see.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// The local variables of the fields, numbered.
fn locals(sample: &Sample, prefix: &str) -> Vec<Ident> {
    (0..sample.fields.len()).map(|i| format_ident!("{prefix}_{i}", span = Span::mixed_site())).collect()
}

fn name(field: &Field) -> LitStr {
    LitStr::new(&field.name, field.ident.span())
}

fn packable(sample: &Sample) -> TokenStream {
    let Sample { runtime, ident, .. } = sample;
    let (impl_generics, type_generics, where_clause) = sample.generics.split_for_impl();
    let schema = schema::body(sample);
    let pack = pack(sample);
    let unpack = unpack(sample);
    let (packer, unpacker) = (local("packer"), local("unpacker"));
    quote! {
        #[automatically_derived]
        impl #impl_generics #runtime::Packable for #ident #type_generics #where_clause {
            fn schema() -> #runtime::schema::SampleSchema {
                #schema
            }

            fn pack_fields(&self, #packer: &mut #runtime::msgpack::Packer<'_>) -> #runtime::Result<()> {
                #pack
            }

            fn unpack_fields(#unpacker: &mut #runtime::msgpack::Unpacker<'_>) -> #runtime::Result<Self> {
                #unpack
            }
        }
    }
}

fn pack(sample: &Sample) -> TokenStream {
    let runtime = &sample.runtime;
    let packer = local("packer");
    let count = sample.fields.len();
    let fields = sample.fields.iter().map(|field| {
        let Field { ident, ty, .. } = field;
        let name = name(field);
        quote! {
            #packer.str(#name)?;
            #runtime::ResultExt::context(
                <#ty as #runtime::FieldValue>::pack_value(&self.#ident, #packer),
                "field",
                #name,
            )?;
        }
    });
    quote! {
        #packer.map(#count)?;
        #(#fields)*
        ::core::result::Result::Ok(())
    }
}

fn unpack(sample: &Sample) -> TokenStream {
    let Sample { runtime, name: owner, .. } = sample;
    let [unpacker, reader, found, other] = ["unpacker", "reader", "found", "other"].map(local);
    let locals = locals(sample, "field");
    let types: Vec<&Type> = sample.fields.iter().map(|field| &field.ty).collect();
    let names: Vec<LitStr> = sample.fields.iter().map(name).collect();
    let values = sample.fields.iter().zip(&locals).zip(&names).map(|((field, local), name)| {
        let Field { ident, ty, .. } = field;
        match &field.default {
            Some(default) => quote!(#ident: #reader.defaulted(#local, || #default)),
            None => quote!(#ident: #reader.required::<#ty>(#name, #local)?),
        }
    });
    quote! {
        #(let mut #locals: ::core::option::Option<#types> = ::core::option::Option::None;)*
        let mut #reader = #runtime::FieldReader::new(#owner, #unpacker)?;
        #(if #reader.next_is(#names) {
            #locals = ::core::option::Option::Some(#reader.read::<#types>(#names)?);
        })*
        while let ::core::option::Option::Some(#found) = #reader.next_name()? {
            match #found {
                #(#names => #locals = ::core::option::Option::Some(#reader.read::<#types>(#names)?),)*
                #other => #reader.unknown(#other)?,
            }
        }
        ::core::result::Result::Ok(Self { #(#values,)* })
    }
}

/// The struct as a field of another one.
fn field_value(sample: &Sample) -> TokenStream {
    let Sample { runtime, ident, .. } = sample;
    let (impl_generics, type_generics, where_clause) = sample.generics.split_for_impl();
    let types: Vec<&Type> = sample.fields.iter().map(|field| &field.ty).collect();
    quote! {
        #[automatically_derived]
        impl #impl_generics #runtime::FieldValue for #ident #type_generics #where_clause {
            type Column = ::std::vec::Vec<Self>;

            const DEPTH: usize = {
                let mut deepest = 0;
                #(if <#types as #runtime::FieldValue>::DEPTH > deepest {
                    deepest = <#types as #runtime::FieldValue>::DEPTH;
                })*
                deepest + 1
            };

            fn field_type() -> #runtime::schema::FieldType {
                #runtime::schema::FieldType::Object(<Self as #runtime::Packable>::schema().fields)
            }

            fn pack_value(&self, packer: &mut #runtime::msgpack::Packer<'_>) -> #runtime::Result<()> {
                <Self as #runtime::Packable>::pack_fields(self, packer)
            }

            fn unpack_value(unpacker: &mut #runtime::msgpack::Unpacker<'_>) -> #runtime::Result<Self> {
                <Self as #runtime::Packable>::unpack_fields(unpacker)
            }

            fn stack(
                values: ::std::vec::Vec<Self>,
                _: &#runtime::array::BatchMemory,
            ) -> #runtime::Result<Self::Column> {
                ::core::result::Result::Ok(values)
            }
        }
    }
}
