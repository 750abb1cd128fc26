#!/usr/bin/python3
"""Checks what is published against the schemas, with a validator that is not ours; prints each problem and ends with 1.

Usage: validate.py results FILE…      each FILE, <Message>.jsonl, has a value in each line
       validate.py asyncapi TOPIC…    asyncapi.yaml has exactly these channels, and all that it refers to is there
"""
import datetime
import json
import os
import sys

import yaml
from jsonschema import Draft202012Validator, FormatChecker

HERE = os.path.dirname(os.path.abspath(__file__))
FORMATS = FormatChecker()


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(value):
    """As jsonschema does not check it without another package."""
    return not isinstance(value, str) or datetime.datetime.fromisoformat(value).tzinfo is not None


def schema(message):
    with open(os.path.join(HERE, "json", f"{message}.schema.json"), encoding="utf-8") as file:
        document = json.load(file)
    Draft202012Validator.check_schema(document)
    return document


def results(*paths):
    for path in paths:
        message = os.path.basename(path).removesuffix(".jsonl")
        document = schema(message)
        validator = Draft202012Validator(document, format_checker=FORMATS)
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                value = json.loads(line)
                for error in validator.iter_errors(value):
                    yield f"{message} {number}: {error.json_path}: {error.message}"
                for name in unknown(value, document):
                    yield f"{message} {number}: {name} is not in the schema"


def unknown(value, document, place="$"):
    """What whoever reads would pass over."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name in document.get("properties", {}):
                yield from unknown(member, document["properties"][name], f"{place}.{name}")
            else:
                yield f"{place}.{name}"
    elif isinstance(value, list):
        for member in value:
            yield from unknown(member, document.get("items", {}), f"{place}[]")


def asyncapi(*topics):
    with open(os.path.join(HERE, "asyncapi.yaml"), encoding="utf-8") as file:
        document = yaml.safe_load(file)
    addresses = {channel["address"].removeprefix("{prefix}") for channel in document["channels"].values()}
    for topic in sorted(addresses ^ set(topics)):
        yield f"asyncapi.yaml: {topic} is {'no topic' if topic in addresses else 'missing'}"
    for place, reference in references(document):
        if not is_there(document, reference):
            yield f"asyncapi.yaml: {place} refers to {reference}, which is not there"


def references(node, place="#"):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield place, node["$ref"]
        node = node.items()
    elif isinstance(node, list):
        node = enumerate(node)
    else:
        return
    for name, child in node:
        yield from references(child, f"{place}/{name}")


def is_there(document, reference):
    file, _, pointer = reference.partition("#")
    if file:
        return os.path.isfile(os.path.join(HERE, file))
    for name in pointer.strip("/").split("/"):
        if not isinstance(document, dict) or name not in document:
            return False
        document = document[name]
    return True


if __name__ == "__main__":
    checks = {"results": results, "asyncapi": asyncapi}
    if len(sys.argv) < 3 or sys.argv[1] not in checks:
        sys.exit(__doc__)
    problems = list(checks[sys.argv[1]](*sys.argv[2:]))
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
