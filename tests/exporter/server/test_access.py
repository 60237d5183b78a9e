"""Who may send, who may look, and that nobody else learns anything."""

import base64
import hmac
import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import pytest

from exporter.config.credentials import Secret
from exporter.server.access import has_token, is_local
from exporter.server.http import Request
from tests.support.receiver import PATIENCE, Receiver, alert, read_answer, receiver

TOKEN = "correct horse:battery"  # with a blank and a colon, which Basic also separates by

ELSEWHERE = "127.0.0.2"
"""A peer on this machine that does not count as this machine."""


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


RIGHT = {
    "bearer": f"Bearer {TOKEN}",
    "bearer-lower-case": f"bearer {TOKEN}",
    "basic": basic("falco", TOKEN),  # what libcurl makes of http://falco:TOKEN@host
    "basic-without-user": basic("", TOKEN),
}

WRONG = {
    "nothing": "",
    "another-token": "Bearer correct horse",
    "longer": f"Bearer {TOKEN}x",
    "no-scheme": TOKEN,
    "another-scheme": f"Digest {TOKEN}",
    "bearer-only": "Bearer",
    "bearer-empty": "Bearer ",
    "token-as-user": basic(TOKEN.replace(":", ""), ""),
    "basic-wrong": basic("falco", "x"),
    "basic-not-base64": "Basic %%%",
    "basic-plain": f"Basic falco:{TOKEN}",
    "basic-no-colon": "Basic " + base64.b64encode(TOKEN.replace(":", "").encode()).decode(),
    "basic-empty": "Basic ",
    "bytes": "Bearer \xff\xfe",
}


@pytest.fixture(scope="module")
def stack() -> Iterator[ExitStack]:
    with ExitStack() as entered:
        yield entered


@pytest.fixture(scope="module")
def start(stack: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Receiver]:
    def enter(metrics: Mapping[str, object], intake: Mapping[str, object] | None = None) -> Receiver:
        folder = tmp_path_factory.mktemp("access")
        (folder / "token").write_text(TOKEN + "\n")
        return stack.enter_context(receiver(folder, intake=intake or {}, metrics=metrics, events={"log": False}))

    return enter


@pytest.fixture(scope="module")
def open_receiver(start: Callable[..., Receiver]) -> Receiver:
    """No credentials anywhere, on both loopback addresses."""
    return start({"listen": "[::]:0"})


@pytest.fixture(scope="module")
def closed_receiver(start: Callable[..., Receiver]) -> Receiver:
    """A token for both listeners, for events only."""
    return start({"auth": {"token_file": "token"}}, {"auth": {"token_file": "token"}})


@pytest.fixture(scope="module")
def protected_receiver(start: Callable[..., Receiver]) -> Receiver:
    """A token for the metrics as well."""
    return start({"auth": {"token_file": "token"}, "protect_metrics": True})


def look(
    subject: Receiver, path: str, headers: Mapping[str, str] | None = None, *, source: str = "127.0.0.1"
) -> tuple[int, dict[str, str], bytes]:
    """Reads a page as a peer with this address."""
    target = "::1" if ":" in source else "127.0.0.1"
    connection = http.client.HTTPConnection(target, subject.show, PATIENCE, (source, 0))
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def request(**headers: bytes) -> Request:
    return Request(b"GET", b"/", [(name.replace("_", "-").encode(), value) for name, value in headers.items()])


@pytest.mark.parametrize("header", RIGHT.values(), ids=RIGHT)
def test_the_token_is_taken_as_bearer_and_as_the_password_of_basic(closed_receiver: Receiver, header: str) -> None:
    assert closed_receiver.post(alert(), headers={"Authorization": header}) == (204, None)


@pytest.mark.parametrize("header", WRONG.values(), ids=WRONG)
def test_wrong_credentials_get_401_with_a_challenge_and_are_counted(closed_receiver: Receiver, header: str) -> None:
    before = closed_receiver.value("threat_events_rejected_total", reason="unauthorized")
    status, headers, body = closed_receiver.request(
        "POST", "/falco", json.dumps(alert()).encode(), {"Authorization": header} if header else {}
    )

    assert status == 401
    assert headers["www-authenticate"].startswith('Bearer realm="threatboard", Basic realm="threatboard"')
    assert "intake.auth" in json.loads(body)["error"]
    assert closed_receiver.value("threat_events_rejected_total", reason="unauthorized") == before + 1


def test_without_credentials_nobody_learns_which_paths_there_are(closed_receiver: Receiver) -> None:
    assert {closed_receiver.request("POST", path, b"{}")[0] for path in ("/falco", "/no-such-path")} == {401}


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def spy(mine: bytes, theirs: bytes) -> bool:
        compared.append((mine, theirs))
        return False

    monkeypatch.setattr(hmac, "compare_digest", spy)
    token = Secret(b"abc")
    assert not has_token(request(authorization=b"Bearer abc"), token)
    assert not has_token(request(authorization=b"Basic " + base64.b64encode(b"u:abc")), token)
    assert compared == [(b"abc", b"abc")] * 2


# Pages that show events ---------------------------------------------------------------------------------------

HOSTS = ("localhost", "LocalHost", "127.0.0.1", "[::1]")
FOREIGN_HOSTS = (
    "attacker.example",
    "localhost.attacker.example",
    "[::1].attacker.example",
    "127.0.0.1.nip.example",
    "",
)
PROXY_HEADERS = (
    "Forwarded",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Envoy-Attempt-Count",
    "X-Real-IP",
    "X-Whatever-A-Proxy-Adds",
)

FROM_ANOTHER_SITE: tuple[dict[str, str], ...] = (
    {"Origin": "https://attacker.example"},
    {"Origin": "null"},
    {"Referer": "https://attacker.example/"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)

CURL = {"User-Agent": "curl/8.5.0", "Accept": "*/*"}

BROWSER = {
    "Connection": "keep-alive",
    "Cache-Control": "max-age=0",
    "sec-ch-ua": '"Chromium";v="140"',
    "sec-ch-ua-mobile": "?0",
    "sec-ch-ua-platform": '"Linux"',
    "Upgrade-Insecure-Requests": "1",
    "User-Agent": "Mozilla/5.0",
    "Accept": "text/html",
    "Sec-Fetch-Site": "none",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-User": "?1",
    "Sec-Fetch-Dest": "document",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "en",
    "Cookie": "grafana_session=1",
    "Priority": "u=0, i",
    "DNT": "1",
    "Sec-GPC": "1",
}


@pytest.mark.parametrize(
    "headers", [CURL, BROWSER, {"Referer": "http://localhost:9376/"}], ids=["curl", "browser", "link"]
)
def test_what_curl_and_browsers_send_is_a_person_on_this_machine(
    open_receiver: Receiver, headers: dict[str, str]
) -> None:
    assert look(open_receiver, "/api/v1/events", headers)[0] == 200


def test_http_1_0_is_what_a_proxy_speaks(open_receiver: Receiver) -> None:
    with open_receiver.connect(show=True) as connection:
        connection.sendall(b"GET /api/v1/events HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert read_answer(connection).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("path", ["/", "/api/v1/events"])
@pytest.mark.parametrize("source", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("port", ["", ":9376"])
@pytest.mark.parametrize("host", HOSTS)
def test_a_person_on_this_machine_sees_events(
    open_receiver: Receiver, path: str, source: str, host: str, port: str
) -> None:
    """127.0.0.1 arrives at the dual-stack socket as ::ffff:127.0.0.1."""
    assert look(open_receiver, path, {"Host": host + port}, source=source)[0] == 200


@pytest.mark.parametrize("path", ["/", "/api/v1/events"])
@pytest.mark.parametrize(
    ("headers", "source"),
    [
        *(({"Host": host}, "127.0.0.1") for host in FOREIGN_HOSTS),
        *(({"Host": f"{host}:9376"}, "127.0.0.1") for host in FOREIGN_HOSTS),
        *(({name: "127.0.0.1"}, "127.0.0.1") for name in PROXY_HEADERS),
        *((headers, "127.0.0.1") for headers in FROM_ANOTHER_SITE),
        ({}, ELSEWHERE),
    ],
    ids=str,
)
def test_anybody_else_is_told_how_to_forward_a_port(
    open_receiver: Receiver, path: str, headers: dict[str, str], source: str
) -> None:
    status, answered, body = look(open_receiver, path, headers, source=source)
    assert status == 403
    assert "kubectl port-forward POD 9376" in json.loads(body)["error"]
    assert "access-control-allow-origin" not in answered


@pytest.mark.parametrize("hosts", [b"", b"Host: localhost\r\nHost: localhost\r\n", b"Host: localhost\r\nHost: a.b\r\n"])
def test_no_host_or_two_hosts_are_nobody_on_this_machine(open_receiver: Receiver, hosts: bytes) -> None:
    with open_receiver.connect(show=True) as connection:
        connection.sendall(b"GET /api/v1/events HTTP/1.1\r\n" + hosts + b"Connection: close\r\n\r\n")
        assert read_answer(connection).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize(
    ("peer", "local"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.1", False),
        ("127.0.0.2", False),
        ("10.0.0.1", False),
        ("", False),
        ("localhost", False),
    ],
)
def test_only_the_two_loopback_addresses_are_this_machine(peer: str, local: bool) -> None:
    assert is_local(peer, request(host=b"localhost")) is local


def test_credentials_that_nobody_asked_for_do_no_harm(open_receiver: Receiver) -> None:
    """A browser may send for localhost what another program there once asked it for."""
    assert look(open_receiver, "/api/v1/events", {"Authorization": basic("me", "x")})[0] == 200


def test_with_a_token_events_are_seen_from_anywhere(closed_receiver: Receiver) -> None:
    through_a_proxy = {"Host": "threatboard.example", "X-Forwarded-For": "203.0.113.7"}
    for header in RIGHT.values():
        headers = {**through_a_proxy, "Authorization": header}
        assert look(closed_receiver, "/api/v1/events", headers, source=ELSEWHERE)[0] == 200


def test_with_a_token_a_person_on_this_machine_needs_none(closed_receiver: Receiver) -> None:
    assert look(closed_receiver, "/api/v1/events")[0] == 200


@pytest.mark.parametrize("header", WRONG.values(), ids=WRONG)
def test_a_wrong_token_for_events_gets_401_and_a_challenge(closed_receiver: Receiver, header: str) -> None:
    headers = {"Authorization": header} if header else {}
    status, answered, body = look(closed_receiver, "/api/v1/events", headers, source=ELSEWHERE)
    assert status == 401
    assert "www-authenticate" in answered
    assert "metrics.auth" in json.loads(body)["error"]


def test_a_wrong_token_is_refused_on_this_machine_too(closed_receiver: Receiver) -> None:
    """Who presents a token wants to know whether it is right."""
    assert look(closed_receiver, "/api/v1/events", {"Authorization": "Bearer x"})[0] == 401


def test_metrics_are_open_unless_they_are_protected(closed_receiver: Receiver, protected_receiver: Receiver) -> None:
    assert look(closed_receiver, "/metrics", source=ELSEWHERE)[0] == 200
    assert look(protected_receiver, "/metrics", source=ELSEWHERE)[0] == 401
    assert look(protected_receiver, "/metrics")[0] == 401  # also on this machine
    for header in RIGHT.values():
        assert look(protected_receiver, "/metrics", {"Authorization": header})[0] == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_open_to_everybody_and_say_only_their_state(protected_receiver: Receiver, path: str) -> None:
    headers = {"Host": "attacker.example", "Via": "x", "Authorization": "Bearer wrong"}
    status, _, body = look(protected_receiver, path, headers, source=ELSEWHERE)
    assert (status, body) == (200, b"ok\n")


def test_the_token_is_in_no_log(closed_receiver: Receiver, protected_receiver: Receiver) -> None:
    """Last in this file: nothing above may have written it."""
    for running in (closed_receiver, protected_receiver):
        log = running.log.read_text()
        assert TOKEN not in log
        assert "Traceback" not in log
