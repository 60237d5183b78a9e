"""The connections of one listener, and which of them goes when there are too many.

A connection is *fresh* until a request on it was accepted or authorised. Fresh ones go first, and among equals the one
that was used the longest ago. No address holds more than half of the places, so that nobody can keep the others out.
"""

import ipaddress
from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol

MAX_HANDSHAKES = 512
"""TLS handshakes under way; past it the oldest is ended."""

_IPV6_NETWORK = 64
"""Leading bits of an IPv6 address that count as one address: whoever has one has all that begin like it."""


class Member(Protocol):
    """A connection: when it was last used (monotonic seconds), and whether an answer is being made on it."""

    last_used: float

    @property
    def answering(self) -> bool: ...

    def evict(self) -> None:
        """Ends it and counts it."""


class LeastRecent:
    """Members by when they were last used.

    A member is moved only when it is looked at: to be used costs nothing, to find the one used the longest ago costs
    about one move for each use since the last look, and never more than one for each member.
    """

    def __init__(self) -> None:
        self._noted: dict[Member, float] = {}

    def __len__(self) -> int:
        return len(self._noted)

    def __iter__(self) -> Iterator[Member]:
        return iter(self._noted)

    def add(self, member: Member) -> None:
        self._noted[member] = member.last_used

    def discard(self, member: Member) -> None:
        self._noted.pop(member, None)

    def first(self) -> Member | None:
        """The one used the longest ago, of those on which no answer is being made."""
        for _ in range(len(self._noted)):
            member, noted = next(iter(self._noted.items()))
            if member.last_used <= noted and not member.answering:
                return member
            del self._noted[member]
            self._noted[member] = member.last_used
        return None


class _Group:
    def __init__(self) -> None:
        self.fresh = LeastRecent()
        self.welcome = LeastRecent()

    def __len__(self) -> int:
        return len(self.fresh) + len(self.welcome)

    def first(self) -> Member | None:
        return self.fresh.first() or self.welcome.first()

    def discard(self, member: Member) -> None:
        self.fresh.discard(member)
        self.welcome.discard(member)


class Connections:
    """All connections of a listener, those whose TLS handshake is under way included."""

    def __init__(self) -> None:
        self._all = _Group()
        self._at: dict[str, _Group] = {}
        self._handshakes = LeastRecent()

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Member]:
        yield from list(self._all.fresh)
        yield from list(self._all.welcome)

    def admit(self, member: Member, address: str, limit: int) -> bool:
        """Takes a new connection in, in the place of another if need be; False if there is no place for it."""
        place = self._at.get(network(address)) or _Group()
        crowd = place if len(place) >= max(1, limit // 2) else self._all if len(self._all) >= limit else None
        if crowd is not None:
            goes = crowd.first()
            if goes is None:
                return False
            goes.evict()
        place = self._at.setdefault(network(address), place)  # it has left if it was empty
        self._all.fresh.add(member)
        place.fresh.add(member)
        return True

    def welcome(self, member: Member, address: str) -> None:
        """Notes that a request of this connection was accepted or authorised."""
        for group in (self._all, self._at[network(address)]):
            group.fresh.discard(member)
            group.welcome.add(member)

    def leave(self, member: Member, address: str) -> None:
        """Forgets a connection that has ended."""
        self._all.discard(member)
        self._handshakes.discard(member)
        key = network(address)
        if place := self._at.get(key):
            place.discard(member)
            if not len(place):
                del self._at[key]

    def begin_handshake(self, member: Member) -> None:
        if len(self._handshakes) >= MAX_HANDSHAKES and (oldest := self._handshakes.first()):
            oldest.evict()
        self._handshakes.add(member)

    def end_handshake(self, member: Member) -> None:
        self._handshakes.discard(member)


@lru_cache(maxsize=1024)
def network(address: str) -> str:
    """What counts as one address: the address itself, of IPv6 its first 64 bits."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and not parsed.ipv4_mapped:
        return str(ipaddress.ip_network((parsed, _IPV6_NETWORK), strict=False))
    return address
