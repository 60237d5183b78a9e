"""python -m dashboards: write the boards' JSON into the chart and docs/boards.md, or check that they are up to date."""

import argparse
import json
import sys
from pathlib import Path

from dashboards import asked, boards, document

ROOT = Path(__file__).parent.parent
FOLDER = Path("helm/threatboard/files/dashboards")
PAGE = Path("docs/boards.md")


def rendered() -> dict[Path, str]:
    """Path in the repository -> text of every file that is generated."""
    documents = {board.name: document.of(board) for board in boards()}
    files = {
        FOLDER / f"{name}.json": json.dumps(board, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        for name, board in documents.items()
    }
    return {**files, PAGE: asked.page(documents)}


def _strangers(root: Path, wanted: dict[Path, str]) -> list[Path]:
    """Files in the boards' folder that belong to no board."""
    return [path for path in sorted((root / FOLDER).glob("*")) if path.relative_to(root) not in wanted]


def faults(root: Path) -> list[str]:
    """What differs between the files below `root` and the code: missing, stale, or of no board."""
    wanted = rendered()
    found = [f"{path.relative_to(root)} belongs to no board" for path in _strangers(root, wanted)]
    for path, text in wanted.items():
        if not (root / path).is_file():
            found.append(f"{path} is missing")
        elif (root / path).read_bytes() != text.encode():
            found.append(f"{path} is not what the code says")
    return found


def write(root: Path) -> None:
    """Writes every file below `root`, and takes away what belongs to no board."""
    wanted = rendered()
    for path in _strangers(root, wanted):
        path.unlink()
    for path, text in wanted.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when the files are as they should be."""
    parser = argparse.ArgumentParser(prog="python -m dashboards", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file differs")
    parser.add_argument("--root", type=Path, default=ROOT, help="where the repository is")
    options = parser.parse_args(arguments)
    if not options.check:
        write(options.root)
        return 0
    found = faults(options.root)
    for fault in found:
        print(f"{fault}: run python -m dashboards", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
