"""Drills in the chart: what they are told, where they may go, and who else has their key."""

from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from exporter.config import Config, load
from tests.helm.chart import Object, objects, one

ON: dict[str, Any] = {"drill": {"enabled": True, "existingSecret": "drill"}}


def drilled(**more: object) -> dict[str, Any]:
    """Values with drills."""
    return {"drill": {**ON["drill"], **more}}


def config(values: dict[str, Any], name: str, folder: Path) -> Config:
    """What a program runs with whose ConfigMap has this name; the key stands in a file of its own."""
    (folder / "key").write_bytes(b"0123456789abcdef")
    written = yaml.safe_load(one(values, "ConfigMap", name)["data"]["threatboard.yaml"])
    if "key_file" in written["drill"]:
        assert written["drill"]["key_file"].startswith("/etc/threatboard/drill-key/")
        written["drill"]["key_file"] = str(folder / "key")
    file = folder / "threatboard.yaml"
    file.write_text(yaml.safe_dump(written))
    return load(file)


def jobs(values: dict[str, Any]) -> list[Object]:
    """The CronJobs."""
    return [made for made in objects(values) if made["kind"] == "CronJob"]


def pod(job: Object) -> Object:
    """The pod of a CronJob."""
    found: Object = job["spec"]["jobTemplate"]["spec"]["template"]
    return found


def test_without_them_nothing_of_them_is_there(tmp_path: Path) -> None:
    assert [made for made in objects({}) if "drill" in made["metadata"]["name"]] == []
    (tmp_path / "threatboard.yaml").write_text(one({}, "ConfigMap", "threatboard")["data"]["threatboard.yaml"])
    assert load(tmp_path / "threatboard.yaml").drill.key is None


def test_each_program_is_told_what_it_needs(tmp_path: Path) -> None:
    values = {**drilled(namespace="proof"), "watch": {"enabled": True}, "controls": {"ids": False}}
    receiver, watch = config(values, "threatboard", tmp_path), config(values, "threatboard-watch", tmp_path)
    drill = config(values, "threatboard-drill", tmp_path).drill
    assert {one.namespace for one in (receiver.drill, watch.drill, drill)} == {"proof"}
    assert receiver.drill.key == drill.key is not None
    assert watch.drill.key is None
    assert str(drill.allowed) == "threatboard.monitoring.svc:2801"
    assert str(drill.denied) == "threatboard-metrics.monitoring.svc:9376"
    assert receiver.drill.allowed is None


@pytest.mark.parametrize("blocking", [True, False])
def test_whether_the_waf_is_to_stop_it_is_told(blocking: bool, tmp_path: Path) -> None:
    values = drilled(controls=["waf"], wafUrl="https://shop.example.com/") | {"config": {"waf": {"blocking": blocking}}}
    made = config(values, "threatboard-drill", tmp_path)
    assert made.waf.blocking is blocking
    assert made.drill.waf_url == "https://shop.example.com/"
    assert pod(jobs(values)[0])["spec"]["containers"][0]["args"][-2:] == ["--control", "waf"]


def test_the_port_of_the_intake_is_that_of_its_service(tmp_path: Path) -> None:
    made = config({**ON, "intake": {"service": {"port": 8080}}}, "threatboard-drill", tmp_path)
    assert str(made.drill.allowed) == "threatboard.monitoring.svc:8080"


def test_every_file_is_mounted_in_both_pods() -> None:
    receiver = one(ON, "Deployment", "threatboard")["spec"]["template"]["spec"]
    for made in (receiver, pod(jobs(ON)[0])["spec"]):
        (container,) = made["containers"]
        assert {"name": "drill-key", "mountPath": "/etc/threatboard/drill-key", "readOnly": True} in container[
            "volumeMounts"
        ]
        assert [volume["secret"]["secretName"] for volume in made["volumes"] if "secret" in volume] == ["drill"]


def test_the_pod_is_one_that_watch_reads_and_that_can_make_a_link() -> None:
    made = pod(jobs(ON)[0])
    assert made["metadata"]["labels"]["threatboard/drill"] == "true"
    (container,) = made["spec"]["containers"]
    assert container["args"][container["args"].index("--report") + 1] == "/dev/termination-log"
    assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]
    assert made["spec"]["automountServiceAccountToken"] is False
    assert made["spec"]["restartPolicy"] == "Never"


def test_one_job_a_node_each_a_minute_later() -> None:
    made = jobs(drilled(nodes=["node-a", "node-b.example", "node-c"], schedule="58 */6 * * 1-5"))
    assert [job["spec"]["schedule"] for job in made] == ["58 */6 * * 1-5", "59 */6 * * 1-5", "0 */6 * * 1-5"]
    assert [job["metadata"]["name"] for job in made] == [f"threatboard-drill-{number}" for number in range(3)]
    nodes = [pod(job)["spec"]["nodeSelector"]["kubernetes.io/hostname"] for job in made]
    assert nodes == ["node-a", "node-b.example", "node-c"]
    (early,) = jobs(drilled(nodes=["a"], schedule="07 1 * * *"))
    assert early["spec"]["schedule"] == "7 1 * * *"


def test_without_nodes_one_pod_runs_where_it_may() -> None:
    (job,) = jobs(drilled(nodeSelector={"pool": "a"}, tolerations=[{"operator": "Exists"}], schedule="@daily"))
    assert job["spec"]["schedule"] == "@daily"
    assert pod(job)["spec"]["nodeSelector"] == {"pool": "a"}
    assert pod(job)["spec"]["tolerations"] == [{"operator": "Exists"}]


def test_it_may_reach_the_intake_and_not_the_metrics() -> None:
    spec = one(ON, "NetworkPolicy", "threatboard-drill")["spec"]
    labels = pod(jobs(ON)[0])["metadata"]["labels"]
    assert spec["podSelector"]["matchLabels"].items() <= labels.items()
    assert spec["ingress"] == []
    dns, intake = spec["egress"]
    assert {(port["port"], port["protocol"]) for port in dns["ports"]} == {(53, "UDP"), (53, "TCP")}
    assert intake["ports"] == [{"port": 2801, "protocol": "TCP"}]
    receiver = one(ON, "Deployment", "threatboard")["spec"]["template"]["metadata"]["labels"]
    (to,) = intake["to"]
    assert to["podSelector"]["matchLabels"].items() <= receiver.items()
    assert to["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "monitoring"}


@pytest.mark.parametrize(
    ("url", "ports", "opened"),
    [
        ("http://shop.example.com/", [], [80]),
        ("https://shop.example.com/a", [], [443]),
        ("https://shop.example.com:8443/", [], [8443]),
        ("http://[2001:db8::1]:8080/", [], [8080]),
        ("https://shop.example.com/", [8443, 443], [443, 8443]),
    ],
)
def test_it_may_reach_the_page_behind_the_waf(url: str, ports: list[int], opened: list[int]) -> None:
    values = drilled(controls=["waf"], wafUrl=url, wafPorts=ports)
    rules = one(values, "NetworkPolicy", "threatboard-drill")["spec"]["egress"][2:]
    assert [rule["ports"] for rule in rules] == [[{"port": port, "protocol": "TCP"}] for port in opened]


@pytest.mark.parametrize("flavor", ["kubernetes", "cilium"])
def test_the_receiver_takes_its_connection_and_shows_it_nothing(flavor: str) -> None:
    values = {**ON, "networkPolicy": {"enabled": True, "flavor": flavor}}
    kind = "NetworkPolicy" if flavor == "kubernetes" else "CiliumNetworkPolicy"
    ingress = one(values, kind, "threatboard")["spec"]["ingress"]
    admitted = [rule for rule in ingress if "threatboard-drill" in str(rule)]
    assert len(admitted) == 1
    assert "intake" in str(admitted[0]["ports"]) if flavor == "kubernetes" else "2801" in str(admitted[0]["toPorts"])


def test_the_namespace_is_its_own_and_restricted() -> None:
    labels = one(drilled(namespace="proof"), "Namespace", "proof")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert [made for made in objects(drilled(createNamespace=False)) if made["kind"] == "Namespace"] == []
    theirs = [made for made in objects(ON) if made["metadata"].get("namespace") == "threatboard-drill"]
    assert {made["kind"] for made in theirs} == {"ConfigMap", "CronJob", "NetworkPolicy"}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"drill": {"enabled": True}}, "drill.enabled needs drill.existingSecret"),
        (drilled(namespace="monitoring"), "drill.namespace is monitoring, the release's own"),
        (drilled(controls=["ids", "waf"]), "drill.controls has waf, which needs drill.wafUrl"),
        (drilled(nodes=["a"], schedule="*/5 * * * *"), "drill.schedule is */5 * * * *: with drill.nodes"),
        (drilled(nodes=["a"], schedule="@daily"), "drill.schedule is @daily: with drill.nodes"),
    ],
)
def test_what_cannot_be_meant_is_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(helm_python.HelmRenderError) as caught:
        objects(values)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("more", [{"controls": []}, {"controls": ["host"]}, {"wafUrl": "shop"}, {"schedule": "hourly"}])
def test_what_is_no_value_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(helm_python.HelmValuesError):
        objects(drilled(**more))


@pytest.mark.parametrize(
    ("values", "expected"), [({}, []), (ON, ["threatboard-drill"]), (drilled(namespace="proof"), ["proof"])]
)
def test_the_rules_know_where_a_denial_is_proof(values: dict[str, Any], expected: list[str]) -> None:
    made = one({**values, "controls": {"network": True}, "rules": {"enabled": True}}, "PrometheusRule")
    rules = [rule for group in made["spec"]["groups"] for rule in group["rules"]]
    named = [rule["labels"] for rule in rules if rule.get("record") == "threat:drill_namespace"]
    assert named == [{"namespace": name} for name in expected]
