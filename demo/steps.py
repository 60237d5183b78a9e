"""What a story is made of. A new kind of step is a class with `play`; a story is a table of steps (`demo/story.py`)."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from demo import shipped
from demo.checks import Check, Seen
from demo.falco import FalcoAlert
from demo.series import Phase
from demo.stage import Part, Stage
from demo.terminal import DIM, RED, YELLOW, Terminal
from demo.waf import WafRecord

COLOURS = {"Emergency": RED, "Alert": RED, "Critical": RED, "Error": YELLOW, "Warning": YELLOW}
LOOK_EVERY = 0.2


class StepError(Exception):
    """What should have come true did not; `part` is the server whose log may tell why."""

    def __init__(self, part: Part, message: str) -> None:
        super().__init__(message)
        self.part = part


class Step(Protocol):
    """One thing that is done or awaited."""

    def play(self, stage: Stage, terminal: Terminal) -> None:
        """Does it and says so; raises `StepError`, or `ServerError`."""


@dataclass(frozen=True)
class Act:
    """A part of the story: its heading, what it shows, its steps, and what to say of the seconds that they took."""

    heading: str
    words: str
    steps: tuple[Step, ...]
    ending: str


@dataclass(frozen=True)
class Falco:
    """Falco sends an alert to the exporter; `then` is how many seconds pass before the next step."""

    alert: FalcoAlert
    then: float = 0.0

    def play(self, stage: Stage, terminal: Terminal) -> None:
        now = datetime.now(UTC)
        stage.exporter.post("/falco", self.alert.body(now))
        terminal.event(self.alert.line(now), COLOURS.get(self.alert.priority, DIM))
        time.sleep(self.then)


@dataclass(frozen=True)
class Waf:
    """The shipper of a WAF's log sends a record to the exporter."""

    record: WafRecord

    def play(self, stage: Stage, terminal: Terminal) -> None:
        stage.exporter.post("/waf", self.record.body(datetime.now(UTC)))
        terminal.event(self.record.line(), YELLOW)


@dataclass(frozen=True)
class Begins:
    """From now on the simulated cluster shows this phase of the attack; `says` is what happens there."""

    says: str
    phase: Phase

    def play(self, stage: Stage, terminal: Terminal) -> None:
        stage.simulator.begin(self.phase)
        terminal.event(self.says, YELLOW)


@dataclass(frozen=True)
class LeaveOut:
    """A person leaves one workload out of one alert, in the file of numbers that people edit."""

    alert: str
    namespace: str
    workload: str

    def play(self, stage: Stage, terminal: Terminal) -> None:
        labels = {"alertname": self.alert, "namespace": self.namespace, "workload": self.workload}
        shipped.leave_out(labels, stage.rules)
        stage.prometheus.reload()
        shown = ", ".join(f'{key}="{value}"' for key, value in labels.items())
        terminal.event(f"{shipped.THRESHOLDS} now has threat:excluded{{{shown}}}; reloaded")


@dataclass(frozen=True)
class Comes:
    """Something comes true within so many seconds, by the doing of `part`."""

    says: str
    check: Check
    part: Part
    within: float = 20.0

    def play(self, stage: Stage, terminal: Terminal) -> None:
        began = time.monotonic()
        seen = _look(stage, self.check)
        while not seen.holds:
            if time.monotonic() - began > self.within:
                raise StepError(self.part, f"not within {self.within:.0f} s: {self.says} (seen: {_all(seen)})")
            time.sleep(LOOK_EVERY)
            seen = _look(stage, self.check)
        terminal.seen(time.monotonic() - began, f"{self.says}: {seen.what}")
        terminal.quoted(seen.quote)


@dataclass(frozen=True)
class Stays:
    """Something is true, and stays so for so many seconds."""

    says: str
    check: Check
    part: Part
    seconds: float

    def play(self, stage: Stage, terminal: Terminal) -> None:
        began = time.monotonic()
        while True:
            seen = _look(stage, self.check)
            if not seen.holds:
                raise StepError(self.part, f"no longer true: {self.says} (seen: {_all(seen)})")
            if time.monotonic() - began >= self.seconds:
                break
            time.sleep(LOOK_EVERY)
        terminal.seen(self.seconds, f"{self.says}: {seen.what}")


def _look(stage: Stage, check: Check) -> Seen:
    for server in stage.servers:
        server.check()
    return check(stage)


def _all(seen: Seen) -> str:
    return f"{seen.what}\n{seen.quote}" if seen.quote else seen.what
