//! What is known of what a stored lens does.

use std::collections::HashMap;
use std::fmt;

use super::LensTrust;
use crate::lens::data::MAX_STEPS;
use crate::lens::path::FieldPath;
use crate::lens::step::{MAX_FIELDS, Step};
use crate::{Error, Result, ResultExt};

/// What is known of what a stored lens does.
///
/// ```
/// use atdata_core::lens::{FieldMapping, LensBody, LensTrust};
///
/// let body = LensBody::Mappings(vec![FieldMapping::new("n", "count")]);
/// assert_eq!((body.trust(), body.to_string().as_str()), (LensTrust::Unverified, "unverified: n is count"));
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum LensBody {
    /// Everything: steps that were held against both schemas.
    Steps(CheckedSteps),
    /// Which fields have which names, as Python says.
    Mappings(Vec<FieldMapping>),
    /// Where its code is.
    Code {
        /// The code that makes the view.
        getter: CodeLocation,
        /// The code that puts a changed view back, if there is any.
        putter: Option<CodeLocation>,
    },
    /// Nothing.
    Opaque,
}

/// The steps of a lens that were held against both schemas: see [`LensRecord::of`](super::LensRecord::of).
///
/// ```
/// use atdata_core::lens::{DataLens, LensBody, LensRecord};
/// use atdata_core::schema::{Field, Primitive, SampleSchema};
///
/// let schema = SampleSchema::new("Count").field(Field::new("n", Primitive::Int));
/// let record = LensRecord::of(&DataLens::new("same", "Count@1.0.0", "Count@1.0.0"), &schema, &schema)?;
/// let LensBody::Steps(steps) = record.body else { unreachable!() };
/// assert!(steps.steps().is_empty());
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CheckedSteps {
    pub(super) steps: Vec<Step>,
    /// The names of the schemas, which is what Python calls them.
    pub(super) source_name: String,
    pub(super) view_name: String,
    /// The fields, where nothing is done but renaming and leaving out: Python can do that, too.
    pub(super) mappings: Option<Vec<FieldMapping>>,
}

impl CheckedSteps {
    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// The same steps are the same lens; the rest follows from the schemas.
impl PartialEq for CheckedSteps {
    fn eq(&self, other: &Self) -> bool {
        self.steps == other.steps
    }
}

/// A field of the source and what the view calls it.
///
/// ```
/// assert_eq!(atdata_core::lens::FieldMapping::new("n", "count").transform, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldMapping {
    /// The name in the source.
    pub source_field: String,
    /// The name in the view.
    pub view_field: String,
    /// The name of what is done to the value. Python has a member for it that it neither writes nor reads.
    pub transform: Option<String>,
}

impl FieldMapping {
    /// A mapping without a transformation.
    pub fn new(source_field: impl Into<String>, view_field: impl Into<String>) -> Self {
        Self { source_field: source_field.into(), view_field: view_field.into(), transform: None }
    }
}

/// Where code is. It is never executed here.
///
/// ```
/// use atdata_core::lens::CodeLocation;
///
/// let code = CodeLocation::Python { module: "pkg.lenses".into(), qualname: "grey".into() };
/// assert_eq!(code.to_string(), "pkg.lenses:grey");
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeLocation {
    /// In an installed Python package.
    Python {
        /// The module.
        module: String,
        /// The name in the module.
        qualname: String,
    },
    /// In a code repository.
    Repository {
        /// The address.
        repository: String,
        /// The commit.
        commit: String,
        /// The path, or a module and a name.
        path: String,
    },
}

impl fmt::Display for CodeLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodeLocation::Python { module, qualname } => write!(f, "{module}:{qualname}"),
            CodeLocation::Repository { repository, commit, path } => {
                write!(f, "{repository} {commit} {path}")
            }
        }
    }
}

impl LensBody {
    /// How far it can be relied on.
    pub fn trust(&self) -> LensTrust {
        match self {
            LensBody::Steps(_) => LensTrust::Steps,
            LensBody::Mappings(_) => LensTrust::Unverified,
            LensBody::Code { .. } => LensTrust::Code,
            LensBody::Opaque => LensTrust::Opaque,
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        match self {
            LensBody::Steps(steps) if steps.steps.len() > MAX_STEPS => {
                Err(Error::invalid(format!("a lens has at most {MAX_STEPS} steps")))
            }
            LensBody::Steps(steps) => (1..)
                .zip(&steps.steps)
                .try_for_each(|(number, step): (u32, _)| step.validate().context("step", number)),
            LensBody::Mappings(mappings) if mappings.len() > MAX_FIELDS => {
                Err(Error::invalid(format!("a lens has at most {MAX_FIELDS} mappings")))
            }
            _ => Ok(()),
        }
    }
}

/// The trust, and what is known.
impl fmt::Display for LensBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |f: &mut fmt::Formatter<'_>, items: &mut dyn Iterator<Item = String>| {
            let items: Vec<String> = items.collect();
            f.write_str(&items.join("; "))
        };
        match self {
            LensBody::Steps(steps) if steps.steps.is_empty() => f.write_str("nothing is changed"),
            LensBody::Steps(steps) => join(f, &mut steps.steps.iter().map(ToString::to_string)),
            LensBody::Mappings(mappings) => {
                f.write_str("unverified: ")?;
                let mapping = |it: &FieldMapping| format!("{} is {}", it.source_field, it.view_field);
                join(f, &mut mappings.iter().map(mapping))
            }
            LensBody::Code { getter, .. } => write!(f, "code: {getter}"),
            LensBody::Opaque => f.write_str("opaque"),
        }
    }
}

/// The steps that do nothing but what mappings say.
pub(super) fn steps_of(mappings: &[FieldMapping]) -> Result<Vec<Step>> {
    if let Some(mapping) = mappings.iter().find(|mapping| mapping.transform.is_some()) {
        return Err(Error::unsupported("what a transformation of Python does is not known here")
            .with("field", &mapping.view_field));
    }
    let path = |name: &str| FieldPath::from([name]);
    let rename = |from: &str, to: &str| Step::Rename { from: path(from), to: path(to) };
    let mut seen: HashMap<&str, &str> = HashMap::new();
    let (mut kept, mut renamed, mut copies) = (Vec::new(), Vec::new(), Vec::new());
    for FieldMapping { source_field, view_field, .. } in mappings {
        if let Some(first) = seen.get(source_field.as_str()) {
            copies.push(Step::Copy { from: path(first), to: path(view_field) });
            continue;
        }
        seen.insert(source_field, view_field);
        kept.push(path(source_field));
        if source_field != view_field {
            renamed.push((source_field.as_str(), view_field.as_str()));
        }
    }
    let mut steps = vec![Step::Keep(kept)];
    if renamed.iter().any(|(_, view)| seen.contains_key(view)) {
        // Fields may change their names with each other: all are put aside first, under names that none has.
        let names = mappings.iter().flat_map(|it| [it.source_field.len(), it.view_field.len()]);
        let free = "_".repeat(names.max().unwrap_or_default() + 1);
        let between = (0..).map(|i: u32| format!("{free}{i}"));
        let aside: Vec<_> = renamed.into_iter().zip(between).collect();
        steps.extend(aside.iter().map(|((from, _), between)| rename(from, between)));
        steps.extend(aside.iter().map(|((_, to), between)| rename(between, to)));
    } else {
        steps.extend(renamed.into_iter().map(|(from, to)| rename(from, to)));
    }
    steps.extend(copies);
    Ok(steps)
}

impl CheckedSteps {
    /// Steps that were stored, and mappings beside them, which are believed only as far as the steps bear them out.
    pub(super) fn stored(
        steps: Vec<Step>,
        (source_name, view_name): (String, String),
        mappings: Option<Vec<FieldMapping>>,
    ) -> Self {
        let bears_out = |mapping: &FieldMapping| {
            mapping.transform.is_none()
                && renamed(&steps, &mapping.source_field).is_some_and(|name| name == mapping.view_field)
        };
        let mappings = mappings.filter(|mappings| mappings.iter().all(bears_out));
        Self { steps, source_name, view_name, mappings }
    }
}

/// What a field is called after steps that do nothing else with it than renaming; none if they do.
fn renamed(steps: &[Step], field: &str) -> Option<String> {
    let mut name = field.to_owned();
    for step in steps {
        let is_it = |path: &FieldPath| matches!(path.parts(), [part] if *part == name);
        let touches = |path: &FieldPath| path.parts().first() == Some(&name);
        match step {
            Step::Rename { from, to } if is_it(from) => match to.parts() {
                [new] => name.clone_from(new),
                _ => return None,
            },
            Step::Keep(kept) if kept.iter().any(is_it) => {}
            Step::Keep(_) => return None,
            Step::Drop(dropped) if dropped.iter().any(touches) => return None,
            Step::Drop(_) => {}
            Step::Rename { from, to } if !touches(from) && !touches(to) => {}
            _ => return None,
        }
    }
    Some(name)
}
