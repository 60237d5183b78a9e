"""The status page tells an operator the truth, readably and at once."""

import re
import socket
import time

import pytest

from exporter import __version__
from exporter.catalog import REJECT_REASONS
from exporter.pages.status.pieces import duration
from exporter.pages.status.style import STYLE
from tests.support.page_reader import Reader, read
from tests.support.seen import SHELL, Seen


def test_before_anything_arrives_it_says_how_to_begin_and_nowhere_that_all_is_well() -> None:
    sections = read(Seen())
    start = sections["Nothing has arrived yet"]
    assert "threatboard send-test URL" in start
    assert "json_output: true http_output: enabled: true url: http://SERVICE:2801/falco" in start
    assert sections["Needs attention"] == "Falco (ids) is expected, but this replica has never had an event from it."
    assert "Last event never, since this replica started From 0 nodes Expected yes (falco)" in sections["Controls"]
    for title in ("Busiest rules and namespaces", "Rejected", "Suppressed alerts", "Latest events"):
        assert sections[title].startswith("No data yet.")
        assert "None." not in sections[title]


def test_after_an_ordinary_alert_what_is_missing_is_none_and_not_unknown() -> None:
    seen = Seen()
    seen.take(SHELL)
    sections = read(seen)
    assert not [title for title in sections if "yet" in title]
    assert sections["Needs attention"].startswith("None.")
    assert sections["Rejected"] == "None. Everything that arrived was accepted."
    assert sections["Suppressed alerts"] == "None. No alert was suppressed."
    assert "No data yet" not in " ".join(sections.values())


def test_none_and_no_data_yet_do_not_look_the_same() -> None:
    seen = Seen()
    empty = seen.show().body.decode()
    seen.take(SHELL)
    full = seen.show().body.decode()
    assert re.findall(r'<p class="(\w+)"><strong>No data yet', empty) == ["nodata"] * 4
    assert re.findall(r'<p class="(\w+)"><strong>None', full) == ["none"] * 3


def test_a_refused_first_event_is_no_success() -> None:
    seen = Seen()
    seen.metrics.reject("ids", "not_json")
    sections = read(seen)
    assert "threatboard send-test" in sections["No event has been accepted yet"]
    assert "never, since this replica started" in sections["Controls"]
    assert "Accepted 0 Rejected 1" in sections["Controls"]


def test_a_control_says_when_it_last_spoke_and_from_how_many_nodes() -> None:
    seen = Seen()
    for node in ("node-1", "node-2", "node-1"):
        seen.take(SHELL, node)
        seen.clock.advance(60)
    seen.clock.advance(3600 * 2)
    controls = read(seen)["Controls"]
    assert "Last event 2 h 1 min ago , at 2030-01-02 03:06:05 UTC From 2 nodes Expected yes (falco)" in controls
    assert "Accepted 3 Rejected 0" in controls
    assert "Cilium" not in controls


def test_only_controls_that_are_expected_or_ever_spoke_are_shown() -> None:
    seen = Seen()
    seen.metrics.expect({"ids": True, "network": True, "hubble": True, "waf": False})
    assert "Falco (ids) Last event never, since this replica started" in read(seen)["Controls"]
    assert "Falco (ids) is expected, but" in read(seen)["Needs attention"]
    # What is never sent here must not look as if it had gone silent.
    assert "Cilium (network) Expected. Prometheus reads its own metrics" in read(seen)["Controls"]
    assert "waf" not in read(seen)["Controls"]
    seen.take({"output": "blocked"}, control="waf")
    sections = read(seen)
    assert re.search(r"Web application firewall \(waf\) Last event 0 s ago .* Expected no", sections["Controls"])
    assert "(waf) sends events but is not expected" in sections["Needs attention"]
    assert "Cilium" not in sections["Needs attention"]


def test_without_any_control_it_says_that_none_is_expected() -> None:
    seen = Seen()
    seen.metrics.expect({"ids": False})
    assert read(seen)["Controls"].startswith("None. No control is expected")


def test_a_control_whose_series_expired_is_not_said_to_have_been_silent_for_ever() -> None:
    seen = Seen()
    seen.take(SHELL)
    seen.clock.advance(7200)
    seen.metrics.store.expire(3600, seen=0)
    sections = read(seen)
    assert "Last event so long ago that its series expired" in sections["Controls"]
    assert "never" not in " ".join(sections.values())


def test_rejections_are_given_in_words_with_the_most_frequent_first() -> None:
    seen = Seen()
    for control, reason, times in (("ids", "no_rule", 2), ("unknown", "malformed_http", 3), ("ids", "not_json", 1)):
        for _ in range(times):
            seen.metrics.reject(control, reason)
    rows = [
        f"sender unknown {REJECT_REASONS['malformed_http']} malformed_http 3",
        f"Falco (ids) {REJECT_REASONS['no_rule']} no_rule 2",
        f"Falco (ids) {REJECT_REASONS['not_json']} not_json 1",
    ]
    assert read(seen)["Rejected"].endswith(" ".join(rows))


def test_suppressed_alerts_are_listed_with_their_reason_and_not_among_the_busiest() -> None:
    seen = Seen()
    seen.take({**SHELL, "rule": "Write below etc"}, tuned={"suppressed": "the backup job"})
    sections = read(seen)
    assert sections["Suppressed alerts"].endswith("Write below etc ids the backup job 1")
    assert sections["Busiest rules and namespaces"] == "None. No alert was counted."
    assert "notice suppressed Write below etc" in sections["Latest events"]
    assert "suppressed the backup job" in sections["Latest events"]


def test_the_ten_busiest_rules_and_namespaces_are_shown_and_lead_to_their_events() -> None:
    seen = Seen()
    for number in range(12):
        for _ in range(number + 1):
            seen.take({**SHELL, "rule": f"Rule {number}", "namespace": "" if number == 11 else f"ns-{number % 2}"})
    answer = seen.show()
    shown = read(seen)["Busiest rules and namespaces"]
    assert "Rule 11 ids 12 Rule 10 ids 11" in shown
    assert "Rule 1 ids" not in shown
    assert shown.endswith("Namespace Alerts ns-0 36 ns-1 30 no namespace 12")
    assert "/?rule=Rule+11" in Reader(answer).links
    assert "/?namespace=ns-0" in Reader(answer).links


def test_alerts_past_the_series_limit_are_said_to_be_and_need_attention() -> None:
    seen = Seen()
    seen.metrics.store.resize(10, 1 << 20)
    for number in range(15):
        seen.take({**SHELL, "rule": f"Rule {number}"}, f"node-{number}")
    sections = read(seen)
    assert "all past the limits of series ids 5" in sections["Busiest rules and namespaces"]
    assert "threat_falco_alerts_total is out of series: 5 events were counted" in sections["Needs attention"]
    family = seen.metrics.store.families["threat_falco_alerts_total"]
    assert f"threat_falco_alerts_total {len(family)} 10 5 0" in sections["This replica"]


def test_an_event_says_who_did_what_when_and_where() -> None:
    seen = Seen()
    seen.take(SHELL)
    seen.clock.advance(90)
    assert read(seen)["Latest events"] == (
        "1 of 1, newest first. All of them as JSON . notice Terminal shell in container 1 min 30 s ago , at "
        "2030-01-02T03:04:02.678Z · shop / web / web-6d4b75cb6d-hx2vz · node node-1 "
        f"{SHELL['output']} user root process bash command line bash -c id; cat /etc/shadow parent containerd-shim "
        "image shop/web:1.4 connection 10.0.3.7:41222->203.0.113.9:4444"
    )


def test_a_changed_priority_is_shown_with_the_one_that_was_sent() -> None:
    seen = Seen()
    seen.take({"rule": "R", "priority": "notice"}, tuned={"priority_counted": "critical", "priority_reason": "shop"})
    shown = read(seen)["Latest events"]
    assert "critical R" in shown
    assert "priority notice priority counted critical priority reason shop" in shown


def test_a_message_without_rule_and_priority_is_named_after_its_control() -> None:
    seen = Seen()
    seen.take({"node": "node-1", "output": "Falco lost 3 system call events in a second"})
    assert "Falco (ids) 0 s ago , at 2030-01-02T03:04:05.250Z · node node-1 Falco lost" in read(seen)["Latest events"]


def test_the_newest_fifty_events_are_shown() -> None:
    seen = Seen()
    for number in range(60):
        seen.take({**SHELL, "rule": f"Rule number {number}."})
    shown = read(seen)["Latest events"]
    assert shown.startswith("50 of 60, newest first.")
    assert re.findall(r"Rule number (\d+)\.", shown) == [str(number) for number in range(59, 9, -1)]


def test_a_filter_narrows_the_events_and_puts_them_first() -> None:
    seen = Seen()
    seen.take({**SHELL, "namespace": "payments"})
    seen.take(SHELL)
    sections = read(seen, namespace="payments")
    assert list(sections)[1] == "Latest events"
    assert sections["Latest events"].startswith("1 of 1, newest first.")
    assert "Only namespace payments . Show every event" in sections["Latest events"]
    assert "/api/v1/events?namespace=payments" in Reader(seen.show(namespace="payments")).links
    assert "None. No event that is kept fits." in read(seen, rule="Nothing like it")["Latest events"]
    assert read(seen, rule="")["Latest events"].startswith("2 of 2")


def test_an_unknown_parameter_is_refused_with_those_there_are() -> None:
    answer = Seen().show(nmespace="shop")
    assert answer.status == 400
    assert answer.body == b'{"error":"unknown parameter \'nmespace\'; there are rule, namespace, control"}'


def test_events_that_are_not_kept_are_not_taken_for_silence() -> None:
    seen = Seen()
    seen.recent.resize(0, 0)
    seen.take(SHELL)
    assert read(seen)["Latest events"] == "None. Events are counted, but not kept: events.keep is 0."


def test_a_failed_reload_needs_attention_and_says_which_configuration_is_in_use() -> None:
    seen = Seen()
    assert "succeeded, at 2030-01-02 03:04:05 UTC" in read(seen)["This replica"]
    seen.clock.advance(60)
    seen.metrics.reloaded(False, seen.clock.time())
    sections = read(seen)
    assert "failed; in use is that of 2030-01-02 03:04:05 UTC" in sections["This replica"]
    assert "The configuration file has a fault" in sections["Needs attention"]


def test_lost_event_lines_need_attention() -> None:
    seen = Seen()
    seen.metrics.lines_dropped(1234)
    assert "1,234 event lines were not written" in read(seen)["Needs attention"]


def test_it_says_which_replica_and_version_it_is_and_for_how_long_it_is_up() -> None:
    seen = Seen()
    seen.clock.advance(3 * 86400 + 4 * 3600 + 59)
    about = f"Replica {socket.gethostname()}, version {__version__}, up for 3 d 4 h."
    assert about in read(seen)[""]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (0.9, "0 s"), (59, "59 s"), (60, "1 min"), (61, "1 min 1 s"), (3600, "1 h"), (90000, "1 d 1 h")],
)
def test_a_duration_is_given_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def luminance(colour: str) -> float:
    """Relative luminance of `#rgb` or `#rrggbb` (WCAG 2.2)."""
    digits = colour[1:] if len(colour) > len("#rgb") else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_text_stands_out_from_every_ground(theme: int) -> None:
    colours = dict(re.findall(r"--(\w+): (#\w+)", re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)[theme]))
    for text in ("text", "soft", "link", "good", "bad", "warn"):
        for ground in ("ground", "card", "code"):
            dark, light = sorted((luminance(colours[text]), luminance(colours[ground])))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, f"{text} on {ground}"


def test_a_page_from_a_thousand_events_holds_up_the_loop_for_less_than_20_ms() -> None:
    seen = Seen()
    for number in range(1000):
        seen.take({**SHELL, "rule": f"Rule {number % 50}"}, f"node-{number % 20}")
    taken = []
    for _ in range(7):
        start = time.process_time()
        seen.show()
        taken.append(time.process_time() - start)
    assert min(taken) < 0.020
