"""Inserts N datasets named PREFIX-00000 … into a SQLite index; waits between opening and inserting, so that two
writers can be started together: prints "ready" when the index is open, then reads a line from standard input.

usage: index_insert.py DB N PREFIX
"""

import sys

import atdata


@atdata.packable
class Inserted:
    name: str
    number: int


db, count, prefix = sys.argv[1], int(sys.argv[2]), sys.argv[3]
index = atdata.Index(provider="sqlite", path=db, atmosphere=None)
print("ready", flush=True)
sys.stdin.readline()
for n in range(count):
    index.insert_dataset(atdata.Dataset[Inserted](f"/data/{prefix}-{n:05}.tar"), name=f"{prefix}-{n:05}", metadata={"n": n})
