"""Log-in of the installed atdata, 0.2 or 0.7, to a Personal Data Server of tests.

Where it is: see pds_server.py. Who logs in: ATDATA_HANDLE and ATDATA_PASSWORD; without them nobody does, and what is
public can be read.

Three things that the package takes from fixed places of the public network are taken from there instead: documents of
accounts (plc.directory), records of other people (0.7: bsky.social), and the profile that the log-in asks for, which a
server without an application view does not have.
"""

import os
import types

import atproto
import requests
from pds_server import PDS_URL, PLC_URL

try:
    from atdata.atmosphere import Atmosphere
except ImportError:
    Atmosphere = None
    from atdata.atmosphere import AtmosphereClient

DIRECTORY = "https://plc.directory/"
_get = requests.get


def _get_from_our_directory(url, **options):
    if url.startswith(DIRECTORY):
        url = f"{PLC_URL}/{url.removeprefix(DIRECTORY)}"
    return _get(url, **options)


def _profile_of_session(client, handle):
    return types.SimpleNamespace(did=client._session.did, handle=handle)


requests.get = _get_from_our_directory
atproto.Client._fetch_bsky_profile = _profile_of_session
if Atmosphere:
    Atmosphere._APPVIEW_URL = PDS_URL


def client():
    """A client of the server, logged in if the environment says as whom."""
    who = os.environ.get("ATDATA_HANDLE"), os.environ.get("ATDATA_PASSWORD")
    if Atmosphere:
        return Atmosphere.login(*who, base_url=PDS_URL) if all(who) else Atmosphere(base_url=PDS_URL)
    client = AtmosphereClient(base_url=PDS_URL)
    if all(who):
        client.login(*who)
    return client
