# ruff: noqa: RUF009 - setting() and section() are dataclasses.field() with a row of the table in it
"""How `threatboard watch` reads Alertmanager, and the targets of what it finds."""

import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from exporter.config.cluster import URL
from exporter.config.credentials import Secret
from exporter.config.kinds import DURATION, FILE, FOLDER, SHARE, Scalar
from exporter.config.schema import Several, section, setting

_LABEL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_API = re.compile(r"/api/v[12](/.*)?$")


def _base(text: str) -> str:
    try:
        URL.parse(text)
    except ValueError:
        raise ValueError(
            "must be Alertmanager's address, such as http://alertmanager.monitoring:9093, with its prefix if it has "
            "one, and without credentials (alertmanager.auth), query and #"
        ) from None
    if _API.search(path := urlsplit(text).path.rstrip("/")):
        raise ValueError(f"must end before {_API.search(path)[0]}, which is added")  # type: ignore[index]
    return text


def _label_name(text: str) -> str:
    if not _LABEL_NAME.fullmatch(text):
        raise ValueError(f"must be the name of a label, not {text!r}")
    return text


def _username(text: str) -> str:
    if not text or not text.isprintable() or ":" in text:
        raise ValueError("must be a name without a colon")
    return text


BASE_URL = Scalar("URL", _base)
LABEL_NAME = Scalar("name", _label_name)
USERNAME = Scalar("name", _username)


@dataclass(frozen=True, slots=True)
class ClientAuthSettings:
    """Who we are to Alertmanager: the token, sent as Bearer, or as the password of Basic beside a name."""

    token_file: Path | None = setting(FILE, change="live")
    username: str | None = setting(USERNAME, change="live")
    token: Secret | None = None

    def faults(self) -> Iterable[tuple[tuple[str, ...], str]]:
        """What is wrong between settings: those involved, the one at fault first, and a sentence."""
        if self.username and not self.token_file:
            yield ("username", "token_file"), "needs token_file as well, with the password"


@dataclass(frozen=True, slots=True)
class TargetsSettings:
    """What the team wants to reach."""

    acknowledge: float = setting(DURATION, "10m", change="live", at_least="1s")
    triage: float = setting(DURATION, "5m", change="live", at_least="1s")
    false_positive_ratio: float = setting(SHARE, "0.5", change="live")


@dataclass(frozen=True, slots=True)
class AlertmanagerSettings:
    """Alertmanager, read if `urls` names its members; `state_dir` keeps what was counted over a restart."""

    urls: tuple[str, ...] = setting(Several(BASE_URL), change="switch")
    interval: float = setting(DURATION, "15s", change="live", at_least="1s")
    ignore_labels: tuple[str, ...] = setting(Several(LABEL_NAME), "prometheus_replica", change="live")
    ca_file: Path | None = setting(FILE, change="live")
    auth: ClientAuthSettings = section(ClientAuthSettings)
    state_dir: Path | None = setting(FOLDER, change="restart")
    targets: TargetsSettings = section(TargetsSettings)
    context: ssl.SSLContext | None = field(default=None, repr=False, compare=False, kw_only=True)
