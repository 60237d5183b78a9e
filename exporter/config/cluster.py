# ruff: noqa: RUF009 - setting() and section() are dataclasses.field() with a row of the table in it
"""What `threatboard watch` looks at in the cluster, and the drill."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from exporter.config.credentials import Secret
from exporter.config.kinds import ADDRESS, DURATION, FILE, SWITCH, Address, Scalar
from exporter.config.schema import section, setting
from exporter.config.waf_hosts import NAME

_LABEL = re.compile(r"([A-Za-z0-9./_-]{1,317})=([A-Za-z0-9._-]{0,63})")
_OBJECT = re.compile(r"([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)/([a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)")


def _labels(text: str) -> str:
    if not text or not all(_LABEL.fullmatch(part) for part in text.split(",")):
        raise ValueError(f'must be labels such as "app.kubernetes.io/name=falco", with a comma between, not {text!r}')
    return text


def _object(text: str) -> str:
    if text and not _OBJECT.fullmatch(text):
        raise ValueError(f"must be NAMESPACE/NAME, or empty, not {text!r}")
    return text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or not text.isprintable() or " " in text or parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must be the URL of a page, such as http://shop.example.com/, without credentials and query")
    return text


LABELS = Scalar("labels", _labels)
OBJECT = Scalar("namespace/name", _object)
URL = Scalar("URL", _url)


@dataclass(frozen=True, slots=True)
class AgentsSettings:
    """The labels of each control's DaemonSet, as `kubectl get daemonset -l` takes them."""

    falco: str = setting(LABELS, "app.kubernetes.io/name=falco", change="live")
    cilium: str = setting(LABELS, "k8s-app=cilium", change="live")


@dataclass(frozen=True, slots=True)
class ConfigMapsSettings:
    """The ConfigMaps in which the controls' own configuration is; an empty one is not read."""

    falco: str = setting(OBJECT, "falco/falco", change="restart")
    cilium: str = setting(OBJECT, "kube-system/cilium-config", change="restart")


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """What `threatboard watch` reads of Kubernetes. Without `kubeconfig` it uses its pod's service account."""

    enabled: bool = setting(SWITCH, "true", change="restart")
    kubeconfig: Path | None = setting(FILE, change="restart")
    interval: float = setting(DURATION, "15s", change="live", at_least="1s")
    agents: AgentsSettings = section(AgentsSettings)
    configmaps: ConfigMapsSettings = section(ConfigMapsSettings)
    receiver: str = setting(OBJECT, change="live")


@dataclass(frozen=True, slots=True)
class DrillSettings:
    """The drill. With `key_file` its acts are recognised; the others say where `threatboard drill` acts."""

    key_file: Path | None = setting(FILE, change="live")
    namespace: str = setting(NAME, "threatboard-drill", change="live")
    allowed: Address | None = setting(ADDRESS, change="live")
    denied: Address | None = setting(ADDRESS, change="live")
    waf_url: str | None = setting(URL, change="live")
    key: Secret | None = None

    def faults(self) -> Iterable[tuple[tuple[str, ...], str]]:
        """What is wrong between settings: those involved, the one at fault first, and a sentence."""
        if (self.allowed is None) != (self.denied is None):
            proves = "a denial proves something only where other connections succeed"
            missing, given = ("denied", "allowed") if self.denied is None else ("allowed", "denied")
            yield (given, missing), f"the drill of network policy needs {missing} as well: {proves}"
