"""What was asked for is there in the form that was asked for, or docs/boards.md says why not."""

from dashboards.asked import ASKED, form
from dashboards.board import Json
from tests.dashboards.grafana import BOARDS, panels


def _panel(board: str, title: str) -> Json:
    (found,) = [panel for panel in panels(BOARDS[board]) if panel["title"] == title]
    return found


def test_every_panel_has_the_form_that_was_asked_for_or_says_why_not() -> None:
    others = [one.what for one in ASKED if one.form not in form(_panel(one.board, one.panel)) and not one.why]
    assert others == []


def test_a_reason_is_given_only_for_a_difference_and_is_told_in_the_panels_help() -> None:
    for one in (one for one in ASKED if one.why):
        panel = _panel(one.board, one.panel)
        assert one.form not in form(panel), one.what
        assert "Lines, not a stack" in panel["description"], one.what


def test_packets_traffic_and_requests_have_units_that_are_read_right() -> None:
    units = {
        title: _panel("network", title)["fieldConfig"]["defaults"]["unit"]
        for title in ("Dropped egress packets", "Dropped ingress packets", "Dropped egress traffic", "L7 requests")
    }
    assert list(units.values()) == ["count:p/s", "count:p/s", "bps", "reqps"]
    for title in ("Dropped egress traffic", "Dropped ingress traffic"):
        assert "bits per second" in str(_panel("network", title)["fieldConfig"]["overrides"])
