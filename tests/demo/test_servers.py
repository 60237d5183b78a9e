"""The harness for real servers: they are ready when entered, ended when left, and say why when they cannot be had."""

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from demo import servers as harness
from demo.alertmanager import Alertmanager
from demo.prometheus import Prometheus
from demo.servers import Server, ServerError, free_port, request, wait_for
from demo.slack import Slack

STUBBORN = """
import http.server, os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""

NOBODY_AT = """
global: {scrape_interval: 500ms, scrape_timeout: 500ms}
scrape_configs: [{job_name: nobody, static_configs: [{targets: ['127.0.0.1:%d']}]}]
"""


def python(code: str, folder: Path) -> Server:
    port = free_port()
    return Server("python", [sys.executable, "-c", code, str(port)], folder, port, "/")


def test_a_server_that_ends_by_itself_is_reported_with_its_last_words(tmp_path: Path) -> None:
    server = python("print('no space left'); raise SystemExit(3)", tmp_path)
    with pytest.raises(ServerError, match="python ended by itself with exit code 3") as caught:
        server.start()
    assert caught.value.server.log_tail() == "no space left"


def test_a_server_that_never_gets_ready_is_ended_and_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "START_SECONDS", 0.5)
    server = python("import os, time; print(os.getpid(), flush=True); time.sleep(60)", tmp_path)
    with pytest.raises(ServerError, match="python was not ready"):
        server.start()
    with pytest.raises(ProcessLookupError):
        os.kill(int(server.log_tail()), 0)


def test_a_server_that_does_not_end_when_asked_is_ended_by_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness, "STOP_SECONDS", 0.3)
    with python(STUBBORN, tmp_path) as server:
        pid = int(server.log_tail(1000).splitlines()[0])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_server_that_has_gone_is_named_by_whoever_asks_it(tmp_path: Path) -> None:
    with python(STUBBORN, tmp_path) as server:
        os.kill(int(server.log_tail(1000).splitlines()[0]), 9)
        with pytest.raises(ServerError, match="python ended by itself with exit code -9"):
            wait_for(lambda: server.get("/") is None, seconds=5)


def test_prometheus_answers_with_typed_series(start_prometheus: Callable[[str, str], Prometheus]) -> None:
    port = free_port()
    prometheus = start_prometheus(NOBODY_AT % port, "first")
    assert wait_for(lambda: len(prometheus.query("up[1m]")) == 1, seconds=15)
    [up] = prometheus.query("up")
    assert up.labels == {"__name__": "up", "job": "nobody", "instance": f"127.0.0.1:{port}"}
    assert up.value == 0
    assert prometheus.query("scalar(vector(7))")[0].value == 7
    assert prometheus.query("nothing_of_this_name") == []
    now = time.time()
    [steps] = prometheus.query_range("vector(1)", now - 10, now, 5)
    assert [value for _, value in steps.samples] == [1, 1, 1]


def test_a_mistake_in_a_query_is_reported_in_prometheus_words(
    start_prometheus: Callable[[str, str], Prometheus],
) -> None:
    with pytest.raises(ServerError, match=r"answered 400 .*parse error"):
        start_prometheus("global: {}", "first").query("sum(")


def test_a_prometheus_started_again_under_its_name_has_its_old_data(
    start_prometheus: Callable[[str, str], Prometheus],
) -> None:
    first = start_prometheus(NOBODY_AT % free_port(), "same")
    assert wait_for(lambda: len(first.query("up[1m]")) == 1, seconds=15)
    first.kill()
    again = start_prometheus("global: {}", "same")
    assert len(again.query("up[1m]")) == 1


def test_alertmanager_reaches_the_stand_in_for_slack(
    start_alertmanager: Callable[[str], Alertmanager], slack: Slack
) -> None:
    receiver = {"api_url": slack.url, "channel": "#ops", "title": "{{ .CommonLabels.alertname }}", "text": "a text"}
    alertmanager = start_alertmanager(
        json.dumps(
            {
                "route": {"receiver": "slack", "group_wait": "0s"},
                "receivers": [{"name": "slack", "slack_configs": [receiver]}],
            }
        )
    )
    alerts = json.dumps([{"labels": {"alertname": "Fire"}}]).encode()
    status, _ = request(alertmanager.port, "POST", "/api/v2/alerts", alerts, {"Content-Type": "application/json"})
    assert status == 200
    assert wait_for(lambda: bool(slack.messages), seconds=10)
    [message] = slack.messages
    assert (message.channel, message.title, message.text) == ("#ops", "Fire", "a text")


def test_leaving_a_stack_of_servers_ends_them_all(tool: Callable[[str], Path], tmp_path: Path) -> None:
    with ExitStack() as stack:
        prometheus = stack.enter_context(Prometheus(tool("prometheus"), "global: {}", tmp_path))
        catcher = stack.enter_context(Slack())
    for port in (prometheus.port, int(catcher.url.split(":")[2].split("/")[0])):
        with pytest.raises(OSError, match="refused"):
            request(port, "GET", "/")
