"""Every example becomes objects that Kubernetes takes, under the restricted Pod Security Standard."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.helm import reference
from tests.helm.chart import CHART, EXAMPLES, NAMESPACE, Object, example, files, lint, objects
from tests.helm.test_stacks import changed

ROWS = [*reference.rows(reference.schema(), reference.defaults())]

VERSIONS = ("1.25", "1.29", "1.33", "1.37")
"""Kubernetes versions: the oldest that Chart.yaml allows, the newest whose schemas there are, and two between."""

each_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name.removesuffix("-values.yaml"))


def pods(made: list[Object]) -> Iterator[Object]:
    """The pod specifications of all workloads and bare pods."""
    for found in made:
        if found["kind"] == "Pod":
            yield found["spec"]
        elif found["kind"] in ("Deployment", "DaemonSet"):
            yield found["spec"]["template"]["spec"]
        elif found["kind"] == "CronJob":
            yield found["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def test_there_is_an_example_for_each_way_to_run() -> None:
    names = {path.name.removesuffix("-values.yaml") for path in EXAMPLES}
    assert names == {
        *("default", "staging", "production", "daemonset", "plain-prometheus", "mesh", "mtls", "openshift", "watch")
    }


@each_example
def test_lint_has_nothing_to_say(path: Path) -> None:
    assert lint(example(path)) == []


@each_example
def test_no_template_reads_a_value_that_does_not_exist(path: Path) -> None:
    assert files(example(path), strict=True) == files(example(path), strict=False)


@each_example
@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_knows_every_field(path: Path, version: str) -> None:
    checked = 0
    for made in objects(example(path)):
        if made["apiVersion"].split("/")[0] in ("v1", "apps", "policy", "networking.k8s.io"):
            kubernetes_validate.validate(made, version, strict=True)
            checked += 1
    assert checked >= 6


@each_example
def test_pods_are_allowed_under_the_restricted_standard(path: Path) -> None:
    for pod in pods(objects(example(path))):
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context.get("runAsUser", 1) > 0
        assert context["seccompProfile"]["type"] == "RuntimeDefault"
        assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC"}
        assert all(volume.keys() - {"name"} <= {"configMap", "emptyDir", "secret"} for volume in pod["volumes"])
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert all("hostPort" not in port for port in container.get("ports", []))


@each_example
def test_peers_linters_would_have_nothing_to_ask_for(path: Path) -> None:
    """What kube-linter's default checks look for and the other tests here do not."""
    for made in objects(example(path)):
        assert made["metadata"].get("namespace") != "default"
        for pod in pods([made]):
            assert "hostPath" not in str(pod["volumes"])
            for container in pod["containers"]:
                assert not container["image"].endswith(":latest")
                assert re.search(r"[:@]\S+$", container["image"])
                resources = container["resources"]
                assert resources["requests"].keys() >= {"cpu", "memory"}
                assert "memory" in resources["limits"]
                names = [variable["name"] for variable in container.get("env", [])]
                assert len(set(names)) == len(names)
                if made["kind"] not in ("Pod", "CronJob"):  # those run to their end
                    assert {"livenessProbe", "readinessProbe"} <= container.keys()
                    assert container["readinessProbe"] != container["livenessProbe"]
            if made["kind"] == "Deployment" and made["spec"]["replicas"] > 1:
                assert {rule["topologyKey"] for rule in pod["topologySpreadConstraints"]} >= {"kubernetes.io/hostname"}


def test_the_chart_says_of_itself_what_a_catalogue_shows() -> None:
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    icon = (CHART.parents[1] / "docs/images/icon.svg").read_bytes()
    assert about["icon"] == "data:image/svg+xml;base64," + base64.b64encode(icon).decode()
    changes = yaml.safe_load(about["annotations"]["artifacthub.io/changes"])
    kinds = {"added", "changed", "deprecated", "removed", "fixed", "security"}
    assert {change["kind"] for change in changes} <= kinds
    assert all(change["description"] for change in changes)
    assert all(isinstance(value, str) for value in about["annotations"].values())


@each_example
def test_no_pod_but_that_of_watch_holds_a_key_to_kubernetes(path: Path) -> None:
    made = [
        found
        for found in objects(example(path))
        if found["metadata"]["labels"].get("app.kubernetes.io/component") != "watch"
    ]
    assert all(pod["automountServiceAccountToken"] is False for pod in pods(made))
    assert not [found["kind"] for found in made if "Role" in found["kind"]]


@each_example
def test_every_object_says_where_it_belongs(path: Path) -> None:
    for made in objects(example(path)):
        labels = made["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == "threatboard"
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        namespace = made["metadata"].get("namespace")
        if made["kind"].startswith(("ClusterRole", "Namespace")):
            assert namespace is None
        elif made["kind"].startswith("Role"):  # where the ConfigMaps are that watch reads
            assert namespace in ("falco", "kube-system")
        else:
            assert namespace in (NAMESPACE, "shop", "payments", "threatboard-drill")


@each_example
def test_services_and_policies_select_the_pods_that_there_are(path: Path) -> None:
    made = objects(example(path))
    workloads = [found for found in made if found["kind"] in ("Deployment", "DaemonSet")]
    templates = [found["spec"]["template"] for found in workloads]
    templates += [found["spec"]["jobTemplate"]["spec"]["template"] for found in made if found["kind"] == "CronJob"]
    labels = [found["metadata"]["labels"].items() for found in templates]
    selectors = [found["spec"]["selector"] for found in made if found["kind"] == "Service"]
    selectors += [found["spec"]["selector"]["matchLabels"] for found in made if found["kind"] == "PodDisruptionBudget"]
    selectors += [found["spec"]["podSelector"]["matchLabels"] for found in made if found["kind"] == "NetworkPolicy"]
    selectors += [found["spec"]["selector"]["matchLabels"] for found in workloads]
    assert len(selectors) >= 3
    assert [sum(selector.items() <= pod for pod in labels) for selector in selectors] == [1] * len(selectors)


def test_every_port_says_its_protocol() -> None:
    """Helm applies on the server, and old servers refuse a port without."""
    for made in objects({}):
        spec = made.get("spec", {})
        ports = spec.get("ports", []) if made["kind"] == "Service" else []
        ports += [
            port for pod in pods([made]) for container in pod["containers"] for port in container.get("ports", [])
        ]
        assert all(port["protocol"] == "TCP" for port in ports)


def test_large_numbers_stay_whole_numbers() -> None:
    """A template prints a number of YAML as 1e+07."""
    large = 10_000_000
    whole = [
        row.path for row in ROWS if "integer" in json.dumps(row.schema) and not row.schema.keys() & {"maximum", "items"}
    ]
    assert {"receiver.replicas", "receiver.pdb.maxUnavailable", "serviceMonitor.sampleLimit", "test.timeout"} < {*whole}
    values: dict[str, Any] = {"serviceMonitor": {"enabled": True}}
    for path in whole:
        values = changed(values, path, large)
    for kind in ("Deployment", "DaemonSet"):
        rendered = files(changed(values, "receiver.kind", kind))
        assert not [name for name, text in rendered.items() if re.search(r"\b1e\+?0?7\b", text)]
    assert sum(text.count(str(large)) for text in files(values).values()) >= len(whole)


def test_long_names_stay_within_63_characters() -> None:
    made = objects({"dashboards": {"enabled": True}}, release="a" * 53)
    assert all(len(found["metadata"]["name"]) <= 63 for found in made)


def test_the_chart_works_as_part_of_another(tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    (parent / "charts").mkdir(parents=True)
    (parent / "charts/threatboard").symlink_to(CHART)
    (parent / "Chart.yaml").write_text("apiVersion: v2\nname: parent\nversion: 1.0.0\n")
    (parent / "values.yaml").write_text(
        "global: {team: security}\nthreatboard: {enabled: true, monitoring: , receiver: {replicas: 5}}\n"
    )
    made = objects({}, release="stack", chart=parent)
    workload = next(found for found in made if found["kind"] == "Deployment")
    assert (workload["metadata"]["name"], workload["spec"]["replicas"]) == ("stack-threatboard", 5)


def test_extra_manifests_are_templates() -> None:
    extra = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-extra"}}
    names = [made["metadata"]["name"] for made in objects({"extraManifests": [extra, yaml.safe_dump(extra)]})]
    assert names.count("threatboard-extra") == 2
