"""One event of a body takes no others along, whatever is in it or goes wrong with it."""

from dataclasses import replace
from pathlib import Path

import pytest

from exporter.events import Recent
from exporter.intake.pipeline import Pipeline, Route
from exporter.intake.ruling import as_it_is
from exporter.lines import EventLines
from exporter.metrics import Metrics
from exporter.sources import Event
from exporter.sources.falco import FALCO
from tests.support.clock import FakeClock
from tests.support.receiver import alert, receiver


@pytest.mark.parametrize("count", [2**64 - 1, 2**64, 2**64 + 1, 10**30, -1, "18446744073709551616"])
def test_a_snapshot_with_any_number_loses_nothing_else(tmp_path: Path, count: object) -> None:
    snapshot = {"rule": "Falco internal: metrics snapshot", "hostname": "n", "output_fields": {"scap.n_evts": count}}
    with receiver(tmp_path, events={"log": False}) as running:
        assert running.post([alert(), snapshot, alert()]) == (204, None)
        assert running.value("threat_events_accepted_total", control="ids") == 3


def test_an_event_that_cannot_be_counted_is_rejected_alone(caplog: pytest.LogCaptureFixture) -> None:
    metrics, clock = Metrics(clock=FakeClock()), FakeClock()
    calls = 0

    def tune(event: Event) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise ZeroDivisionError
        return as_it_is(event)

    route = replace(Route(FALCO, as_it_is), tune=tune)  # type: ignore[arg-type]
    outcome = Pipeline(metrics, EventLines(Recent(), None), clock).take(route, FALCO.parse(b'{"rule":"a"}\n' * 3, 10))

    assert outcome.accepted == 2
    assert [rejection.reason for rejection in outcome.rejected] == ["internal"]
    assert metrics.values("threat_events_rejected_total")["ids", "internal"] == 1
    assert "ZeroDivisionError" in caplog.text
