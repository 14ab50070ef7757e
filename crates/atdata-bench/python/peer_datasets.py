"""Hugging Face datasets: Arrow files that are mapped."""

import arrow
import datasets
import pyarrow as pa
from common import ARRAYS, BATCH, main

# Rows that are taken at once where order is all that is asked for.
SCAN = {"small": 1000, "medium": 64, "large": 4}


def dataset(job):
    return datasets.load_from_disk(job.own("datasets"))


def scan(job, rows):
    for table in dataset(job).select(range(job.samples)).with_format("arrow").iter(rows):
        job.seen_batch(arrow.columns(job.kind, table))


def ordered(job):
    scan(job, SCAN[job.kind])


def batched(job):
    scan(job, BATCH)


def rows(job):
    """Row by row, as a training loop does."""
    for sample in dataset(job).select(range(job.samples)).with_format("numpy"):
        job.seen(row(job, sample))


def row(job, sample):
    """The sample with its array as it was: it has lost its shape, and whole numbers have become 64 bits wide."""
    name, dtype, shape = ARRAYS[job.kind]
    return sample | {name: sample[name].astype(dtype, copy=False).reshape(shape)}


def first(job):
    job.seen(row(job, dataset(job).with_format("numpy")[0]))
    job.answered()


def random(job):
    whole = dataset(job).with_format("arrow")
    positions = job.positions()
    job.prepared()
    for position in positions:
        job.seen_batch(arrow.columns(job.kind, whole[position]))


def write(job):
    datasets.disable_progress_bars()
    table = pa.Table.from_batches(arrow.batches(job))
    job.prepared()
    datasets.Dataset(table).save_to_disk(job.out, num_shards=10)


ways = {"ordered": ordered, "batched": batched, "ordered-rows": rows, "first": first, "random": random, "write": write}
main(ways, ["datasets", "pyarrow"])
