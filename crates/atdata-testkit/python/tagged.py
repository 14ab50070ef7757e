"""Tagged JSON of decoded values, the encoding of `fixtures/python-0.7/README.md`, and typed reading of a shard."""

import hashlib
import struct

import atdata
import msgpack
import numpy as np
import webdataset as wds
from numpy.typing import NDArray

LONG_STR = 200  # characters
LONG_BYTES = 64
LONG_LIST = 400


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def tag(value):
    """One decoded value as tagged JSON."""
    if value is None:
        return {"t": "nil"}
    if isinstance(value, bool):
        return {"t": "bool", "v": value}
    if isinstance(value, int):
        return {"t": "int", "v": str(value)}
    if isinstance(value, float):
        return {"t": "float", "v": repr(value), "bits": struct.pack(">d", value).hex()}
    if isinstance(value, str):
        if len(value) <= LONG_STR:
            return {"t": "str", "v": value}
        utf8 = value.encode()
        return {"t": "str", "utf8_len": len(utf8), "sha256": sha256(utf8), "head": value[:24]}
    if isinstance(value, bytes):
        tagged = {"t": "bytes", "len": len(value), "sha256": sha256(value)}
        return tagged | {"hex": value.hex()} if len(value) <= LONG_BYTES else tagged
    if isinstance(value, (list, tuple)):
        if len(value) > LONG_LIST:
            return {"t": "list", "len": len(value), "msgpack_sha256": sha256(msgpack.packb(value))}
        return {"t": "list", "v": [tag(item) for item in value]}
    if isinstance(value, dict):
        return {"t": "map", "v": [[tag(key), tag(item)] for key, item in value.items()]}
    if isinstance(value, np.ndarray):
        return tag_array(value)
    raise TypeError(f"no tagged form for {type(value).__name__}")


def tag_array(array):
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return {
        "t": "array",
        "dtype": array.dtype.str,
        "shape": list(array.shape),
        "nbytes": array.nbytes,
        "sha256_le_c": sha256(little.tobytes("C")),
        "first": [repr(item) for item in array.ravel()[:4].tolist()],
    }


def sample_type(names, arrays):
    """A packable class with these fields; only those named in `arrays` are array fields."""
    annotations = {name: (NDArray | None) if name in arrays else object for name in names}
    return atdata.packable(type("Sample", (), {"__annotations__": annotations}))


def type_of_shard(tar, arrays):
    """A packable class with the fields of the shard's first sample, or None for an empty shard."""
    first = next(iter(atdata.Dataset[atdata.DictSample](tar).ordered()), None)
    return first and sample_type(first.keys(), arrays)


def read(tar, cls):
    """Yields each sample of a shard as a line of `atdata cat --format tagged`; `cls` decodes it."""
    if cls is None:
        return
    keys = (raw["__key__"] for raw in wds.WebDataset(tar, shardshuffle=False, empty_check=False))
    for key, sample in zip(keys, atdata.Dataset[cls](tar).ordered(), strict=True):
        yield {"key": key, "shard": tar, "fields": [[name, tag(value)] for name, value in vars(sample).items()]}
