"""What the intake does with bytes that no well-behaved client sends."""

import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.receiver import PATIENCE, Receiver, alert, read_answer, receiver

HEAD_TIMEOUT = 1.0

BODY = json.dumps(alert()).encode()


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    limits = {"head_timeout": "1s", "body_timeout": "1s", "max_body": "64KiB", "max_connections": 40}
    with receiver(tmp_path_factory.mktemp("raw"), intake=limits, events={"log": False}) as running:
        yield running


def post(body: bytes = BODY, *lines: bytes, version: bytes = b"1.1", path: bytes = b"/falco") -> bytes:
    head = [b"POST " + path + b" HTTP/" + version, b"Host: x", b"Content-Length: %d" % len(body), *lines]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def exchange(subject: Receiver, data: bytes, *, show: bool = False) -> bytes:
    """Sends bytes and reads until the other side closes."""
    with subject.connect(show=show) as connection:
        connection.sendall(data)
        return read_answer(connection)


def accepted(subject: Receiver) -> float:
    return subject.value("threat_events_accepted_total", control="ids")


def rejected(subject: Receiver, reason: str) -> float:
    return subject.value("threat_events_rejected_total", reason=reason)


@pytest.mark.parametrize("show", [False, True], ids=["intake", "show"])
def test_half_a_head_for_ever_is_answered_and_closed(subject: Receiver, show: bool) -> None:
    before = rejected(subject, "timeout")
    start = time.monotonic()
    answer = exchange(subject, b"POST /falco HTTP/1.1\r\nHost: x\r\nContent-", show=show)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert "longer than 1s" in json.loads(answer.split(b"\r\n\r\n")[1])["error"]
    assert time.monotonic() - start >= HEAD_TIMEOUT
    assert rejected(subject, "timeout") == before + 1


def test_a_head_that_drips_does_not_get_more_time(subject: Receiver) -> None:
    with subject.connect() as connection:
        connection.settimeout(0.2)
        start = time.monotonic()
        answer = b""
        connection.sendall(b"POST /falco HTTP/1.1\r\n")
        while not answer and time.monotonic() - start < PATIENCE:
            connection.sendall(b"X-Drip: 1\r\n")
            try:
                answer = connection.recv(65536)
            except TimeoutError:
                continue

    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("show", [False, True], ids=["intake", "show"])
def test_a_head_of_a_mebibyte_is_refused(subject: Receiver, show: bool) -> None:
    before = rejected(subject, "head_too_large")
    answer = exchange(subject, b"POST /falco HTTP/1.1\r\nX-Large: " + b"x" * (1 << 20), show=show)

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b'{"error":' in answer
    assert rejected(subject, "head_too_large") == before + 1


def test_a_large_head_that_comes_in_one_piece_is_refused_too(subject: Receiver) -> None:
    assert exchange(subject, post(BODY, b"X-Large: " + b"x" * 40_000)).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "garbage", [b"\x00\x01\x02\x03", b"hello\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"]
)
def test_garbage_gets_json(subject: Receiver, garbage: bytes) -> None:
    before = rejected(subject, "malformed_http")
    answer = exchange(subject, garbage)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/json" in answer
    assert json.loads(answer.split(b"\r\n\r\n")[1])["error"]
    assert rejected(subject, "malformed_http") == before + 1


def test_expect_100_continue_is_answered_before_the_body(subject: Receiver) -> None:
    """Falco's libcurl sends it with bodies over 1 MB, and waits a second for the answer."""
    before = accepted(subject)
    head, body = post(BODY, b"Expect: 100-continue", b"Connection: close").split(b"\r\n\r\n")
    with subject.connect() as connection:
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert read_answer(connection).startswith(b"HTTP/1.1 204 ")
    assert accepted(subject) == before + 1


def test_expect_100_continue_for_a_body_that_is_too_large_is_refused_at_once(subject: Receiver) -> None:
    head = b"POST /falco HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n"
    assert exchange(subject, head).startswith(b"HTTP/1.1 413 ")


def test_chunked_bodies_are_taken(subject: Receiver) -> None:
    before = accepted(subject)
    head = b"POST /falco HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    pieces = [BODY[:7], BODY[7:100], BODY[100:]]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"

    assert exchange(subject, head + chunks).startswith(b"HTTP/1.1 204 ")
    assert accepted(subject) == before + 1


def test_a_chunked_body_past_the_limit_is_refused_while_it_comes(subject: Receiver) -> None:
    head = b"POST /falco HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"%x\r\n%s\r\n" % (50_000, b"x" * 50_000)

    assert exchange(subject, head + 3 * chunk).startswith(b"HTTP/1.1 413 ")


def test_a_body_of_ten_mebibytes_is_refused_and_the_answer_can_be_read(subject: Receiver) -> None:
    before = rejected(subject, "too_large")
    status, answer = subject.post(b"x" * (10 << 20))

    assert status == 413
    assert "intake.max_body" in answer["error"]
    assert rejected(subject, "too_large") == before + 1


def test_pipelined_requests_are_answered_in_order_on_one_connection(subject: Receiver) -> None:
    before = accepted(subject)
    bad = post(b"not json")
    answer = exchange(subject, post() + bad + post() + post(BODY, b"Connection: close"))

    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"204", b"400", b"204", b"204"]
    assert accepted(subject) == before + 3


def test_a_large_request_between_small_ones_is_answered_in_its_turn(subject: Receiver) -> None:
    before = accepted(subject)
    large = post(b"[" + b",".join([BODY] * 60) + b"," + b"{}" + b"]")
    answer = exchange(subject, post() + large + post(b"not json") + large + post(BODY, b"Connection: close"))

    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"204", b"200", b"400", b"200", b"204"]
    assert accepted(subject) == before + 122


def test_one_connection_takes_many_requests_one_after_the_other(subject: Receiver) -> None:
    with subject.connect() as connection:
        for _ in range(5):
            connection.sendall(post())
            assert connection.recv(65536) == b"HTTP/1.1 204 No Content\r\n\r\n"


def test_bytes_that_come_one_by_one_are_a_request_all_the_same(subject: Receiver) -> None:
    before = accepted(subject)
    with subject.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in post(BODY, b"Connection: close"):
            connection.sendall(bytes([byte]))
        assert read_answer(connection).startswith(b"HTTP/1.1 204 ")
    assert accepted(subject) == before + 1


def test_half_a_body_for_ever_is_answered_and_counted(subject: Receiver) -> None:
    before = subject.value("threat_events_rejected_total", reason="timeout", control="ids")
    answer = exchange(subject, post()[:-10])

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert subject.value("threat_events_rejected_total", reason="timeout", control="ids") == before + 1


def test_half_a_body_and_a_closed_connection_are_counted(subject: Receiver) -> None:
    before = rejected(subject, "truncated")
    with subject.connect() as connection:
        connection.sendall(post()[:-10])
    deadline = time.monotonic() + 5
    while rejected(subject, "truncated") == before and time.monotonic() < deadline:
        time.sleep(0.02)

    assert rejected(subject, "truncated") == before + 1


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_another_method_is_refused_and_told_which(subject: Receiver, method: str) -> None:
    status, headers, body = subject.request(method, "/falco")

    assert (status, headers["allow"]) == (405, "POST")
    assert "POST" in json.loads(body)["error"]


@pytest.mark.parametrize("path", ["/falco/", "/Falco", "//falco", "/waf2", "/../falco", "/%66alco"])
def test_another_path_is_not_found_and_never_redirected(subject: Receiver, path: str) -> None:
    """Falco does not follow redirects, and takes a 404 for success as well: so it is counted."""
    before = subject.value("threat_events_rejected_total", control="unknown", reason="not_found")
    status, headers, body = subject.request("POST", path, BODY)

    assert status == 404
    assert "location" not in headers
    assert "/falco" in json.loads(body)["error"]
    assert subject.value("threat_events_rejected_total", control="unknown", reason="not_found") == before + 1


@pytest.mark.parametrize("path", ["/falco?token=x&a=b", "/falco?", "/", "/?x"])
def test_query_strings_are_let_be(subject: Receiver, path: str) -> None:
    assert subject.post(BODY, path) == (204, None)


def test_http_1_0_is_answered_and_closed(subject: Receiver) -> None:
    assert exchange(subject, post(version=b"1.0")) == b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"


def test_an_upgrade_is_answered_as_plain_http(subject: Receiver) -> None:
    """Some HTTP clients ask for HTTP/2 with every request."""
    before = accepted(subject)
    upgrading = post(BODY, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c")
    with subject.connect() as connection:
        for _ in range(2):
            connection.sendall(upgrading)
            assert connection.recv(65536) == b"HTTP/1.1 204 No Content\r\n\r\n"

    assert accepted(subject) == before + 2


def test_a_read_full_of_upgrades_is_answered_one_by_one(subject: Receiver) -> None:
    before = accepted(subject)
    upgrading = post(b"{}", b"Connection: Upgrade", b"Upgrade: h2c")
    answer = exchange(subject, upgrading * 1500 + post(BODY, b"Connection: close"))

    assert answer.count(b"HTTP/1.1 400 ") == 1500
    assert accepted(subject) == before + 1


def test_connect_and_a_bare_star_do_no_harm(subject: Receiver) -> None:
    assert exchange(subject, b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 405 ")
    assert exchange(subject, b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 404 ")


def test_a_forged_x_forwarded_for_changes_nothing(subject: Receiver) -> None:
    assert subject.get("/api/v1/events")[0] == 200
    assert subject.get("/api/v1/events", {"X-Forwarded-For": "127.0.0.1"})[0] == 403


def test_one_address_holds_half_of_the_places_and_its_oldest_connection_goes_first(subject: Receiver) -> None:
    before = rejected(subject, "evicted")
    idle = [subject.connect() for _ in range(40)]
    try:
        for one in idle[:20]:
            assert one.recv(1) == b""
        assert rejected(subject, "evicted") >= before + 20
        assert subject.post(BODY) == (204, None)
    finally:
        for connection in idle:
            connection.close()


def test_a_client_that_reads_no_answers_is_not_read_from_for_ever(subject: Receiver) -> None:
    """Its answers would pile up in memory."""
    with subject.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(1)
        requests = post(b"not json") * 400_000
        with pytest.raises(TimeoutError):
            connection.sendall(requests)
    assert subject.post(BODY) == (204, None)


def test_the_receiver_still_runs_and_says_nothing_of_a_fault(subject: Receiver, tmp_path: Path) -> None:
    """Last in this file: nothing above may have left a traceback."""
    assert subject.post(BODY) == (204, None)
    assert "Traceback" not in subject.log.read_text()
    assert rejected(subject, "internal") == 0
