"""Alerts as Falco 0.43 sends them with `json_output: true`, and as it prints them without."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(frozen=True)
class FalcoAlert:
    """What Falco noticed: the rule, in which pod, and the sentence and fields of the rule's output."""

    rule: str
    priority: str
    node: str
    namespace: str
    pod: str
    image: str
    says: str
    tags: tuple[str, ...]
    fields: Mapping[str, str | int] = field(default_factory=dict)

    def line(self, when: datetime) -> str:
        """The line on Falco's standard output."""
        return f"{_nanoseconds(when, '%H:%M:%S')}: {self._message()}"

    def body(self, when: datetime) -> bytes:
        """The body of Falco's POST."""
        time_ns = int(when.timestamp()) * 1_000_000_000 + when.microsecond * 1000
        return json.dumps(
            {
                "hostname": self.node,
                "output": f"{_nanoseconds(when, '%H:%M:%S')}: {self._message()}",
                "output_fields": {"evt.time": time_ns, **self._container(), **self._pod(), **self.fields},
                "priority": self.priority,
                "rule": self.rule,
                "source": "syscall",
                "tags": sorted(self.tags),
                "time": f"{_nanoseconds(when, '%Y-%m-%dT%H:%M:%S')}Z",
            },
            sort_keys=True,
        ).encode()

    def _message(self) -> str:
        pairs = " ".join(f"{name.replace('.', '_')}={value}" for name, value in {**self._pod(), **self.fields}.items())
        return f"{self.priority} {self.says} ({pairs})"

    def _pod(self) -> dict[str, str]:
        return {"k8s.ns.name": self.namespace, "k8s.pod.name": self.pod}

    def _container(self) -> dict[str, str]:
        repository, tag = self.image.rsplit(":", 1)
        return {
            "container.id": hashlib.sha256(self.pod.encode()).hexdigest()[:12],
            "container.name": repository.rsplit("/", 1)[-1],
            "container.image.repository": repository,
            "container.image.tag": tag,
        }


def _nanoseconds(when: datetime, form: str) -> str:
    return f"{when.astimezone(UTC).strftime(form)}.{when.microsecond:06d}000"
