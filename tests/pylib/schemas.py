"""The JSON schemas of tests/schemas, as strict as a test wants them: a member that no schema names is a mistake, too."""

import json
import os

from pylib.programs import ROOT

FOLDER = os.path.join(ROOT, "tests", "schemas")


def names():
    return sorted(name.removesuffix(".json") for name in os.listdir(FOLDER) if name.endswith(".json"))


def load(name):
    with open(os.path.join(FOLDER, name + ".json")) as file:
        return json.load(file)


def strict(schema):
    """The schema with no members allowed besides those it names, at any depth."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(one) for name, one in schema.items()}
    if isinstance(made.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    return made


def mistakes(name, document):
    """What is wrong with a document by the schema; the words of python3-jsonschema."""
    import jsonschema  # only tests that look at JSON need it

    validator = jsonschema.Draft202012Validator(strict(load(name)))
    return ["%s: %s" % (list(error.absolute_path), error.message[:300]) for error in validator.iter_errors(document)]
