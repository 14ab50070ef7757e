//! `atdata head`: the first samples, for people.

use atdata::url::redact;
use atdata::{DictSample, Keyed, Samples, Value};
use futures::TryStreamExt;
use serde_json::json;

use super::cat::plain;
use crate::address::Backends;
use crate::args::Head;
use crate::draw::Pen;
use crate::output::{CliResult, Out, Status, printable};
use crate::progress::Progress;
use crate::source_arg;

/// How much of a long text is shown, in characters.
const TEXT: usize = 200;
/// How many elements of an array, list or map are shown.
const ELEMENTS: usize = 8;
/// How many bytes are shown.
const BYTES: usize = 16;

/// Prints the first samples.
pub(super) async fn run(args: &Head, backends: &Backends, out: &mut Out) -> CliResult {
    let progress = Progress::beside(out);
    let source = source_arg::open(&args.source, backends).await?.watched_by(&progress);
    let samples = source.dataset(&args.arrays).keyed().take(args.count);
    print(samples, &source.label, Pen::new(args.draw), &progress, out).await
}

/// Shows samples.
pub(super) async fn print(
    mut samples: Samples<Keyed<DictSample>>,
    label: &str,
    pen: Pen,
    progress: &Progress,
    out: &mut Out,
) -> CliResult {
    let mut documents = Vec::new();
    while let Some(keyed) = samples.try_next().await? {
        progress.finish();
        if out.is_json() {
            let Keyed { key, shard, sample } = &keyed;
            documents.push(json!({"key": key, "shard": redact(shard), "fields": plain(sample)}));
        } else {
            out.line(format_args!("{} ({})", printable(&keyed.key), printable(&redact(&keyed.shard))))?;
            let fields = keyed.sample.fields();
            let width = fields.keys().map(|name| name.chars().count()).max().unwrap_or_default();
            for (name, value) in fields.iter() {
                out.line(format_args!("  {:<width$}  {}", printable(name), printable(&short(value))))?;
                for line in pen.draw(value) {
                    out.line(format_args!("  {:<width$}  {line}", ""))?;
                }
            }
        }
    }
    if out.is_json() {
        out.document(&json!({"source": label, "samples": documents}))?;
    }
    Ok(Status::Done)
}

/// A value on one line, however large it is.
fn short(value: &Value) -> String {
    match value {
        Value::Str(text) => match text.char_indices().nth(TEXT) {
            Some((end, _)) => {
                format!("{:?}… ({} characters)", text.get(..end).unwrap_or_default(), text.chars().count())
            }
            None => format!("{text:?}"),
        },
        Value::Bytes(bytes) => {
            let first: Vec<String> = bytes.iter().take(BYTES).map(|byte| format!("{byte:02x}")).collect();
            let more = if bytes.len() > BYTES { " …" } else { "" };
            format!("<{} bytes> {}{more}", bytes.len(), first.join(" ")).trim_end().to_owned()
        }
        Value::Array(array) => format!("{array} {}", array.preview(ELEMENTS)),
        Value::List(items) => {
            let first: Vec<String> = items.iter().take(ELEMENTS).map(short).collect();
            let more =
                if items.len() > ELEMENTS { format!(", … ({} items)", items.len()) } else { String::new() };
            format!("[{}{more}]", first.join(", "))
        }
        Value::Map(map) => {
            let first: Vec<String> =
                map.iter().take(ELEMENTS).map(|(key, value)| format!("{key:?}: {}", short(value))).collect();
            let more =
                if map.len() > ELEMENTS { format!(", … ({} entries)", map.len()) } else { String::new() };
            format!("{{{}{more}}}", first.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use atdata::NdArray;

    use super::*;

    #[test]
    fn long_values_are_cut_and_say_so() {
        assert!(short(&Value::Str("é".repeat(300))).ends_with("… (300 characters)"));
        assert_eq!(short(&Value::Bytes(vec![1, 255].into())), "<2 bytes> 01 ff");
        assert_eq!(short(&Value::List(vec![Value::Int(1); 9])), "[1, 1, 1, 1, 1, 1, 1, 1, … (9 items)]");
        let array = NdArray::from_vec(&[3], vec![1u8, 2, 3]).unwrap();
        assert_eq!(short(&Value::Array(array)), "<u1 (3,)> [1, 2, 3]");
    }
}
