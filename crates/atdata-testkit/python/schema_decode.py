"""Decodes the stored schema of a dataset into a class, and reads the dataset with it; prints tagged JSON lines.

usage: schema_decode.py DB NAME
"""

import json
import sys

import atdata
import tagged

index = atdata.Index(provider="sqlite", path=sys.argv[1], atmosphere=None)
entry = index.get_dataset(sys.argv[2])
# This version refuses the prefix that 0.2 writes; the name and the version are the same in both.
cls = index.get_schema_type("atdata://local/schema/" + entry.schema_ref.rsplit("/", 1)[1])
for url in entry.data_urls:
    for line in tagged.read(url, cls):
        print(json.dumps(line))
