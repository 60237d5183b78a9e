"""Reading Alertmanager: every way to reach it, and a sentence for each way to get its address wrong."""

import base64
import http.server
import json
import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from exporter.config import load
from exporter.config.credentials import Secret, client_context
from exporter.pollers.alertmanager import Alertmanager, Policy, client
from exporter.pollers.alertmanager.client import Client, ClientError, Settings
from tests.support.alertmanagers import Member, Sender, ports

Answer = tuple[int, Mapping[str, str], bytes]

STATUS = {"uptime": "2026-11-01T10:00:00Z"}
ALERT = {
    "labels": {"alertname": "A", "control": "ids", "severity": "critical"},
    "startsAt": "2026-11-01T10:00:00.5Z",
    "status": {"silencedBy": [], "inhibitedBy": [], "state": "active"},
}


def answer(content: object, status: int = 200, **headers: str) -> Answer:
    return status, headers, content if isinstance(content, bytes) else json.dumps(content).encode()


GOOD = {"status": answer(STATUS), "alerts": answer([ALERT]), "silences": answer([])}


class Played:
    """Something that listens, with these answers below /api/v2/; `asked` has the heads of the requests."""

    def __init__(self, answers: Mapping[str, Answer], context: ssl.SSLContext | None = None) -> None:
        self.asked: list[tuple[str, str]] = []
        asked = self.asked

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                asked.append((self.path, self.headers.get("Authorization", "")))
                what = self.path.partition("?")[0].partition("/api/v2/")[2]
                status, headers, body = answers.get(what, answer(b"nothing here", 404))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that leaves is expected
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'http' if context is None else 'https'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def played(answers: Mapping[str, Answer], context: ssl.SSLContext | None = None) -> Iterator[Played]:
    server = Played(answers, context)
    try:
        yield server
    finally:
        server.close()


def problem(*urls: str, **settings: Any) -> str:
    """What a client says that cannot read these."""
    reader = Client(Settings(urls, **settings))
    with pytest.raises(ClientError) as caught:
        reader.fetch(())
    reader.close()
    assert reader.failures == len(urls)
    return str(caught.value)


def test_alerts_are_read_without_the_labels_that_differ_between_two_prometheus() -> None:
    twin = {**ALERT, "labels": {**ALERT["labels"], "prometheus_replica": "b"}, "startsAt": "2026-11-01T09:59:59Z"}  # type: ignore[dict-item]
    with played({**GOOD, "alerts": answer([ALERT, twin])}) as server:
        listed = Client(Settings((server.url,))).fetch(("prometheus_replica",))
    (found,) = listed.alerts.values()
    assert found.labels == ALERT["labels"]
    assert found.starts == 1793527199.0
    assert listed.started == 1793527200.0


WRONG = {
    "a page of another program": (
        {"status": answer(b"<html>Grafana</html>")},
        "it answers with a page that is not JSON: is this Alertmanager's own address?",
    ),
    "JSON of another program": (
        {**GOOD, "alerts": answer({"status": "success", "data": []})},
        "it answers with JSON that is not Alertmanager's: is this another program's address?",
    ),
    "other fields": ({**GOOD, "alerts": answer([{"labels": {}}])}, "its answer is not what Alertmanager's API says"),
    "no path": (
        {},
        "no Alertmanager is at this path: if it is served under a prefix (--web.external-url), add it to the URL",
    ),
    "a log-in": ({"status": answer(b"", 302, Location="/login")}, "it leads elsewhere (302)"),
    "no credentials": ({"status": answer(b"", 401)}, "it wants to know who asks: set alertmanager.auth.token_file"),
    "wrong credentials": ({"status": answer(b"", 403)}, "it refuses these credentials: see alertmanager.auth"),
    "TLS": (
        {"status": answer(b"Client sent an HTTP request to an HTTPS server.\n", 400)},
        "it speaks TLS: write https://",
    ),
    "its own fault": ({**GOOD, "alerts": answer(b"oh", 503)}, "it answers 503: see its log"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_each_wrong_answer_has_a_sentence(wrong: str) -> None:
    answers, sentence = WRONG[wrong]
    with played(answers) as server:
        assert problem(server.url).startswith(f"{server.url}: {sentence}")


def test_where_nobody_listens_it_says_so() -> None:
    (free,) = ports(1)
    assert problem(f"http://127.0.0.1:{free}").endswith(
        "nobody listens there: is Alertmanager running, and is this its port (9093 by default)?"
    )
    assert problem("http://alertmanager.invalid:9093").endswith("there is no host alertmanager.invalid")


def test_plain_where_tls_is_and_the_other_way_round() -> None:
    authority = trustme.CA()
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server_side)
    with played(GOOD, server_side) as server:
        assert problem(server.url).endswith("its certificate is not trusted: see alertmanager.ca_file")
    with played(GOOD) as plain:
        assert problem(plain.url.replace("http", "https")).endswith("it speaks no TLS: write http://")


def test_an_answer_byte_by_byte_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "READ_SECONDS", 0.5)

    stop = threading.Event()

    def drip(server: http.server.BaseHTTPRequestHandler) -> None:
        server.send_response(200)
        server.send_header("Content-Length", "100000")
        server.end_headers()
        while not stop.wait(0.05):
            try:
                server.wfile.write(b" ")
                server.wfile.flush()
            except OSError:
                return

    handler = type("Dripping", (http.server.BaseHTTPRequestHandler,), {"do_GET": drip, "log_message": lambda *_: None})
    dripping = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=dripping.serve_forever, daemon=True).start()
    try:
        begun = time.monotonic()
        assert "takes longer than 0.5 seconds" in problem(f"http://127.0.0.1:{dripping.server_address[1]}")
        assert time.monotonic() - begun < 20
    finally:
        stop.set()
        dripping.shutdown()
        dripping.server_close()


def test_an_endless_answer_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_BYTES", 1 << 20)
    with played({**GOOD, "alerts": answer([ALERT] * 20_000)}) as server:
        assert "its answer about alerts has more than 1 MiB" in problem(server.url)


def test_the_next_member_is_asked_and_stays_the_first() -> None:
    with played({}) as broken, played(GOOD) as whole:
        reader = Client(Settings((broken.url, whole.url)))
        for _ in range(3):
            assert reader.fetch(()).alerts
        assert reader.failures == 1
        assert len(broken.asked) == 1
        reader.close()
    assert problem(broken.url, whole.url).count("; ") == 1


def test_where_the_list_of_silences_fails_those_that_hold_an_alert_are_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One silence with several sets of matchers, as 0.32 and later know them, is a 500 for the whole list."""
    held = {**ALERT, "status": {"silencedBy": ["a-1"], "inhibitedBy": []}}
    one = {
        "id": "a-1",
        "matchers": [],
        "startsAt": "2026-11-01T10:02:00Z",
        "endsAt": "2026-11-01T11:00:00Z",
        "updatedAt": "2026-11-01T10:02:00Z",
        "comment": "FP: many",
    }
    answers = {
        **GOOD,
        "alerts": answer([held]),
        "silences": answer(b"unsupported", 500),
        "silence/a-1": answer(one),
    }
    with played(answers) as server, caplog.at_level(logging.WARNING):
        policy = Policy(Settings((server.url,)), (), dict.fromkeys(("acknowledge_seconds", "triage_seconds"), 1.0))
        policy = policy._replace(targets={**policy.targets, "false_positive_ratio": 0.5})
        poller = Alertmanager(lambda: policy, None, time)
        poller.poll()
        poller.poll()
        assert poller.success
        assert [one.acknowledged for one in poller._kept.book.episodes()] == [1793527320.0]
        assert [one.verdict for one in poller._kept.book.episodes()] == [""]
        poller.stop()
    (told,) = caplog.messages
    assert told.startswith("Alertmanager cannot list its silences (one has several sets of matchers): verdicts are not")


def test_what_cannot_be_read_is_told_once_and_gauges_of_now_go(caplog: pytest.LogCaptureFixture) -> None:
    answers = dict(GOOD)
    with played(answers) as server, caplog.at_level(logging.INFO):
        targets = {"acknowledge_seconds": 600.0, "triage_seconds": 300.0, "false_positive_ratio": 0.5}
        poller = Alertmanager(lambda: Policy(Settings((server.url,)), (), targets), None, time)
        poller.poll()
        assert poller.values()["threat_unacknowledged_alerts"][("critical",)] == 1
        answers["alerts"] = answer(b"", 500)
        for _ in range(3):
            poller.poll()
        assert "threat_unacknowledged_alerts" not in poller.values()
        assert "threat_acknowledge_seconds" in poller.values()
        assert (poller.success, poller.failures) == (False, 3)
        answers["alerts"] = GOOD["alerts"]
        poller.poll()
        poller.stop()
    assert [record.message for record in caplog.records] == [
        f"alertmanager.urls: {server.url}: it answers 500: see its log",
        "Alertmanager is read again",
    ]


@pytest.mark.parametrize("way", ["bearer", "basic"])
def test_it_says_who_it_is_and_nobody_else_hears_of_it(way: str, caplog: pytest.LogCaptureFixture) -> None:
    secret = "swordfish-7c1f"
    settings: dict[str, Any] = (
        {"token": Secret(secret.encode())}
        if way == "bearer"
        else {"username": "watch", "token": Secret(secret.encode())}
    )
    expected = {
        "bearer": f"Bearer {secret}",
        "basic": "Basic " + base64.b64encode(f"watch:{secret}".encode()).decode(),
    }
    with played({"status": answer(b"", 403)}) as server, caplog.at_level(logging.DEBUG):
        message = problem(server.url, **settings)
        assert {head for _, head in server.asked} == {expected[way]}
    shown = message + caplog.text + repr(Settings((server.url,), **settings))
    assert secret not in shown


@pytest.mark.timeout(120)
def test_a_real_one_behind_tls_a_password_and_a_prefix(tool: Callable[[str], Path], tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    (tmp_path / "password").write_text("secret\n")
    # bcrypt of "secret", at its least cost
    hashed = "$2b$04$/wwrVmqzzUzUu38CIojVvOrGU5PGZrjz6GcRFlFrfja/qetLg2Cvi"
    (tmp_path / "web.yml").write_text(
        f"basic_auth_users: {{watch: '{hashed}'}}\ntls_server_config: {{cert_file: cert.pem, key_file: key.pem}}\n"
    )
    (gossip,) = ports(1)
    more = (f"--web.config.file={tmp_path / 'web.yml'}", "--web.route-prefix=/am")
    member = Member(tool("alertmanager"), tmp_path / "am", gossip, None, *more)
    config = tmp_path / "watch.yaml"
    config.write_text(
        json.dumps(
            {
                "alertmanager": {
                    "urls": [f"https://127.0.0.1:{member.port}/am/"],
                    "ca_file": "ca.pem",
                    "auth": {"username": "watch", "token_file": "password"},
                }
            }
        )
    )
    read = load(config).alertmanager
    with member:
        settings = Settings(read.urls, read.context, read.auth.token, read.auth.username)
        reader = Client(settings)
        assert reader.fetch(()).alerts == {}
        reader.close()
        assert problem(*read.urls, context=read.context).endswith("and username where it wants a name")
        assert "no Alertmanager is at this path" in problem(
            f"https://127.0.0.1:{member.port}",
            **{name: getattr(settings, name) for name in ("context", "username", "token")},
        )
        assert "it speaks TLS: write https://" in problem(f"http://127.0.0.1:{member.port}/am")


@pytest.mark.timeout(120)
def test_of_a_real_one_only_our_alerts_are_read_and_not_the_watchdog_or_those_about_figures(
    tool: Callable[[str], Path], tmp_path: Path
) -> None:
    (gossip,) = ports(1)
    with Member(tool("alertmanager"), tmp_path, gossip, None) as member:
        sender = Sender([member])
        sender.fire("Ours")
        sender.fire("PlatformWatchdog")
        sender.fire("KpiSourceDown", control="platform")
        sender.fire("KubeSomething", control="")
        time.sleep(2)
        sender.close()
        reader = Client(Settings((member.url,)))
        assert [one.labels["alertname"] for one in reader.fetch(()).alerts.values()] == ["Ours"]
        reader.close()


def test_a_ca_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ValueError, match="holds no usable PEM certificate"):
        client_context(tmp_path / "ca.pem")
