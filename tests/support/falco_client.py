"""A sender that is Falco as far as HTTP goes: libcurl, with the options that Falco's HTTP output gives it."""

import json
import threading
import time
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self

import pycurl

from tests.support.receiver import PATIENCE, alert

MAX_CONSECUTIVE_TIMEOUTS = 5
"""Falco's default of `http_output.max_consecutive_timeouts`."""


class HttpOutput:
    """Falco's `http_output`: one handle for all alerts, no retry but after a timeout, and any answer is success.

    The options are those of falco.yaml, of the same names. The answer's status is kept, which Falco does not look at.
    """

    def __init__(
        self,
        url: str,
        *,
        mtls: tuple[Path, Path] | None = None,
        ca_cert: Path | None = None,
        insecure: bool = False,
        compress_uploads: bool = False,
        keep_alive: bool = False,
    ) -> None:
        self.status = 0
        self.connections = 0
        self._curl = curl = pycurl.Curl()
        curl.setopt(pycurl.HTTPHEADER, ["Content-Type: application/json"])
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.USERAGENT, "falcosecurity/falco")
        curl.setopt(pycurl.WRITEFUNCTION, lambda _: None)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)  # Falco's is built without HTTP/2
        curl.setopt(pycurl.NOSIGNAL, True)
        curl.setopt(pycurl.PROXY, "")
        curl.setopt(pycurl.TIMEOUT, int(PATIENCE))  # Falco has none; a test must end
        if insecure:
            curl.setopt(pycurl.SSL_VERIFYPEER, 0)
            curl.setopt(pycurl.SSL_VERIFYHOST, 0)
        if mtls:
            certificate, key = mtls
            curl.setopt(pycurl.SSLCERT, str(certificate))
            curl.setopt(pycurl.SSLKEY, str(key))
        if ca_cert:
            curl.setopt(pycurl.CAINFO, str(ca_cert))
        if compress_uploads:
            curl.setopt(pycurl.TRANSFER_ENCODING, 1)
        if keep_alive:
            curl.setopt(pycurl.TCP_KEEPALIVE, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._curl.close()

    def send(self, message: bytes) -> str:
        """Sends one message; what Falco would log after `libcurl failed to perform call`, or nothing."""
        self._curl.setopt(pycurl.POSTFIELDS, message)
        for _ in range(1 + MAX_CONSECUTIVE_TIMEOUTS):
            try:
                self._curl.perform()
            except pycurl.error as error:
                code, text = error.args
                if code != pycurl.E_OPERATION_TIMEDOUT:
                    return str(text)
            else:
                self.status = self._curl.getinfo(pycurl.RESPONSE_CODE)
                self.connections += self._curl.getinfo(pycurl.NUM_CONNECTS)
                return ""
        return str(text)


class Falco(threading.Thread):
    """Sends one alert after another through one output, as Falco's only worker does."""

    def __init__(self, port: int, pause: float = 0.005) -> None:
        super().__init__(daemon=True)
        self.sent: Counter[str] = Counter()
        self.lost: list[str] = []
        self.connections = 0
        self._port = port
        self._pause = pause
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self.join(PATIENCE)

    def run(self) -> None:
        number = 0
        with HttpOutput(f"http://127.0.0.1:{self._port}/falco") as output:
            while not self._ended.is_set():
                number += 1
                rule = f"Rule {number % 7}"
                self.sent[rule] += 1
                fault = output.send(json.dumps(alert(rule)).encode())
                if fault or output.status != 204:
                    self.lost.append(fault or f"{rule}: {output.status}")
                self.connections = output.connections
                time.sleep(self._pause)
