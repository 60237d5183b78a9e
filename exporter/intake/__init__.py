"""The listener that takes events: which paths, who may send, and what each answer says."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence

from exporter import catalog
from exporter.config import Config
from exporter.intake.encoding import decompress
from exporter.intake.pipeline import Outcome, Pipeline, Route
from exporter.intake.queue import ClientGoneError, FairQueue
from exporter.intake.refusals import Refusals
from exporter.metrics import Metrics
from exporter.server.access import CHALLENGE, has_token
from exporter.server.http import Answer, Asked, Connection, Request
from exporter.sources import Event, Rejected, Repeat

ACCEPTED = Answer(204, welcome=True)

ALIVE = Answer.text(200, "ok")
"""For the probes of load balancers, and for people who look whether something is there."""

PROBED = (b"/", b"/ping", b"/healthz")
"""Paths that answer a GET; falcosidekick has the last two."""

LARGE = 8 * 1024
"""A body of more bytes than this is answered in a task; so is one that is compressed, which may hold any amount."""

SLICE = 64
"""Events of a large body that are counted in one go: about 5 ms of work."""

SHOWN_ERRORS = 10
"""Sentences in the answer to a batch; the rest are only counted."""

_GONE = "the sender left before the body's turn had come; nothing of it was counted"

_STATUS = {"internal": 500, "too_large": 413, "too_many_events": 413, "unknown_encoding": 415}
"""Reason -> status where it is not 400."""


class Intake:
    """Answers the requests of the intake listener. `routes` may change while it runs, and so may the configuration."""

    def __init__(self, config: Callable[[], Config], pipeline: Pipeline, metrics: Metrics, refusals: Refusals) -> None:
        self.routes: Mapping[bytes, Route] = {}
        self._config = config
        self._pipeline = pipeline
        self._metrics = metrics
        self._refusals = refusals
        self._queue = FairQueue()

    def refused(self, reason: str, sentence: str, path: bytes, address: str) -> None:
        """Counts a request that was refused before its body was parsed, or a connection that was cut."""
        route = self.routes.get(path)
        control = route.source.control if route else catalog.UNATTRIBUTED
        self._metrics.reject(control, reason)
        self._refusals.tell(reason, sentence, address)

    def screen(self, request: Request, _connection: Connection) -> Answer | None:
        """Refuses a request by its head: who sends it, where to, and how."""
        if request.method in (b"GET", b"HEAD") and request.path in PROBED:
            return None
        token = self._config().intake.auth.token
        if token is not None and not has_token(request, token):
            sentence = (
                "no credentials or wrong ones; send the token of intake.auth as Bearer, or as the password of Basic"
            )
            return Answer.refusal(401, "unauthorized", sentence, CHALLENGE)
        if request.path not in self.routes:
            return Answer.refusal(404, "not_found", self._elsewhere(request))
        if request.method != b"POST":
            return Answer.refusal(405, "method", "events are taken with POST", (b"allow", b"POST"))
        return None

    def _elsewhere(self, request: Request) -> str:
        known = ", ".join(path.decode() for path in self.routes)
        sentence = f"nothing takes events at this path; POST to one of {known}"
        # Its outputs for Alertmanager, Loki, Elasticsearch and so on each add a path of their own to the address.
        by_sidekick = request.header(b"user-agent").startswith(b"Falcosidekick")
        return f"{sentence} (falcosidekick: use its webhook output)" if by_sidekick else sentence

    def answers(self, asked: Sequence[Asked]) -> Sequence[Answer | Coroutine[None, None, Answer]]:
        """Answers requests that were not refused by their heads."""
        if all(map(_is_quick, asked)):
            return self._take_all(asked)
        return [self._answer(one) for one in asked]

    def _answer(self, asked: Asked) -> Answer | Coroutine[None, None, Answer]:
        if asked.request.method != b"POST":
            return ALIVE
        return self._take_all([asked])[0] if _is_quick(asked) else self._take_in_turn(*asked)

    def _take_all(self, asked: Sequence[Asked]) -> list[Answer]:
        # First all are read and then all are counted: the processor has the one at hand, and then the other.
        max_events = self._config().intake.max_events
        routes = [self.routes[one.request.path] for one in asked]
        read = [route.source.parse(one.body, max_events) for route, one in zip(routes, asked, strict=True)]
        return [
            self._said(self._pipeline.take(route, events), one.connection.address)
            for route, events, one in zip(routes, read, asked, strict=True)
        ]

    async def _take_in_turn(self, request: Request, body: bytes, connection: Connection) -> Answer:
        """The same for a body that holds much: one at a time, and none whose sender has left before its turn.

        Once its turn has come it is counted whole, whoever leaves.
        """
        route = self.routes[request.path]
        try:
            async with self._queue.turn(connection):
                outcome = await self._take_slowly(route, request, body)
        except ClientGoneError:
            self.refused("unread_answer", _GONE, request.path, connection.address)
            return Answer.refusal(503, "unread_answer", _GONE)
        return self._said(outcome, connection.address)

    async def _take_slowly(self, route: Route, request: Request, body: bytes) -> Outcome:
        """Reads a body in a thread and counts it in slices, so that nobody else waits."""
        events = await asyncio.to_thread(self._read, route, request, body)
        accepted = 0
        rejected: list[Rejected] = []
        for start in range(0, len(events), SLICE):
            part = self._pipeline.take(route, events[start : start + SLICE])
            self._pipeline.settle()
            accepted += part.accepted
            rejected += part.rejected
            await asyncio.sleep(0)
        return Outcome(accepted, rejected)

    def _read(self, route: Route, request: Request, body: bytes) -> Sequence[Event | Repeat | Rejected]:
        """What is in a body. Touches nothing that changes, so that a thread may do it."""
        limits = self._config().intake
        encoding = request.header(b"content-encoding")
        if encoding:
            plain = decompress(body, encoding.decode("latin-1"), limits.max_body)
            if isinstance(plain, Rejected):
                return [plain]
            body = plain
        return route.source.parse(body, limits.max_events)

    def _said(self, outcome: Outcome, address: str) -> Answer:
        if outcome.rejected:
            self._refusals.tell(outcome.rejected[0].reason, outcome.rejected[0].message, address)
        return _answer(outcome)


def _is_quick(asked: Asked) -> bool:
    request = asked.request
    return request.method == b"POST" and len(asked.body) <= LARGE and not request.header(b"content-encoding")


def _answer(outcome: Outcome) -> Answer:
    accepted, rejected = outcome
    if not rejected:
        return ACCEPTED
    errors = [rejection.message for rejection in rejected[:SHOWN_ERRORS]]
    if accepted:
        mixed = Answer.json(200, {"accepted": accepted, "rejected": len(rejected), "errors": errors})
        return mixed._replace(welcome=True)
    first = rejected[0]
    return Answer.refusal(_STATUS.get(first.reason, 400), first.reason, first.message)
