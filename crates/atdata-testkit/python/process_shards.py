"""Counts the samples of each shard with Python's process_shards and a checkpoint; fails on the shards that are the
N-th to be worked on.

usage: process_shards.py CHECKPOINT PATTERN [N]...

Prints one JSON object: "results", shard to count, and "failed", a list of shards.
"""

import json
import sys

import atdata

checkpoint, pattern, fails = sys.argv[1], sys.argv[2], [int(n) for n in sys.argv[3:]]
calls = 0


def count(samples):
    global calls
    calls += 1
    if calls in fails:
        raise ValueError("not this one")
    return len(samples)


try:
    results, failed = atdata.Dataset[atdata.DictSample](pattern).process_shards(count, checkpoint=checkpoint), []
except atdata.PartialFailureError as error:
    results, failed = error.results, error.failed_shards
print(json.dumps({"results": results, "failed": failed}))
