"""Lance: a columnar scan, its batches, and rows by position."""

import arrow
import lance
from common import BATCH, main

# Rows of a scan: a batch of some MiB, as large as its own reads.
SCAN = {"small": 8192, "medium": 64, "large": 4}


def dataset(job):
    return lance.dataset(job.own("lance"))


def scan(job, rows):
    left = job.samples
    for batch in dataset(job).to_batches(batch_size=rows):
        job.seen_batch(arrow.columns(job.kind, batch))
        left -= batch.num_rows
        if left <= 0:
            break


def ordered(job):
    scan(job, SCAN[job.kind])


def batched(job):
    scan(job, BATCH)


def first(job):
    batch = next(iter(dataset(job).to_batches(batch_size=1)))
    job.seen_batch(arrow.columns(job.kind, batch.slice(0, 1)))
    job.answered()


def random(job):
    whole = dataset(job)
    positions = job.positions()
    job.prepared()
    for position in positions:
        job.seen_batch(arrow.columns(job.kind, whole.take([position])))


def write(job):
    lance.write_dataset(arrow.batches(job), job.out, arrow.schema(job.kind), max_rows_per_file=job.spec["per_shard"], mode="overwrite")


ways = {"ordered": ordered, "batched": batched, "first": first, "random": random, "write": write}
main(ways, ["pylance", "pyarrow"])
