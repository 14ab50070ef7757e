"""Does N mixed things with an index on a Redis server: inserts datasets PREFIX-00000 …, replaces shared ones, sets labels,
publishes schemas, and finds what it inserted. Waits between opening and working, so that several can be started together:
prints "ready" when the index is open, then reads a line from standard input. The Rust program `redis-index work` does the
same.

usage: redis_work.py URL N PREFIX

Version 0.2 of the package has neither labels nor one entry for a name that is replaced: it does the rest.
"""

import importlib.metadata
import sys

import atdata
from redis import Redis

IS_SEED = importlib.metadata.version("atdata").startswith("0.2")
if IS_SEED:
    from atdata.local import Index
else:
    from atdata import Index


@atdata.packable
class Worked:
    name: str
    number: int


url, count, prefix = sys.argv[1], int(sys.argv[2]), sys.argv[3]
redis = Redis.from_url(url)
index = Index(redis=redis) if IS_SEED else Index(redis=redis, atmosphere=None)
print("ready", flush=True)
sys.stdin.readline()
last = None
for n in range(count):
    kind = n % 5
    name = f"{prefix}-{n:05}"
    dataset = atdata.Dataset[Worked](f"/data/{name}.tar")
    if kind in (0, 1) and (IS_SEED or kind == 0):
        last = index.insert_dataset(dataset, name=name, metadata={"n": n})
    elif kind == 1:
        index.insert_dataset(dataset, name=f"shared-{n % 50}")
    elif kind == 2 and not IS_SEED:
        index.label(f"best-{n % 20}", last.cid, version=f"{n % 3}.0.0")
    elif kind == 3:
        index.publish_schema(Worked, version=f"{n}.0.{ord(prefix[0])}")
    elif kind == 4 and n % 250 == 4:
        # Looking at every key takes long.
        found = index.get_entry(last.cid) if IS_SEED else index.get_dataset(name := f"{prefix}-{n - 4:05}")
        assert IS_SEED or found.name == name, (found, name)
