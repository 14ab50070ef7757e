"""Measures the installed atdata on an index that `atdata-bench index` has filled: prints rates a second and median
microseconds of one call, as JSON.

usage: index_bench.py ADDRESS ENTRIES
"""

import json
import statistics
import sys
import time

import atdata

address, entries = sys.argv[1], int(sys.argv[2])
if address.startswith("sqlite:"):
    index = atdata.Index(provider="sqlite", path=address.removeprefix("sqlite:"), atmosphere=None)
else:
    from redis import Redis

    index = atdata.Index(redis=Redis.from_url(address), atmosphere=None)

PATIENCE = 20
"""After so many seconds no further call is made."""


@atdata.packable
class Plain:
    n: int


def name(n):
    return f"dataset-{n:07}"


def each(items, call):
    begun, times = time.perf_counter(), []
    for item in items:
        start = time.perf_counter()
        call(item)
        times.append(time.perf_counter() - start)
        if times[-1] + time.perf_counter() - begun > PATIENCE:
            break
    return statistics.median(times) * 1e6


def find(name):
    assert index.get_dataset(name).name == name


names = [name(n * 0x9E3779B97F4A7C15 % 2**64 % entries) for n in range(2000)]
provider = index.provider
measured = {"entries": entries}
measured["name"] = each(names, find)
cid = next(provider.iter_entries()).cid
measured["cid"] = each([cid] * 500, index.get_entry)
measured["label"] = each(range(500), lambda n: index.get_label(f"best-{n}", "1"))
begun = time.perf_counter()
count = 0
for _ in provider.iter_entries():
    count += 1
    if time.perf_counter() - begun > PATIENCE:
        break
measured["list"] = count / (time.perf_counter() - begun)
begun = time.perf_counter()
for n in range(200):
    index.insert_dataset(atdata.Dataset[Plain](f"/data/python-{entries}-{n}.tar"), name=f"python-{entries}-{n}")
measured["insert"] = 200 / (time.perf_counter() - begun)
print(json.dumps(measured))
