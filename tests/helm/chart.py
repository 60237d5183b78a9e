"""The chart as the real Helm sees it. The only module that speaks with the Helm SDK."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import yaml
from helm_python import _native

ROOT = Path(__file__).parent.parent.parent
CHART = ROOT / "helm/threatboard"
EXAMPLES = sorted(CHART.glob("ci/*-values.yaml"))
NOTES = "threatboard/templates/NOTES.txt"

RELEASE, NAMESPACE = "threatboard", "monitoring"

Object = dict[str, Any]
Values = Mapping[str, Any]


class UniqueKeys(yaml.CSafeLoader):
    """Refuses a key that is given twice, where Kubernetes would silently take the last."""


def _mapping(loader: UniqueKeys, node: yaml.MappingNode) -> Object:
    keys = [loader.construct_object(key) for key, _ in node.value]
    twice = sorted({str(key) for key in keys if keys.count(key) > 1})
    assert not twice, f"{node.start_mark}: given twice: {', '.join(twice)}"
    made: Object = loader.construct_mapping(node, deep=True)  # type: ignore[assignment] # keys are texts in YAML of ours
    return made


UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def documents(text: str) -> list[Any]:
    """All YAML documents of a text, without empty ones."""
    return [found for found in yaml.load_all(text, UniqueKeys) if found is not None]


@cache
def example(path: Path) -> Object:
    """The values of an example."""
    values = documents(path.read_text(encoding="utf-8"))[0]
    assert isinstance(values, dict)
    return values


def files(
    values: Values, *, strict: bool = True, release: str = RELEASE, chart: Path = CHART, namespace: str = NAMESPACE
) -> dict[str, str]:
    """What Helm renders: path of the template -> text. With `strict` a value that does not exist is an error.

    Raises helm_python.HelmValuesError for values against the schema, HelmRenderError for `fail` and mistakes.
    """
    # The SDK's own render() does not hand on `strict`; the library below it takes it.
    options = {"name": release, "namespace": namespace, "kube_version": "v1.31.0", "strict": strict, "api_versions": []}
    with helm_python.Chart.load(chart) as loaded:
        rendered: dict[str, str] = json.loads(
            _native.call_string("helm_render", loaded._raw(), json.dumps(values), json.dumps(options))
        )
    return rendered


def objects(values: Values, *, release: str = RELEASE, chart: Path = CHART, namespace: str = NAMESPACE) -> list[Object]:
    """Every object that would be installed, the test pod included."""
    texts = files(values, release=release, chart=chart, namespace=namespace)
    return [found for name, text in sorted(texts.items()) if not name.endswith(".txt") for found in documents(text)]


def one(values: Values, kind: str, name: str = "") -> Object:
    """The only object of a kind, or of a kind and name."""
    found = [made for made in objects(values) if made["kind"] == kind and name in ("", made["metadata"]["name"])]
    assert len(found) == 1, f"{len(found)} objects {kind} {name}"
    return found[0]


def notes(values: Values, *, release: str = RELEASE, chart: Path = CHART, namespace: str = NAMESPACE) -> str:
    """What Helm prints after an installation."""
    return files(values, release=release, chart=chart, namespace=namespace)[NOTES]


def refusal(values: Values, release: str = RELEASE) -> str:
    """The message with which Helm refuses values."""
    try:
        files(values, release=release)
    except (helm_python.HelmValuesError, helm_python.HelmRenderError) as error:
        return str(error)
    raise AssertionError("Helm took these values")


def lint(values: Values) -> list[str]:
    """What helm lint --strict says, except that an icon is missing."""
    report = helm_python.lint(CHART, dict(values), strict=True)
    messages = [f"{found['severity']}: {found['message']}" for found in report["messages"] if found["severity"] > 1]
    return messages + [str(error) for error in report["errors"]]
