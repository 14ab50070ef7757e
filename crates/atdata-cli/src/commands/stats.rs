//! `atdata stats`: what values the fields of a dataset have.

use atdata::describe::{Collector, Distinct, FieldStatistics, NumberStatistics, Statistics};
use atdata::url::redact;
use futures::TryStreamExt;
use serde_json::json;

use super::show::stored_samples;
use crate::address::Backends;
use crate::args::Stats;
use crate::output::table::{row, table};
use crate::output::{CliResult, Out, Status, note, printable};
use crate::progress::Progress;
use crate::source_arg::{self, Source};
use crate::{size, statistics};

/// Bars of eight heights.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// How many bars are shown.
const WIDTH: usize = 16;

/// Shows statistics: those that are kept, if they are still true, or new ones.
pub(super) async fn run(args: &Stats, backends: &Backends, out: &mut Out) -> CliResult {
    let progress = Progress::beside(out);
    let source = source_arg::open(&args.source, backends).await?.watched_by(&progress);
    let content = statistics::content(&*source.shards, source.entry.as_deref()).await?;
    let places = statistics::places(source.entry.as_deref(), &content);
    let kept = if args.refresh { None } else { statistics::load(&places, &content) };
    let (path, statistics) = match kept {
        Some((path, statistics)) => (Some(path), statistics),
        None => {
            let mut statistics = collect(&source, &args.arrays, &progress).await?;
            statistics.content = Some(content.digest.clone());
            statistics.bytes = content.bytes;
            let path = if args.no_store { None } else { Some(statistics::store(&places, &statistics)?) };
            (path, statistics)
        }
    };
    progress.finish();
    if let Some(output) = &args.output {
        statistics::write(output, &statistics).map_err(|error| error.with("path", output.display()))?;
    }
    if out.is_json() {
        let stored = path.map(|path| path.to_string_lossy().into_owned());
        out.document(&json!({"source": source.label, "stored": stored, "statistics": statistics}))?;
        return Ok(Status::Done);
    }
    print(&source, &statistics, out)?;
    Ok(Status::Done)
}

async fn collect(source: &Source, arrays: &[String], progress: &Progress) -> CliResult<Statistics> {
    let mut collector = Collector::new(source.schema.as_ref());
    let mut samples = source.dataset(arrays).ordered();
    let (mut count, total) = (0, source.entry.as_deref().and_then(stored_samples));
    while let Some(sample) = samples.try_next().await? {
        collector.add(&sample);
        count += 1;
        progress.samples(count, total);
    }
    Ok(collector.finish())
}

fn print(source: &Source, statistics: &Statistics, out: &mut Out) -> CliResult<()> {
    let bytes = statistics.bytes.map_or_else(String::new, |bytes| format!(", {}", size::format(bytes)));
    out.line(format_args!("{}: {} samples{bytes}\n", printable(&redact(&source.label)), statistics.samples))?;
    let heads = ["FIELD", "VALUES", "COUNT", "NULL", "MIN", "MEDIAN", "MAX", "MEAN", "DISTINCT", "SPREAD"];
    let mut list = table(heads);
    for field in &statistics.fields {
        row(&mut list, cells(field));
    }
    out.line(list.trim_fmt())?;
    if statistics.other_fields > 0 {
        note(format_args!("{} values belong to further fields", statistics.other_fields));
    }
    Ok(())
}

fn cells(field: &FieldStatistics) -> [String; 10] {
    let numbers = field.numbers.as_ref().or(field.length.as_ref());
    let some =
        |of: fn(&NumberStatistics) -> Option<f64>| numbers.and_then(of).map_or_else(String::new, short);
    let of_values = |value: f64, numbers: &NumberStatistics| (numbers.values > 0).then_some(value);
    let nan = field.numbers.as_ref().filter(|numbers| numbers.nan > 0);
    let nan = nan.map_or_else(String::new, |numbers| format!(" NaN {:.2}%", 100.0 * numbers.nan_share()));
    [
        field.name.clone(),
        kind(field) + &nan,
        field.count.to_string(),
        (field.null + field.missing).to_string(),
        numbers.and_then(|all| of_values(all.min, all)).map_or_else(String::new, short),
        some(|all| all.quantiles.get("0.5").copied()),
        numbers.and_then(|all| of_values(all.max, all)).map_or_else(String::new, short),
        numbers.and_then(|all| of_values(all.mean, all)).map_or_else(String::new, short),
        field.distinct.map_or_else(String::new, distinct),
        spread(field, numbers),
    ]
}

/// What the values are: the kind, and what measures are of.
fn kind(field: &FieldStatistics) -> String {
    let kind = serde_json::to_value(field.kind).ok();
    let kind = kind.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
    let shape = field.shapes.first().map(|only| {
        let dims: Vec<String> = only.shape.iter().map(u64::to_string).collect();
        let others = field.shapes.len() - 1 + usize::try_from(field.other_shapes).unwrap_or(usize::MAX);
        let others = if others == 0 { String::new() } else { format!(" and {others} more shapes") };
        format!(" {}[{}]{others}", only.dtype, dims.join(", "))
    });
    let formats: Vec<&str> =
        field.formats.keys().filter(|name| *name != "other").map(String::as_str).collect();
    let formats = if formats.is_empty() { String::new() } else { format!(" ({})", formats.join(", ")) };
    let length = if field.numbers.is_none() && field.length.is_some() { ", by length" } else { "" };
    format!("{kind}{}{formats}{length}", shape.unwrap_or_default())
}

fn distinct(distinct: Distinct) -> String {
    format!("{}{}", if distinct.exact { "" } else { "~" }, distinct.estimate)
}

/// The most frequent values, or bars.
fn spread(field: &FieldStatistics, numbers: Option<&NumberStatistics>) -> String {
    let few: Vec<String> = field
        .top
        .iter()
        .take(3)
        .map(|top| match top.value.as_str() {
            Some(text) => format!("{} ×{}", cut(text), top.count),
            None => format!("{} ×{}", top.value, top.count),
        })
        .collect();
    match numbers {
        Some(numbers) if field.length.is_none() => bars(&numbers.histogram.counts),
        _ if !few.is_empty() => few.join(", "),
        Some(numbers) => bars(&numbers.histogram.counts),
        None => String::new(),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(20) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Counts as bars of characters.
pub(crate) fn bars(counts: &[u64]) -> String {
    let group = counts.len().div_ceil(WIDTH).max(1);
    let counts: Vec<u64> = counts.chunks(group).map(|counts| counts.iter().sum()).collect();
    let most = counts.iter().copied().max().unwrap_or_default().max(1);
    let bar = |count: u64| match count {
        0 => ' ',
        // The least bar is for anything that is there at all.
        count => {
            let height = usize::try_from((count * 8).div_ceil(most)).unwrap_or(8);
            BARS.get(height.saturating_sub(1)).copied().unwrap_or('█')
        }
    };
    counts.into_iter().map(bar).collect()
}

/// A number of at most about eight characters.
fn short(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e9 {
        return format!("{number}");
    }
    match number.abs() {
        size if (1e-3..1e6).contains(&size) => {
            let text = format!("{number:.4}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => format!("{number:.3e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (number, text) in [
            (0.0, "0"),
            (12.0, "12"),
            (-0.5, "-0.5"),
            (1.0 / 3.0, "0.3333"),
            (1.5e-9, "1.500e-9"),
            (1e12, "1.000e12"),
        ] {
            assert_eq!(short(number), text);
        }
    }

    #[test]
    fn bars_show_what_is_there() {
        assert_eq!(bars(&[0, 1, 8, 4]), " ▁█▄");
        assert_eq!(bars(&[]), "");
        assert_eq!(bars(&[1; 32]).chars().count(), 16);
        assert_eq!(bars(&[u64::MAX / 16, 0]), "█ ");
    }
}
