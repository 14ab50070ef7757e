"""Streams the samples of datasets on a Personal Data Server, as `atdata cat --format tagged` prints them.

usage: pds_cat.py URI...

Server and reader: see pds.py. The type of the samples is made from the schema that the record names, and the shards are
those that the package finds. Then all samples are read again by the dataset that the package makes of the record (0.2
gives that the first shard only), and have to be the same.
"""

import json
import sys

import atdata
import pds
import tagged
from atdata import atmosphere

client = pds.client()
loader = atmosphere.DatasetLoader(client)


def cat(uri):
    """Prints the samples of a dataset."""
    if pds.Atmosphere:
        index = atdata.Index(provider="sqlite", path="read.db", atmosphere=client)
        sample_type = index.get_schema_type(loader.get(uri)["schemaRef"])
    else:
        index = atmosphere.AtmosphereIndex(client)
        sample_type = index.decode_schema(index.get_dataset(uri).schema_ref)
    urls = loader.get_blob_urls(uri) if loader.get_storage_type(uri) == "blobs" else loader.get_urls(uri)
    lines = [line for url in urls for line in tagged.read(url, sample_type)]
    for line in lines:
        print(json.dumps(line))

    again = [[[name, tagged.tag(value)] for name, value in vars(it).items()] for it in loader.to_dataset(uri, sample_type).ordered()]
    expected = [line["fields"] for line in lines if pds.Atmosphere or line["shard"] == urls[0]]
    assert again == expected, f"{uri}: {len(expected)} samples by shard, {len(again)} others by the dataset"


for uri in sys.argv[1:]:
    cat(uri)
