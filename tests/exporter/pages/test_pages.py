"""The show listener: the formats of the metrics page, who sees zeros first, and clear answers to wrong questions."""

import gzip
import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.support.receiver import PATIENCE, Receiver, alert, receiver

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5"

RULE = "A rule that was there before"


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with receiver(tmp_path_factory.mktemp("pages"), events={"log": False}) as running:
        assert running.post([alert(RULE), alert('quotes " and \\ and é')]) == (204, None)
        yield running
        assert "Traceback" not in running.log.read_text()


def samples(page: str, openmetrics: bool) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """What moves by itself is left out."""
    parse = parse_openmetrics if openmetrics else parse_text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse(page)
        for sample in family.samples
        if not sample.name.startswith("process_")
    }


def test_the_text_format_is_the_default(subject: Receiver) -> None:
    status, headers, page = subject.get("/metrics")
    assert status == 200
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b"# EOF" not in page
    assert f'threat_falco_alerts_total{{rule="{RULE}",priority="notice"'.encode() in page


def test_openmetrics_says_the_same_and_ends_once(subject: Receiver) -> None:
    _, headers, page = subject.get("/metrics", {"Accept": OPENMETRICS})
    assert headers["content-type"].startswith("application/openmetrics-text; version=1.0.0; charset=utf-8")
    assert page.endswith(b"# EOF\n")
    assert page.count(b"# EOF") == 1
    assert b"# TYPE threat_falco_alerts counter\n" in page

    plain = subject.get("/metrics")[2].decode()
    assert samples(page.decode(), openmetrics=True) == samples(plain, openmetrics=False)


@pytest.mark.parametrize("scheme", ["allow-utf-8", "underscores", "dots", "values"])
@pytest.mark.parametrize("form", ["application/openmetrics-text", "text/plain"])
def test_a_name_is_the_same_whatever_escaping_is_asked_for(subject: Receiver, form: str, scheme: str) -> None:
    """What Prometheus asks for with its setting metric_name_escaping_scheme."""
    accept = f"{form};version=1.0.0;escaping={scheme}"
    _, headers, page = subject.get("/metrics", {"Accept": accept})

    openmetrics = form != "text/plain"
    assert headers["content-type"].startswith(form)
    assert "escaping" not in headers["content-type"]
    found = {name for name, _ in samples(page.decode(), openmetrics)}
    assert found == {name for name, _ in samples(subject.get("/metrics")[2].decode(), openmetrics=False)}
    assert b"process_resident_memory_bytes " in page


@pytest.mark.parametrize("accept", ["text/plain", OPENMETRICS])
def test_there_are_no_created_lines(subject: Receiver, accept: str) -> None:
    assert b"_created" not in subject.get("/metrics", {"Accept": accept})[2]


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text; version=abc",
        "application/openmetrics-text; version=",
        "application/openmetrics-text; version=-1",
        "application/openmetrics-text; version=" + "9" * 5000,
        "application/openmetrics-text; version=1.0.0; escaping=nonsense",
        "text/plain; version=abc",
        "text/plain; version=1.0.0; escaping=allow-utf-8",
        "text/plain; version=1.0.0; escaping=../../etc/passwd",
        "text/html,application/xhtml+xml,*/*;q=0.8",
        "," * 20_000,
        ";;;===",
        "\xff\xfe",
        "",
    ],
    ids=lambda accept: accept[:50],
)
def test_no_accept_header_is_too_odd_for_a_page(subject: Receiver, accept: str) -> None:
    status, headers, page = subject.get("/metrics", {"Accept": accept})
    assert status == 200
    openmetrics = headers["content-type"].startswith("application/openmetrics-text")
    found = samples(page.decode(), openmetrics)
    assert ("threat_config_reload_success", frozenset()) in found
    assert page.count(b"# EOF") == int(openmetrics)


@pytest.mark.parametrize(
    ("wanted", "packed"),
    [
        ("gzip", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("GZIP", True),
        ("*", True),
        ("*;q=0, gzip", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzip;q=0, *", False),
        ("identity", False),
        ("br", False),
        ("", False),
    ],
)
def test_the_page_is_compressed_for_who_asks(subject: Receiver, wanted: str, packed: bool) -> None:
    _, headers, page = subject.get("/metrics", {"Accept-Encoding": wanted})
    assert headers.get("content-encoding") == ("gzip" if packed else None)
    assert headers["vary"] == "accept, accept-encoding"
    assert RULE.encode() in (gzip.decompress(page) if packed else page)


@pytest.mark.parametrize("name", ["Accept", "Accept-Encoding"])
def test_a_list_that_comes_in_several_lines_is_one_list(subject: Receiver, name: str) -> None:
    """A proxy may split it as it likes (RFC 9110, 5.3)."""
    wanted = {"Accept": ["text/plain;q=0.1", OPENMETRICS], "Accept-Encoding": ["br", "gzip"]}[name]
    told = {"Accept": ("content-type", "application/openmetrics-text"), "Accept-Encoding": ("content-encoding", "gzip")}
    connection = http.client.HTTPConnection("127.0.0.1", subject.show, timeout=PATIENCE)
    connection.putrequest("GET", "/metrics", skip_accept_encoding=True)
    for value in wanted:
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    connection.close()

    header, value = told[name]
    assert answer.headers[header].startswith(value)


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/api/v1/events", "/"])
def test_head_has_the_headers_and_no_body(subject: Receiver, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", subject.show, timeout=PATIENCE)
    try:
        connection.request("HEAD", path)
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, b"")
        connection.request("GET", "/healthz")  # a body would be read as the answer to this
        assert connection.getresponse().read() == b"ok\n"
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/nothing", "/metrics/", "/Metrics", "//metrics", "/api/v1", "/falco", "/%00"])
def test_a_page_that_is_not_there_is_a_404_that_says_which_are(subject: Receiver, path: str) -> None:
    status, headers, body = subject.get(path)
    assert (status, headers["content-type"]) == (404, "application/json")
    assert "/metrics /healthz /readyz / /api/v1/events" in json.loads(body)["error"]


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/", "/api/v1/events"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_pages_are_only_read(subject: Receiver, path: str, method: str) -> None:
    status, headers, body = subject.request(method, path, b"{}", show=True)
    assert (status, headers["allow"]) == (405, "GET, HEAD")
    assert "GET" in json.loads(body)["error"]


def test_the_probes_say_only_their_state(subject: Receiver) -> None:
    for path in ("/healthz", "/readyz"):
        status, headers, body = subject.get(path)
        assert (status, body) == (200, b"ok\n")
        assert headers["content-type"] == "text/plain; charset=utf-8"


class Client:
    """Somebody who reads the metrics page, always on one connection."""

    def __init__(self, subject: Receiver, *, scraper: bool) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", subject.show, timeout=PATIENCE)
        self.headers = {"X-Prometheus-Scrape-Timeout-Seconds": "10"} if scraper else {}

    def seen(self, rule: str, method: str = "GET") -> list[float]:
        """The values of the rule's series."""
        self.connection.request(method, "/metrics", headers=self.headers)
        page = self.connection.getresponse().read().decode()
        return [value for (_, labels), value in samples(page, openmetrics=False).items() if ("rule", rule) in labels]


def test_a_scraper_sees_zero_first_and_a_person_the_truth(subject: Receiver) -> None:
    scraper, person = Client(subject, scraper=True), Client(subject, scraper=False)
    try:
        scraper.seen("x")
        assert subject.post([alert("Never seen")] * 2) == (204, None)

        assert person.seen("Never seen") == [2]
        assert scraper.seen("Never seen", "HEAD") == []
        assert scraper.seen("Never seen") == [0]  # the HEAD has shown nobody anything
        assert person.seen("Never seen") == [2]
        assert scraper.seen("Never seen") == [2]
        assert subject.post(alert("Never seen")) == (204, None)
        assert scraper.seen("Never seen") == [3]
    finally:
        scraper.connection.close()
        person.connection.close()


def test_a_scraper_that_ends_in_the_middle_of_a_page_does_no_harm(tmp_path: Path) -> None:
    with receiver(tmp_path, events={"log": False}, intake={"max_body": "8MiB"}) as running:
        assert running.post([alert(f"rule {number}", namespace="x") for number in range(9000)]) == (204, None)
        for _ in range(5):
            with running.connect(show=True) as connection:
                connection.sendall(
                    b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Prometheus-Scrape-Timeout-Seconds: 1\r\n\r\n"
                )
                assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        assert len(running.get("/metrics")[2]) > 1_000_000
        assert "Traceback" not in running.log.read_text()
