"""Publishes schemas, datasets of every kind of storage, labels and lenses on a Personal Data Server.

usage: pds_publish.py DIR URL

Server and account: see pds.py. DIR has sharded-000000.tar and so on, as write_shards.py writes them; URL is where a web
server has the same files. Prints one JSON object: `did`, `handle`, and lists with an address (`uri`) and what was said
of each: `schemas`, `datasets` (with the SHA-256 of its shards), `labels`, `lenses`; and `refused`, what the package
could not publish, with its error.

Both versions publish the datasets `urls`, `braces`, `blobs` and `whole`, and 0.7 also `noted`, with metadata, which 0.2
is refused since its bytes do not become JSON; further 0.7 publishes `s3`, `sums`, with checksums, and `written`, and is
refused `float`, since records have no such numbers.
"""

import contextlib
import glob
import hashlib
import json
import os
import sys

import atdata
import pds
from atdata import atmosphere
from numpy.typing import NDArray

LATEST = pds.Atmosphere is not None

directory, web = sys.argv[1], sys.argv[2].rstrip("/")
shards = sorted(glob.glob(os.path.join(directory, "sharded-*.tar")))
urls = [f"{web}/{os.path.basename(shard)}" for shard in shards]
braces = f"{web}/sharded-{{000000..{len(shards) - 1:06}}}.tar"
contents = [open(shard, "rb").read() for shard in shards]
sums = [hashlib.sha256(content).hexdigest() for content in contents]


@atdata.packable
class Labelled:
    """A label, a count and an image."""

    label: str
    count: int
    arr: NDArray


@atdata.packable
class Everything:
    text: str
    number: int
    ratio: float
    flag: bool
    raw: bytes
    image: NDArray
    words: list[str]
    numbers: list[int]
    table: list[list[float]]
    mask: NDArray | None = None
    maybe: str | None = None


@atdata.packable
class Counted:
    label: str
    count: int


@atdata.lens
def counted(source: Labelled) -> Counted:
    return Counted(label=source.label, count=source.count)


@counted.putter
def put_counted(view: Counted, source: Labelled) -> Labelled:
    return Labelled(label=view.label, count=view.count, arr=source.arr)


client = pds.client()
published = {"did": client.did, "handle": client.handle, "schemas": [], "datasets": [], "labels": [], "lenses": [], "refused": []}
about = {"description": "Birds and cats: é.", "tags": ["birds", "漢字"], "license": "CC-BY-4.0"}
metadata = {"split": "train", "source_uri": "https://example.org/raw", "n": 3, "nested": {"a": [1, None, True]}}


def note(kind, publish, **facts):
    """Publishes something, and notes where it is and what was said of it."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            uri = str(publish())
    except Exception as error:
        published["refused"].append(facts | {"kind": kind, "error": f"{type(error).__name__}: {error}"})
        return None
    published[kind].append({"uri": uri} | facts)
    return uri


def dataset(name, storage, publish, **facts):
    return note("datasets", lambda: publish(name=name, **facts), name=name, storage=storage, schema=schema, sha256=sums, **facts)


schemas = atmosphere.SchemaPublisher(client)
schema = note("schemas", lambda: schemas.publish(Labelled, version="1.2.0", description="Labels: é"), name="Labelled", version="1.2.0")
note("schemas", lambda: schemas.publish(Everything), name="Everything", version="1.0.0")
view = note("schemas", lambda: schemas.publish(Counted, version="0.1.0-beta"), name="Counted", version="0.1.0-beta")

datasets = atmosphere.DatasetPublisher(client)
linked = "http" if LATEST else "external"
first = dataset("urls", linked, lambda **facts: datasets.publish_with_urls(urls, schema, **facts), **about)
dataset("noted", linked, lambda **facts: datasets.publish_with_urls(urls[:1], schema, **facts), metadata=metadata)
dataset("braces", linked, lambda **facts: datasets.publish_with_urls([braces], schema, **facts))
blobs = dataset("blobs", "blobs", lambda **facts: datasets.publish_with_blobs(contents, schema, **facts), **about)
dataset("whole", linked, lambda **facts: datasets.publish(atdata.Dataset[Labelled](braces), schema_uri=schema, **facts), **about)

lenses = atmosphere.LensPublisher(client)
code = {"code_repository": "https://example.org/lenses.git", "code_commit": "0123456789abcdef0123456789abcdef01234567"}
schemas_of_lens = {"source_schema_uri": schema, "target_schema_uri": view}
note("lenses", lambda: lenses.publish_from_lens(counted, name="counted", description="é", **schemas_of_lens, **code), name="counted", source=schema, target=view)
if not LATEST:
    note("lenses", lambda: lenses.publish(name="bare", **schemas_of_lens), name="bare", source=schema, target=view)

if LATEST:
    checksums = [atmosphere.ShardChecksum("sha256", digest) for digest in sums]
    keys = [f"birds/{os.path.basename(shard)}" for shard in shards]
    place = {"region": "us-east-1", "endpoint": "https://s3.example.org"}
    dataset("s3", "s3", lambda **facts: datasets.publish_with_s3("a-bucket", keys, schema, checksums=checksums, **place, **facts), **about)
    content = {"metadata_schema_ref": view, "content_metadata": {"label": "all", "count": 25}}
    dataset("sums", "http", lambda **facts: datasets.publish_with_urls(urls, schema, checksums=checksums, **facts), **content)
    dataset("float", "http", lambda **facts: datasets.publish_with_urls(urls, schema, **facts), metadata={"ratio": 0.5})
    index = atdata.Index(provider="sqlite", path="index.db", atmosphere=client)
    samples = list(atdata.Dataset[Labelled](shards[0]).ordered())
    with contextlib.redirect_stdout(sys.stderr):
        entry = index.write_samples(samples, name=f"@{client.handle}/written", schema_ref=schema, **about)
    published["datasets"].append({"uri": entry.uri, "name": "written", "storage": "blobs", "schema": schema} | about)
    labels = atmosphere.LabelPublisher(client)

    def label(name, uri, **facts):
        return note("labels", lambda: labels.publish(name, uri, **facts), name=name, dataset=uri, **facts)

    label("release", first, version="1.0.0", description="the first: é")
    label("release", blobs, version="2.0.0")
    label("plain", first)

print(json.dumps(published))
