"""Programs for the tests of the rules, from the PATH."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tool() -> Callable[[str], Path]:
    """Where a program is: `tool("promtool")`."""

    def find(name: str) -> Path:
        found = shutil.which(name)
        if found is None:
            reason = f"{name} is not on the PATH"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
        return Path(found)

    return find
