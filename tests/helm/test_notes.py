"""What Helm prints after an installation: values to paste that fit this very release, and how to check each step."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helm.chart import EXAMPLES, Object, example, notes, one

each_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name.removesuffix("-values.yaml"))

SECURE = {
    "intake": {
        "tls": {"enabled": True, "existingSecret": "s", "mutual": True},
        "auth": {"existingSecret": "t", "key": "password"},
    },
    "test": {"clientCertSecret": "c"},
}


def pasted(values: dict[str, Any]) -> dict[str, Object]:
    """The values to paste, by the name of the file that they are meant for."""
    blocks = re.findall(r"^--- (\S+)-values\.yaml\n(.*?)^---$", notes(values), re.MULTILINE | re.DOTALL)
    return {name: yaml.safe_load(text) for name, text in blocks}


@each_example
def test_falco_sends_to_the_service_that_there_is(path: Path) -> None:
    values = example(path)
    falco = pasted(values)["falco"]["falco"]
    service = one(values, "Service", "threatboard")
    port = service["spec"]["ports"][0]["port"]
    address = f"threatboard.{service['metadata']['namespace']}.svc:{port}/falco"
    url = falco["http_output"]["url"]
    assert url.endswith(address)
    assert url.startswith("https://" if values.get("intake", {}).get("tls") else "http://")
    assert pasted(values)["falcosidekick"]["falcosidekick"]["config"]["webhook"]["address"].endswith(address)


def test_falco_is_told_everything_that_it_needs() -> None:
    values = pasted({})["falco"]
    assert values["falco"] == {
        "json_output": True,
        "json_include_output_property": True,
        "json_include_output_fields_property": True,
        "json_include_tags_property": True,
        "http_output": {"enabled": True, "url": "http://threatboard.monitoring.svc:2801/falco", "keep_alive": True},
    }
    assert values["metrics"] == {"enabled": True, "interval": "5m", "outputRule": True}


def test_the_snapshot_comes_oftener_than_its_absence_alarms() -> None:
    thresholds = Path(__file__).parents[2] / "rules/recording/thresholds.yaml"
    rules = yaml.safe_load(thresholds.read_text())["groups"][0]["rules"]
    silent = next(rule["expr"] for rule in rules if rule["labels"]["alertname"] == "PlatformFalcoSilent")
    assert 2 * 60 * int(pasted({})["falco"]["metrics"]["interval"].removesuffix("m")) < int(silent[len("vector(") : -1])


def test_credentials_are_asked_for_in_the_way_that_each_sender_has() -> None:
    values = pasted(SECURE)
    output = values["falco"]["falco"]["http_output"]
    assert output["url"] == "https://threatboard:TOKEN@threatboard.monitoring.svc:2801/falco"
    assert output["mtls"] is True
    assert {"ca_cert", "client_cert", "client_key"} <= output.keys()
    webhook = values["falcosidekick"]["falcosidekick"]["config"]["webhook"]
    assert (webhook["customHeaders"], webhook["mutualtls"]) == ("Authorization:Bearer TOKEN", True)
    assert "TOKEN is the content of key password in secret t" in notes(SECURE)


def test_cilium_is_told_of_only_what_is_expected_of_it() -> None:
    assert "cilium" not in pasted({})
    assert pasted({"controls": {"network": True}})["cilium"] == {"prometheus": {"enabled": True}}
    hubble = pasted({"controls": {"hubble": True}})["cilium"]["hubble"]
    assert [entry.partition(":")[0] for entry in hubble["metrics"]["enabled"]] == ["dns", "drop", "flow", "policy"]


def test_hubbles_metrics_have_the_labels_that_the_rules_read() -> None:
    external = yaml.safe_load((Path(__file__).parents[2] / "rules/external.yaml").read_text())
    enabled = pasted({"controls": {"hubble": True}})["cilium"]["hubble"]["metrics"]["enabled"]
    contexts = {entry.partition(":")[0]: set(entry.partition("labelsContext=")[2].split(",")) for entry in enabled}
    settings = [entry["setting"] for entry in external.values() if "labelsContext=" in entry["setting"]]
    assert len(settings) >= 3
    for setting in settings:
        metric, _, labels = setting.removeprefix("hubble.metrics.enabled ").partition(":labelsContext=")
        assert set(labels.split(",")) <= contexts[metric], metric


def test_the_operators_label_is_put_into_the_neighbours_values() -> None:
    values = {
        "monitoring": {"labels": {"release": "kps"}},
        "serviceMonitor": {"enabled": True},
        "controls": {"network": True, "hubble": True},
    }
    made = pasted(values)
    assert made["falco"]["serviceMonitor"] == {"create": True, "labels": {"release": "kps"}}
    monitors = [made["cilium"]["prometheus"], made["cilium"]["hubble"]["metrics"]]
    assert all(part["serviceMonitor"] == {"enabled": True, "labels": {"release": "kps"}} for part in monitors)
    assert "monitoring.labels.release=" not in notes(values)
    assert "monitoring.labels.release=" in notes({"serviceMonitor": {"enabled": True}})


def test_what_is_missing_is_said_loudly() -> None:
    text = notes({})
    assert "NOTHING SCRAPES IT YET" in text
    assert "NO ALERT IS LOADED YET" in text
    whole = notes({"serviceMonitor": {"enabled": True}, "rules": {"enabled": True}})
    assert "YET" not in whole
    assert "ALERTS WITHOUT A NAMESPACE" in notes(example(next(path for path in EXAMPLES if "mtls" in path.name)))


@each_example
def test_each_step_says_how_to_check_it(path: Path) -> None:
    text = notes(example(path))
    assert text.count("Check:") >= 3
    assert "kubectl -n monitoring rollout status" in text
    assert "helm -n monitoring test threatboard" in text
    assert not [line for line in text.splitlines() if "<no value>" in line or "map[" in line]


def test_the_command_for_a_test_alert_is_one_that_the_program_has() -> None:
    from exporter.__main__ import _parser

    values = {"intake": {"tls": {"enabled": True, "existingSecret": "s"}, "auth": {"existingSecret": "t"}}}
    for shown in (notes({}), notes(values)):
        line = next(line for line in shown.splitlines() if "threatboard send-test" in line)
        options = _parser().parse_args(line.partition("-- threatboard ")[2].split())
        assert (options.priority, options.namespace) == ("critical", "threatboard-test")


def test_a_daemonset_is_named_as_such() -> None:
    text = notes({"receiver": {"kind": "DaemonSet"}})
    assert "rollout status daemonset/threatboard" in text
    assert "receiver.tolerations" in text
