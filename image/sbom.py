"""What is in an environment of Python's, as CycloneDX 1.6 in JSON: for the image, which has no program to ask.

usage: sbom.py SITE-PACKAGES >FILE      standard library only; the same environment gives the same bytes
"""

import json
import sys
from importlib.metadata import Distribution, distributions
from typing import Any


def component(found: Distribution) -> dict[str, Any]:
    """One package."""
    name = found.name.lower().replace("_", "-")
    metadata = found.metadata
    licence = next((metadata[key] for key in ("License-Expression", "License") if key in metadata), "")
    made: dict[str, Any] = {
        "type": "library",
        "bom-ref": f"pkg:pypi/{name}@{found.version}",
        "name": name,
        "version": found.version,
        "purl": f"pkg:pypi/{name}@{found.version}",
    }
    if licence and "\n" not in licence:
        made["licenses"] = [{"license": {"name": licence}}]
    return made


def bom(folder: str) -> dict[str, Any]:
    """Everything that is installed in a folder of packages."""
    every = sorted((component(found) for found in distributions(path=[folder])), key=lambda made: str(made["name"]))
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": every}


if __name__ == "__main__":
    json.dump(bom(sys.argv[1]), sys.stdout, indent=1)
