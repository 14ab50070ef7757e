//! The batch: a struct of columns, and `Collate`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Ident, parse_quote};

use super::{local, locals, name};
use crate::sample::Sample;

pub(super) fn expand(sample: &Sample) -> TokenStream {
    let declaration = declaration(sample);
    let methods = methods(sample);
    let traits = traits(sample);
    let collate = collate(sample);
    quote!(#declaration #methods #traits #collate)
}

/// The field that holds the number of samples: columns of foreign types cannot tell it.
fn len_field(sample: &Sample) -> Ident {
    let mut name = format_ident!("samples");
    while sample.fields.iter().any(|field| field.ident == name) {
        name = format_ident!("{name}_");
    }
    name
}

fn declaration(sample: &Sample) -> TokenStream {
    let Sample { runtime, ident, vis, .. } = sample;
    let (batch, len) = (sample.batch(), len_field(sample));
    let doc = format!("A batch of [`{ident}`] samples: one column a field.");
    let columns = sample.fields.iter().map(|field| {
        let (ident, ty) = (&field.ident, &field.ty);
        let doc = format!("The values of `{ident}`, one a sample.");
        quote!(#[doc = #doc] #vis #ident: <#ty as #runtime::FieldValue>::Column,)
    });
    let generics = &sample.generics;
    let where_clause = &sample.generics.where_clause;
    quote! {
        #[doc = #doc]
        #[allow(dead_code)]
        #vis struct #batch #generics #where_clause {
            #(#columns)*
            #len: usize,
        }
    }
}

fn methods(sample: &Sample) -> TokenStream {
    let (vis, batch, len) = (&sample.vis, sample.batch(), len_field(sample));
    let (impl_generics, type_generics, where_clause) = sample.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        #[allow(dead_code)]
        impl #impl_generics #batch #type_generics #where_clause {
            /// The number of samples.
            #[must_use]
            #vis const fn len(&self) -> usize {
                self.#len
            }

            /// Whether there is no sample.
            #[must_use]
            #vis const fn is_empty(&self) -> bool {
                self.#len == 0
            }
        }
    }
}

/// `Debug` and `Clone`, if all columns have them.
fn traits(sample: &Sample) -> TokenStream {
    let (batch, len) = (sample.batch(), len_field(sample));
    let debug = conditional(sample, &quote!(::core::fmt::Debug));
    let clone = conditional(sample, &quote!(::core::clone::Clone));
    let idents: Vec<&Ident> = sample.fields.iter().map(|field| &field.ident).collect();
    let names = sample.fields.iter().map(|field| field.ident.to_string());
    let title = batch.to_string();
    quote! {
        #debug {
            fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                formatter.debug_struct(#title)#(.field(#names, &self.#idents))*.finish()
            }
        }

        #clone {
            fn clone(&self) -> Self {
                Self { #(#idents: ::core::clone::Clone::clone(&self.#idents),)* #len: self.#len }
            }
        }
    }
}

/// The head of an implementation that exists only if all columns have the trait.
///
/// A bound without parameters that does not hold is an error; quantified over a lifetime it is a condition.
fn conditional(sample: &Sample, bound: &TokenStream) -> TokenStream {
    let (runtime, batch) = (&sample.runtime, sample.batch());
    let mut generics = sample.generics.clone();
    let predicates = &mut generics.make_where_clause().predicates;
    for field in &sample.fields {
        let ty = &field.ty;
        predicates.push(parse_quote!(for<'column> <#ty as #runtime::FieldValue>::Column: #bound));
    }
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    quote!(#[automatically_derived] impl #impl_generics #bound for #batch #type_generics #where_clause)
}

fn collate(sample: &Sample) -> TokenStream {
    let Sample { runtime, ident, .. } = sample;
    let (batch, len) = (sample.batch(), len_field(sample));
    let (impl_generics, type_generics, where_clause) = sample.generics.split_for_impl();
    let [samples, memory, each, count] = ["samples", "memory", "sample", "count"].map(local);
    let columns = locals(sample, "column");
    let idents: Vec<&Ident> = sample.fields.iter().map(|field| &field.ident).collect();
    let types = sample.fields.iter().map(|field| &field.ty);
    let names = sample.fields.iter().map(name);
    quote! {
        #[automatically_derived]
        impl #impl_generics #runtime::Collate for #ident #type_generics #where_clause {
            type Batch = #batch #type_generics;

            fn collate_in(
                #samples: ::std::vec::Vec<Self>,
                #memory: &#runtime::array::BatchMemory,
            ) -> #runtime::Result<Self::Batch> {
                let #count = #samples.len();
                #(let mut #columns = ::std::vec::Vec::with_capacity(#count);)*
                for #each in #samples {
                    #(#columns.push(#each.#idents);)*
                }
                ::core::result::Result::Ok(#batch {
                    #(#idents: #runtime::ResultExt::context(
                        <#types as #runtime::FieldValue>::stack(#columns, #memory),
                        "field",
                        #names,
                    )?,)*
                    #len: #count,
                })
            }
        }
    }
}
