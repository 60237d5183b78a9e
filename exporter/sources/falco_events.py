"""What Falco says, once it was parsed: alerts, and its messages about itself; what each counts and tells people."""

from collections.abc import Mapping
from typing import NamedTuple

from exporter.sources import Counters, Line
from exporter.sources.text import MAX_TEXT_BYTES, clean


class Fields:
    """An alert's `output_fields`, read by name and cleaned on access, so that nobody else handles what was received."""

    __slots__ = ("_raw",)

    def __init__(self, raw: dict[str, object]) -> None:
        self._raw = raw

    def text(self, name: str) -> str:
        """A field as text of at most `MAX_TEXT_BYTES`; empty if it is missing, null, empty or `<NA>`.

        A field is also found with `_` in the place of its dots.
        """
        return clean(self._raw.get(name, self._raw.get(name.replace(".", "_"))), MAX_TEXT_BYTES)

    def first(self, table: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
        """For each key of the table that has one, the text of the first of its fields that says something."""
        raw = self._raw
        found = {}
        for key, names in table.items():
            for name in names:
                value = raw.get(name)
                if value is not None and (text := clean(value, MAX_TEXT_BYTES)):
                    found[key] = text
                    break
        return found

    def __contains__(self, name: object) -> bool:
        """Was the field sent, with whatever value?"""
        return name in self._raw


DESCRIBED = {
    "container": ("container.name", "container.id"),
    "image": ("container.image.repository", "ka.req.pod.containers.image"),
    "image_tag": ("container.image.tag",),
    "user": ("user.name", "ka.user.name", "ct.user", "gcp.user", "okta.actor.name", "github.user", "user.uid"),
    "process": ("proc.name",),
    "command_line": ("proc.cmdline",),
    "parent": ("proc.pname",),
    "action": ("ka.verb", "ct.name", "gcp.methodName", "evt.type"),
    "target": ("ka.target.name", "fs.path.name"),
    "client": ("ct.srcip", "okta.client.ip", "ka.sourceips"),
}
"""Key of an event line -> the output_fields that may say it, the best first."""

DESCRIPTOR = "fd.name"
"""The output_field that is a `file` in the event line, or a `connection` where it has an arrow."""


class FalcoAlert(NamedTuple):
    """One detection. The first eight fields are the labels of `threat_falco_alerts_total` in the catalog's order.

    `time` is when it happened as a Unix time in seconds, None where the alert does not tell.
    """

    rule: str
    priority: str
    source: str
    tactic: str
    hostname: str
    k8s_ns_name: str
    k8s_pod_name: str
    workload: str
    time: float | None
    output: str
    fields: Fields

    def tally(self, counters: Counters) -> None:
        counters.add("threat_falco_alerts_total", self[:8])

    def describe(self) -> Line:
        """Who did what, when and where."""
        named = self.fields.first(DESCRIBED)
        descriptor = self.fields.text(DESCRIPTOR)
        named["connection" if "->" in descriptor else "file"] = descriptor
        return {"time": self.time, **self.describe_labels(), **named, "output": self.output}

    def describe_labels(self) -> Line:
        """What the labels say of it."""
        return {
            "rule": self.rule,
            "priority": self.priority,
            "source": self.source,
            "tactic": self.tactic,
            "namespace": self.k8s_ns_name,
            "workload": self.workload,
            "pod": self.k8s_pod_name,
            "node": self.hostname,
        }


class DropMessage(NamedTuple):
    """Falco says that it is losing system call events: how many in the last second, None if it does not tell."""

    hostname: str
    time: float | None
    drops: int | None

    def tally(self, counters: Counters) -> None:
        counters.add("threat_falco_drop_messages_total", (self.hostname,))

    def describe(self) -> Line:
        """The message in words."""
        lost = "system call events" if self.drops is None else f"{self.drops} system call events in a second"
        return {"time": self.time, "node": self.hostname, "output": f"Falco lost {lost}"}


class MetricsSnapshot(NamedTuple):
    """Falco's numbers of one event source: events seen and lost since it started, None where it does not tell.

    That of `syscall` comes at a regular interval. A plugin's comes only while the plugin has events.
    """

    hostname: str
    time: float | None
    source: str
    events: int | None
    drops: int | None

    def tally(self, counters: Counters) -> None:
        labels = (self.hostname, self.source)
        if self.events is not None:
            counters.set("threat_falco_syscall_events_total", labels, self.events)
        if self.drops is not None:
            counters.set("threat_falco_syscall_drops_total", labels, self.drops)
        counters.set_now("threat_falco_snapshot_timestamp_seconds", labels)

    def describe(self) -> Line:
        """The numbers in words."""
        counts = (("seen", self.events), ("lost", self.drops))
        told = ", ".join(f"{count} {what}" for what, count in counts if count is not None)
        output = f"Falco's metrics snapshot of {self.source}: {told or 'no count of events'}"
        return {"time": self.time, "node": self.hostname, "source": self.source, "output": output}


class InternalMessage(NamedTuple):
    """Any other message of Falco or falcosidekick about themselves, such as falcosidekick's `Test rule`."""

    hostname: str
    time: float | None
    rule: str
    output: str

    def tally(self, counters: Counters) -> None:
        """Moves nothing of its own."""

    def describe(self) -> Line:
        """The message."""
        return {"time": self.time, "node": self.hostname, "rule": self.rule, "output": self.output}
