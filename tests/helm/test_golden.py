"""A change of what the chart makes is seen in a review: it changes a golden file."""

import difflib

from tests.helm.golden import FOLDER, expected


def test_the_golden_files_are_what_the_chart_makes() -> None:
    wanted = expected()
    changes: list[str] = []
    for path, text in wanted.items():
        there = path.read_text(encoding="utf-8") if path.is_file() else ""
        changes += difflib.unified_diff(there.splitlines(), text.splitlines(), path.name, path.name, "", "", 2, "")
    assert not changes, "run make generate and look at what changes:\n" + "\n".join(changes[:200])
    assert {*FOLDER.iterdir()} == wanted.keys()
