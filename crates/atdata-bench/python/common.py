"""What the measured Python programs share: arguments, the data, the digest and the line of JSON.

A program gives `main` its ways by name. Each is a function of a `Job`, which holds what to read or write and the digest
to fold samples into. The counterpart in Rust is in ../src; both do the same with a sample.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import resource
import time

import numpy as np

BATCH = 32
SEED = 42
LABELS = ["cat", "lion", "panda", "walrus", "leopard", "antelope", "albatross", "chimpanzee", "grasshopper", "ox"]

# The array of each kind of sample.
ARRAYS = {
    "small": ("x", "float32", (64,)),
    "medium": ("image", "uint8", (224, 224, 3)),
    "large": ("volume", "float32", (128, 128, 64)),
}
WRAP = 2**64


def words(array):
    """The sum of the little-endian words of 64 bits."""
    flat = np.ascontiguousarray(array).reshape(-1).view("u1").view("<u8")
    return int(np.add.reduce(flat, dtype="u8"))


def clocks():
    """Wall time, and processor time of all threads."""
    return time.perf_counter(), time.process_time()


class Digest:
    def __init__(self):
        self.samples = self.numbers = self.order = self.fields = self.words = 0

    def sample(self, kind, sample):
        """Sees one sample, a dict of its fields."""
        name, _, _ = ARRAYS[kind]
        array = sample[name]
        if kind == "small":
            number = int(sample["id"])
            self.fields += len(sample["label"]) + int(sample["score"] * 2)
        elif kind == "medium":
            number = int(sample["label"])
        else:
            number = int(array[0, 0, 0])
        self.samples += 1
        self.numbers += number
        self.order += number * self.samples
        self.words += words(array)

    def batch(self, kind, columns):
        """Sees a batch, a dict of columns; of labels it may be their length in all."""
        name, _, _ = ARRAYS[kind]
        arrays = columns[name]
        if kind == "small":
            numbers = np.asarray(columns["id"])
            labels = columns["label"]
            self.fields += labels if isinstance(labels, int) else sum(map(len, labels))
            self.fields += int(np.asarray(columns["score"]).sum() * 2)
        elif kind == "medium":
            numbers = np.asarray(columns["label"])
        else:
            numbers = np.asarray(arrays[:, 0, 0, 0])
        numbers = numbers.astype("u8")
        places = np.arange(self.samples + 1, self.samples + 1 + len(numbers), dtype="u8")
        self.samples += len(numbers)
        self.numbers += int(numbers.sum())
        self.order += int((numbers * places).sum())
        self.words += words(arrays)

    def as_dict(self):
        return {name: value % WRAP for name, value in vars(self).items()}


class Job:
    def __init__(self, arguments):
        self.data = pathlib.Path(arguments.data)
        self.kind = arguments.workload
        self.origin = arguments.origin
        self.out = arguments.out
        self.spec = json.loads((self.data / "plan.json").read_text())[self.kind]
        self.samples = arguments.samples or self.spec["samples"]
        self.digest = Digest()
        self.opening = 0.0
        self.taken = None
        self.begun = clocks()

    def prepared(self):
        """Starts the clocks again."""
        self.opening = clocks()[0] - self.begun[0]
        self.begun = clocks()

    def answered(self):
        """Stops the clocks, unless they stand."""
        if self.taken is None:
            self.taken = [now - then for now, then in zip(clocks(), self.begun)]

    def shards(self):
        """The tar files that hold the samples of this run."""
        return self.all_shards()[: self.samples // self.spec["per_shard"]]

    def all_shards(self):
        return sorted(str(path) for path in (self.data / self.origin / self.kind).glob("*.tar"))

    def own(self, name):
        """Where a format of its own is."""
        return str(self.data / name / self.kind)

    def positions(self):
        return np.fromfile(self.data / "pool" / f"{self.kind}-positions.bin", "<u8")[: self.samples].tolist()

    def arrays(self):
        _, dtype, shape = ARRAYS[self.kind]
        return np.fromfile(self.data / "pool" / f"{self.kind}-arrays.bin", dtype).reshape(-1, *shape)

    def made(self):
        """The samples to write, as dicts."""
        arrays = self.arrays()
        name, _, _ = ARRAYS[self.kind]
        for number in range(self.samples):
            sample = {name: arrays[number % len(arrays)]}
            if self.kind == "small":
                yield {"id": number, "label": LABELS[number % 10], "score": number / 2} | sample
            elif self.kind == "medium":
                yield sample | {"label": number}
            else:
                yield sample

    def seen(self, sample):
        self.digest.sample(self.kind, sample)

    def seen_batch(self, columns):
        self.digest.batch(self.kind, columns)


def main(ways, packages):
    parser = argparse.ArgumentParser()
    parser.add_argument("--versions", action="store_true")
    parser.add_argument("--data")
    parser.add_argument("--workload", choices=ARRAYS)
    parser.add_argument("--way", choices=ways)
    parser.add_argument("--origin", default="python")
    parser.add_argument("--samples", type=int)
    parser.add_argument("--out")
    arguments = parser.parse_args()
    if arguments.versions:
        print(json.dumps({name: importlib.metadata.version(name) for name in packages}))
        return
    job = Job(arguments)
    ways[arguments.way](job)
    job.answered()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    seconds, processor = job.taken
    line = {"digest": job.digest.as_dict(), "seconds": seconds, "processor": processor}
    line |= {"opening": job.opening, "configured": 0, "peak_rss": peak}
    print(json.dumps(line), flush=True)
    # Some of the libraries wait for threads or processes of theirs; what they do then is not measured.
    os._exit(0)
