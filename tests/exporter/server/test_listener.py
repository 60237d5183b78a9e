"""What an address in the configuration is bound to."""

import errno
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from exporter.config import Config
from exporter.config.kinds import Address
from exporter.server.budget import Inflight, Turns
from exporter.server.listener import Listener, ListenError


def bound(address: Address) -> Listener:
    turns = Turns()
    return Listener("intake.listen", address, Config().intake, Inflight(1 << 20, turns), turns)


def reached(host: str, *targets: str) -> Iterator[bool]:
    """Whether a listener on this host is reached at each of these addresses."""
    listener = bound(Address(host, 0))
    try:
        for target in targets:
            with closing(socket.socket(socket.AF_INET6 if ":" in target else socket.AF_INET)) as client:
                yield client.connect_ex((target, listener.port)) == 0
    finally:
        listener.close()


def test_the_unspecified_address_of_ipv6_takes_both() -> None:
    assert [*reached("::", "127.0.0.1", "::1")] == [True, True]
    assert [*reached("0:0:0:0:0:0:0:0", "127.0.0.1", "::1")] == [True, True]


def test_other_addresses_take_what_they_say() -> None:
    assert [*reached("0.0.0.0", "127.0.0.1", "::1")] == [True, False]
    assert [*reached("::1", "127.0.0.1", "::1")] == [False, True]


@pytest.fixture(params=[errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL], ids=["no IPv6 in the kernel", "no IPv6 address"])
def no_ipv6(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that refuses every socket of IPv6."""
    real = socket.create_server

    def create(address: tuple[str, int], *, family: int = socket.AF_INET, **rest: int | bool) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(request.param, "refused")
        return real(address, family=family, **rest)  # type: ignore[arg-type] # handed on as it came

    monkeypatch.setattr(socket, "create_server", create)


def test_without_ipv6_the_unspecified_address_is_that_of_ipv4(no_ipv6: None) -> None:
    assert [*reached("::", "127.0.0.1")] == [True]


def test_without_ipv6_an_address_of_its_own_is_an_error(no_ipv6: None) -> None:
    with pytest.raises(ListenError, match=r"intake\.listen: cannot listen on \[::1\]:0: "):
        [*reached("::1", "127.0.0.1")]


def test_a_port_in_use_is_no_reason_to_listen_elsewhere() -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as taken:
        address = Address("::", taken.getsockname()[1])
        with pytest.raises(ListenError, match="the port is in use"):
            bound(address)
