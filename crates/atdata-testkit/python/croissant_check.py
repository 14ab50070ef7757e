"""Holds a Croissant document against the reference validator; prints its fields and their types, one a line.

usage: croissant_check.py DOCUMENT
"""

import sys

import mlcroissant

dataset = mlcroissant.Dataset(jsonld=sys.argv[1])
issues = dataset.metadata.ctx.issues
assert not issues.errors, issues.report()
assert not issues.warnings, issues.report()
for record_set in dataset.metadata.record_sets:
    for field in record_set.fields:
        types = [str(data_type).rsplit("/", 1)[-1] for data_type in field.data_types]
        print(field.name, *types, field.array_shape or "-")
