"""`selectors.where()`: selectors that cannot name what does not exist."""

import pytest

from exporter.catalog import LABELS, METRICS, TARGET_LABELS
from exporter.selectors import where


@pytest.mark.parametrize(
    ("labels", "selector"),
    [
        ({}, "threat_falco_alerts_total"),
        ({"priority": "critical"}, 'threat_falco_alerts_total{priority="critical"}'),
        ({"priority": "=~alert|critical"}, 'threat_falco_alerts_total{priority=~"alert|critical"}'),
        ({"k8s_ns_name": "!="}, 'threat_falco_alerts_total{k8s_ns_name!=""}'),
        ({"rule": "!~Odd.+"}, 'threat_falco_alerts_total{rule!~"Odd.+"}'),
        (
            {"cluster": "=~$cluster", "rule": 'say "hi"\\'},
            'threat_falco_alerts_total{cluster=~"$cluster", rule="say \\"hi\\"\\\\"}',
        ),
        ({"priority": "=~$priority"}, 'threat_falco_alerts_total{priority=~"$priority"}'),
    ],
)
def test_a_selector_is_what_a_person_would_write(labels: dict[str, str], selector: str) -> None:
    assert where("threat_falco_alerts_total", **labels) == selector


def test_a_histogram_is_asked_for_by_its_series() -> None:
    bucket = where("threat_event_delay_seconds_bucket", control="ids", le="60")
    assert bucket == 'threat_event_delay_seconds_bucket{control="ids", le="60"}'
    with pytest.raises(ValueError, match="with a suffix"):
        where("threat_event_delay_seconds", control="ids")


@pytest.mark.parametrize(
    ("metric", "labels", "says"),
    [
        ("threat_falco_alert_total", {}, "no metric threat_falco_alert_total"),
        ("threat_falco_alerts_total_sum", {}, "no metric"),
        ("threat_falco_alerts_total", {"severity": "critical"}, "has no label severity; it has rule"),
        ("threat_falco_alerts_total", {"le": "1"}, "has no label le"),
        ("threat_build_info", {"rule": "x"}, "it has version"),
        ("threat_falco_alerts_total", {"priority": "fatal"}, "has no priority fatal; it has emergency"),
        ("threat_falco_alerts_total", {"priority": "=~alert|fatal"}, "has no priority fatal"),
        ("threat_falco_alerts_total", {"priority": "!=fatal"}, "has no priority fatal"),
        ("threat_events_accepted_total", {"control": "unknown"}, "it has ids, network, waf"),
    ],
)
def test_a_name_that_does_not_exist_is_refused_with_those_that_do(
    metric: str, labels: dict[str, str], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        where(metric, **labels)


def test_every_metric_can_be_selected_by_each_of_its_labels_and_of_its_target() -> None:
    for metric in METRICS.values():
        name = f"{metric.name}_count" if metric.kind == "histogram" else metric.name
        for label in (*metric.labels, *TARGET_LABELS):
            assert f'{label}!=""' in where(name, **{label: "!="})
        assert set(metric.labels) <= set(LABELS)
        assert not set(metric.labels) & set(TARGET_LABELS)
