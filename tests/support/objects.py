"""Kubernetes objects for tests, as the API server gives them."""

from typing import Any

Raw = dict[str, Any]


def meta(name: str, namespace: str = "", labels: dict[str, str] | None = None, **more: Any) -> Raw:
    """The metadata of an object."""
    found: Raw = {"name": name, "uid": f"uid-of-{name}", **more}
    if namespace:
        found["namespace"] = namespace
    if labels:
        found["labels"] = labels
    return found


def node(name: str, labels: dict[str, str] | None = None, *taints: Raw) -> Raw:
    return {
        "metadata": meta(name, labels={"kubernetes.io/os": "linux"} | (labels or {})),
        "spec": {"taints": [*taints]},
    }


def namespace(name: str, **labels: str) -> Raw:
    return {"metadata": meta(name, labels={"kubernetes.io/metadata.name": name} | labels)}


def pod(
    name: str,
    namespace: str = "shop",
    labels: dict[str, str] | None = None,
    *,
    owner: tuple[str, str] | None = None,
    ready: bool = True,
    phase: str = "Running",
    node: str = "worker-1",
    **spec: Any,
) -> Raw:
    """A pod; `owner` is (kind, name)."""
    owners = [{"kind": owner[0], "name": owner[1], "uid": f"uid-of-{owner[1]}", "controller": True}] if owner else []
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {
        "metadata": meta(name, namespace, labels, ownerReferences=owners),
        "spec": {"nodeName": node, "serviceAccountName": "default", **spec},
        "status": {"phase": phase, "conditions": conditions},
    }


def daemon_set(name: str, namespace: str, labels: dict[str, str], **spec: Any) -> Raw:
    """A DaemonSet; `spec` is that of its pods."""
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name}], **spec}}
    return {"metadata": meta(name, namespace, labels), "spec": {"template": template}}


def network_policy(name: str, namespace: str = "shop", **spec: Any) -> Raw:
    return {"metadata": meta(name, namespace), "spec": {"podSelector": {}, **spec}}


def service(name: str, namespace: str = "shop", **selector: str) -> Raw:
    return {"metadata": meta(name, namespace), "spec": {"selector": selector}}


def ingress(name: str, host: str | None, backend: str, namespace: str = "shop") -> Raw:
    paths = [{"path": "/", "backend": {"service": {"name": backend, "port": {"number": 80}}}}]
    rule: Raw = {"http": {"paths": paths}}
    return {"metadata": meta(name, namespace), "spec": {"rules": [rule | ({"host": host} if host else {})]}}


def config_map(name: str, namespace: str, data: dict[str, str]) -> Raw:
    return {"metadata": meta(name, namespace), "data": data}
