//! The struct as the derive understands it, with everything checked that can be checked without types.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Data, DeriveInput, Error, Expr, ExprLit, Fields, GenericParam, Generics, Ident, Lit, LitStr, Path,
    Result, Type, Visibility, parse_quote,
};

use crate::array_hint::Hint;
use crate::errors::Errors;
use crate::options::{Options, doc_comment};
use crate::{names, runtime};

/// A struct that becomes a sample type.
pub(crate) struct Sample {
    /// Where the traits are: `::atdata`, mostly.
    pub(crate) runtime: Path,
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    /// The struct's generics, with `T: FieldValue` for each type.
    pub(crate) generics: Generics,
    /// The schema's name.
    pub(crate) name: String,
    pub(crate) version: [u64; 3],
    pub(crate) description: Option<String>,
    pub(crate) fields: Vec<Field>,
}

/// One field of it.
pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    /// The name in the schema and in the stored map.
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    /// The expression of the default.
    pub(crate) default: Option<TokenStream>,
    pub(crate) hint: Option<Hint>,
}

impl Sample {
    pub(crate) fn new(input: DeriveInput) -> Result<Self> {
        let mut errors = Errors::default();
        let fields = named_fields(&input.data, &input.ident)?;
        let known = ["name", "version", "description", "crate"];
        let options = Options::read(&input.attrs, "a struct", &known, &mut errors);

        let (name, span) = renamed(options.text("name", &mut errors), &input.ident);
        errors.keep(names::check_schema(&name, span));
        let version = options.text("version", &mut errors).and_then(|text| errors.keep(parse_version(&text)));
        let runtime = match options.expression("crate") {
            Some(_) => options.path("crate", &mut errors),
            None => errors.keep(runtime::path()),
        };
        let description = options.text("description", &mut errors).map(|text| text.value());
        let fields = read_fields(fields, &input.ident, &mut errors);

        // Without a path errors were kept, and this one is not used.
        let runtime = runtime.unwrap_or_else(|| parse_quote!(::atdata));
        let generics = bound_generics(input.generics, &runtime, &mut errors);
        errors.finish(Self {
            runtime,
            name,
            version: version.unwrap_or([1, 0, 0]),
            description: description.or_else(|| doc_comment(&input.attrs)),
            generics,
            fields,
            ident: input.ident,
            vis: input.vis,
        })
    }

    /// The name of the batch: `DigitBatch` for `Digit`.
    pub(crate) fn batch(&self) -> Ident {
        Ident::new(&format!("{}Batch", self.ident.unraw()), self.ident.span())
    }
}

/// The fields, if it is a struct with named ones.
fn named_fields<'a>(data: &'a Data, ident: &Ident) -> Result<&'a Fields> {
    let refused = |span, found: &str| {
        let message = format!(
            "`Packable` is for structs with named fields, which become the sample's fields; this is {found}"
        );
        Err(Error::new(span, message))
    };
    match data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(_) => Ok(&data.fields),
            Fields::Unnamed(fields) => refused(fields.span(), "a tuple struct"),
            Fields::Unit => refused(ident.span(), "a unit struct"),
        },
        Data::Enum(data) => refused(data.enum_token.span, "an enum"),
        Data::Union(data) => refused(data.union_token.span, "a union"),
    }
}

fn read_fields(fields: &Fields, owner: &Ident, errors: &mut Errors) -> Vec<Field> {
    let mut known: Vec<Field> = Vec::with_capacity(fields.len());
    for field in fields {
        // All are named: `named_fields` saw to it.
        let Some(ident) = &field.ident else { continue };
        let names = ["rename", "default", "description", "dtype", "shape", "dims", "kind"];
        let options = Options::read(&field.attrs, "a field", &names, errors);
        let (name, span) = renamed(options.text("rename", errors), ident);
        errors.keep(names::check_field(&name, span));
        if known.iter().any(|other| other.name == name) {
            errors.at(span, format!("two fields are stored as `{name}`"));
        }
        if mentions(field.ty.to_token_stream(), owner) {
            let message = format!("`{owner}` contains itself: a schema cannot describe that");
            errors.add(Error::new_spanned(&field.ty, message));
        }
        let description = options.text("description", errors).map(|text| text.value());
        known.push(Field {
            ident: ident.clone(),
            ty: field.ty.clone(),
            name,
            description: description.or_else(|| doc_comment(&field.attrs)),
            default: options.expression("default").map(default_expression),
            hint: Hint::read(&options, errors),
        });
    }
    known
}

/// The given name or that of the identifier (`type` for `r#type`), and where it stands.
fn renamed(given: Option<LitStr>, ident: &Ident) -> (String, Span) {
    given.map_or_else(|| (ident.unraw().to_string(), ident.span()), |text| (text.value(), text.span()))
}

/// Text is converted to the field's type, since no field is a `&str`.
fn default_expression(given: Option<&Expr>) -> TokenStream {
    match given {
        None => quote!(::core::default::Default::default()),
        Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => quote!(::core::convert::From::from(#text)),
        Some(expression) => expression.to_token_stream(),
    }
}

fn parse_version(text: &LitStr) -> Result<[u64; 3]> {
    let number = |part: &str| {
        let canonical = part == "0" || !part.starts_with('0');
        if canonical && part.bytes().all(|b| b.is_ascii_digit()) { part.parse().ok() } else { None }
    };
    let parts: Option<Vec<u64>> = text.value().split('.').map(number).collect();
    parts
        .and_then(|parts| parts.try_into().ok())
        .ok_or_else(|| Error::new(text.span(), "a schema version is three integers, such as \"1.0.0\""))
}

/// Whether a type names `owner` or `Self`; what follows `::` is another item.
fn mentions(tokens: TokenStream, owner: &Ident) -> bool {
    let mut in_path = false;
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => !std::mem::take(&mut in_path) && (ident == *owner || ident == "Self"),
        TokenTree::Punct(punct) => {
            in_path = punct.as_char() == ':';
            false
        }
        TokenTree::Group(group) => mentions(group.stream(), owner),
        TokenTree::Literal(_) => false,
    })
}

/// Types must be field values; lifetimes cannot be, for samples are sent between threads.
fn bound_generics(mut generics: Generics, runtime: &Path, errors: &mut Errors) -> Generics {
    for param in &mut generics.params {
        match param {
            GenericParam::Type(param) => param.bounds.push(parse_quote!(#runtime::FieldValue)),
            GenericParam::Lifetime(param) => {
                errors.at(param.span(), "a sample owns its fields: a lifetime is not possible");
            }
            GenericParam::Const(_) => {}
        }
    }
    generics
}
