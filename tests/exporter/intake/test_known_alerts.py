"""Remembering kinds of alerts agrees with parsing each: labels, lines, counters, delays and answers, byte for byte.

Two pipelines take the same bodies at the same times, one with the plain parser. Bodies are alerts of every sample, and
such alerts with something odd in them, one in a body or many. The random numbers are always the same ones.
"""

import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.app import routes
from exporter.config import Config, FalcoSettings
from exporter.config.tuning import FalcoEntry
from exporter.events import Recent
from exporter.intake.drill import Marks
from exporter.intake.pipeline import Pipeline, Route
from exporter.intake.ruling import FalcoRuling
from exporter.lines import EventLines
from exporter.metrics import Metrics
from exporter.sources import Repeat, falco_known
from exporter.sources.falco import FALCO
from tests.support.clock import FakeClock

SAMPLES = Path(__file__).parents[2] / "samples"
ALERTS = int(os.environ.get("THREATBOARD_KNOWN_ALERTS", "3000"))
"""Alerts that each setting is compared over; there are five settings. 20,000 take about two minutes of two cores."""

TUNING = (
    FalcoEntry(match={"rule": ("Noise*",)}, action="suppress", reason="noise"),
    FalcoEntry(match={"proc.name": ("curl", "b*")}, action="suppress", reason="fetches"),
    FalcoEntry(match={"proc.args.pid": ("1",)}, action="set_priority", priority="critical", reason="nested"),
    FalcoEntry(
        match={"user.name": ("root",), "k8s_ns_name": ("shop",)}, action="set_priority", priority="alert", reason="r"
    ),
    FalcoEntry(
        match={"rule": ('Shell "in" ‹é›',)}, action="set_priority", priority="debug", reason='quoted "reason" é'
    ),
)

SETTINGS = {
    "default": FalcoSettings(),
    "tuned": FalcoSettings(tuning=TUNING),
    "without pods": FalcoSettings(tuning=TUNING, pod_label=False),
    "tuned by what differs each time": FalcoSettings(
        tuning=(FalcoEntry(match={"proc.cmdline": ("*7*",)}, action="suppress", reason="seven"),)
    ),
    "little memory": FalcoSettings(tuning=TUNING),
}

VALUES: tuple[Any, ...] = (
    *(None, "", "<NA>", "<NA", "null", 0, 1, 1.0, True, False, -1, 2**64, 1e300, 33, "33", "1", "true"),
    *([], ["a"], [["a"]], {}, {"pid": 1}, {"name": "x"}, {"name": {"deep": 1}}, {"iso8601": 1895000000000000000}),
    *("root", "shop", "pods", "namespaces", "deployments", "web-6d4b75cb6d-hx2vz", "web-0", "curl", "bash", "node-1"),
    *(
        'quoted "text" \\ here',
        "é ‹›",
        "\u202egpj.exe",
        "tab\there",
        "\x00",
        "ﷺ" * 500,
        "w" * 300,
        "w" * 5000,
        "\ud800",
    ),
    *(
        "10.0.0.1:1->10.0.0.2:2",
        "/etc/passwd",
        "2026-11-29T10:00:00.123456789Z",
        1_895_000_000_000_000_000,
        "x" * 20000,
    ),
)
KEYS = (
    "rule",
    "priority",
    "source",
    "hostname",
    "output",
    "message",
    "time",
    "tags",
    "output_fields",
    "@timestamp",
    "log",
)
FIELDS = (
    *("k8s.ns.name", "k8s.pod.name", "k8smeta.ns.name", "k8smeta.deployment.name", "k8smeta.rs.name", "k8s.rc.name"),
    *(
        "ka.target.resource",
        "ka.target.name",
        "ka.target.namespace",
        "ka.user.name",
        "ka.verb",
        "user.name",
        "user.uid",
    ),
    *(
        "proc.name",
        "proc.cmdline",
        "proc.args",
        "proc.args.pid",
        "proc_name",
        "fd.name",
        "fd_name",
        "fd",
        "fs.path.name",
    ),
    *("evt.time", "evt.time.iso8601", "evt.type", "container.name", "container.id", "container.image.repository"),
    *("k8s.ns", "k8s", "k8s_ns_name", "user", "anything.else", "plain", "evt.source", "container", "container.image"),
)
RULES = ("Noise 1", "Shell", 'Shell "in" ‹é›', "Read sensitive file", " Shell ", "Falco internal: x", "", 1, None, True)


def samples() -> Iterator[dict[str, Any]]:
    """Every alert of the samples that is one JSON object in a file."""
    for path in sorted(SAMPLES.glob("falco/*.json")) + sorted(SAMPLES.glob("recorded/*.json")):
        try:
            value = json.loads(path.read_bytes())
        except ValueError:
            continue
        yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict))


ORDINARY = [
    {
        "rule": rule,
        "priority": priority,
        "source": "syscall",
        "hostname": f"node-{number % 4}",
        "tags": ["container", "mitre_execution"],
        "output": f"something was seen {number}",
        "time": "2030-03-17T17:46:39.123456789Z",
        "output_fields": {
            "container.name": "web",
            "container.image.repository": "registry.example/web" if number % 3 else None,
            "evt.time": 1_900_000_000_000_000_000 + number,
            "k8s.ns.name": "shop" if number % 2 else "<NA>",
            "k8s.pod.name": "web-6d4b75cb6d-hx2vz",
            "proc.name": "bash",
            "proc.cmdline": f"bash -c {number}",
            "user.name": "root" if number % 5 else "<NA>",
            "user.uid": number % 7,
            "fd.name": ("", None, "/etc/shadow", "10.0.0.1:1->10.0.0.2:2")[number % 4],
        }
        | ({"k8s.ns": "x", "proc.args": "-c"} if number % 6 == 0 else {}),
    }
    for number, (rule, priority) in enumerate(
        [("Shell", "Notice"), ("Noise 1", "Critical"), ('Shell "in" ‹é›', "Warning")] * 8
    )
]
BASES = [*samples(), *ORDINARY * 4]


TAGS: tuple[Any, ...] = ([], ["a", 1], "mitre_impact", ["mitre_impact"], list("mitre"), "mitre", [["x"]], [True])


def odd(base: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """The alert with something in it that another value, another type or nothing is in the place of."""
    alert = dict(base)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        fields = alert.get("output_fields")
        what = dice.random()
        if what < 0.1:
            alert.pop(dice.choice(KEYS), None)
        elif what < 0.3:
            alert[dice.choice(KEYS)] = dice.choice(VALUES)
        elif what < 0.4:
            alert["rule"] = dice.choice(RULES)
        elif what < 0.5:
            alert["tags"] = dice.choice(TAGS)
        elif what < 0.55:
            alert["output_fields"] = dice.choice((*VALUES, {}, json.dumps(fields), {"k8s": {"ns": {"name": "shop"}}}))
        elif isinstance(fields, dict):
            alert["output_fields"] = odd_fields(fields, dice)
    return alert


def odd_fields(base: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """The fields with one left out, under another name, with another value or in another order."""
    fields = dict(base)
    what = dice.random()
    if what < 0.15 and fields:
        del fields[dice.choice(list(fields))]
    elif what < 0.3 and fields:
        fields[dice.choice(FIELDS)] = fields.pop(dice.choice(list(fields)))
    elif what < 0.4:
        fields = dict(sorted(fields.items(), key=lambda _: dice.random()))
    else:
        fields[dice.choice(FIELDS)] = dice.choice(VALUES)
    return fields


VARIED: dict[str, tuple[Any, ...]] = {
    "proc.cmdline": tuple(f"id {number}" for number in range(50)),
    "k8s.ns": ("x", {"name": "another"}),
    "evt.time": (1_900_000_000_000_000_000, {"iso8601": 1_895_000_000_000_000_000}),
    "proc.args": ("-c", {"pid": 1}),
    "user.name": ("root", "", None, "www-data"),
    "fd.name": ("/etc/shadow", "10.0.0.1:1->10.0.0.2:2", None),
}
"""Fields that decide over nothing as they are mostly sent, and another value of theirs."""


def alerts(dice: random.Random, count: int) -> Iterator[dict[str, Any]]:
    """Ordinary and odd ones; the odd come again, because only what comes again is known."""
    kept: list[dict[str, Any]] = []
    for _ in range(count):
        if dice.random() < 0.3 or not kept:
            made = odd(dice.choice(BASES), dice)
            kept.append(made)
            if len(kept) > 200:
                kept[dice.randrange(200)] = kept.pop()
        elif dice.random() < 0.5:
            made = dice.choice(kept)
        else:
            made = dice.choice(BASES)
        fields = made.get("output_fields")
        if dice.random() < 0.3 and isinstance(fields, dict):
            varied = {name: dice.choice(values) for name, values in VARIED.items() if name in fields}
            made = made | {"output": f"said {dice.randrange(9999)}", "output_fields": fields | varied}
        if dice.random() < 0.02:
            made = made | {"uuid": "1", "@timestamp": "2030-03-17T17:46:39Z"}
        yield made


def bodies(dice: random.Random, count: int) -> Iterator[bytes]:
    """One alert in a body, or an array or lines of some; a lone surrogate is written as an escape."""
    found = alerts(dice, count)
    for one in found:
        batch = [one]
        if dice.random() < 0.1:
            batch += [other for other, _ in zip(found, range(dice.randrange(1, 40)), strict=False)]
        written = [json.dumps(alert, ensure_ascii=dice.random() < 0.5).encode("utf-8", "replace") for alert in batch]
        yield b"\n".join(written) if len(batch) == 1 or dice.random() < 0.3 else b"[%b]" % b",".join(written)


LINES_ASKED_FOR = 0.1

APART = (b"process_", b"threat_series_bytes ")


class Taken:
    """A pipeline with what it has written."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.clock = FakeClock()
        self.metrics = Metrics(limit=300, clock=self.clock)
        self.recent = Recent()
        self.recent.resize(50, 1 << 20)
        self.lines: list[bytes] = []
        self.seen: Counter[type] = Counter()
        self.event_lines = EventLines(self.recent, self)  # type: ignore[arg-type]
        self.pipeline = Pipeline(self.metrics, self.event_lines, self.clock)

    def add(self, text: bytes) -> None:
        self.lines.append(text)

    def soon(self, flush: object) -> None:
        """Here lines are made when the test asks."""

    def take(self, body: bytes) -> object:
        events = self.route.source.parse(body, 1000)
        self.seen.update(map(type, events))
        return self.pipeline.take(self.route, events)

    def page(self) -> bytes:
        """All that is counted, but for what the operating system and Python say of the process."""
        _, slices = self.metrics.page("text/plain", None)
        return b"\n".join(line for line in b"".join(slices).split(b"\n") if not line.startswith(APART))


@pytest.mark.parametrize("name", SETTINGS)
def test_both_ways_agree(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "little memory":
        monkeypatch.setattr(falco_known, "MAX_KINDS", 40)
        monkeypatch.setattr(falco_known, "MAX_SHAPES", 8)
    plain = Taken(Route(FALCO, FalcoRuling(SETTINGS[name])))
    known = Taken(routes(Config(falco=SETTINGS[name]), Marks())[b"/falco"])
    whole = counted_calls(monkeypatch)
    dice = random.Random(name)

    for number, body in enumerate(bodies(dice, ALERTS)):
        assert known.take(body) == plain.take(body), body
        if dice.random() < LINES_ASKED_FOR:
            known.event_lines.settle()
            assert known.lines == plain.lines, body
            known.lines.clear()
            plain.lines.clear()
        step = dice.choice((0.001, 0.5))
        for taken in (known, plain):
            taken.clock.advance(step)
        if number % 200 == 199:
            assert known.page() == plain.page(), body
            for taken in (known, plain):
                taken.metrics.store.expire(60.0, 1 << 62)

    assert known.page() == plain.page()
    assert [one.text for one in known.recent] == [one.text for one in plain.recent]
    # A comparison of the plain way with itself would pass.
    assert not any(issubclass(kind, Repeat) for kind in plain.seen)
    repeats = sum(count for kind, count in known.seen.items() if issubclass(kind, Repeat))
    least = 0.05 if name in ("little memory", "tuned by what differs each time") else 0.25
    assert repeats > least * known.seen.total()
    assert 0 < whole() < 0.5 * repeats


def counted_calls(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often a repeated alert had to be read whole, counted from now on."""
    calls = 0
    whole = falco_known.RepeatedAlert.whole

    def counting(alert: falco_known.RepeatedAlert) -> object:
        nonlocal calls
        calls += 1
        return whole(alert)

    monkeypatch.setattr(falco_known.RepeatedAlert, "whole", counting)
    return lambda: calls
