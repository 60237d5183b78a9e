"""Requests of one round of the event loop are answered in a row, and none of them is worse off for it."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace

import pytest

from exporter.config import IntakeSettings
from exporter.server.http import Answer, Asked, Stream
from exporter.server.protocol import HttpProtocol
from exporter.server.rounds import MAX_BODY, MAX_BYTES, MAX_REQUESTS
from tests.support.connection import ECHOED, FAULTY, REQUEST, Application, Subject, Transport, give

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
LAST = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"


def sending(body: bytes) -> bytes:
    return REQUEST.replace(b": 2", b": %d" % len(body)).replace(b"{}", body)


class Noted(Application):
    """Notes how many requests came together."""

    def __init__(self) -> None:
        super().__init__()
        self.rounds: list[int] = []

    def answers(self, asked: Sequence[Asked]) -> Sequence[Answer | Stream]:
        self.rounds.append(len(asked))
        return super().answers(asked)


class Crowd:
    """Connections of a listener that knows the head of what they send."""

    def __init__(self, count: int) -> None:
        self.application = Noted()
        self.subject = Subject(self.application)
        self.subject.receive(REQUEST)
        self.application.rounds.clear()
        self.transports = [Transport() for _ in range(count)]
        self.protocols = [self.subject.connect(transport) for transport in self.transports]

    def send(self, number: int = 0, data: bytes = REQUEST) -> None:
        give(self.protocols[number], data)

    def end_round(self) -> None:
        self.subject.loop.pass_time(0)

    def close(self) -> None:
        self.subject.close()

    @property
    def written(self) -> list[bytes]:
        return [transport.written for transport in self.transports]


def test_what_comes_together_is_answered_together() -> None:
    with closing(Crowd(5)) as crowd:
        for number in range(5):
            crowd.send(number)
        assert crowd.written == [b""] * 5
        crowd.end_round()
        assert crowd.written == [OK] * 5
        assert crowd.application.rounds == [5]


def test_each_has_the_answer_to_its_own_request() -> None:
    with closing(Crowd(9)) as crowd:
        for number in (3, 8, 0, 1, 7, 2, 6, 5, 4):
            crowd.send(number, sending(ECHOED + b"%d" % number))
        crowd.end_round()
        assert [written.partition(b"\r\n\r\n")[2] for written in crowd.written] == [
            ECHOED + b"%d" % number for number in range(9)
        ]


def test_a_round_has_a_bound_in_bytes_too() -> None:
    count = MAX_BYTES // MAX_BODY
    with closing(Crowd(count + 1)) as crowd:
        for number in range(count + 1):
            crowd.send(number, sending(b"x" * MAX_BODY))
        assert crowd.application.rounds == [count]
        crowd.end_round()
        assert crowd.application.rounds == [count, 1]


def test_what_would_come_late_does_not_wait() -> None:
    """A page that is being sent has its turn in the next round of the loop too, and may come first."""
    with closing(Crowd(2)) as crowd:
        crowd.subject.listener.turns.long_answers += 1
        crowd.send(0)
        assert crowd.written == [OK, b""]
        crowd.subject.listener.turns.long_answers -= 1
        crowd.send(1)
        assert crowd.written == [OK, b""]
        crowd.end_round()
        assert crowd.written == [OK, OK]


def test_a_head_that_is_known_is_screened_all_the_same() -> None:
    with closing(Crowd(1)) as crowd:
        crowd.application.refuses = True
        crowd.send()
        crowd.end_round()
        assert crowd.written[0].startswith(b"HTTP/1.1 401 ")
        assert crowd.application.rounds == []
        assert crowd.subject.refused == ["unauthorized"]


def test_a_bound_below_that_of_a_round_holds() -> None:
    with closing(Crowd(1)) as crowd:
        limits = crowd.subject.listener.limits
        assert isinstance(limits, IntakeSettings)
        crowd.subject.listener.limits = replace(limits, max_body=10)
        crowd.send(data=sending(b"x" * 11))
        crowd.end_round()
        assert crowd.written[0].startswith(b"HTTP/1.1 413 ")


def test_what_looks_like_a_request_in_the_middle_of_a_body_is_none() -> None:
    with closing(Crowd(1)) as crowd:
        inner = sending(ECHOED)
        crowd.send(data=b"POST / HTTP/1.1\r\nx: y\r\ncontent-length: %d\r\n\r\n" % len(inner))
        crowd.send(data=inner)
        crowd.end_round()
        assert crowd.written == [OK]
        assert crowd.application.rounds == [1]


def test_who_does_not_read_waits_for_no_round() -> None:
    with closing(Crowd(1)) as crowd:
        crowd.protocols[0].pause_writing()
        crowd.send()
        crowd.end_round()
        assert crowd.application.rounds == []
        crowd.protocols[0].resume_writing()
        crowd.end_round()
        assert crowd.written == [OK]


def test_a_request_is_not_joined_to_what_was_not_looked_at() -> None:
    with closing(Crowd(1)) as crowd:
        crowd.protocols[0].pause_writing()
        crowd.send(data=sending(ECHOED + b"1"))
        crowd.send(data=sending(ECHOED + b"2"))
        crowd.protocols[0].resume_writing()
        crowd.end_round()
        assert crowd.written[0].index(ECHOED + b"1") < crowd.written[0].index(ECHOED + b"2")


def test_a_connection_that_cannot_be_written_to_takes_no_others_along(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_data: bytes) -> None:
        raise RuntimeError("no more")

    with closing(Crowd(3)) as crowd:
        monkeypatch.setattr(crowd.transports[0], "write", fail)
        for number in range(3):
            crowd.send(number)
        crowd.end_round()
        assert crowd.written == [b"", OK, OK]
        assert crowd.protocols[0].peer.closed
        assert not crowd.protocols[1].answering
        assert "no more" in caplog.text


def test_a_round_has_a_bound() -> None:
    with closing(Crowd(MAX_REQUESTS + 1)) as crowd:
        for number in range(MAX_REQUESTS + 1):
            crowd.send(number)
        assert crowd.application.rounds == [MAX_REQUESTS]
        crowd.end_round()
        assert crowd.application.rounds == [MAX_REQUESTS, 1]
        assert crowd.written == [OK] * (MAX_REQUESTS + 1)


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY + 1, b" 204 "), (2 << 20, b" 413 ")])
def test_a_large_body_waits_for_no_others(size: int, status: bytes) -> None:
    with closing(Crowd(1)) as crowd:
        crowd.send(data=sending(b"x" * size))
        assert status in crowd.written[0]


def test_a_second_request_in_a_round_is_answered_after_the_first() -> None:
    with closing(Crowd(1)) as crowd:
        crowd.send()
        crowd.send(data=REQUEST + REQUEST[:9])  # as from the next record of TLS
        assert crowd.transports[0].is_paused()
        crowd.end_round()
        crowd.send(data=REQUEST[9:])
        crowd.end_round()
        assert crowd.written == [3 * OK]
        assert not crowd.transports[0].is_paused()


def test_who_closes_its_side_right_after_the_request_gets_its_answer() -> None:
    with closing(Crowd(1)) as crowd:
        crowd.send()
        crowd.protocols[0].eof_received()
        assert crowd.written == [OK]


def leave(protocol: HttpProtocol) -> None:
    protocol.connection_lost(None)


def drain(protocol: HttpProtocol) -> None:
    protocol.finish()


@pytest.mark.parametrize(("happens", "written"), [(leave, b""), (drain, LAST)])
def test_whatever_happens_to_a_connection_its_request_counts(
    happens: Callable[[HttpProtocol], None], written: bytes
) -> None:
    with closing(Crowd(2)) as crowd:
        crowd.send(0)
        crowd.send(1)
        happens(crowd.protocols[0])
        crowd.end_round()
        assert crowd.application.rounds == [2]
        assert crowd.written == [written, OK]


def test_a_connection_whose_request_waits_for_its_round_is_not_idle() -> None:
    with closing(Crowd(1)) as crowd:
        crowd.send()
        assert crowd.protocols[0].answering
        crowd.end_round()
        assert not crowd.protocols[0].answering


def test_a_fault_is_told_to_each_and_no_connection_ends(caplog: pytest.LogCaptureFixture) -> None:
    with closing(Crowd(2)) as crowd:
        crowd.send(0, sending(FAULTY))
        crowd.send(1)
        crowd.end_round()
        assert all(written.startswith(b"HTTP/1.1 500 ") for written in crowd.written)
        assert crowd.subject.refused == ["internal"] * 2
        assert "ZeroDivisionError" in caplog.text
        crowd.send(1)
        crowd.end_round()
        assert crowd.written[1].endswith(OK)
