"""Prints what a Personal Data Server has in a repository, without the package in between.

usage: pds_records.py DID

Server: see pds_server.py. Prints one JSON object: `records`, each with `uri`, `cid` and `value`; and `blobs`, for each CID that a
record refers to the `size` and `sha256` of what the server gives for it.
"""

import hashlib
import json
import sys

import pds_server


def blobs(value):
    if isinstance(value, dict):
        if value.get("$type") == "blob":
            yield value["ref"]["$link"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from blobs(item)


did = sys.argv[1]
records = list(pds_server.records(did))
found = {}
for cid in sorted(set(blobs(records))):
    content = pds_server.query("com.atproto.sync.getBlob", did=did, cid=cid).content
    found[cid] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
print(json.dumps({"records": records, "blobs": found}))
