"""A stand-in for Slack: an incoming webhook on 127.0.0.1 that keeps what is posted."""

import html
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from demo.servers import HOST


@dataclass(frozen=True)
class Message:
    """A message as Alertmanager sends it: JSON with one attachment. `received` is a Unix time."""

    received: float
    body: Mapping[str, Any]

    @property
    def channel(self) -> str:
        """The channel, empty for the webhook's own."""
        return str(self.body.get("channel", ""))

    @property
    def title(self) -> str:
        """The attachment's heading."""
        return str(self.body["attachments"][0]["title"])

    @property
    def text(self) -> str:
        """The attachment's text, in Slack's mark-up."""
        return str(self.body["attachments"][0]["text"])

    @property
    def links(self) -> dict[str, str]:
        """What the buttons say -> where they lead."""
        return {button["text"]: button["url"] for button in self.body["attachments"][0].get("actions", ())}

    def shown(self) -> str:
        """The message as a person reads it: Slack turns its three entities back."""
        buttons = " ".join(f"[{name}]" for name in self.links)
        return html.unescape("\n".join(filter(None, (self.title, self.text.strip(), buttons))))


class Slack:
    """The webhook, at `url`; serves while it is entered."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._server = _Webhook(self.messages)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.url = f"http://{HOST}:{self._server.server_port}/services/security"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Webhook(ThreadingHTTPServer):
    def __init__(self, messages: list[Message]) -> None:
        super().__init__((HOST, 0), _Handler)
        self.messages = messages


class _Handler(BaseHTTPRequestHandler):
    server: _Webhook

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.messages.append(Message(time.time(), body))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Says nothing: the demo's terminal is for the story."""
