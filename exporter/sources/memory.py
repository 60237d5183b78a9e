"""A bounded memory that keeps what is used."""

from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar


class Used(Protocol):
    """A thing that is remembered; whoever takes it from the memory sets `used`."""

    used: bool


Key = TypeVar("Key", bound=Hashable)
Thing = TypeVar("Thing", bound=Used)


class Memory(Generic[Key, Thing]):
    """Remembers things by key, at most `limit`.

    When it is full there is no room for others, so that things which come in turn and are more than it holds do not
    drive one another out. Once ten times `limit` found no room, it forgets what was not used since it last did so.
    Two threads may use it: each step that changes it is one that Python does not interrupt.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._refused = 0
        self._things: dict[Key, Thing] = {}

    def __len__(self) -> int:
        return len(self._things)

    def get(self, key: Key) -> Thing | None:
        """The thing of this key, None if it is not remembered."""
        return self._things.get(key)

    def put(self, key: Key, thing: Thing) -> None:
        """Remembers a thing; ask first whether there is room."""
        self._things[key] = thing

    def has_room(self) -> bool:
        """Whether one more may be remembered; notes if not."""
        if len(self._things) < self._limit:
            return True
        self._refused += 1
        if self._refused >= 10 * self._limit:
            self._refused = 0
            known = list(self._things.items())
            self._things = {key: thing for key, thing in known if thing.used}
            for _, thing in known:
                thing.used = False
        return False
