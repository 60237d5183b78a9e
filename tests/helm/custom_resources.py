"""The published models of custom resources: what they say against values, and which fields they do not know."""

import fcntl
import filecmp
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helm.chart import ROOT, Object

SOURCES = Path(__file__).parent / "models"
HERE = ROOT / ".tools/models"


class UnavailableError(Exception):
    """The models cannot be had on this machine; the message says why."""


def install() -> None:
    """Fetches the models into .tools/models, unless this version of them is there."""
    if shutil.which("npm") is None:
        raise UnavailableError("npm is not on the PATH; it fetches the published models of custom resources")
    HERE.mkdir(parents=True, exist_ok=True)
    done = HERE / "installed.json"
    with (HERE / "lock").open("w") as lock:  # tests may run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.is_file() or not filecmp.cmp(SOURCES / "package.json", done, shallow=False):
            shutil.copy(SOURCES / "package.json", HERE)
            command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
            fetched = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
            if fetched.returncode:
                reason = "npm could not fetch the published models of custom resources"
                raise UnavailableError(f"{reason}: {fetched.stderr[-400:]}")
            shutil.copy(SOURCES / "package.json", done)
        for script in SOURCES.glob("*.mjs"):
            shutil.copy(script, HERE)


def need() -> None:
    """`install` for a test: without the models it is skipped, or fails where CI=true."""
    try:
        install()
    except UnavailableError as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(str(reason))
        pytest.skip(str(reason))


def faults(made: list[Object]) -> list[str]:
    """Everything that is wrong with these custom resources, as the models and the compiler put it."""
    found = []
    for script in ("values.mjs", "fields.mjs"):
        done = subprocess.run(
            ["node", script], cwd=HERE, input=json.dumps(made), capture_output=True, text=True, check=True
        )
        found += done.stdout.splitlines()
    return found
