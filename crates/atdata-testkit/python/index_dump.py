"""Prints what the installed atdata sees in a SQLite index, as one JSON object.

usage: index_dump.py DB

`by_name` is what looking up each entry's name gives, `by_label` what each label resolves to.
"""

import json
import sqlite3
import sys

import atdata

db = sys.argv[1]
index = atdata.Index(provider="sqlite", path=db, atmosphere=None)
entries = index.list_entries()
labels = index.list_labels()
with sqlite3.connect(db) as connection:
    (integrity,) = connection.execute("PRAGMA integrity_check").fetchone()
print(
    json.dumps(
        {
            "integrity": integrity,
            "entries": [
                {"name": e.name, "cid": e.cid, "schema_ref": e.schema_ref, "data_urls": e.data_urls, "metadata": e.metadata}
                for e in entries
            ],
            "by_name": {e.name: index.get_entry_by_name(e.name).cid for e in entries},
            "labels": [{"name": name, "cid": cid, "version": version} for name, cid, version in labels],
            "by_label": [
                {"name": name, "version": version, "entry": index.get_label(name, version).name} for name, _, version in labels
            ],
            "schemas": index.list_schemas(),
        },
        default=repr,
    )
)
