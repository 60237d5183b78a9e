"""One kind of object in the cluster, kept up to date by a list and a watch, in a thread of its own."""

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from exporter.clock import Clock
from exporter.pollers.coverage.api import Api, ApiError, Change, Object

_log = logging.getLogger("threatboard")

T = TypeVar("T")

GONE = 410
WATCH_SECONDS = (60, 120)
"""A watch lasts between these: rights that were taken away are noticed when the next begins."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds between two attempts, doubled each time and never twice the same (jitter)."""

ABSENT_PAUSE = 60.0
"""Seconds after which a resource that the cluster lacks is asked for again."""

STEADY = 10.0
"""A watch that lasted this many seconds was a good one: the next failure is a first one."""


@dataclass(frozen=True, slots=True)
class Resource(Generic[T]):
    """A kind of object: how `kubectl get` calls it, where it is, what to keep, and which of them."""

    name: str
    path: str
    read: Callable[[Mapping[str, Any]], T]
    query: Mapping[str, str] = field(default_factory=dict)


Key = tuple[str, str]


class Reflector(Generic[T]):
    """The objects of one resource. `run` is for a thread; the rest may be called from any other.

    `state` is one of `catalog.watch.RESOURCE_STATES`; before the first answer it is `failing`. While it is failing what
    was last known is kept, with `since` saying for how long.
    """

    def __init__(
        self, resource: Resource[T], api: Callable[[], Api], failed: Callable[[], None], clock: Clock = time
    ) -> None:
        self.resource = resource
        self.state = "failing"
        self.reason = "not asked yet"
        self.answered = False
        """Whether anything has come of it yet."""
        self.listed = False
        """Whether there is anything that was known."""
        self.since = clock.monotonic()
        self._api = api
        self._failed = failed
        self._clock = clock
        self._lock = threading.Lock()
        self._objects: dict[Key, T] = {}
        self._unreadable: set[Key] = set()
        self._ended = threading.Event()
        self._pause = FIRST_PAUSE
        self._version = ""
        self._whole = False

    def objects(self) -> list[T]:
        """What is known now."""
        with self._lock:
            return list(self._objects.values())

    def stop(self) -> None:
        """Ends `run` at its next pause; a watch under way is left to its thread."""
        self._ended.set()

    def run(self) -> None:
        """Lists and watches until stopped."""
        while not self._ended.is_set():
            try:
                self._follow()
            except ApiError as fault:
                pause = self._judge(fault)
            except Exception:  # noqa: BLE001  # the thread must not end: nobody would notice
                _log.exception("%s: a fault in threatboard", self.resource.name)
                pause = self._judge(ApiError(0, "a fault in threatboard; its log says more"))
            else:
                continue
            self._ended.wait(pause * random.uniform(0.75, 1.25))  # noqa: S311 - nobody gains from guessing it

    def _follow(self) -> None:
        """Lists, unless what is known can be followed on, and watches; ends by an ApiError, or when stopped."""
        if not self._version:
            self._version = self._list()
        while not self._ended.is_set():
            begun = self._clock.monotonic()
            self._watch()
            if self._clock.monotonic() - begun >= STEADY:
                self._pause = FIRST_PAUSE
            elif self._ended.wait(self._next_pause()):  # a server that ends watches at once is not asked at once
                return

    def _list(self) -> str:
        resource, version = self.resource, ""
        found: dict[Key, T] = {}
        self._unreadable.clear()
        try:
            for answer in self._api().pages(resource.path, resource.query, whole=self._whole):
                version = str(answer.get("metadata", {}).get("resourceVersion", ""))
                for one in answer.get("items") or ():
                    self._put(found, one)
        except ApiError as fault:
            again, self._whole = self._whole, fault.status == GONE
            if again and self._whole:
                raise ApiError(0, f"status {GONE}: {fault}") from None
            raise  # after a first one the pages were too slow for the server: next time all in one
        self._whole = False
        with self._lock:
            self._objects = found
        self._become("synced", "")
        return version

    def _watch(self) -> None:
        """Takes in changes until the server ends the watch."""
        seconds = random.randint(*WATCH_SECONDS)  # noqa: S311
        changes = self._api().changes(self.resource.path, self.resource.query, self._version, seconds)
        self._become("synced", "")  # it is answered, and where nothing changes there may be no more for minutes
        for change in changes:
            self._version = self._take(change) or self._version
            if self._ended.is_set():
                return

    def _take(self, change: Change) -> str:
        with self._lock:
            if change.kind == "DELETED":
                key = _key(change.object)
                self._objects.pop(key, None)
                self._unreadable.discard(key)
            elif change.kind in ("ADDED", "MODIFIED"):
                self._put(self._objects, change.object)
        return str((change.object.get("metadata") or {}).get("resourceVersion") or "")

    def _put(self, objects: dict[Key, T], raw: Object) -> None:
        """Keeps what matters of an object; one that cannot be read is told once and takes no other along."""
        try:
            key = _key(raw)
        except (KeyError, TypeError, AttributeError):
            _log.warning("%s: an object without a name", self.resource.name)
            return
        try:
            objects[key] = self.resource.read(raw)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            objects.pop(key, None)
            if key not in self._unreadable:
                self._unreadable.add(key)
                _log.warning("%s %s cannot be read: %.300r", self.resource.name, "/".join(filter(None, key)), error)
        else:
            self._unreadable.discard(key)

    def _judge(self, fault: ApiError) -> float:
        """Notes what became of the resource; seconds to wait before it is asked for again."""
        if fault.status in (GONE, 404, 403):
            self._version = ""
        if fault.status == GONE:  # what the watch was to begin with is too old: that is no failure
            return self._next_pause()
        if fault.status == 404:
            self._become("absent", str(fault))
            return ABSENT_PAUSE
        self._failed()
        self._become("forbidden" if fault.status == 403 else "failing", str(fault))
        return self._next_pause()

    def _next_pause(self) -> float:
        pause, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)
        return pause

    def _become(self, state: str, reason: str) -> None:
        before, self.state, self.reason = self.state if self.answered else "", state, reason
        self.answered = True
        self.listed = state == "synced" or (self.listed and state == "failing")
        if state in ("absent", "forbidden"):
            with self._lock:
                self._objects = {}
        if state == before:
            return
        self.since = self._clock.monotonic()
        if state == "synced":
            self._pause = FIRST_PAUSE
            _log.info("%s: %d are known", self.resource.name, len(self._objects))
        else:
            level = logging.INFO if state == "absent" else logging.WARNING
            _log.log(level, "%s: %s: %s", self.resource.name, state, reason)


def _key(raw: Mapping[str, Any]) -> Key:
    meta = raw["metadata"]
    return str(meta.get("namespace") or ""), str(meta["name"])
