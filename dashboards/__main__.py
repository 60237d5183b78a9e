"""python -m dashboards: write the boards' JSON into the chart, or check that it is what the code says."""

import argparse
import json
import sys
from pathlib import Path

from dashboards import boards, style

FOLDER = Path(__file__).parent.parent / "helm" / "threatboard" / "files" / "dashboards"


def rendered() -> dict[str, str]:
    """File name -> text of every board."""
    return {
        f"{board.name}.json": json.dumps(style.document(board), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        for board in boards()
    }


def faults(folder: Path) -> list[str]:
    """What differs between the folder and the code: files that are missing, stale, or of no board."""
    wanted = rendered()
    there = {path.name: path for path in folder.iterdir()} if folder.is_dir() else {}
    found = [f"{name} is missing" for name in wanted if name not in there]
    found += [f"{name} belongs to no board" for name in there if name not in wanted]
    found += [
        f"{name} is not what the code says"
        for name, text in wanted.items()
        if name in there and there[name].read_bytes() != text.encode()
    ]
    return sorted(found)


def write(folder: Path) -> None:
    """Writes every board, and takes away what belongs to none."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = rendered()
    for path in folder.iterdir():
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when the folder is as it should be."""
    parser = argparse.ArgumentParser(prog="python -m dashboards", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file differs")
    parser.add_argument("--out", type=Path, default=FOLDER, metavar="DIR", help="folder of the files (the chart's)")
    options = parser.parse_args(arguments)
    if not options.check:
        write(options.out)
        return 0
    found = faults(options.out)
    for fault in found:
        print(f"{options.out / fault}: run python -m dashboards", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
