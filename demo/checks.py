"""What can be seen of the story in Prometheus and in Slack: each check says whether it holds, and what was seen."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from demo.prometheus import Prometheus
from demo.servers import Alertmanager, Exporter
from demo.slack import Slack


@dataclass(frozen=True)
class Stage:
    """The running servers."""

    exporter: Exporter
    prometheus: Prometheus
    alertmanager: Alertmanager
    slack: Slack


@dataclass(frozen=True)
class Seen:
    """Whether a check holds, what was seen in one line, and perhaps lines to show as they are."""

    holds: bool
    what: str
    quote: str = ""


Check = Callable[[Stage], Seen]


def scraped(job: str) -> Check:
    """Prometheus has read this job's targets."""

    def check(stage: Stage) -> Seen:
        targets = stage.prometheus.query(f'up{{job="{job}"}}')
        up = [f"up of {target.labels['instance']} is {target.value:g}" for target in targets]
        return Seen(bool(targets) and all(target.value == 1 for target in targets), ", ".join(up) or "no target yet")

    return check


def total(expression: str, value: float) -> Check:
    """An expression's only result is this number."""

    def check(stage: Stage) -> Seen:
        found = [series.value for series in stage.prometheus.query(expression)]
        return Seen(found == [value], f"{expression} is {found[0]:g}" if found else f"{expression} has no value")

    return check


def born_at_zero(selector: str) -> Check:
    """The first sample that Prometheus stores for the selector is 0."""

    def check(stage: Stage) -> Seen:
        first = _changes(stage, selector)[:1]
        return Seen([value for _, value in first] == [0], _in_words(first))

    return check


def stored(selector: str, *values: float) -> Check:
    """Repeated values left out, the samples that Prometheus stores for the selector are these."""

    def check(stage: Stage) -> Seen:
        changes = _changes(stage, selector)
        return Seen([value for _, value in changes] == [*values], _in_words(changes))

    return check


def above_zero(expression: str) -> Check:
    """An expression has a result above zero."""

    def check(stage: Stage) -> Seen:
        largest = max((series.value for series in stage.prometheus.query(expression)), default=0.0)
        return Seen(largest > 0, f"{expression} is {largest:.2f}")

    return check


def firing(alertname: str) -> Check:
    """Prometheus has exactly one alert firing, and it has this name."""

    def check(stage: Stage) -> Seen:
        found = [alert for alert in stage.prometheus.alerts() if alert.state == "firing"]
        names = [alert.labels["alertname"] for alert in found]
        summary = found[0].annotations["summary"] if found else ""
        return Seen(names == [alertname], ", ".join(names) or "no alert", summary)

    return check


def nobody_paged(stage: Stage) -> Seen:
    """No alert is pending or firing, and Slack has no message."""
    alerts, messages = stage.prometheus.alerts(), stage.slack.messages
    return Seen(not alerts and not messages, f"{len(alerts)} alerts, {len(messages)} messages in Slack")


def one_message(*words: str) -> Check:
    """Slack has exactly one message, and it holds all these words."""

    def check(stage: Stage) -> Seen:
        messages = list(stage.slack.messages)
        whole = "\n\n".join(f"{message.title}\n{message.text}" for message in messages)
        holds = len(messages) == 1 and all(word in whole for word in words)
        at = f"at {clock_time(messages[0].received)}" if messages else "none"
        return Seen(
            holds, f"{len(messages)} message, {at}" if len(messages) == 1 else f"{len(messages)} messages", whole
        )

    return check


def clock_time(unix: float) -> str:
    """A Unix time as UTC on the clock, to the tenth of a second."""
    return datetime.fromtimestamp(unix, UTC).strftime("%H:%M:%S.%f")[:-5]


def _changes(stage: Stage, selector: str) -> list[tuple[float, float]]:
    """The samples of the selector's only series at which its value changed, as (Unix time, value)."""
    found = stage.prometheus.query(f"{selector}[5m]")
    samples = found[0].samples if len(found) == 1 else ()
    return [next(group) for _, group in groupby(samples, key=lambda sample: sample[1])]


def _in_words(samples: list[tuple[float, float]]) -> str:
    return ", then ".join(f"{value:g} at {clock_time(at)}" for at, value in samples) or "no sample"
