"""Writes tricky typed samples with the installed atdata: scalars.tar, arrays.tar, optional.tar, sharded-NNNNNN.tar.

usage: write_shards.py OUTDIR

No text is between 37 and 254 characters and no byte string between 9 and 255 bytes long, so that both sides of a
comparison agree on whether a value is "long" in the tagged encoding.
"""

import contextlib
import dataclasses
import os
import sys

import atdata
import numpy as np
import webdataset as wds
from numpy.typing import NDArray


@atdata.packable
class Scalars:
    name: str
    i: int = 0
    f: float = 0.0
    flag: bool = False
    s: str = ""
    raw: bytes = b""
    opt_i: int | None = None
    opt_s: str | None = None
    strs: list[str] = dataclasses.field(default_factory=list)
    ints: list[int] = dataclasses.field(default_factory=list)
    floats: list[float] = dataclasses.field(default_factory=list)
    nested: list[list[int]] = dataclasses.field(default_factory=list)
    meta: dict = dataclasses.field(default_factory=dict)


@atdata.packable
class Arrays:
    name: str
    arr: NDArray


@atdata.packable
class MaybeArray:
    name: str
    arr: NDArray | None = None


@atdata.packable
class Labelled:
    label: str
    count: int
    arr: NDArray


INTS = [0, 1, -1, 127, 128, -32, -33, 255, 256, 65535, 65536, 2**31, 2**32, -(2**31) - 1, 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1]
FLOATS = [0.0, -0.0, 1.0, 0.1, 1e16, 1e-7, 5e-324, 1.7976931348623157e308, float("inf"), float("-inf"), float("nan")]
TEXTS = ["", "plain", "élan", "\u6f22\u5b57", "\U0001f600", "e\u0301", "a\x00b", "\ufeff", "tab\tquote\"\\", "\u2028", "a" * 36, "é\U0001f600" * 200]
DTYPES = "?bhilqBHILQefdFD"


def scalars():
    yield Scalars("defaults")
    for n, value in enumerate(INTS):
        yield Scalars(f"int_{n}", i=value, opt_i=value, ints=[value, value])
    for n, value in enumerate(FLOATS):
        yield Scalars(f"float_{n}", f=value, floats=[value])
    for n, value in enumerate(TEXTS):
        yield Scalars(f"text_{n}", s=value, opt_s=value, strs=[value, ""])
    for n, value in enumerate([b"\x00", b"\xff\xfe", b"\x93NUMPY", bytes(range(256)), b"x" * 70000]):
        yield Scalars(f"bytes_{n}", raw=value, flag=True)
    yield Scalars("lists", strs=["a", "é"], ints=list(range(300)), nested=[[], [1], [2, 3]])
    yield Scalars("long_list", ints=[n * n for n in range(500)])
    yield Scalars("maps", meta={"a": 1, "b": {"c": [None, True, 1.5, b"\x01"]}, "\u6f22": "é", "": -1})


def arrays():
    for code in DTYPES:
        dtype = np.dtype(code)
        raw = (np.arange(24 * dtype.itemsize) * 37 % 251).astype("u1")
        values = raw % 2 == 0 if code == "?" else raw.view(dtype)
        yield Arrays(dtype.name, values[:24].reshape(2, 3, 4))
        if dtype.itemsize > 1:
            yield Arrays(dtype.name + "_big_endian", values[:6].astype(dtype.newbyteorder(">")))
    base = np.arange(24, dtype="<f4").reshape(4, 6)
    yield Arrays("special", np.array([np.nan, np.inf, -np.inf, -0.0, np.finfo("f4").tiny / 2], "f4"))
    yield Arrays("zero_d", np.array(2.5))
    yield Arrays("empty", np.zeros((0,), "i4"))
    yield Arrays("empty_middle", np.zeros((2, 0, 4), "u1"))
    yield Arrays("fortran", np.asfortranarray(base))
    yield Arrays("transposed", base.T)
    yield Arrays("strided", base[::2, 1::2])
    yield Arrays("reversed", base[::-1])
    yield Arrays("broadcast", np.broadcast_to(np.arange(3, dtype="i2"), (4, 3)))
    yield Arrays("rank_7", np.arange(128, dtype="u1").reshape((2,) * 7))
    yield Arrays("large", np.arange(100_000, dtype="u4"))


def optional_arrays():
    yield MaybeArray("absent")
    yield MaybeArray("none", None)
    yield MaybeArray("present", np.arange(5, dtype="i8"))


def sharded():
    for n in range(25):
        yield Labelled(["cat", "élan", "\u9ce5"][n % 3], n * n, np.full((n % 4, 3), n, "u1"))


def write(samples, path, max_count=None):
    samples = list(samples)
    if hasattr(atdata, "write_samples"):
        atdata.write_samples(samples, path, maxcount=max_count)
        return
    writer = wds.writer.ShardWriter(path.replace(".tar", "-%06d.tar"), maxcount=max_count) if max_count else wds.writer.TarWriter(path)
    with writer:
        for sample in samples:
            writer.write(sample.as_wds)


out = sys.argv[1]
os.makedirs(out, exist_ok=True)
with contextlib.redirect_stdout(sys.stderr):
    write(scalars(), f"{out}/scalars.tar")
    write(arrays(), f"{out}/arrays.tar")
    write(optional_arrays(), f"{out}/optional.tar")
    write(sharded(), f"{out}/sharded.tar", max_count=10)
