"""Values: what they are called, that each is described, and what a person reads who gets one wrong."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from exporter.config import Config
from exporter.config.schema import rows as settings
from tests.helm import reference
from tests.helm.chart import CHART, objects, one, refusal

OWN = {
    "intake.listen",
    "intake.auth.token_file",
    "metrics.listen",
    "metrics.auth.token_file",
    "metrics.protect_metrics",
    "series.state_dir",
    "cluster.enabled",
    "cluster.kubeconfig",
    "alertmanager.urls",
    "alertmanager.ca_file",
    "alertmanager.auth.token_file",
    "alertmanager.auth.username",
    "alertmanager.state_dir",
    "drill.key_file",
    "drill.namespace",
    "drill.allowed",
    "drill.denied",
    "drill.waf_url",
}
"""Settings of the exporter that the chart writes itself, beside those of TLS and `controls`."""


def parts(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every part of the schema that describes an object, with its path."""
    if schema.get("type") == "object":
        yield path, schema
    for name, child in schema.get("properties", {}).items():
        if isinstance(child, dict):
            yield from parts(child, f"{path}.{name}".lstrip("."))
    for child in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(child, dict):
            yield from parts(child, f"{path}[]")


def test_the_readme_lists_every_value_with_its_default() -> None:
    readme = reference.README.read_text(encoding="utf-8")
    assert readme == reference.written(readme), "run make generate"
    assert len(re.findall(r"^\| `", readme, re.MULTILINE)) > 100


def test_every_value_is_described() -> None:
    assert not [row.path for row in reference.rows(reference.schema(), {}) if not row.schema.get("description")]


def test_values_yaml_and_the_schema_have_the_same_keys() -> None:
    """Only settings of the exporter may have their default elsewhere."""
    leaves = {row.path for row in reference.rows(reference.schema(), reference.defaults()) if row.default is None}
    assert {path for path in leaves if not path.startswith("config.")} == set()


def test_no_object_takes_unknown_keys_by_accident() -> None:
    """Open are mappings of texts, and what is Kubernetes' own to define."""
    opened = {path for path, part in parts(reference.schema()) if not part.keys() & {"additionalProperties", "allOf"}}
    pods = {"affinity", "podSecurityContext", "securityContext"}
    lists = {"tolerations[]", "topologySpreadConstraints[]", "extraEnv[]", "extraVolumes[]", "extraVolumeMounts[]"}
    monitor = {"serviceMonitor." + name for name in ("relabelings[]", "metricRelabelings[]", "tlsConfig")}
    others = {"test.tolerations[]", "watch.tolerations[]", "watch.affinity", "drill.tolerations[]"}
    assert opened == {"receiver." + name for name in pods | lists} | monitor | others


def test_every_mapping_of_names_that_are_the_users_says_what_a_name_is() -> None:
    """Or the API server, or Prometheus, would refuse it when half of the release is installed."""
    free = [path for path, part in parts(reference.schema()) if part.get("additionalProperties") == {"type": "string"}]
    assert free == []
    assert sum("allOf" in part for _, part in parts(reference.schema())) > 20


def test_the_boards_that_can_be_chosen_are_those_of_the_chart() -> None:
    choice = reference.schema()["properties"]["dashboards"]["properties"]["boards"]["properties"]
    assert set(choice) == {file.stem for file in (CHART / "files/dashboards").glob("*.json")}


def test_the_settings_under_config_are_those_of_the_exporter() -> None:
    known = {row.path for row in settings(Config)}
    offered = {
        row.path.removeprefix("config.") for row in reference.rows(reference.schema()["properties"]["config"], {})
    }
    by_hand = {path for path in known if path in OWN or ".tls." in path or "[]" in path or path.startswith("controls.")}
    assert known - by_hand == offered


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"reciever": {"replicas": 3}}, "additional properties 'reciever' not allowed"),
        ({"receiver": {"replicas": "3"}}, "at '/receiver/replicas': got string, want integer"),
        ({"receiver": {"kind": "StatefulSet"}}, "value must be one of 'Deployment', 'DaemonSet'"),
        (
            {"config": {"intake": {"maxBody": "1MiB"}}},
            "at '/config/intake': additional properties 'maxBody' not allowed",
        ),
        ({"config": {"intake": {"drain": "10 s"}}}, "'10 s' does not match pattern"),
        (
            {"config": {"falco": {"tuning": [{"match": {"rule": "x"}, "action": "suppress"}]}}},
            "missing property 'reason'",
        ),
        (
            {"config": {"waf": {"hosts": {"Shop.example.com": {"namespace": "a", "workload": "b"}}}}},
            "does not match pattern",
        ),
        ({"config": {"waf": {"hosts": {"a.example.com": {"namespace": "a"}}}}}, "missing property 'workload'"),
        (
            {"config": {"waf": {"tuning": [{"match": {"uri": "/x"}, "action": "set_severity", "reason": "r"}]}}},
            "missing property 'severity'",
        ),
        ({"controls": {"wafs": True}}, "at '/controls': additional properties 'wafs' not allowed"),
        ({"rules": {"overrides": {"HostCpuSpike": {"for": "5 minutes"}}}}, "'5 minutes' does not match pattern"),
        (
            {"dashboards": {"boards": {"wafs": False}}},
            "at '/dashboards/boards': additional properties 'wafs' not allowed",
        ),
        ({"intake": {"tls": {"mutual": True}}}, "at '/intake/tls/enabled': value must be true"),
        ({"image": {"digest": "sha256:12"}}, "at '/image/digest': 'sha256:12' does not match pattern"),
        ({"networkPolicy": {"waf": [{"namespace": "x"}]}}, "at '/networkPolicy/waf/0': missing property 'podLabels'"),
        ({"commonLabels": {"team": "my team"}}, "at '/commonLabels/team': 'my team' does not match pattern"),
        ({"commonLabels": {"team": 7}}, "at '/commonLabels/team': got number, want string"),
        (
            {"receiver": {"podLabels": {"my team": "x"}}},
            "at '/receiver/podLabels': additional properties 'my team' not allowed",
        ),
        (
            {"receiver": {"podAnnotations": {"a b": "x"}}},
            "at '/receiver/podAnnotations': additional properties 'a b' not allowed",
        ),
        (
            {"rules": {"extraLabels": {"my-team": "x"}}},
            "at '/rules/extraLabels': additional properties 'my-team' not allowed",
        ),
        ({"receiver": {"pdb": {"maxUnavailable": "0%"}}}, "'0%' does not match pattern"),
        (
            {"receiver": {"resources": {"limits": 5}}},
            "at '/receiver/resources/limits': got number, want null or object",
        ),
        ({"test": {"resources": {"requests": {"memory": "lots"}}}}, "'lots' does not match pattern"),
        ({"receiver": {"extraEnv": [{"name": "A", "value": 1}]}}, "/value': got number, want null or string"),
        ({"receiver": {"priorityClassName": "A b"}}, "'A b' does not match pattern"),
        ({"imagePullSecrets": [{"name": "A b"}]}, "'A b' does not match pattern"),
        ({"image": {"repository": "registry.example.com/threatboard:1.0"}}, "does not match pattern"),
        ({"image": {"tag": 1.1}}, "at '/image/tag': got number, want string"),
        ({"image": {"tag": "a b"}}, "'a b' does not match pattern"),
        ({"test": {"image": {"repository": "a/Upper"}}}, "'a/Upper' does not match pattern"),
        ({"monitoring": {"namespace": "a.b"}}, "'a.b' does not match pattern"),
        ({"dashboards": {"namespace": "a.b"}}, "'a.b' does not match pattern"),
        ({"networkPolicy": {"intakeCIDRs": ["10.0.0.256/8"]}}, "'10.0.0.256/8' does not match pattern"),
        ({"networkPolicy": {"intakeCIDRs": ["10.0.0.0/33"]}}, "'10.0.0.0/33' does not match pattern"),
        ({"networkPolicy": {"intakeCIDRs": ["fe80::/129"]}}, "'fe80::/129' does not match pattern"),
        ({"receiver": {"state": {"sizeLimit": "100K"}}}, "'100K' does not match pattern"),
        ({"certManager": {"duration": "90d"}}, "at '/certManager/duration': '90d' does not match pattern"),
        ({"alertmanagerConfig": {"namespaces": ["shop", "shop"]}}, "items at 0 and 1 are equal"),
        ({"alertmanagerConfig": {"namespaces": ["Shop"]}}, "'Shop' does not match pattern"),
        ({"intake": {"auth": {"key": "a/b"}}}, "at '/intake/auth/key': 'a/b' does not match pattern"),
        ({"nameOverride": "Our board!"}, "at '/nameOverride': 'Our board!' does not match pattern"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value,
)
def test_a_mistake_is_named_with_its_place(values: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal(values)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"intake": {"tls": {"enabled": True}}}, "set intake.tls.existingSecret, or certManager.enabled"),
        ({"metrics": {"tls": {"enabled": True}}}, "set metrics.tls.existingSecret, or certManager.enabled"),
        ({"certManager": {"enabled": True, "issuerRef": {"name": "ca"}}}, "a certificate that nothing uses"),
        (
            {"certManager": {"enabled": True}, "intake": {"tls": {"enabled": True}}},
            "needs certManager.issuerRef.name",
        ),
        ({"metrics": {"protect": True}}, "set metrics.auth.existingSecret"),
        ({"metrics": {"scrapeAnnotations": True}, "serviceMonitor": {"enabled": True}}, "scraped twice: choose one"),
        (
            {"intake": {"tls": {"enabled": True, "mutual": True, "existingSecret": "x"}}},
            "set test.clientCertSecret, or test.enabled=false",
        ),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value,
)
def test_values_that_cannot_work_together_are_refused_with_a_way_out(values: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal(values)


@pytest.mark.parametrize(
    "values",
    [
        *({"image": {"repository": name}} for name in ("a", "a/b", "r.example.com:5000/a/b-c_d", "[::1]:5000/a")),
        {"image": {"tag": "1.0_x-y"}},
        {"image": {"tag": "1.0@sha256:" + "0" * 64}},
        {"receiver": {"resources": {"limits": {"memory": "1.5Gi", "cpu": 2}, "requests": None}}},
        {
            "receiver": {
                "resources": {"limits": {"memory": 1e9, "cpu": "500m", "ephemeral-storage": "1e3"}, "claims": []}
            }
        },
        {"receiver": {"extraEnv": [{"name": "A"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "a"}}}]}},
        {"networkPolicy": {"intakeCIDRs": ["10.0.0.0/8", "0.0.0.0/0", "192.0.2.255/32", "::/0", "2001:db8::1/128"]}},
    ],
    ids=str,
)
def test_what_kubernetes_takes_is_taken(values: dict[str, Any]) -> None:
    assert objects(values)


def blocks() -> list[str]:
    """The YAML blocks of the README."""
    return re.findall(r"^```yaml\n(.*?)^```", reference.README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", blocks())
def test_what_the_readme_shows_installs(block: str) -> None:
    values = yaml.safe_load(block)
    extra = [made for made in objects(values) if made["kind"] in ("PodMonitoring", "GrafanaDashboard")]
    assert len(extra) == len(values["extraManifests"]) == 1
    if extra[0]["kind"] == "GrafanaDashboard":
        source = extra[0]["spec"]["configMapRef"]
        board = one(values, "ConfigMap", source["name"])
        assert source["key"] in board["data"]
        assert "grafana_dashboard" not in board["metadata"]["labels"]
    assert "threatboard" in extra[0]["metadata"]["name"]
