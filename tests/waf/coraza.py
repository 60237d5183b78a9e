"""A real Coraza with the OWASP Core Rule Set, in front of a small application: the Go program in `coraza/`.

Built once into `.tools/coraza/`, which takes a minute or two and needs Go and its modules; only where asked for.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from demo.tools import UNPACKED

SOURCE = Path(__file__).parent / "coraza"
PROGRAM = UNPACKED / "coraza" / "coraza-app"
BUILD_SECONDS = 900.0


def build() -> Path:
    """The program, built when its source is newer; raises `CalledProcessError` with Go's own words."""
    go = shutil.which("go")
    assert go is not None, "Coraza is a Go library: put Go 1.25 or newer on the PATH"
    newest = max(file.stat().st_mtime for file in SOURCE.iterdir())
    if not PROGRAM.exists() or PROGRAM.stat().st_mtime < newest:
        PROGRAM.parent.mkdir(parents=True, exist_ok=True)
        made = PROGRAM.with_suffix(f".{os.getpid()}")
        subprocess.run([go, "build", "-o", str(made), "."], cwd=SOURCE, check=True, timeout=BUILD_SECONDS)
        made.replace(PROGRAM)
    return PROGRAM


class Coraza:
    """The program while it runs, on `port` of 127.0.0.1; `arguments` as in `coraza/main.go`."""

    def __init__(self, program: Path, arguments: Sequence[str]) -> None:
        self._command = [str(program), *arguments]
        self.port = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith(b"listening "):
            self.__exit__()
            raise AssertionError(f"Coraza did not start: {line.decode(errors='replace')}")
        self.port = int(line.rsplit(b":", 1)[1])
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
