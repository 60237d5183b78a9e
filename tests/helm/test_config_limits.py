"""No configuration leaves the chart that the exporter would refuse: pods that run would go on with the old one, and new
ones would not start."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from exporter.config import Config, ConfigError, load
from exporter.config.schema import rows
from tests.helm import reference
from tests.helm.chart import ROOT, one
from tests.helm.test_values import OWN

SAMPLES = sorted((ROOT / "tests/samples/config").glob("*.yaml"))

SIZES = "0 1B 1KB 1kiB 1Mi 64KiB 1MiB 1024 1GiB 2GiB"
DURATIONS = "0s 00s 1ms 10ms 08s 010s 1s 366d 367d 8785h"
VALUES: dict[str, list[object]] = {
    "size": [0, 1, 1 << 30, (1 << 30) + 1, "9" * 13, *SIZES.split()],
    "duration": [0, "9" * 10 + "s", "9" * 13 + "ms", *DURATIONS.split()],
    "number": [0, 1, -1, 1000, 1_000_000, 10**9, 10**9 + 1, 10**12],
}
"""By kind of a setting: values at, about and far beyond what it may be."""

WORDS = "1e3 010 no null ~ 2024-01-01 12:30 = !x &a *a {a} [x] --- \\n ' \" \ufeff é😀"
TEXTS = [*WORDS.split(), "", "- a", "a: b", "a #b", "{{ .Values }}", "\n", "a\nb\n", " a ", "\t", "\x00", "\r\n"]
REASONS = [
    "a b",
    "drill",
    "a drill",
    " ",
    "a\tb",
    "a\nb",
    "\xa0",
    "a\u200bb",
    "\ue000",
    "é" * 128,
    "é" * 129,
    "a" * 257,
    "{{ x }}",
]
WORDS_OF_HOSTS = "a.b *.a.b a.b:80 [::1] other others * ** *. . *.*"
HOSTS = ["A.b", "a b", "a" * 253, *WORDS_OF_HOSTS.split()]
MATCHES: list[object] = [{"rule": "x" * 4096}, {"rule": "x" * 4097}, {"rule": []}, {"rule": ["", "x"]}, {}]
MATCHES += [{"priority": text} for text in ("notice", "Notice", "no*", "", ["notice", "high"])]
MATCHES += [{"class": text} for text in ("sqli", "SQLI", "*", "")]
MATCHES += [{"uri": "/x"}, {"urii": "/x"}]


def entry(match: object = None, reason: str = "r") -> dict[str, object]:
    """An entry of a tuning."""
    return {"match": {"rule_id": "x"} if match is None else match, "action": "suppress", "reason": reason}


def configs() -> Iterator[dict[str, Any]]:
    """Values of `config`, good and bad ones, over every setting."""
    for row in rows(Config):
        section, _, name = row.path.partition(".")
        if row.setting.kind.name in VALUES and "[]" not in row.path:
            yield from ({section: {name: value}} for value in VALUES[row.setting.kind.name])
    for control in ("falco", "waf"):
        yield from ({control: {"tuning": [entry(), entry(match)]}} for match in MATCHES)
        yield from ({control: {"tuning": [entry(reason=reason)]}} for reason in REASONS)
    for host in HOSTS:
        yield {"waf": {"hosts": {host: {"namespace": "shop", "workload": "web"}}}}
    for name in ("a", "a.b", "0", "", "A", "-a", "a" * 254):
        yield {"waf": {"hosts": {"a.b": {"namespace": "shop", "workload": name}}}}
    for path in SAMPLES:
        try:
            config = yaml.safe_load(path.read_bytes())
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(config, dict):
            yield theirs(config)


def theirs(config: dict[str, Any]) -> dict[str, Any]:
    """Without what the chart writes itself."""
    return {
        section: {
            name: value
            for name, value in settings.items()
            if f"{section}.{name}" not in OWN and name not in ("tls", "auth")
        }
        if isinstance(settings, dict)
        else settings
        for section, settings in config.items()
        if section not in ("controls", "drill")
    }


def taken(config: object, folder: Path) -> Config | None:
    """What the exporter reads of a configuration, None if it refuses it."""
    file = folder / "threatboard.yaml"
    file.write_text(config if isinstance(config, str) else yaml.safe_dump(config), encoding="utf-8")
    try:
        return load(file)
    except ConfigError:
        return None


def rendered(config: dict[str, Any]) -> str | None:
    """The file that the chart makes, None if it refuses the values."""
    try:
        return str(one({"config": config}, "ConfigMap", "threatboard")["data"]["threatboard.yaml"])
    except helm_python.HelmValuesError:
        return None
    except helm_python.HelmRenderError as error:
        if " config." in str(error):  # a sentence of the chart's, not a mistake in a template
            return None
        raise


def test_the_exporter_takes_what_the_chart_renders(tmp_path: Path) -> None:
    refused, outcomes = [], set()
    for config in configs():
        file = rendered(config)
        outcomes.add(file is not None)
        if file is not None and taken(file, tmp_path) is None:
            refused.append(config)
    assert outcomes == {True, False}
    assert refused == []


def test_the_chart_takes_every_amount_that_the_exporter_takes(tmp_path: Path) -> None:
    amounts = [config for config in configs() if not config.keys() & {"falco", "waf"} and len(config) == 1]
    assert len(amounts) > 100
    assert [config for config in amounts if taken(config, tmp_path) and not rendered(config)] == []


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_arrives_as_it_was_written(text: str, tmp_path: Path) -> None:
    file = rendered({"falco": {"tuning": [entry({"a": text, "b": [text, "z"]}), entry({text: "x"})]}})
    config = taken(file, tmp_path)
    assert config is not None
    first, second = config.falco.tuning
    assert first.match == {"a": (text,), "b": (text, "z")}
    assert second.match == {text: ("x",)}


def test_the_limits_are_those_of_the_exporter() -> None:
    assert reference.LIMITS.read_text(encoding="utf-8") == reference.limits(), "run make generate"
