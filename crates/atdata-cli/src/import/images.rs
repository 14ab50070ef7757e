//! A folder of PNG and JPEG files; the name of the sub-folder is the label.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use atdata::schema::{ArrayType, Field, FieldType, Primitive, SampleSchema};
use atdata::{Error, Map, Result, Value};
use futures::StreamExt;

use super::conform::Conformer;
use super::pixels::{self, Picture};
use super::pump::pump;
use super::report::Skip;
use super::walk::{Step, Walk};
use super::{Context, Item, Plan};
use crate::args::ImageOptions;
use crate::names;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 512 << 20;

/// How a folder is read.
struct Reading {
    options: ImageOptions,
    conformer: Conformer,
    /// The fields that the schema has.
    wanted: Vec<String>,
}

/// Walks the folder and prepares to decode what is in it.
pub(super) fn plan(context: &Context<'_>) -> Result<Plan> {
    let root = PathBuf::from(&context.args.input);
    let options = context.args.images.clone();
    let field = &options.label_field;
    let taken = ["image", "format", "width", "height", "path"].contains(&field.as_str());
    if taken || names::identifier(field) != *field {
        return Err(Error::invalid("the field of the label needs an identifier that is not taken")
            .with("field", field));
    }
    let schema = match &context.given {
        Some(schema) => schema.clone(),
        None => infer(context.new_schema(), &options, &root),
    };
    let mut notes = Vec::new();
    let names = field_names(&options);
    for name in names.iter().filter(|name| schema.get(name).is_none()) {
        notes.push(format!("{name} is left out: the schema does not have it"));
    }
    let reading = Arc::new(Reading {
        conformer: Conformer::new(schema.clone()),
        wanted: names.into_iter().filter(|name| schema.get(name).is_some()).collect(),
        options,
    });
    let parallelism = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let steps = pump(Walk::new(&root)?.map(Ok), |_| 256);
    let items = steps
        .map(move |step| {
            let reading = reading.clone();
            async move {
                let (path, inside) = match step? {
                    Step::File { path, inside } => (path, inside),
                    Step::Skipped(skip) => return Ok(Item::Skipped(skip)),
                };
                let name = inside.clone();
                let work = tokio::task::spawn_blocking(move || reading.read(&path, &inside));
                // A panic of the decoder costs one image.
                Ok(work.await.unwrap_or_else(|_| Item::Skipped(Skip::new(name, "the decoder failed", ""))))
            }
        })
        .buffered(parallelism)
        .boxed();
    Ok(Plan { schema, items, notes })
}

fn field_names(options: &ImageOptions) -> Vec<String> {
    ["image", "format", "width", "height", &options.label_field, "path"].map(str::to_owned).to_vec()
}

/// The schema. The label is optional if there are images outside of sub-folders.
fn infer(schema: SampleSchema, options: &ImageOptions, root: &Path) -> SampleSchema {
    let image: FieldType = if options.decode {
        ArrayType { dtype: Some("uint8".into()), shape: Some(vec![None, None, None]), ..ArrayType::default() }
            .into()
    } else {
        Primitive::Bytes.into()
    };
    let label = Field::new(&options.label_field, Primitive::Str);
    schema
        .field(Field::new("image", image))
        .field(Field::new("format", Primitive::Str))
        .field(Field::new("width", Primitive::Int))
        .field(Field::new("height", Primitive::Int))
        .field(if has_images(root) { label.optional() } else { label })
        .field(Field::new("path", Primitive::Str))
}

/// Whether there is an image in the folder itself.
fn has_images(root: &Path) -> bool {
    let is_image = |path: PathBuf| {
        use std::io::Read;
        let mut head = Vec::new();
        let read = std::fs::File::open(path).and_then(|file| file.take(16).read_to_end(&mut head));
        read.is_ok() && pixels::sniff(&head).is_some()
    };
    std::fs::read_dir(root).is_ok_and(|items| {
        items.flatten().map(|item| item.path()).any(|path| path.is_file() && is_image(path))
    })
}

impl Reading {
    fn read(&self, path: &Path, inside: &str) -> Item {
        match self.fields(path, inside) {
            Ok(fields) => Item::pack(None, &fields, || inside.to_owned()),
            Err((reason, detail)) => Item::Skipped(Skip::new(inside, reason, detail)),
        }
    }

    fn fields(&self, path: &Path, inside: &str) -> std::result::Result<Map, pixels::Refusal> {
        let unreadable = |error: std::io::Error| ("a file cannot be read", error.to_string());
        let size = std::fs::metadata(path).map_err(unreadable)?.len();
        if size > MAX_FILE {
            return Err(("a file is too large", format!("{size} bytes, more than {MAX_FILE}")));
        }
        let bytes = std::fs::read(path).map_err(unreadable)?;
        let picture = pixels::decode(&bytes, self.options.max_pixels)?;
        let Picture { format, width, height, .. } = picture;
        let image = if self.options.decode {
            Value::Array(picture.into_array().map_err(|error| ("a broken image", error.to_string()))?)
        } else {
            Value::Bytes(bytes.into())
        };
        let label = inside.rsplit_once('/').map(|(folder, _)| folder.to_owned());
        let all = [
            ("image", image),
            ("format", format.into()),
            ("width", width.into()),
            ("height", height.into()),
            (self.options.label_field.as_str(), label.into()),
            ("path", inside.into()),
        ];
        let fields =
            all.into_iter().filter(|(name, _)| self.wanted.iter().any(|wanted| wanted == name)).collect();
        self.conformer.conform(fields).map_err(|misfit| (misfit.reason, misfit.detail))
    }
}
