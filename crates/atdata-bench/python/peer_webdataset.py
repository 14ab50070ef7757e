"""webdataset over the same tar files, with the least decoding that gives the same samples."""

import numpy as np
import ormsgpack
import webdataset as wds
from atdata._helpers import bytes_to_array
from common import ARRAYS, BATCH, main


def decoder(kind):
    name, _, _ = ARRAYS[kind]

    def decode(sample):
        fields = ormsgpack.unpackb(sample["msgpack"])
        fields[name] = bytes_to_array(fields[name])
        return fields

    return decode


def stack(kind):
    name, _, _ = ARRAYS[kind]

    def collate(samples):
        columns = {field: [sample[field] for sample in samples] for field in samples[0]}
        columns[name] = np.stack(columns[name])
        return columns

    return collate


def dataset(job, shards):
    return wds.WebDataset(shards, shardshuffle=False, empty_check=False)


def ordered(job):
    for sample in dataset(job, job.shards()).map(decoder(job.kind)):
        job.seen(sample)


def batched(job):
    samples = dataset(job, job.shards()).map(decoder(job.kind))
    for columns in samples.batched(BATCH, collation_fn=stack(job.kind)):
        job.seen_batch(columns)


def shuffled(job):
    for sample in dataset(job, job.shards()).shuffle(10_000).map(decoder(job.kind)):
        job.seen(sample)


def first(job):
    job.seen(next(iter(dataset(job, job.all_shards()).map(decoder(job.kind)))))
    job.answered()


ways = {"ordered": ordered, "batched": batched, "shuffled": shuffled, "first": first}
main(ways, ["webdataset"])
