"""Safe by default: limits that hold what the budgets allow, no token in the clear, loud where anyone may write."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config import Config, load
from tests.helm.chart import EXAMPLES, Object, example, notes, objects, one

PROGRAM = 64 << 20
"""Bytes for the program, its libraries and its buffers; docs/sizing.md."""

UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}

each_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name.removesuffix("-values.yaml"))


def quantity(text: str) -> int:
    """Bytes of a Kubernetes quantity."""
    return int(text[:-2]) * UNITS[text[-2:]]


def workload(values: dict[str, Any]) -> Object:
    """The pod of the receiver."""
    found = next(made for made in objects(values) if made["kind"] in ("Deployment", "DaemonSet"))
    pod: Object = found["spec"]["template"]["spec"]
    return pod


def config(values: dict[str, Any], folder: Path) -> Config:
    """What the receiver would run with."""
    written = yaml.safe_load(one(values, "ConfigMap", "threatboard")["data"]["threatboard.yaml"])
    for listener in (written["intake"], written["metrics"]):
        listener.pop("tls", None), listener.pop("auth", None), listener.pop("protect_metrics", None)
    written.get("drill", {}).pop("key_file", None)
    file = folder / "threatboard.yaml"
    file.write_text(yaml.safe_dump(written))
    return load(file)


@each_example
def test_the_memory_limit_holds_everything_that_the_budgets_allow(path: Path, tmp_path: Path) -> None:
    made = config(example(path), tmp_path)
    most = PROGRAM + made.intake.max_inflight + made.series.max_bytes + made.events.keep_bytes
    resources = workload(example(path))["containers"][0]["resources"]
    assert quantity(resources["limits"]["memory"]) >= most
    assert "cpu" not in resources["limits"]  # a throttled receiver makes Falco wait
    assert resources["requests"].keys() == {"cpu", "memory"}


@pytest.mark.parametrize(
    ("values", "loud"),
    [
        ({"receiver": {"resources": {"limits": {"memory": "196Mi"}}}}, False),
        ({"receiver": {"resources": {"limits": {"memory": "195Mi"}}}}, True),
        ({"receiver": {"resources": {"limits": {"memory": "0.25Gi"}}}}, False),
        ({"receiver": {"resources": {"limits": {"memory": "205M"}}}}, True),
        ({"receiver": {"resources": {"limits": {"memory": 268435456}}}}, False),
        ({"receiver": {"resources": {"limits": {"memory": None}}}}, False),
        ({"receiver": {"resources": None}}, False),
        ({"config": {"intake": {"max_inflight": "124MiB"}}}, False),
        ({"config": {"intake": {"max_inflight": "125MiB"}}}, True),
        ({"config": {"series": {"max_bytes": 200000000}}}, True),
        ({"config": {"events": {"keep_bytes": "1GiB"}}}, True),
    ],
    ids=str,
)
def test_a_memory_limit_below_the_budgets_is_said_loudly(values: dict[str, Any], loud: bool) -> None:
    assert ("MAY BE KILLED IN A FLOOD" in notes(values)) is loud


def test_what_the_notes_take_for_the_budgets_is_what_the_receiver_has() -> None:
    made = Config()
    most = PROGRAM + made.intake.max_inflight + made.series.max_bytes + made.events.keep_bytes
    limits = {"receiver": {"resources": {"limits": {"memory": "1Mi"}}}}
    assert f"its budgets allow {most >> 20}Mi" in notes(limits)


@pytest.mark.parametrize(
    ("values", "loud"),
    [
        ({}, False),
        ({"receiver": {"state": {"sizeLimit": "255Mi"}}}, True),
        ({"receiver": {"state": {"sizeLimit": "1G"}}}, False),
        ({"receiver": {"state": {"sizeLimit": "300000000"}}}, False),
        ({"config": {"series": {"max_bytes": "65MiB"}}}, True),
        ({"config": {"series": {"max_bytes": 1 << 30}}, "receiver": {"state": {"sizeLimit": "4Gi"}}}, False),
        ({"config": {"series": None}, "receiver": {"state": None}}, False),
    ],
    ids=str,
)
def test_a_volume_below_the_state_is_said_loudly(values: dict[str, Any], loud: bool) -> None:
    assert ("MAY BE EVICTED" in notes(values)) is loud


@each_example
def test_the_volume_holds_the_largest_state(path: Path, tmp_path: Path) -> None:
    """Names in use, as much of history, the new file beside the old, and the numbers; past it a pod is evicted."""
    made = config(example(path), tmp_path)
    state = next(volume for volume in workload(example(path))["volumes"] if volume["name"] == "state")
    assert quantity(state["emptyDir"]["sizeLimit"]) >= 4 * made.series.max_bytes


def test_the_page_on_sizing_has_these_numbers() -> None:
    text = (Path(__file__).parents[2] / "docs/sizing.md").read_text()
    made = Config()
    parts = [PROGRAM, made.intake.max_inflight, made.series.max_bytes, made.events.keep_bytes]
    rows = re.findall(r"^\| [^|]+ \| [^|]+ \| \**(\d+) MiB", text, re.MULTILINE)
    assert [int(row) << 20 for row in rows] == [*parts, sum(parts)]


@each_example
def test_no_example_sends_a_token_in_the_clear(path: Path) -> None:
    values = example(path)
    for listener in ("intake", "metrics"):
        part = values.get(listener, {})
        assert not part.get("auth") or part["tls"]["enabled"]
    assert "IN THE CLEAR" not in notes(values)


SAFE: list[dict[str, Any]] = [
    {"networkPolicy": {"enabled": True}},
    {"intake": {"auth": {"existingSecret": "t"}, "tls": {"enabled": True, "existingSecret": "s"}}},
    {
        "intake": {"tls": {"enabled": True, "existingSecret": "s", "mutual": True}},
        "test": {"clientCertSecret": "c"},
    },
]


def test_where_anyone_may_send_events_it_is_said_in_capitals() -> None:
    loud = "ANYONE IN THE CLUSTER CAN FORGE ALERTS"
    assert loud in notes({})
    assert loud in notes({"intake": {"tls": {"enabled": True, "existingSecret": "s"}}})
    assert not [values for values in SAFE if loud in notes(values)]


@pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer"])
def test_where_others_than_the_cluster_may_send_it_is_said_too(kind: str) -> None:
    service = {"intake": {"service": {"type": kind}}}
    assert f"ANYONE WHO REACHES ITS {kind.upper()} CAN FORGE ALERTS" in notes(service)
    assert "FORGE" not in notes({**service, "networkPolicy": {"enabled": True}})


@pytest.mark.parametrize(
    ("cidrs", "loud"),
    [(["0.0.0.0/0"], True), (["10.0.0.0/8", "::/0"], True), (["::/0", "10.0.0.0/8"], True), (["10.0.0.0/10"], False)],
)
def test_a_policy_that_admits_every_address_confines_nothing(cidrs: list[str], loud: bool) -> None:
    assert ("CAN FORGE ALERTS" in notes({"networkPolicy": {"enabled": True, "intakeCIDRs": cidrs}})) is loud


def test_a_policy_that_admits_nobody_is_said_in_capitals() -> None:
    nobody = {"enabled": True, "falco": None, "prometheus": None}
    assert "NOBODY MAY SEND EVENTS" in notes({"networkPolicy": nobody})
    assert "NOBODY MAY SCRAPE IT" in notes({"networkPolicy": nobody})
    assert "NOBODY MAY" not in notes({"networkPolicy": {"enabled": True}})
    assert "NOBODY MAY" not in notes({"networkPolicy": {**nobody, "enabled": False}})


def test_a_token_in_the_clear_is_said_in_capitals() -> None:
    intake, metrics = {"intake": {"auth": {"existingSecret": "t"}}}, {"metrics": {"auth": {"existingSecret": "t"}}}
    assert "THE SENDERS' TOKEN CROSSES THE NETWORK IN THE CLEAR" in notes(intake)
    assert "THE TOKEN FOR EVENTS CROSSES THE NETWORK IN THE CLEAR" in notes(metrics)
    metrics["metrics"] |= {"protect": True}  # type: ignore[dict-item] # values are of any type
    assert "EVENTS AND METRICS CROSSES" in notes(metrics)
    tls = {"tls": {"enabled": True, "existingSecret": "s"}}
    assert "IN THE CLEAR" not in notes({"intake": intake["intake"] | tls, "metrics": metrics["metrics"] | tls})


def test_an_image_that_no_registry_has_is_said_in_capitals() -> None:
    assert "THE IMAGE threatboard IS NOBODY'S" in notes({})
    assert "NOBODY'S" not in notes({"image": {"repository": "registry.example.com/threatboard"}})


def test_the_test_pod_runs_where_the_receiver_runs_or_where_it_is_told() -> None:
    receiver = {"nodeSelector": {"pool": "system"}, "tolerations": [{"operator": "Exists"}]}
    pod = one({"receiver": receiver}, "Pod")["spec"]
    assert (pod["nodeSelector"], pod["tolerations"]) == (receiver["nodeSelector"], receiver["tolerations"])
    own = {"nodeSelector": {"pool": "tests"}, "tolerations": [{"key": "tests", "operator": "Exists"}]}
    pod = one({"receiver": receiver, "test": own}, "Pod")["spec"]
    assert (pod["nodeSelector"], pod["tolerations"]) == (own["nodeSelector"], own["tolerations"])


def test_the_test_pod_has_limits_and_may_have_an_image_of_its_own() -> None:
    digest = "sha256:" + "0" * 64
    image = {"repository": "a", "tag": "1", "digest": digest}

    def used(own: dict[str, str]) -> Object:
        container: Object = one({"image": image, "test": {"image": own}}, "Pod")["spec"]["containers"][0]
        return container

    assert used({})["resources"]["limits"].keys() == {"memory"}
    assert used({})["image"] == f"a@{digest}"
    assert used({"tag": "2"})["image"] == "a:2"
    assert used({"repository": "b"})["image"] == "b:1"
    assert used({"repository": "b", "digest": digest})["image"] == f"b@{digest}"
    assert used({"pullPolicy": "Always"})["imagePullPolicy"] == "Always"
