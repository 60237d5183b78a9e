"""What the chart makes of each example, as files to read in a review.

    python -m tests.helm.golden      writes them

Left out is what is generated or tested elsewhere: boards, the text of rules and of the test's program, the version.
"""

from pathlib import Path
from typing import Any

import yaml

from tests.helm.chart import CHART, EXAMPLES, NOTES, Object, documents, example, files

FOLDER = Path(__file__).parent / "golden"


def expected() -> dict[Path, str]:
    """Path -> content of every golden file."""
    made = {}
    for path in EXAMPLES:
        rendered = files(example(path))
        name = path.name.removesuffix("-values.yaml")
        made[FOLDER / f"{name}.notes.txt"] = rendered.pop(NOTES).rstrip() + "\n"
        kept = (text for template, text in sorted(rendered.items()) if not template.endswith("/dashboards.yaml"))
        objects = [_short(found) for text in kept for found in documents(text)]
        made[FOLDER / f"{name}.yaml"] = yaml.safe_dump_all(objects, sort_keys=True, allow_unicode=True, width=120)
    return made


def _short(made: Object) -> Object:
    version = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))["version"]
    short: Object = _replaced(made, version)
    match short:
        case {"kind": "PrometheusRule", "spec": {"groups": list()}}:
            short["spec"]["groups"] = "(left out)"
        case {"kind": "ConfigMap", "data": dict() as data} if data.keys() != {"threatboard.yaml"}:
            short["data"] = dict.fromkeys(data, "(left out)")
        case {"kind": "Pod"}:
            short["spec"]["containers"][0]["command"][2] = "(left out)"
    return short


def _replaced(value: Any, version: str) -> Any:
    match value:
        case dict():
            return {name: _replaced(child, version) for name, child in value.items()}
        case list():
            return [_replaced(child, version) for child in value]
        case str():
            return value.replace(version, "VERSION")
        case _:
            return value


if __name__ == "__main__":
    for stale in {*FOLDER.iterdir()} - expected().keys():
        stale.unlink()
    for path, text in expected().items():
        path.write_text(text, encoding="utf-8")
