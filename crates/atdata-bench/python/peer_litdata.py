"""litData over its own chunks."""

import litdata
import numpy as np
from common import BATCH, main
from litdata.streaming.writer import BinaryWriter


def dataset(job, **options):
    return litdata.StreamingDataset(job.own("litdata"), **options)


def ordered(job):
    for sample in dataset(job):
        job.seen(sample)
        if job.digest.samples == job.samples:
            break
    job.answered()


def batched(job):
    for batch in litdata.StreamingDataLoader(dataset(job), batch_size=BATCH, num_workers=0):
        job.seen_batch({name: value.numpy() if hasattr(value, "numpy") else value for name, value in batch.items()})
        if job.digest.samples >= job.samples:
            break
    job.answered()


def first(job):
    job.seen(next(iter(dataset(job))))
    job.answered()


def random(job):
    whole = dataset(job)
    positions = job.positions()
    job.prepared()
    for position in positions:
        job.seen(whole[position])
    job.answered()


def write(job):
    samples = job.made()
    job.prepared()
    writer = BinaryWriter(job.out, chunk_size=job.spec["per_shard"])
    for number, sample in enumerate(samples):
        writer.add_item(number, sample)
    writer.done()
    writer.merge(1)


ways = {"ordered": ordered, "batched": batched, "first": first, "random": random, "write": write}
main(ways, ["litdata", "torch"])
