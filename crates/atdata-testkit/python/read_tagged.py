"""Reads shards with the installed atdata and prints one tagged JSON object a sample.

usage: read_tagged.py [--array FIELD]... TAR...
"""

import argparse
import json

import tagged

parser = argparse.ArgumentParser()
parser.add_argument("tars", nargs="+")
parser.add_argument("--array", action="append", default=[], metavar="FIELD")
args = parser.parse_args()
for tar in args.tars:
    for line in tagged.read(tar, tagged.type_of_shard(tar, args.array)):
        print(json.dumps(line))
