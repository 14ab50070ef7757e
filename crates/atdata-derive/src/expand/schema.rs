//! The body of `Packable::schema`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Path, Type};

use super::{local, name};
use crate::array_hint::{ArrayHint, BytesKind, Hint};
use crate::sample::{Field, Sample};

pub(super) fn body(sample: &Sample) -> TokenStream {
    let Sample { runtime, name, version: [major, minor, patch], .. } = sample;
    let schema = local("schema");
    let description = description(&schema, sample.description.as_deref());
    let fields = sample.fields.iter().map(|field| field_schema(sample, field));
    let checks =
        sample.fields.iter().filter_map(|field| rank_check(sample, field)).chain([depth_check(sample)]);
    quote! {
        #(#checks)*
        let mut #schema = #runtime::schema::SampleSchema::new(#name);
        #schema.version = #runtime::schema::Version::new(#major, #minor, #patch).into();
        #description
        #schema.fields = ::std::vec![#(#fields),*];
        #schema
    }
}

fn description(target: &syn::Ident, text: Option<&str>) -> Option<TokenStream> {
    let text = text?;
    Some(quote!(#target.description = ::core::option::Option::Some(::std::string::String::from(#text));))
}

fn field_schema(sample: &Sample, field: &Field) -> TokenStream {
    let runtime = &sample.runtime;
    let ty = &field.ty;
    let (schema, value) = (local("field"), local("value"));
    let name = name(field);
    let field_type = field_type(runtime, field);
    let description = description(&schema, field.description.as_deref());
    let default = field.default.as_ref().map(|default| {
        quote! {
            let #value: #ty = #default;
            #schema.default = <#ty as #runtime::FieldValue>::schema_default(&#value);
        }
    });
    quote! {{
        let mut #schema = #runtime::schema::Field::new(#name, #field_type);
        #schema.optional = <#ty as #runtime::FieldValue>::OPTIONAL;
        #description
        #default
        #schema
    }}
}

fn field_type(runtime: &Path, field: &Field) -> TokenStream {
    let ty = &field.ty;
    match &field.hint {
        None => quote!(<#ty as #runtime::FieldValue>::field_type()),
        Some(Hint::Array(hint)) => array_type(runtime, ty, hint),
        Some(Hint::Bytes(kind, span)) => {
            let field_type = match kind {
                BytesKind::Bytes => quote!(Primitive(#runtime::schema::Primitive::Bytes)),
                BytesKind::Sparse => quote!(Sparse),
                BytesKind::ArrowTensor => quote!(ArrowTensor),
                BytesKind::Safetensors => quote!(Safetensors),
                BytesKind::DataFrame => quote!(DataFrame),
            };
            let check = bound_check(ty, &quote_spanned!(*span=> #runtime::BytesField));
            quote!({ #check #runtime::schema::FieldType::#field_type })
        }
    }
}

/// The type's own array type with what the attributes add. The bounds point at the attribute that asks for them.
fn array_type(runtime: &Path, ty: &Type, hint: &ArrayHint) -> TokenStream {
    let array = local("array");
    let array_field = quote_spanned!(hint.span=> #runtime::ArrayField);
    let dtype = hint.dtype.as_ref().map(|dtype| {
        let check = bound_check(ty, &quote_spanned!(dtype.span()=> #runtime::AnyDtypeField));
        quote! {{
            #check
            #array.dtype = ::core::option::Option::Some(::std::string::String::from(#dtype));
        }}
    });
    let shape = hint.shape.as_ref().map(|shape| {
        let lengths = shape.iter().map(|length| match length {
            Some(length) => quote!(::core::option::Option::Some(#length)),
            None => quote!(::core::option::Option::None),
        });
        quote!(#array.shape = ::core::option::Option::Some(::std::vec![#(#lengths),*]);)
    });
    let dims = hint.dims.as_ref().map(|dims| {
        let names = dims.iter().map(|name| quote!(::std::string::String::from(#name)));
        quote!(#array.dimension_names = ::core::option::Option::Some(::std::vec![#(#names),*]);)
    });
    // Elements of a Rust type are not structured.
    let structured =
        hint.structured.map(|span| bound_check(ty, &quote_spanned!(span=> #runtime::AnyDtypeField)));
    let variant = if structured.is_some() { quote!(Structured) } else { quote!(NdArray) };
    quote! {
        #runtime::schema::FieldType::#variant({
            #structured
            let mut #array = <#ty as #array_field>::array_type();
            #dtype #shape #dims
            #array
        })
    }
}

/// A statement that compiles only if the type has the trait.
fn bound_check(ty: &Type, bound: &TokenStream) -> TokenStream {
    quote! {
        fn check<T: #bound>() {}
        check::<#ty>();
    }
}

/// Compares the number of dimensions that the attributes state with that of the type.
fn rank_check(sample: &Sample, field: &Field) -> Option<TokenStream> {
    let Some(Hint::Array(ArrayHint { rank: Some((span, rank)), .. })) = &field.hint else { return None };
    let (runtime, ty) = (&sample.runtime, &field.ty);
    let message = format!(
        "the array type of `{}` has another number of dimensions than the {rank} stated here",
        field.name
    );
    let check = quote_spanned! {*span=>
        ::core::assert!(
            match <#ty as #runtime::ArrayField>::NDIM {
                ::core::option::Option::Some(dimensions) => dimensions == #rank,
                ::core::option::Option::None => true,
            },
            #message
        )
    };
    Some(constant(sample, &check))
}

/// Refuses types that contain themselves, for which the constant is a cycle, and nesting that schemas refuse.
fn depth_check(sample: &Sample) -> TokenStream {
    let Sample { runtime, ident, .. } = sample;
    let type_generics = sample.generics.split_for_impl().1;
    let message = format!("the fields of `{ident}` are nested too deep for a schema");
    let check = quote_spanned! {ident.span()=>
        ::core::assert!(
            <#ident #type_generics as #runtime::FieldValue>::DEPTH <= #runtime::schema::MAX_DEPTH,
            #message
        )
    };
    constant(sample, &check)
}

/// A check by the compiler: where the struct is declared, or, if it has parameters, where they are known.
fn constant(sample: &Sample, check: &TokenStream) -> TokenStream {
    if sample.generics.params.is_empty() { quote!(const _: () = #check;) } else { quote!(const { #check };) }
}
