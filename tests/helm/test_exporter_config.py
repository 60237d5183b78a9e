"""What the chart writes for the exporter: it takes the file, and pods are replaced only where one has to restart."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.app import LAST_LINES
from exporter.config import Config, load
from exporter.config.schema import rows
from tests.helm.chart import EXAMPLES, Object, example, objects, one
from tests.helm.test_values import OWN

OTHER: dict[str, object] = {
    "duration": "7m",
    "size": "3MiB",
    "number": 1234,
    "list": [{"match": {"rule_id": "x"}, "action": "suppress", "reason": "noise"}],
    "list of name": ["replica"],
    "namespace/name": "falco/falco",
    "mapping": {"shop.example.com": {"namespace": "shop", "workload": "web"}},
}
"""Kind of a setting -> a value that is not its default."""


def configuration(values: dict[str, Any]) -> Object:
    """The exporter's configuration file."""
    config: Object = yaml.safe_load(one(values, "ConfigMap", "threatboard")["data"]["threatboard.yaml"])
    return config


def template(values: dict[str, Any], kind: str = "Deployment") -> Object:
    """The pods' manifest: when it changes, all pods are replaced."""
    found: Object = one(values, kind)["spec"]["template"]
    return found


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name.removesuffix("-values.yaml"))
def test_the_exporter_takes_the_file(path: Path, tmp_path: Path) -> None:
    config = configuration(example(path))
    for listener in (config["intake"], config["metrics"]):
        # Their content is not there on this machine; that the paths are those of the mounts is tested below.
        listener.pop("tls", None), listener.pop("auth", None), listener.pop("protect_metrics", None)
    config.get("drill", {}).pop("key_file", None)
    file = tmp_path / "threatboard.yaml"
    file.write_text(yaml.safe_dump(config))
    loaded = load(file)
    assert str(loaded.intake.listen) == "[::]:2801"
    assert loaded.controls.ids is True


def test_controls_are_written_from_the_one_place() -> None:
    controls = {"ids": False, "network": True, "hubble": True, "waf": True}
    assert configuration({"controls": controls})["controls"] == controls


def test_every_file_that_the_configuration_names_is_mounted() -> None:
    values = {
        "intake": {
            "tls": {
                "enabled": True,
                "existingSecret": "a",
                "mutual": True,
                "clientCASecret": "b",
                "clientCAKey": "ca.pem",
            },
            "auth": {"existingSecret": "c", "key": "password"},
        },
        "metrics": {"tls": {"enabled": True, "existingSecret": "d"}, "auth": {"existingSecret": "e"}, "protect": True},
        "test": {"enabled": False},
    }
    config = configuration(values)
    spec = template(values)["spec"]
    secrets = {volume["name"]: volume["secret"]["secretName"] for volume in spec["volumes"] if "secret" in volume}
    mounts = {mount["mountPath"]: secrets.get(mount["name"]) for mount in spec["containers"][0]["volumeMounts"]}
    files = [
        (config["intake"]["tls"]["cert_file"], "a", "tls.crt"),
        (config["intake"]["tls"]["key_file"], "a", "tls.key"),
        (config["intake"]["tls"]["client_ca_file"], "b", "ca.pem"),
        (config["intake"]["auth"]["token_file"], "c", "password"),
        (config["metrics"]["tls"]["cert_file"], "d", "tls.crt"),
        (config["metrics"]["tls"]["key_file"], "d", "tls.key"),
        (config["metrics"]["auth"]["token_file"], "e", "token"),
    ]
    for path, secret, name in files:
        folder, _, file = path.rpartition("/")
        assert (mounts[folder], file) == (secret, name)
    assert config["metrics"]["protect_metrics"] is True
    # A file mounted by subPath is never updated: rotation would need a restart.
    assert not [mount for mount in spec["containers"][0]["volumeMounts"] if "subPath" in mount]


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet"])
def test_only_what_cannot_change_live_replaces_pods(kind: str) -> None:
    before = template({"receiver": {"kind": kind}}, kind)
    checked = set()
    for row in rows(Config):
        section, _, name = row.path.partition(".")
        if section == "controls":
            values: dict[str, Any] = {"controls": {name: not yaml.safe_load(row.setting.default)}}
        elif "[]" in row.path or "." in name or row.path in OWN:
            continue
        else:
            kind_of = row.setting.kind.name
            value = OTHER[kind_of] if kind_of in OTHER else not yaml.safe_load(row.setting.default)
            values = {"config": {section: {name: value}}}
        after = template({**values, "receiver": {"kind": kind}}, kind)
        in_grace = name in ("drain", "body_timeout", "final_scrape_timeout")
        assert (after != before) is (row.setting.change != "live" or in_grace), row.path
        checked.add(row.path)
    assert {"events.log", "series.limit", "falco.tuning", "waf.hosts", "controls.waf", "intake.max_body"} <= checked


def test_turning_tls_on_replaces_pods() -> None:
    assert template({"metrics": {"tls": {"enabled": True, "existingSecret": "x"}}}) != template({})


@pytest.mark.parametrize(
    ("drain", "scrape", "body", "seconds"),
    [
        ("10s", "135s", "10s", 160),
        ("0s", "0s", "10ms", 6),
        ("1m30s", "1h", "30s", 3725),
        ("500ms", "1ms", "1s", 8),
        ("1d", "2m", "1s", 86526),
        (0, 0, "10ms", 6),
        ("08s", "010s", "1m09s", 92),
    ],
)
def test_the_grace_period_covers_the_whole_drain(
    drain: str | int, scrape: str | int, body: str | int, seconds: int
) -> None:
    values = {"config": {"intake": {"drain": drain, "body_timeout": body}, "metrics": {"final_scrape_timeout": scrape}}}
    assert template(values)["spec"]["terminationGracePeriodSeconds"] == seconds


def test_the_default_grace_period_is_that_of_the_exporters_own_defaults() -> None:
    own = Config()
    longest = own.intake.drain + own.intake.body_timeout + own.metrics.final_scrape_timeout + LAST_LINES
    assert longest < template({})["spec"]["terminationGracePeriodSeconds"] <= longest + 5


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet"])
def test_an_update_starts_a_pod_before_it_stops_one(kind: str) -> None:
    spec = one({"receiver": {"kind": kind}}, kind)["spec"]
    strategy = spec["strategy" if kind == "Deployment" else "updateStrategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}


def test_a_terminating_pod_is_still_scraped_but_gets_no_new_events() -> None:
    services = {made["metadata"]["name"]: made["spec"] for made in objects({}) if made["kind"] == "Service"}
    assert services["threatboard-metrics"]["publishNotReadyAddresses"] is True
    assert services["threatboard-metrics"]["clusterIP"] == "None"
    assert "publishNotReadyAddresses" not in services["threatboard"]


def test_events_of_a_node_stay_on_it_with_a_daemonset() -> None:
    policies = [
        one({"receiver": {"kind": kind}}, "Service", "threatboard")["spec"]["internalTrafficPolicy"]
        for kind in ("Deployment", "DaemonSet")
    ]
    assert policies == ["Cluster", "Local"]


def test_the_image_is_named_by_tag_or_by_digest() -> None:
    digest = "sha256:" + "0" * 64
    images = [
        template({"image": {"repository": "example/threatboard", **image}})["spec"]["containers"][0]["image"]
        for image in ({}, {"tag": "1.2"}, {"tag": "1.2", "digest": digest})
    ]
    assert images == [f"example/threatboard:{'0.1.0'}", "example/threatboard:1.2", f"example/threatboard@{digest}"]
