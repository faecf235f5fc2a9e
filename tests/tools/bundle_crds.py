"""Adds the schemas of tests/crd-schemas to those that kubernetes-validate bundles.

usage: bundle_crds.py CRD_SCHEMAS BUNDLE
"""

import json
import re
import sys
from pathlib import Path


def readable(pattern: str) -> bool:
    """Whether Python's regular expressions, too, can say what was written for Go's."""
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def without_unreadable(node):
    """The schema without the patterns that Python cannot read: kubeconform, written in Go, holds them."""
    if isinstance(node, list):
        return [without_unreadable(item) for item in node]
    if not isinstance(node, dict):
        return node
    pattern = node.get("pattern")
    return {
        key: without_unreadable(value)
        for key, value in node.items()
        if key != "pattern" or not isinstance(pattern, str) or readable(pattern)
    }


def main(schemas: Path, bundle: Path) -> None:
    for file in sorted(schemas.glob("*/*.json")):
        kind, version = file.stem.rsplit("_", 1)
        # Of an API group the tool takes what stands before the first dot.
        name = f"{kind}-{file.parent.name.split('.')[0]}-{version}"
        schema = without_unreadable(json.loads(file.read_text()))
        schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        schema["$id"] = f"https://kubernetes.io/api/{name}"
        with (bundle / f"{name}.json").open("x") as place:
            json.dump(schema, place)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
