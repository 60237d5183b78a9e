"""The listener that takes events: which paths, who may send, and what each answer says."""

import asyncio
from collections.abc import Mapping, Sequence

from exporter import catalog
from exporter.config.credentials import Secret
from exporter.intake.encoding import decompress
from exporter.intake.pipeline import Outcome, Pipeline, Route
from exporter.metrics import Metrics
from exporter.server.access import CHALLENGE, has_token
from exporter.server.http import Answer, Request
from exporter.sources import Event, Rejected

ACCEPTED = Answer(204)

SLICE = 64
"""Events of a large body that are counted in one go: about 5 ms of work."""

SHOWN_ERRORS = 10
"""Sentences in the answer to a batch; the rest are only counted."""

_STATUS = {"too_large": 413, "too_many_events": 413, "unknown_encoding": 415}
"""Reason -> status where it is not 400."""


class Intake:
    """Answers the requests of the intake listener. What is public may change while it runs."""

    def __init__(self, pipeline: Pipeline, metrics: Metrics) -> None:
        self.routes: Mapping[bytes, Route] = {}
        self.token: Secret | None = None
        self.max_events = 10_000
        self.max_body = 1 << 20
        self._pipeline = pipeline
        self._metrics = metrics

    def refused(self, reason: str, path: bytes) -> None:
        """Counts a request that was refused before its body was parsed."""
        route = self.routes.get(path)
        self._metrics.reject(route.source.control if route else catalog.UNATTRIBUTED, reason)

    def screen(self, request: Request) -> Answer | None:
        """Refuses a request by its head: who sends it, where to, and how."""
        if self.token is not None and not has_token(request, self.token):
            sentence = (
                "no credentials or wrong ones; send the token of intake.auth as Bearer, or as the password of Basic"
            )
            return Answer.refusal(401, "unauthorized", sentence, CHALLENGE)
        if request.path not in self.routes:
            known = ", ".join(path.decode() for path in self.routes)
            return Answer.refusal(404, "not_found", f"nothing takes events at this path; POST to one of {known}")
        if request.method != b"POST":
            return Answer.refusal(405, "method", "events are taken with POST", (b"allow", b"POST"))
        return None

    def take(self, request: Request, body: bytes) -> Answer:
        """Answers a whole request that was not refused by its head."""
        route = self.routes[request.path]
        return _answer(self._pipeline.take(route, self._read(route, request, body)))

    async def take_slowly(self, request: Request, body: bytes) -> Answer:
        """The same for a body that holds much: read in a thread and counted in slices, so that nobody else waits."""
        route = self.routes[request.path]
        events = await asyncio.to_thread(self._read, route, request, body)
        accepted = 0
        rejected: list[Rejected] = []
        for start in range(0, len(events), SLICE):
            part = self._pipeline.take(route, events[start : start + SLICE])
            accepted += part.accepted
            rejected += part.rejected
            await asyncio.sleep(0)
        return _answer(Outcome(accepted, rejected))

    def _read(self, route: Route, request: Request, body: bytes) -> Sequence[Event | Rejected]:
        """What is in a body. Touches nothing that changes, so that a thread may do it."""
        encoding = request.header(b"content-encoding")
        if encoding:
            plain = decompress(body, encoding.decode("latin-1"), self.max_body)
            if isinstance(plain, Rejected):
                return [plain]
            body = plain
        return route.source.parse(body, self.max_events)


def _answer(outcome: Outcome) -> Answer:
    accepted, rejected = outcome
    if not rejected:
        return ACCEPTED
    errors = [rejection.message for rejection in rejected[:SHOWN_ERRORS]]
    if accepted:
        return Answer.json(200, {"accepted": accepted, "rejected": len(rejected), "errors": errors})
    first = rejected[0]
    return Answer.refusal(_STATUS.get(first.reason, 400), first.reason, first.message)
