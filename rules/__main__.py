"""python -m rules: write what is generated from the rules, or check everything without writing."""

import argparse
import sys
from pathlib import Path

from rules.bundle import generated, plain, stale
from rules.checks import CHECKS
from rules.tree import Tree, load


def _offenders(tree: Tree) -> list[str]:
    return [f"{check.__name__}: {offender}" for check in CHECKS for offender in check(tree)]


def _write(files: dict[Path, str]) -> None:
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path)


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when all is well; 1 with one line for each offender."""
    parser = argparse.ArgumentParser(prog="python -m rules", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a generated file is stale")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write the files for a plain Prometheus to this folder")
    parser.add_argument("--runbooks", default="", metavar="URL", help="with --out: where rules/alerts is published")
    parser.add_argument("--grafana", default="", metavar="URL", help="with --out: base URL of Grafana")
    options = parser.parse_args(arguments)
    if (options.runbooks or options.grafana) and not options.out:
        parser.error("--runbooks and --grafana fill in the files of --out DIR")
    tree = load()
    offenders = _offenders(tree)
    if options.check:
        offenders += stale(tree)
    for offender in offenders:
        print(offender, file=sys.stderr)
    if offenders:
        return 1
    if options.out:
        _write({options.out / name: text for name, text in plain(tree, options.runbooks, options.grafana).items()})
    elif not options.check:
        _write(generated(tree))
    return 0


if __name__ == "__main__":
    sys.exit(main())
