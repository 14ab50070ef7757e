"""Prints what the installed atdata makes of a repository on a Personal Data Server, as one JSON object.

usage: pds_read.py DID [LABEL[@VERSION]]...

Server and reader: see pds.py; the records are those of the version's own collections. `listed` has the names that
listing gives. `datasets`, `schemas`, `lenses` and `labels` have what is read of each by its address; `resolved` (0.7)
what each LABEL leads to. What the package cannot do is {"error": …}. A member `typed` (0.7) is whether its classes for
records take it.
"""

import json
import sys
import typing
import warnings

import atdata
import numpy as np
import pds
import pds_server
from atdata import atmosphere

LATEST = pds.Atmosphere is not None
if LATEST:
    from atdata._schema_codec import _schema_to_type as schema_to_type

    KINDS = {"schema": "schemas", "entry": "datasets", "lens": "lenses", "label": "labels"}
else:
    from atdata._schema_codec import schema_to_type

    KINDS = {"sampleSchema": "schemas", "record": "datasets", "lens": "lenses"}

warnings.simplefilter("ignore")
did, wanted = sys.argv[1], sys.argv[2:]
client = pds.client()
loaders = {
    "schemas": atmosphere.SchemaLoader(client),
    "datasets": atmosphere.DatasetLoader(client),
    "lenses": atmosphere.LensLoader(client),
} | ({"labels": atmosphere.LabelLoader(client)} if LATEST else {})


def attempt(work):
    """What something gives, or why it does not."""
    try:
        return work()
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def shown(annotation):
    """A type as its author writes it."""
    arguments = [shown(it) for it in typing.get_args(annotation) if it is not type(None)]
    if typing.get_origin(annotation) is np.ndarray:
        return "NDArray"
    if typing.get_origin(annotation) is typing.Union:
        return f"{arguments[0]} | None"
    if typing.get_origin(annotation) is list:
        return f"list[{arguments[0]}]"
    return getattr(annotation, "__name__", str(annotation))


def schema(uri, record):
    sample_type = schema_to_type(record)
    fields = [[name, shown(annotation)] for name, annotation in sample_type.__annotations__.items()]
    return {"name": sample_type.__name__, "version": record["version"], "fields": fields}


def dataset(uri, record):
    loader = loaders["datasets"]
    entry = atmosphere.AtmosphereIndexEntry(uri, record)
    storage = attempt(lambda: loader.get_storage_type(uri))
    urls = attempt(lambda: (loader.get_blob_urls if storage == "blobs" else loader.get_urls)(uri))
    of_entry = {"name": entry.name, "schema_ref": entry.schema_ref, "data_urls": attempt(lambda: entry.data_urls)}
    metadata = {"metadata": attempt(lambda: entry.metadata), "metadata_of_loader": attempt(lambda: loader.get_metadata(uri))}
    said = {key: record.get(key) for key in ("description", "tags", "license")}
    return of_entry | {"storage": storage, "urls": urls} | metadata | said


def read(kind, uri):
    loader = loaders[kind]
    record = loader.get(uri)
    found = {"schemas": schema, "datasets": dataset}.get(kind, lambda uri, record: record)(uri, record)
    return found | ({"typed": attempt(lambda: bool(loader.get_typed(uri)))} if LATEST else {})


def resolved(index, label):
    name, _, version = label.partition("@")
    entry = index.get_label(f"@{did}/{name}", version or None)
    return {"uri": entry.uri, "name": entry.name}


answer = {"listed": {}} | {kind: {} for kind in KINDS.values()}
for kind, loader in loaders.items():
    answer["listed"][kind] = attempt(lambda: [record["name"] for record in loader.list_all(repo=did)])
for record in pds_server.records(did):
    collection = record["uri"].split("/")[3]
    kind = KINDS.get(collection.rpartition(".")[2]) if collection.startswith(atmosphere._types.LEXICON_NAMESPACE) else None
    if kind:
        answer[kind][record["uri"]] = attempt(lambda: read(kind, record["uri"]))
if LATEST:
    index = atdata.Index(provider="sqlite", path="read.db", atmosphere=client)
    answer["resolved"] = {label: attempt(lambda: resolved(index, label)) for label in wanted}
print(json.dumps(answer))
