"""What the chart allows `threatboard watch` is what it needs: with it everything is read, and each right is missed."""

import copy
import itertools
import urllib.error
from collections.abc import Generator
from pathlib import Path

import pytest
import yaml

from exporter.pollers.coverage.reflector import Resource
from exporter.pollers.coverage.resources import RESOURCES, config_maps
from tests.cluster.api import Api, Object
from tests.cluster.control_plane import ControlPlane
from tests.cluster.release import CORE, NAMESPACE, Release, wait_for
from tests.helm.chart import CHART, example
from tests.support.watcher import watcher

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLE = f"{RBAC}/clusterroles/{NAMESPACE}-threatboard-watch"
PLACES = {"falco": "falco/falco", "cilium": "kube-system/cilium-config"}
EXAMPLE = example(CHART / "ci/watch-values.yaml")
WATCHED = (*RESOURCES, *config_maps(PLACES))


class Account:
    """The service account of watch, as its pod has it."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        made = plane.api.create(f"{CORE}/serviceaccounts/threatboard-watch/token", request)
        settings = yaml.safe_load(plane.kubeconfig.read_text())
        settings["users"][0]["user"]["token"] = made["status"]["token"]
        self.kubeconfig = folder / "watch-kubeconfig.yaml"
        self.kubeconfig.write_text(yaml.safe_dump(settings))
        certificate = Path(settings["clusters"][0]["cluster"]["certificate-authority"])
        self._api = Api(plane.url, certificate, made["status"]["token"])

    def may(self, verb: str, kind: Resource[object]) -> bool:
        """Whether the API server lets it list or watch these."""
        query = {**kind.query, **({"watch": "true", "timeoutSeconds": "0"} if verb == "watch" else {"limit": "1"})}
        try:
            self._api.get(kind.path, **query)
        except urllib.error.HTTPError as refused:
            return refused.code != 403
        except ValueError:  # a watch of nothing is no JSON
            return True
        return True

    def states(self, folder: Path) -> Generator[dict[str, str]]:
        """What a watch that runs as this account says of each resource, again and again."""
        with watcher(folder, cluster={"kubeconfig": str(self.kubeconfig), "configmaps": PLACES}) as running:
            running.wait_for_log("the cluster is (known|not known whole)")
            while True:
                yield {
                    dict(labels)["resource"]: dict(labels)["state"]
                    for labels, value in running.series("threat_watch_resource").items()
                    if value == 1
                }


@pytest.fixture
def account(plane: ControlPlane, release: Release, tmp_path: Path) -> Account:
    release.install(EXAMPLE)
    made = Account(plane, tmp_path)
    wait_for(lambda: all(made.may("list", kind) for kind in WATCHED), "the rights to be there")
    return made


def test_with_them_everything_is_read(account: Account, tmp_path: Path) -> None:
    states = account.states(tmp_path / "whole")
    wait_for(lambda: {*next(states).values()} == {"synced"}, "everything to be read")
    assert next(states).keys() == {kind.name for kind in WATCHED}
    states.close()


def test_it_may_do_nothing_else(account: Account, plane: ControlPlane) -> None:
    token = yaml.safe_load(account.kubeconfig.read_text())["users"][0]["user"]["token"]
    certificate = Path(
        yaml.safe_load(account.kubeconfig.read_text())["clusters"][0]["cluster"]["certificate-authority"]
    )
    api = Api(plane.url, certificate, token)
    for path in ("/api/v1/secrets", f"{CORE}/secrets", "/api/v1/configmaps", f"{CORE}/configmaps", "/api/v1/events"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            api.get(path)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        api.get("/api/v1/namespaces/default")  # it may list, but get none alone
    with pytest.raises(urllib.error.HTTPError, match="403"):
        api.create("/api/v1/namespaces", {"metadata": {"name": "more"}})


def without(rules: list[Object], resource: str, verb: str) -> list[Object]:
    """The rules, in which one resource has lost a verb."""
    left = []
    for rule in copy.deepcopy(rules):
        others = [name for name in rule["resources"] if name != resource]
        if len(others) < len(rule["resources"]):
            left.append({**rule, "resources": [resource], "verbs": [one for one in rule["verbs"] if one != verb]})
        if others:
            left.append({**rule, "resources": others})
    return left


def test_each_right_is_missed(account: Account, plane: ControlPlane, tmp_path: Path) -> None:
    roles = {kind.name: ROLE for kind in RESOURCES}
    for agent, place in PLACES.items():
        namespace = place.partition("/")[0]
        roles[f"configmaps/{agent}"] = f"{RBAC}/namespaces/{namespace}/roles/{NAMESPACE}-threatboard-watch-{agent}"
    whole = {path: plane.api.get(path)["rules"] for path in {*roles.values()}}
    for kind, verb in itertools.product(WATCHED, ("list", "watch")):
        path, resource = roles[kind.name], kind.name.partition("/")[0]
        plane.api.merge(path, {"rules": without(whole[path], resource, verb)})
        wait_for(lambda: not account.may(verb, kind), f"the right to {verb} {kind.name} to be gone")  # noqa: B023
        states = account.states(tmp_path / f"{resource}-{kind.name[-5:]}-{verb}")
        wait_for(lambda: next(states)[kind.name] == "forbidden", f"{kind.name} to be missed")  # noqa: B023
        assert {name for name, state in next(states).items() if state == "forbidden"} <= {kind.name}
        states.close()
        plane.api.merge(path, {"rules": whole[path]})
        wait_for(lambda: account.may(verb, kind), f"the right to {verb} {kind.name} to be back")  # noqa: B023
