"""Nothing is lost when a receiver ends as it should: not by a sender that never retries, not by who scrapes."""

import http.client
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from demo.servers import wait_for
from tests.support.falco_client import Falco, HttpOutput
from tests.support.proxy import Proxy
from tests.support.receiver import PATIENCE, Receiver, alert, read_answer, receiver
from tests.support.scene import StartPrometheus, rise

SCRAPER = {"X-Prometheus-Scrape-Timeout-Seconds": "1"}
SCRAPER_LINE = b"X-Prometheus-Scrape-Timeout-Seconds: 1\r\n"
QUIET = {"events": {"log": False}}


def request(body: bytes) -> bytes:
    return b"POST /falco HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body


BODY = json.dumps(alert()).encode()
ALERT = request(BODY)


def terminate(subject: Receiver) -> None:
    subject.process.send_signal(signal.SIGTERM)
    subject.wait_for_log("draining: events are taken")


def test_a_rolling_restart_of_two_replicas_loses_nothing_of_falcos_libcurl_and_prometheus_has_every_count(
    start_prometheus: StartPrometheus, servers: ExitStack, tmp_path: Path
) -> None:
    def start(name: str) -> Receiver:
        drain = {"intake": {"drain": "1s"}, "metrics": {"final_scrape_timeout": "20s"}}
        return servers.enter_context(receiver(tmp_path / name, **drain, **QUIET))

    replicas = [start("a"), start("b")]
    shows = [servers.enter_context(Proxy(replica.show)) for replica in replicas]
    targets = [
        {"targets": [f"127.0.0.1:{show.port}"], "labels": {"instance": name}}
        for show, name in zip(shows, "ab", strict=True)
    ]
    config = {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "400ms"},
        "scrape_configs": [{"job_name": "t", "static_configs": targets}],
    }
    prometheus = start_prometheus(json.dumps(config), "prometheus")
    assert wait_for(lambda: len(prometheus.query("count_over_time(up[1m]) > 1")) == 2, 20)
    service = servers.enter_context(Proxy(replicas[0].intake))

    with Falco(service.port) as falco:
        time.sleep(0.5)
        for number, name in enumerate("ab"):
            old, other = replicas[number], replicas[1 - number]
            service.target = old.intake
            terminate(old)
            time.sleep(0.3)  # as long as a Service takes to learn of it
            service.target = other.intake
            assert old.process.wait(PATIENCE) == 0
            replicas[number] = start(f"{name} again")
            shows[number].target = replicas[number].show
            time.sleep(0.5)

    def total() -> float:
        series = prometheus.query("threat_falco_alerts_total[10m]")
        return sum(rise([value for _, value in one.samples]) for one in series)

    sent = sum(falco.sent.values())
    assert falco.lost == []
    assert falco.connections > 2, "it was never sent elsewhere"
    assert sent > 100
    assert wait_for(lambda: total() >= sent, 20), f"{total()} of {sent}"
    time.sleep(1)
    assert total() == sent


def test_while_draining_it_is_not_ready_yet_takes_events_and_sends_each_sender_elsewhere(tmp_path: Path) -> None:
    with receiver(tmp_path, intake={"drain": "10s"}, **QUIET) as subject:
        with subject.connect() as kept:
            kept.sendall(ALERT)
            assert b"connection" not in kept.recv(65536).lower()
            assert subject.get("/readyz")[0] == 200
            terminate(subject)

            assert subject.get("/readyz")[0] == 503
            assert subject.get("/healthz")[0] == 200
            kept.sendall(ALERT)
            answer = read_answer(kept)  # which ends: the connection is closed
        assert answer.startswith(b"HTTP/1.1 204 ")
        assert b"connection: close" in answer
        for body, status in ((json.dumps(alert()).encode(), 204), (b"no JSON", 400)):
            found, headers, _ = subject.request("POST", "/falco", body)
            assert (found, headers["connection"]) == (status, "close")
        assert subject.value("threat_falco_alerts_total") == 3


def test_libcurl_goes_elsewhere_after_its_next_alert(tmp_path: Path) -> None:
    """Falco's connection stays open for days; only a drain moves it, and the alert that does so is counted."""
    with (
        receiver(tmp_path / "old", intake={"drain": "10s"}, **QUIET) as old,
        receiver(tmp_path / "new", **QUIET) as new,
        Proxy(old.intake) as service,
        HttpOutput(f"http://127.0.0.1:{service.port}/falco", keep_alive=True) as falco,
    ):
        for _ in range(3):
            assert (falco.send(BODY), falco.status) == ("", 204)
        assert falco.connections == 1
        terminate(old)
        service.target = new.intake

        for connections in (1, 2, 2):
            assert (falco.send(BODY), falco.status) == ("", 204)
            assert falco.connections == connections
        assert old.value("threat_falco_alerts_total") == 4
        assert new.value("threat_falco_alerts_total") == 2


class Scraper(threading.Thread):
    """Reads the page on one kept-open connection, again and again, until that ends."""

    def __init__(self, port: int, interval: float, late: float = 0.0) -> None:
        super().__init__(daemon=True)
        self.pages: list[str] = []
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._interval = interval
        self._late = late

    def run(self) -> None:
        time.sleep(self._late)
        try:
            while True:
                self._connection.request("GET", "/metrics", headers=SCRAPER)
                self.pages.append(self._connection.getresponse().read().decode())
                time.sleep(self._interval)
        except (OSError, http.client.HTTPException):
            self._connection.close()

    def history(self, rule: str) -> list[float]:
        return [
            float(line.rsplit(" ", 1)[1])
            for page in self.pages
            for line in page.splitlines()
            if line.startswith("threat_falco_alerts_total{") and f'rule="{rule}"' in line
        ]


def test_it_waits_until_every_live_scraper_has_had_the_zero_and_the_last_value(tmp_path: Path) -> None:
    with receiver(tmp_path, intake={"drain": "200ms"}, metrics={"final_scrape_timeout": "20s"}, **QUIET) as subject:
        scrapers = [Scraper(subject.show, 0.3), Scraper(subject.show, 0.8, late=0.1), Scraper(subject.show, 1.3)]
        for scraper in scrapers:
            scraper.start()
        assert wait_for(lambda: all(len(scraper.pages) > 1 for scraper in scrapers), PATIENCE)
        terminate(subject)
        for _ in range(3):
            assert subject.post(alert("At the very end"))[0] == 204
        assert subject.process.wait(PATIENCE) == 0
        for scraper in scrapers:
            scraper.join(PATIENCE)

    for scraper in scrapers:
        history = scraper.history("At the very end")
        assert history[0] == 0
        assert history[-1] == 3


def test_a_scraper_that_is_gone_is_not_waited_for(tmp_path: Path) -> None:
    with receiver(tmp_path, metrics={"final_scrape_timeout": "20s"}, **QUIET) as subject:
        with subject.connect(show=True) as connection:
            for _ in range(2):
                connection.sendall(
                    b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Prometheus-Scrape-Timeout-Seconds: 1\r\n\r\n"
                )
                assert wait_for(lambda: connection.recv(1 << 20).endswith(b"0\r\n\r\n"), PATIENCE, every=0)
                time.sleep(0.1)
        time.sleep(0.5)  # more than three of its intervals

        assert subject.stop() == 0
        assert "some scraper did not come" not in subject.log.read_text()


def test_it_waits_for_a_scraper_no_longer_than_final_scrape_timeout_and_says_so(tmp_path: Path) -> None:
    with receiver(tmp_path, metrics={"final_scrape_timeout": "1s"}, **QUIET) as subject, a_scraper(subject):
        start = time.monotonic()

        assert subject.stop() == 0
        assert time.monotonic() - start >= 1
        assert "some scraper did not come" in subject.log.read_text()


@pytest.mark.parametrize("drain", [{"drain": "60s"}, {"drain": "0s"}], ids=["while events are taken", "while it waits"])
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(drain: dict[str, str], second: signal.Signals, tmp_path: Path) -> None:
    with (
        receiver(tmp_path, intake=drain, metrics={"final_scrape_timeout": "60s"}, **QUIET) as subject,
        a_scraper(subject),
    ):
        subject.process.send_signal(signal.SIGINT)
        subject.wait_for_log("draining: events are taken" if drain["drain"] == "60s" else "waiting for at most")
        subject.process.send_signal(second)

        assert subject.process.wait(PATIENCE) == 1


@contextmanager
def a_scraper(subject: Receiver) -> Iterator[None]:
    """One that scrapes once and keeps its connection."""
    with subject.connect(show=True) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + SCRAPER_LINE + b"\r\n")
        page = b""
        while not page.endswith(b"\r\n0\r\n\r\n"):
            page += connection.recv(1 << 20)
        yield


def waits_for_last_values(subject: Receiver) -> None:
    subject.wait_for_log("waiting for at most")


@contextmanager
def closing(folder: Path) -> Iterator[Receiver]:
    """A receiver that after its short drain goes on to show metrics for a while."""
    with (
        receiver(folder, intake={"drain": "200ms"}, metrics={"final_scrape_timeout": "30s"}, **QUIET) as subject,
        a_scraper(subject),
    ):
        yield subject


def test_an_event_in_flight_on_an_idle_connection_at_the_moment_of_closing_is_counted(tmp_path: Path) -> None:
    with closing(tmp_path) as subject, subject.connect() as kept:
        kept.sendall(ALERT)
        assert kept.recv(65536).startswith(b"HTTP/1.1 204 ")
        terminate(subject)
        assert kept.recv(65536) == b""  # our side was closed; the sender has not noticed yet
        kept.sendall(ALERT)
        waits_for_last_values(subject)

        assert subject.value("threat_falco_alerts_total") == 2


def test_an_event_that_is_half_sent_at_the_moment_of_closing_is_taken_and_answered(tmp_path: Path) -> None:
    with closing(tmp_path) as subject, subject.connect() as slow:
        slow.sendall(ALERT[:-50])
        terminate(subject)
        time.sleep(0.6)
        slow.sendall(ALERT[-50:])
        answer = read_answer(slow)
        waits_for_last_values(subject)

        assert answer.startswith(b"HTTP/1.1 204 ")
        assert b"connection: close" in answer
        assert subject.value("threat_falco_alerts_total") == 1


def test_after_the_drain_nobody_can_connect(tmp_path: Path) -> None:
    with closing(tmp_path) as subject:
        terminate(subject)
        waits_for_last_values(subject)
        with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", subject.intake)):
            pass
