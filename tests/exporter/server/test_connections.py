"""Who goes when there are too many connections, and which pages when there are too many of them."""

import pytest

from exporter.server.budget import Turns
from exporter.server.connections import MAX_HANDSHAKES, Connections, network
from exporter.server.streams import MAX_STREAMS, Streams


class Member:
    """A connection that was last used at some time."""

    def __init__(self, group: Connections, address: str, last_used: float = 0.0) -> None:
        self.group, self.address, self.last_used = group, address, last_used
        self.answering = self.gone = False

    def evict(self) -> None:
        self.gone = True
        self.group.leave(self, self.address)


def admit(group: Connections, address: str, limit: int, last_used: float = 0.0) -> Member | None:
    member = Member(group, address, last_used)
    return member if group.admit(member, address, limit) else None


def test_the_longest_idle_goes_and_who_was_welcome_last() -> None:
    group = Connections()
    members = [admit(group, f"10.0.0.{number}", 4, number) for number in range(4)]
    assert None not in members
    group.welcome(members[0], "10.0.0.0")  # type: ignore[arg-type]
    members[1].last_used = 9.0  # type: ignore[union-attr]

    gone = []
    for number in range(4, 8):
        assert admit(group, f"10.0.0.{number}", 4, 10 + number) is not None
        gone.append([index for index, member in enumerate(members) if member and member.gone])
    assert gone == [[2], [2, 3], [1, 2, 3], [1, 2, 3]]  # then the first newcomer
    assert len(group) == 4


def test_no_address_holds_more_than_half_of_the_places() -> None:
    group = Connections()
    first = admit(group, "10.0.0.1", 10)
    others = [admit(group, "10.0.0.1", 10, 1.0) for _ in range(5)]
    assert first is not None
    assert first.gone
    assert len(group) == 5
    assert admit(group, "10.0.0.2", 10) is not None
    assert [member for member in others if member and member.gone] == []


def test_an_ipv6_network_is_one_address() -> None:
    assert network("2001:db8::1") == network("2001:db8::ffff:1") != network("2001:db8:0:1::1")
    assert network("::ffff:10.0.0.1") != network("::ffff:10.0.0.2")


def test_where_every_connection_is_being_answered_a_new_one_finds_no_place() -> None:
    group = Connections()
    for number in range(2):
        member = admit(group, f"10.0.0.{number}", 2)
        assert member is not None
        member.answering = True
    assert admit(group, "10.0.0.9", 2) is None
    assert len(group) == 2


@pytest.mark.parametrize("surplus", [1, 3])
def test_of_too_many_handshakes_the_oldest_end(surplus: int) -> None:
    group = Connections()
    members = [Member(group, f"10.0.{number // 250}.{number % 250}", number) for number in range(MAX_HANDSHAKES)]
    for member in members:
        group.begin_handshake(member)
    for number in range(surplus):
        group.begin_handshake(Member(group, "10.9.9.9", 10_000 + number))
    assert [member.gone for member in members] == [True] * surplus + [False] * (MAX_HANDSHAKES - surplus)


class Sender:
    """A page under way."""

    def __init__(self, streams: Streams) -> None:
        self.streams, self.gone = streams, False

    def cut(self) -> None:
        self.gone = True
        self.streams.end(self)


def test_of_too_many_pages_the_one_that_stands_still_for_longest_goes() -> None:
    turns = Turns()
    streams = Streams(turns)
    senders = [Sender(streams) for _ in range(MAX_STREAMS)]
    for sender in senders:
        assert streams.begin(sender)
    assert not streams.begin(Sender(streams))
    for index in (5, 3, 7):
        streams.stand_still(senders[index])
    streams.move(senders[5])
    assert streams.begin(Sender(streams))
    assert [index for index, sender in enumerate(senders) if sender.gone] == [3]
    assert turns.long_answers == MAX_STREAMS - 1  # one that stands still takes no turns
    for sender in senders:
        streams.end(sender)
    assert turns.long_answers == 1
