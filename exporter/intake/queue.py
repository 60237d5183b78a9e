"""Large bodies wait for one another: one at a time, and the addresses that send them in turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from exporter.server.http import Connection


class ClientGoneError(Exception):
    """The connection ended before it was its turn."""


class FairQueue:
    """Lets one in at a time. Of those who wait, each address gets its turn, however many one of them has waiting."""

    def __init__(self) -> None:
        self._busy = False
        self._waiting: dict[str, dict[asyncio.Future[bool], None]] = {}

    @asynccontextmanager
    async def turn(self, connection: Connection) -> AsyncIterator[None]:
        """Waits for this address' turn, and holds it for the block; raises ClientGoneError if nobody waits for it."""
        if connection.closed:
            raise ClientGoneError
        if self._busy:
            await self._wait(connection)
        self._busy = True
        try:
            if connection.closed:
                raise ClientGoneError
            yield
        finally:
            self._call_next()

    async def _wait(self, connection: Connection) -> None:
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(connection.address, {})[turn] = None
        connection.waits_for = turn
        try:
            if not await turn:
                raise ClientGoneError
        finally:
            connection.waits_for = None
            self._forget(connection.address, turn)

    def _forget(self, address: str, turn: asyncio.Future[bool]) -> None:
        turns = self._waiting.get(address, {})
        turns.pop(turn, None)
        if not turns:
            self._waiting.pop(address, None)

    def _call_next(self) -> None:
        while self._waiting:
            address = next(iter(self._waiting))
            turns = self._waiting.pop(address)
            turn = next(iter(turns))
            del turns[turn]
            if turns:
                self._waiting[address] = turns  # behind the others
            if not turn.done():
                turn.set_result(True)
                return
        self._busy = False
