"""How Prometheus and Grafana find what is theirs."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.helm.chart import CHART, Object, objects, one

BOARDS = ("overview", "ids", "network", "policy", "waf", "investigate")


def monitor(**values: Any) -> Object:
    """The ServiceMonitor's specification with these values at the top level."""
    found: Object = one({"serviceMonitor": {"enabled": True}, **values}, "ServiceMonitor")["spec"]
    return found


def test_the_monitor_selects_only_the_metrics_service() -> None:
    selector = monitor()["selector"]["matchLabels"].items()
    services = [made for made in objects({}) if made["kind"] == "Service"]
    assert len(services) == 2
    chosen = [made["metadata"]["name"] for made in services if selector <= made["metadata"]["labels"].items()]
    assert chosen == ["threatboard-metrics"]


def test_the_monitor_leaves_targets_their_labels() -> None:
    endpoint = monitor()["endpoints"][0]
    assert (endpoint["honorLabels"], endpoint["port"], endpoint["path"]) == (False, "metrics", "/metrics")
    port = one({}, "Service", "threatboard-metrics")["spec"]["ports"][0]
    assert (port["name"], port["port"]) == ("metrics", 9376)


def test_the_monitor_is_found_by_the_operators_label() -> None:
    values = {
        "monitoring": {"labels": {"release": "kps"}},
        "serviceMonitor": {"enabled": True, "labels": {"team": "a"}},
    }
    labels = one(values, "ServiceMonitor")["metadata"]["labels"]
    assert labels.items() >= {"release": "kps", "team": "a"}.items()


def test_every_setting_of_the_monitor_arrives() -> None:
    settings = {
        "interval": "15s",
        "scrapeTimeout": "10s",
        "relabelings": [{"action": "labeldrop", "regex": "pod"}],
        "metricRelabelings": [{"action": "drop", "sourceLabels": ["__name__"], "regex": "python_.*"}],
    }
    top = {"jobLabel": "app.kubernetes.io/name", "targetLabels": ["team"], "sampleLimit": 2000000}
    spec = one({"serviceMonitor": {"enabled": True, **settings, **top}}, "ServiceMonitor")["spec"]
    assert spec["endpoints"][0].items() >= settings.items()
    assert spec.items() >= top.items()


def test_a_protected_page_is_scraped_with_the_token() -> None:
    values = {"metrics": {"auth": {"existingSecret": "m", "key": "password"}, "protect": True}}
    assert monitor(**values)["endpoints"][0]["authorization"] == {"credentials": {"name": "m", "key": "password"}}


def test_tls_is_checked_against_the_certificates_own_ca() -> None:
    made = monitor(metrics={"tls": {"enabled": True, "existingSecret": "m"}})["endpoints"][0]
    assert made["scheme"] == "https"
    assert made["tlsConfig"] == {
        "serverName": "threatboard-metrics.monitoring.svc",
        "ca": {"secret": {"name": "m", "key": "ca.crt"}},
    }
    own = {"insecureSkipVerify": True}
    values = {
        "metrics": {"tls": {"enabled": True, "existingSecret": "m"}},
        "serviceMonitor": {"enabled": True, "tlsConfig": own},
    }
    assert monitor(**values)["endpoints"][0]["tlsConfig"] == own


def test_the_certificate_holds_the_name_that_is_checked() -> None:
    values = {
        "metrics": {"tls": {"enabled": True}},
        "certManager": {"enabled": True, "issuerRef": {"name": "ca"}, "extraDnsNames": ["falco-in.example.com"]},
    }
    names = one(values, "Certificate")["spec"]["dnsNames"]
    assert monitor(**values)["endpoints"][0]["tlsConfig"]["serverName"] in names
    assert {"threatboard.monitoring.svc", "threatboard", "falco-in.example.com"} <= set(names)


def test_a_prometheus_without_operator_finds_it_by_annotations() -> None:
    values = {"metrics": {"scrapeAnnotations": True, "service": {"annotations": {"prometheus.io/scrape-slow": "true"}}}}
    metadata = one(values, "Service", "threatboard-metrics")["metadata"]
    assert metadata["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "9376",
        "prometheus.io/path": "/metrics",
        "prometheus.io/scrape-slow": "true",
    }
    assert "annotations" not in one(values, "Service", "threatboard")["metadata"]
    values["metrics"]["tls"] = {"enabled": True, "existingSecret": "m"}
    assert one(values, "Service", "threatboard-metrics")["metadata"]["annotations"]["prometheus.io/scheme"] == "https"


@pytest.fixture
def chart_with_boards(tmp_path: Path) -> Path:
    """The chart with boards of our own making: whatever theirs look like, they are not templates."""
    chart = tmp_path / "threatboard"
    shutil.copytree(CHART, chart, ignore=shutil.ignore_patterns("dashboards"))
    (chart / "files/dashboards").mkdir()
    for board in BOARDS:
        text = json.dumps({"title": board, "expr": "{{ .Values }} $__rate_interval"}, indent=2) + "\n"
        (chart / f"files/dashboards/{board}.json").write_text(text)
    return chart


def boards(chart: Path, **values: Any) -> dict[str, Object]:
    """The ConfigMaps of boards by the board's name."""
    made = [found for found in objects(values, chart=chart) if found["kind"] == "ConfigMap"]
    return {
        found["metadata"]["name"].removeprefix("threatboard-"): found
        for found in made
        if found["metadata"]["labels"]["app.kubernetes.io/component"] == "board"
    }


def test_boards_arrive_as_they_are_with_label_and_folder(chart_with_boards: Path) -> None:
    made = boards(chart_with_boards)["overview"]
    original = (chart_with_boards / "files/dashboards/overview.json").read_text()
    assert made["data"] == {"threatboard-overview.json": original}
    assert made["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert made["metadata"]["annotations"] == {"grafana_folder": "threatboard"}


def test_boards_follow_the_controls(chart_with_boards: Path) -> None:
    assert boards(chart_with_boards).keys() == {"overview", "ids", "investigate"}
    controls = {"network": True, "waf": True, "ids": False}
    assert boards(chart_with_boards, controls=controls).keys() == {
        "overview",
        "network",
        "policy",
        "waf",
        "investigate",
    }


def test_each_board_has_a_switch_of_its_own(chart_with_boards: Path) -> None:
    chosen = boards(chart_with_boards, dashboards={"boards": {"waf": True, "overview": False}})
    assert chosen.keys() == {"ids", "waf", "investigate"}
    assert boards(chart_with_boards, dashboards={"enabled": False}) == {}


def test_boards_go_where_the_sidecar_looks(chart_with_boards: Path) -> None:
    where = {"namespace": "grafana", "labels": {"boards": "yes"}, "folder": "", "annotations": {"a": "b"}}
    metadata = boards(chart_with_boards, dashboards=where)["ids"]["metadata"]
    assert (metadata["namespace"], metadata["annotations"]) == ("grafana", {"a": "b"})
    assert metadata["labels"]["boards"] == "yes"


def test_a_chart_without_boards_installs(tmp_path: Path) -> None:
    chart = tmp_path / "threatboard"
    shutil.copytree(CHART, chart, ignore=shutil.ignore_patterns("dashboards"))
    assert boards(chart) == {}
    assert objects({}, chart=chart)


def test_a_broken_rules_file_is_named(tmp_path: Path) -> None:
    chart = tmp_path / "threatboard"
    shutil.copytree(CHART, chart)
    (chart / "files/rules.yaml").write_text("groups: [")
    with pytest.raises(Exception, match=r"files/rules\.yaml of the chart is broken"):
        objects({"rules": {"enabled": True}}, chart=chart)
