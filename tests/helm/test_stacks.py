"""The chart in other people's stacks: values that are emptied or missing, labels that are there already, names that
look like numbers, either address family, OpenShift."""

import copy
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.helm import reference
from tests.helm.chart import CHART, EXAMPLES, Object, documents, example, files, objects, one, refusal

EVERYTHING: dict[str, Any] = {
    "controls": {"network": True, "hubble": True, "waf": True},
    "intake": {"tls": {"enabled": True, "mutual": True}, "auth": {"existingSecret": "intake"}},
    "metrics": {"tls": {"enabled": True}, "auth": {"existingSecret": "metrics"}, "protect": True},
    "certManager": {"enabled": True, "issuerRef": {"name": "ca"}},
    "serviceMonitor": {"enabled": True},
    "rules": {"enabled": True},
    "alertmanagerConfig": {"enabled": True, "matcherStrategy": "None", "slack": {"existingSecret": "slack"}},
    "networkPolicy": {"enabled": True},
    "test": {"clientCertSecret": "client"},
}

STANDARD = {
    "app.kubernetes.io/name": "mine",
    "app.kubernetes.io/instance": "mine",
    "app.kubernetes.io/component": "mine",
    "app.kubernetes.io/version": "mine",
    "app.kubernetes.io/part-of": "mine",
    "app.kubernetes.io/managed-by": "mine",
    "helm.sh/chart": "mine",
    "threatboard/service": "mine",
    "threatboard/release": "mine",
    "checksum/restart-config": "mine",
    "helm.sh/hook": "mine",
    "prometheus.io/scrape": "mine",
    "grafana_dashboard": "mine",
    "grafana_folder": "mine",
    "team": "mine",
}
"""Every label and annotation that the chart sets itself, as somebody else would set it, and one that it does not."""

ROWS = [*reference.rows(reference.schema(), reference.defaults())]
EMPTIED = sorted({row.path for row in ROWS} | {row.path.rsplit(".", depth)[0] for row in ROWS for depth in (1, 2, 3)})
"""Path of every value, and of every mapping that holds some."""


CERTIFICATE = "intake.tls.enabled needs a certificate: set intake.tls.existingSecret, or certManager.enabled"
NEEDED = {
    "alertmanagerConfig.matcherStrategy": "Either list in alertmanagerConfig.namespaces",
    "alertmanagerConfig.slack": "needs alertmanagerConfig.slack.existingSecret",
    "alertmanagerConfig.slack.existingSecret": "needs alertmanagerConfig.slack.existingSecret",
    "certManager": CERTIFICATE,
    "certManager.enabled": CERTIFICATE,
    "certManager.issuerRef": "certManager.enabled needs certManager.issuerRef.name",
    "certManager.issuerRef.name": "certManager.enabled needs certManager.issuerRef.name",
    "metrics.auth": "metrics.protect needs a token: set metrics.auth.existingSecret",
    "metrics.auth.existingSecret": "metrics.protect needs a token: set metrics.auth.existingSecret",
    "test": "set test.clientCertSecret, or test.enabled=false",
    "test.clientCertSecret": "set test.clientCertSecret, or test.enabled=false",
}
"""What EVERYTHING cannot do without, and what is said then."""


def changed(values: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """These values with one of them replaced."""
    made = copy.deepcopy(values)
    *parents, last = path.split(".")
    part = made
    for name in parents:
        part = part.setdefault(name, {})
    part[last] = value
    return made


def maps_of_texts(*kinds: str) -> list[str]:
    """The values that are labels or annotations of these kinds: `labels`, `annotations`, `prometheusLabels`."""
    refs = [{"$ref": f"#/$defs/{kind}"} for kind in kinds]
    return [
        row.path
        for row in ROWS
        if any(part in refs for part in row.schema.get("allOf", [])) and "odeSelector" not in row.path
    ]


def leaves(value: object) -> Iterator[object]:
    """Every single value in an object."""
    match value:
        case dict():
            for child in value.values():
                yield from leaves(child)
        case list():
            for child in value:
                yield from leaves(child)
        case _:
            yield value


def check(values: dict[str, Any], **how: Any) -> list[Object]:
    """The objects, each key given once, Kubernetes' own of the right types."""
    texts = files(values, **how)
    return [found for name, text in sorted(texts.items()) if not name.endswith(".txt") for found in _checked(text)]


@cache
def _checked(text: str) -> list[Object]:
    made = documents(text)
    for found in made:
        if found["apiVersion"].split("/")[0] in ("v1", "apps", "policy", "networking.k8s.io"):
            kubernetes_validate.validate(found, "1.37", strict=True)
    return made


@pytest.mark.parametrize("path", EMPTIED)
def test_a_value_that_is_emptied_is_never_a_template_error(path: str) -> None:
    values = changed(EVERYTHING, path, None)
    if path in NEEDED:
        assert NEEDED[path] in refusal(values)
    else:
        check(values)


def test_what_is_emptied_is_empty_and_has_its_default_otherwise() -> None:
    assert (
        "grafana_dashboard"
        not in one({"dashboards": {"labels": None}}, "ConfigMap", "threatboard-overview")["metadata"]["labels"]
    )
    assert one({"receiver": {"replicas": None}}, "Deployment")["spec"]["replicas"] == 2
    assert (
        "resources"
        not in one({"receiver": {"resources": None}}, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    )
    emptied: Any = {"networkPolicy": {"enabled": True, "falco": None, "waf": None}}
    senders = one(emptied, "NetworkPolicy")["spec"]["ingress"][0]["from"]
    assert len(senders) == 1  # the test pod


def test_the_defaults_that_templates_fill_in_are_those_of_values_yaml() -> None:
    assert reference.DEFAULTS.read_text(encoding="utf-8") == reference.fallbacks(), "run make generate"


@pytest.mark.parametrize("path", [row.path for row in ROWS])
def test_values_of_a_version_that_did_not_have_one_yet_still_render(path: str, without: Callable[[str], Path]) -> None:
    """`helm upgrade --reuse-values` brings the old chart's values, and none of the new one's defaults."""
    check({}, chart=without(path))


@pytest.fixture
def without(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a chart whose values.yaml lacks the value at a path."""

    def make(path: str) -> Path:
        chart = tmp_path / "threatboard"
        chart.mkdir()
        for name in ("Chart.yaml", "templates", "files", "values.schema.json"):
            (chart / name).symlink_to(CHART / name)
        values = reference.defaults()
        *parents, last = path.split(".")
        part = values
        for name in parents:
            part = part[name]
        part.pop(last, None)
        (chart / "values.yaml").write_text(yaml.safe_dump(values))
        return chart

    return make


@pytest.mark.parametrize("path", maps_of_texts("labels", "annotations"))
def test_labels_that_are_there_already_are_given_once_and_select_as_before(path: str) -> None:
    """Argo CD, Flux and shared values of a team put the standard labels on everything."""
    usual, made = check(EVERYTHING), check(changed(EVERYTHING, path, STANDARD))  # fails on a key that is given twice
    for before, after in zip(usual, made, strict=True):
        assert selectors(before) == selectors(after)
        assert identity(before) == identity(after)


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet"])
def test_what_selects_still_finds_when_argo_cd_has_written_its_applications_name_over_the_instance(kind: str) -> None:
    """It does so on every object, not in pods' templates, where it tracks by label and releaseName is another name."""
    made = check({**EVERYTHING, "receiver": {"kind": kind}})
    for found in made:
        found["metadata"]["labels"]["app.kubernetes.io/instance"] = "application"
    pod = next(found for found in made if found["kind"] == kind)["spec"]["template"]["metadata"]["labels"]
    services = [found["metadata"]["labels"] for found in made if found["kind"] == "Service"]
    checked = []
    for found in made:
        spec = found.get("spec", {})
        wanted = spec.get("selector") or spec.get("podSelector")
        if not wanted:
            continue
        labels = wanted.get("matchLabels", wanted)
        among = services if found["kind"] == "ServiceMonitor" else [pod]
        assert sum(labels.items() <= candidate.items() for candidate in among) == 1, found["kind"]
        checked.append(found["kind"])
    budget = ["PodDisruptionBudget"] if kind == "Deployment" else []
    assert sorted(checked) == sorted([kind, "NetworkPolicy", *budget, "Service", "Service", "ServiceMonitor"])


def selectors(made: Object) -> list[object]:
    """What an object selects pods or Services by."""
    spec = made.get("spec", {})
    return [spec.get(name) for name in ("selector", "podSelector", "endpointSelector", "ingress")]


def identity(made: Object) -> list[object]:
    """The labels by which Helm and the selectors above know an object and its pods."""
    labels = [
        made["metadata"]["labels"],
        made.get("spec", {}).get("template", {}).get("metadata", {}).get("labels", {}),
    ]
    kept = [f"app.kubernetes.io/{name}" for name in ("name", "instance", "component")]
    hooks = [made["metadata"]["annotations"]["helm.sh/hook"]] if made["kind"] == "Pod" else []
    services = [labels[0]["threatboard/service"]] if made["kind"] == "Service" else []
    helm = labels[0]["app.kubernetes.io/managed-by"]
    return [*(found.get(name) for found in labels for name in kept), helm, *hooks, *services]


def test_a_label_of_ones_own_is_on_every_object_and_pod() -> None:
    made = objects({**EVERYTHING, "commonLabels": {"team": "security"}})
    assert {found["metadata"]["labels"]["team"] for found in made} == {"security"}
    pod = next(found for found in made if found["kind"] == "Deployment")["spec"]["template"]
    assert pod["metadata"]["labels"]["team"] == "security"


def test_texts_that_look_like_numbers_stay_texts() -> None:
    """A namespace `0123`, a Secret `0x10`: YAML would make numbers of them, and the API server refuses those."""
    plain = "0x10"
    texts = [row.path for row in ROWS if row.schema.get("type") == "string" and not row.schema.get("pattern")]
    defined = [f"#/$defs/{name}" for name in ("name", "secretKey", "labelValue", "namespace", "otherNamespace")]
    texts += [row.path for row in ROWS if row.schema.get("$ref") in defined]
    texts = [path for path in texts if not path.startswith(("fullnameOverride", "nameOverride", "config."))]
    assert len(texts) > 20
    values = EVERYTHING
    texts.remove("metrics.tls.existingSecret")  # cert-manager makes that one
    for path in texts:
        values = changed(values, path, plain)
    for kind, name in (("labels", plain), ("annotations", plain), ("prometheusLabels", "n")):
        assert len(maps_of_texts(kind)) > 1
        for path in maps_of_texts(kind):
            values = changed(values, path, {name: plain})
    for path in ("networkPolicy.falco", "networkPolicy.waf", "networkPolicy.prometheus"):
        values = changed(values, path, [{"namespace": plain, "podLabels": {plain: plain}}])
    for flavor in ("kubernetes", "cilium"):
        made = check(changed(values, "networkPolicy.flavor", flavor), namespace=plain)
        assert 16 not in {*leaves(made)}
        assert plain in {*leaves(made)}


@pytest.mark.parametrize("release", ["1st", "my.app", "9"])
def test_a_release_name_that_is_no_name_of_a_service_is_refused_with_a_way_out(release: str) -> None:
    sentence = refusal({}, release)
    assert f"{release}-threatboard cannot be the name of a Service" in sentence
    assert "set fullnameOverride" in sentence
    check({"fullnameOverride": "events"}, release=release)


@pytest.mark.parametrize("name", ["Events", "on_call", "a.b", "1a", "-a"])
def test_a_name_of_ones_own_that_is_none_is_refused(name: str) -> None:
    assert "cannot be the name of a Service" in refusal({"fullnameOverride": name})


def test_names_that_yaml_takes_for_something_else_stay_names() -> None:
    for name in ("on", "null", "y", "true"):
        made = check({**EVERYTHING, "fullnameOverride": name})
        assert all(str(found["metadata"]["name"]).startswith(name) for found in made)


def test_what_is_made_is_the_same_every_time() -> None:
    """Or Argo CD and Flux would never be done."""
    for values in ({}, EVERYTHING):
        assert len({json.dumps(files(values)) for _ in range(5)}) == 1
    source = "".join(path.read_text() for path in (CHART / "templates").rglob("*") if path.is_file())
    for moving in (
        "now",
        "lookup",
        "randAlphaNum",
        "genCA",
        "genSelfSignedCert",
        "uuidv4",
        "Release.Revision",
        "Release.IsUpgrade",
    ):
        assert f"{moving} " not in source
        assert f".{moving}" not in source


def test_it_listens_on_either_address_family() -> None:
    config = yaml.safe_load(one({}, "ConfigMap", "threatboard")["data"]["threatboard.yaml"])
    assert [config[part]["listen"] for part in ("intake", "metrics")] == ["[::]:2801", "[::]:9376"]


def test_the_intake_can_have_both_address_families_and_the_metrics_have_one() -> None:
    """With two, Prometheus would find each pod twice and everything would be counted double."""
    values = {"intake": {"service": {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6", "IPv4"]}}}
    spec = one(values, "Service", "threatboard")["spec"]
    assert (spec["ipFamilyPolicy"], spec["ipFamilies"]) == ("PreferDualStack", ["IPv6", "IPv4"])
    assert one(values, "Service", "threatboard-metrics")["spec"]["ipFamilyPolicy"] == "SingleStack"
    assert not one({}, "Service", "threatboard")["spec"].keys() & {"ipFamilyPolicy", "ipFamilies"}


def test_openshift_chooses_the_user_itself() -> None:
    """restricted-v2 refuses a pod that names a user or group outside the namespace's range."""
    values = example(next(path for path in EXAMPLES if path.name.startswith("openshift")))
    made = objects(values)
    pods = [found["spec"]["template"]["spec"] for found in made if found["kind"] == "Deployment"]
    pods += [found["spec"] for found in made if found["kind"] == "Pod"]
    assert len(pods) == 2
    for pod in pods:
        contexts = [pod["securityContext"], *(container["securityContext"] for container in pod["containers"])]
        for context in contexts:
            assert not context.keys() & {"runAsUser", "runAsGroup", "fsGroup", "supplementalGroups", "seLinuxOptions"}
        assert contexts[0]["runAsNonRoot"] is True
        assert contexts[0]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert contexts[1]["capabilities"] == {"drop": ["ALL"]}
        assert contexts[1]["allowPrivilegeEscalation"] is False
        allowed = {"configMap", "downwardAPI", "emptyDir", "persistentVolumeClaim", "projected", "secret"}
        assert all(volume.keys() - {"name"} <= allowed for volume in pod["volumes"])


def test_the_rules_are_within_the_default_limits_of_mimirs_ruler() -> None:
    """20 rules a group and 70 groups a tenant; excluded namespaces each take a rule."""
    values = {**EVERYTHING, "rules": {"enabled": True, "excludedNamespaces": [f"n{number}" for number in range(30)]}}
    groups = one(values, "PrometheusRule")["spec"]["groups"]
    assert max(len(group["rules"]) for group in groups) <= 20
    assert len(groups) < 70


def test_every_template_fills_in_what_is_missing_before_it_reads_anything() -> None:
    """What one fills in the others see, but the order in which Helm renders them is its own."""
    begin = '{{- include "threatboard.defaults" . -}}\n'
    templates = [path for path in (CHART / "templates").rglob("*") if path.suffix in (".yaml", ".txt")]
    assert len(templates) >= 15
    assert [path.name for path in templates if not path.read_text(encoding="utf-8").startswith(begin)] == []
