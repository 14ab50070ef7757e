"""Python's atdata."""

import contextlib
import sys

import atdata
from common import BATCH, main
from numpy.typing import NDArray


@atdata.packable
class Small:
    id: int
    label: str
    score: float
    x: NDArray


@atdata.packable
class Medium:
    image: NDArray
    label: int


@atdata.packable
class Large:
    volume: NDArray


TYPES = {"small": Small, "medium": Medium, "large": Large}


def dataset(job, shards):
    return atdata.Dataset[TYPES[job.kind]](atdata.URLSource(shards[0]) if len(shards) == 1 else braces(shards))


def braces(shards):
    head, tail = shards[0][:-10], ".tar"
    return f"{head}{{{shards[0][-10:-4]}..{shards[-1][-10:-4]}}}{tail}"


def ordered(job):
    for sample in dataset(job, job.shards()).ordered():
        job.seen(vars(sample))


def batched(job):
    fields = TYPES[job.kind].__dataclass_fields__
    for batch in dataset(job, job.shards()).ordered(batch_size=BATCH):
        job.seen_batch({name: getattr(batch, name) for name in fields})


def shuffled(job):
    for sample in dataset(job, job.shards()).shuffled():
        job.seen(vars(sample))


def first(job):
    sample = next(iter(dataset(job, job.all_shards()).ordered()))
    job.seen(vars(sample))
    job.answered()


def write(job):
    kind = TYPES[job.kind]
    samples = (kind(**fields) for fields in job.made())
    job.prepared()
    with contextlib.redirect_stdout(sys.stderr):
        atdata.write_samples(samples, f"{job.out}/data.tar", maxcount=job.spec["per_shard"])


def random(job):
    """By key, which searches from the start: the keys that Rust's writer gives."""
    whole = dataset(job, job.all_shards())
    positions = job.positions()
    job.prepared()
    for position in positions:
        job.seen(vars(whole.get(f"{position:012}")))


def consumer(job):
    """What the consumer alone costs: samples that are there already."""
    samples = list(job.made())
    job.prepared()
    for sample in samples:
        job.seen(sample)


ways = {
    "ordered": ordered,
    "batched": batched,
    "shuffled": shuffled,
    "first": first,
    "random": random,
    "write": write,
    "consumer": consumer,
}
main(ways, ["atdata", "webdataset", "numpy", "ormsgpack"])
