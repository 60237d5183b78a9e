"""Real servers as child processes on 127.0.0.1: started, awaited until ready, ended.

with Exporter({"controls": {"ids": True}}, folder) as exporter:
    exporter.post("/falco", body)
"""

import http.client
import json
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

HOST = "127.0.0.1"
START_SECONDS = 30.0
ANSWER_SECONDS = 60.0
"""A machine that others use too may take long."""
STOP_SECONDS = 5.0
ROOT = Path(__file__).resolve().parent.parent


class ServerError(Exception):
    """A server did not start, ended by itself or refused a request; `server` is the one, the message says what."""

    def __init__(self, server: "Server", message: str) -> None:
        super().__init__(message)
        self.server = server


class Server:
    """A child process that serves HTTP; its output goes to `<name>.log` in `folder`, which must exist."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, port: int, ready: str) -> None:
        self.name = name
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self._command = command
        self._ready = ready
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts it and waits until it says that it is ready; raises `ServerError`."""
        with self._log.open("ab") as log:
            # A session of its own: Ctrl-C is for us, who end the servers in order.
            self._process = subprocess.Popen(  # noqa: S603 (programs that we chose)
                self._command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """The process' number while it runs."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """Ends it, by force when it does not end when asked to."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """Ends it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self.stop()

    def reload(self) -> None:
        """Asks it to read its files again (SIGHUP)."""
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def check(self) -> None:
        """Raises `ServerError` when it has ended by itself."""
        code = self._process.poll() if self._process else None
        if code is not None:
            raise ServerError(self, f"{self.name} ended by itself with exit code {code}")

    def log_tail(self, lines: int = 15) -> str:
        """The last lines that it has written."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:]) if self._log.exists() else ""

    def get(self, path: str) -> Any:
        """The JSON document at this path; raises `ServerError` on any status but 200."""
        status, body = self._request(self.port, "GET", path)
        if status != 200:
            raise ServerError(self, f"{self.name} answered {status} to GET {path}: {body.decode(errors='replace')}")
        return json.loads(body)

    def _request(self, port: int, *rest: Any) -> tuple[int, bytes]:
        try:
            return request(port, *rest)
        except OSError as error:
            # A process that ends refuses connections a moment before its exit code is known.
            time.sleep(0.2)
            self.check()
            raise ServerError(self, f"{self.name} does not answer: {error}") from error

    def _wait_until_ready(self) -> None:
        def ready() -> bool:
            self.check()
            try:
                return request(self.port, "GET", self._ready)[0] == 200
            except OSError:
                return False

        if not wait_for(ready, START_SECONDS):
            raise ServerError(self, f"{self.name} was not ready after {START_SECONDS:.0f} seconds ({self._ready})")


class Exporter(Server):
    """`threatboard receive`; `config` is the content of its configuration file; the listeners get free ports."""

    def __init__(self, config: Mapping[str, Any], folder: Path) -> None:
        self.intake_port = free_port()
        port = free_port()
        command = receive(config, folder / "exporter.yml", self.intake_port, port)
        super().__init__("exporter", command, folder, port, "/readyz")

    def post(self, path: str, body: bytes) -> None:
        """Posts to the intake as Falco or a shipper does; raises `ServerError` unless all of it was accepted."""
        status, answer = self._request(self.intake_port, "POST", path, body, {"Content-Type": "application/json"})
        if status != 204:
            raise ServerError(self, f"exporter answered {status} to POST {path}: {answer.decode(errors='replace')}")


def receive(config: Mapping[str, Any], file: Path, intake: int = 0, metrics: int = 0) -> list[str]:
    """The command of a `threatboard receive` with this configuration, which is written to `file`.

    Where it says nothing of `listen`, these ports of 127.0.0.1 are taken; 0 is any free one.
    """
    ports = {"intake": intake, "metrics": metrics}
    listeners = {name: {"listen": f"{HOST}:{port}", **config.get(name, {})} for name, port in ports.items()}
    file.write_text(json.dumps({**config, **listeners}))
    return [sys.executable, "-m", "exporter", "receive", "--config", str(file)]


def request(
    port: int, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """One HTTP request to 127.0.0.1, on a connection of its own; the status and the body. Raises `OSError`."""
    connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_SECONDS)
    try:
        connection.request(method, path, body or None, dict(headers or {}))
        response = connection.getresponse()
        return response.status, response.read()
    except http.client.HTTPException as error:
        raise ConnectionError(f"{method} {path}: {error!r}") from error
    finally:
        connection.close()


def wait_for(condition: Callable[[], bool], seconds: float, every: float = 0.1) -> bool:
    """Whether the condition came true within this time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def free_port() -> int:
    """A port to listen on that nobody does; below those that Linux gives to outgoing connections, so it stays free."""
    while True:
        port = random.randrange(20_000, 32_768)  # noqa: S311 (no secret)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
