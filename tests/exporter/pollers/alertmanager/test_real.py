"""Against real Alertmanagers: a week that is played in a minute gives its figures, whatever is restarted meanwhile."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from exporter.pollers.alertmanager import Alertmanager, Policy, Settings, episodes, silences
from exporter.pollers.alertmanager.counts import Histogram, Times
from tests.support.alertmanagers import Member, Sender, began, expire, ports, silence

GRACE = 2.0
SKEW = 0.3
LOOK = 0.25

TARGETS = {"acknowledge_seconds": 600.0, "triage_seconds": 300.0, "false_positive_ratio": 0.5}


class Week:
    """Members of a cluster, what sends to them, and the poller, which looks while time passes."""

    def __init__(self, members: list[Member], folder: Path) -> None:
        self.members = members
        self.sender = Sender(members)
        self.folder = folder
        self.poller = self.fresh()

    def fresh(self) -> Alertmanager:
        """A poller that has just been started."""
        urls = tuple(one.url for one in self.members)
        policy = Policy(Settings(urls), ("prometheus_replica",), TARGETS)
        return Alertmanager(lambda: policy, self.folder, time, grace=GRACE)

    def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(LOOK)
            self.poller.poll()

    def restart_watch(self) -> None:
        self.poller.stop()
        self.poller = self.fresh()

    def counted(self) -> dict[tuple[str, ...], float]:
        """The counters that are not 0, with shortened names."""
        counters = self.poller._kept.book.counts.counters
        return {
            (name.removeprefix("threat_").removesuffix("_total"), *key): value
            for name, series in counters.items()
            for key, value in series.items()
            if value
        }

    def observed(self, metric: str) -> int:
        """How many times were observed."""
        return sum(self._times(metric).counts)

    def sum(self, metric: str) -> float:
        """Their sum in seconds."""
        return self._times(metric).sum

    def _times(self, metric: str) -> Times:
        return self.poller._kept.book.counts.times[metric][("critical",)]


@pytest.fixture(params=[1, 2], ids=["alone", "pair"])
def week(
    request: pytest.FixtureRequest, tool: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Week]:
    for module in (episodes, silences):
        monkeypatch.setattr(module, "SKEW", SKEW)
    gossip = ports(request.param)
    with ExitStack() as stack:
        members = []
        for number, port in enumerate(gossip):
            member = Member(tool("alertmanager"), tmp_path / str(number), port, gossip[0] if number else None)
            members.append(stack.enter_context(member))
        state = tmp_path / "state"
        state.mkdir()
        played = Week(members, state)
        stack.callback(lambda: played.poller.stop())
        stack.callback(played.sender.close)
        yield played


@pytest.mark.timeout(240)
def test_two_weeks_give_the_scripted_figures(week: Week) -> None:
    fire, resolve, first = week.sender.fire, week.sender.resolve, week.members[0]
    acknowledged: list[float] = []

    def acknowledge(name: str, comment: str, started: float) -> str:
        made = silence(first, comment, alertname=name, namespace="shop")
        acknowledged.append(began(first, made) - started)
        return made

    week.run(1)
    silence(first, "maintenance", alertname="Planned", namespace="shop")
    week.run(1)
    started = {name: fire(name) for name in ("Noise", "Attack", "Ignored", "Planned", "Refired", "Late", "Changed")}
    fire("Source", role="source", namespace="cart")
    fire("Target", role="target", namespace="cart")
    week.run(2)

    noise = acknowledge("Noise", "ACK", started["Noise"])
    acknowledge("Attack", "TP: it is real", started["Attack"])
    refired = acknowledge("Refired", "ACK", started["Refired"])
    changed = acknowledge("Changed", "FP: a pentest", started["Changed"])
    week.run(1)
    silence(
        first, "FP: a backup", edited=noise, alertname="Noise", namespace="shop"
    )  # a comment only: the same silence
    silence(first, "BREACH: no pentest", edited=changed, alertname="Changed", namespace="shop")
    week.run(1)
    for name in ("Refired", "Late"):
        resolve(name)
    week.run(GRACE + 2)
    fire("Refired")  # under the silence of its acknowledgement
    silence(first, "FP: nothing", alertname="Late", namespace="shop")
    week.run(2)

    # Alertmanager goes, and knows no alert when it is back. Its silences it writes when it is asked to end; killed, it
    # gets them from the other.
    if len(week.members) > 1:
        first.kill()
    else:
        first.stop()
    week.run(1)
    first.start()
    week.run(GRACE + 3)
    resolve("Ignored")
    week.run(GRACE + 2)

    expected: dict[tuple[str, ...], float] = {
        **{("alert_episodes", name, "critical", "ids", "shop"): 1.0 for name in started},
        ("alert_episodes", "Refired", "critical", "ids", "shop"): 2.0,
        ("alert_episodes", "Source", "critical", "ids", "cart"): 1.0,
        ("alerts_presilenced", "Planned", "critical", "ids", "shop"): 1.0,
        ("alerts_presilenced", "Refired", "critical", "ids", "shop"): 1.0,
        ("alerts_resolved_unacknowledged", "critical"): 2.0,  # Ignored, Late
        **{("verdicts", name, "acknowledged"): 1.0 for name in ("Noise", "Attack", "Refired", "Changed")},
        **{("verdicts", name, "false_positive"): 1.0 for name in ("Noise", "Changed", "Late")},
        ("verdicts", "Attack", "true_positive"): 1.0,
        ("verdict_changes", "Changed", "false_positive", "breach"): 1.0,
    }
    assert week.counted() == expected
    assert week.observed("threat_acknowledge_seconds") == 4
    assert week.sum("threat_acknowledge_seconds") == pytest.approx(sum(acknowledged), abs=0.01)
    assert week.observed("threat_triage_seconds") == 4
    assert week.observed("threat_resolve_seconds") == 3
    assert week.poller.failures >= 1

    # A second week begins while the watcher is away, and is killed again and again in it.
    week.poller.stop()
    away = fire("Away")
    time.sleep(2)
    acknowledge("Away", "ACK", away)
    expire(first, refired)
    time.sleep(1)
    for _ in range(4):
        week.restart_watch()
        week.run(1)
    silence(first, "TP: after all", alertname="Late", namespace="shop")
    resolve("Away")
    week.run(1)
    week.restart_watch()
    week.run(GRACE + 2)
    assert week.counted() == {
        **expected,
        ("alert_episodes", "Away", "critical", "ids", "shop"): 1.0,
        ("verdicts", "Away", "acknowledged"): 1.0,
        ("verdict_changes", "Late", "false_positive", "true_positive"): 1.0,
    }
    assert week.observed("threat_acknowledge_seconds") == 5
    assert week.sum("threat_acknowledge_seconds") == pytest.approx(sum(acknowledged), abs=0.01)
    assert week.observed("threat_resolve_seconds") == 4

    shown = week.poller.values()
    assert shown["threat_kpi_target"] == {(kpi,): value for kpi, value in TARGETS.items()}
    # Refired was told when its silence was ended; Source fires from the beginning.
    assert shown["threat_unacknowledged_alerts"][("critical",)] == 2
    held: float | Histogram = shown["threat_acknowledge_seconds"][("critical",)]
    assert isinstance(held, tuple)
    assert held[0][-1] == ("+Inf", 0), "in its first two minutes a figure is shown at 0"
