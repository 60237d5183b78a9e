"""A refusal is in the log with its sender and what helps, and a flood of them does not fill the log."""

import logging
from pathlib import Path

import pytest

from exporter.intake.refusals import INTERVAL, Refusals
from tests.support.clock import FakeClock
from tests.support.receiver import receiver


def test_one_line_a_reason_and_interval_says_how_many_others_there_were(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    refusals = Refusals(clock)
    with caplog.at_level(logging.WARNING):
        for _ in range(1000):
            refusals.tell("not_json", "this is text", "10.0.0.1")
        refusals.tell("unauthorized", "no credentials", "10.0.0.2")
        clock.advance(INTERVAL)
        refusals.tell("not_json", "this is text", "10.0.0.3")

    assert [record.getMessage() for record in caplog.records] == [
        "refused (not_json) from 10.0.0.1: this is text",
        "refused (unauthorized) from 10.0.0.2: no credentials",
        "refused (not_json) from 10.0.0.3: this is text (and 999 more since the last such line)",
    ]


def test_who_sends_text_and_who_asks_for_a_wrong_path_is_in_the_log(tmp_path: Path) -> None:
    with receiver(tmp_path, events={"log": False}) as running:
        assert running.post(b"12:00: Notice a shell")[0] == 400
        assert running.post(b"{}", "/falko")[0] == 404
        running.wait_for_log(r"refused \(not_json\) from 127\.0\.0\.1: .*json_output: true")
        running.wait_for_log(r"refused \(not_found\) from 127\.0\.0\.1: nothing takes events at this path")
