//! `cat --format tagged` against what Python read from its own shards.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value as Json;

use crate::common::{Cli, fixture, lines};

fn array_fields(samples: &[Json]) -> BTreeSet<String> {
    let fields = samples.iter().flat_map(|sample| sample["fields"].as_array().unwrap());
    fields
        .filter(|field| ["array", "structured"].contains(&field[1]["t"].as_str().unwrap()))
        .map(|field| field[0].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_tagged_form_is_what_python_reads() {
    let cli = Cli::new();
    let names = [
        "dtypes",
        "dtypes-extra",
        "layouts",
        "optional-arrays",
        "scalars",
        "legacy-npy",
        "sharded/data-000001",
    ];
    let mut compared = 0;
    for version in ["python-0.2", "python-0.7"] {
        for name in names {
            let Ok(expected) = fs::read_to_string(fixture(&format!("{version}/{name}.expected.json"))) else {
                continue;
            };
            let expected: Json = serde_json::from_str(&expected).unwrap();
            let expected = expected["samples"].as_array().unwrap();
            let shard = fixture(&format!("{version}/{name}.tar"));
            let mut args = vec!["cat", &shard, "--format", "tagged"];
            let arrays = array_fields(expected);
            for field in &arrays {
                args.extend(["--array", field]);
            }
            let found = lines(&cli.ok(&args));
            assert_eq!(found.len(), expected.len(), "{version}/{name}");
            for (found, expected) in found.iter().zip(expected) {
                assert_eq!(found["key"], expected["key"], "{version}/{name}");
                assert_eq!(found["shard"], shard, "{version}/{name}");
                assert_eq!(found["fields"], expected["fields"], "{version}/{name} {}", found["key"]);
                assert_eq!(found.as_object().unwrap().len(), 3);
                compared += 1;
            }
        }
    }
    assert!(compared > 150, "only {compared} samples were compared");
}
