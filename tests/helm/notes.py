"""Prints what Helm will say after an installation, without a cluster: Helm 3 reaches for one even in a dry run.

python -m tests.helm.notes --release NAME --namespace NAME [VALUES.yaml ...]
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import helm_python
import yaml

from tests.helm.chart import NAMESPACE, RELEASE, documents, notes

REFUSALS = (
    *(OSError, ValueError, AssertionError, yaml.YAMLError),
    *(helm_python.HelmValuesError, helm_python.HelmRenderError),
)
"""What is wrong with the files, or with the values in them."""


def merged(paths: list[Path]) -> dict[str, Any]:
    """The values of several files, of which a later one wins, as with `helm --values`."""
    values: dict[str, Any] = {}
    for path in paths:
        for found in documents(path.read_text(encoding="utf-8"))[:1]:
            if not isinstance(found, dict):
                raise ValueError(f"{path}: no mapping of values")
            _merge(values, found)
    return values


def _merge(into: dict[str, Any], values: dict[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


def main(arguments: list[str] | None = None) -> int:
    """Prints the notes, or why Helm refuses the values."""
    parser = argparse.ArgumentParser(prog="python -m tests.helm.notes", description="Print the notes of a release.")
    parser.add_argument("--release", default=RELEASE, metavar="NAME", help=f"default: {RELEASE}")
    parser.add_argument("--namespace", default=NAMESPACE, metavar="NAME", help=f"default: {NAMESPACE}")
    parser.add_argument("values", type=Path, nargs="*", metavar="VALUES.yaml", help="as for helm --values")
    options = parser.parse_args(arguments)
    try:
        print(notes(merged(options.values), release=options.release, namespace=options.namespace))
    except REFUSALS as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
