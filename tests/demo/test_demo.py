"""`python -m demo` as a person runs it: the whole way to Slack, left running, interrupted, and when a part fails."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from dashboards.filled import filled
from dashboards.queries import NOTE
from demo.cluster import NODES
from demo.servers import ROOT, request, wait_for
from demo.story import ELSEWHERE, INTRUSION, SNOOPING
from tests.dashboards.grafana import Asks, asks

DEMO = (sys.executable, "-m", "demo")
pytestmark = pytest.mark.timeout(900)

URL = re.compile(r"http://127\.0\.0\.1:(\d+)")


@pytest.fixture
def environment(tool: Callable[[str], Path], tmp_path: Path) -> dict[str, str]:
    """The environment to run it in: no colours, and a place for temporary files that must be empty afterwards."""
    for name in ("prometheus", "alertmanager", "promtool"):
        tool(name)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return {**os.environ, "TMPDIR": str(scratch), "NO_COLOR": "1", "KEEP": ""}


@pytest.fixture
def kept(environment: dict[str, str], tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """The demo with KEEP=1, and the file that it writes to."""
    out = tmp_path / "out"
    with (
        out.open("w") as file,
        subprocess.Popen(
            DEMO, cwd=ROOT, env={**environment, "KEEP": "1"}, stdout=file, stderr=subprocess.STDOUT, text=True
        ) as process,
    ):
        yield process, out
        process.kill()


def left_behind(environment: dict[str, str]) -> list[str]:
    return os.listdir(environment["TMPDIR"])  # noqa: PTH208


def nobody_listens(out: str) -> bool:
    for port in {int(port) for port in URL.findall(out)}:
        try:
            request(port, "GET", "/")
        except OSError:
            continue
        return False
    return True


def test_the_demo_plays_from_falco_to_slack_in_under_two_minutes(environment: dict[str, str]) -> None:
    done = subprocess.run(DEMO, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [seconds] = re.findall(r"The whole story took (\d+) seconds after the set-up", done.stdout)
    assert int(seconds) < 120
    assert done.stderr == ""
    story = done.stdout
    order = [
        "Nobody is paged: no alert, 0 messages in Slack",
        "> ModSecurity (DetectionOnly): GET shop.example.com/item?id=1' OR '1'='1'",
        "Nobody is paged: no alert, 0 messages in Slack",
        "Critical A program that is not part of the image",
        "Prometheus stores the new series at zero: 0 at",
        "Prometheus stores the alert: 0 at",
        "increase() sees it:",
        "The alert and the correlated alert fire in Prometheus: CorrelatedNamespace, CorrelatedWorkload,",
        "| CRITICAL: Several security controls speak of the same workload",
        "| 2 controls speak of shop/checkout within 3 minutes",
        "| since 20",
        "| Further alerts about it, and warnings of this namespace, are kept back while this one fires.",
        "From Falco's alert to the correlated message in Slack:",
        "One correlated alert tells of all three in the order in which they were seen: 1 CorrelatedWorkload",
        "| 3 controls speak of shop/checkout within 3 minutes",
        "Slack has no further message:",
        "Alertmanager keeps them back: CorrelatedNamespace, IdsRuleNeverSeenBefore, NetworkDnsDenied",
        "NetworkDnsSpike is pending; for: 2m; promtool plays it in",
        "Slack has no further message:",
        "| CRITICAL: Falco raised an alert of a critical priority. payments/ledger",
        "| No longer fires: Falco raised an alert of a critical priority. payments/ledger",
        "The whole story took",
    ]
    place = 0
    for words in order:
        place = story.find(words, place) + 1
        assert place, f"{words!r} is not there, or too early:\n{story}"
    assert left_behind(environment) == []
    assert nobody_listens(story)


Rows = list[tuple[dict[str, str], float]]


def shown(port: int, board: str, title: str, query: str = "A") -> Rows:
    """The labels and values of a query of a panel."""
    (ask,) = [one for one in asks() if (one.board, one.panel["title"], one.target["refId"]) == (board, title, query)]
    return asked(port, ask)


def asked(port: int, ask: Asks) -> Rows:
    """The labels and values that a query finds now."""
    status, answer = request(port, "GET", f"/api/v1/query?{urlencode({'query': filled(ask.target['expr'])})}")
    assert status == 200, answer
    return [(found["metric"], float(found["value"][1])) for found in json.loads(answer)["data"]["result"]]


def check_what_boards_show(port: int) -> None:
    """The days before the story are there for those who compare, and every node's Falco is heard."""
    assert [value for _, value in shown(port, "ids", "Falco nodes heard")] == [len(NODES)]
    assert {labels["node"]: value for labels, value in shown(port, "overview", "Controls by node")} == {
        node.name: 1 for node in NODES
    }
    yesterday = shown(port, "overview", "Since yesterday", "B")
    assert {labels["control"] for labels, value in yesterday if value > 0} == {"ids", "network", "waf"}
    news = {(labels["rule"], labels["namespace"]) for labels, _ in shown(port, "overview", NEWS)}
    assert news == {(alert.rule, alert.namespace) for alert in (INTRUSION, SNOOPING, ELSEWHERE)}
    assert {labels["check"] for labels, value in shown(port, "overview", "Set-up") if value != 1} == set()


def check_that_tables_say_nothing_beside_rows(port: int) -> None:
    """A sentence in the place of rows, in one of a table's queries, would be merged into a row of another's."""
    tables: dict[tuple[str, int], list[Rows]] = {}
    for ask in asks():
        if ask.panel["type"] == "table":
            tables.setdefault((ask.board, ask.panel["id"]), []).append(asked(port, ask))
    assert tables
    for table, queries in tables.items():
        sentences = [NOTE in labels for rows in queries for labels, _ in rows]
        assert len(set(sentences)) <= 1, table


def check_that_the_firewall_has_a_past(port: int) -> None:
    """What a WAF that only detects found in the day before is on its board."""
    for title in ("Let through", "Top rules", "Top workloads", "Top client networks", "Likely false positives"):
        rows = shown(port, "waf", title)
        assert len(rows) > 1, title
        assert not any(NOTE in labels for labels, _ in rows), title


NEWS = "Rules not seen in the six days before"


def test_keep_leaves_it_running_until_ctrl_c_and_then_nothing_is_left(
    environment: dict[str, str], kept: tuple["subprocess.Popen[str]", Path]
) -> None:
    process, out = kept
    assert wait_for(lambda: "Send alerts" in out.read_text() or process.poll() is not None, seconds=400)
    story = out.read_text()
    pages = {"Status page": "/", "Metrics": "/metrics", "Prometheus": "/-/ready", "Alertmanager": "/-/ready"}
    for name, path in pages.items():
        [port] = re.findall(rf"{name} +http://127\.0\.0\.1:(\d+)", story)
        assert request(int(port), "GET", path)[0] == 200
    port = int(re.findall(r"Prometheus +http://127\.0\.0\.1:(\d+)", story)[0])
    check_what_boards_show(port)
    check_that_tables_say_nothing_beside_rows(port)
    check_that_the_firewall_has_a_past(port)
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 0
    assert left_behind(environment) == []
    assert nobody_listens(story)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_half_way_it_ends_all_that_it_started(
    environment: dict[str, str], kept: tuple["subprocess.Popen[str]", Path], number: signal.Signals
) -> None:
    process, out = kept
    assert wait_for(lambda: "alertmanager is ready" in out.read_text(), seconds=300)
    process.send_signal(number)
    assert process.wait(120) == 130
    assert out.read_text().endswith("Interrupted; everything that was started has ended.\n")
    assert left_behind(environment) == []
    assert nobody_listens(out.read_text())


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("alertmanager", "The demo failed: alertmanager ended by itself with exit code 3"),
        ("promtool", "The demo failed: promtool could not back-fill Prometheus: exit code 3"),
    ],
)
def test_a_part_that_fails_is_named_with_its_last_words(
    environment: dict[str, str], tmp_path: Path, program: str, why: str
) -> None:
    broken = tmp_path / "path" / program
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho 'no space left on device' >&2\nexit 3\n")
    broken.chmod(0o755)
    environment["PATH"] = f"{broken.parent}:{environment['PATH']}"
    environment.pop("SERVERS", None)  # with the newest servers nobody looks at the PATH
    done = subprocess.run(DEMO, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    assert why in done.stdout
    assert "| no space left on device" in done.stdout
    assert done.stderr == ""
    assert left_behind(environment) == []
