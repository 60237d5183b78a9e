"""Falco's alerts and its own messages, as Falco 0.20 to 0.44 and falcosidekick's webhook send them.

Shapes follow falcosecurity/falco `userspace/engine/formats.cpp` and `userspace/falco/{event_drops,stats_writer}.cpp`,
and falcosidekick `types/types.go`. Every key but the rule's name may be missing or of another type.
"""

from datetime import UTC, datetime
from typing import TypeAlias

from exporter.catalog import PRIORITIES
from exporter.sources import Rejected, Source
from exporter.sources.body import documents
from exporter.sources.falco_events import (
    DESCRIBED,
    DESCRIPTOR,
    DropMessage,
    FalcoAlert,
    Fields,
    InternalMessage,
    MetricsSnapshot,
)
from exporter.sources.fields import Spellings, lifted
from exporter.sources.shapes import made_for_another, no_alert, unwrapped
from exporter.sources.tactics import tactic
from exporter.sources.text import MAX_TEXT_BYTES, clean
from exporter.sources.workload import deployment_of, workload

FalcoEvent: TypeAlias = FalcoAlert | DropMessage | MetricsSnapshot | InternalMessage

_INTERNAL = "Falco internal: "
_DROPS = "Falco internal: syscall event drop"
_SNAPSHOT = "Falco internal: metrics snapshot"
_ALERT_KEYS = ("priority", "output", "output_fields")

_PRIORITY_OF = {priority: priority for priority in PRIORITIES} | {"info": "informational"}
_PRIORITY_AS_SENT = {priority.title(): priority for priority in PRIORITIES}  # Falco's own spelling: the short way

# Missing before Falco 0.30; plural from falcosidekick, upper case from Falco's gRPC enumeration.
_SOURCE_OF = {"": "syscall", "syscalls": "syscall", "SYSCALL": "syscall"}

_NAMESPACE_FIELDS = ("k8s.ns.name", "k8smeta.ns.name", "ka.target.namespace")
_POD_FIELDS = ("k8s.pod.name", "k8smeta.pod.name", "ka.target.pod.name")
_DEPLOYMENT_FIELDS = ("k8smeta.deployment.name", "k8s.deployment.name")
_REPLICA_SET_FIELDS = ("k8smeta.rs.name", "k8s.rs.name")
_CONTROLLER_FIELDS = ("k8smeta.rc.name", "k8s.rc.name")
_AUDIT_FIELDS = ("ka.target.resource", "ka.target.name")
_AUDITED_WORKLOADS = (
    *("deployments", "statefulsets", "daemonsets", "jobs", "cronjobs", "replicationcontrollers"),
    *("clonesets", "deploymentconfigs", "rollouts", "strimzipodsets"),
)
_TIME_FIELDS = ("evt.time", "evt.time.iso8601", "evt.rawtime", "evt.datetime", "jevt.time", "jevt.rawtime")

_COUNT_FIELDS = ("evt.source", "n_drops", "scap.n_evts", "scap.n_drops")
LABEL_FIELDS = (
    *(*_NAMESPACE_FIELDS, *_POD_FIELDS, *_DEPLOYMENT_FIELDS, *_REPLICA_SET_FIELDS, *_CONTROLLER_FIELDS),
    *_AUDIT_FIELDS,
)
"""The output_fields that decide over an alert's labels."""

READ_FIELDS = (
    *(*LABEL_FIELDS, *_TIME_FIELDS, *_COUNT_FIELDS, DESCRIPTOR),
    *(name for names in DESCRIBED.values() for name in names),
)
"""All that are read, under whatever spelling."""

_SPELLINGS = Spellings(READ_FIELDS)

_NO_OBJECT = Rejected("not_an_alert", "an event must be a JSON object, as Falco sends it with json_output: true")
_NO_RULE = Rejected("no_rule", "the alert has no rule name: send the key `rule`")

_SHORTEST_TIME = len("2030-01-02T03:04:05")
_MIN_NANOSECONDS = 10**17  # in 1973: a smaller number is in another unit
_MAX_COUNT = 2**64 - 1
_MAX_COUNT_DIGITS = 20


def parse(body: bytes, max_events: int) -> list[FalcoEvent | Rejected]:
    """The events in a decompressed body, in their order, a `Rejected` in the place of each that is none.

    An event whose fields cannot all be read is followed by a `Rejected` that says so.
    """
    found: list[FalcoEvent | Rejected] = []
    for value in documents(body, max_events, FALCO.hint):
        if type(value) is Rejected:
            found.append(value)
        else:
            event, fault = read(value)
            found.append(event)
            if fault is not None:
                found.append(fault)
    return found


def read(value: object) -> tuple[FalcoEvent | Rejected, Rejected | None]:
    """An event or the refusal of what is none, and what could not be read of the event."""
    if type(value) is not dict:
        return _NO_OBJECT, None
    if "rule" not in value:
        value = unwrapped(value)
    if "rule" not in value:
        value = {key.lower(): item for key, item in value.items()}  # hand-written senders spell it `Rule`
    elif "@timestamp" in value and (refusal := made_for_another(value)):
        return refusal, None
    get = value.get
    rule = get("rule")
    rule = clean(rule).strip() if not isinstance(rule, dict | list) else ""
    if not rule:
        if any(key in value for key in _ALERT_KEYS):
            return _NO_RULE, None
        return no_alert(value), None

    fields = get("output_fields")
    raw, fault = _SPELLINGS.read(lifted(value) if fields is None else fields)
    # Kubernetes names its nodes in lower case, whatever the machine calls itself.
    hostname = clean(clean(get("hostname")).lower())
    time = happened(get("time"), raw)
    source = _source(get("source"))
    if source == "internal" or rule.startswith(_INTERNAL):
        return _internal(rule, hostname, time, raw, get("output")), fault

    pod = _pod(raw)
    alert = FalcoAlert(
        rule,
        _priority(get("priority")),
        source,
        tactic(get("tags")),
        hostname,
        _namespace(raw),
        pod,
        _workload(raw, pod, hostname),
        time,
        clean(get("output") or get("message"), MAX_TEXT_BYTES),
        Fields(raw),
    )
    return alert, fault


def _internal(
    rule: str, hostname: str, time: float | None, raw: dict[str, object], output: object
) -> DropMessage | MetricsSnapshot | InternalMessage:
    if rule == _DROPS:
        return DropMessage(hostname, time, _count(raw.get("n_drops")))
    if rule == _SNAPSHOT:
        source = _source(raw.get("evt.source"))
        return MetricsSnapshot(hostname, time, source, _count(raw.get("scap.n_evts")), _count(raw.get("scap.n_drops")))
    return InternalMessage(hostname, time, rule, clean(output, MAX_TEXT_BYTES))


def _source(value: object) -> str:
    """Falco's event source by the name that Falco's own JSON has for it."""
    name = clean(value)
    return _SOURCE_OF.get(name, name)


def _priority(value: object) -> str:
    """A priority of the catalog, whatever its case; `unknown` for numbers, which mean opposite things by sender."""
    if type(value) is str and (priority := _PRIORITY_AS_SENT.get(value)):
        return priority
    return _PRIORITY_OF.get(clean(value).strip().lower(), "unknown")


def _first(raw: dict[str, object], names: tuple[str, ...]) -> str:
    """The first of these fields that says something, or the empty string."""
    for name in names:
        value = raw.get(name)
        if value is not None and (text := clean(value)):
            return text
    return ""


def _namespace(raw: dict[str, object]) -> str:
    namespace = _first(raw, _NAMESPACE_FIELDS)
    return namespace or (clean(raw.get("ka.target.name")) if raw.get("ka.target.resource") == "namespaces" else "")


def _pod(raw: dict[str, object]) -> str:
    pod = _first(raw, _POD_FIELDS)
    return pod or (clean(raw.get("ka.target.name")) if raw.get("ka.target.resource") == "pods" else "")


def _workload(raw: dict[str, object], pod: str, hostname: str) -> str:
    """What runs the pod: by the metadata plugins, else by the pod's name, else what an API request is about."""
    if deployment := _first(raw, _DEPLOYMENT_FIELDS):
        return deployment
    if replica_set := _first(raw, _REPLICA_SET_FIELDS):
        return deployment_of(replica_set)
    if controller := _first(raw, _CONTROLLER_FIELDS):
        return controller
    if pod:
        return workload(pod, hostname)
    return clean(raw.get("ka.target.name")) if raw.get("ka.target.resource") in _AUDITED_WORKLOADS else ""


def happened(written: object, raw: dict[str, object]) -> float | None:
    """Unix time of an event from its `time` (RFC 3339, any fraction), else from a field in nanoseconds."""
    if type(written) is str and len(written) >= _SHORTEST_TIME:
        try:
            moment = datetime.fromisoformat(written)
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            seconds = 0.0
        # The zero times of Go (year 1) and C (1970) mean that the sender did not know.
        if seconds > 0:
            return seconds
    for name in _TIME_FIELDS:
        nanoseconds = _count(raw.get(name))
        if nanoseconds and nanoseconds > _MIN_NANOSECONDS:
            return nanoseconds / 1e9
    return None


def _count(value: object) -> int | None:
    """A whole number from 0 to 2^64 - 1, as a number or, as in drop messages, digits; None for all else."""
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) <= _MAX_COUNT_DIGITS):
            return None
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MAX_COUNT:
        return None
    return int(value)


FALCO = Source("ids", parse, "set json_output: true in falco.yaml")
