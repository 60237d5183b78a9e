"""What the catalog promises is on the page, and nothing else."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter import catalog
from exporter.catalog import CONTROLS, REJECT_REASONS, UNATTRIBUTED
from tests.support.drill import KEY as DRILL_KEY
from tests.support.drill import drill_alert
from tests.support.receiver import alert, receiver

METRICS = {name: metric for name, metric in catalog.METRICS.items() if "receive" in metric.roles}

SUPPRESSED = {"match": {"rule": "Noise"}, "action": "suppress", "reason": "known"}

TAKEN_BY_TARGETS = {"job", "instance", "namespace", "pod", "node", "container", "service", "endpoint", "cluster"}
"""Labels that Prometheus attaches to a target: ours would be renamed to `exported_…`."""


@pytest.fixture(scope="module")
def fresh_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of an exporter that nobody has sent anything."""
    with receiver(tmp_path_factory.mktemp("fresh"), events={"log": False}) as running:
        return running.get("/metrics")[2].decode()


def test_every_metric_of_the_catalog_is_on_a_fresh_page(fresh_page: str) -> None:
    headings = re.findall(r"^# HELP (\S+) (.*)$", fresh_page, re.MULTILINE)
    described = dict(headings)
    assert len(described) == len(headings), "a family is there twice"
    kinds = dict(re.findall(r"^# TYPE (\S+) (.*)$", fresh_page, re.MULTILINE))
    ours = {name for name in described if not name.startswith("process_")}

    assert ours == set(METRICS)
    assert {name: described[name] for name in METRICS} == {name: metric.help for name, metric in METRICS.items()}
    assert {name: kinds[name] for name in METRICS} == {name: metric.kind for name, metric in METRICS.items()}


def test_what_appears_always_is_there_before_the_first_event(fresh_page: str) -> None:
    shown = {family.name for family in text_string_to_metric_families(fresh_page) if family.samples}
    for name, metric in METRICS.items():
        expected = metric.appears == "always" or metric.overflow is not None
        assert (name.removesuffix("_total") in shown or name in shown) is expected, name


def test_the_values_of_control_are_there_before_the_first_event(fresh_page: str) -> None:
    """A control that has never spoken is a 0, not a gap."""
    for name in ("threat_events_accepted_total", "threat_clock_skew_events_total", "threat_event_delay_seconds_count"):
        assert re.findall(rf'^{name}{{control="(\w+)"}} 0\.0$', fresh_page, re.MULTILINE) == list(CONTROLS)
    rejected = re.findall(
        r'^threat_events_rejected_total{control="(\w+)",reason="(\w+)"} 0\.0$', fresh_page, re.MULTILINE
    )
    assert set(rejected) == {(control, reason) for control in (*CONTROLS, UNATTRIBUTED) for reason in REJECT_REASONS}
    assert 'threat_control_expected{component="falco",control="ids"} 1.0' in fresh_page
    assert 'threat_control_expected{component="hubble",control="network"} 0.0' in fresh_page


def test_every_series_has_exactly_the_labels_of_the_catalog(tmp_path: Path) -> None:
    (tmp_path / "drill.key").write_bytes(DRILL_KEY)
    drill = {"key_file": str(tmp_path / "drill.key")}
    with receiver(tmp_path, events={"log": False}, falco={"tuning": [SUPPRESSED]}, drill=drill) as running:
        numbers = {"output_fields": {"scap.n_evts": 2, "scap.n_drops": 1}}
        messages = [alert(f"Falco internal: {what}") | numbers for what in ("syscall event drop", "metrics snapshot")]
        assert running.post([alert(), alert("Noise"), drill_alert(), *messages]) == (204, None)
        page = running.get("/metrics")[2].decode()

    seen = set()
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            assert not TAKEN_BY_TARGETS & sample.labels.keys()
            metric = METRICS.get(sample.name) or METRICS.get(re.sub("_(bucket|sum|count)$", "", sample.name))
            if metric is not None:
                seen.add(metric.name)
                assert sample.labels.keys() - {"le"} == set(metric.labels), sample
            else:
                assert sample.name.startswith("process_")
    assert seen == set(METRICS)
