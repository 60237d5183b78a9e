"""A real browser shows the status page with hostile alerts in it: no script runs, and it fits a phone."""

import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from exporter.server.http import Answer
from tests.support.page_reader import Reader
from tests.support.seen import HOSTILE, SHELL, Seen, hostile_line, label

Browse = Callable[[str], tuple[str, str]]
"""Opens an address: the document as it is after its scripts, if any, have run; what the browser logged."""

PHONE = """<!DOCTYPE html><title>measuring</title>
<iframe src="/bare" width="360" height="800" style="border: 0"></iframe>
<script>onload = () => {
  const page = document.querySelector("iframe").contentDocument.documentElement;
  document.title = `${page.scrollWidth} of ${page.clientWidth}`;
}</script>"""


def hostile_page() -> Answer:
    """The page with every known trick in every field of an event."""
    seen = Seen()
    seen.take(SHELL)
    for text in HOSTILE:
        seen.take(hostile_line(text), label(text), tuned={"priority_counted": text, "priority_reason": text})
        seen.take(hostile_line(text), label(text), tuned={"suppressed": text})
    return seen.show()


@contextmanager
def served(pages: dict[str, Answer]) -> Iterator[str]:
    """Serves these pages on this machine; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = pages.get(self.path, Answer(404))
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name.decode(), value.decode())
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as the library has it
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def browse(tool: Callable[[str], Path], tmp_path: Path) -> Browse:
    """A fresh headless Chromium for each address."""
    chromium = tool("chromium")

    def open_page(address: str) -> tuple[str, str]:
        done = subprocess.run(
            [
                chromium,
                *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
                *("--disable-dev-shm-usage", "--enable-logging=stderr", "--virtual-time-budget=3000"),
                *(f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", address),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)

    return open_page


def title(document: str) -> str:
    """What the browser's tab says."""
    found = re.search(r"<title>(.*?)</title>", document, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_trap_works(browse: Browse) -> None:
    bait = Answer(200, f"<title>quiet</title>{HOSTILE[0]}".encode(), ((b"content-type", b"text/html"),))
    with served({"/": bait}) as address:
        assert title(browse(f"{address}/")[0]) == "owned"


def test_no_script_runs_even_without_the_policy_and_nothing_of_ours_breaks_it(browse: Browse) -> None:
    answer = hostile_page()
    bare = answer._replace(headers=((b"content-type", b"text/html; charset=utf-8"),))
    with served({"/": answer, "/bare": bare}) as address:
        guarded, complaints = browse(f"{address}/")
        unguarded, _ = browse(f"{address}/bare")
    sent = Reader(answer)
    for document in (guarded, unguarded):
        assert title(document).startswith("threatboard on ")
        assert Reader(Answer(200, document.encode())).tags == sent.tags
    # A blocked style sheet would be reported too: the one that is allowed is the one that is sent.
    assert complaints == ""


@pytest.mark.parametrize("page", [lambda: Seen().show(), hostile_page], ids=["empty", "hostile"])
def test_nothing_sticks_out_on_a_phone_of_360_pixels(browse: Browse, page: Callable[[], Answer]) -> None:
    html = ((b"content-type", b"text/html; charset=utf-8"),)
    with served({"/": Answer(200, PHONE.encode(), html), "/bare": page()._replace(headers=html)}) as address:
        assert title(browse(f"{address}/")[0]) in ("360 of 360", "345 of 345")
