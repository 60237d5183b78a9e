"""What an alert costs the server that takes it, in CPU seconds."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

from bench import subject, wrk
from bench.alert import batch, bodies
from bench.load import answer_times, connections, cost, requests, send
from bench.record import HOSTS
from bench.record import records as audit_records
from bench.subject import Subject
from bench.table import Row, Target, at_least, at_most

ROUNDS = 9
ALERTS = 4000
"""Alerts in a round to each server."""

WRK_ROUNDS = 5

KINDS = 500
"""Different alerts that come again and again."""

BATCH = 100

RECORDS_A_SECOND = 1000
RECORD_SECONDS = 10

LIVE = (10, 1_000, 100_000)
NEW = 500
"""Alerts of new pods in a round."""

NO_LINES = {"log": False}

Measure = Callable[[], float]


def interleaved(measures: Mapping[str, Measure], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Measures all of them in turn, so that what else the machine does falls on all; the first round is a warm-up."""
    found: dict[str, list[float]] = {name: [] for name in measures}
    for turn in range(rounds + 1):
        for name, measure in measures.items():
            value = measure()
            if turn:
                found[name].append(value)
    return found


def ratio(of: Sequence[float], to: Sequence[float]) -> float:
    """The middle one of the rounds' ratios."""
    return median(one / other for one, other in zip(of, to, strict=True))


def _singles(server: Subject, stack: ExitStack) -> Measure:
    sockets = stack.enter_context(connections(server))
    wanted = requests(server, islice(bodies(), KINDS)) * (ALERTS // KINDS)
    return lambda: cost(server, sockets, wanted)


def _each(seconds: Sequence[float]) -> str:
    return f"{median(seconds) * 1e6:.1f} µs"


def alerts(folder: Path) -> list[Row]:
    """One alert a request, by both loaders: ours beside the limit, beside prometheus_client, beside falcosidekick."""
    with ExitStack() as stack:
        servers = {
            "ours": stack.enter_context(subject.threatboard(folder)),
            "limit": stack.enter_context(subject.limit()),
            "inc": stack.enter_context(subject.labels_inc()),
        }
        if subject.has_falcosidekick():
            servers["falcosidekick"] = stack.enter_context(subject.falcosidekick())
        costs = interleaved({name: _singles(server, stack) for name, server in servers.items()})
        rows = _beside(costs, "", at_least(0.5))
        if wrk.has_wrk():
            by_wrk = {
                name: partial(wrk.cost, server, list(islice(bodies(), KINDS)), folder)
                for name, server in servers.items()
            }
            rows += _beside(interleaved(by_wrk, WRK_ROUNDS), ", with wrk", at_least(0.4))
    return rows


def _beside(costs: Mapping[str, Sequence[float]], how: str, target: Target) -> list[Row]:
    ours, limit, inc = costs["ours"], costs["limit"], costs["inc"]
    each = f"{_each(ours)} an alert, {1 / median(ours):,.0f} a CPU second; {_each(limit)}"
    rows = [
        Row(f"alerts a CPU second{how}, ours : limit", ratio(limit, ours), "x", target, each),
        Row("… ours : labels().inc() behind our listener", ratio(inc, ours), "x", None, f"{_each(inc)} an alert"),
    ]
    if sidekick := costs.get("falcosidekick"):
        behind = f"{_each(sidekick)} an alert"
        rows.append(Row("… ours : falcosidekick", ratio(sidekick, ours), "x", at_least(3), behind))
    return rows


def settings(folder: Path) -> list[Row]:
    """What the settings that cost something cost."""
    with ExitStack() as stack:
        kinds = {
            "default": subject.threatboard(folder),
            "quiet": subject.threatboard(folder, events=NO_LINES),
            "durable": subject.threatboard(folder, series={"state_dir": str(folder / "state")}),
        }
        measures = {name: _singles(stack.enter_context(server), stack) for name, server in kinds.items()}
        costs = interleaved(measures)
    default, quiet, durable = costs["default"], costs["quiet"], costs["durable"]
    return [
        Row(
            "cost of an alert, events.log on : off",
            ratio(default, quiet),
            "x",
            None,
            f"{_each(default)}; {_each(quiet)}",
        ),
        Row("… series.state_dir on : off", ratio(durable, default), "x", None, f"{_each(durable)}; {_each(default)}"),
    ]


def batches(folder: Path) -> list[Row]:
    """100 alerts in an array a request, beside the limit's single ones."""
    with ExitStack() as stack:
        server = stack.enter_context(subject.threatboard(folder))
        least = _singles(stack.enter_context(subject.limit()), stack)
        sockets = stack.enter_context(connections(server, 8))
        wanted = requests(server, (batch(range(start, start + BATCH)) for start in range(0, KINDS, BATCH)))
        wanted *= ALERTS // KINDS
        costs = interleaved({"limit": least, "batches": lambda: cost(server, sockets, wanted) / BATCH})
    limit, batched = costs["limit"], costs["batches"]
    behind = f"{_each(batched)} an alert, {1 / median(batched):,.0f} a CPU second; {_each(limit)}"
    what = "alerts a CPU second, batches of 100 : the limit's singles"
    return [Row(what, ratio(limit, batched), "x", at_least(0.7), behind)]


def records(folder: Path) -> list[Row]:
    """An audit record of 3.5 KB a request, beside a Falco alert of 1.1 KB: of a known kind, and of a new one."""
    with ExitStack() as stack:
        server = stack.enter_context(subject.threatboard(folder, waf=HOSTS, falco={"pod_label": False}))
        waf = replace(server, path="/waf")
        sockets = stack.enter_context(connections(waf))
        wanted = requests(waf, islice(audit_records(), KINDS)) * (ALERTS // KINDS)
        costs = interleaved(
            {
                "alert": _singles(server, stack),
                "new": _newcomers(server, KINDS, stack),
                "record": lambda: cost(waf, sockets, wanted),
            }
        )
        times = sorted(answer_times(sockets, wanted, RECORDS_A_SECOND, RECORD_SECONDS))
    alert, new, record = costs["alert"], costs["new"], costs["record"]
    late = times[int(0.99 * len(times))] * 1e3
    middle = f"p50 {median(times) * 1e3:.2f} ms, at {RECORDS_A_SECOND:,} a second"
    return [
        Row(
            "cost of an audit record of 3.5 KB : of a Falco alert",
            ratio(record, alert),
            "x",
            at_most(2),
            f"{_each(record)}; {_each(alert)}",
        ),
        Row("… : of a Falco alert of a new kind", ratio(record, new), "x", at_most(2), _each(new)),
        Row("p99 of the time in which a record is answered", late, "ms", None, middle),
    ]


def new_series(folder: Path) -> list[Row]:
    """Every alert a new pod, with few and with many series live."""
    with ExitStack() as stack:
        measures: dict[str, Measure] = {}
        for live in LIVE:
            server = stack.enter_context(subject.threatboard(folder, series={"limit": 4 * max(LIVE)}))
            fill(server, live)
            measures[str(live)] = _newcomers(server, live, stack)
        costs = interleaved(measures)
    few, some, many = (costs[str(live)] for live in LIVE)
    behind = f"{_each(few)}, {_each(some)}, {_each(many)} at {', '.join(f'{live:,}' for live in LIVE)}"
    return [Row("cost of a new series, 100,000 live : 10 live", ratio(many, few), "x", at_most(1.2), behind)]


def _newcomers(server: Subject, live: int, stack: ExitStack) -> Measure:
    sockets = stack.enter_context(connections(server))
    pods = bodies(live)
    return lambda: cost(server, sockets, requests(server, islice(pods, NEW)))


def fill(server: Subject, live: int) -> None:
    """Gives a server this many series."""
    batches = (batch(range(start, min(start + BATCH, live))) for start in range(0, live, BATCH))
    with connections(server, 2) as sockets:
        for one in batches:
            send(sockets, requests(server, [one]))
