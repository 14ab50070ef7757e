"""Tables of Arrow for the peers that store them."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from common import ARRAYS

TYPES = {"float32": pa.float32(), "uint8": pa.uint8()}
ROWS = {"small": 20_000, "medium": 250, "large": 10}


def schema(kind):
    name, dtype, shape = ARRAYS[kind]
    array = pa.field(name, pa.list_(TYPES[dtype], int(np.prod(shape))))
    fields = {
        "small": [pa.field("id", pa.int64()), pa.field("label", pa.string()), pa.field("score", pa.float64()), array],
        "medium": [array, pa.field("label", pa.int64())],
        "large": [array],
    }
    return pa.schema(fields[kind])


def batches(job):
    """The samples to write, in record batches."""
    name, _, shape = ARRAYS[job.kind]
    rows = []
    for sample in job.made():
        rows.append(sample)
        if len(rows) == ROWS[job.kind]:
            yield batch(job.kind, rows)
            rows = []
    if rows:
        yield batch(job.kind, rows)


def batch(kind, rows):
    name, _, shape = ARRAYS[kind]
    columns = []
    for field in schema(kind):
        values = [row[field.name] for row in rows]
        if field.name == name:
            flat = pa.array(np.concatenate([value.reshape(-1) for value in values]))
            columns.append(pa.FixedSizeListArray.from_arrays(flat, int(np.prod(shape))))
        else:
            columns.append(pa.array(values, field.type))
    return pa.record_batch(columns, schema=schema(kind))


def columns(kind, batch):
    """The columns of a record batch as NumPy arrays over its memory; of labels their length in all."""
    name, _, shape = ARRAYS[kind]
    found = {name: stacked(batch.column(name)).reshape(-1, *shape)}
    if kind == "small":
        found["id"] = batch.column("id").to_numpy()
        found["score"] = batch.column("score").to_numpy()
        found["label"] = pc.sum(pc.binary_length(batch.column("label"))).as_py()
    elif kind == "medium":
        found["label"] = batch.column("label").to_numpy()
    return found


def stacked(column):
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    return column.flatten().to_numpy()
