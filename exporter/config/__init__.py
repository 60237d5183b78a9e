# ruff: noqa: RUF009 - setting() and section() are dataclasses.field() with a row of the table in it
"""The configuration: every setting as a row of a table, `load` from YAML, `describe`, and what waits for a restart.

    config = load(Path("threatboard.yaml"))      # ConfigError names every fault with its line
    config.series.limit, config.intake.listen.port

Attributes are the keys of the YAML file. Durations are seconds, sizes bytes, paths absolute. What is read from the
files that the configuration names (tokens, certificates) hangs beside the path: `auth.token`, `tls.context`.
"""

import dataclasses
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from exporter.config.alertmanager import AlertmanagerSettings
from exporter.config.cluster import ClusterSettings, DrillSettings
from exporter.config.credentials import (
    CredentialError,
    Secret,
    client_context,
    read_key,
    read_token,
    server_context,
)
from exporter.config.kinds import ADDRESS, COUNT, DURATION, FILE, FOLDER, SIZE, SWITCH, Address, Scalar
from exporter.config.reader import Reader
from exporter.config.schema import Entries, Keyed, Setting, Several, parts, rows, section, setting, value_at
from exporter.config.tuning import FalcoEntry, WafEntry
from exporter.config.waf_hosts import HOST, HostSettings


class ConfigError(ValueError):
    """The configuration cannot be used. The message has one line a fault; `files` are those that it names."""

    def __init__(self, faults: tuple[str, ...], files: tuple[Path, ...] = ()) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults
        self.files = files


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """Who may send or look: the token, presented as Bearer or as the password of Basic; without one, everybody."""

    token_file: Path | None = setting(FILE, change="live")
    token: Secret | None = None


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """TLS of a listener: on when both files are set. `context` is made from them and ready for use."""

    cert_file: Path | None = setting(FILE, change="switch")
    key_file: Path | None = setting(FILE, change="switch")
    context: ssl.SSLContext | None = field(default=None, repr=False, compare=False, kw_only=True)

    def faults(self) -> Iterable[tuple[tuple[str, ...], str]]:
        """What is wrong between settings: those involved, the one at fault first, and a sentence."""
        if self.cert_file and not self.key_file:
            yield ("cert_file", "key_file"), "TLS needs key_file as well"
        if self.key_file and not self.cert_file:
            yield ("key_file", "cert_file"), "TLS needs cert_file as well"


@dataclass(frozen=True, slots=True)
class MutualTlsSettings(TlsSettings):
    """TLS that can also ask the client for a certificate, signed by one in `client_ca_file`."""

    client_ca_file: Path | None = setting(FILE, change="switch")

    def faults(self) -> Iterable[tuple[tuple[str, ...], str]]:
        yield from TlsSettings.faults(self)
        if self.client_ca_file and not (self.cert_file or self.key_file):
            yield (
                ("client_ca_file", "cert_file", "key_file"),
                "client certificates need TLS: set cert_file and key_file",
            )


@dataclass(frozen=True, slots=True)
class IntakeSettings:
    """The listener that takes events."""

    listen: Address = setting(ADDRESS, "0.0.0.0:2801", change="restart")
    max_body: int = setting(SIZE, "1MiB", change="live", at_least="1KiB")
    max_events: int = setting(COUNT, "10000", change="live", at_least="1")
    head_timeout: float = setting(DURATION, "10s", change="live", at_least="10ms")
    body_timeout: float = setting(DURATION, "10s", change="live", at_least="10ms")
    max_connections: int = setting(COUNT, "10000", change="live", at_least="1")
    max_inflight: int = setting(SIZE, "64MiB", change="live", at_least="1MiB")
    drain: float = setting(DURATION, "10s", change="live")
    tls: MutualTlsSettings = section(MutualTlsSettings)
    auth: AuthSettings = section(AuthSettings)


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """The listener that shows metrics, probes and recent events."""

    listen: Address = setting(ADDRESS, "0.0.0.0:9376", change="restart")
    tls: TlsSettings = section(TlsSettings)
    auth: AuthSettings = section(AuthSettings)
    protect_metrics: bool = setting(SWITCH, "false", change="live")
    final_scrape_timeout: float = setting(DURATION, "135s", change="live")

    def faults(self) -> Iterable[tuple[tuple[str, ...], str]]:
        """What is wrong between settings: those involved, the one at fault first, and a sentence."""
        if self.protect_metrics and not self.auth.token_file:
            yield ("protect_metrics", "auth.token_file"), "needs a token: set metrics.auth.token_file"


@dataclass(frozen=True, slots=True)
class SeriesSettings:
    """The counter store; `limit` is per metric family, `max_bytes` for all together."""

    limit: int = setting(COUNT, "20000", change="live", at_least="1")
    max_bytes: int = setting(SIZE, "64MiB", change="live", at_least="1MiB")
    idle_expiry: float = setting(DURATION, "6h", change="live", at_least="1s")
    settle: float = setting(DURATION, "10m", change="live")
    zero_hold: float = setting(DURATION, "0s", change="live")
    state_dir: Path | None = setting(FOLDER, change="restart")


@dataclass(frozen=True, slots=True)
class ControlsSettings:
    """Which controls this cluster is expected to have."""

    ids: bool = setting(SWITCH, "true", change="live")
    network: bool = setting(SWITCH, "false", change="live")
    hubble: bool = setting(SWITCH, "false", change="live")
    waf: bool = setting(SWITCH, "false", change="live")


@dataclass(frozen=True, slots=True)
class EventsSettings:
    """Events for people: lines on standard output, and how many recent ones are kept for the status page."""

    log: bool = setting(SWITCH, "true", change="restart")
    keep: int = setting(COUNT, "1000", change="live", at_least="0")
    keep_bytes: int = setting(SIZE, "4MiB", change="live", at_least="64KiB")


@dataclass(frozen=True, slots=True)
class FalcoSettings:
    """How Falco's alerts are counted."""

    tuning: tuple[FalcoEntry, ...] = setting(Entries(FalcoEntry), change="live")
    pod_label: bool = setting(SWITCH, "true", change="live")


@dataclass(frozen=True, slots=True)
class WafSettings:
    """How the events of a web application firewall are counted. `hosts` maps a host, or a glob, to what serves it."""

    hosts: Mapping[str, HostSettings] = setting(Keyed(HostSettings, HOST), change="live")
    tuning: tuple[WafEntry, ...] = setting(Entries(WafEntry), change="live")
    blocking: bool = setting(SWITCH, "false", change="live")
    client_networks: bool = setting(SWITCH, "false", change="live")


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration."""

    intake: IntakeSettings = section(IntakeSettings)
    metrics: MetricsSettings = section(MetricsSettings)
    series: SeriesSettings = section(SeriesSettings)
    controls: ControlsSettings = section(ControlsSettings)
    events: EventsSettings = section(EventsSettings)
    falco: FalcoSettings = section(FalcoSettings)
    waf: WafSettings = section(WafSettings)
    cluster: ClusterSettings = section(ClusterSettings)
    alertmanager: AlertmanagerSettings = section(AlertmanagerSettings)
    drill: DrillSettings = section(DrillSettings)

    def faults(self) -> Iterable[tuple[tuple[str, ...], str]]:
        """What is wrong between sections, as in the sections themselves."""
        if self.intake.listen == self.metrics.listen and self.metrics.listen.port:
            yield ("metrics.listen", "intake.listen"), f"is the same as intake.listen, {self.intake.listen}"


def load(path: Path | None) -> Config:
    """The configuration in the file at `path`, with the files that it names; None gives the defaults.

    Raises ConfigError, whose message has one line for each fault: `FILE:LINE: path.of.key: what is wrong`.
    """
    if path is None:
        return Config()
    reader = Reader(path)
    config: Config = reader.read(Config)
    files = named_files(config)
    config = dataclasses.replace(
        config,
        intake=_with_credentials(config.intake, "intake", reader),
        metrics=_with_credentials(config.metrics, "metrics", reader),
        alertmanager=_with_trust(config.alertmanager, reader),
        drill=_with_key(config.drill, reader),
    )
    if messages := reader.messages():
        raise ConfigError(messages, files)
    return config


def _with_credentials(listener: Any, name: str, reader: Reader) -> Any:
    """A listener's settings with their token and TLS context; what is wrong goes to the reader."""
    tls, auth = listener.tls, listener.auth
    client_ca = getattr(tls, "client_ca_file", None)

    def attempt(part: str, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except CredentialError as error:
            for key, problem in error.problems.items():
                reader.fault(f"{name}.{part}.{key}", problem)

    if auth.token_file:
        auth = dataclasses.replace(auth, token=attempt("auth", lambda: read_token(auth.token_file)))
    if tls.cert_file and tls.key_file and reader.sound(f"{name}.tls.client_ca_file"):
        context = attempt("tls", lambda: server_context(tls.cert_file, tls.key_file, client_ca))
        tls = dataclasses.replace(tls, context=context)
    return dataclasses.replace(listener, auth=auth, tls=tls)


def _with_trust(settings: AlertmanagerSettings, reader: Reader) -> AlertmanagerSettings:
    """Alertmanager's settings with what is read from files; what is wrong goes to the reader."""
    auth = settings.auth

    def attempt(key: str, path: Path | None, read: Callable[[Path], Any]) -> Any:
        try:
            return None if path is None else read(path)
        except CredentialError as error:
            for problem in error.problems.values():
                reader.fault(f"alertmanager.{key}", problem)

    return dataclasses.replace(
        settings,
        auth=dataclasses.replace(auth, token=attempt("auth.token_file", auth.token_file, read_token)),
        context=attempt("ca_file", settings.ca_file, client_context),
    )


def _with_key(drill: DrillSettings, reader: Reader) -> DrillSettings:
    """The drill's settings with their key; what is wrong goes to the reader."""
    if drill.key_file is None:
        return drill
    try:
        return dataclasses.replace(drill, key=read_key(drill.key_file))
    except CredentialError as error:
        for key, problem in error.problems.items():
            reader.fault(f"drill.{key}", problem)
        return drill


def named_files(config: Config) -> tuple[Path, ...]:
    """Every file that `config` names: certificates, keys, CAs, tokens."""
    values = (value_at(config, row.path) for row in rows(Config) if row.setting.kind is FILE)
    return tuple(value for value in values if value is not None)


def restart_needed(old: Config, new: Config) -> list[str]:
    """The settings that differ and are taken into use only by a restart, such as `intake.listen`."""
    waiting = []
    for path, about in ((row.path, row.setting) for row in rows(Config) if "[]" not in row.path):
        before, after = value_at(old, path), value_at(new, path)
        if about.change == "switch":
            before, after = not before, not after
        if about.change != "live" and before != after:
            waiting.append(path)
    return waiting


def describe(config: Config) -> str:
    """The effective configuration as YAML that `load` takes back; of secrets only the name of their file."""
    return yaml.safe_dump(_plain(config), sort_keys=False, allow_unicode=True, default_flow_style=False, width=120)


def _plain(part: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, about in parts(type(part)).items():
        value = getattr(part, name)
        if not isinstance(about, Setting):
            plain[name] = _plain(value)
        elif isinstance(about.kind, Several):
            plain[name] = [about.kind.of.show(one) for one in value]
        elif isinstance(about.kind, Entries):
            plain[name] = [_plain(entry) for entry in value]
        elif isinstance(about.kind, Keyed):
            plain[name] = {key: _plain(entry) for key, entry in value.items()}
        elif isinstance(about.kind, Scalar):
            if value is not None:
                plain[name] = about.kind.show(value)
            elif about.kind in (FILE, FOLDER):
                plain[name] = None
        else:
            plain[name] = {key: texts[0] if len(texts) == 1 else list(texts) for key, texts in value.items()}
    return plain
