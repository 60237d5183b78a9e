"""Everything of the receiver between its listeners, without them."""

import asyncio

import orjson
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.config import Config
from exporter.events import Recent
from exporter.intake import Intake
from exporter.intake.pipeline import Pipeline
from exporter.intake.refusals import Refusals
from exporter.lines import EventLines
from exporter.metrics import Metrics
from exporter.server.http import Answer, Asked, Connection, Headers, Request
from tests.support.clock import FakeClock
from tests.support.senders import Sender

ACCEPT = {False: "text/plain", True: "application/openmetrics-text; version=1.0.0"}

Samples = set[tuple[str, tuple[tuple[str, str], ...], float]]


class Insides:
    """What one kind of sender posts to, and what comes of it; few series and few events are kept."""

    def __init__(self, sender: Sender) -> None:
        clock = FakeClock()
        self.metrics = Metrics(limit=50, clock=clock)
        self.recent = Recent()
        self.recent.resize(5, 1 << 20)
        pipeline = Pipeline(self.metrics, EventLines(self.recent, None), clock)
        self.intake = Intake(Config, pipeline, self.metrics, Refusals(clock))
        self.connection = Connection("127.0.0.1")
        self.route = sender.route()
        self.intake.routes = {sender.path: self.route}
        self._path = sender.path

    def post(self, body: bytes, headers: Headers) -> int:
        """Posts a body; the status of the answer, which is one that can be sent."""
        request = Request(b"POST", self._path, headers)
        assert self.intake.screen(request, self.connection) is None
        (answer,) = self.intake.answers([Asked(request, body, self.connection)])
        if not isinstance(answer, Answer):
            answer = asyncio.run(answer)
        if answer.body:
            assert orjson.loads(answer.body)
        assert answer.encoded(True, request)
        return answer.status

    def page(self, openmetrics: bool) -> str:
        return b"".join(self.metrics.page(ACCEPT[openmetrics], None)[1]).decode()

    def assert_readable(self) -> None:
        """The page can be read in both formats, and every event that is kept."""
        for openmetrics in (False, True):
            assert any(name == "threat_build_info" for name, _, _ in read(self.page(openmetrics), openmetrics))
        for record in self.recent:
            assert record.line()["received"]


def read(page: str, openmetrics: bool) -> Samples:
    """The samples of a page, by prometheus_client's own parsers."""
    parse = parse_openmetrics if openmetrics else parse_text
    return {
        (sample.name, tuple(sorted(sample.labels.items())), float(sample.value))
        for family in parse(page)
        for sample in family.samples
    }
