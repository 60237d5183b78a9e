"""What Helm prints after an installation: values to paste that fit this very release, and how to check each step."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helm.chart import EXAMPLES, Object, example, notes, objects, one

each_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name.removesuffix("-values.yaml"))

SECURE = {
    "intake": {
        "tls": {"enabled": True, "existingSecret": "s", "mutual": True},
        "auth": {"existingSecret": "t", "key": "password"},
    },
    "test": {"clientCertSecret": "c"},
}


WRITES = {
    "json_output": True,
    "json_include_output_property": True,
    "json_include_output_fields_property": True,
    "json_include_tags_property": True,
    "priority": "debug",
}
SHOWS = {"enabled": True, "interval": "5m", "outputRule": True}

TLS = {"intake": {"tls": {"enabled": True, "existingSecret": "s"}}}


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
        **WRITES,
        "http_output": {"enabled": True, "url": "http://threatboard.monitoring.svc:2801/falco", "keep_alive": True},
    }
    assert values["metrics"] == SHOWS


def test_falcosidekicks_users_lose_nothing_by_taking_their_block_alone() -> None:
    """The snapshot is Falco's to send, and its JSON settings are what falcosidekick reads."""
    values = pasted({})["falcosidekick"]
    assert values["falco"] == WRITES  # and no http_output, which is falcosidekick's
    assert values["metrics"] == SHOWS


def test_with_a_private_ca_both_senders_find_it_where_it_is_mounted() -> None:
    values = pasted(TLS)
    assert values["falco"]["certs"] == {"existingSecret": "threatboard-ca"}
    assert values["falco"]["falco"]["http_output"]["ca_cert"] == "/etc/falco/certs/ca.crt"
    sidekick = values["falcosidekick"]["falcosidekick"]
    (mount,) = sidekick["extraVolumeMounts"]
    assert sidekick["config"]["tlsclient"] == {"cacertfile": f"{mount['mountPath']}/ca.crt"}
    assert sidekick["extraVolumes"] == [{"name": mount["name"], "secret": {"secretName": "threatboard-ca"}}]
    assert "create secret generic threatboard-ca --from-file=ca.crt" in notes(TLS)
    assert "get secret s -o jsonpath='{.data.ca\\.crt}'" in notes(TLS)
    assert "certs" not in pasted({})["falco"]


def test_with_mutual_tls_both_senders_show_a_certificate_from_keys_that_are_named() -> None:
    values = pasted(SECURE)
    assert values["falco"]["certs"] == {
        "existingSecret": "threatboard-ca",
        "existingClientSecret": "threatboard-client",
    }
    sidekick = values["falcosidekick"]["falcosidekick"]
    (mount,) = sidekick["extraVolumeMounts"]
    files = sidekick["config"]["mutualtlsclient"]
    assert {Path(file).parent for file in files.values()} == {Path(mount["mountPath"])}
    keys = {Path(file).name for file in files.values()}
    assert keys == {"client.crt", "client.key", "ca.crt"}
    command = next(line for line in notes(SECURE).splitlines() if "generic threatboard-client" in line)
    assert set(re.findall(r"--from-file=(\S+)", command)) == keys


def test_audit_alerts_get_the_namespace_that_the_parser_reads() -> None:
    entries = pasted({})["falco-audit"]["falco"]["append_output"]
    assert entries[0] == {"suggested_output": True}
    assert entries[1]["match"] == {"source": "k8s_audit"}
    source = (Path(__file__).parents[2] / "exporter/sources/falco.py").read_text()
    assert entries[1]["extra_fields"] == ["ka.target.namespace", "ka.target.resource", "ka.target.name"]
    assert all(f'"{field}"' in source for field in entries[1]["extra_fields"])


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


def keys(values: object, path: str = "") -> set[str]:
    """Paths of all values below mappings."""
    if not isinstance(values, dict) or not values:
        return {path}
    return {found for name, child in values.items() for found in keys(child, f"{path}.{name}".lstrip("."))}


def test_the_neighbours_charts_have_every_key_that_is_printed() -> None:
    """A key that a chart does not know is silently nothing. What is listed was looked up, so nothing else is listed."""
    known = yaml.safe_load((Path(__file__).parent / "neighbours.yaml").read_text())
    every = {"controls": {"network": True, "hubble": True}, "serviceMonitor": {"enabled": True}}
    printed: dict[str, set[str]] = {}
    for values in (every, {**every, **SECURE}, {**every, **TLS}):
        for name, block in pasted({**values, "monitoring": {"labels": {"a": "b"}}}).items():
            printed.setdefault(name, set()).update(path.removesuffix(".a") for path in keys(block))
    assert printed == {name: set(entry["keys"]) for name, entry in known.items()}


def test_cilium_is_told_of_only_what_is_expected_of_it() -> None:
    assert "cilium" not in pasted({})
    assert pasted({"controls": {"network": True}})["cilium"] == {"prometheus": {"enabled": True}}
    hubble = pasted({"controls": {"hubble": True}})["cilium"]["hubble"]
    assert [entry.partition(":")[0] for entry in hubble["metrics"]["enabled"]] == [
        "dns",
        "drop",
        "flow",
        "flows-to-world",
        "policy",
    ]


def test_hubbles_metrics_have_the_labels_that_the_rules_read() -> None:
    root = Path(__file__).parents[2]
    external = {
        name: entry
        for folder in ("rules", "dashboards")
        for name, entry in yaml.safe_load((root / folder / "external.yaml").read_text()).items()
    }
    enabled = pasted({"controls": {"hubble": True}})["cilium"]["hubble"]["metrics"]["enabled"]
    contexts = {entry.partition(":")[0]: set(entry.partition("labelsContext=")[2].split(",")) for entry in enabled}
    settings = [entry["setting"] for entry in external.values() if "labelsContext=" in entry["setting"]]
    assert len(settings) >= 4
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
    assert "YET:" not in whole
    assert "ALERTS WITHOUT A NAMESPACE" in notes(example(next(path for path in EXAMPLES if "mtls" in path.name)))


def test_grafana_is_told_of_a_folder_where_there_is_one() -> None:
    assert pasted({})["grafana"]["sidecar"]["dashboards"]["folderAnnotation"] == "grafana_folder"
    plain = {"dashboards": {"folder": ""}}
    assert pasted(plain)["grafana"] == {"sidecar": {"dashboards": {"enabled": True, "searchNamespace": "ALL"}}}
    assert 'folder "' not in notes(plain)
    unlabelled = {"dashboards": {"labels": None}}
    assert "grafana" not in pasted(unlabelled)
    assert "No sidecar finds the boards" in notes(unlabelled)
    assert "GRAFANA" not in notes({"dashboards": {"enabled": False}})


def test_no_command_needs_a_test_pod_that_there_is_not() -> None:
    mutual = {"tls": {"enabled": True, "existingSecret": "s", "mutual": True}}
    for intake in ({}, mutual):
        text = notes({"intake": intake, "test": {"enabled": False}})
        assert not re.search(r"^ +helm .* test ", text, re.MULTILINE)
    assert "Have a sender with a certificate raise one" in text


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


def directives(values: dict[str, Any]) -> dict[str, list[str]]:
    """The lines to paste for the WAF and its shipper, by the name of the file that they are meant for."""
    blocks = re.findall(r"^--- (\S+)\.conf\n(.*?)^---$", notes(values), re.MULTILINE | re.DOTALL)
    return {name: text.splitlines() for name, text in blocks}


WAF = {"controls": {"waf": True}}


def test_a_waf_is_told_where_to_send_in_the_standard_and_in_the_quick_way() -> None:
    assert directives({}) == {}
    made = directives(WAF)
    assert list(made) == ["modsecurity", "fluent-bit", "modsecurity-quick"]
    assert "SecAuditLogFormat JSON" in made["modsecurity"]
    output = {line.split()[0]: line.split()[-1] for line in made["fluent-bit"][-8:]}
    assert (output["Host"], output["Port"], output["URI"]) == ("threatboard.monitoring.svc", "2801", "/waf")
    assert made["modsecurity-quick"][-1] == "SecAuditLog http://threatboard.monitoring.svc:2801/waf"


def test_a_waf_shows_credentials_in_the_way_that_each_sender_has() -> None:
    token = {"intake": {"tls": {"enabled": True, "existingSecret": "s"}, "auth": {"existingSecret": "t"}}, **WAF}
    made = directives(token)
    assert "    Header Authorization Bearer TOKEN" in made["fluent-bit"]
    assert "    tls On" in made["fluent-bit"]
    # ModSecurity's configuration takes no credentials in an address: see tests/waf/test_notes.py.
    assert "modsecurity-quick" not in made
    assert made["coraza-quick"][-1] == "SecAuditLog https://threatboard:TOKEN@threatboard.monitoring.svc:2801/waf"
    mutual = directives({**SECURE, **WAF})
    assert "    tls.crt_file /fluent-bit/certs/client.crt" in mutual["fluent-bit"]
    assert "modsecurity-quick" not in mutual
    assert "The quick way, in which the WAF itself posts, is closed" in notes({**SECURE, **WAF})


def test_what_is_missing_for_a_waf_is_said_loudly() -> None:
    assert 'EVERY EVENT WILL BE OF THE HOST "other"' in notes(WAF)
    hosts = {"shop.example.com": {"namespace": "shop", "workload": "web"}}
    assert 'HOST "other"' not in notes({**WAF, "config": {"waf": {"hosts": hosts}}})
    assert "THE NETWORK POLICY LETS NO WAF SEND" in notes({**WAF, "networkPolicy": {"enabled": True}})
    sender = [{"namespace": "edge", "podLabels": {"app": "shipper"}}]
    assert "LETS NO WAF" not in notes({**WAF, "networkPolicy": {"enabled": True, "waf": sender}})


def test_a_shippers_largest_body_is_said_where_it_would_be_refused() -> None:
    words = "a body over config.intake.max_body (1MiB) is refused whole: set it to 4MiB."
    assert words in notes(WAF)
    assert words not in notes({**WAF, "config": {"intake": {"max_body": "4MiB"}}})
    assert words not in notes({})


@pytest.mark.parametrize("name", ["modsecurity", "fluent-bit", "modsecurity-quick"])
def test_the_page_about_wafs_shows_what_is_printed(name: str) -> None:
    page = (Path(__file__).parents[2] / "docs/waf.md").read_text()
    assert "```\n" + "\n".join(directives(WAF)[name]) + "\n```" in page


@pytest.mark.parametrize("name", ["ingress-nginx-values", "envoy-gateway", "istio"])
def test_what_is_printed_for_a_proxy_is_what_its_page_shows(name: str) -> None:
    (text,) = re.findall(rf"^--- {name}\.yaml\n(.*?)^---$", notes(WAF), re.MULTILINE | re.DOTALL)
    assert f"```yaml\n{text}```" in (Path(__file__).parents[2] / "docs/waf.md").read_text()
    assert yaml.safe_load(text)


def test_the_directives_for_ingress_nginx_are_those_for_any_other_and_fit_into_single_quotes() -> None:
    snippet = pasted(WAF)["ingress-nginx"]["controller"]["config"]["modsecurity-snippet"].splitlines()
    assert snippet == ["SecRuleEngine On", *(line for line in directives(WAF)["modsecurity"] if line[0] != "#")]
    assert "'" not in "".join(snippet)


@pytest.mark.parametrize(
    ("metrics", "copied"),
    [
        ({}, []),
        ({"auth": {"existingSecret": "t"}}, []),
        ({"tls": {"enabled": True, "existingSecret": "s"}}, ["key ca.crt of secret s"]),
        ({"auth": {"existingSecret": "t", "key": "k"}, "protect": True}, ["key k of secret t"]),
        (
            {"tls": {"enabled": True, "existingSecret": "s"}, "auth": {"existingSecret": "s"}, "protect": True},
            ["key ca.crt and token of secret s"],
        ),
    ],
)
def test_the_secrets_that_a_servicemonitor_elsewhere_needs_beside_it_are_named(
    metrics: dict[str, Any], copied: list[str]
) -> None:
    """The operator reads them in the ServiceMonitor's namespace; without them it makes no scrape job."""
    values = {"metrics": metrics, "serviceMonitor": {"enabled": True}}
    elsewhere = notes({**values, "monitoring": {"namespace": "prometheus"}})
    assert re.findall(r"key .* of secret \w+$", elsewhere, re.MULTILINE) == copied
    assert ("BEFORE prometheus HAS ITS SECRETS" in elsewhere) is bool(copied)
    assert "HAS ITS SECRETS" not in notes(values) + notes({**values, "monitoring": {"namespace": "monitoring"}})
    (monitor,) = (made for made in objects(values) if made["kind"] == "ServiceMonitor")
    references = json.dumps(monitor["spec"]["endpoints"], sort_keys=True)
    assert set(re.findall(r'{"key": "[^"]+", "name": "(\w+)"}', references)) == {line.split()[-1] for line in copied}


def test_the_secret_of_slack_is_named_with_its_key_and_namespace() -> None:
    slack = {"slack": {"existingSecret": "hook", "key": "address"}, "enabled": True, "matcherStrategy": "None"}
    values = {"alertmanagerConfig": slack, "monitoring": {"namespace": "prometheus"}}
    assert "key address of secret hook\n   in the namespace prometheus." in notes(values)
    each = {**slack, "matcherStrategy": "OnNamespace", "namespaces": ["shop"]}
    assert "needs the secret hook, with the webhook's URL as key address." in notes({"alertmanagerConfig": each})
