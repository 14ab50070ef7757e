use rusqlite::Connection;

use super::{database, entries, labels, lenses, schemas};

/// How SQLite would run a query, one step a line.
fn plan(connection: &Connection, sql: &str) -> String {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let values = vec!["x"; statement.parameter_count()];
    let steps =
        statement.query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
    steps.collect::<Result<Vec<_>, _>>().unwrap().join("\n")
}

#[test]
fn look_ups_use_indexes_and_sort_nothing() {
    let connection = database::open_in_memory().unwrap();
    for sql in [
        entries::MAIN_ENTRY,
        entries::KEPT_ENTRY,
        entries::ANY_ENTRY,
        entries::MAIN_CID_OF_NAME,
        entries::KEPT_CID_OF_NAME,
        entries::IS_USED,
        labels::BY_AGE,
        labels::OF_VERSION,
        labels::POINTS,
        labels::POINTS_BY_NAME,
        schemas::OF_VERSION,
        schemas::VERSIONS,
        lenses::OF_VERSION,
        lenses::VERSIONS,
    ] {
        let plan = plan(&connection, sql);
        assert!(plan.contains("SEARCH"), "{sql}\n{plan}");
        assert!(
            !plan.contains("SCAN dataset") && !plan.contains("SCAN atdata") && !plan.contains("B-TREE"),
            "{sql}\n{plan}"
        );
        assert!(
            !plan.lines().any(|step| step.starts_with("SCAN") && step != "SCAN CONSTANT ROW"),
            "{sql}\n{plan}"
        );
    }
}

#[test]
fn the_plan_of_an_unindexed_query_shows_a_scan() {
    let connection = database::open_in_memory().unwrap();
    assert!(plan(&connection, "SELECT cid FROM dataset_entries WHERE schema_ref = ?1").contains("SCAN"));
}
