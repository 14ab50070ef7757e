"""mosaicml-streaming over its own MDS shards."""

import numpy as np
import streaming
from common import ARRAYS, BATCH, SEED, main
from streaming import MDSWriter, StreamingDataset
from torch.utils.data import DataLoader


def columns(kind):
    name, dtype, shape = ARRAYS[kind]
    array = {name: f"ndarray:{dtype}:{','.join(map(str, shape))}"}
    return {
        "small": {"id": "int64", "label": "str", "score": "float64"} | array,
        "medium": array | {"label": "int64"},
        "large": array,
    }[kind]


def dataset(job, **options):
    streaming.base.util.clean_stale_shared_memory()
    # It divides samples among workers in batches; with single samples it is many times slower.
    return StreamingDataset(local=job.own("streaming"), batch_size=BATCH, **options)


def ordered(job):
    for sample in dataset(job):
        job.seen(sample)
        if job.digest.samples == job.samples:
            break
    job.answered()


def batched(job):
    for batch in DataLoader(dataset(job), batch_size=BATCH, collate_fn=stack):
        job.seen_batch(batch)
        if job.digest.samples >= job.samples:
            break
    job.answered()


def stack(samples):
    found = {}
    for field in samples[0]:
        values = [sample[field] for sample in samples]
        found[field] = np.stack(values) if isinstance(values[0], np.ndarray) else values
    return found


def shuffled(job):
    for sample in dataset(job, shuffle=True, shuffle_seed=SEED):
        job.seen(sample)


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
    kinds = columns(job.kind)
    samples = job.made()
    one = next(samples)
    size = sum(value.nbytes if isinstance(value, np.ndarray) else 16 for value in one.values())
    job.prepared()
    with MDSWriter(out=job.out, columns=kinds, size_limit=size * job.spec["per_shard"]) as writer:
        writer.write(scalars(one))
        for sample in samples:
            writer.write(scalars(sample))


def scalars(sample):
    numbers = {int: np.int64, float: np.float64}
    return {name: numbers.get(type(value), lambda same: same)(value) for name, value in sample.items()}


ways = {"ordered": ordered, "batched": batched, "shuffled": shuffled, "first": first, "random": random, "write": write}
main(ways, ["mosaicml-streaming", "torch"])
