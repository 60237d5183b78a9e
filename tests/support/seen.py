"""A receiver's memory for the tests of the status page: metrics and recent events, filled without a network."""

from dataclasses import dataclass, field

from exporter.events import Recent, Record, rfc3339
from exporter.metrics import Metrics
from exporter.pages.status import StatusPage
from exporter.server.http import Answer
from exporter.sources import Counters, Line
from tests.support.clock import FakeClock

NOW = 1_893_553_445.25
"""2030-01-02 03:04:05.25 UTC."""


def label(value: object) -> str:
    """A label value as the parser's edge lets it through: without what UTF-8 cannot write."""
    return str(value).encode("utf-8", "replace").decode()


@dataclass(frozen=True)
class SeenAlert:
    """An alert as a source would give it: what it counts, and what its event line says."""

    line: Line
    hostname: str = "node-1"
    time: float | None = None

    def tally(self, counters: Counters) -> None:
        rule, priority, namespace = (label(self.line.get(key, "")) for key in ("rule", "priority", "namespace"))
        counters.add("threat_falco_alerts_total", (rule, priority, "syscall", "", self.hostname, namespace, "", ""))

    def describe(self) -> Line:
        return dict(self.line)


@dataclass(frozen=True, slots=True)
class Unwashed(Record):
    """A record whose line is what it is given: the page must not rely on what was cleaned before it."""

    content: Line

    def line(self) -> Line:
        return {key: value for key, value in self.content.items() if value not in ("", None)}


@dataclass
class Seen:
    """Metrics, recent events and the page over them, at a time that the test moves."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    recent: Recent = field(default_factory=Recent)

    def __post_init__(self) -> None:
        self.metrics = Metrics(clock=self.clock)
        self.metrics.expect({"ids": True, "network": False, "hubble": False, "waf": False})
        self.metrics.reloaded(True, NOW)
        self.recent.resize(1000, 4 << 20)
        self.page = StatusPage(self.metrics, self.recent, self.clock)

    def take(self, line: Line, hostname: str = "node-1", control: str = "ids", tuned: Line | None = None) -> None:
        """Accepts an event, as the pipeline does."""
        alert = SeenAlert(line, hostname)
        self.metrics.accept(control, alert.hostname, alert.time, self.clock.time())
        if tuned is None or "suppressed" not in tuned:
            alert.tally(self.metrics)
        else:
            self.metrics.add("threat_falco_suppressed_total", (label(line["rule"]), label(tuned["suppressed"])))
        now = self.clock.time()
        content = {"received": rfc3339(now), "control": control, **alert.describe(), **(tuned or {})}
        self.recent.add(Unwashed(now, b"", content))

    def show(self, **query: str) -> Answer:
        """What the page answers."""
        return self.page(query)


SHELL: Line = {
    "time": "2030-01-02T03:04:02.678Z",
    "rule": "Terminal shell in container",
    "priority": "notice",
    "namespace": "shop",
    "workload": "web",
    "pod": "web-6d4b75cb6d-hx2vz",
    "node": "node-1",
    "user": "root",
    "process": "bash",
    "command_line": "bash -c id; cat /etc/shadow",
    "parent": "containerd-shim",
    "image": "shop/web:1.4",
    "connection": "10.0.3.7:41222->203.0.113.9:4444",
    "output": "A shell was spawned in a container with an attached terminal (user=root k8s_ns_name=shop)",
}

HOSTILE = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "</style><script>document.title='owned'</script>",
    "</title></bdi></p></li></ol></main><h1>All is well</h1>",
    "\"><svg onload=document.title='owned'>",
    "' onmouseover='document.title=1' x='",
    "<a href=\"javascript:document.title='owned'\">click</a>",
    "javascript:document.title='owned'",
    "<style>*{display:none}</style>",
    "<!-- ",
    "]]>",
    "&lt;script&gt;",
    "&#x202e;",
    "abc\u202egnp.exe \u2066left open \u200f\u061c",
    "אבג 123 שלום",
    "z\u0351\u0352\u0353" * 200,
    "\ud800 lone, \x00 null, \x1b[31m escape, \ufeff mark, \U000e0041 tag",
    "w" * 5000,
    "ﷺ" * 500,
)
"""What an attacker might call a process, a pod or a file."""

FIELDS = tuple(SHELL)


def hostile_line(text: str) -> Line:
    """An event with this text in every field."""
    return dict.fromkeys(FIELDS, text)
