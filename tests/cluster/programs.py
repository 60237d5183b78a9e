"""The programs that `kubernetes/build.sh` puts into .tools, by `make test-cluster`."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PROGRAMS = ROOT / ".tools/kubernetes"


def built(*names: str) -> list[Path]:
    """These programs; skips without one of them, and fails in CI."""
    found = [shutil.which(name, path=str(PROGRAMS)) or shutil.which(name) for name in names]
    missing = [name for name, path in zip(names, found, strict=True) if path is None]
    if missing:
        reason = f"{', '.join(missing)} not in {PROGRAMS}: `make test-cluster` gets them"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return [Path(path) for path in found if path]
