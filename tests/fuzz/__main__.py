"""`python -m tests.fuzz [FOLDER] [LIBFUZZER_OPTION ...]`: fuzzes until it finds something, guided by coverage.

FOLDER keeps the inputs that reached new code. `-max_total_time=300` ends it after so many seconds.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["exporter", "json"]):
    from tests.fuzz.target import SEEDS, check


def main() -> None:
    """Hands over to libFuzzer, which does not return."""
    folder = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), None)
    if folder is not None:
        Path(folder).mkdir(exist_ok=True)
        for number, seed in enumerate(SEEDS):
            (Path(folder) / f"seed-{number}").write_bytes(seed)
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
