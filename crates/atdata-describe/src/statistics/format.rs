//! The document: what `docs/statistics.md` describes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The name and version of the format.
pub const FORMAT: &str = "atdata-statistics/1";

/// Statistics of a dataset.
///
/// ```
/// use atdata_describe::{Collector, Statistics};
///
/// let statistics = Collector::new(None).finish();
/// let json = serde_json::to_string(&statistics).unwrap();
/// assert_eq!(serde_json::from_str::<Statistics>(&json).unwrap(), statistics);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// [`FORMAT`].
    pub format: String,
    /// What the statistics are of: a digest of the shards, by which it is noticed that they have changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The number of samples.
    pub samples: u64,
    /// The bytes of all shards, if their sizes are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The fields: those of the schema, then others as they were met.
    pub fields: Vec<FieldStatistics>,
    /// How many values belong to fields beyond the 4,096 that are told apart.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub other_fields: u64,
}

impl Statistics {
    /// The statistics of a field.
    pub fn field(&self, name: &str) -> Option<&FieldStatistics> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// Statistics of a field.
///
/// ```
/// use atdata_core::DictSample;
/// use atdata_describe::Collector;
///
/// let mut collector = Collector::new(None);
/// collector.add(&DictSample::from_iter([("n", 1i64)]));
/// collector.add(&DictSample::new());
/// let statistics = collector.finish();
/// assert_eq!((statistics.fields[0].count, statistics.fields[0].missing), (1, 1));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldStatistics {
    /// The field's name.
    pub name: String,
    /// The field as the schema states it: `label: int`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<String>,
    /// What the values are.
    pub kind: Kind,
    /// How many samples have a value that is not null.
    pub count: u64,
    /// How many have null.
    pub null: u64,
    /// How many do not have the field.
    pub missing: u64,
    /// How many values are of which kind, if they are of several.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<Kind, u64>,
    /// Of numbers, and of the elements of arrays and lists of numbers.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<NumberStatistics>,
    /// Of the lengths of texts (in characters), bytes, lists and maps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<NumberStatistics>,
    /// How many different values there are: of booleans, numbers and texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distinct: Option<Distinct>,
    /// The most frequent values, the most frequent first, if there are at most 1,000 different ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub top: Vec<Frequent>,
    /// The shapes of arrays, the most frequent first; at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shapes: Vec<ArrayShape>,
    /// How many arrays have other shapes than those.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub other_shapes: u64,
    /// What bytes are by their first bytes: `png`, `jpeg`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub formats: BTreeMap<String, u64>,
}

/// What values are.
///
/// ```
/// assert_eq!(serde_json::to_string(&atdata_describe::Kind::Text).unwrap(), r#""text""#);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// Nothing but null, or no value at all.
    Null,
    /// Booleans.
    Bool,
    /// Integers and floats.
    Number,
    /// Texts.
    Text,
    /// Bytes.
    Bytes,
    /// Arrays.
    Array,
    /// Lists.
    List,
    /// Maps.
    Map,
    /// Several of these.
    Mixed,
}

/// Statistics of numbers. Minimum, maximum, mean and standard deviation are of all finite ones; quantiles and histogram of a random
/// sample of them, if there are more than 16,384.
///
/// ```
/// use atdata_core::DictSample;
/// use atdata_describe::Collector;
///
/// let mut collector = Collector::new(None);
/// for x in [1.0, 2.0, f64::NAN, 6.0] {
///     collector.add(&DictSample::from_iter([("x", x)]));
/// }
/// let statistics = collector.finish();
/// let x = statistics.fields[0].numbers.as_ref().unwrap();
/// assert_eq!((x.mean, x.nan, x.quantiles["0.5"]), (3.0, 1, 2.0));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NumberStatistics {
    /// How many finite numbers there are.
    pub values: u64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
    /// The standard deviation of the population.
    pub std: f64,
    /// By probability: `0.01`, `0.05`, `0.25`, `0.5`, `0.75`, `0.95` and `0.99`.
    pub quantiles: BTreeMap<String, f64>,
    /// How the values are spread.
    pub histogram: Histogram,
    /// How many are not a number.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub nan: u64,
    /// How many are infinite.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub infinite: u64,
    /// How many are zero.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub zero: u64,
}

impl NumberStatistics {
    /// Which part of all numbers is not a number.
    #[allow(clippy::cast_precision_loss, reason = "a share")]
    pub fn nan_share(&self) -> f64 {
        match self.values + self.nan + self.infinite {
            0 => 0.0,
            all => self.nan as f64 / all as f64,
        }
    }
}

/// Counts of values between edges. There is one edge more than counts; the last interval includes its upper edge.
///
/// ```
/// use atdata_describe::Histogram;
///
/// let histogram = Histogram { edges: vec![0.0, 1.0, 2.0], counts: vec![7, 3] };
/// assert_eq!(histogram.edges.len(), histogram.counts.len() + 1);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// The edges, rising.
    pub edges: Vec<f64>,
    /// How many of the values looked at are between two of them.
    pub counts: Vec<u64>,
}

/// How many different values there are.
///
/// ```
/// let distinct = atdata_describe::Distinct { estimate: 10, exact: true };
/// assert!(distinct.exact);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distinct {
    /// The number, or an estimate that is off by 1.6 percent, most of the time by less than 4.
    pub estimate: u64,
    /// Whether it is the number.
    pub exact: bool,
}

/// A frequent value.
///
/// ```
/// let frequent = atdata_describe::Frequent { value: "cat".into(), count: 7 };
/// assert_eq!(serde_json::to_string(&frequent).unwrap(), r#"{"value":"cat","count":7}"#);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frequent {
    /// The value: a boolean, an integer, or a text of at most 200 characters.
    pub value: serde_json::Value,
    /// How many samples have it.
    pub count: u64,
}

/// A shape of arrays.
///
/// ```
/// let shape = atdata_describe::ArrayShape { dtype: "uint8".into(), shape: vec![224, 224, 3], count: 7 };
/// assert_eq!(shape.shape.iter().product::<u64>(), 150_528);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrayShape {
    /// The dtype.
    pub dtype: String,
    /// The length of each dimension.
    pub shape: Vec<u64>,
    /// How many arrays are of this dtype and shape.
    pub count: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
