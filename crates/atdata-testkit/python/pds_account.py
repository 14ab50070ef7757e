"""Makes accounts on a Personal Data Server, and prints each as a line of JSON: `did`, `handle`, `password`.

usage: pds_account.py COUNT

Server: see pds_server.py.
"""

import json
import secrets
import sys

import requests
from pds_server import PDS_URL

for _ in range(int(sys.argv[1])):
    handle = f"p-{secrets.token_hex(8)}.test"
    wanted = {"handle": handle, "email": f"{handle}@example.com", "password": secrets.token_hex(8)}
    response = requests.post(f"{PDS_URL}/xrpc/com.atproto.server.createAccount", json=wanted)
    response.raise_for_status()
    print(json.dumps({"did": response.json()["did"], "handle": handle, "password": wanted["password"]}))
