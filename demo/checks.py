"""What can be seen of the story in Prometheus and in Slack: each check says whether it holds, and what was seen."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from demo import shipped
from demo.stage import Stage

WATCHDOG = "PlatformWatchdog"
"""The alert that always fires, as a sign of life."""


@dataclass(frozen=True)
class Seen:
    """Whether a check holds, what was seen in one line, and perhaps lines to show as they are."""

    holds: bool
    what: str
    quote: str = ""


Check = Callable[[Stage], Seen]


def wired(stage: Stage) -> Seen:
    """Prometheus has read every target and knows where to send alerts."""
    values = [target.value for target in stage.prometheus.query("up")]
    expected = len(stage.simulator.targets) + 1
    alertmanagers = stage.prometheus.alertmanagers()
    holds = len(values) == expected and all(value == 1 for value in values) and bool(alertmanagers)
    return Seen(holds, f"{sum(values):g} of {expected} targets are up, alerts go to {len(alertmanagers)} Alertmanager")


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


def firing(*names: str) -> Check:
    """Beside the watchdog exactly these alerts fire; what the first of them says is shown."""

    def check(stage: Stage) -> Seen:
        found = [alert for alert in stage.prometheus.alerts() if alert.state == "firing"]
        fires = {alert.labels["alertname"] for alert in found} - {WATCHDOG}
        words = [alert.annotations["description"] for alert in found if alert.labels["alertname"] == names[0]]
        return Seen(fires == set(names), ", ".join(sorted(fires)) or "no alert", "\n".join(words))

    return check


def pending(name: str) -> Check:
    """The alert waits for its `for`."""
    rule = shipped.alert(name)
    proof = rule.test.relative_to(rule.test.parents[3])

    def check(stage: Stage) -> Seen:
        states = {alert.state for alert in stage.prometheus.alerts() if alert.labels["alertname"] == name}
        state = ", ".join(sorted(states)) or "not there"
        return Seen(states == {"pending"}, f"{name} is {state}; for: {rule.wait}; promtool plays it in {proof}")

    return check


def kept_back(by: str, *names: str) -> Check:
    """Alertmanager holds these alerts and tells nobody, because of another."""

    def check(stage: Stage) -> Seen:
        found = [alert for alert in stage.alertmanager.alerts() if alert.name in names]
        told = sorted({alert.name for alert in found if by not in alert.kept_back_by})
        held = {alert.name for alert in found}
        return Seen(held == set(names) and not told, ", ".join(sorted(held - set(told))) or "none")

    return check


def nobody_paged(stage: Stage) -> Seen:
    """No alert but the watchdog is pending or firing, and Slack has no message."""
    alerts = [alert.labels["alertname"] for alert in stage.prometheus.alerts()]
    others, messages = [name for name in alerts if name != WATCHDOG], stage.slack.messages
    what = f"{', '.join(others) or 'no alert'}, {len(messages)} messages in Slack"
    return Seen(not others and not messages, what)


def says(name: str, *words: str) -> Check:
    """The alert fires, once, and its description holds all these words in this order."""

    def check(stage: Stage) -> Seen:
        found = [alert for alert in stage.prometheus.alerts() if alert.labels["alertname"] == name]
        told = [alert.annotations["description"] for alert in found if alert.state == "firing"]
        holds = len(told) == 1 and _in_order(told[0], words)
        return Seen(holds, f"{len(told)} {name}", "\n".join(told))

    return check


def told(*words: str) -> Check:
    """A message in Slack holds all these words in this order; it is shown."""

    def check(stage: Stage) -> Seen:
        found = list(stage.slack.messages)
        fitting = [message for message in found if _in_order(message.shown(), words)]
        shown = [*fitting, *found[-1:]][:1]
        at = f", this one at {clock_time(shown[0].received)} in {shown[0].channel}" if shown else ""
        return Seen(bool(fitting), f"{len(found)} in all{at}", "\n".join(message.shown() for message in shown))

    return check


def last(*words: str) -> Check:
    """The newest message in Slack holds all these words in this order."""

    def check(stage: Stage) -> Seen:
        found = list(stage.slack.messages)
        holds = bool(found) and _in_order(found[-1].shown(), words)
        return Seen(holds, f"{len(found)} in all", "" if holds or not found else found[-1].shown())

    return check


def _in_order(text: str, words: tuple[str, ...]) -> bool:
    at = 0
    for word in words:
        at = text.find(word, at)
        if at < 0:
            return False
        at += len(word)
    return True


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
