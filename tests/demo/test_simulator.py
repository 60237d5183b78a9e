"""The simulated cluster: what it shows live and in the past, calm and under attack."""

import itertools
import math
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from demo import cilium, kubelet, past
from demo.cluster import VICTIM
from demo.history import Span, fill, record
from demo.prometheus import Prometheus
from demo.series import Phase, Row, Target, Timeline, exposition, value
from demo.simulator import Simulator

ORIGIN = 1_700_000_000.0
PHASES: tuple[Phase, ...] = ("ids", "egress", "dns", "cpu", "policy")


def _all(generation: cilium.Generation) -> tuple[Target, ...]:
    return (*cilium.targets(generation), *kubelet.targets(), *past.targets())


def _attack(begin: float, end: float = math.inf) -> Timeline:
    return Timeline(ORIGIN, dict.fromkeys(PHASES, (begin, end)))


def test_a_counter_never_falls_whatever_goes_on() -> None:
    timeline = _attack(ORIGIN + 40_000, ORIGIN + 50_000)
    for generation in cilium.GENERATIONS:
        for row in (row for target in _all(generation) for row in target.rows if row.kind in ("count", "amount")):
            seen = [value(row, timeline, ORIGIN + seconds) for seconds in range(0, 90_000, 700)]
            known = [number for number in seen if number is not None]
            assert known == sorted(known), row


def test_an_attack_adds_its_rate_while_it_goes_on_and_nothing_after() -> None:
    row = Row("denials_total", {}, 1.0, 6.0, "egress", steady=True)
    timeline = _attack(ORIGIN + 100, ORIGIN + 200)
    assert [value(row, timeline, ORIGIN + t) for t in (0, 100, 150, 200, 300)] == [0, 100, 450, 800, 900]


def test_a_phase_is_begun_and_ended_by_itself() -> None:
    row = Row("denials_total", {}, 0.0, 2.0, "egress", steady=True)
    timeline = Timeline(ORIGIN).begin("dns", ORIGIN).begin("egress", ORIGIN + 10).end("egress", ORIGIN + 20)
    assert [value(row, timeline, ORIGIN + t) for t in (5, 15, 25, 99)] == [0, 10, 20, 20]


def test_a_series_without_a_calm_rate_is_not_there_before_its_first_event() -> None:
    row = Row("denials_total", {}, None, 1.0, "egress", steady=True)
    timeline = _attack(ORIGIN + 100)
    assert [value(row, timeline, ORIGIN + t) for t in (99, 100, 101, 110)] == [None, None, 1, 10]


def test_calm_rates_go_with_the_day_and_are_the_same_on_every_run() -> None:
    row = Row("requests_total", {"pod": "a"}, 1.0)
    hours = [value(row, Timeline(ORIGIN), ORIGIN + 3600 * hour) or 0 for hour in range(25)]
    rates = [later - earlier for earlier, later in itertools.pairwise(hours)]
    assert max(rates) > 1.3 * min(rates)
    assert hours == [value(row, Timeline(ORIGIN), ORIGIN + 3600 * hour) for hour in range(25)]


@pytest.mark.parametrize("generation", cilium.GENERATIONS)
def test_what_a_target_shows_is_prometheus_text_without_a_series_twice(generation: cilium.Generation) -> None:
    at = ORIGIN + 3600
    for target in _all(generation):
        families = text_string_to_metric_families(exposition(target, _attack(ORIGIN + 60), at))
        shown = [
            (sample.name, tuple(sorted(sample.labels.items()))) for family in families for sample in family.samples
        ]
        assert len(shown) == len(target.rows)
        assert len(shown) == len(set(shown))


def test_the_two_generations_speak_their_own_names() -> None:
    old, new = (
        {row.name for target in cilium.targets(generation) for row in target.rows} for generation in cilium.GENERATIONS
    )
    assert {"cilium_policy_import_errors_total", "cilium_triggers_policy_update_total"} <= old - new
    assert {"cilium_policy_change_total", "hubble_policy_verdicts_total", "hubble_lost_events_total"} <= new - old
    assert {"cilium_drop_count_total", "cilium_policy", "hubble_drop_total"} <= old & new


def test_labels_clash_as_they_do_in_prometheus() -> None:
    row = Row("m", {"pod": "victim", "zone": "a"})
    own, honoured = (Target("/", {"pod": "agent", "job": "j"}, (row,), honor_labels=honor) for honor in (False, True))
    assert own.stored(row) == {"pod": "agent", "exported_pod": "victim", "job": "j", "zone": "a"}
    assert honoured.stored(row) == {"pod": "victim", "job": "j", "zone": "a"}


@pytest.mark.parametrize("generation", cilium.GENERATIONS)
def test_the_past_holds_the_values_that_would_have_been_scraped(
    generation: cilium.Generation,
    tool: Callable[[str], Path],
    start_prometheus: Callable[[str, str], Prometheus],
    tmp_path: Path,
) -> None:
    span = Span(ORIGIN + 7200, ORIGIN + 10_800, 30)
    timeline = _attack(ORIGIN + 9000)
    targets = _all(generation)
    fill(tmp_path / "past" / "prometheus", tool("promtool"), targets, timeline, span)
    prometheus = start_prometheus("scrape_configs: []\nglobal: {evaluation_interval: 1h}\n", "past")
    for target in targets:
        row = target.rows[-1]
        matchers = ",".join(f'{key}="{text}"' for key, text in target.stored(row).items())
        (series,) = prometheus.query(f"{row.name}{{{matchers}}}", at=span.times()[-1])
        assert series.value == value(row, timeline, span.times()[-1])


def test_recordings_of_the_past_are_in_the_data_also_those_that_read_others(
    tool: Callable[[str], Path], start_prometheus: Callable[[str, str], Prometheus], tmp_path: Path
) -> None:
    span = Span(ORIGIN + 7200, ORIGIN + 10_800, 60)
    data = tmp_path / "past" / "prometheus"
    fill(data, tool("promtool"), kubelet.targets(), _attack(ORIGIN + 9000), span)
    rules = tmp_path / "rules.yaml"
    expression = f"sum by (pod) (rate(container_cpu_usage_seconds_total{{pod='{VICTIM.name}'}}[5m]))"
    second = "{record: 'cpu:double', labels: {a: b}, expr: '2 * pod:cpu:rate5m'}"
    rules.write_text(f"groups: [{{name: a, rules: [{{record: 'pod:cpu:rate5m', expr: \"{expression}\"}}, {second}]}}]")
    config = "scrape_configs: []\n"
    prometheus = start_prometheus(config, "past")
    record(prometheus, tool("promtool"), [rules], span, levels=2)
    (calm,), (attacked,) = (prometheus.query("pod:cpu:rate5m", at=ORIGIN + seconds) for seconds in (8900, 10_700))
    assert attacked.value > 5 * calm.value
    (double,) = prometheus.query("cpu:double", at=ORIGIN + 10_700)
    assert double.value == 2 * attacked.value
    assert double.labels == {"__name__": "cpu:double", "a": "b", "pod": VICTIM.name}


def test_a_prometheus_that_ends_in_the_middle_of_an_answer_is_no_fault(capfd: pytest.CaptureFixture[str]) -> None:
    row = Row("long_total", {"text": "x" * 4_000_000}, 1.0)
    with Simulator((Target("/long", {}, (row,)),), Timeline(ORIGIN)) as simulator:
        host, _, port = simulator.address.partition(":")
        for _ in range(5):
            with socket.create_connection((host, int(port)), timeout=10) as scraper:
                scraper.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                scraper.sendall(b"GET /long HTTP/1.0\r\n\r\n")
                assert scraper.recv(100)
        time.sleep(0.5)
    assert capfd.readouterr().err == ""
