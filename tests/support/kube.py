"""kmock's API server on a free port of this machine, in a thread of its own: state, and faults on demand."""

import asyncio
import itertools
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import kmock
import yaml
from kmock._internal import parsing

T = TypeVar("T")

_parse_path = parsing.parse_path


def _with_namespaces(path: str) -> parsing.ParsedPath:
    """kmock 0.8 takes a list of all namespaces for one namespace without a name, and fails."""
    listed = path.strip("/") == "api/v1/namespaces"
    return parsing.ParsedPath("", "v1", "namespaces") if listed else _parse_path(path)


parsing.parse_path = _with_namespaces

PATIENCE = 10.0


class Kube:
    """Runs while it is entered. What it shall answer is said by `on`, such as `kube.on("list pods", 410)`."""

    def __init__(self, folder: Path) -> None:
        self.kubeconfig = folder / "kubeconfig.yaml"
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._run)
        self._said = itertools.count(1)
        self.server: kmock.KubernetesEmulator

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def on(self, request: str, *payload: Any, **parameters: str) -> None:
        """What requests that fit get from now on: a status, an object, pieces of a stream, or a function of each."""

        def say() -> None:
            meant = self.server[request]
            said: Any = (meant[kmock.params(parameters)] if parameters else meant) ** next(
                self._said
            )  # the newest counts
            for part in payload:
                said = said << part

        self.call(say)

    def asked(self, request: str) -> list[Any]:
        """The requests so far that fit."""
        return self.call(lambda: list(self.server[request]))

    def call(self, function: Callable[[], T]) -> T:
        """Calls it where the server runs."""

        async def called() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result(PATIENCE)

    def _run(self) -> None:
        accepted: list[socket.socket] = []
        take = self._loop._accept_connection2  # type: ignore[attr-defined]

        def noted(factory: object, connection: socket.socket, *rest: Any) -> Any:
            accepted.append(connection)
            return take(factory, connection, *rest)

        self._loop._accept_connection2 = noted  # type: ignore[attr-defined]
        self._loop.run_until_complete(self._serve())
        self._loop.close()
        # A client that asks again while the server ends has a connection that is nobody's any more: the garbage
        # collector would find it open, in the middle of another test.
        for connection in accepted:
            connection.close()

    async def _serve(self) -> None:
        self.server = kmock.KubernetesEmulator()
        async with self.server, kmock.Server(self.server):
            self.kubeconfig.write_text(settings(str(self.server.url).rstrip("/")))
            self._ready.set()
            await self._end.wait()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()  # streams that nobody ends


def settings(url: str) -> str:
    """A kubeconfig for the server at `url`."""
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": {"server": url}}],
            "users": [{"name": "me", "user": {"token": "a-token"}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
            "current-context": "here",
        }
    )
