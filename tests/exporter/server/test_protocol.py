"""The protocol without a network: when an idle connection ends, which heads are too large, what is read when."""

import gc
import itertools
import ssl
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from exporter.catalog import MAX_HEAD_BYTES
from exporter.server import protocol
from exporter.server.http import Answer, Stream
from exporter.server.lifecycle import IDLE_TIMEOUT, SEND_TIMEOUT
from tests.support.connection import FAULTY, HEAD_TIMEOUT, REQUEST, Application, Subject, Transport, give

IDLE = IDLE_TIMEOUT
LARGE = b"x-much: " + b"a" * MAX_HEAD_BYTES + b"\r\n"


@pytest.fixture
def connect() -> Iterator[Callable[[Application], Subject]]:
    with ExitStack() as stack:

        def make(application: Application) -> Subject:
            return stack.enter_context(closing(Subject(application)))

        yield make


Connect = Callable[[Application], Subject]


@pytest.fixture
def subject(connect: Connect) -> Subject:
    return connect(Application())


def test_a_connection_that_was_never_used_ends_after_the_time_for_a_head(subject: Subject) -> None:
    subject.loop.pass_time(HEAD_TIMEOUT - 1)
    assert not subject.transport.is_closing()
    subject.loop.pass_time(1)
    assert subject.transport.is_closing()


def test_each_request_begins_the_idle_time_anew(subject: Subject) -> None:
    subject.receive(REQUEST)
    subject.loop.pass_time(IDLE - 1)
    subject.receive(REQUEST)
    subject.loop.pass_time(IDLE - 1)
    assert not subject.transport.is_closing()
    subject.loop.pass_time(1)
    assert subject.transport.is_closing()


def test_a_thousand_requests_set_no_timer_each(subject: Subject) -> None:
    for _ in range(1000):
        subject.receive(REQUEST)
    assert subject.transport.written.count(b"204 No Content") == 1000
    subject.loop.pass_time(0)
    assert len(subject.loop.timers) == 1


def test_a_connection_is_not_idle_while_a_request_is_under_way(subject: Subject) -> None:
    subject.receive(REQUEST)
    subject.loop.pass_time(IDLE - 1)
    subject.receive(REQUEST[:-1])
    subject.loop.pass_time(2)
    assert not subject.transport.is_closing()
    subject.receive(REQUEST[-1:])
    assert subject.transport.written.count(b"HTTP/1.1 204") == 2
    subject.loop.pass_time(IDLE)
    assert subject.transport.is_closing()


@pytest.mark.parametrize("before", [b"", REQUEST], ids=["the first", "the second in one read"])
def test_a_head_that_comes_whole_is_measured(subject: Subject, before: bytes) -> None:
    subject.receive(before + REQUEST.replace(b"\r\n", b"\r\n" + LARGE, 1))
    assert subject.refused == ["head_too_large"]
    assert subject.transport.written.count(b"HTTP/1.1 204") == bool(before)
    assert b"HTTP/1.1 431" in subject.transport.written


def test_a_head_that_comes_in_pieces_and_asks_for_another_protocol_is_measured(subject: Subject) -> None:
    upgrade = b"upgrade: h2c\r\nconnection: upgrade\r\n"
    head = REQUEST.replace(b"\r\n", b"\r\n" + upgrade + LARGE, 1)
    subject.receive(head[: MAX_HEAD_BYTES - 100])
    subject.receive(head[MAX_HEAD_BYTES - 100 :])
    assert subject.refused == ["head_too_large"]


def test_a_large_body_in_the_same_read_makes_no_large_head(subject: Subject) -> None:
    body = b" " * (2 * MAX_HEAD_BYTES)
    subject.receive(b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
    assert subject.transport.written == b"HTTP/1.1 204 No Content\r\n\r\n"
    assert subject.refused == []


class Probed(Application):
    """Answers what anybody may ask."""

    def answer(self) -> Answer | Stream:
        return Answer(200, b"ok")


def test_who_only_asked_what_anybody_may_ask_is_not_kept_for_an_hour(connect: Connect) -> None:
    subject = connect(Probed())
    subject.receive(REQUEST)
    subject.loop.pass_time(HEAD_TIMEOUT)
    assert subject.transport.is_closing()


def test_a_fault_of_ours_is_told_in_json_and_the_connection_goes_on(
    subject: Subject, caplog: pytest.LogCaptureFixture
) -> None:
    subject.receive(REQUEST.replace(b"2", b"6").replace(b"{}", FAULTY))
    subject.receive(REQUEST)
    assert subject.transport.written.count(b"HTTP/1.1 500 ") == 1
    assert b'{"error":' in subject.transport.written
    assert subject.transport.written.endswith(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert subject.refused == ["internal"]
    assert "ZeroDivisionError" in caplog.text


def test_while_a_client_does_not_read_nothing_is_read_from_it(subject: Subject) -> None:
    subject.protocol.pause_writing()
    assert subject.transport.is_paused()
    subject.receive(REQUEST)
    assert subject.transport.written == b""
    subject.protocol.resume_writing()
    subject.loop.pass_time(0)
    assert subject.transport.written.count(b"HTTP/1.1 204 ") == 1
    assert not subject.transport.is_paused()


def test_a_client_that_does_not_read_its_answers_in_time_is_cut(subject: Subject) -> None:
    subject.receive(REQUEST)
    subject.protocol.pause_writing()
    subject.loop.pass_time(SEND_TIMEOUT - 1)
    assert not subject.transport.is_closing()
    subject.loop.pass_time(1)
    assert subject.transport.is_closing()
    assert subject.refused == ["unread_answer"]


class Paged(Application):
    """Answers with a page without an end."""

    def answer(self) -> Answer | Stream:
        return Stream((), itertools.repeat(b"x"), lambda: None)


@pytest.mark.parametrize(
    "end",
    [
        lambda one: one.receive(REQUEST.replace(b"\r\n", b"\r\nconnection: close\r\n", 1)),
        lambda one: one.loop.pass_time(HEAD_TIMEOUT),
        lambda one: (one.receive(b"?\r\n\r\n"), one.loop.pass_time(HEAD_TIMEOUT)),
        lambda one: one.protocol.finish(),
        lambda one: (one.protocol.eof_received(), one.transport.close()),
    ],
    ids=["its last request", "idle", "refused", "drained", "the client's end"],
)
@pytest.mark.parametrize("resumes", [False, True], ids=["", "and reads a part"])
def test_a_connection_that_ends_does_not_wait_for_ever_for_its_client_to_read(
    subject: Subject, end: Callable[[Subject], object], resumes: bool
) -> None:
    """A transport closes once all is written, however little that is; this one never gets rid of it."""
    end(subject)
    assert subject.transport.is_closing()
    if resumes:
        subject.protocol.pause_writing()
        subject.protocol.resume_writing()
    subject.loop.pass_time(SEND_TIMEOUT - 1)
    assert "unread_answer" not in subject.refused
    subject.loop.pass_time(1)
    assert subject.refused[-1] == "unread_answer"
    assert subject.protocol.peer.closed


def test_while_a_page_is_sent_nothing_is_read_and_a_reader_that_stands_still_stops_it(connect: Connect) -> None:
    subject = connect(Paged())
    subject.receive(REQUEST)
    assert subject.transport.is_paused()
    subject.protocol.pause_writing()
    subject.loop.pass_time(0)
    written = len(subject.transport.written)
    subject.loop.pass_time(1)
    assert len(subject.transport.written) == written
    subject.loop.pass_time(SEND_TIMEOUT)
    assert subject.transport.is_closing()
    assert subject.refused == ["unread_answer"]


def test_a_turn_ends_and_the_rest_waits_unread(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[protocol.HttpProtocol] = []
    monkeypatch.setattr(protocol, "TURN", 0.0)
    monkeypatch.setattr(subject.listener.turns, "add", waiting.append)
    count = 1000
    buffer = subject.protocol.get_buffer(-1)
    data = b"".join(itertools.repeat(REQUEST, count))
    buffer[: len(data)] = data
    subject.protocol.buffer_updated(len(data))
    answered = subject.transport.written.count(b"HTTP/1.1 204 ")
    assert 0 < answered < count
    assert waiting == [subject.protocol]
    assert subject.transport.is_paused()
    while waiting:
        waiting.pop().go_on()
    assert subject.transport.written.count(b"HTTP/1.1 204 ") == count
    assert not subject.transport.is_paused()


TRAILED = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"


def _lines() -> Iterator[bytes]:
    return itertools.repeat(b"x: y\r\n", 20_000)


@pytest.mark.parametrize(
    "data",
    [
        TRAILED + b"x: " + b"y" * 100_000,
        TRAILED + b"".join(_lines()),
        TRAILED[:-3] + b"5;" + b"x" * 100_000,
        b"POST / HTTP/1.1\r\n" + b"".join(_lines()),
    ],
    ids=["one trailer", "many trailers", "a chunk extension", "many headers"],
)
def test_head_and_trailers_have_one_limit(subject: Subject, data: bytes) -> None:
    subject.receive(data)
    assert subject.refused == ["head_too_large"]
    assert b"HTTP/1.1 431 " in subject.transport.written


def test_many_small_chunks_are_no_large_trailer(subject: Subject) -> None:
    subject.receive(TRAILED[:-3] + b"1\r\n \r\n" * 50_000 + b"0\r\n\r\n")
    assert subject.transport.written == b"HTTP/1.1 204 No Content\r\n\r\n"


def test_what_is_under_way_is_counted_and_given_back(subject: Subject) -> None:
    inflight = subject.listener.inflight
    subject.receive(REQUEST.replace(b": 2", b": 100000").replace(b"{}", b"x" * 50_000))
    assert inflight.used >= 50_000
    subject.protocol.connection_lost(None)
    assert inflight.used == 0
    assert subject.refused == ["truncated"]


def test_past_max_inflight_a_large_body_is_not_read_on_until_there_is_room(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    inflight = subject.listener.inflight
    inflight.change(0, inflight.limit)
    subject.receive(REQUEST)
    assert subject.transport.written.count(b"HTTP/1.1 204 ") == 1  # what is small gets in
    subject.receive(REQUEST.replace(b": 2", b": 100000").replace(b"{}", b"x" * 50_000))
    assert subject.transport.is_paused()
    subject.loop.pass_time(HEAD_TIMEOUT * 2)
    assert subject.refused == []  # it is not the client who is slow
    monkeypatch.setattr(subject.listener.turns, "add", lambda holder: holder.go_on())
    inflight.change(inflight.limit, 0)
    assert not subject.transport.is_paused()
    subject.receive(b"x" * 50_000)
    assert subject.transport.written.count(b"HTTP/1.1 204 ") == 2
    assert inflight.used == 0


def test_what_comes_after_a_refusal_is_dropped_a_read_a_turn(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two thousand clients that went on for ever took all of the processor."""
    waiting: list[object] = []
    monkeypatch.setattr(subject.listener.turns, "add", waiting.append)
    subject.receive(b"POST / HTTP/1.1\r\n" + LARGE)
    for _ in range(40):
        if waiting:
            waiting.clear()
            subject.protocol.go_on()
    assert subject.transport.written.startswith(b"HTTP/1.1 431 ")
    subject.receive(b"y" * 100)
    assert subject.transport.paused
    assert waiting == [subject.protocol]
    subject.protocol.go_on()
    assert not subject.transport.paused


ENDED = 10


@pytest.mark.parametrize("by", ["size", "time"])
def test_who_had_the_last_answer_takes_no_memory_for_what_it_sent(subject: Subject, by: str) -> None:
    head = b"POST / HTTP/1.1\r\nx: " + b"y" * (MAX_HEAD_BYTES + 100 if by == "size" else MAX_HEAD_BYTES - 1000)
    transports = [Transport() for _ in range(ENDED)]
    tracemalloc.start()
    try:
        protocols = [subject.connect(transport) for transport in transports]
        for protocol in protocols:
            give(protocol, head)
        if by == "time":
            subject.loop.pass_time(HEAD_TIMEOUT)
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert all(transport.written.startswith((b"HTTP/1.1 431", b"HTTP/1.1 408")) for transport in transports)
    assert held < ENDED * MAX_HEAD_BYTES / 4


def test_a_fault_of_tls_after_the_last_answer_is_no_second_refusal(subject: Subject) -> None:
    subject.receive(b"POST / HTTP/1.1\r\nx: " + b"y" * (MAX_HEAD_BYTES + 100))
    assert subject.refused == ["head_too_large"]
    subject.protocol.tls_failed(ssl.SSLError())
    assert subject.refused == ["head_too_large"]
