"""The acts are done on real sockets and a real file system, and what proves nothing is never called a denial."""

import os
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from itertools import repeat
from pathlib import Path

import pytest
import trustme

from exporter.config.credentials import Secret
from exporter.config.kinds import Address
from exporter.drill import acts, request
from exporter.drill.mark import read
from tests.support.answering import Answering
from tests.support.drill import KEY
from tests.support.inotify import watched

SECRET = Secret(KEY)


def mark_of(text: str, control: str) -> float:
    """When the act of this mark was done; it is a valid one."""
    mark = read(SECRET, text, time.time())
    assert mark is not None
    assert mark.control == control
    return mark.at


# Falco -------------------------------------------------------------------------------------------------------


def test_a_link_called_as_the_mark_is_made_and_removed(tmp_path: Path) -> None:
    with watched(tmp_path) as folder:
        act = acts.ids(SECRET, lambda: str(tmp_path), time)
        (came, name), (went, same) = folder.happened()
    assert (came, went, same) == ("created", "removed", name)
    assert (act.good, act.stopped) == (True, None)
    assert act.at == mark_of(name, "ids")
    assert list(tmp_path.iterdir()) == []


def test_the_link_leads_to_a_file_of_falcos_rule_and_is_told_where_it_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "unlink", refuse)
    act = acts.ids(SECRET, lambda: str(tmp_path), time)
    [link] = tmp_path.iterdir()
    assert link.readlink() == Path("/etc/shadow")
    assert not act.good
    assert act.at == mark_of(link.name, "ids")  # Falco has seen it
    assert f"{link} could not be removed" in act.said


def test_a_folder_that_takes_no_link_is_told_and_is_no_act(tmp_path: Path) -> None:
    act = acts.ids(SECRET, lambda: str(tmp_path / "missing"), time)
    assert (act.good, act.at) == (False, None)
    assert "No such file or directory" in act.said
    assert "TMPDIR" in act.said


# Network policy ----------------------------------------------------------------------------------------------


@pytest.fixture
def open_port() -> Iterator[Address]:
    """Somebody listens here."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Address("127.0.0.1", listener.getsockname()[1])


@pytest.fixture
def dropping_port() -> Iterator[Address]:
    """What comes here is dropped without a word, as by a policy: the kernel's queue of connections is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, socket.socket() as first:
        first.connect(listener.getsockname())
        yield Address("127.0.0.1", listener.getsockname()[1])


@pytest.fixture
def closed_port() -> Address:
    """Nobody listens here."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return Address("127.0.0.1", listener.getsockname()[1])


def test_what_is_dropped_was_denied(open_port: Address, dropping_port: Address) -> None:
    began = time.time()
    act = acts.network(open_port, dropping_port, time)
    assert (act.good, act.stopped) == (True, True)
    assert act.at is not None
    assert began - 0.001 <= act.at < began + 1
    assert time.time() - began < 2 * acts.CONNECTS_WITHIN


def test_what_is_reached_was_let_through(open_port: Address) -> None:
    act = acts.network(open_port, open_port, time)
    assert (act.good, act.stopped) == (False, False)
    assert act.at is not None
    assert "denied nothing" in act.said


@pytest.mark.parametrize("allowed", ["closed", "dropping", "unknown"])
def test_a_denial_proves_nothing_where_nothing_can_be_reached(
    allowed: str, closed_port: Address, dropping_port: Address
) -> None:
    where = {"closed": closed_port, "dropping": dropping_port, "unknown": Address("nowhere.invalid", 80)}[allowed]
    act = acts.network(where, dropping_port, time)
    assert (act.good, act.at, act.stopped) == (False, None, None)
    assert "prove nothing" in act.said


@pytest.mark.parametrize("name", ["", "nowhere.invalid", "a..b", "x" * 70])
def test_what_is_refused_or_unknown_was_not_denied(name: str, open_port: Address, closed_port: Address) -> None:
    act = acts.network(open_port, Address(name, 80) if name else closed_port, time)
    assert (act.good, act.at, act.stopped) == (False, None, None)
    assert "proves nothing" in act.said


# WAF ---------------------------------------------------------------------------------------------------------


def answer(status: int) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: 2\r\nLocation: /elsewhere\r\n\r\nok" % status


@pytest.mark.parametrize("path", ["", "/", "/shop", "/shop/"])
def test_the_request_attacks_a_page_called_as_the_mark(path: str) -> None:
    with Answering(answer(403)) as server:
        act = acts.waf(SECRET, f"http://127.0.0.1:{server.port}{path}", True, time)
    assert (act.good, act.stopped) == (True, True)
    [asked] = server.asked
    line, *headers = asked.decode().split("\r\n")
    method, target, _ = line.split(" ")
    where, _, query = target.partition("?")
    assert (method, query) == ("GET", "q=%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert where.rpartition("/")[0] == path.rstrip("/")
    assert act.at == mark_of(where, "waf")
    assert f"Host: 127.0.0.1:{server.port}" in headers


VERDICTS = {
    **dict.fromkeys((403, 406), True),
    **dict.fromkeys((200, 204, 404, 405, 410), False),
    **dict.fromkeys((301, 302, 307, 400, 401, 407, 418, 429, 451, 500, 501, 502, 503, 504, 999), None),
}


@pytest.mark.parametrize(("status", "stopped"), VERDICTS.items())
@pytest.mark.parametrize("blocking", [True, False])
def test_an_answer_is_a_refusal_a_page_or_proves_nothing(status: int, stopped: bool | None, blocking: bool) -> None:
    with Answering(answer(status)) as server:
        act = acts.waf(SECRET, f"http://127.0.0.1:{server.port}/", blocking, time)
    assert len(server.asked) == 1, "a redirect is not followed"
    assert act.stopped is stopped
    assert act.good is (stopped is True or (stopped is False and not blocking))
    assert (act.at is None) is (stopped is None)
    assert str(status) in act.said
    assert ("proves nothing" in act.said) is (stopped is None)


NO_ANSWERS: dict[str, bytes | Iterable[bytes]] = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "no end": repeat(b"x" * 65536),
    "a byte at a time": repeat(b"H"),
}


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_an_answer_that_is_none_ends_soon_and_proves_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "ANSWERS_WITHIN", 0.5)
    began = time.monotonic()
    with Answering(NO_ANSWERS[name], pause=0.05) as server:
        act = acts.waf(SECRET, f"http://127.0.0.1:{server.port}/", True, time)
        assert time.monotonic() - began < 5
    assert (act.good, act.at, act.stopped) == (False, None, None)
    assert "proves nothing" in act.said


def test_of_an_answer_only_its_status_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers that never end do not keep the drill, and a body is not read."""
    monkeypatch.setattr(request, "ANSWERS_WITHIN", 0.5)
    began = time.monotonic()
    for pieces in (repeat(b"X-Y: z\r\n"), repeat(b"\r\n" + b"x" * 65536)):
        sent = iter([b"HTTP/1.1 403 Forbidden\r\n"])
        with Answering((next(sent, b"") or piece for piece in pieces), pause=0.02) as server:
            act = acts.waf(SECRET, f"http://127.0.0.1:{server.port}/", True, time)
        assert act.stopped is True
    assert time.monotonic() - began < 10


def test_nobody_there_and_silence_prove_nothing(
    closed_port: Address, dropping_port: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request, "ANSWERS_WITHIN", 0.3)
    where = (f"http://{closed_port}/", f"http://{dropping_port}/", "http://nowhere.invalid/", f"http://{'x' * 70}/")
    said = ("nobody listens", "nothing came within", "name is not known", "name is not known")
    for url, words in zip(where, said, strict=True):
        act = acts.waf(SECRET, url, True, time)
        assert (act.good, act.at) == (False, None)
        assert words in act.said


def test_a_certificate_must_be_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with Answering(answer(403), context=context) as server:
        act = acts.waf(SECRET, f"https://localhost:{server.port}/", True, time)
        assert (act.good, act.at) == (False, None)
        assert "SSL_CERT_FILE" in act.said
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert acts.waf(SECRET, f"https://localhost:{server.port}/", True, time).stopped is True


def test_plain_http_where_tls_was_wanted_is_told() -> None:
    with Answering(answer(403)) as server:
        act = acts.waf(SECRET, f"https://127.0.0.1:{server.port}/", True, time)
    assert (act.good, act.at) == (False, None)
    assert "http there" in act.said
