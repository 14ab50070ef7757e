//! Reading `#[packable(…)]` and doc comments.

use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Expr, ExprLit, Ident, Lit, LitStr, Meta, Path, Result, Token};

use crate::errors::Errors;

/// The options of a struct or a field, each known and given once.
pub(crate) struct Options(Vec<Item>);

/// `name` or `name = value`.
struct Item {
    name: Ident,
    value: Option<Expr>,
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        // `crate` is a keyword.
        let name = input.call(Ident::parse_any)?;
        let value = if input.parse::<Option<Token![=]>>()?.is_some() { Some(input.parse()?) } else { None };
        Ok(Self { name, value })
    }
}

impl Options {
    /// Reads all `#[packable(…)]` among `attrs`; `owner` is what they belong to, `known` what may be in them.
    pub(crate) fn read(attrs: &[Attribute], owner: &str, known: &[&str], errors: &mut Errors) -> Self {
        let mut options: Vec<Item> = Vec::new();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("packable")) {
            let parsed = attr.parse_args_with(Punctuated::<Item, Token![,]>::parse_terminated);
            for item in errors.keep(parsed).into_iter().flatten() {
                if !known.iter().any(|name| item.name == name) {
                    let known = known.join("`, `");
                    errors.at(
                        item.name.span(),
                        format!("unknown option `{}`; {owner} has `{known}`", item.name),
                    );
                } else if options.iter().any(|other| other.name == item.name) {
                    errors.at(item.name.span(), format!("`{}` is given twice", item.name));
                } else {
                    options.push(item);
                }
            }
        }
        Self(options)
    }

    /// The value of an option that is text.
    pub(crate) fn text(&self, name: &str, errors: &mut Errors) -> Option<LitStr> {
        let item = self.get(name)?;
        if let Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) = &item.value {
            return Some(text.clone());
        }
        errors.at(item.name.span(), format!("expected text: `{name} = \"…\"`"));
        None
    }

    /// The value of an option that is a path in quotes.
    pub(crate) fn path(&self, name: &str, errors: &mut Errors) -> Option<Path> {
        let text = self.text(name, errors)?;
        let path = text.parse().map_err(|_| {
            Error::new(text.span(), format!("`{}` is no path: `{name} = \"some::path\"`", text.value()))
        });
        errors.keep(path)
    }

    /// An option that may stand alone or have an expression.
    pub(crate) fn expression(&self, name: &str) -> Option<Option<&Expr>> {
        self.get(name).map(|item| item.value.as_ref())
    }

    fn get(&self, name: &str) -> Option<&Item> {
        self.0.iter().find(|item| item.name == name)
    }
}

/// The doc comment, without the space that follows `///`.
pub(crate) fn doc_comment(attrs: &[Attribute]) -> Option<String> {
    let lines = attrs.iter().filter_map(|attr| match &attr.meta {
        Meta::NameValue(doc) if doc.path.is_ident("doc") => match &doc.value {
            Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) => Some(line.value()),
            _ => None,
        },
        _ => None,
    });
    let text: Vec<String> = lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).to_owned()).collect();
    let text = text.join("\n").trim().to_owned();
    (!text.is_empty()).then_some(text)
}
