"""Stores lenses in an index, or prints what the installed atdata makes of those that are there, as one JSON object.

usage: lenses.py store INDEX
       lenses.py print INDEX

INDEX is the file of a SQLite index or the address of a database on a Redis server. `store` empties that database first, and
also publishes the schemas of the classes.
Loading a lens is tried with the classes that its record names; `get` and `put` are what a lens that was loaded makes of
the same values.
"""

import dataclasses
import json
import sys

import atdata


@atdata.packable
class Wide:
    label: int
    score: float
    name: str


@atdata.packable
class Narrow:
    class_id: int
    score: float


@atdata.packable
class Scored:
    label: int
    score: float


@atdata.packable
class Named:
    name: str


@atdata.packable
class Text:
    label: str


TYPES = {cls.__name__: cls for cls in (Wide, Narrow, Scored, Named, Text)}
WIDE = Wide(label=3, score=0.5, name="ada")
VIEWS = {
    "Narrow": Narrow(class_id=9, score=0.25),
    "Scored": Scored(label=9, score=0.25),
    "Named": Named(name="eva"),
    "Text": Text(label="9"),
}


def renamed(wide: Wide) -> Narrow:
    return Narrow(class_id=wide.label, score=wide.score)


def open_index(target):
    if "://" in target:
        from redis import Redis

        return atdata.Index(redis=Redis.from_url(target), atmosphere=None)
    return atdata.Index(provider="sqlite", path=target, atmosphere=None)


def store(index):
    if "://" in target:
        from redis import Redis

        Redis.from_url(target).flushdb()
    for cls in TYPES.values():
        index.publish_schema(cls, version="1.0.0")

    def scored(wide: Wide) -> Scored:
        return Scored(label=wide.label, score=wide.score)

    # It does not only leave fields out, and is stored as if it did.
    def shouted(wide: Wide) -> Named:
        return Named(name=wide.name.upper())

    def text(wide: Wide) -> Text:
        return Text(label=str(wide.label))

    def hidden(wide: Wide) -> Narrow:
        return Narrow(class_id=wide.label, score=wide.score)

    for name, getter in (("py-scored", scored), ("py-shouted", shouted), ("py-renamed", renamed), ("py-hidden", hidden)):
        index.store_lens(atdata.lens(getter), name=name, version="1.0.0")
    index.store_lens(atdata.lens(text), name="py-text", description="a number as text")
    index.store_lens(atdata.lens(text), name="py-text")


def made_of(lens, view):
    return {
        "get": dataclasses.asdict(lens.get(WIDE)),
        "put": dataclasses.asdict(lens.put(VIEWS[view], WIDE)),
    }


def described(index, record):
    described = {key: record[key] for key in ("name", "version", "source_schema", "view_schema")}
    described["getter"] = record["getter"]["kind"]
    described["ref"] = record["$ref"]
    try:
        lens = index.load_lens(
            record["$ref"], source_type=TYPES[record["source_schema"]], view_type=TYPES[record["view_schema"]]
        )
        described["made"] = made_of(lens, record["view_schema"])
    except Exception as error:
        described["error"] = type(error).__name__
    return described


command, target = sys.argv[1:]
index = open_index(target)
if command == "store":
    store(index)
else:
    lenses = sorted((described(index, record) for record in index.list_lenses()), key=lambda it: (it["name"], it["version"]))
    found = sorted(record["name"] for record in index.find_lenses("Wide", "Narrow"))
    print(json.dumps({"lenses": lenses, "wide_to_narrow": found}))
