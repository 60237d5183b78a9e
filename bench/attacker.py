"""A hostile client of a receiver's intake: `python -m bench.attacker PORT ATTACK SECONDS`."""

import contextlib
import resource
import socket
import sys
import time
from typing import NamedTuple

HEAD = b"POST /falco HTTP/1.1\r\nHost: x\r\n"
_CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_ALERT = HEAD + b'Content-Length: 12\r\n\r\n{"rule":"a"}'


class Attack(NamedTuple):
    """So many connections, what each sends first, and what each then sends again and again, reading nothing."""

    connections: int
    first: bytes
    then: bytes


ATTACKS = {
    "half bodies": Attack(4000, HEAD + b"Content-Length: 1000000\r\n\r\n", b"x" * 60_000),
    "half heads": Attack(4000, HEAD + b"X: ", b"y" * 8000),
    "chunks of two bytes": Attack(300, _CHUNKED, b"2\r\nxx\r\n" * 8000),
    "endless trailers": Attack(300, _CHUNKED + b"2\r\n{}\r\n0\r\nX: ", b"y" * 60_000),
    "pipelined refusals": Attack(100, b"", b"GET /nothing HTTP/1.1\r\n\r\n" * 2500),
    "pipelined alerts": Attack(100, b"", _ALERT * 500),
}


def main(port: int, name: str, seconds: float) -> None:
    """Attacks for so long; says `ready` once its connections are open."""
    attack = ATTACKS[name]
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    opened = []
    for _ in range(attack.connections):
        one = socket.create_connection(("127.0.0.1", port))
        one.setblocking(False)
        opened.append(one)
        with contextlib.suppress(OSError):
            one.send(attack.first)
    print("ready", flush=True)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for one in opened:
            with contextlib.suppress(OSError):
                one.send(attack.then)
        time.sleep(0.005)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
