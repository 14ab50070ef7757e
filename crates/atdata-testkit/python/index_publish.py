"""Publishes schemas and labelled datasets into a SQLite index.

usage: index_publish.py DB

Entries: "first" and "second". Labels: each entry's own name, and "release" 1.0.0 -> first, 2.0.0 -> second.
"""

import sys

import atdata
from numpy.typing import NDArray


@atdata.packable
class Primitives:
    """One field of each primitive type: é."""

    text: str
    number: int
    ratio: float
    flag: bool
    raw: bytes
    words: list[str]
    numbers: list[int]
    maybe: str | None = None


@atdata.packable
class WithArray:
    image: NDArray
    mask: NDArray | None = None


index = atdata.Index(provider="sqlite", path=sys.argv[1], atmosphere=None)
index.publish_schema(Primitives, version="1.0.0")
index.publish_schema(Primitives, version="1.10.0", description="the later one")
index.publish_schema(WithArray)
first = index.insert_dataset(atdata.Dataset[Primitives]("/data/first.tar"), name="first", metadata={"split": "train", "n": 1})
second = index.insert_dataset(atdata.Dataset[WithArray]("/data/second-{0..3}.tar"), name="second")
index.label("release", first.cid, version="1.0.0", description="the first")
index.label("release", second.cid, version="2.0.0")
