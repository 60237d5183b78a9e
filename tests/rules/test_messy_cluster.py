"""In a messy cluster no expression of any rule or panel fails, and no alert fires for the mess alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dashboards import sources
from dashboards.filled import filled
from demo.history import Span, record, write
from demo.prometheus import Prometheus
from demo.servers import ServerError
from rules import promql
from rules.tree import Rule, load
from tests.dashboards.grafana import asks, beside_panels
from tests.rules import messy

TREE = load()
LEVELS = 7
"""Of recordings that read recordings."""

CHECKED = Span(messy.SPAN.end - 20 * messy.MINUTE, messy.SPAN.end, messy.MINUTE)
"""From before agents and receivers were replaced until the old ones' samples are stale."""


@dataclass(frozen=True)
class World:
    prometheus: Prometheus
    busy: bool


@pytest.fixture(scope="module", params=[True, False], ids=["busy", "calm"])
def world(
    request: pytest.FixtureRequest, tool: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("messy")
    names = folder / "external.yaml"
    names.write_text("\n".join(path.read_text(encoding="utf-8") for path in sources.FILES), encoding="utf-8")
    write(folder / "prometheus", tool("promtool"), messy.samples(promql.known(names, ()), request.param))
    files = list(dict.fromkeys(rule.path for rule in TREE.recordings))
    with Prometheus(tool("prometheus"), "scrape_configs: []\n", folder) as prometheus:
        # Fails on the first recording that fails.
        record(prometheus, tool("promtool"), files, CHECKED, LEVELS)
        yield World(prometheus, request.param)


def _errors(prometheus: Prometheus, expressions: dict[str, str]) -> dict[str, str]:
    found = {}
    for where, expr in expressions.items():
        try:
            prometheus.query_range(expr, CHECKED.start, CHECKED.end, CHECKED.step)
        except ServerError as error:
            found[where] = str(error)
    return found


@pytest.mark.timeout(600)
def test_no_expression_of_any_alert_or_panel_fails(world: World) -> None:
    expressions = {alert.name: alert.expr for alert in TREE.alerts}
    expressions |= {str(ask): filled(ask.target["expr"]) for ask in asks()}
    expressions |= {where: filled(expr) for where, expr in beside_panels().items()}
    assert _errors(world.prometheus, expressions) == {}


def _fires(prometheus: Prometheus, alert: Rule) -> bool:
    """Whether some series of its expression is there for as long as the alert waits."""
    waits = int(alert.wait.removesuffix("m") or 0) if not alert.wait.endswith("h") else 60
    found = prometheus.query_range(alert.expr, CHECKED.start, CHECKED.end, CHECKED.step)
    return any(len(series.samples) > waits for series in found)


@pytest.mark.timeout(600)
def test_nothing_but_the_watchdog_fires_for_the_mess_alone(world: World) -> None:
    fired = {alert.name for alert in TREE.alerts if _fires(world.prometheus, alert)}
    if world.busy:
        assert "IdsCriticalAlert" in fired, "the same cluster under attack is silent"
    else:
        assert fired == {"PlatformWatchdog"}
