"""Run promtool over many files, two at a time."""

import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from rules.tree import ROOT


def failures(promtool: Path, tests: list[Path]) -> dict[str, str]:
    """Stem of each test file that fails -> what promtool says."""

    def run(test: Path) -> tuple[str, str]:
        done = subprocess.run([promtool, "test", "rules", test.name], cwd=test.parent, capture_output=True, text=True)
        said = f"{done.stdout}{done.stderr}" or f"exit code {done.returncode}"
        return test.name.removesuffix(".test.yaml"), said if done.returncode else ""

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run, tests))
    return {name: said for name, said in results if said}


def alert_tests(root: Path) -> list[Path]:
    return sorted(root.glob("alerts/*/*.test.yaml"))


def mutated(folder: Path, change: Callable[[str], str]) -> Path:
    """A copy of all rules below `folder` in which the expression of every alert is changed.

    `change` must not read recordings: they are left out, which saves nearly all of the time.
    """
    root = folder / "rules"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("*.py", "__pycache__", "*.md"))
    for path in root.glob("recording/*.yaml"):
        path.write_text("groups: []", encoding="utf-8")
    for path in root.glob("alerts/*/*.yaml"):
        if not path.name.endswith(".test.yaml"):
            text = yaml.safe_load(path.read_text(encoding="utf-8"))
            for group in text["groups"]:
                for rule in group["rules"]:
                    rule["expr"] = change(rule["expr"])
            path.write_text(yaml.safe_dump(text), encoding="utf-8")
    return root
