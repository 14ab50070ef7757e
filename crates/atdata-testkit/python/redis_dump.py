"""Prints what the installed atdata sees in an index on a Redis server, as one JSON object.

usage: redis_dump.py URL

`datasets` has the content identifier of each name, `labels` that of each "name@version", `schemas` the references.
"""

import importlib.metadata
import json
import sys

from redis import Redis

IS_SEED = importlib.metadata.version("atdata").startswith("0.2")
if IS_SEED:
    from atdata.local import Index
else:
    from atdata import Index

redis = Redis.from_url(sys.argv[1])
index = Index(redis=redis) if IS_SEED else Index(redis=redis, atmosphere=None)
entries = index.list_entries()
labels = [] if IS_SEED else index.list_labels()
plain = {name: cid for name, cid, version in labels if not version}
print(
    json.dumps(
        {
            # The label says which of several entries of a name counts.
            "datasets": {entry.name: plain.get(entry.name, entry.cid) for entry in entries},
            "labels": {f"{name}@{version or ''}": cid for name, cid, version in labels},
            "schemas": sorted(f"{schema['name']}@{schema['version']}" for schema in index.list_schemas()),
            "urls": {entry.cid: entry.data_urls for entry in entries},
            "metadata": {entry.cid: entry.metadata for entry in entries},
        }
    )
)
