"""A Personal Data Server of tests, asked without the package, which takes long to load.

Where it is: TEST_PDS_URL, and TEST_PLC_URL for the directory of its accounts.
"""

import os

import requests

PDS_URL = os.environ["TEST_PDS_URL"].rstrip("/")
PLC_URL = os.environ["TEST_PLC_URL"].rstrip("/")


def query(method, **parameters):
    """What the server answers to a method."""
    response = requests.get(f"{PDS_URL}/xrpc/{method}", params=parameters)
    response.raise_for_status()
    return response


def records(did):
    """All records of a repository, as the server has them: objects with `uri`, `cid` and `value`."""
    for collection in query("com.atproto.repo.describeRepo", repo=did).json()["collections"]:
        cursor = {}
        while True:
            page = query("com.atproto.repo.listRecords", repo=did, collection=collection, limit=100, **cursor).json()
            yield from page["records"]
            if not page.get("cursor"):
                break
            cursor = {"cursor": page["cursor"]}
